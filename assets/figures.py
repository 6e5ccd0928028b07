"""Figures that are no rates: counts of what must not happen, and scores of surveys.

A count of zero is no figure until every unit that owes a return has reported every month that is
over; a score comes from ``mart.survey_score``. Both end in ``mart.indicator_value`` beside the
rates.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import polars as pl

from assets.statistics.inputs import Floats
from assets.statistics.status import (
    AT_LEAST,
    AT_MOST,
    Rounding,
    evidence,
    official_status,
)
from assets.statistics.survey import probability_of_mean, respondents_still_needed

Tables = Mapping[str, pl.DataFrame]

MONTHS = 12
HUNDRED = 100
PERIOD = ("indicator_id", "variant_id", "period_type", "period")


def other_figures(
    counts: pl.DataFrame, scores: pl.DataFrame, return_units: pl.DataFrame
) -> pl.DataFrame:
    """Value, bounds and flags of counts and scores.

    Args:
        counts: rows of ``mart.indicator_count`` with `kind`, none of them a rate.
        scores: rows of ``mart.survey_score`` for the whole instrument.
        return_units: ``ref.return_unit``, who owes a signed return for every month.

    Returns:
        The rows with the columns that rates have, and `exact`, the value as a fraction.
    """
    known = pl.concat([_counted(counts, return_units), _scored(counts, scores)], how="diagonal")
    no = pl.lit(value=False)
    return known.with_columns(is_small=no, is_suppressed=no, is_weighted=no)


def _counted(counts: pl.DataFrame, return_units: pl.DataFrame) -> pl.DataFrame:
    """A count is what was found; zero only where every return that is owed was signed."""
    found = counts.filter(pl.col("kind") == "count").with_row_index("row")
    owed = _returns_owed(found, return_units)
    reported = pl.col("denominator") - pl.col("numerator")
    is_known = (pl.col("numerator") > 0) | ((pl.col("owed") > 0) & (reported >= pl.col("owed")))
    return (
        found.join(owed, on="row", how="left", validate="1:1")
        .with_columns(
            value=pl.when(is_known).then(pl.col("numerator").cast(pl.Float64)),
            exact=pl.when(is_known).then(pl.col("numerator").cast(pl.String)),
            lower=pl.lit(None, pl.Float64),
            upper=pl.lit(None, pl.Float64),
            interval_method=pl.lit("none"),
        )
        .drop("row", "owed")
    )


def _returns_owed(counts: pl.DataFrame, return_units: pl.DataFrame) -> pl.DataFrame:
    """How many returns each count rests on: for each unit, its months of the period that are over.

    Months are numbered through all years; an end is the first month that does not belong.
    """
    year = pl.col("period").str.slice(0, 4).cast(pl.Int64)
    quarter = pl.col("period").str.extract(r"Q(\d)$").cast(pl.Int64)
    month = pl.col("period").str.extract(r"-(\d{2})$").cast(pl.Int64)
    is_month = pl.col("period_type") == "month"
    periods = counts.select(
        "row",
        "indicator_id",
        first=year * MONTHS
        + pl.when(is_month).then(month - 1).otherwise((quarter - 1) * 3).fill_null(0),
        end=year * MONTHS + pl.coalesce(month, quarter * 3, pl.lit(MONTHS)),
        over=_month_no("as_of")
        + (pl.col("as_of") == pl.col("as_of").dt.month_end()).cast(pl.Int64),
    )
    units = return_units.select(
        "indicator_id", unit_first=_first_month("valid_from"), unit_end=_first_month("valid_to")
    )
    first = pl.max_horizontal("first", "unit_first")
    end = pl.min_horizontal("end", "over", "unit_end")
    return (
        periods.join(units, on="indicator_id", how="inner")
        .group_by("row")
        .agg(owed=(end - first).clip(lower_bound=0).sum())
    )


def _month_no(day: str) -> pl.Expr:
    return pl.col(day).dt.year().cast(pl.Int64) * MONTHS + pl.col(day).dt.month() - 1


def _first_month(day: str) -> pl.Expr:
    """The first month that begins on the day or after it."""
    return _month_no(day) + (pl.col(day).dt.day() > 1).cast(pl.Int64)


def _scored(counts: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """A score is the estimate of the year's last wave; shorter periods have none."""
    columns = (
        *("value", "exact", "lower", "upper", "one_sided_lower", "one_sided_upper"),
        *("standard_error", "degrees_of_freedom", "respondents"),
    )
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
    scored = pl.col("kind") == "score"
    needed = pl.Series(_respondents_needed(part)).fill_nan(None).cast(pl.Int64)
    return part.with_columns(
        official_status=pl.Series(status.tolist(), dtype=pl.String),
        evidence=pl.when(~is_known)
        .then(pl.lit("no_data"))
        .when(pl.col("kind") == "count")
        .then(pl.lit("census"))
        .otherwise(pl.Series(shown.tolist(), dtype=pl.String)),
        probability=pl.when(scored).then(pl.Series(_probability(part)).fill_nan(None)),
        # A score has no answers that "all pass".
        samples_needed=pl.lit(None, pl.Int64),
        samples_needed_at_rate=pl.when(scored & pl.col("comparator").is_in(AT_LEAST)).then(needed),
    )


def _probability(part: pl.DataFrame) -> Floats:
    """Probability that the true score meets its target."""
    above = probability_of_mean(
        part["value"].fill_null(np.nan).to_numpy(),
        part["standard_error"].fill_null(np.nan).to_numpy(),
        part["degrees_of_freedom"].fill_null(1).to_numpy(),
        part["target"].cast(pl.Float64).to_numpy(),
    )
    kinds = part["comparator"]
    met = np.where(kinds.is_in(AT_MOST).to_numpy(), 1 - above, above)
    return np.where(kinds.is_in((*AT_LEAST, *AT_MOST)).to_numpy(), met, np.nan)


def _respondents_needed(part: pl.DataFrame) -> Floats:
    return respondents_still_needed(
        part["respondents"].fill_null(0).to_numpy(),
        part["value"].fill_null(np.nan).to_numpy(),
        part["one_sided_lower"].fill_null(np.nan).to_numpy(),
        part["target"].cast(pl.Float64).to_numpy(),
    )
