"""Adjusted p-values against statsmodels, scipy and a hand-worked example."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from assets.statistics.inputs import StatisticsError
from assets.statistics.multiplicity import below_p_value, benjamini_hochberg


def test_by_hand() -> None:
    found = benjamini_hochberg([0.01, 0.04, 0.03, 0.5])
    assert found == pytest.approx([0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])


def test_published_example() -> None:
    # The fifteen p-values of Benjamini and Hochberg (1995), section 4: four rejections at 5 %.
    values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    values += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (benjamini_hochberg(values) <= 0.05).tolist() == [True] * 4 + [False] * 11


def test_missing_values_are_no_tests() -> None:
    found = benjamini_hochberg([0.01, float("nan"), 0.04])
    assert np.isnan(found[1])
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert benjamini_hochberg([]).shape == (0,)


def test_refusals() -> None:
    with pytest.raises(StatisticsError, match="between 0 and 1"):
        benjamini_hochberg([0.5, 1.2])
    with pytest.raises(StatisticsError, match="one row"):
        benjamini_hochberg([[0.5], [0.2]])


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_statsmodels_agrees_and_order_is_kept(values: list[float]) -> None:
    found = benjamini_hochberg(values)
    assert found == pytest.approx(multipletests(values, method="fdr_bh")[1], abs=1e-12)
    assert np.all(found >= np.array(values) - 1e-15)
    assert np.all(np.diff(found[np.argsort(values, kind="stable")]) >= 0)


def test_exact_p_value_of_a_rate_below_a_reference() -> None:
    passed, tested = np.array([0, 7, 95, 100, 480]), np.array([5, 8, 100, 100, 500])
    expected = [
        stats.binomtest(int(x), int(n), 0.97, alternative="less").pvalue
        for x, n in zip(passed, tested, strict=True)
    ]
    assert below_p_value(passed, tested, 0.97) == pytest.approx(expected, rel=1e-9)
    assert np.isnan(below_p_value(0, 0, 0.97))
    assert below_p_value(4, 5, 1.0) == 0
    assert below_p_value([5, 0], [5, 5], [1.0, 0.0]).tolist() == [1, 1]
