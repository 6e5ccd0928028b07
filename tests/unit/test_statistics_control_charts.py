"""Control charts against Montgomery's tables, exact quantiles and hand-made signals."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assets.statistics.control_charts import TAIL, moving_range_error, p_chart, u_chart
from assets.statistics.inputs import StatisticsError

# Montgomery, Introduction to Statistical Quality Control, table 7.1: 30 samples of 50 juice cans.
CANS = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22]
CANS += [8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]
# Table 7.4: 25 weeks of purchase orders, subgroups of varying size.
ORDERS = [100, 80, 80, 100, 110, 110, 100, 100, 90, 90, 110, 120, 120]
ORDERS += [120, 110, 80, 80, 80, 90, 100, 100, 100, 100, 90, 90]
ERRORS = [12, 8, 6, 9, 10, 12, 11, 16, 10, 6, 20, 15, 9, 8, 6, 8, 10, 7, 5, 8, 5, 8, 10, 6, 9]


def cans(*left_out: int) -> pl.DataFrame:
    number = pl.int_range(1, 31, eager=True)
    return pl.DataFrame({"sample": number, "failures": CANS, "trials": [50] * 30}).with_columns(
        baseline=~pl.col("sample").is_in(left_out)
    )


def chart_of(values: list[int], size: int = 1000, expected: int = 100) -> pl.DataFrame:
    """Signals of new points after a quiet baseline around the expected count."""
    quiet = [expected + (-1) ** place * 3 for place in range(20)]
    table = pl.DataFrame(
        {
            "failures": quiet + values,
            "trials": [size] * (20 + len(values)),
            "baseline": [True] * 20 + [False] * len(values),
        }
    )
    return p_chart(table, "plain").points.tail(len(values))


def test_textbook_p_chart() -> None:
    found = p_chart(cans(), "plain")
    assert found.centre == pytest.approx(347 / 1500)
    first = found.points.row(0, named=True)
    assert (first["lower"], first["upper"]) == pytest.approx((0.0524, 0.4102), abs=1.1e-4)
    beyond = found.points.filter("beyond_limits")
    assert beyond["sample"].to_list() == [15, 23]


def test_textbook_p_chart_revised() -> None:
    found = p_chart(cans(15, 23), "plain")
    assert found.centre == pytest.approx(301 / 1400)
    first = found.points.row(0, named=True)
    assert (first["lower"], first["upper"]) == pytest.approx((0.0407, 0.3893), abs=1.1e-4)
    assert found.points.filter("beyond_limits")["sample"].to_list() == [15, 21, 23]


def test_textbook_p_chart_of_varying_size() -> None:
    table = pl.DataFrame({"failures": ERRORS, "trials": ORDERS})
    found = p_chart(table)
    assert found.method == "plain"
    assert found.centre == pytest.approx(234 / 2450)
    for size, lower, upper in ((100, 0.007, 0.184), (80, 0.0, 0.194), (110, 0.011, 0.180)):
        row = found.points.filter(pl.col("trials") == size).row(0, named=True)
        assert (row["lower"], row["upper"]) == pytest.approx((lower, upper), abs=1e-3)
    assert found.points["beyond_limits"].arg_true().to_list() == [10]  # week 11


def test_textbook_u_chart() -> None:
    # Montgomery, example 7.5: defects in ten rolls of dyed cloth, per 50 square metres.
    table = pl.DataFrame(
        {
            "defects": [14, 12, 20, 11, 7, 10, 21, 16, 19, 23],
            "units": [10, 8, 13, 10, 9.5, 10, 12, 10.5, 12, 12.5],
        },
        strict=False,
        schema={"defects": pl.Int64, "units": pl.Float64},
    )
    found = u_chart(table, "plain", fewest=10)
    assert found.centre == pytest.approx(153 / 107.5)
    row = found.points.row(0, named=True)
    assert (row["lower"], row["upper"]) == pytest.approx((0.29, 2.55), abs=6e-3)  # from 1.42
    assert found.points["signal"].sum() == 0


def test_sigma_z_by_hand() -> None:
    failed, tested = np.array([10, 30, 12, 28] * 6), np.array([100, 200] * 12)
    found = p_chart(pl.DataFrame({"failures": failed, "trials": tested}), "laney")
    centre = failed.sum() / tested.sum()
    scores = (failed / tested - centre) / np.sqrt(centre * (1 - centre) / tested)
    expected = (
        np.mean([abs(a - b) for a, b in zip(scores[1:], scores[:-1], strict=True)]) / 1.128379
    )
    assert found.sigma_z == pytest.approx(expected, rel=1e-6)
    half = 3 * expected * np.sqrt(centre * (1 - centre) / 100)
    assert found.points["upper"][0] == pytest.approx(centre + half, rel=1e-6)


def test_overdispersion_is_noticed_and_chance_is_not() -> None:
    rng = np.random.default_rng(5)
    tested = np.full(60, 4000)
    calm = rng.binomial(tested, 0.05)
    restless = rng.binomial(tested, rng.beta(50, 950, 60))
    plain = p_chart(pl.DataFrame({"failures": calm, "trials": tested}))
    wide = p_chart(pl.DataFrame({"failures": restless, "trials": tested}))
    assert plain.method == "plain"
    assert plain.sigma_z == pytest.approx(1, abs=0.25)
    assert wide.method == "laney"
    assert wide.sigma_z is not None
    assert wide.sigma_z > 1.5
    assert wide.points["beyond_limits"].sum() == 0
    narrow = p_chart(pl.DataFrame({"failures": restless, "trials": tested}), "plain")
    assert narrow.points["beyond_limits"].sum() > 3


def test_a_shift_is_no_overdispersion() -> None:
    rng = np.random.default_rng(6)
    tested = np.full(60, 2000)
    shifted = rng.binomial(tested, np.repeat([0.04, 0.07], 30))
    found = p_chart(pl.DataFrame({"failures": shifted, "trials": tested}))
    assert found.method == "plain"
    assert found.points["signal"].sum() > 20


def test_error_of_a_moving_range_estimate() -> None:
    assert moving_range_error(20) == pytest.approx(np.sqrt(0.8264 * 20 - 1.082) / 19, rel=1e-4)
    rng = np.random.default_rng(7)
    ranges = np.abs(np.diff(rng.standard_normal((20_000, 20)))).mean(axis=1) / 1.128379
    assert ranges.std() == pytest.approx(moving_range_error(20), rel=0.02)


def test_rare_failures_get_exact_limits() -> None:
    rng = np.random.default_rng(8)
    tested = rng.integers(20, 90, 40)
    failed = rng.binomial(tested, 0.02)
    found = p_chart(pl.DataFrame({"failures": failed, "trials": tested}))
    assert found.points["limits"].unique().to_list() == ["exact"]
    assert found.centre is not None
    most = np.rint(found.points["upper"].to_numpy() * tested)
    assert np.all(stats.binom.sf(most, tested, found.centre) <= 0.00135)
    assert np.all(stats.binom.sf(most - 1, tested, found.centre) > 0.00135)
    assert np.array_equal(most, stats.binom.ppf(1 - TAIL, tested, found.centre))
    least = np.rint(found.points["lower"].to_numpy() * tested)
    assert np.array_equal(least, stats.binom.ppf(TAIL, tested, found.centre))
    # Where most points must lie below the centre, a row of them means nothing.
    quiet = pl.DataFrame({"failures": [0] * 19 + [1], "trials": [20] * 20})
    assert p_chart(quiet).points["signal"].sum() == 0
    passes = p_chart(
        pl.DataFrame({"failures": tested - failed, "trials": tested})
    )  # as rare, seen from the other side
    assert passes.points["lower"].to_numpy() == pytest.approx(1 - found.points["upper"].to_numpy())


def test_rare_defects_get_exact_limits() -> None:
    table = pl.DataFrame({"defects": [1, 0, 2, 1] * 6, "units": [2.0] * 24})
    found = u_chart(table)
    assert found.points["limits"].unique().to_list() == ["exact"]
    assert found.points["upper"][0] * 2 == stats.poisson.ppf(1 - 0.00135, 1.0)


@settings(max_examples=40)
@given(
    st.lists(st.floats(0.01, 400), min_size=20, max_size=30),
    st.lists(st.integers(0, 3), min_size=20, max_size=20),
)
def test_exact_limits_of_defects_are_quantiles(units: list[float], defects: list[int]) -> None:
    found = u_chart(
        pl.DataFrame(
            {"defects": defects + [0] * (len(units) - 20), "units": units},
            schema={"defects": pl.Int64, "units": pl.Float64},
        )
    )
    rare = found.points.filter(pl.col("limits") == "exact")
    assert found.centre is not None
    mean = rare["units"].to_numpy() * found.centre
    for column, chance in (("lower", TAIL), ("upper", 1 - TAIL)):
        limit = np.rint((rare[column] * rare["units"]).to_numpy())
        assert np.array_equal(limit, stats.poisson.ppf(chance, mean))


def test_rule_of_nine() -> None:
    assert chart_of([106] * 8)["run_of_9"].sum() == 0
    assert chart_of([106] * 10)["run_of_9"].to_list()[8:] == [True, True]
    assert chart_of([94] * 9)["run_of_9"].to_list()[-1]
    assert chart_of([106] * 4 + [100] + [106] * 4)["run_of_9"].sum() == 0  # on the centre


def test_rule_of_six() -> None:
    assert chart_of([99, 101, 102, 104, 105, 107])["trend_of_6"].to_list()[-1]
    assert chart_of([105, 104, 102, 101, 99, 98])["trend_of_6"].to_list()[-1]
    assert chart_of([98, 101, 102, 102, 105, 107])["trend_of_6"].sum() == 0


def test_a_jump_is_beyond_the_limits() -> None:
    found = chart_of([160, 100, 40])
    assert found["beyond_limits"].to_list() == [True, False, True]
    assert found["signal"].to_list() == [True, False, True]


def test_few_subgroups_are_no_baseline() -> None:
    table = pl.DataFrame({"failures": [5] * 19, "trials": [100] * 19})
    found = p_chart(table)
    assert found.state == "no_baseline"
    assert found.centre is None
    assert found.points["value"].to_list() == [0.05] * 19
    assert found.points["upper"].null_count() == 19
    assert found.points["signal"].sum() == 0
    ready = p_chart(pl.concat([table, table.head(1)]))
    assert ready.state == "ready"
    assert ready.points.schema == found.points.schema


def test_periods_without_samples() -> None:
    table = pl.DataFrame(
        {
            "failures": [9, 0, 8] * 10 + [15] * 9 + [0],
            "trials": [100, 0, 100] * 10 + [100] * 9 + [0],
        }
    ).with_columns(baseline=pl.int_range(pl.len()) < 30)
    found = p_chart(table, "plain")
    assert found.centre == pytest.approx(0.085)
    assert found.points["value"].null_count() == 11
    assert found.points["upper"].null_count() == 11
    assert found.points["centre"].null_count() == 11
    assert found.points["run_of_9"].to_list()[-3:] == [False, True, False]


def test_a_baseline_without_failures() -> None:
    table = pl.DataFrame({"failures": [0] * 25 + [1], "trials": [50] * 26}).with_columns(
        baseline=pl.int_range(pl.len()) < 25
    )
    found = p_chart(table)
    assert found.centre == 0
    assert found.points["signal"].to_list() == [False] * 25 + [True]


def test_impossible_subgroups_are_refused() -> None:
    with pytest.raises(StatisticsError, match="more successes than trials"):
        p_chart(pl.DataFrame({"failures": [3], "trials": [2]}))
    with pytest.raises(StatisticsError, match="lacks trials"):
        p_chart(pl.DataFrame({"failures": [3]}))
    with pytest.raises(StatisticsError, match="missing in baseline"):
        p_chart(pl.DataFrame({"failures": [1], "trials": [2], "baseline": [None]}))
    for units in (-1.0, 0.0, float("nan")):
        with pytest.raises(StatisticsError, match="units must be"):
            u_chart(pl.DataFrame({"defects": [3], "units": [units]}))


ROWS = st.integers(0, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=40)
@given(st.lists(ROWS, min_size=20, max_size=40))
def test_laws_of_p_charts(rows: list[tuple[int, int]]) -> None:
    table = pl.DataFrame(rows, schema=["failures", "trials"], orient="row")
    found = p_chart(table)
    assert found.points.height == len(rows)
    points = found.points.drop_nulls("upper")
    lower, upper = points["lower"].to_numpy(), points["upper"].to_numpy()
    assert np.all((lower >= 0) & (lower <= upper) & (upper <= 1))
    value = points["value"].to_numpy()
    inside = (value >= lower) & (value <= upper)
    assert np.array_equal(~inside, points["beyond_limits"].to_numpy())
