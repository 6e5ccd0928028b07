from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.demo.chance import (
    date_text,
    decimal_text,
    drawn_values,
    failing,
    pick,
    pick_within,
    sampling_days,
)
from assets.demo.lists import demo_list
from warehouse.errors import ConfigurationError


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 6)), min_size=1, max_size=60))
def test_decimal_text_is_exact(pairs: list[tuple[int, int]]) -> None:
    frame = pl.DataFrame(pairs, schema={"scaled": pl.Int64, "decimals": pl.Int64}, orient="row")
    texts = frame.select(decimal_text(pl.col("scaled"), pl.col("decimals"))).to_series()
    for text, (scaled, decimals) in zip(texts.to_list(), pairs, strict=True):
        assert Decimal(text) == Decimal(scaled).scaleb(-decimals)
        assert len(text.partition(".")[2]) == decimals


def test_drawn_values_stay_between_their_bounds() -> None:
    size = 4000
    low, high = pl.Series([0.023] * size), pl.Series([0.4] * size)
    texts = drawn_values(np.random.default_rng(1), low, high, pl.Series([3.0] * size))
    values = [Decimal(text) for text in texts.to_list()]
    assert min(values) >= Decimal("0.023")
    assert max(values) <= Decimal("0.4")
    assert len(set(values)) > 100


def test_pick_follows_the_weights() -> None:
    drawn = pick(np.random.default_rng(2), np.array([1.0, 0.0, 3.0]), 20_000)
    counts = np.bincount(drawn, minlength=3)
    assert counts[1] == 0
    assert counts[2] / counts.sum() == pytest.approx(0.75, abs=0.02)


def test_pick_within_stays_in_the_group_and_follows_the_weights() -> None:
    table = pl.DataFrame(
        {"kind": ["b", "a", "b", "a"], "name": ["b1", "a1", "b2", "a2"], "weight": [9.0, 1, 1, 1]}
    )
    wanted = pl.Series(["a", "b"] * 10_000)
    drawn = pick_within(np.random.default_rng(3), table, wanted, by="kind")
    assert drawn["kind"].to_list() == wanted.to_list()
    share = drawn.filter(kind="b")["name"].eq("b1").mean()
    assert share == pytest.approx(0.9, abs=0.02)


def test_failing_keeps_its_quota_and_prefers_risk() -> None:
    size = 10_000
    units = pl.DataFrame(
        {
            "stratum": ["x", "y"] * (size // 2),
            "share": [0.03, None] * (size // 2),
            "risk": [1.0, 1.0, 4.0, 4.0] * (size // 4),
        }
    )
    failed = failing(np.random.default_rng(4), units, "stratum", "share", pl.col("risk"))
    with_verdict = units.with_columns(failed=failed).filter(stratum="x")
    assert with_verdict["failed"].sum() == 150
    assert failed.null_count() == size // 2
    assert with_verdict.filter("failed")["risk"].eq(4.0).mean() == pytest.approx(0.8, abs=0.1)


def test_sampling_days_follow_the_season() -> None:
    first, last = pl.Series(["2024-01-01", "2024-12-31"]).str.to_date()
    days = sampling_days(np.random.default_rng(6), "acceptance", first, last, 30_000)
    months = days.dt.month()
    assert days.min() == first
    assert days.max() == last
    assert (months == 12).sum() > 2 * (months == 2).sum()


def test_dates_are_written_in_the_spellings_of_offices() -> None:
    frame = pl.DataFrame(
        {"day": pl.Series(["2024-05-01"] * 4).str.to_date(), "style": [0, 1, 2, 3]}
    )
    texts = frame.select(date_text("day", "style")).to_series().to_list()
    assert texts == ["2024-05-01", "2024/5/1", "2024.05.01", "2024年5月1日"]


def test_an_unknown_list_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"no list 'rivers'; known lists: .*divisions"):
        demo_list("rivers")
