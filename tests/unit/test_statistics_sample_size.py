"""Sample sizes against the published table and a search by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assets.statistics.inputs import StatisticsError
from assets.statistics.intervals import one_sided_lower
from assets.statistics.sample_size import (
    samples_needed,
    samples_still_needed,
    samples_still_needed_of_rate,
)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (0.94, [49, 78, 103, 127]),
        (0.96, [74, 117, 156, 192]),
        (0.98, [149, 236, 313, 386]),
        (0.99, [299, 473, 628, 773]),
    ],
)
def test_golden_sample_sizes(target: float, expected: list[int]) -> None:
    assert samples_needed(target, [0, 1, 2, 3]).to_list() == expected


def test_a_target_of_everything_can_only_be_refuted() -> None:
    assert samples_needed([1.0, 0.98, 0.0], 0).to_list() == [None, 149, 0]
    still = samples_still_needed([500], [500], [1.0])
    assert still.rows() == [(None, None)]


def test_samples_still_needed() -> None:
    still = samples_still_needed(
        [492, 149, 100, 0, 480], [500, 149, 100, 0, 500], [0.98, 0.98, 0.98, 0.98, 0.96]
    )
    assert still["if_all_pass"].to_list()[1:4] == [0, 49, 149]
    assert still["at_present_rate"].to_list()[1:] == [0, 49, None, None]
    more = still["if_all_pass"][0]
    assert one_sided_lower(492 + more, 500 + more) >= 0.98
    assert one_sided_lower(492 + more - 1, 500 + more - 1) < 0.98
    same = still["at_present_rate"][0]
    total = 500 + same
    passed = 0.984 * total
    assert stats.beta.ppf(0.05, passed, total - passed + 1) >= 0.98
    passed = 0.984 * (total - 1)
    assert stats.beta.ppf(0.05, passed, total - 1 - passed + 1) < 0.98


def test_mismatched_numbers_are_refused() -> None:
    with pytest.raises(StatisticsError, match="do not match"):
        samples_needed([0.9, 0.8], [1, 2, 3])
    with pytest.raises(StatisticsError, match="do not match"):
        samples_still_needed([1, 2, 3], [3, 3, 3], [0.9, 0.8])
    with pytest.raises(StatisticsError, match="between 0 and 1"):
        samples_needed(98, 0)


@settings(max_examples=40)
@given(st.floats(0.5, 0.995), st.integers(0, 15), st.floats(0.8, 0.99))
def test_the_size_is_the_smallest(target: float, failures: int, confidence: float) -> None:
    size = samples_needed(target, failures, confidence)[0]
    assert stats.binom.cdf(failures, size, 1 - target) <= 1 - confidence + 1e-12
    assert stats.binom.cdf(failures, size - 1, 1 - target) > 1 - confidence - 1e-12
    more = samples_needed(target, [failures, failures + 1], confidence)
    assert more[1] > more[0]


@given(passed=st.integers(1, 400), failed=st.integers(0, 20))
@settings(max_examples=50)
def test_an_effective_size_of_all_samples_needs_what_the_counts_need(
    passed: int, failed: int
) -> None:
    tested = passed + failed
    plain = samples_still_needed(passed, tested, 0.95)
    weighted = samples_still_needed_of_rate(passed / tested, tested, tested, 0.95)
    doubled = samples_still_needed_of_rate(passed / tested, tested, 2 * tested, 0.95)

    for column in ("if_all_pass", "at_present_rate"):
        one, other, twice = plain[column][0], weighted[column][0], doubled[column][0]
        assert (one is None) == (other is None) == (twice is None)
        if one is not None:
            assert abs(one - other) <= 1
            assert twice == pytest.approx(2 * other, abs=1)


def test_a_rate_without_samples_or_uncertainty_needs_none() -> None:
    found = samples_still_needed_of_rate(
        [float("nan"), 0.96], [0.0, float("inf")], [0, 100], [0.9, 0.9]
    )

    assert found.null_count().row(0) == (2, 2)
