"""Intervals against published values, statsmodels and scipy, and their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from assets.statistics.inputs import StatisticsError
from assets.statistics.intervals import (
    clopper_pearson,
    jeffreys_probability,
    jeffreys_probability_of_rate,
    one_sided_lower,
    one_sided_upper,
    wilson,
    wilson_of_rate,
)

GOLDEN = [  # successes, trials, Wilson 95 %, Clopper-Pearson 95 %
    (492, 500, (0.968749, 0.991871), (0.968718, 0.993068)),
    (480, 500, (0.939026, 0.973959), (0.938897, 0.975399)),
    (98, 100, (0.929988, 0.994498), (0.929616, 0.997569)),
    (100, 100, (0.963007, 1.0), (0.963783, 1.0)),
    (1188, 1200, (0.982602, 0.994270), (0.982597, 0.994822)),
]
COUNTS = st.lists(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=1,
    max_size=30,
).map(np.array)


@pytest.mark.parametrize(("successes", "trials", "score", "exact"), GOLDEN)
def test_golden_intervals(
    successes: int, trials: int, score: tuple[float, float], exact: tuple[float, float]
) -> None:
    assert np.array(wilson(successes, trials)) == pytest.approx(score, abs=5.1e-7)
    assert np.array(clopper_pearson(successes, trials)) == pytest.approx(exact, abs=5.1e-7)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_statsmodels_gives_the_same_intervals(confidence: float) -> None:
    trials = np.repeat([1, 2, 7, 30, 500, 20_000], 6)
    successes = np.floor(trials * np.tile([0, 0.1, 0.5, 0.94, 0.999, 1], 6)).astype(int)
    for mine, name in ((wilson, "wilson"), (clopper_pearson, "beta")):
        lower, upper = proportion_confint(successes, trials, 1 - confidence, method=name)
        ours = mine(successes, trials, confidence)
        # At 0 and n, statsmodels' exact method answers NaN in some versions; the bound is known.
        expected_lower = np.where(successes == 0, 0, lower)
        expected_upper = np.where(successes == trials, 1, upper)
        assert ours.lower == pytest.approx(expected_lower, abs=1e-12)
        assert ours.upper == pytest.approx(expected_upper, abs=1e-12)


def test_one_sided_bounds_are_those_of_the_binomial_test() -> None:
    for passed, tested in [(148, 149), (492, 500), (3, 8), (77, 80)]:
        test = stats.binomtest(passed, tested, 0.5, alternative="greater")
        lower = test.proportion_ci(0.95, method="exact").low
        test = stats.binomtest(passed, tested, 0.5, alternative="less")
        upper = test.proportion_ci(0.95, method="exact").high
        assert one_sided_lower(passed, tested) == pytest.approx(lower, abs=1e-10)
        assert one_sided_upper(passed, tested) == pytest.approx(upper, abs=1e-10)


def test_exact_interval_covers_at_least_its_level_and_wilson_nearly() -> None:
    tested = 60
    passed = np.arange(tested + 1)
    for truth in (0.5, 0.9, 0.96, 0.99):
        chance = stats.binom.pmf(passed, tested, truth)
        exact, score = clopper_pearson(passed, tested), wilson(passed, tested)
        assert chance[(exact.lower <= truth) & (truth <= exact.upper)].sum() >= 0.95
        assert chance[(score.lower <= truth) & (truth <= score.upper)].sum() >= 0.87
        assert chance[one_sided_lower(passed, tested) <= truth].sum() >= 0.95
        assert chance[one_sided_upper(passed, tested) >= truth].sum() >= 0.95


def test_probability_of_meeting_the_target() -> None:
    found = jeffreys_probability([492, 480], [500, 500], [0.98, 0.96])
    assert found == pytest.approx([0.728, 0.486], abs=5e-4)
    assert found == pytest.approx(
        [stats.beta.sf(0.98, 492.5, 8.5), stats.beta.sf(0.96, 480.5, 20.5)], rel=1e-10
    )
    assert jeffreys_probability(10**6, 10**6, 1.0) == 0
    assert jeffreys_probability(0, 10**6, 0.0) == 1


def test_no_data_is_no_evidence() -> None:
    for interval in (wilson([0, 1], [0, 1]), clopper_pearson([0, 1], [0, 1])):
        assert np.isnan(interval.lower[0])
        assert np.isnan(interval.upper[0])
        assert interval.upper[1] == 1
    assert np.isnan(one_sided_lower(0, 0))
    assert np.isnan(one_sided_upper(0, 0))
    assert np.isnan(jeffreys_probability(0, 0, 0.9))
    assert wilson([], []).lower.shape == (0,)


def test_large_counts_keep_their_precision() -> None:
    interval = clopper_pearson(6_593_807, 6_794_937)  # a national year of food sampling
    assert float(interval.lower) == pytest.approx(0.970272, abs=2e-6)
    assert float(interval.lower) < 6_593_807 / 6_794_937 < float(interval.upper)


@pytest.mark.parametrize(
    ("successes", "trials", "message"),
    [
        (3, 2, "more successes than trials: 3 of 2"),
        (-1, 2, "cannot be below 0"),
        (1.5, 2, "whole numbers"),
        ([1, None], [2, 2], "whole numbers"),
        ([True], [1], "whole numbers"),
    ],
)
def test_impossible_counts_are_refused(successes: object, trials: object, message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        wilson(successes, trials)  # type: ignore[arg-type]  # the refusal is what is tested


def test_counts_of_different_number_are_refused() -> None:
    with pytest.raises(StatisticsError, match="do not match in number"):
        wilson([1, 2, 3], [5, 5])
    with pytest.raises(StatisticsError, match="do not match in number"):
        jeffreys_probability([1, 2], [5, 5], [0.9, 0.9, 0.9])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, float("nan")])
def test_impossible_confidence_is_refused(confidence: float) -> None:
    for function in (wilson, clopper_pearson, one_sided_lower, one_sided_upper):
        with pytest.raises(StatisticsError, match="confidence"):
            function(1, 2, confidence)


def test_target_is_a_proportion() -> None:
    with pytest.raises(StatisticsError, match="target must lie between 0 and 1"):
        jeffreys_probability(1, 2, 98)


@settings(max_examples=50)
@given(COUNTS, st.floats(0.6, 0.999))
def test_laws_of_intervals(rows: np.ndarray, confidence: float) -> None:
    passed, tested = rows[:, 0], rows[:, 1]
    rate = passed / tested
    for method in (wilson, clopper_pearson):
        low, high = method(passed, tested, confidence)
        assert np.all((low >= 0) & (low <= rate + 1e-12))
        assert np.all((high >= rate - 1e-12) & (high <= 1))
        wider = method(passed, tested, 1 - (1 - confidence) / 2)
        assert np.all(wider.lower <= low + 1e-12)
        assert np.all(wider.upper >= high - 1e-12)
        mirrored = method(tested - passed, tested, confidence)
        assert mirrored.lower == pytest.approx(1 - high, abs=1e-9)
        better = method(np.minimum(passed + 1, tested), tested, confidence)
        assert np.all(better.lower >= low - 1e-12)


@settings(max_examples=50)
@given(COUNTS, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_probability_falls_as_the_target_rises(rows: np.ndarray, one: float, two: float) -> None:
    passed, tested = rows[:, 0], rows[:, 1]
    low, high = min(one, two), max(one, two)
    easier, harder = (jeffreys_probability(passed, tested, goal) for goal in (low, high))
    assert np.all((easier >= harder) & (easier <= 1) & (harder >= 0))


def test_wilson_of_an_effective_size_is_wilson_for_a_whole_one() -> None:
    whole, effective = wilson(46, 50), wilson_of_rate(0.92, 50.0)
    assert np.array(whole) == pytest.approx(np.array(effective))


def test_the_probability_of_a_weighted_rate_is_that_of_counts_of_its_effective_size() -> None:
    golden = jeffreys_probability([492, 480], [500, 500], [0.98, 0.96])
    found = jeffreys_probability_of_rate([492 / 500, 480 / 500], [500, 500], [0.98, 0.96])

    assert found == pytest.approx(golden)
    half = jeffreys_probability_of_rate(0.984, 250, 0.98)
    assert half == pytest.approx(stats.beta.sf(0.98, 246.5, 4.5))
    assert jeffreys_probability_of_rate([0.97, 0.99], np.inf, 0.98).tolist() == [0, 1]
    assert np.isnan(jeffreys_probability_of_rate([np.nan, 0.5], [10, 0], 0.98)).all()
