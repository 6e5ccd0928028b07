"""Why a rate changed: because the mix of what was sampled changed, or because rates did."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import polars as pl

from assets.statistics.inputs import (
    Objects,
    StatisticsError,
    counts,
    exact,
    exact_array,
    require_columns,
)


@dataclass(frozen=True)
class Change:
    """A change of an overall rate, taken apart exactly: mix + rate = total.

    Attributes:
        total: later overall rate less earlier, as an exact fraction (0.01 is one point).
        mix: part due to changed weights, at average rates.
        rate: part due to changed rates, at average weights.
        groups: the table given, with `mix_effect` and `rate_effect` of each group (Float64).
    """

    total: Fraction
    mix: Fraction
    rate: Fraction
    groups: pl.DataFrame


def decompose(groups: pl.DataFrame) -> Change:
    """Mix and rate effects of groups with given weights and rates.

    mix = sum (w1 - w0)(p0 + p1)/2, rate = sum (p1 - p0)(w0 + w1)/2; they sum to the change of
    sum w p exactly, with no residual. Source: Kitagawa (1955), Journal of the American Statistical
    Association 50, 1168-1194. The mix effect of one group is counted from the average of the two
    overall rates, (w1 - w0)((p0 + p1)/2 - (P0 + P1)/2), so that growing is good for a group that
    is better than the average, and bad for a worse one; the sum over groups is the same, since
    the weights sum to 1 at both times.

    Args:
        groups: one row a group: `weight_before`, `weight_after` (counts or shares, from 0;
            each is divided by its sum), `rate_before`, `rate_after` (0 to 1; null where the
            weight is 0). All are taken as exact decimals. A group without weight at one time is
            counted with its rate at the other: all of its effect is then mix.

    Returns:
        The change.

    Raises:
        StatisticsError: if a column is missing, a weight is below 0 or all are 0, or a group with
            weight has no rate.
    """
    require_columns(groups, "weight_before", "weight_after")
    before, after = _shares(groups, "weight_before"), _shares(groups, "weight_after")
    first, second = _rates(groups, "rate_before", before), _rates(groups, "rate_after", after)
    return _change(groups, (before, after), (first, second))


def decompose_counts(groups: pl.DataFrame) -> Change:
    """Mix and rate effects of groups from their counts; weights are the shares of the samples.

    Args:
        groups: one row a group: `successes_before`, `trials_before`, `successes_after`,
            `trials_after` (integers).

    Returns:
        The change, see `decompose`.

    Raises:
        StatisticsError: if a column is missing, counts are impossible, or nothing was tested.
    """
    weights: list[Objects] = []
    rates: list[Objects] = []
    for time in ("before", "after"):
        require_columns(groups, f"successes_{time}", f"trials_{time}")
        passed, tested = counts(
            groups[f"successes_{time}"].to_numpy(), groups[f"trials_{time}"].to_numpy()
        )
        share = exact_array(passed.tolist()) / exact_array(np.maximum(tested, 1).tolist())
        share[tested == 0] = None
        rates.append(share)
        weights.append(_shares(groups, f"trials_{time}"))
    return _change(groups, (weights[0], weights[1]), (rates[0], rates[1]))


def _change(
    groups: pl.DataFrame, weights: tuple[Objects, Objects], rates: tuple[Objects, Objects]
) -> Change:
    """The formulas, on vectors of exact fractions; an absent rate is None."""
    before, after = weights
    first = _filled(rates[0], rates[1])
    second = _filled(rates[1], rates[0])
    overall_before, overall_after = (before * first).sum(), (after * second).sum()
    average = (overall_before + overall_after) / 2
    mix = (after - before) * ((first + second) / 2 - average)
    rate = (second - first) * (before + after) / 2
    return Change(
        total=overall_after - overall_before,
        mix=mix.sum(),
        rate=rate.sum(),
        groups=groups.with_columns(
            mix_effect=pl.Series(mix.astype(np.float64)),
            rate_effect=pl.Series(rate.astype(np.float64)),
        ),
    )


def _filled(rates: Objects, others: Objects) -> Objects:
    """Absent rates taken from the other time; absent at both (no weight at all), 0 does no harm."""
    return np.array(
        [
            next((value for value in pair if value is not None), Fraction(0))
            for pair in zip(rates, others, strict=True)
        ],
        dtype=object,
    )


def _shares(groups: pl.DataFrame, column: str) -> Objects:
    weights = exact_array(groups[column].to_list())
    if any(weight < 0 for weight in weights) or not any(weights):
        raise StatisticsError(f"{column} must be 0 or above, and above 0 in some group")
    shares: Objects = weights / weights.sum()
    return shares


def _rates(groups: pl.DataFrame, column: str, weights: Objects) -> Objects:
    if column not in groups.columns:
        raise StatisticsError(f"the table lacks {column}; it has {groups.columns}")
    values = [None if rate is None else exact(rate) for rate in groups[column].to_list()]
    known = [value for value in values if value is not None]
    if any(not 0 <= value <= 1 for value in known):
        raise StatisticsError(f"{column} must lie between 0 and 1")
    rates = np.array(values, dtype=object)
    if any(weight and rate is None for weight, rate in zip(weights, values, strict=True)):
        raise StatisticsError(f"a group has a weight but no {column}")
    return rates
