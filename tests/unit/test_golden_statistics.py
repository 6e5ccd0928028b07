"""The golden values of the reference set: every row about statistics, read from its file."""

import csv
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assets.statistics.change import decompose
from assets.statistics.intervals import Interval, clopper_pearson, wilson
from assets.statistics.sample_size import samples_needed
from assets.statistics.status import Rounding, official_status, percent_text
from assets.statistics.stratified import stratified_rate

Golden = dict[str, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def golden(published_files: Path) -> Golden:
    """Input and expected text of each row, by kind of test."""
    found: Golden = {}
    path = published_files.parent / "reference" / "golden_values.csv"
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["test"], []).append((row["input"], row["expected"]))
    return found


def numbers(text: str) -> list[float]:
    return [float(part) for part in re.findall(r"[+-]?\d*\.?\d+", text)]


@pytest.mark.parametrize(
    ("kind", "interval"), [("wilson95", wilson), ("clopper_pearson95", clopper_pearson)]
)
def test_intervals(
    golden: Golden, kind: str, interval: Callable[[list[int], list[int]], Interval]
) -> None:
    assert len(golden[kind]) == 5
    for asked, expected in golden[kind]:
        passed, tested = map(int, asked.split("/"))
        found = interval([passed], [tested])
        low, high = map(float, expected.split(".."))
        assert (found.lower[0], found.upper[0]) == pytest.approx((low, high), abs=5e-7)


def test_sample_sizes(golden: Golden) -> None:
    assert len(golden["min_n_lower95_reaches"]) == 4
    for asked, expected in golden["min_n_lower95_reaches"]:
        target = numbers(asked)[0]
        found = samples_needed(np.full(4, target), np.arange(4))
        assert found.to_list() == [int(part) for part in expected.split()]


def test_good_days(golden: Golden) -> None:
    assert len(golden["good_days"]) == 2
    for asked, expected in golden["good_days"]:
        days, bad = (int(number) for number in numbers(asked))
        status = official_status([days - bad], [days], [94], [">="])
        assert status[0] == ("met" if "pass" in expected else "not_met")
        rate = Fraction(100 * (days - bad), days)
        assert percent_text(rate, Rounding(4)) == expected.split()[0]
        assert "prints" not in expected or percent_text(rate, Rounding(1)) == "94.0"


def test_rounding_half_to_even(golden: Golden) -> None:
    assert len(golden["half_even"]) == 3
    for asked, expected in golden["half_even"]:
        digits = -int(Decimal(expected).as_tuple().exponent)
        assert percent_text(Fraction(asked.split()[0]), Rounding(digits)) == expected


def test_decomposition(golden: Golden) -> None:
    ((_, expected),) = golden["decomposition"]
    change = decompose(
        pl.DataFrame(
            {
                "weight_before": [0.5, 0.5],
                "weight_after": [0.8, 0.2],
                "rate_before": [0.99, 0.93],
                "rate_after": [0.985, 0.94],
            }
        )
    )
    mix, rate, total = numbers(expected)
    assert (float(change.mix), float(change.rate)) == pytest.approx((mix, rate), abs=1e-12)
    assert float(change.mix + change.rate) == pytest.approx(total, abs=1e-12)


def test_stratified(golden: Golden) -> None:
    ((_, expected),) = golden["stratified"]
    found = stratified_rate(
        pl.DataFrame(
            {
                "stratum": ["a", "b", "c"],
                "weight": [0.30, 0.45, 0.25],
                "successes": [46, 96, 36],
                "trials": [50, 100, 40],
            }
        )
    )
    value, error, effective, raw = numbers(expected)
    assert found.value == pytest.approx(value, abs=5e-5)
    assert found.standard_error == pytest.approx(error, abs=5e-7)
    assert found.effective_samples == pytest.approx(effective, abs=0.05)
    assert raw == pytest.approx(178 / 190, abs=5e-7)
