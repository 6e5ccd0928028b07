"""The failure budget: how many failures the plan of a period still allows for its target.

A target of 98 % over 1,200 planned samples is a budget of 24 failures. The budget says how much
of it is used, whether it is used faster than the samples are taken, when it would run out, and how
probable it is that the period ends on target. (The idea is the error budget of Beyer et al. 2016,
Site Reliability Engineering, 3.)
"""

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

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
        comparator: >=, > or = ("at least" targets; = only with 100 %, which is no less).
        rounding: rounding of the definition before comparing.

    Returns:
        The number; None if even no failure at all would not meet the target, or there are no
        samples.

    Raises:
        StatisticsError: if the plan is negative or the comparator is not of that kind.
    """
    return failures_left(planned, 0, target_percent, comparator, rounding)


def failures_left(
    planned: int,
    failures: Number,
    target_percent: Number,
    comparator: str = ">=",
    rounding: Rounding | None = None,
) -> int | None:
    """How many failures more the planned samples allow, beyond those so far.

    Args:
        planned: samples of the whole period.
        failures: failures so far, exact; a fraction where a failure of a weighted rate is more or
            less than one of average weight.
        target_percent: target, as Decimal, integer or text.
        comparator: see `failures_allowed`.
        rounding: rounding of the definition before comparing.

    Returns:
        The most further failures, whole ones, with which the target is still officially met: 0 or
        more exactly if it would be met without another failure. Below 0 the fewest that would have
        to be undone. None as in `failures_allowed`.

    Raises:
        StatisticsError: if the plan is negative or the comparator is not of that kind.
    """
    whole = comparator == "=" and exact(target_percent) == HIGHEST
    if comparator not in AT_LEAST and not whole:
        raise StatisticsError(
            f"a failure budget needs a target of at least, not {comparator!r} {target_percent}"
        )
    size, used = int(whole_numbers(planned, "planned samples")), exact(failures)
    kind = ">=" if comparator == "=" else comparator

    def missed(more: int) -> bool:
        passes = min(size - used - more, Fraction(size))
        status = official_status([passes], [size], [target_percent], [kind], rounding)
        return bool(status[0] != "met")

    # Meeting the target is monotone in the failures: the first number that misses it, less one.
    more = range(-ceil(used), floor(size - used) + 1)
    first = bisect_left(more, 1, key=missed)
    return more[first - 1] if first > 0 else None


def failure_budget(periods: pl.DataFrame, rounding: Rounding | None = None) -> pl.DataFrame:
    """The failure budget of one or more periods (the year; each quarter of a "keep above" target).

    The prediction takes the samples still to come as exchangeable with those taken: with a Jeffreys
    prior, further failures are beta-binomial with failures + 1/2 and passes + 1/2 (Geisser 1993,
    Predictive Inference, 3; Gelman et al. 2013, Bayesian Data Analysis, 2.4). Before anything is
    tested there is none, as it would be that of the prior alone. The date takes failures to go on
    at their daily pace. More samples than planned make the period larger; once it is over, it is as
    large as the samples that were taken, planned or not. It is over when its deliveries are in
    (as_of on `reported_by` or later), or once its last day is past and all planned samples are
    there. A target of 100 % allows none, however many are taken.

    Args:
        periods: one row a period: `target_percent` (Decimal, integer or text), `comparator`
            (>=, > or =), `planned` (integer; null where there is no plan), `trials`, `failures`
            (integers, so far), `period_start`, `period_end` (dates, both included), `as_of` (date:
            counts are up to and including it); optionally
            `reported_by` (date, default period_end): day by which the period's deliveries are in;
            `outstanding` (integer, default 0): units known of that are not decided yet;
            `exact_failures` (text such as 47/3, null where failures are counted): failures of
            average weight of a weighted rate, trials x (1 - rate), in the place of `failures`;
            `effective_share` (0 to 1, default 1): what a sample is worth beside one of a simple
            random sample, for weighted rates, whose prediction then rests on fewer samples (see
            `intervals.jeffreys_probability_of_rate`). Other columns are kept.
        rounding: rounding of the definition before comparing.

    Returns:
        The table with

        - `period_over`: whether the period is over;
        - `allowed`: failures that the whole period allows (null where its size is not known,
          unless the target is 100 %);
        - `remaining`: failures that it still allows (`failures_left`), below 0 when exceeded; never
          below 0 where the official status of a period that is over is met, nor else above;
        - `failures`: as given; of a weighted rate allowed less remaining, a whole number;
        - `used_share`: failures / allowed (null where 0 are allowed);
        - `burn_rate`: used share over the share of the plan that was sampled; 1 uses the
          budget up exactly at the end, 2 in the middle;
        - `probability_on_target`: predictive probability of ending with no more than allowed (null
          where nothing is tested yet);
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
    _, tested = counts(periods["failures"].to_numpy(), periods["trials"].to_numpy())
    if (periods["period_end"] < periods["period_start"]).any():
        raise StatisticsError("a period cannot end before it starts")
    sized = _sized(periods)
    used = _exact_failures(periods)
    planned = sized["_size"].to_list()
    targets = (periods["target_percent"].to_list(), periods["comparator"].to_list())
    allowed = _all_left(planned, [Fraction(0)] * len(used), *targets, rounding)
    remaining = _all_left(planned, used, *targets, rounding)
    worth = np.ones(len(tested))
    if "effective_share" in periods.columns:
        worth = periods["effective_share"].fill_null(1.0).to_numpy()
    size = sized["_size"].fill_null(0).to_numpy()
    failed = np.array([float(number) for number in used], dtype=np.float64)
    probability = on_target_probability(
        failed, tested, size - tested, remaining.fill_null(-1).to_numpy(), worth
    )
    whole = [floor(number + Fraction(1, 2)) for number in used]
    counted = sized.with_columns(
        allowed=allowed,
        remaining=remaining,
        failures=(allowed - remaining).fill_null(pl.Series(whole, dtype=pl.Int64)),
        probability_on_target=pl.Series(probability),
    ).with_columns(
        used_share=pl.when(pl.col("allowed") > 0).then(pl.col("failures") / pl.col("allowed"))
    )
    return _paced(counted)


def on_target_probability(
    failures: Integers | Floats,
    trials: Integers,
    to_come: Integers,
    remaining: Integers,
    worth: Floats | None = None,
) -> Floats:
    """Probability that no more than `remaining` of the samples to come fail.

    Args:
        failures: n numbers of failures so far; fractions for weighted rates.
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


def _sized(periods: pl.DataFrame) -> pl.DataFrame:
    """Whether each period is over, and how large it is in the end (null where not known)."""
    if "planned" not in periods.columns:
        raise StatisticsError("the table lacks planned, the samples planned for each period")
    whole_numbers(periods["planned"].fill_null(0).to_numpy(), "planned")
    reported = "reported_by" if "reported_by" in periods.columns else "period_end"
    waiting = pl.col("outstanding") if "outstanding" in periods.columns else pl.lit(0)
    known_of = pl.col("trials") + waiting
    last_day_past = pl.col("as_of") >= pl.col("period_end")
    complete = (waiting == 0) & (pl.col("trials") >= pl.col("planned")).fill_null(value=False)
    over = (pl.col("as_of") >= pl.col(reported)) | (
        last_day_past & complete & (pl.col("trials") > 0)
    )
    # Without a plan the size is not known, and so not either of a null beside a number.
    running = pl.when(pl.col("planned").is_not_null()).then(pl.max_horizontal("planned", known_of))
    size = pl.when("period_over").then("trials").otherwise(running).cast(pl.Int64)
    return periods.with_columns(period_over=over).with_columns(_size=pl.when(size > 0).then(size))


def _exact_failures(periods: pl.DataFrame) -> list[Fraction]:
    """Failures so far, exactly: counted, or of average weight where given."""
    counted = periods["failures"].to_list()
    if "exact_failures" not in periods.columns:
        return [Fraction(number) for number in counted]
    given = periods["exact_failures"].to_list()
    return [
        Fraction(number if text is None else text)
        for number, text in zip(counted, given, strict=True)
    ]


def _all_left(
    planned: Sequence[int | None],
    failures: Sequence[Fraction],
    targets: Sequence[Number],
    comparators: Sequence[str],
    rounding: Rounding | None,
) -> pl.Series:
    rows = zip(planned, failures, targets, comparators, strict=True)
    left = [
        failures_left(size, used, target, comparator, rounding)
        if size is not None
        else _never_any(used, target, comparator, rounding)
        for size, used, target, comparator in rows
    ]
    return pl.Series(left, dtype=pl.Int64)


def _never_any(
    failures: Fraction, target: Number, comparator: str, rounding: Rounding | None
) -> int | None:
    """Less than any failure for a target that no number of samples leaves room below."""
    whole = rounding is None and comparator != ">" and exact(target) == HIGHEST
    return -ceil(failures) if whole else None


def _paced(periods: pl.DataFrame) -> pl.DataFrame:
    """Burn rate, date and state, from the counts."""
    known = pl.col("allowed").is_not_null()
    # Counts of a finished period are over its own days, whatever day they are read on.
    last = pl.min_horizontal("as_of", "period_end")
    elapsed = (last - pl.col("period_start")).dt.total_days() + 1
    days_left = (pl.col("remaining") * elapsed / pl.col("failures")).ceil().clip(0, FURTHEST)
    runs_out = last + pl.duration(days=days_left.cast(pl.Int64, strict=False))
    running = known & (pl.col("remaining") > 0) & (pl.col("failures") > 0) & (elapsed > 0)
    sampled = pl.col("trials") / pl.col("_size")
    return (
        periods.with_columns(
            # Where the size is not known, only what is exceeded already is certain.
            # Before the first sample there is only a prior, which nobody has agreed on.
            probability_on_target=pl.when(
                known,
                pl.col("trials") > 0,
                pl.col("_size").is_not_null() | (pl.col("remaining") < 0),
            ).then("probability_on_target"),
            burn_rate=pl.when(pl.col("trials") > 0).then(pl.col("used_share") / sampled),
            _runs_out=pl.when(running).then(runs_out),
            state=pl.when(pl.col("_size").is_null() & ~known)
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
        .drop("_size", "_runs_out")
    )
