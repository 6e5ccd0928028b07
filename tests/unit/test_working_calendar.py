"""The calendar of working days: holidays, make-up weekends, and counting by its numbers."""

import datetime as dt
import itertools
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.errors import ConfigurationError
from warehouse.working_calendar import calendar_days, load_years

DAYS = calendar_days()
ROWS = {row["day"]: row for row in DAYS.iter_rows(named=True)}
LOADED = st.dates(DAYS["day"][0], DAYS["day"][-1])


def working(day: dt.date) -> bool:
    return bool(ROWS[day]["is_working_day"])


@pytest.mark.parametrize(
    ("year", "working_days"), [(2023, 249), (2024, 251), (2025, 248), (2026, 248)]
)
def test_working_days_of_a_year(year: int, working_days: int) -> None:
    """As personnel offices count them from the notices of the State Council."""
    assert DAYS.filter(pl.col("day").dt.year() == year)["is_working_day"].sum() == working_days


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (dt.date(2024, 2, 9), True),  # New Year's Eve was worked in 2024
        (dt.date(2024, 2, 12), False),
        (dt.date(2024, 2, 18), True),  # a Sunday
        (dt.date(2024, 5, 11), True),  # a Saturday
        (dt.date(2024, 5, 12), False),  # an ordinary Sunday
        (dt.date(2024, 9, 30), True),
        (dt.date(2025, 10, 8), False),
        (dt.date(2026, 2, 23), False),
        (dt.date(2026, 2, 28), True),  # a Saturday
    ],
)
def test_days_that_the_notices_change(day: dt.date, *, expected: bool) -> None:
    assert working(day) is expected


@given(day=LOADED, length=st.integers(0, 60))
def test_counting_by_numbers_is_counting_day_by_day(day: dt.date, length: int) -> None:
    wanted = ROWS[day]["working_day_no"] + length
    found = [
        d for d, row in ROWS.items() if row["is_working_day"] and row["working_day_no"] == wanted
    ]
    later = (d for d in ROWS if d > day and working(d))
    counted = list(itertools.islice(later, length))
    if length and len(counted) == length:
        assert found == [counted[-1]]
    elif length:
        assert found == []  # beyond the loaded years nothing is guessed


@given(day=LOADED)
def test_the_next_working_day_is_the_first_one_not_before(day: dt.date) -> None:
    later = [d for d in ROWS if d >= day and working(d)]
    assert ROWS[day]["next_working_day"] == (later[0] if later else None)


def test_every_year_says_where_it_comes_from_and_whether_that_was_read() -> None:
    assert DAYS["source"].str.contains("国务院办公厅").all()
    assert not DAYS["verified"].any()
    assert [year.year for year in load_years()] == [2023, 2024, 2025, 2026]


def write(folder: Path, year: int, changes: str = "") -> None:
    text = f"year: {year}\nsource: a notice of that year\nverified: true\n"
    text += changes or "holidays: []\nmake_up_days: []\n"
    (folder / f"{year}.yml").write_text(text, "utf-8")


def test_another_year_is_another_file(tmp_path: Path) -> None:
    for year in (2026, 2027):
        write(tmp_path, year)
    days = calendar_days(load_years(tmp_path))
    assert days.height == 730
    assert days["working_day_no"][-1] == 261 + 261


def test_no_year_may_lack_in_between(tmp_path: Path) -> None:
    for year in (2025, 2027):
        write(tmp_path, year)
    with pytest.raises(ConfigurationError, match=r"2026\.yml: missing between 2025 and 2027"):
        load_years(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("holidays: []\nmake_up_days: [2027-05-05]\n", "weekend day off no holiday"),
        ("holidays: []\nmake_up_days: [2026-05-02]\n", "not in 2027: 2026-05-02"),
        (
            "holidays: [{name_zh: 元旦, first: 2027-01-03, last: 2027-01-01}]\nmake_up_days: []\n",
            "before it begins",
        ),
    ],
)
def test_a_wrong_year_is_told(tmp_path: Path, changes: str, message: str) -> None:
    write(tmp_path, 2027, changes)
    with pytest.raises(ConfigurationError, match=message):
        load_years(tmp_path)


def test_without_a_year_there_is_no_day() -> None:
    assert calendar_days(()).is_empty()
