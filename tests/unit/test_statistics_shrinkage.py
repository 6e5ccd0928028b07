"""Beta-binomial shrinkage against the likelihood, a simulation and its laws."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assets.statistics.inputs import StatisticsError
from assets.statistics.shrinkage import Prior, fit_prior, shrunk_rates

TOWNS = pl.DataFrame(
    {
        "town": list("abcdefghijklmn"),
        "successes": [95, 48, 190, 29, 7, 88, 0, 142, 60, 39, 118, 25, 300, 17],
        "trials": [100, 50, 200, 30, 8, 100, 0, 150, 60, 45, 120, 30, 310, 18],
    }
)


def log_likelihood(mean: float, strength: float, passed: np.ndarray, tested: np.ndarray) -> float:
    a, b = mean * strength, (1 - mean) * strength
    return float(np.sum(stats.betabinom.logpmf(passed, tested, a, b)))


def test_the_fit_is_the_top_of_the_likelihood() -> None:
    passed, tested = TOWNS["successes"].to_numpy(), TOWNS["trials"].to_numpy()
    prior = fit_prior(passed, tested)
    assert prior.method == "empirical_bayes"
    best = log_likelihood(prior.mean, prior.strength, passed, tested)
    grid = max(
        log_likelihood(mean, strength, passed, tested)
        for mean in np.linspace(0.85, 0.99, 57)
        for strength in np.geomspace(2, tested.sum(), 80)
    )
    assert best >= grid
    for mean, strength in ((1.002, 1), (0.998, 1), (1, 1.05), (1, 0.95)):
        moved = log_likelihood(prior.mean * mean, prior.strength * strength, passed, tested)
        assert moved < best


def test_the_prior_of_a_simulation_is_found_again() -> None:
    rng = np.random.default_rng(20_240)
    tested = rng.integers(20, 200, 600)
    passed = rng.binomial(tested, rng.beta(0.95 * 60, 0.05 * 60, 600))
    prior = fit_prior(passed, tested)
    assert prior.mean == pytest.approx(0.95, abs=0.005)
    assert prior.strength == pytest.approx(60, rel=0.2)


def test_intervals_cover_the_areas_they_describe() -> None:
    rng = np.random.default_rng(11)
    truth = rng.beta(0.95 * 60, 0.05 * 60, 600)
    tested = rng.integers(5, 80, 600)
    passed = rng.binomial(tested, truth)
    found = shrunk_rates(pl.DataFrame({"successes": passed, "trials": tested}))
    inside = (found["shrunk_lower"].to_numpy() <= truth) & (
        truth <= found["shrunk_upper"].to_numpy()
    )
    assert inside.mean() == pytest.approx(0.95, abs=0.025)
    error = np.mean((found["shrunk_rate"].to_numpy() - truth) ** 2)
    assert error < 0.6 * np.mean((found["raw_rate"].to_numpy() - truth) ** 2)


def test_areas_that_do_not_differ_weigh_no_more_than_their_samples() -> None:
    prior = fit_prior([95] * 10, [100] * 10)
    assert prior.strength == pytest.approx(1000, rel=1e-3)
    assert prior.mean == pytest.approx(0.95, abs=1e-3)
    same = np.full(10, 95), np.full(10, 100)
    best = log_likelihood(prior.mean, 1000, *same)
    assert best >= max(log_likelihood(mean, 1000, *same) for mean in (0.9490, 0.9500, 0.9505))


@pytest.mark.parametrize(
    ("passed", "tested"), [([30, 40, 50], [30, 40, 50]), ([0, 0, 0], [3, 4, 5]), ([9, 8], [9, 9])]
)
def test_nothing_to_learn_from(passed: list[int], tested: list[int]) -> None:
    assert fit_prior(passed, tested) == Prior(0.5, 1.0, "jeffreys")
    found = shrunk_rates(pl.DataFrame({"successes": passed, "trials": tested}))
    expected = stats.beta.ppf(0.025, passed[0] + 0.5, tested[0] - passed[0] + 0.5)
    assert found["shrunk_lower"][0] == pytest.approx(expected)


def test_table_of_towns() -> None:
    found = shrunk_rates(TOWNS)
    assert found["town"].to_list() == TOWNS["town"].to_list()
    towns = {row["town"]: row for row in found.iter_rows(named=True)}
    assert [town for town, row in towns.items() if row["suppressed"]] == ["e", "g", "n"]
    assert towns["g"]["raw_rate"] is None
    assert towns["g"]["own_weight"] == 0
    prior = fit_prior(TOWNS["successes"], TOWNS["trials"])
    assert towns["g"]["shrunk_rate"] == pytest.approx(prior.mean)
    # One failure of eight is pulled far, ten of three hundred hardly.
    assert towns["e"]["shrunk_rate"] - towns["e"]["raw_rate"] > 0.05
    assert abs(towns["m"]["shrunk_rate"] - towns["m"]["raw_rate"]) < 0.01
    assert shrunk_rates(TOWNS, minimum=0)["suppressed"].sum() == 0


def test_impossible_areas_are_refused() -> None:
    with pytest.raises(StatisticsError, match="lacks trials"):
        shrunk_rates(pl.DataFrame({"successes": [1]}))
    with pytest.raises(StatisticsError, match="missing in trials"):
        shrunk_rates(pl.DataFrame({"successes": [1, 1], "trials": [1, None]}))


@settings(max_examples=40)
@given(
    st.lists(
        st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=25
    )
)
def test_laws_of_shrinkage(rows: list[tuple[int, int]]) -> None:
    table = pl.DataFrame(rows, schema={"successes": pl.Int64, "trials": pl.Int64}, orient="row")
    prior = fit_prior(table["successes"].to_numpy(), table["trials"].to_numpy())
    found = shrunk_rates(table, prior)
    rate = found["shrunk_rate"].to_numpy()
    raw = found["raw_rate"].fill_null(prior.mean).to_numpy()
    assert np.all(rate >= np.minimum(raw, prior.mean) - 1e-9)
    assert np.all(rate <= np.maximum(raw, prior.mean) + 1e-9)
    lower, upper = found["shrunk_lower"].to_numpy(), found["shrunk_upper"].to_numpy()
    assert np.all((lower >= 0) & (lower <= upper) & (upper <= 1))
