"""Many slices looked at together: which of them stand out beyond what chance would do."""

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from assets.statistics.inputs import Floats, StatisticsError, counts, proportion, together


def below_p_value(
    successes: npt.ArrayLike, trials: npt.ArrayLike, reference: npt.ArrayLike
) -> Floats:
    """Exact one-sided p-value of "this slice's rate is below the reference".

    Pr(X <= successes) for X ~ Binomial(trials, reference). Source: the binomial test; by the
    beta distribution function, Pr(X <= x) = I_(1 - p)(n - x, x + 1).

    Args:
        successes: numbers of passes.
        trials: numbers tested.
        reference: rate to compare with, 0 to 1: a target, or the rate of all slices together.

    Returns:
        p-values, 0 to 1; NaN where nothing was tested.

    Raises:
        StatisticsError: if the counts or the reference are impossible.
    """
    passed, tested = counts(successes, trials)
    passed, tested, rate = together(passed, tested, proportion(reference, "reference"))
    failed = tested - passed
    chance = betainc(np.where(failed > 0, failed, 1), passed + 1, 1 - rate)
    return np.where(tested == 0, np.nan, np.where(failed == 0, 1.0, chance))


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """p-values adjusted so that at most a share q of the slices called at <= q are false alarms.

    Step-up: the adjusted value of rank i among m is the least p(j) m/j over j >= i. Source:
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300; holds
    for independent and positively dependent tests (Benjamini and Yekutieli 2001).

    Args:
        p_values: n p-values; NaN (no data) stays NaN and is not counted as a test.

    Returns:
        n adjusted p-values (q-values), in the order given.

    Raises:
        StatisticsError: if the values are not one row of numbers from 0 to 1.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1:
        raise StatisticsError(f"p-values must be one row, found {values.ndim} dimensions")
    known = ~np.isnan(values)
    tested = proportion(values[known], "p-values")
    order = np.argsort(tested, kind="stable")[::-1]
    ranks = np.arange(len(tested), 0, -1)
    stepped = np.minimum.accumulate(tested[order] * len(tested) / np.maximum(ranks, 1))
    adjusted = np.empty_like(tested)
    adjusted[order] = np.minimum(stepped, 1.0)
    result = np.full(values.shape, np.nan)
    result[known] = adjusted
    return result
