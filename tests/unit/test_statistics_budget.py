"""The failure budget: agreement with the official status, predictions, dates."""

import datetime as dt
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assets.statistics.budget import failure_budget, failures_allowed, on_target_probability
from assets.statistics.inputs import StatisticsError
from assets.statistics.status import Rounding, official_status


def period(**changes: object) -> pl.DataFrame:
    """A year of 1,200 planned samples against 98 %, half over, on budget."""
    row: dict[str, object] = {
        "target_percent": Decimal("98.0"),
        "comparator": ">=",
        "planned": 1200,
        "trials": 600,
        "failures": 12,
        "period_start": dt.date(2024, 1, 1),
        "period_end": dt.date(2024, 12, 31),
        "as_of": dt.date(2024, 6, 30),
    }
    return pl.DataFrame([row | changes], schema_overrides={"planned": pl.Int64})


def budget(**changes: object) -> dict[str, object]:
    return failure_budget(period(**changes)).row(0, named=True)


@pytest.mark.parametrize(
    ("planned", "target", "comparator", "rounding", "expected"),
    [
        (366, "94", ">=", None, 21),
        (366, "94", ">=", Rounding(1), 22),
        (1200, "98", ">=", None, 24),
        (1200, "98", ">", None, 23),
        (1199, "98", ">=", None, 23),
        (8, "100", "=", None, 0),
        (8, "0", ">=", None, 8),
        (8, "100", ">", None, None),
        (0, "98", ">=", None, None),
    ],
)
def test_failures_allowed(
    planned: int, target: str, comparator: str, rounding: Rounding | None, expected: int | None
) -> None:
    assert failures_allowed(planned, target, comparator, rounding) == expected


@settings(max_examples=60)
@given(st.integers(1, 10**6), st.decimals(0, 100, places=2), st.sampled_from([None, Rounding(1)]))
def test_the_budget_is_where_the_official_status_turns(
    planned: int, target: Decimal, rounding: Rounding | None
) -> None:
    allowed = failures_allowed(planned, target, ">=", rounding)
    assert allowed is not None
    edge = [planned - allowed, max(planned - allowed - 1, 0)]
    status = official_status(edge, [planned] * 2, [target] * 2, [">="] * 2, rounding)
    assert status[0] == "met"
    assert status[1] == "not_met" or allowed == planned


def test_a_year_on_budget() -> None:
    found = budget()
    assert (found["allowed"], found["remaining"], found["state"]) == (24, 12, "within")
    assert found["used_share"] == 0.5
    assert found["burn_rate"] == pytest.approx(1.0)
    # 182 days used half of it: the other half lasts 182 days more.
    assert found["runs_out_on"] == dt.date(2024, 6, 30) + dt.timedelta(days=182)
    assert found["probability_on_target"] == pytest.approx(0.54, abs=0.01)


def test_prediction_against_simulation() -> None:
    rng = np.random.default_rng(3)
    rate = rng.beta(12.5, 588.5, 200_000)
    simulated = (rng.binomial(600, rate) <= 12).mean()
    found = budget()["probability_on_target"]
    assert found == pytest.approx(simulated, abs=0.004)


def test_a_budget_burning_too_fast() -> None:
    found = budget(failures=20)
    assert found["burn_rate"] == pytest.approx(20 / 24 * 2)
    assert found["runs_out_on"] == dt.date(2024, 6, 30) + dt.timedelta(days=37)  # 4 x 182/20
    assert found["state"] == "within"
    assert 0 < float(str(found["probability_on_target"])) < 0.01


@pytest.mark.parametrize(
    ("changes", "state", "probability"),
    [
        ({"failures": 24}, "none_left", None),
        ({"failures": 25}, "exceeded", 0.0),
        ({"planned": None}, "no_plan", None),
        ({"planned": 0, "trials": 0, "failures": 0}, "no_plan", None),
        ({"planned": None, "as_of": dt.date(2024, 12, 31), "trials": 500}, "exceeded", 0.0),
        ({"planned": None, "as_of": dt.date(2024, 12, 31), "trials": 1000}, "within", 1.0),
        ({"planned": None, "target_percent": Decimal(100)}, "exceeded", 0.0),
        ({"planned": None, "target_percent": 100, "failures": 0}, "none_left", None),
        ({"planned": None, "target_percent": 100, "comparator": ">"}, "no_plan", None),
        ({"target_percent": Decimal(100), "comparator": ">"}, "impossible", None),
        ({"trials": 1200, "as_of": dt.date(2024, 12, 31)}, "within", 1.0),
        ({"trials": 1300, "failures": 26}, "none_left", 1.0),  # more than planned: 26 allowed
        ({"as_of": dt.date(2025, 3, 1), "trials": 1100, "failures": 23}, "exceeded", 0.0),
    ],
)
def test_states(changes: dict[str, object], state: str, probability: float | None) -> None:
    found = budget(**changes)
    assert found["state"] == state
    if probability is not None:
        assert found["probability_on_target"] == probability
    if state != "within":
        assert found["runs_out_on"] is None
    if state in ("no_plan", "impossible"):
        assert found["probability_on_target"] is None
        assert found["burn_rate"] is None


def test_no_failures_so_far_have_no_pace() -> None:
    found = budget(failures=0)
    assert found["runs_out_on"] is None
    assert found["used_share"] == 0
    assert found["burn_rate"] == 0
    assert budget(failures=1)["runs_out_on"] is None  # not within the period
    nothing = budget(failures=0, trials=0)
    assert nothing["burn_rate"] is None
    assert nothing["state"] == "within"


def test_a_target_of_everything_has_no_budget() -> None:
    found = budget(target_percent=Decimal(100), comparator="=", failures=0)
    assert (found["allowed"], found["used_share"], found["state"]) == (0, None, "none_left")
    assert 0.5 < float(str(found["probability_on_target"])) < 0.8


def test_quarters_keep_their_rows_and_columns() -> None:
    quarters = pl.concat([period(failures=n) for n in (1, 12, 30)]).with_columns(
        quarter=pl.Series(["q1", "q2", "q3"])
    )
    found = failure_budget(quarters)
    assert found.columns[: len(quarters.columns)] == quarters.columns
    assert found["quarter"].to_list() == ["q1", "q2", "q3"]
    assert found["remaining"].to_list() == [23, 12, -6]
    assert failure_budget(quarters.head(0)).schema == found.schema


def test_the_last_sample_decides() -> None:
    passes_or_fails = on_target_probability(
        np.array([2]), np.array([99]), np.array([1]), np.array([0])
    )
    assert passes_or_fails == pytest.approx(1 - 2.5 / 100)


def test_prediction_against_scipy() -> None:
    failed, tested = np.array([0, 3, 50, 1000]), np.array([10, 90, 800, 10_000])
    to_come, left = np.array([50, 900, 100, 40_000]), np.array([2, 31, 6, 4_050])
    expected = stats.betabinom.cdf(left, to_come, failed + 0.5, tested - failed + 0.5)
    assert on_target_probability(failed, tested, to_come, left) == pytest.approx(expected, rel=1e-8)


@settings(max_examples=40)
@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 20))
def test_more_budget_is_more_probable(trials: int, to_come: int, failures: int) -> None:
    failed = min(failures, trials)
    left = np.arange(-1, 12)
    chances = on_target_probability(
        np.full(13, failed), np.full(13, trials), np.full(13, to_come), left
    )
    assert np.all((chances >= 0) & (chances <= 1 + 1e-12))
    assert np.all(np.diff(chances) >= -1e-12)
    assert chances[0] == 0


def test_impossible_periods_are_refused() -> None:
    with pytest.raises(StatisticsError, match="cannot end before"):
        budget(period_end=dt.date(2023, 1, 1))
    with pytest.raises(StatisticsError, match="at least"):
        budget(comparator="<=")
    with pytest.raises(StatisticsError, match="more successes than trials"):
        budget(failures=601)
    with pytest.raises(StatisticsError, match="lacks planned"):
        failure_budget(period().drop("planned"))
    with pytest.raises(StatisticsError, match="cannot be below 0"):
        failures_allowed(-1, 98)


def test_samples_that_are_worth_less_leave_the_end_less_certain() -> None:
    sizes = (np.array([60]), np.array([1000]), np.array([800]), np.array([55]))
    plain, half = (
        on_target_probability(*sizes, worth)[0] for worth in (np.array([1.0]), np.array([0.5]))
    )

    assert plain == pytest.approx(on_target_probability(*sizes)[0])
    assert half == pytest.approx(stats.betabinom(800, 30.5, 470.5).cdf(55))
    assert 0.5 < half < plain
