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


def samples_still_needed_of_rate(
    rates: npt.ArrayLike,
    effective_sizes: npt.ArrayLike,
    samples: npt.ArrayLike,
    targets: npt.ArrayLike,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """How many more samples of the same design would demonstrate the target of a weighted rate.

    As `samples_still_needed` on the effective size; a further sample is worth as much as those so
    far, effective size / samples (the design effect stays what it was: Kish 1965, Survey
    Sampling, 8.2). "All pass" is then of samples spread over the strata as those so far.

    Args:
        rates: n weighted rates, 0 to 1; NaN where nothing was tested.
        effective_sizes: n effective sizes that the bounds rest on, from 0.
        samples: n numbers tested so far.
        targets: n target proportions.
        confidence: one-sided confidence level.

    Returns:
        n rows (Int64), as of `samples_still_needed`; null also where every unit was looked at.

    Raises:
        StatisticsError: if a target or level is impossible.
    """
    goal = np.ravel(proportion(targets, "targets"))
    rate = np.ravel(np.asarray(rates, dtype=np.float64))
    size = np.ravel(np.asarray(effective_sizes, dtype=np.float64))
    tested = np.ravel(np.asarray(samples, dtype=np.float64))
    error = 1 - inner_proportion(confidence, "confidence")
    known = np.isfinite(rate) & np.isfinite(size) & (size > 0)
    rate, size = np.where(known, rate, 0.0), np.where(known, size, 1.0)
    failed = size * (1 - rate)

    def met(good: Floats, bad: Floats) -> Flags:
        chance = betainc(np.where(good > 0, good, 1.0), bad + 1, goal)
        return np.where(good > 0, chance <= error, goal <= 0)

    def all_pass(number: Integers) -> Flags:
        return met(number - failed, failed)

    def at_rate(number: Integers) -> Flags:
        return met(number * rate, number * (1 - rate))

    start = np.floor(size).astype(np.int64)
    worth = np.where(known, tested / size, np.nan)

    def further(wanted: pl.Series) -> pl.Series:
        more = (wanted.cast(pl.Float64) - pl.Series(size)) * pl.Series(worth)
        return more.fill_nan(None).ceil().clip(lower_bound=0).cast(pl.Int64)

    return pl.DataFrame(
        {
            "if_all_pass": further(_smallest(all_pass, start, goal, hopeless=~known)),
            "at_present_rate": further(
                _smallest(at_rate, start, goal, hopeless=~known | ~(rate > goal))
            ),
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
