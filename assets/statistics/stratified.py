"""Rates estimated from strata, industries and clusters, with the variance their design gives.

The estimate is p = sum W p, the strata weighted by their share of the population (or of the
output), not by how many samples happened to be taken. Its variance is the linearised one,
sum over strata of (1 - f) n/(n - 1) sum (e - mean e)^2 with the contributions
e = (W/n)(y - p) of the samples; within a stratum of its own that is W^2 (1 - f) p(1 - p)/(n - 1).
Source: Cochran (1977), Sampling Techniques, 3rd ed., 5.3, 5A.12 and 6.4; Lohr (2022), Sampling:
Design and Analysis, 3rd ed., 3.2 and 9.1.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np
import polars as pl
from scipy.special import stdtrit

from assets.statistics.inputs import (
    Floats,
    Integers,
    Objects,
    StatisticsError,
    counts,
    exact_array,
    require_columns,
    whole_numbers,
)
from assets.statistics.intervals import Interval, beta_lower, beta_upper, wilson_of_rate

Method = Literal["korn_graubard", "wilson"]
NO_VARIANCE = 1e-20
"""Far below p(1 - p)/n of any sample that can be taken."""


@dataclass(frozen=True)
class Estimate:
    """An estimated population rate; proportions from 0 to 1, NaN where nothing can be said.

    Attributes:
        exact_value: the weighted rate as an exact fraction, for the official comparison; None
            where nothing was tested.
        value: the same as a float.
        standard_error: of the value; NaN where there are too few samples to know.
        samples: number tested.
        effective_samples: size of the simple random sample of the same precision,
            p(1 - p)/variance; see `stratified_rate` for a variance of 0.
        bound_samples: the effective size that the one-sided bounds rest on: corrected for the
            degrees of freedom of the variance, and never more than were tested.
        degrees_of_freedom: samples (or clusters) less variance strata.
        lower: two-sided lower bound.
        upper: two-sided upper bound.
        one_sided_lower: for "demonstrated".
        one_sided_upper: for "missed".
        covered_share: share of the weight in strata that were sampled at all.
        collapsed: labels of the strata that had a single sample and were joined with another.
    """

    exact_value: Fraction | None
    value: float
    standard_error: float
    samples: int
    effective_samples: float
    bound_samples: float
    degrees_of_freedom: int
    lower: float
    upper: float
    one_sided_lower: float
    one_sided_upper: float
    covered_share: float
    collapsed: tuple[str, ...]


def stratified_rate(
    strata: pl.DataFrame, confidence: float = 0.95, method: Method = "korn_graubard"
) -> Estimate:
    """A rate from a stratified random sample, or an output-weighted rate over industries.

    The manufacturing rate is this with `weight` = output of the industry: sum w r over the
    industries sampled, weights renormalised over them, and the covered share stated (SAMR's method
    article on 制造业产品质量合格率).

    Strata with a single sample tell nothing of their own variance. Rule: the strata are taken
    in the order of the table (order them by code, so that neighbours are alike, never by
    result); one with a single sample is joined with the next that has more, at the end of the
    table with the last that has more. Joining overstates the variance, if anything
    (Cochran 1977, 5A.12).

    Where the variance comes out as 0 (all strata pass, or each is all pass or all fail) that is
    false precision: the effective size is then Kish's 1 / sum(W^2/n), the loss by unequal
    weighting alone. Only where every unit of every sampled stratum was tested is 0 the truth.

    Args:
        strata: one row a stratum: `stratum` (text), `weight` (population, output or share;
            integer, Decimal or float, above 0), `successes`, `trials` (integers); optionally
            `population` (integer, number of units in the stratum, null = unknown or large),
            which brings in the finite population correction 1 - f = 1 - n/N.
        confidence: level of the two-sided interval and of the one-sided bounds.
        method: Korn-Graubard (default, evidential) or Wilson on the effective size.

    Returns:
        The estimate.

    Raises:
        StatisticsError: if a column is missing or holds impossible values.
    """
    require_columns(strata, "stratum", "weight", "successes", "trials")
    weights = _weights(strata)
    passed, tested = counts(strata["successes"].to_numpy(), strata["trials"].to_numpy())
    populations = _populations(strata, tested)
    seen = tested > 0
    covered = _share(weights, seen)
    if not seen.any():
        return _nothing(covered)
    shares = weights[seen] / weights[seen].sum()
    passed, tested = passed[seen], tested[seen]
    value: Fraction = (shares * exact_array(passed.tolist()) / exact_array(tested.tolist())).sum()
    scales = shares.astype(np.float64) / tested
    rate = float(value)
    # Mean contribution of a stratum's samples, and their squares about it, from the counts alone.
    means = scales * (passed / tested - rate)
    within = scales**2 * passed * (tested - passed) / tested
    groups = collapse(tested)
    variance, freedom = _variance(groups, tested, means, within, populations[seen])
    kish = 1 / float((scales**2 * tested).sum())
    singles = strata["stratum"].cast(pl.String).filter(pl.Series(seen)).to_numpy()[tested == 1]
    estimate = _estimate(
        value,
        variance,
        _Size(int(tested.sum()), int(tested.sum()), kish, freedom),
        covered,
        tuple(singles.tolist()),
        (confidence, method),
    )
    return _certain(estimate) if np.all(populations[seen] == tested) else estimate


def clustered_rate(
    clusters: pl.DataFrame, confidence: float = 0.95, method: Method = "korn_graubard"
) -> Estimate:
    """A rate from samples that come in clusters, several from one firm or market.

    The samples of one firm resemble each other, so that they carry less information than as
    many samples of different firms. Linearised variance of the ratio sum w x / sum w n with
    the firm as the unit: sum over strata of (1 - f) m/(m - 1) sum (z - mean z)^2 with
    z = w (x - p n)/sum(w n). With weights of 1/inclusion probability the ratio is Hajek's mean.
    Source: Lohr (2022), 9.1; Wolter (2007), Introduction to Variance Estimation, 6; Hajek (1971);
    Särndal, Swensson and Wretman (1992), Model Assisted Survey Sampling, 5.7 and 5.8.

    The rate of a part of the population, a domain, is that of its samples, and firms outside it
    have no trials. They count in the variance, since how many of those drawn belong to the domain
    is chance too; strata without any of the domain do not. Degrees of freedom are those of the
    domain: its firms less its strata.

    Strata with a single firm are joined as in `stratified_rate`. If the variance comes out as 0,
    the effective size is that of the firms alone, (sum w n)^2 / sum (w n)^2 (Kish): the worst case,
    all samples of a firm alike. Only where every firm was drawn is 0 the truth.

    Args:
        clusters: one row a firm (in a stratum): `cluster` (text), `successes`, `trials`
            (integers; 0 trials = drawn, outside the domain); optionally `stratum` (text; strata
            are ordered by it), `weight` (of each sample of the row, 1/inclusion probability;
            default 1) and `population` (integer, firms in the stratum, null = unknown or large).
        confidence: level of the two-sided interval and of the one-sided bounds.
        method: Korn-Graubard (default, evidential) or Wilson on the effective size.

    Returns:
        The estimate; `covered_share` is 1, since strata without samples are not in the table.

    Raises:
        StatisticsError: if a column is missing or holds impossible values, or a firm has two
            rows in one stratum.
    """
    table = _cluster_table(clusters)
    passed, tested = counts(table["successes"].to_numpy(), table["trials"].to_numpy())
    if table.is_empty():
        return _nothing(np.nan)
    weights = _weights(table)
    below = (weights * exact_array(tested.tolist())).sum()
    value: Fraction = (weights * exact_array(passed.tolist())).sum() / below
    scales = weights.astype(np.float64) / float(below)
    contributions = scales * (passed - tested * float(value))
    labels = table["stratum"].rle_id().to_numpy()
    sizes = np.bincount(labels)
    groups = collapse(sizes)
    populations = _populations(table, sizes[labels])
    variance, _ = _variance(
        groups[labels],
        np.ones(len(labels), dtype=np.int64),
        contributions,
        np.zeros(len(labels)),
        populations / sizes[labels],
    )
    names = table["stratum"].unique(maintain_order=True).to_numpy()
    kish = 1 / float(((scales * tested) ** 2).sum())
    own = int((tested > 0).sum())
    freedom = own - len(np.unique(groups))
    estimate = _estimate(
        value,
        variance,
        _Size(int(tested.sum()), own, kish, freedom),
        1.0,
        tuple(names[sizes == 1].tolist()),
        (confidence, method),
    )
    return _certain(estimate) if np.all(populations == sizes[labels]) else estimate


def collapse(sizes: Integers) -> Integers:
    """Variance stratum of each stratum: those of size 1 join the next larger one, see above.

    Args:
        sizes: samples (or clusters) in each of n strata, from 1, in the order of the strata.

    Returns:
        n group numbers from 0; if all strata are of size 1, they are one group.
    """
    large = sizes > 1
    before: Integers = np.cumsum(large) - large
    return np.minimum(before, max(int(large.sum()) - 1, 0)).astype(np.int64)


@dataclass(frozen=True)
class _Size:
    """How much was looked at: samples, units of the variance (samples or clusters), fallback."""

    samples: int
    units: int
    fallback: float
    degrees_of_freedom: int


def _variance(
    groups: Integers, sizes: Integers, means: Floats, within: Floats, populations: Floats
) -> tuple[float, int]:
    """Linearised variance over variance strata, and its degrees of freedom.

    Squares about the mean, not a difference of sums: what is 0 comes out as 0.
    """
    number = np.bincount(groups, sizes)
    if np.any(number == 1):
        return np.nan, 0
    middle = np.bincount(groups, sizes * means) / number
    spread = np.bincount(groups, within + sizes * (means - middle[groups]) ** 2)
    left = 1 - number / np.bincount(groups, populations)
    variance = float((left * number / (number - 1) * spread).sum())
    # Contributions that are equal but for the last digit of a float are equal.
    return variance if variance > NO_VARIANCE else 0.0, int(number.sum()) - len(number)


def _estimate(
    value: Fraction,
    variance: float,
    size: _Size,
    covered: float,
    collapsed: tuple[str, ...],
    setting: tuple[float, Method],
) -> Estimate:
    confidence, method = setting
    if not 0.5 < confidence < 1:  # noqa: PLR2004  # below, a lower bound lies above the estimate
        raise StatisticsError(f"confidence must lie between 0.5 and 1, found {confidence}")
    rate = float(value)
    effective = rate * (1 - rate) / variance if variance > 0 else size.fallback
    two_sided = _bounds(rate, effective, size, 1 - (1 - confidence) / 2, method)
    one_sided = _bounds(rate, effective, size, confidence, method)
    return Estimate(
        exact_value=value,
        value=rate,
        standard_error=float(np.sqrt(variance)),
        samples=size.samples,
        effective_samples=effective,
        bound_samples=_bound_size(effective, size, confidence),
        degrees_of_freedom=size.degrees_of_freedom,
        lower=float(two_sided.lower),
        upper=float(two_sided.upper),
        one_sided_lower=float(one_sided.lower),
        one_sided_upper=float(one_sided.upper),
        covered_share=covered,
        collapsed=collapsed,
    )


def _certain(estimate: Estimate) -> Estimate:
    """Every unit was looked at: no sampling error is left."""
    value = estimate.value
    return replace(
        estimate,
        standard_error=0.0,
        effective_samples=np.inf,
        bound_samples=np.inf,
        lower=value,
        upper=value,
        one_sided_lower=value,
        one_sided_upper=value,
    )


def _bounds(rate: float, effective: float, size: _Size, tail: float, method: Method) -> Interval:
    """Bounds of a rate, each with confidence `tail`, on the effective size.

    Korn and Graubard (1998), Survey Methodology 24, 193-201: Clopper-Pearson on the effective
    size, which is first corrected for the degrees of freedom of its variance, (t(n - 1) / t(df))^2,
    and never taken as more than n (Parker et al. 2017, NCHS Vital and Health Statistics 2-175).
    """
    number = _bound_size(effective, size, tail)
    if method == "wilson":
        return wilson_of_rate(rate, number, 2 * tail - 1)
    passed, failed = number * rate, number * (1 - rate)
    return Interval(beta_lower(passed, failed, tail), beta_upper(passed, failed, tail))


def _bound_size(effective: float, size: _Size, tail: float) -> float:
    freedom = max(size.degrees_of_freedom, 1)
    ratio = stdtrit(max(size.units - 1, 1), tail) / stdtrit(freedom, tail)
    return min(float(size.samples), effective * float(ratio) ** 2)


def _weights(table: pl.DataFrame) -> Objects:
    weights = exact_array(table["weight"].to_list())
    if any(weight <= 0 for weight in weights):
        raise StatisticsError("weights must be above 0")
    return weights


def _share(weights: Objects, seen: np.ndarray) -> float:
    total = weights.sum() if len(weights) else Fraction(0)
    return float(weights[seen].sum() / total) if total else np.nan


def _populations(strata: pl.DataFrame, tested: Integers) -> Floats:
    """Units in each stratum; infinite where the column is absent or null."""
    if "population" not in strata.columns:
        return np.full(strata.height, np.inf)
    known = strata["population"].is_not_null().to_numpy()
    units = whole_numbers(strata["population"].fill_null(0).to_numpy(), "population")
    if np.any(known & (units < tested)):
        raise StatisticsError("a stratum cannot have more samples than units in its population")
    return np.where(known, units.astype(np.float64), np.inf)


def _cluster_table(clusters: pl.DataFrame) -> pl.DataFrame:
    require_columns(clusters, "cluster", "successes", "trials")
    defaults = {"stratum": pl.lit("all"), "weight": pl.lit(1)}
    missing = [value.alias(name) for name, value in defaults.items() if name not in clusters]
    table = clusters.with_columns(missing).with_columns(pl.col("stratum").cast(pl.String))
    require_columns(table, "stratum", "weight")
    if table.select("stratum", "cluster").is_duplicated().any():
        raise StatisticsError("a cluster has more than one row in a stratum; add them up first")
    in_domain = (pl.col("trials") > 0).any().over("stratum")
    return table.filter(in_domain).sort("stratum", "cluster")


def _nothing(covered: float) -> Estimate:
    return Estimate(
        exact_value=None,
        value=np.nan,
        standard_error=np.nan,
        samples=0,
        effective_samples=0.0,
        bound_samples=0.0,
        degrees_of_freedom=0,
        lower=np.nan,
        upper=np.nan,
        one_sided_lower=np.nan,
        one_sided_upper=np.nan,
        covered_share=covered,
        collapsed=(),
    )
