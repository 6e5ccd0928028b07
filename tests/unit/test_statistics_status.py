"""Official status in exact arithmetic, and the evidence beside it."""

from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.statistics.inputs import StatisticsError
from assets.statistics.status import (
    Rounding,
    assess,
    evidence,
    official_status,
    percent_text,
    percentage,
)

ONE_DECIMAL = Rounding(1)


def status(
    successes: int, trials: int, target: str, comparator: str, rounding: Rounding | None = None
) -> str:
    return str(official_status([successes], [trials], [Decimal(target)], [comparator], rounding)[0])


@pytest.mark.parametrize(
    ("good", "days", "rounding", "expected", "printed"),
    [
        (345, 366, None, "met", "94.3"),
        (344, 366, None, "not_met", "94.0"),  # 93.989: prints 94.0, and is below 94
        (344, 366, ONE_DECIMAL, "met", "94.0"),
        (343, 366, ONE_DECIMAL, "not_met", "93.7"),
    ],
)
def test_good_days_of_a_leap_year(
    good: int, days: int, rounding: Rounding | None, expected: str, printed: str
) -> None:
    assert status(good, days, "94", ">=", rounding) == expected
    assert percent_text(percentage([good], [days])[0], ONE_DECIMAL) == printed


@pytest.mark.parametrize(
    ("successes", "trials", "target", "comparator", "expected"),
    [
        (480, 500, "96", ">=", "met"),
        (480, 500, "96", ">", "not_met"),
        (480, 500, "96", "=", "met"),
        (480, 500, "96", "<=", "met"),
        (480, 500, "96", "<", "not_met"),
        (479, 500, "96", ">=", "not_met"),
        (1, 3, "33.333333333333333333333", ">", "met"),
        (1, 3, "33.333333333333333333334", ">=", "not_met"),
        (10**15 * 98 - 1, 10**17, "98", ">=", "not_met"),  # a float would say exactly 98
        (8, 8, "100", "=", "met"),
        (7, 8, "100", "=", "not_met"),
        (0, 0, "98", ">=", "no_data"),
        (1, 100, "0", "~", "not_judged"),
        (0, 0, "0", "~", "not_judged"),
    ],
)
def test_official_status(
    successes: int, trials: int, target: str, comparator: str, expected: str
) -> None:
    assert status(successes, trials, target, comparator) == expected


@pytest.mark.parametrize(
    ("value", "digits", "half_even", "half_up"),
    [
        ("0.35", 1, "0.4", "0.4"),
        ("1.050", 1, "1.0", "1.1"),
        ("0.25", 1, "0.2", "0.3"),
        ("94.005", 2, "94.00", "94.01"),
        ("93.5", 0, "94", "94"),
        ("92.5", 0, "92", "93"),
        ("100", 2, "100.00", "100.00"),
    ],
)
def test_rounding_of_a_half(value: str, digits: int, half_even: str, half_up: str) -> None:
    assert percent_text(Fraction(value), Rounding(digits)) == half_even
    assert percent_text(Fraction(value), Rounding(digits, "half_up")) == half_up


def test_rounding_decides_a_status_on_a_half() -> None:
    # 37,978 of 40,000 is 94.945 %: two decimals give 94.94 to even, and 94.95 by hand.
    assert status(37_978, 40_000, "94.95", ">=", Rounding(2)) == "not_met"
    assert status(37_978, 40_000, "94.95", ">=", Rounding(2, "half_up")) == "met"


def test_a_weighted_rate_is_compared_exactly() -> None:
    rate = Fraction(933, 1000)
    found = official_status(
        [rate, rate], [1, 1], [Decimal("93.3"), Decimal("93.30000001")], [">=", ">="]
    )
    assert found.tolist() == ["met", "not_met"]


@pytest.mark.parametrize(
    ("successes", "trials", "target", "comparator", "expected"),
    [
        (492, 500, 98, ">=", "inconclusive"),
        (480, 500, 96, ">=", "inconclusive"),
        (149, 149, 98, ">=", "demonstrated"),
        (148, 148, 98, ">=", "inconclusive"),
        (470, 500, 98, ">=", "missed"),
        (10**6, 10**6, 100, "=", "inconclusive"),  # can only be refuted
        (10**6 - 1, 10**6, 100, "=", "missed"),
        (10**6, 10**6, 100, ">=", "inconclusive"),
        (1, 500, 2, "<=", "demonstrated"),
        (30, 500, 2, "<=", "missed"),
        (10, 500, 2, "<", "inconclusive"),
        (0, 0, 98, ">=", "no_data"),
        (5, 10, 0, "~", "not_judged"),
    ],
)
def test_evidence(successes: int, trials: int, target: int, comparator: str, expected: str) -> None:
    table = pl.DataFrame(
        {
            "successes": [successes],
            "trials": [trials],
            "target_percent": [target],
            "comparator": [comparator],
            "census": [False],
        }
    )
    assert assess(table)["evidence"].to_list() == [expected]


def test_a_bound_on_a_strict_target_leaves_it_open() -> None:
    found = evidence([0.9, 0.9], [0.95, 0.95], [0.9, 0.9], [">=", ">"])
    assert found.tolist() == ["demonstrated", "inconclusive"]


def test_assess_a_table() -> None:
    table = pl.DataFrame(
        {
            "indicator": ["food", "agri", "projects", "nothing", "complaints"],
            "successes": [492, 480, 99, 0, 4],
            "trials": [500, 500, 100, 0, 200],
            "target_percent": [Decimal(98), Decimal(96), Decimal(99), Decimal(98), Decimal(2)],
            "comparator": [">=", ">=", ">=", ">=", "<="],
            "census": [False, False, True, True, False],
        }
    )
    found = assess(table)
    assert found.columns[:6] == table.columns
    assert found["official_status"].to_list() == ["met", "met", "met", "no_data", "met"]
    assert found["evidence"].to_list() == [
        "inconclusive",
        "inconclusive",
        "census",
        "no_data",
        "inconclusive",
    ]
    assert found["value"].to_list() == pytest.approx([98.4, 96.0, 99.0, None, 2.0])
    assert found["lower"].to_list()[0] == pytest.approx(96.8749, abs=1e-4)
    assert found["lower"].null_count() == 2  # a census and a table without data
    assert found["upper"].null_count() == 2
    probability = found["probability"].to_list()
    assert probability[:2] == pytest.approx([0.728, 0.486], abs=5e-4)
    assert probability[2] is None
    assert 0.4 < probability[4] < 0.6  # of being at most 2 %, not at least


def test_an_empty_table_stays_empty() -> None:
    schema = pl.Schema(
        {
            "successes": pl.Int64,
            "trials": pl.Int64,
            "target_percent": pl.String,
            "comparator": pl.String,
            "census": pl.Boolean,
        }
    )
    found = assess(pl.DataFrame(schema=schema))
    assert found.height == 0
    assert found.schema["evidence"] == pl.String
    assert found.schema["lower"] == pl.Float64


def test_refusals() -> None:
    with pytest.raises(StatisticsError, match="comparators"):
        official_status([1], [2], [98], ["=="])
    with pytest.raises(StatisticsError, match="2 comparators for 1"):
        official_status([1], [2], [98], [">=", ">="])
    with pytest.raises(StatisticsError, match="2 targets for 1"):
        official_status([1], [2], [98, 99], [">="])
    with pytest.raises(StatisticsError, match="expected a number"):
        official_status([1], [2], ["ninety"], [">="])
    with pytest.raises(StatisticsError, match="expected a number"):
        official_status([1], [2], [float("nan")], [">="])
    with pytest.raises(StatisticsError, match="not below 0"):
        percentage([-1], [2])
    with pytest.raises(StatisticsError, match="1 numerators for 2"):
        percentage([1], [2, 3])
    with pytest.raises(StatisticsError, match="digits"):
        percentage([1], [2], Rounding(-1))
    with pytest.raises(StatisticsError, match="lacks target_percent, comparator, census"):
        assess(pl.DataFrame({"successes": [1], "trials": [2]}))


@settings(max_examples=100)
@given(
    st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.decimals(0, 100, places=3),
    st.integers(0, 4),
)
def test_status_agrees_with_cross_multiplication(
    pair: tuple[int, int], target: Decimal, digits: int
) -> None:
    passed, tested = pair
    scaled = int(target * 1000)
    met = passed * 100_000 >= scaled * tested
    assert status(passed, tested, str(target), ">=") == ("met" if met else "not_met")
    exact = Decimal(passed) * 100 / Decimal(tested)  # 28 digits: enough for seven of each
    expected = exact.quantize(Decimal(1).scaleb(-digits))
    assert percent_text(percentage([passed], [tested])[0], Rounding(digits)) == str(expected)
