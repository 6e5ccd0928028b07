"""What a figure says against its target: the official status, and beside it the evidence.

The official status compares the point estimate with the target, as the plan asks, in exact
arithmetic. The evidence asks whether the sample demonstrates it. They are two columns and never
one: 492 of 500 against 98 % is met and inconclusive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.statistics.inputs import (
    Flags,
    Floats,
    Number,
    Objects,
    StatisticsError,
    Texts,
    counts,
    exact_array,
    require_columns,
    together,
)
from assets.statistics.intervals import (
    jeffreys_probability,
    one_sided_lower,
    one_sided_upper,
    wilson,
)

COMPARATORS = (">=", ">", "<=", "<", "=", "~")
"""As the plan is recorded; `~` is "approaching", which names no number to be held against."""

AT_LEAST = (">=", ">")
AT_MOST = ("<=", "<")


@dataclass(frozen=True)
class Rounding:
    """Round the percentage to `digits` decimals before comparing it with the target.

    half_even is GB/T 8170-2008 (and ISO 80000-1 rule A), half_up what people do by hand. Whether a
    definition rounds before comparing is for the definition to say; without it the full
    value is compared, which is the default of GB/T 8170.
    """

    digits: int
    mode: Literal["half_even", "half_up"] = "half_even"


def percentage(
    numerators: Sequence[Number], denominators: Sequence[Number], rounding: Rounding | None = None
) -> Objects:
    """Exact percentages, rounded once if so wanted.

    Args:
        numerators: n counts or exact numbers, from 0.
        denominators: n counts or exact numbers, from 0.
        rounding: how to round; None keeps the full value.

    Returns:
        n fractions (array of objects); None where the denominator is 0.

    Raises:
        StatisticsError: if a value is no number, or below 0.
    """
    above, below = exact_array(numerators), exact_array(denominators)
    if len(above) != len(below):
        raise StatisticsError(f"{len(above)} numerators for {len(below)} denominators")
    if any(value < 0 for value in (*above, *below)):
        raise StatisticsError("a rate needs numerators and denominators that are not below 0")
    known = below != 0
    result = np.full(len(above), None, dtype=object)
    full = above[known] * 100 / below[known]
    result[known] = full if rounding is None else _rounded(full, rounding)
    return result


def _rounded(values: Objects, rounding: Rounding) -> Objects:
    if not 0 <= rounding.digits <= 12:  # noqa: PLR2004  # beyond, no percentage has a meaning
        raise StatisticsError(f"digits of a rounding must be 0 to 12, found {rounding.digits}")
    scale = 10**rounding.digits
    whole = floor if rounding.mode == "half_up" else round  # `round` of a fraction goes to even
    raised = Fraction(1, 2) if rounding.mode == "half_up" else Fraction(0)
    return exact_array(Fraction(whole(value * scale + raised), scale) for value in values)


def percent_text(value: Fraction | None, rounding: Rounding) -> str | None:
    """A percentage as it is printed: exactly `digits` decimals, no percent sign.

    Args:
        value: percentage, see `percentage`; None stays None.
        rounding: digits and mode.

    Returns:
        Text such as 94.0.
    """
    if value is None:
        return None
    rounded = _rounded(np.array([value], dtype=object), rounding)[0]
    scaled = rounded * 10**rounding.digits
    return str(Decimal(int(scaled)).scaleb(-rounding.digits))


def official_status(
    numerators: Sequence[Number],
    denominators: Sequence[Number],
    targets_percent: Sequence[Number],
    comparators: Sequence[str],
    rounding: Rounding | None = None,
) -> Texts:
    """The point estimate against the target, in exact arithmetic.

    With integers and decimal targets nothing is approximated: 480 of 500 is exactly 96 %. 344 of
    366 is 93.989 %, prints as 94.0, and does not meet 94 % unless the definition rounds first.

    Args:
        numerators: n counts (or exact numbers, for a weighted rate).
        denominators: n counts (or exact numbers).
        targets_percent: n targets in percent, as Decimal, integer or text.
        comparators: n of `COMPARATORS`.
        rounding: rounding before comparing, if the definition asks for it.

    Returns:
        n of met, not_met, no_data (denominator 0), not_judged (comparator `~`).

    Raises:
        StatisticsError: if a value is no number or a comparator is unknown.
    """
    values = percentage(numerators, denominators, rounding)
    goals = exact_array(targets_percent)
    kinds = _comparators(comparators, len(values))
    if len(goals) != len(values):
        raise StatisticsError(f"{len(goals)} targets for {len(values)} figures")
    known = np.array([value is not None for value in values], dtype=bool)
    gap = np.where(known, values, 0) - goals
    sign = np.where(gap > 0, 1, np.where(gap < 0, -1, 0))
    met = np.select(
        [kinds == ">=", kinds == ">", kinds == "<=", kinds == "<", kinds == "="],
        [sign >= 0, sign > 0, sign <= 0, sign < 0, sign == 0],
        default=False,
    )
    return np.select(
        [kinds == "~", ~known, met], ["not_judged", "no_data", "met"], default="not_met"
    )


def evidence(
    lower: npt.ArrayLike,
    upper: npt.ArrayLike,
    targets: npt.ArrayLike,
    comparators: Sequence[str],
) -> Texts:
    """Whether one-sided bounds demonstrate a target, miss it, or leave it open.

    For "at least": demonstrated if the lower bound reaches the target, missed if the upper bound
    stays below it, else inconclusive; mirrored for "at most". A target of 100 % (or 0 % at most)
    can only be refuted, since no sample's bound reaches it. For `=`, the bounds can only exclude.

    Args:
        lower: n one-sided lower bounds (proportions); NaN where there are no data.
        upper: n one-sided upper bounds (proportions); NaN where there are no data.
        targets: n targets as proportions.
        comparators: n of `COMPARATORS`.

    Returns:
        n of demonstrated, inconclusive, missed, no_data, not_judged.

    Raises:
        StatisticsError: if a comparator is unknown.
    """
    low, high, goal = together(
        np.asarray(lower, dtype=np.float64),
        np.asarray(upper, dtype=np.float64),
        np.asarray(targets, dtype=np.float64),
    )
    kinds = _comparators(comparators, len(low))
    least = np.isin(kinds, AT_LEAST)
    most = np.isin(kinds, AT_MOST)
    shown = np.where(least, low >= goal, most & (high <= goal))
    missed = np.where(least, high < goal, np.where(most, low > goal, (low > goal) | (high < goal)))
    # The bounds never fall exactly on the target by chance; a strict target on the edge is open.
    strict_edge = ((kinds == ">") & (low == goal)) | ((kinds == "<") & (high == goal))
    return np.select(
        [kinds == "~", np.isnan(low) | np.isnan(high), shown & ~strict_edge, missed],
        ["not_judged", "no_data", "demonstrated", "missed"],
        default="inconclusive",
    )


def _comparators(comparators: Sequence[str], size: int) -> Texts:
    kinds = np.asarray(comparators, dtype=np.str_)
    unknown = sorted(set(kinds.tolist()) - set(COMPARATORS))
    if unknown:
        raise StatisticsError(f"comparators {unknown} are not among {', '.join(COMPARATORS)}")
    if kinds.shape != (size,):
        raise StatisticsError(f"{len(kinds)} comparators for {size} figures")
    return kinds


def assess(
    frame: pl.DataFrame, rounding: Rounding | None = None, confidence: float = 0.95
) -> pl.DataFrame:
    """Official status, evidence and interval for a table of rates.

    A census (every unit was looked at: projects, sections, days) has no sampling error: its
    interval and probability are null and its evidence is "census".

    Args:
        frame: `successes`, `trials` (integers), `target_percent` (Decimal, integer or text),
            `comparator`, `census` (boolean); other columns are kept.
        rounding: rounding before the official comparison; None compares the full value.
        confidence: level of the two-sided interval and of the one-sided evidence.

    Returns:
        The table with `value` (percent), `lower`, `upper` (Wilson, percent), `probability`
        (Jeffreys, of the
            true rate meeting the target), `official_status`, `evidence`.

    Raises:
        StatisticsError: if a column is missing or holds impossible values.
    """
    require_columns(frame, "successes", "trials", "target_percent", "comparator", "census")
    passed, tested = counts(frame["successes"].to_numpy(), frame["trials"].to_numpy())
    goals_percent = frame["target_percent"].to_list()
    kinds = frame["comparator"].to_list()
    goals = np.array([float(goal / 100) for goal in exact_array(goals_percent)], dtype=np.float64)
    official = official_status(passed.tolist(), tested.tolist(), goals_percent, kinds, rounding)
    shown = evidence(
        one_sided_lower(passed, tested, confidence),
        one_sided_upper(passed, tested, confidence),
        goals,
        kinds,
    )
    census = frame["census"].to_numpy().astype(bool)
    probability = jeffreys_probability(passed, tested, goals)
    at_most = np.isin(np.asarray(kinds, dtype=np.str_), AT_MOST)
    interval = wilson(passed, tested, confidence)
    return frame.with_columns(
        value=_nulls(100 * passed / np.where(tested > 0, tested, np.nan)),
        lower=_nulls(100 * interval.lower, census),
        upper=_nulls(100 * interval.upper, census),
        probability=_nulls(np.where(at_most, 1 - probability, probability), census),
        official_status=pl.Series(official.tolist(), dtype=pl.String),
        evidence=pl.Series(
            np.where(census & (shown != "no_data"), "census", shown).tolist(), dtype=pl.String
        ),
    )


def _nulls(values: Floats, hidden: Flags | None = None) -> pl.Series:
    """Numbers as a column: NaN, and what is hidden, become null."""
    shown = values if hidden is None else np.where(hidden, np.nan, values)
    return pl.Series(shown, dtype=pl.Float64).fill_nan(None)
