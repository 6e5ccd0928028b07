"""What samples of all sources have in common: programme, day, number, place, correction."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl

from assets.demo.chance import sampling_days, taken
from assets.demo.lists import numbered, settings


def draw_samples(rng: np.random.Generator, source_id: str, scale: float) -> pl.DataFrame:
    """Samples of all programmes of a source, in order of the day on which they were taken.

    Returns:
        unit_id, stream, programme_text, programme, sampling_basis, fail_share (NULL = no verdict
        is given), prefix, sampled_on, month (first day), ready_on, risk (of the season).
    """
    programmes = numbered("programmes", "samples", "fail_share").filter(
        pl.col("source_id") == source_id
    )
    sizes = np.maximum(1, np.round(programmes["samples"].to_numpy() * scale)).astype(np.int64)
    chosen = taken(programmes, np.repeat(np.arange(programmes.height, dtype=np.int64), sizes))
    return (
        chosen.select(
            "stream",
            "programme",
            "sampling_basis",
            "fail_share",
            "prefix",
            programme_text="wording",
        )
        .with_columns(draw_days(rng, source_id, chosen.height))
        .sort("sampled_on", maintain_order=True)
        .with_row_index("unit_id")
        .with_columns(pl.col("unit_id").cast(pl.Int64))
    )


def draw_days(rng: np.random.Generator, source_id: str, size: int) -> list[pl.Series]:
    """sampled_on, month, ready_on and the season's risk of `size` units."""
    known = settings(source_id)
    days = sampling_days(
        rng,
        known["season"],
        dt.date.fromisoformat(known["first_day"]),
        dt.date.fromisoformat(known["last_day"]),
        size,
    )
    lag = rng.integers(int(known["lag_low"]), int(known["lag_high"]) + 1, size)
    months = numbered("months", "month", "risk")
    frame = pl.DataFrame({"sampled_on": days, "lag": lag}).select(
        "sampled_on",
        month=pl.col("sampled_on").dt.truncate("1mo"),
        ready_on=pl.col("sampled_on") + pl.duration(days="lag"),
        risk=pl.col("sampled_on")
        .dt.month()
        .cast(pl.Float64)
        .replace_strict(months["month"].to_list(), months["risk"].to_list()),
    )
    return frame.get_columns()


def next_of(column: str, values: Sequence[str]) -> pl.Expr:
    """The value after that of `column` in the ring of `values`; others stay."""
    return pl.col(column).replace(list(values), [*values[1:], *values[:1]])


def corrected_samples(
    units: pl.DataFrame, categories: Sequence[str], specification: str
) -> pl.DataFrame:
    """Corrections as offices make them: a verdict withdrawn, or another detail put right.

    Two of three failing samples turn out to conform. Of the others, in turn, the category or the
    specification was wrong; where no categories are given, always the specification.
    """
    withdrawn = pl.col("failed").fill_null(value=False) & (pl.col("unit_id") % 3 != 0)
    marked = units.with_columns(withdrawn=withdrawn)
    plain = ~pl.col("withdrawn")
    other_category = (pl.col("unit_id") % 2 == 0) & bool(categories)
    return marked.with_columns(
        failed=pl.when("withdrawn").then(pl.lit(value=False)).otherwise("failed"),
        category=pl.when(plain & other_category)
        .then(next_of("category", categories))
        .otherwise("category"),
        **{
            specification: pl.when(plain & ~other_category)
            .then(pl.concat_str(specification, pl.lit("（更正）")))
            .otherwise(specification)
        },
    ).drop("withdrawn")
