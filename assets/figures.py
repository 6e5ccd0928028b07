"""Figures that are no rates: counts of what must not happen, and scores of surveys.

A count of zero is no figure until every month that is over was reported; a score comes from
``mart.survey_score``. Both end in ``mart.indicator_value`` beside the rates.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import polars as pl

from assets.statistics.status import Rounding, evidence, official_status

Tables = Mapping[str, pl.DataFrame]

MONTHS = 12
HUNDRED = 100
PERIOD = ("indicator_id", "variant_id", "period_type", "period")


def other_figures(counts: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Value, bounds and flags of counts and scores.

    Args:
        counts: rows of ``mart.indicator_count`` with `kind`, none of them a rate.
        scores: rows of ``mart.survey_score`` for the whole instrument.

    Returns:
        The rows with the columns that rates have, and `exact`, the value as a fraction.
    """
    known = pl.concat([_counted(counts), _scored(counts, scores)], how="diagonal")
    no = pl.lit(value=False)
    return known.with_columns(is_small=no, is_suppressed=no, is_weighted=no)


def _counted(counts: pl.DataFrame) -> pl.DataFrame:
    """A count is what was found; zero only where every month that is over was reported."""
    year = pl.col("period").str.slice(0, 4).cast(pl.Int64)
    quarter = pl.col("period").str.extract(r"Q(\d)$").cast(pl.Int64)
    month = pl.col("period").str.extract(r"-(\d{2})$").cast(pl.Int64)
    first = year * MONTHS + pl.max_horizontal(
        pl.when(pl.col("period_type") == "month").then(month - 1).otherwise(0),
        ((quarter - 1) * 3).fill_null(0),
    )
    after = year * MONTHS + pl.coalesce(month, quarter * 3, pl.lit(MONTHS))
    as_of = pl.col("as_of")
    over = (
        as_of.dt.year().cast(pl.Int64) * MONTHS
        + as_of.dt.month().cast(pl.Int64)
        - pl.when(as_of == as_of.dt.month_end()).then(0).otherwise(1)
    )
    due = (pl.min_horizontal(after, over) - first).clip(lower_bound=0)
    reported = pl.col("denominator") - pl.col("numerator")
    is_known = (pl.col("numerator") > 0) | ((due > 0) & (reported >= due))
    return counts.filter(pl.col("kind") == "count").with_columns(
        value=pl.when(is_known).then(pl.col("numerator").cast(pl.Float64)),
        exact=pl.when(is_known).then(pl.col("numerator").cast(pl.String)),
        lower=pl.lit(None, pl.Float64),
        upper=pl.lit(None, pl.Float64),
        interval_method=pl.lit("none"),
    )


def _scored(counts: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """A score is the estimate of the year's last wave; shorter periods have none."""
    columns = ("value", "exact", "lower", "upper", "one_sided_lower", "one_sided_upper")
    return (
        counts.filter(pl.col("kind") == "score")
        .join(
            scores.select("indicator_id", "variant_id", "period_type", "period", *columns),
            on=PERIOD,
            how="left",
            validate="m:1",
        )
        .with_columns(
            interval_method=pl.when(pl.col("lower").is_not_null())
            .then(pl.lit("design_based"))
            .otherwise(pl.lit("none"))
        )
    )


def judged_figures(part: pl.DataFrame, rounding: Rounding | None) -> pl.DataFrame:
    """Official status of the exact value, and evidence of a score's one-sided bounds.

    Args:
        part: rows of `other_figures` with `target` and `comparator`, one rule of rounding.
        rounding: before the comparison, if any.
    """
    values = [None if text is None else Fraction(text) for text in part["exact"]]
    status = official_status(
        [value or 0 for value in values],
        # Per hundred, so that the percentage is the value itself; per nothing without one.
        [0 if value is None else HUNDRED for value in values],
        part["target"].to_list(),
        part["comparator"].to_list(),
        rounding,
    )
    shown = evidence(
        part["one_sided_lower"].fill_null(np.nan).to_numpy() / HUNDRED,
        part["one_sided_upper"].fill_null(np.nan).to_numpy() / HUNDRED,
        part["target"].cast(pl.Float64).to_numpy() / HUNDRED,
        part["comparator"].to_list(),
    )
    is_known = pl.col("value").is_not_null()
    return part.with_columns(
        official_status=pl.Series(status.tolist(), dtype=pl.String),
        evidence=pl.when(~is_known)
        .then(pl.lit("no_data"))
        .when(pl.col("kind") == "count")
        .then(pl.lit("census"))
        .otherwise(pl.Series(shown.tolist(), dtype=pl.String)),
        probability=pl.lit(None, pl.Float64),
        samples_needed=pl.lit(None, pl.Int64),
        samples_needed_at_rate=pl.lit(None, pl.Int64),
    )
