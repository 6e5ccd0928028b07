"""Mix and rate effects: a worked example and exact identities."""

from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.statistics.change import decompose, decompose_counts
from assets.statistics.inputs import StatisticsError

GOLDEN = pl.DataFrame(
    {
        "group": ["big", "small"],
        "weight_before": [0.5, 0.5],
        "weight_after": [0.8, 0.2],
        "rate_before": [0.99, 0.93],
        "rate_after": [0.985, 0.94],
    }
)


def test_golden_example() -> None:
    found = decompose(GOLDEN)
    assert found.mix == Fraction("0.01575")
    assert found.rate == Fraction("0.00025")
    assert found.total == Fraction("0.01600")
    # By group, the mix is counted from the average of both rates, (0.960 + 0.976)/2.
    assert found.groups["mix_effect"].to_list() == pytest.approx(
        [0.3 * (0.9875 - 0.968), -0.3 * (0.935 - 0.968)]
    )
    assert found.groups["rate_effect"].to_list() == pytest.approx([-0.005 * 0.65, 0.01 * 0.35])


def test_counts_and_their_shares_say_the_same() -> None:
    table = pl.DataFrame(
        {
            "successes_before": [495, 465],
            "trials_before": [500, 500],
            "successes_after": [788, 188],
            "trials_after": [800, 200],
        }
    )
    counted = decompose_counts(table)
    shared = decompose(GOLDEN)
    assert (counted.mix, counted.rate, counted.total) == (shared.mix, shared.rate, shared.total)


def test_a_new_and_an_ended_group_are_mix() -> None:
    table = pl.DataFrame(
        {
            "successes_before": [90, 10, 0, 0],
            "trials_before": [100, 20, 0, 0],
            "successes_after": [90, 0, 40, 0],
            "trials_after": [100, 0, 40, 0],
        }
    )
    found = decompose_counts(table)
    assert found.rate == 0
    assert found.total == found.mix == Fraction(130, 140) - Fraction(100, 120)
    assert found.groups["mix_effect"].to_list()[3] == 0
    assert found.groups["mix_effect"].to_list()[1] > 0  # the worst group left


def test_weights_are_counts_or_shares() -> None:
    doubled = GOLDEN.with_columns(pl.col("weight_after") * 200)
    assert decompose(doubled).mix == decompose(GOLDEN).mix


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (GOLDEN.drop("rate_after"), "lacks rate_after"),
        (GOLDEN.drop("weight_after"), "lacks weight_after"),
        (GOLDEN.with_columns(weight_after=pl.lit(0)), "above 0 in some group"),
        (GOLDEN.with_columns(weight_after=pl.lit(-1)), "0 or above"),
        (GOLDEN.with_columns(rate_after=pl.lit(98)), "rate_after must lie between 0 and 1"),
        (GOLDEN.with_columns(rate_after=None), "a weight but no rate_after"),
    ],
)
def test_impossible_groups_are_refused(table: pl.DataFrame, message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        decompose(table)


COUNTS = st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=80)
@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=10))
def test_effects_sum_to_the_change_exactly(
    rows: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    table = pl.DataFrame(
        {
            "successes_before": [before[0] for before, _ in rows],
            "trials_before": [before[1] for before, _ in rows],
            "successes_after": [after[0] for _, after in rows],
            "trials_after": [after[1] for _, after in rows],
        }
    )
    sums = table.sum().row(0, named=True)
    if not (sums["trials_before"] and sums["trials_after"]):
        with pytest.raises(StatisticsError):
            decompose_counts(table)
        return
    found = decompose_counts(table)
    before = Fraction(sums["successes_before"], sums["trials_before"])
    after = Fraction(sums["successes_after"], sums["trials_after"])
    assert found.mix + found.rate == found.total == after - before
    assert found.groups["mix_effect"].sum() == pytest.approx(float(found.mix), abs=1e-12)
    assert found.groups["rate_effect"].sum() == pytest.approx(float(found.rate), abs=1e-12)
    swapped = decompose_counts(
        table.rename(
            {name: name.replace("before", "x").replace("after", "before") for name in table.columns}
        ).rename(lambda name: name.replace("_x", "_after"))
    )
    assert (swapped.mix, swapped.rate) == (-found.mix, -found.rate)


def test_decimals_are_taken_as_written() -> None:
    exact = GOLDEN.with_columns(
        weight_before=pl.Series([Decimal("0.5"), Decimal("0.5")]),
        rate_before=pl.Series([Decimal("0.99"), Decimal("0.93")]),
    )
    assert decompose(exact).total == decompose(GOLDEN).total
