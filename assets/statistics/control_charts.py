"""Control charts of failure shares and defects per unit: is a period unlike its own past?

The limits come from a baseline of the process itself. A target is never a control limit.

Run rules (Nelson 1984, Journal of Quality Technology 16, 237-239):

1. one point beyond the limits: a jump;
2. nine points in a row on one side of the centre: a shift;
3. six points in a row steadily rising or falling: a drift.

Of the other five, four count points in thirds of the limits, which presumes a normal distribution
that counts of failures do not have, and one looks for alternation, which no inspection has cause
to show; each added rule adds false alarms. Rules 2 and 3 are for points with normal limits only:
where failures are rare, most points lie below the centre without any cause.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy.special import bdtrik, betainc, gammaincc, ndtr, pdtrik

from assets.statistics.inputs import (
    Flags,
    Floats,
    Integers,
    StatisticsError,
    counts,
    require_columns,
    whole_numbers,
)

SIGMAS = 3.0
TAIL = float(ndtr(-SIGMAS))  # 0.00135 on each side
FEWEST_EXPECTED = 5
FEWEST_SUBGROUPS = 20
RUN = 9
TREND = 6
TINY = 1e-300
SIGNALS = ("beyond_limits", "run_of_9", "trend_of_6", "signal")
MEAN_RANGE = 2 / np.sqrt(np.pi)  # d2 of two: mean moving range of a standard normal, 1.128

Dispersion = Literal["auto", "plain", "laney"]
Quantile = Callable[[float, Floats, float], Floats]


@dataclass(frozen=True)
class Chart:
    """A control chart.

    Attributes:
        state: ready, or no_baseline (fewer baseline subgroups than needed: no limits, no signals).
        method: plain or laney.
        centre: share of failures (or defects per unit) in the baseline; None without baseline.
        sigma_z: variation between subgroups as a multiple of what the binomial (Poisson) explains.
        points: the table given, with `value`, `centre`, `lower`, `upper` (null where there is no
            baseline or nothing was tested), `limits` (plain, laney, exact), `beyond_limits`,
            `run_of_9`, `trend_of_6`, `signal` (any of the three).
    """

    state: Literal["ready", "no_baseline"]
    method: Literal["plain", "laney"]
    centre: float | None
    sigma_z: float | None
    points: pl.DataFrame


@dataclass(frozen=True)
class _Series:
    """Counts over sizes in time order, and the distribution that they are held against."""

    found: Integers
    sizes: Floats
    baseline: Flags
    variance: Callable[[float], float]
    quantile: Quantile


def p_chart(
    subgroups: pl.DataFrame, dispersion: Dispersion = "auto", fewest: int = FEWEST_SUBGROUPS
) -> Chart:
    """Chart of the share of failures, for subgroups of varying size.

    Centre: all baseline failures over all baseline samples. Limits: centre +- 3 sqrt(p(1 - p)/n),
    clipped to 0 and 1 (Montgomery, Introduction to Statistical Quality Control, 7.2); Laney's p'
    widens them by sigma_z (Laney 2002, Quality Engineering 14, 531-537), which is the mean moving
    range of the standardised baseline points over 1.128. Where fewer than 5 failures (or passes)
    are expected in a subgroup, exact binomial limits with 0.135 % on each side.

    `auto` takes p' only when sigma_z is above 1 by more than chance: above 1 + 1.645 standard
    errors of a moving-range estimate (Cryer and Ryan 1990, Journal of Quality Technology 22,
    187-192). It is judged from moving ranges, since a shift of the process is no overdispersion.
    Single outliers do raise it, so leave periods with a known cause out of the baseline. Exact
    limits take no account of sigma_z.

    Args:
        subgroups: one row a period, in time order: `failures`, `trials` (integers); optionally
            `baseline` (boolean; default: all rows), the periods from which the limits come.
        dispersion: auto, plain (p-chart) or laney (p'), whatever sigma_z is.
        fewest: baseline subgroups needed.

    Returns:
        The chart. Subgroups without samples have no value, and runs pass over them.

    Raises:
        StatisticsError: if a column is missing or counts are impossible.
    """
    require_columns(subgroups, "failures", "trials")
    failed, tested = counts(subgroups["failures"].to_numpy(), subgroups["trials"].to_numpy())

    def quantile(chance: float, sizes: Floats, centre: float) -> Floats:
        if centre in (0, 1):
            return sizes * centre
        near = np.ceil(bdtrik(chance, sizes, centre))
        return _smallest_count(near, chance, lambda count: _binomial(count, sizes, centre))

    return _chart(
        subgroups,
        _Series(
            failed,
            tested.astype(np.float64),
            _baseline(subgroups),
            lambda centre: centre * (1 - centre),
            quantile,
        ),
        (dispersion, 1.0, fewest),
    )


def u_chart(
    subgroups: pl.DataFrame, dispersion: Dispersion = "auto", fewest: int = FEWEST_SUBGROUPS
) -> Chart:
    """Chart of defects per unit (findings per visit, defects per 100 m2), varying sizes.

    Limits: centre +- 3 sqrt(u/n), clipped at 0 (Montgomery, 7.3); Laney's u' and exact (Poisson)
    limits as in `p_chart`.

    Args:
        subgroups: one row a period, in time order: `defects` (integers), `units` (number or
            amount inspected, from 0); optionally `baseline` (boolean; default: all rows).
        dispersion: auto, plain (u-chart) or laney (u').
        fewest: baseline subgroups needed.

    Returns:
        The chart.

    Raises:
        StatisticsError: if a column is missing or counts are impossible.
    """
    require_columns(subgroups, "defects", "units")
    found = whole_numbers(subgroups["defects"].to_numpy(), "defects")
    sizes = subgroups["units"].cast(pl.Float64).to_numpy()
    if not np.all(np.isfinite(sizes) & (sizes >= 0)) or np.any((sizes == 0) & (found > 0)):
        raise StatisticsError("units must be 0 or above, and above 0 where there are defects")

    def quantile(chance: float, sizes: Floats, centre: float) -> Floats:
        mean = sizes * centre
        near = np.ceil(pdtrik(chance, np.maximum(mean, TINY)))
        return _smallest_count(near, chance, lambda count: np.asarray(gammaincc(count + 1, mean)))

    return _chart(
        subgroups,
        _Series(found, sizes, _baseline(subgroups), lambda centre: centre, quantile),
        (dispersion, np.inf, fewest),
    )


def moving_range_error(size: int) -> float:
    """Standard error of a sigma estimated from the mean moving range of a normal series.

    Relative to sigma: sqrt(0.8264 m - 1.082)/(m - 1). Source: Cryer and Ryan (1990).

    Args:
        size: number of points m, from 2.

    Returns:
        The relative standard error.
    """
    # Variance of |X1 - X2|, and covariance of ranges sharing a point, over d2 squared.
    own = np.pi / 2 - 1
    shared = np.sqrt(3) / 2 + np.pi / 12 - 1
    steps = size - 1
    return float(np.sqrt(own * steps + 2 * shared * (steps - 1)) / steps)


def _binomial(count: Floats, sizes: Floats, chance: float) -> Floats:
    """Pr(X <= count) of a binomial, by the beta distribution function."""
    left = sizes - count
    share = betainc(np.where(left > 0, left, 1.0), count + 1, 1 - chance)
    return np.where(left > 0, share, 1.0)


def _smallest_count(near: Floats, chance: float, cumulated: Callable[[Floats], Floats]) -> Floats:
    """Smallest count whose cumulated probability reaches the chance.

    The inverse of the distribution function is taken between the counts; its rounded-up value may
    be one off, either way, where the chance falls on a step.
    """
    count = np.maximum(near, 0.0)
    count = np.where(
        (count > 0) & (cumulated(np.maximum(count - 1, 0.0)) >= chance), count - 1, count
    )
    return np.where(cumulated(count) < chance, count + 1, count)


def _baseline(subgroups: pl.DataFrame) -> Flags:
    if "baseline" not in subgroups.columns:
        return np.ones(subgroups.height, dtype=bool)
    require_columns(subgroups, "baseline")
    return subgroups["baseline"].to_numpy().astype(bool)


def _chart(
    subgroups: pl.DataFrame, series: _Series, setting: tuple[Dispersion, float, int]
) -> Chart:
    dispersion, highest, fewest = setting
    seen = series.sizes > 0
    value = np.where(seen, series.found / np.where(seen, series.sizes, 1), np.nan)
    chosen = series.baseline & seen
    if chosen.sum() < max(fewest, 2):
        return _no_baseline(subgroups, value)
    centre = float(series.found[chosen].sum() / series.sizes[chosen].sum())
    sigma = np.sqrt(series.variance(centre) / np.where(seen, series.sizes, np.nan))
    sigma_z = _sigma_z(value[chosen], sigma[chosen], centre)
    wide = dispersion == "laney" or (
        dispersion == "auto" and sigma_z > 1 + 1.645 * moving_range_error(int(chosen.sum()))
    )
    half = SIGMAS * sigma * (sigma_z if wide else 1.0)
    rare = series.sizes * min(centre, highest - centre) < FEWEST_EXPECTED
    sizes = np.where(seen, series.sizes, np.nan)
    lower = np.where(
        rare, series.quantile(TAIL, sizes, centre) / sizes, np.maximum(centre - half, 0.0)
    )
    upper = np.where(
        rare, series.quantile(1 - TAIL, sizes, centre) / sizes, np.minimum(centre + half, highest)
    )
    beyond = seen & ((value < lower) | (value > upper))
    run = _scatter(seen, _run(value[seen], centre, rare[seen]))
    trend = _scatter(seen, _trend(value[seen], rare[seen]))
    method: Literal["plain", "laney"] = "laney" if wide else "plain"
    points = subgroups.with_columns(
        **_limits(value, lower, upper),
        centre=pl.Series(np.where(seen, centre, np.nan), nan_to_null=True),
        limits=pl.Series(np.where(rare, "exact", method).tolist(), dtype=pl.String),
        beyond_limits=pl.Series(beyond),
        run_of_9=pl.Series(run),
        trend_of_6=pl.Series(trend),
        signal=pl.Series(beyond | run | trend),
    )
    return Chart("ready", method, centre, sigma_z, points)


def _sigma_z(value: Floats, sigma: Floats, centre: float) -> float:
    """Laney's sigma_z; 1 where the baseline has no failure (or nothing else) at all."""
    if not np.all(sigma > 0):
        return 1.0
    scores = (value - centre) / sigma
    return float(np.abs(np.diff(scores)).mean() / MEAN_RANGE)


def _streak(continues: Flags) -> Integers:
    """How many flags in a row are set, up to and including each place."""
    places = np.arange(1, len(continues) + 1)
    return places - np.maximum.accumulate(np.where(continues, 0, places))


def _run(value: Floats, centre: float, rare: Flags) -> Flags:
    """Rule 2; a point exactly on the centre ends a run."""
    side = np.where(rare, 0, np.sign(value - centre))
    return np.maximum(_streak(side > 0), _streak(side < 0)) >= RUN


def _trend(value: Floats, rare: Flags) -> Flags:
    """Rule 3; equal neighbours end a trend. Six points are five steps."""
    step = np.diff(value, prepend=np.nan)
    usable = ~rare & ~np.concatenate(([True], rare[:-1]))[: len(rare)]
    rising, falling = _streak(usable & (step > 0)), _streak(usable & (step < 0))
    return np.maximum(rising, falling) >= TREND - 1


def _scatter(seen: Flags, flags: Flags) -> Flags:
    result = np.zeros(len(seen), dtype=bool)
    result[seen] = flags
    return result


def _limits(value: Floats, lower: Floats, upper: Floats) -> dict[str, pl.Series]:
    return {
        "value": pl.Series(value, dtype=pl.Float64, nan_to_null=True),
        "lower": pl.Series(lower, dtype=pl.Float64, nan_to_null=True),
        "upper": pl.Series(upper, dtype=pl.Float64, nan_to_null=True),
    }


def _no_baseline(subgroups: pl.DataFrame, value: Floats) -> Chart:
    nothing = np.full(len(value), np.nan)
    points = subgroups.with_columns(
        **_limits(value, nothing, nothing),
        centre=pl.lit(None, dtype=pl.Float64),
        limits=pl.lit(None, dtype=pl.String),
        **{name: pl.lit(value=False) for name in SIGNALS},
    )
    return Chart("no_baseline", "plain", None, None, points)
