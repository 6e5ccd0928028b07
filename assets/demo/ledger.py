"""What becomes of every delivered row, by the rules of the house and from the drawn values alone.

Every row of a file ends in exactly one place: used, rejected, duplicate, unchanged or ignored.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from assets.demo.lists import of_source, settings

BLANK_SHARE = 0.006
HELD_RULE = "delivery_held"


@dataclass(frozen=True)
class Layout:
    """Rows of a file that hold no record.

    Attributes:
        columns: labels of the data columns in order.
        rows_per_sheet: title, header and footnote rows of each sheet.
        summary_rows: rows of a summary sheet, beside one for each data sheet (0 = no such sheet).
    """

    columns: tuple[str, ...]
    rows_per_sheet: int = 1
    summary_rows: int = 0


@dataclass(frozen=True)
class Ledger:
    """The rows of all deliveries of a source, and where each of them ends.

    Attributes:
        rows: every data and blank row in file order, with `delivery_no`, `sheet`, `status`,
            `defect` and the text columns.
        contents: accepted contents: unit_id, content_id, version, latest, and `results`,
            `nonconforming` (parameters).
        deliveries: one row per file with its counts.
        rejected: delivery_no, rule_id, rows.
    """

    rows: pl.DataFrame
    contents: pl.DataFrame
    deliveries: pl.DataFrame
    rejected: pl.DataFrame


def keep_ledger(
    rng: np.random.Generator,
    source_id: str,
    days: pl.DataFrame,
    events: pl.DataFrame,
    lines: pl.DataFrame,
    layout: Layout,
) -> Ledger:
    """Put the lines of every delivery in order, spoil them as planned, and account for each.

    Args:
        rng: source of chance.
        source_id: row of `sources.csv` and rows of `defects.csv`.
        days: deliveries in order of arrival.
        events: result of `plan.events`.
        lines: rendered rows of each content: content_id, sheet, sheet_order, line, has_result,
            nonconforming (integer), sampled_on, and the layout's text columns.
        layout: what else a file holds.
    """
    held = days.filter(pl.col("kind") == "held")["delivery_no"].to_list()
    versions = _versions(events, source_id, held)
    delivered = (
        events.join(versions, on=("delivery_no", "unit_id"), how="left", maintain_order="left")
        .join(lines, on="content_id", how="inner", maintain_order="left")
        .sort("delivery_no", "sheet_order", "unit_id", "line")
        .with_columns(
            order=pl.int_range(pl.len()).cast(pl.Float64), held=_is_in("delivery_no", held)
        )
    )
    delivered = _judged(_spoiled(delivered, source_id))
    if "序号" in layout.columns:
        number = pl.int_range(1, pl.len() + 1).over("delivery_no", "sheet").cast(pl.String)
        delivered = delivered.with_columns(number.alias("序号"))
    rows = pl.concat(
        [
            delivered,
            _copies(rng, delivered, float(settings(source_id)["copied_share"])),
            _blanks(rng, delivered),
        ],
        how="diagonal",
    ).sort("order")
    return Ledger(
        rows, _contents(delivered), _accounts(rows, days, layout), _rejections(rows, source_id)
    )


def _is_in(column: str, values: list[int]) -> pl.Expr:
    return pl.col(column).is_in(pl.Series(values, dtype=pl.Int64).implode())


def _versions(events: pl.DataFrame, source_id: str, held: list[int]) -> pl.DataFrame:
    """Version and unchanged of each event whose unit is accepted, at least in part."""
    one_line = of_source("defects", source_id).filter(pl.col("one_line") == "true")["defect"]
    accepted = pl.col("defect").is_null() | pl.col("defect").is_in(one_line.implode())
    return (
        events.filter(accepted, ~_is_in("delivery_no", held))
        .sort("unit_id", "delivery_no")
        .with_columns(before=pl.col("content_id").shift().over("unit_id"))
        .with_columns(unchanged=(pl.col("before") == pl.col("content_id")).fill_null(value=False))
        .with_columns(version=(~pl.col("unchanged")).cum_sum().over("unit_id"))
        .with_columns(latest=pl.col("version") == pl.col("version").max().over("unit_id"))
        .select("delivery_no", "unit_id", "unchanged", "version", "latest")
    )


def _spoiled(delivered: pl.DataFrame, source_id: str) -> pl.DataFrame:
    """Write the defects into the text; `spoiled` marks the rows that hold one."""
    defects = of_source("defects", source_id)
    one_line = defects.filter(pl.col("one_line") == "true")["defect"]
    last_line = pl.col("line") == pl.col("line").max().over("delivery_no", "unit_id")
    spoiled = delivered.with_columns(
        spoiled=pl.col("defect").is_not_null()
        & (~pl.col("defect").is_in(one_line.implode()) | last_line)
    )
    for row in defects.iter_rows(named=True):
        if row["days_from_sampling"] is None:
            text = pl.lit(row["text"], pl.String)
        else:
            shifted = pl.col("sampled_on").dt.offset_by(f"{row['days_from_sampling']}d")
            text = shifted.dt.strftime("%Y-%m-%d")
        hit = pl.col("spoiled") & (pl.col("defect") == row["defect"])
        spoiled = spoiled.with_columns(
            pl.when(hit).then(text).otherwise(pl.col(row["column"])).alias(row["column"])
        )
    return spoiled


def _judged(delivered: pl.DataFrame) -> pl.DataFrame:
    return delivered.with_columns(
        status=pl.when(pl.col("spoiled") | pl.col("held"))
        .then(pl.lit("rejected"))
        .when(pl.col("unchanged"))
        .then(pl.lit("unchanged"))
        .otherwise(pl.lit("used"))
    )


def _copies(rng: np.random.Generator, delivered: pl.DataFrame, share: float) -> pl.DataFrame:
    """Exact copies of a few good rows, right below them."""
    chance = pl.Series(rng.random(delivered.height))
    good = (pl.col("status") == "used") & pl.col("defect").is_null()
    return (
        delivered.with_columns(chance=chance)
        .filter(good, pl.col("chance") < share)
        .drop("chance")
        .with_columns(pl.col("order") + 0.25, status=pl.lit("duplicate"))
    )


def _blanks(rng: np.random.Generator, delivered: pl.DataFrame) -> pl.DataFrame:
    """Blank rows above a few rows that are not the first of their sheet."""
    chance = pl.Series(rng.random(delivered.height))
    first = pl.col("order") == pl.col("order").min().over("delivery_no", "sheet")
    return (
        delivered.with_columns(chance=chance)
        .filter(~first, pl.col("chance") < BLANK_SHARE)
        .select("delivery_no", "sheet", "sheet_order", "order", "held")
        .with_columns(pl.col("order") - 0.5, status=pl.lit("ignored"))
    )


def _contents(delivered: pl.DataFrame) -> pl.DataFrame:
    return (
        delivered.filter(pl.col("status") == "used")
        .group_by("unit_id", "content_id", "version", "latest", "delivery_no")
        .agg(results=pl.col("results").sum(), nonconforming=pl.col("nonconforming").sum())
        .sort("unit_id", "version")
    )


def _accounts(rows: pl.DataFrame, days: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """rows_read and its five parts for each file; a repeated file is all duplicate."""
    places = ("used", "rejected", "duplicate", "unchanged", "ignored")
    here = {f"rows_{place}": (pl.col("status") == place).sum() for place in places}
    counted = rows.group_by("delivery_no").agg(
        **{name: count.cast(pl.Int64) for name, count in here.items()},
        sheets=pl.col("sheet").n_unique().cast(pl.Int64),
        held=pl.col("held").first(),
    )
    summary = (layout.summary_rows + pl.col("sheets")) if layout.summary_rows else pl.lit(0)
    # In a held delivery nothing is a duplicate of a record: all its data rows are rejected.
    own = counted.with_columns(
        rows_ignored=pl.col("rows_ignored") + pl.col("sheets") * layout.rows_per_sheet + summary,
        status=pl.when("held").then(pl.lit("held")).otherwise(pl.lit("loaded")),
    ).join(days, on="delivery_no", how="inner")
    total = pl.sum_horizontal(f"rows_{place}" for place in places)
    own = own.with_columns(rows_read=total)
    repeated = (
        days.filter(pl.col("kind") == "same_bytes")
        .join(own.select("rows_read", "file_name"), left_on="repeats", right_on="file_name")
        .with_columns(
            rows_duplicate="rows_read",
            status=pl.lit("duplicate"),
            **{f"rows_{place}": pl.lit(0, pl.Int64) for place in places if place != "duplicate"},
        )
    )
    names = ["delivery_no", "received_on", "file_name", "kind", "repeats", "status"]
    names += ["rows_read", *(f"rows_{place}" for place in places)]
    return pl.concat([own.select(names), repeated.select(names)]).sort("delivery_no")


def _rejections(rows: pl.DataFrame, source_id: str) -> pl.DataFrame:
    """Rejected rows by rule; a row that breaks two rules stands under both.

    Rows of a held delivery that break no rule of their own stand under `HELD_RULE`.
    """
    defects = of_source("defects", source_id).select(
        "defect",
        rules=pl.col("rules").str.split("|"),
        result_rules=pl.col("result_rules").fill_null("").str.split("|"),
    )
    innocent = rows.filter(pl.col("held"), pl.col("status") == "rejected", ~pl.col("spoiled"))
    broken = (
        rows.filter("spoiled")
        .join(defects, on="defect", how="inner")
        .with_columns(
            rule_id=pl.when("has_result")
            .then(pl.concat_list("rules", "result_rules"))
            .otherwise("rules")
        )
        .explode("rule_id")
        .filter(pl.col("rule_id") != "")
    )
    held = innocent.select("delivery_no", rule_id=pl.lit(HELD_RULE))
    return (
        pl.concat([broken.select("delivery_no", "rule_id"), held])
        .group_by("delivery_no", "rule_id")
        .agg(rows=pl.len().cast(pl.Int64))
        .sort("delivery_no", "rule_id")
    )
