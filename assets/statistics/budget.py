"""The failure budget: how many failures the plan of a period still allows for its target.

A target of 98 % over 1,200 planned samples is a budget of 24 failures. The budget says how much
of it is used, whether it is used faster than the samples are taken, when it would run out, and how
probable it is that the period ends on target. (The idea is the error budget of Beyer et al. 2016,
Site Reliability Engineering, 3.)
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.special import betaln

from assets.statistics.inputs import (
    Floats,
    Integers,
    Number,
    StatisticsError,
    counts,
    exact,
    require_columns,
    whole_numbers,
)
from assets.statistics.status import AT_LEAST, Rounding, official_status

HIGHEST = 100
FURTHEST = 40_000
"""Days, some hundred years: a date beyond is no date of any period."""


def failures_allowed(
    planned: int, target_percent: Number, comparator: str = ">=", rounding: Rounding | None = None
) -> int | None:
    """The most failures among the planned samples with which the target is still officially met.

    By the very comparison that decides the official status, exact and with its rounding, so
    that the two can never disagree: 366 days against 94 % allow 21.

    Args:
        planned: samples of the whole period.
        target_percent: target, as Decimal, integer or text.
        comparator: >=, > or = ("at least" targets; = is read as "no less").
        rounding: rounding of the definition before comparing.

    Returns:
        The number; None if even no failure at all would not meet the target, or there are no
        samples.

    Raises:
        StatisticsError: if the plan is negative or the comparator is not of that kind.
    """
    if comparator not in (*AT_LEAST, "="):
        raise StatisticsError(f"a failure budget needs a target of at least, not {comparator!r}")
    size = int(whole_numbers(planned, "planned samples"))
    kind = ">=" if comparator == "=" else comparator

    def missed(failures: int) -> bool:
        status = official_status([size - failures], [size], [target_percent], [kind], rounding)
        return bool(status[0] != "met")

    # Meeting the target is monotone in the failures: the first number that misses it, less one.
    first = bisect_left(range(size + 1), 1, key=missed)
    return first - 1 if first > 0 else None


def failure_budget(periods: pl.DataFrame, rounding: Rounding | None = None) -> pl.DataFrame:
    """The failure budget of one or more periods (the year; each quarter of a "keep above" target).

    The prediction takes the samples still to come as exchangeable with those taken: with a Jeffreys
    prior, further failures are beta-binomial with failures + 1/2 and passes + 1/2 (Geisser 1993,
    Predictive Inference, 3; Gelman et al. 2013, Bayesian Data Analysis, 2.4). The date takes
    failures to go on at their daily pace. More samples than planned make the period larger; once
    it is over (as_of on its last day or later), it is as large as the samples that were taken,
    planned or not. A target of 100 % allows none, however many are taken.

    Args:
        periods: one row a period: `target_percent` (Decimal, integer or text), `comparator`
            (>=, > or =), `planned` (integer; null where there is no plan), `trials`, `failures`
            (integers, so far), `period_start`, `period_end` (dates, both included), `as_of` (date:
            counts are up to and including it); optionally `effective_share` (0 to 1, default 1):
            what a sample is worth beside one of a simple random sample, for weighted rates, whose
            prediction then rests on fewer samples (see `intervals.jeffreys_probability_of_rate`).
            Other columns are kept.
        rounding: rounding of the definition before comparing.

    Returns:
        The table with

        - `allowed`: failures that the whole period allows (null where its size is not known,
          unless the target is 100 %);
        - `remaining`: allowed less failures so far, below 0 when exceeded;
        - `used_share`: failures / allowed (null where 0 are allowed);
        - `burn_rate`: used share over the share of the plan that was sampled; 1 uses the
          budget up exactly at the end, 2 in the middle;
        - `probability_on_target`: predictive probability of ending with no more than allowed;
        - `runs_out_on`: date on which, at the pace so far, the last allowed failure is used
          (null: not within the period, or used up already);
        - `state`: no_plan (size not known, or no samples in a period that is over), impossible
          (even no failure would not do), within, none_left, exceeded.

    Raises:
        StatisticsError: if a column is missing, counts are impossible, or a period ends before
            it starts.
    """
    require_columns(
        periods,
        "target_percent",
        "comparator",
        "trials",
        "failures",
        "period_start",
        "period_end",
        "as_of",
    )
    failed, tested = counts(periods["failures"].to_numpy(), periods["trials"].to_numpy())
    if (periods["period_end"] < periods["period_start"]).any():
        raise StatisticsError("a period cannot end before it starts")
    planned = _planned(periods, tested)
    allowed = pl.Series(
        _all_allowed(
            planned, periods["target_percent"].to_list(), periods["comparator"].to_list(), rounding
        ),
        dtype=pl.Int64,
    )
    size = np.array([0 if plan is None else plan for plan in planned], dtype=np.int64)
    budget = allowed.fill_null(-1).to_numpy()
    remaining = budget - failed
    worth = np.ones(len(tested))
    if "effective_share" in periods.columns:
        worth = periods["effective_share"].fill_null(1.0).to_numpy()
    probability = on_target_probability(failed, tested, size - tested, remaining, worth)
    counted = periods.with_columns(
        allowed=allowed,
        remaining=allowed - pl.Series(failed),
        used_share=_ratio(failed, budget),
        probability_on_target=pl.Series(probability),
        _planned=pl.Series(planned, dtype=pl.Int64),
    )
    return _paced(counted)


def on_target_probability(
    failures: Integers,
    trials: Integers,
    to_come: Integers,
    remaining: Integers,
    worth: Floats | None = None,
) -> Floats:
    """Probability that no more than `remaining` of the samples to come fail.

    Args:
        failures: n numbers of failures so far.
        trials: n numbers tested so far.
        to_come: n numbers of samples still to be taken; none is certain.
        remaining: n numbers of failures still allowed, below 0 when exceeded.
        worth: n shares of a simple random sample's information that the samples carry; default 1.

    Returns:
        n probabilities.
    """
    future = np.maximum(to_come, 0)
    shares = np.ones(len(trials)) if worth is None else worth
    bad, good = failures * shares + 0.5, (trials - failures) * shares + 0.5
    rows = zip(bad, good, future, remaining, strict=True)
    chances = [
        0.0 if left < 0 else 1.0 if left >= more else _at_most(left, more, a, b)
        for a, b, more, left in rows
    ]
    return np.array(chances, dtype=np.float64)


def _at_most(most: int, size: int, a: float, b: float) -> float:
    """Pr(Y <= most) for Y beta-binomial of the given size: the sum of its probabilities."""
    count = np.arange(most + 1)
    ways = -np.log(size + 1) - betaln(size - count + 1, count + 1)
    return float(min(np.exp(ways + betaln(count + a, size - count + b) - betaln(a, b)).sum(), 1.0))


def _planned(periods: pl.DataFrame, tested: Integers) -> list[int | None]:
    if "planned" not in periods.columns:
        raise StatisticsError("the table lacks planned, the samples planned for each period")
    plans = periods["planned"]
    size = np.maximum(whole_numbers(plans.fill_null(0).to_numpy(), "planned"), tested)
    over = (periods["as_of"] >= periods["period_end"]).to_numpy()
    size = np.where(over, tested, size)
    known = (plans.is_not_null().to_numpy() | over) & (size > 0)
    return [int(number) if is_known else None for number, is_known in zip(size, known, strict=True)]


def _all_allowed(
    planned: Sequence[int | None],
    targets: Sequence[Number],
    comparators: Sequence[str],
    rounding: Rounding | None,
) -> list[int | None]:
    return [
        failures_allowed(plan, target, comparator, rounding)
        if plan is not None
        else _never_any(target, comparator, rounding)
        for plan, target, comparator in zip(planned, targets, comparators, strict=True)
    ]


def _never_any(target: Number, comparator: str, rounding: Rounding | None) -> int | None:
    """0 for a target that no number of samples leaves room below, else None."""
    whole = rounding is None and comparator != ">" and exact(target) == HIGHEST
    return 0 if whole else None


def _ratio(above: Integers, below: Integers) -> pl.Series:
    share = above / np.where(below > 0, below, np.nan)
    return pl.Series(share, dtype=pl.Float64).fill_nan(None)


def _paced(periods: pl.DataFrame) -> pl.DataFrame:
    """Burn rate, date and state, from the counts."""
    known = pl.col("allowed").is_not_null()
    # Counts of a finished period are over its own days, whatever day they are read on.
    last = pl.min_horizontal("as_of", "period_end")
    elapsed = (last - pl.col("period_start")).dt.total_days() + 1
    days_left = (pl.col("remaining") * elapsed / pl.col("failures")).ceil().clip(0, FURTHEST)
    runs_out = last + pl.duration(days=days_left.cast(pl.Int64, strict=False))
    running = known & (pl.col("remaining") > 0) & (pl.col("failures") > 0) & (elapsed > 0)
    sampled = pl.col("trials") / pl.col("_planned")
    return (
        periods.with_columns(
            # Where the size is not known, only what is exceeded already is certain.
            probability_on_target=pl.when(
                known & (pl.col("_planned").is_not_null() | (pl.col("remaining") < 0))
            ).then("probability_on_target"),
            burn_rate=pl.when(pl.col("trials") > 0).then(pl.col("used_share") / sampled),
            _runs_out=pl.when(running).then(runs_out),
            state=pl.when(pl.col("_planned").is_null() & ~known)
            .then(pl.lit("no_plan"))
            .when(~known)
            .then(pl.lit("impossible"))
            .when(pl.col("remaining") > 0)
            .then(pl.lit("within"))
            .when(pl.col("remaining") == 0)
            .then(pl.lit("none_left"))
            .otherwise(pl.lit("exceeded")),
        )
        .with_columns(
            runs_out_on=pl.when(pl.col("_runs_out") <= pl.col("period_end")).then("_runs_out")
        )
        .drop("_planned", "_runs_out")
    )
