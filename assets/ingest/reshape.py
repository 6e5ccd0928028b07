"""Reshaping: a raw grid and its source's declaration become named text columns.

Every row of the grid ends in exactly one place: in the rows of one table, among the ignored rows
with a reason, or among the rejected rows with a rule. Text tables without steps stay lazy from
end to end, so that a file of any size streams; workbooks, which fit in memory anyway, are read
at once.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from assets.ingest.columns import NamedColumns, name_columns, wanted_columns
from assets.ingest.control_totals import (
    CONTROL_TOTAL_SCHEMA,
    detail_sheet_of,
    read_totals,
    stated_rows,
)
from assets.ingest.header import fate_above_data, find_header
from assets.ingest.readers.grid import cell_names
from assets.ingest.steps import EXTRA, PLACE, Rows, apply_step, missing_as_null
from warehouse.errors import DeliveryError, printable
from warehouse.source import ControlTotal, Source, Table

IGNORED_SCHEMA = {
    "source_sheet": pl.String(),
    "source_row": pl.Int64(),
    "reason": pl.String(),
}
REJECTED_SCHEMA = {
    "source_sheet": pl.String(),
    "source_row": pl.Int64(),
    "rule_id": pl.String(),
    "column_name": pl.String(),
    "value_text": pl.String(),
    "message": pl.String(),
}


@dataclass(frozen=True)
class TableRows:
    """Rows of one table of a delivery.

    Attributes:
        rows: text columns by their names, `source_sheet` (text), `source_row` and `part`
            (integers; `part` counts from 1 the records that one source row holds).
        columns: names of the text columns.
    """

    rows: pl.LazyFrame
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Reshaped:
    """What became of every row of a delivery.

    Attributes:
        tables: rows by table of the source; a table that the delivery does not hold is left out.
        ignored: source_sheet, source_row, reason.
        rejected: source_sheet, source_row, rule_id, column_name, value_text, message.
        control_totals: source_sheet, source_row, label, detail_sheet, stated.
        unmapped: table → delivered columns of which the source says nothing.
    """

    tables: Mapping[str, TableRows]
    ignored: pl.LazyFrame
    rejected: pl.LazyFrame
    control_totals: pl.DataFrame
    unmapped: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Part:
    """One sheet of a workbook, or a whole file of another kind."""

    sheet: str | None
    grid: pl.LazyFrame
    where: str


@dataclass(frozen=True)
class _Delivery:
    """What the reshaping of every part needs to know."""

    source: Source
    file_name: str
    lookups: Mapping[str, pl.LazyFrame]
    sheets: Mapping[str | None, str | None]  # sheet → table


def reshape_delivery(
    raw: Path, *, source: Source, file_name: str, lookups: Mapping[str, pl.LazyFrame]
) -> Reshaped:
    """Reshape the raw grid of one delivery as its source says.

    Args:
        raw: Parquet grid that `read_to_parquet` wrote.
        source: declaration of the source.
        file_name: name of the delivered file, for choosing tables and for messages.
        lookups: rows of the source's lookup tables, by table name.

    Raises:
        DeliveryError: the file fits no table, or a header or column is missing or there twice.
    """
    parts = list(_parts(raw, printable(file_name)))
    chosen = {part.sheet: table_for(source, file_name, part.sheet) for part in parts}
    if not any(chosen.values()):
        raise DeliveryError(_no_table_message(source, printable(file_name), parts))
    delivery = _Delivery(source, file_name, lookups, chosen)
    results = [
        _reshape_table(delivery, name, [part for part in parts if chosen[part.sheet] == name])
        for name in source.tables
        if name in chosen.values()
    ]
    unknown = [_unknown_sheet(part) for part in parts if chosen[part.sheet] is None]
    eager = any(part.sheet is not None for part in parts)
    return _combined(results, unknown, eager=eager)


def _parts(raw: Path, file_name: str) -> Iterator[_Part]:
    grid = pl.scan_parquet(raw, glob=False)
    first = grid.select("source_sheet").head(1).collect()
    if first.height == 0 or first.item() is None:
        yield _Part(None, grid, f"file '{file_name}'")
        return
    for sheet in grid.collect().partition_by("source_sheet", maintain_order=True):
        name = sheet.item(0, "source_sheet")
        cells = [column for column in sheet.columns if column not in PLACE]
        while len(cells) > 1 and sheet[cells[-1]].null_count() == sheet.height:
            cells.pop()
        yield _Part(
            name, sheet.select(*PLACE, *cells).lazy(), f"file '{file_name}', sheet '{name}'"
        )


def table_for(source: Source, file_name: str, sheet: str | None) -> str | None:
    """The first table whose patterns fit the file and the sheet."""
    for name, table in source.tables.items():
        fits_file = table.files is None or re.search(table.files, file_name)
        if table.sheets is None:
            fits_sheet: object = True
        else:
            fits_sheet = sheet is not None and re.search(table.sheets, sheet)
        if fits_file and fits_sheet:
            return name
    return None


def _no_table_message(source: Source, file_name: str, parts: list[_Part]) -> str:
    expected = "; ".join(
        f"{name}: files {table.files or '(any)'}"
        + (f", sheets {table.sheets}" if table.sheets else "")
        for name, table in source.tables.items()
    )
    sheets = [part.sheet for part in parts if part.sheet]
    found = f" with sheets {', '.join(sheets)}" if sheets else ""
    return (
        f"file '{file_name}'{found} fits no table of source '{source.source_id}' ({expected}); "
        "rename the file, deliver it under its own source, or add a table to the source"
    )


def _unknown_sheet(part: _Part) -> pl.LazyFrame:
    return part.grid.select(
        *PLACE,
        rule_id=pl.lit("unknown_sheet"),
        column_name=pl.lit(None, dtype=pl.String),
        value_text=pl.lit(part.sheet),
        message=pl.lit(
            "no table of the source reads a sheet of this name; add one, with ignore_all where it "
            "holds no records"
        ),
    )


# -- one table


@dataclass(frozen=True)
class _TableResult:
    name: str
    rows: TableRows | None
    ignored: tuple[pl.LazyFrame, ...]
    rejected: tuple[pl.LazyFrame, ...] = ()
    control_totals: pl.DataFrame | None = None
    unmapped: tuple[str, ...] = ()


def _reshape_table(delivery: _Delivery, name: str, parts: list[_Part]) -> _TableResult:
    table = delivery.source.tables[name]
    if table.ignore_all is not None:
        reason = table.ignore_all
        return _TableResult(name, None, tuple(_ignored(part.grid, reason) for part in parts))
    if table.control_totals is not None:
        return _control_totals(delivery, name, table.control_totals, parts)
    wanted = wanted_columns(delivery.source, name)
    named = [_name_part(part, table, wanted, delivery.source.missing) for part in parts]
    rows = Rows(
        pl.concat([one.frame for one in named], how="diagonal"),
        delivery.file_name,
        delivery.lookups,
        delivery.source.missing,
    )
    for step in table.reshape:
        rows = apply_step(rows, step.action)
    rejected = rows.rejected
    if EXTRA in rows.names:
        rejected = (*rejected, _too_many_cells(rows.frame))
        rows = Rows(
            rows.frame.filter(pl.col(EXTRA).is_null()).drop(EXTRA),
            rows.file_name,
            rows.lookups,
            numbered=rows.numbered,
            ignored=rows.ignored,
        )
    step_ignored = rows.ignored
    if rows.numbered:
        rows, step_ignored = _one_fate(rows, rejected)
    frame = rows.frame.with_columns(_part_numbers(numbered=rows.numbered))
    columns = tuple(rows.names)
    return _TableResult(
        name,
        TableRows(frame.select(*PLACE, "part", *columns), columns),
        (*(frame for one in named for frame in one.ignored), *step_ignored),
        rejected,
        control_totals=pl.concat([one.stated for one in named if one.stated is not None])
        if table.stated_rows
        else None,
        unmapped=tuple(dict.fromkeys(label for one in named for label in one.unmapped)),
    )


def _one_fate(
    rows: Rows, rejected: tuple[pl.LazyFrame, ...]
) -> tuple[Rows, tuple[pl.LazyFrame, ...]]:
    """Where a source row holds several records: rejected goes before used, used before ignored."""

    def without(frame: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
        return frame.join(others.select(PLACE), on=PLACE, how="anti", nulls_equal=True)

    if rejected:
        rows = replace(rows, frame=without(rows.frame, pl.concat(rejected)))
    if not rows.ignored:
        return rows, ()
    ignored = without(pl.concat(rows.ignored).unique(PLACE, keep="first"), rows.frame)
    if rejected:
        ignored = without(ignored, pl.concat(rejected))
    return rows, (ignored,)


def _part_numbers(*, numbered: bool) -> pl.Expr:
    if not numbered:
        return pl.lit(1, dtype=pl.Int64).alias("part")
    return pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(PLACE).alias("part")


@dataclass(frozen=True)
class _NamedPart:
    frame: pl.LazyFrame
    ignored: tuple[pl.LazyFrame, ...]
    unmapped: tuple[str, ...]
    stated: pl.DataFrame | None = None


def _name_part(
    part: _Part, table: Table, wanted: list[str], missing: tuple[str, ...]
) -> _NamedPart:
    """Take the header off one part and name its columns."""
    grid = part.grid
    if part.sheet is not None:  # a sheet ends with its last filled column
        grid = _widened(grid, len(table.header.columns))
    cells = [name for name in grid.collect_schema().names() if name not in PLACE]
    found = find_header(grid, table.header, part.where)
    named = name_columns(found, table, wanted, len(cells), part.where)
    fate = fate_above_data(found, cells)
    ignored = grid.select(*PLACE, reason=fate).filter(pl.col("reason").is_not_null())
    data = grid.filter(fate.is_null())
    stated = None
    if table.stated_rows is not None:
        above = grid.filter(pl.col("source_row") < found.first_row)
        rows: int = data.select(pl.len()).collect().item()
        stated = stated_rows(above, table.stated_rows, rows).collect()
    texts = data.select(*PLACE, *_texts(named, cells, missing))
    return _NamedPart(texts, (ignored,), named.unmapped, stated)


def _widened(grid: pl.LazyFrame, width: int) -> pl.LazyFrame:
    """The grid with at least `width` cell columns."""
    present = grid.collect_schema().names()
    absent = [name for name in cell_names(width) if name not in present]
    return grid.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)


def _texts(named: NamedColumns, cells: list[str], missing: tuple[str, ...]) -> Iterator[pl.Expr]:
    for cell, name in named.names.items():
        yield missing_as_null(pl.col(cell), missing).alias(name)
    for name in named.absent:
        yield pl.lit(None, dtype=pl.String).alias(name)
    if extra := [cell for cell in cells if cell not in named.names]:
        filled = [
            pl.when(pl.col(cell).str.strip_chars() != "").then(
                pl.concat_str(pl.lit(f"column {cell[1:]}: "), pl.col(cell))
            )
            for cell in extra
        ]
        yield pl.coalesce(filled).alias(EXTRA)


def _too_many_cells(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with a filled cell to the right of the header."""
    extra = pl.col(EXTRA)
    return (
        frame.filter(extra.is_not_null())
        .select(
            *PLACE,
            rule_id=pl.lit("too_many_cells"),
            column_name=extra.str.extract(r"^(column \d+): ", 1),
            value_text=extra.str.replace(r"^column \d+: ", ""),
            message=pl.lit(
                "the row has more cells than the header; quote cells that hold the delimiter, or "
                "give the column a header"
            ),
        )
        .unique(PLACE)
    )


def _ignored(grid: pl.LazyFrame, reason: str) -> pl.LazyFrame:
    return grid.select(*PLACE, reason=pl.lit(reason))


def _control_totals(
    delivery: _Delivery, name: str, totals: ControlTotal, parts: list[_Part]
) -> _TableResult:
    """Read the totals; the rows that state them, and all others, hold no records."""
    table = delivery.source.tables[name]
    details = [sheet for sheet, its in delivery.sheets.items() if its == totals.detail_table]
    stated, ignored = [], []
    for part in parts:
        found = find_header(part.grid, table.header, part.where)
        width = len(part.grid.collect_schema()) - len(PLACE)
        names = name_columns(found, table, [totals.column], width, part.where).names
        cell = next(cell for cell, label in names.items() if label == totals.column)
        detail = detail_sheet_of(part.sheet, totals, details)
        read, fates = read_totals(part.grid, cell, totals, detail)
        stated.append(read)
        ignored.append(fates)
    return _TableResult(name, None, tuple(ignored), control_totals=pl.concat(stated).collect())


def _combined(results: list[_TableResult], unknown: list[pl.LazyFrame], *, eager: bool) -> Reshaped:
    ignored = [frame for result in results for frame in result.ignored]
    rejected = [*unknown, *(frame for result in results for frame in result.rejected)]
    totals = [result.control_totals for result in results if result.control_totals is not None]
    tables = {result.name: result.rows for result in results if result.rows is not None}
    reshaped = Reshaped(
        tables,
        pl.concat([pl.LazyFrame(schema=IGNORED_SCHEMA), *ignored]),
        pl.concat([pl.LazyFrame(schema=REJECTED_SCHEMA), *rejected]),
        pl.concat([pl.DataFrame(schema=CONTROL_TOTAL_SCHEMA), *totals]),
        {result.name: result.unmapped for result in results if result.unmapped},
    )
    return _collected(reshaped) if eager else reshaped


def _collected(reshaped: Reshaped) -> Reshaped:
    """The same, computed once: a workbook's rows are few and its plans are long."""
    frames = [reshaped.ignored, reshaped.rejected, *(t.rows for t in reshaped.tables.values())]
    ignored, rejected, *tables = (frame.lazy() for frame in pl.collect_all(frames))
    return replace(
        reshaped,
        ignored=ignored,
        rejected=rejected,
        tables={
            name: replace(reshaped.tables[name], rows=rows)
            for name, rows in zip(reshaped.tables, tables, strict=True)
        },
    )
