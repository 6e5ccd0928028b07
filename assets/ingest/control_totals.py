"""Totals that a file states about its own detail rows."""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from assets.ingest.steps import PLACE, named_groups
from warehouse.errors import ConfigurationError
from warehouse.source import ControlTotal

CONTROL_TOTAL_SCHEMA = {
    "source_sheet": pl.String(),
    "source_row": pl.Int64(),
    "label": pl.String(),
    "detail_sheet": pl.String(),
    "stated": pl.Int64(),
    "counted": pl.Int64(),
}


def read_totals(
    grid: pl.LazyFrame, cell: str, totals: ControlTotal, detail_sheet: str | None
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Totals of one sheet, and why none of its rows holds a record.

    Args:
        grid: raw grid of the sheet.
        cell: cell column with the sentences.
        totals: what the sentences look like.
        detail_sheet: sheet whose records are counted.

    Returns:
        Rows of `CONTROL_TOTAL_SCHEMA`; and source_sheet, source_row, reason of every row.
    """
    groups = named_groups(totals.pattern)
    if absent := {"label", "stated"} - set(groups):
        raise ConfigurationError(
            f"the pattern {totals.pattern!r} of control_totals lacks the group "
            f"{', '.join(sorted(absent))}"
        )
    text = pl.col(cell)
    number = text.str.extract(totals.pattern, groups["stated"]).str.replace_all(r"\D", "")
    read = grid.select(
        *PLACE,
        label=text.str.extract(totals.pattern, groups["label"]).str.strip_chars(),
        detail_sheet=pl.lit(detail_sheet, dtype=pl.String),
        stated=number.cast(pl.Int64, strict=False),
        counted=pl.lit(None, pl.Int64),
    )
    states = pl.col("stated").is_not_null()
    reason = pl.when(states).then(pl.lit("control_total")).otherwise(pl.lit("summary"))
    return read.filter(states), read.select(*PLACE, reason=reason)


def stated_rows(above: pl.LazyFrame, pattern: str, data_rows: int) -> pl.LazyFrame:
    """What the rows above a header say of how many data rows follow, beside how many do.

    Args:
        above: raw grid of the rows above the header.
        pattern: regular expression with a group `stated`.
        data_rows: rows below the header that are not blank.

    Returns:
        Rows of `CONTROL_TOTAL_SCHEMA`, none where no cell matches.
    """
    group = named_groups(pattern)["stated"]
    cells = [name for name in above.collect_schema().names() if name not in PLACE]
    return (
        above.unpivot(cells, index=list(PLACE), value_name="label")
        .with_columns(stated=pl.col("label").str.extract(pattern, group).cast(pl.Int64))
        .filter(pl.col("stated").is_not_null())
        .select(
            *PLACE,
            "label",
            detail_sheet=pl.col("source_sheet"),
            stated="stated",
            counted=pl.lit(data_rows, pl.Int64),
        )
    )


def detail_sheet_of(
    sheet: str | None, totals: ControlTotal, details: Sequence[str | None]
) -> str | None:
    """The detail sheet that a summary sheet counts: paired by name, or of the same stem."""
    if sheet is None:
        return None
    if sheet in totals.sheet_pairs:
        return totals.sheet_pairs[sheet]
    stems: Mapping[str, str] = {
        stem: detail for detail in details if detail and (stem := _stem(totals.detail_stem, detail))
    }
    return stems.get(_stem(totals.detail_sheet, sheet) or "")


def _stem(pattern: str, sheet: str) -> str | None:
    found = re.search(pattern, sheet)
    return found[1].casefold() if found else None
