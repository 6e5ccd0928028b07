"""How many samples it takes to demonstrate a target."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import betainc

from assets.statistics.inputs import (
    Flags,
    Floats,
    Integers,
    counts,
    inner_proportion,
    proportion,
    together,
    whole_numbers,
)

LARGEST = 10**9
"""Beyond this many samples, the answer is "cannot be demonstrated"."""


def samples_needed(
    targets: npt.ArrayLike, failures: npt.ArrayLike, confidence: float = 0.95
) -> pl.Series:
    """Smallest sample whose exact one-sided lower bound reaches the target with these failures.

    The bound reaches the target exactly when so few failures would be improbable at the target:
    Pr(X <= failures | n, 1 - target) <= 1 - confidence. Source: the binomial (Clopper-Pearson)
    test, e.g. Hahn and Meeker (1991), Statistical Intervals, 9.6; 299 for 99 % with no failure.

    Args:
        targets: target proportions, 0 to 1.
        failures: failures that the sample may hold.
        confidence: one-sided confidence level.

    Returns:
        Sample sizes (Int64, flattened); null for a target of 1, which no sample demonstrates,
        and where more than `LARGEST` samples would be needed.

    Raises:
        StatisticsError: if a target, count or level is impossible.
    """
    goal, failed = together(proportion(targets, "targets"), whole_numbers(failures, "failures"))
    goal, failed = np.ravel(goal), np.ravel(failed)
    error = 1 - inner_proportion(confidence, "confidence")

    def reached(size: Integers) -> Flags:
        passed = np.maximum(size - failed, 0)
        # Pr(X <= f | n, 1 - t) is the beta distribution function I_t(n - f, f + 1).
        chance = betainc(np.where(passed > 0, passed, 1.0), failed + 1, goal)
        return np.where(passed > 0, chance <= error, goal <= 0)

    return _smallest(reached, failed, goal)


def samples_still_needed(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    targets: npt.ArrayLike,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """How many more samples would demonstrate the target, at best and at the present rate.

    Args:
        successes: n numbers of passes so far.
        trials: n numbers tested so far.
        targets: n target proportions.
        confidence: one-sided confidence level.

    Returns:
        n rows (Int64): `if_all_pass`, the smallest number of further samples that suffice when
        none of them fails; `at_present_rate`, the number when they fail as often as those so
        far (the exact bound, interpolated between whole numbers of failures). 0: demonstrated
        already. Null: no number suffices (target 1, or a present rate not above the target) or
        nothing was tested yet (then the present rate is unknown).

    Raises:
        StatisticsError: if a count, target or level is impossible.
    """
    passed, tested = counts(successes, trials)
    passed, tested, goal = together(passed, tested, proportion(targets, "targets"))
    passed, tested, goal = np.ravel(passed), np.ravel(tested), np.ravel(goal)
    best = samples_needed(goal, tested - passed, confidence)
    share = passed / np.where(tested > 0, tested, np.nan)
    error = 1 - inner_proportion(confidence, "confidence")

    def reached(size: Integers) -> Flags:
        good = np.where(share > 0, size * share, 1.0)
        bad = size - good
        chance = betainc(np.maximum(good, 1e-300), np.maximum(bad, 0.0) + 1, goal)
        return np.where(share > 0, chance <= error, goal <= 0)

    same = _smallest(reached, tested, goal, hopeless=~(share > goal))
    so_far = pl.Series(tested)
    return pl.DataFrame(
        {
            "if_all_pass": (best - so_far).clip(lower_bound=0),
            "at_present_rate": (same - so_far).clip(lower_bound=0),
        }
    )


def _smallest(
    reached: Callable[[Integers], Flags],
    start: Integers,
    goal: Floats,
    hopeless: Flags | None = None,
) -> pl.Series:
    """Smallest size from `start` at which a condition, once true for good, is reached: bisection.

    The interval is halved for all rows at once; 31 halvings cover `LARGEST`.
    """
    low = np.asarray(start, dtype=np.int64) - 1
    high = np.full(low.shape, LARGEST, dtype=np.int64)
    never = (goal >= 1) | ~reached(high)
    if hopeless is not None:
        never = never | hopeless
    while np.any(high - low > 1):
        middle = (low + high) // 2
        enough = reached(middle)
        high = np.maximum(np.where(enough, middle, high), start)
        low = np.where(enough, low, middle)
    return pl.Series(high).set(pl.Series(never), None)
