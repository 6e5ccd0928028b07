"""Confidence intervals of a proportion from counts, and the probability of meeting a target.

Every function is vectorised: counts of any shape in, arrays of that shape out. Proportions run
from 0 to 1. Where nothing was tested (trials = 0) the answer is NaN: no data is no evidence.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import betaincc, betaincinv, ndtri

from assets.statistics.inputs import Floats, counts, inner_proportion, proportion, together


class Interval(NamedTuple):
    """Lower and upper bound of a proportion, 0 to 1, in the shape of the counts."""

    lower: Floats
    upper: Floats


def wilson(successes: npt.ArrayLike, trials: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """The Wilson score interval, the default for display.

    Source: Wilson (1927), JASA 22, 209-212; recommended by Brown, Cai and DasGupta (2001),
    Statistical Science 16, 101-133. Its coverage is near the confidence level on average, not
    guaranteed; `clopper_pearson` guarantees it.

    Args:
        successes: number of passes.
        trials: number tested.
        confidence: two-sided confidence level.

    Returns:
        The bounds; all passed gives an upper bound of exactly 1, none passed a lower of 0.

    Raises:
        StatisticsError: if the counts or the confidence level are impossible.
    """
    passed, tested = counts(successes, trials)
    size = np.where(tested > 0, tested, np.nan)
    return wilson_of_rate(passed / size, size, confidence)


def wilson_of_rate(rate: npt.ArrayLike, size: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """The Wilson score interval of an estimated rate with an effective sample size.

    Source: as `wilson`; with an effective size, Franco et al. (2019), Journal of Survey
    Statistics and Methodology 7, 334-364.

    Args:
        rate: estimated proportion; NaN gives NaN.
        size: (effective) sample size, above 0, need not be whole.
        confidence: two-sided confidence level.

    Returns:
        The bounds.

    Raises:
        StatisticsError: if the confidence level is impossible.
    """
    share, number = together(np.asarray(rate, dtype=np.float64), np.asarray(size, dtype=np.float64))
    z = float(ndtri(0.5 + inner_proportion(confidence, "confidence") / 2))
    shrink = 1 + z**2 / number
    centre = (share + z**2 / (2 * number)) / shrink
    half = z / shrink * np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    # At 0 and 1 the bound is exact in theory; floating point would miss it by a hair.
    lower = np.where(share == 0, 0.0, np.maximum(centre - half, 0.0))
    upper = np.where(share == 1, 1.0, np.minimum(centre + half, 1.0))
    return Interval(lower, upper)


def clopper_pearson(
    successes: npt.ArrayLike, trials: npt.ArrayLike, confidence: float = 0.95
) -> Interval:
    """The exact (Clopper-Pearson) interval, for use as evidence.

    Source: Clopper and Pearson (1934), Biometrika 26, 404-413; as beta quantiles in
    ISO 11453:1996 and Brown, Cai and DasGupta (2001).

    Args:
        successes: number of passes.
        trials: number tested.
        confidence: two-sided confidence level; coverage is at least this.

    Returns:
        The bounds.

    Raises:
        StatisticsError: if the counts or the confidence level are impossible.
    """
    tail = 1 - (1 - inner_proportion(confidence, "confidence")) / 2
    return Interval(
        one_sided_lower(successes, trials, tail), one_sided_upper(successes, trials, tail)
    )


def one_sided_lower(
    successes: npt.ArrayLike, trials: npt.ArrayLike, confidence: float = 0.95
) -> Floats:
    """The exact lower bound: with this confidence the true rate is not below it.

    Source: as `clopper_pearson`, with all the error probability on one side.

    Args:
        successes: number of passes.
        trials: number tested.
        confidence: one-sided confidence level.

    Returns:
        The lower bounds.

    Raises:
        StatisticsError: if the counts or the confidence level are impossible.
    """
    passed, tested = counts(successes, trials)
    bound = beta_lower(passed, tested - passed, confidence)
    return np.where(tested > 0, bound, np.nan)


def one_sided_upper(
    successes: npt.ArrayLike, trials: npt.ArrayLike, confidence: float = 0.95
) -> Floats:
    """The exact upper bound: with this confidence the true rate is not above it.

    Source: as `clopper_pearson`, with all the error probability on one side.

    Args:
        successes: number of passes.
        trials: number tested.
        confidence: one-sided confidence level.

    Returns:
        The upper bounds.

    Raises:
        StatisticsError: if the counts or the confidence level are impossible.
    """
    passed, tested = counts(successes, trials)
    bound = beta_upper(passed, tested - passed, confidence)
    return np.where(tested > 0, bound, np.nan)


def beta_lower(successes: npt.ArrayLike, failures: npt.ArrayLike, confidence: float) -> Floats:
    """Lower quantile of Beta(successes, failures + 1); counts may be effective ones, not whole.

    Args:
        successes: (effective) number of passes, from 0.
        failures: (effective) number of failures, from 0.
        confidence: one-sided confidence level.

    Returns:
        The bounds, 0 where there are no successes.

    Raises:
        StatisticsError: if the confidence level is impossible.
    """
    passed, failed = together(
        np.asarray(successes, dtype=np.float64), np.asarray(failures, dtype=np.float64)
    )
    error = 1 - inner_proportion(confidence, "confidence")
    some = np.where(passed > 0, passed, 1.0)
    return np.where(passed == 0, 0.0, betaincinv(some, failed + 1, error))


def beta_upper(successes: npt.ArrayLike, failures: npt.ArrayLike, confidence: float) -> Floats:
    """Upper quantile of Beta(successes + 1, failures); counts may be effective ones, not whole.

    Args:
        successes: (effective) number of passes, from 0.
        failures: (effective) number of failures, from 0.
        confidence: one-sided confidence level.

    Returns:
        The bounds, 1 where there are no failures.

    Raises:
        StatisticsError: if the confidence level is impossible.
    """
    return 1 - beta_lower(failures, successes, confidence)


def jeffreys_probability(
    successes: npt.ArrayLike, trials: npt.ArrayLike, target: npt.ArrayLike
) -> Floats:
    """Probability that the true rate is at or above the target, given the counts.

    Posterior of a Beta(1/2, 1/2) prior: Pr(p >= target) with p ~ Beta(passes + 1/2,
    failures + 1/2). Source: Jeffreys (1961), Theory of Probability, 3.9; Brown, Cai and DasGupta
    (2001). A target of 1 has probability 0, whatever the sample: it can only be refuted.

    Args:
        successes: number of passes.
        trials: number tested.
        target: target as a proportion, 0 to 1.

    Returns:
        Probabilities, 0 to 1; NaN where nothing was tested.

    Raises:
        StatisticsError: if the counts or the target are impossible.
    """
    passed, tested = counts(successes, trials)
    goal = proportion(target, "target")
    passed, tested, goal = together(passed, tested, goal)
    probability = betaincc(passed + 0.5, tested - passed + 0.5, goal)
    return np.where(tested > 0, probability, np.nan)


def jeffreys_probability_of_rate(
    rate: npt.ArrayLike, effective_size: npt.ArrayLike, target: npt.ArrayLike
) -> Floats:
    """Approximate probability that the true rate meets the target, given a weighted estimate.

    The estimate is taken as a simple random sample of the effective size with the same rate, so
    that the counts of `jeffreys_probability` are effective ones, not whole. An approximation: a
    weighted sample has no binomial likelihood. Source: Franco, Little, Louis and Slud (2019),
    Journal of Survey Statistics and Methodology 7, 334-364, who find the Jeffreys interval on the
    effective size to be among the best.

    Args:
        rate: estimated rates, 0 to 1; NaN where there is none.
        effective_size: effective sample sizes, from 0; infinite where every unit was looked at.
        target: targets as proportions, 0 to 1.

    Returns:
        Probabilities, 0 to 1; NaN without an estimate, and 0 or 1 where nothing is uncertain.

    Raises:
        StatisticsError: if a target is no proportion.
    """
    goal = proportion(target, "target")
    value, size, goal = together(
        np.asarray(rate, dtype=np.float64), np.asarray(effective_size, dtype=np.float64), goal
    )
    finite = np.isfinite(size) & (size > 0) & ~np.isnan(value)
    known, part = np.where(finite, size, 0.0), np.where(finite, value, 0.0)
    probability = betaincc(known * part + 0.5, known * (1 - part) + 0.5, goal)
    certain = np.where(np.isinf(size), (value >= goal).astype(np.float64), np.nan)
    return np.where(finite, probability, np.where(np.isnan(value), np.nan, certain))
