"""Due days of many random clocks, against counting day by day."""

import calendar
import datetime as dt

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.engine.model import contract_of, load_models
from warehouse.engine.run import contract_sql, create_empty_table, register_references
from warehouse.working_calendar import load_years

MODELS = load_models()
MODEL = MODELS["fact.case_clock"]
RUNS = contract_of("fact.clock_run", MODELS)
EXTENSIONS = contract_of("fact.clock_extension", MODELS)
YEARS = load_years()
OFF = {
    holiday.first + dt.timedelta(days=n)
    for year in YEARS
    for holiday in year.holidays
    for n in range((holiday.last - holiday.first).days + 1)
}
MADE_UP = {day for year in YEARS for day in year.make_up_days}
LAST = dt.date(YEARS[-1].year, 12, 31)
AS_OF = dt.date(2024, 6, 30)

Clock = tuple[str, str, int, dt.date, int | None]
CLOCKS = st.lists(
    st.tuples(
        st.sampled_from(["working_day", "day", "month"]),
        st.sampled_from(["at_most", "at_least"]),
        st.integers(1, 60),
        st.dates(dt.date(2023, 1, 1), LAST),
        st.none() | st.integers(0, 120),
    ),
    min_size=40,
    max_size=120,
)


def works(day: dt.date) -> bool:
    return day in MADE_UP or (day.weekday() < 5 and day not in OFF)


def months_later(day: dt.date, months: int) -> dt.date:
    """The same day of a later month, or its last one (Civil Code Art. 202)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def due(unit: str, direction: str, length: int, trigger: dt.date) -> dt.date | None:
    """The due day by the words of the Civil Code, one day after the other."""
    day = trigger
    if unit == "working_day":
        while length:
            day += dt.timedelta(days=1)
            if day > LAST:
                return None
            length -= works(day)
        return day
    day = months_later(trigger, length) if unit == "month" else trigger + dt.timedelta(days=length)
    if direction == "at_least":
        return day if day <= LAST else None
    while day <= LAST and not works(day):
        day += dt.timedelta(days=1)
    return day if day <= LAST else None


def status(direction: str, last: dt.date | None, stop: dt.date | None) -> str:
    if last is None:
        return "not_judged"
    if stop is not None:
        kept = stop >= last if direction == "at_least" else stop <= last
        return "on_time" if kept else "too_early" if direction == "at_least" else "late"
    if last >= AS_OF:
        return "open_in_time"
    return "on_time" if direction == "at_least" else "open_overdue"


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    found = duckdb.connect()
    register_references(found, MODEL.depends_on)
    create_empty_table(found, RUNS)
    create_empty_table(found, EXTENSIONS)
    found.execute("CREATE SCHEMA IF NOT EXISTS meta")
    found.execute("CREATE TABLE meta.build AS SELECT DATE '2024-06-30' AS as_of")
    return found


@given(clocks=CLOCKS)
@settings(max_examples=12)
def test_due_days_and_status_are_those_counted_day_by_day(
    con: duckdb.DuckDBPyConnection, clocks: list[Clock]
) -> None:
    rows = pl.DataFrame(
        [
            {
                "source_id": "a",
                "case_no": str(n),
                "clock_id": "k",
                "holder": "duty",
                "unit": unit,
                "direction": direction,
                "length": length,
                "trigger_on": trigger,
                "stop_on": None if gap is None else trigger + dt.timedelta(days=gap),
                "is_stated_too_late": False,
            }
            for n, (unit, direction, length, trigger, gap) in enumerate(clocks)
        ],
        schema_overrides={"stop_on": pl.Date},
    )
    con.execute("DELETE FROM fact.clock_run")
    con.execute("INSERT INTO fact.clock_run BY NAME SELECT * FROM rows")

    found = con.execute(
        f"SELECT due_on, status FROM ({contract_sql(MODEL)}) ORDER BY CAST(case_no AS INTEGER)"
    ).fetchall()

    expected = []
    for (unit, direction, length, trigger, _), stop in zip(clocks, rows["stop_on"], strict=True):
        last = due(unit, direction, length, trigger)
        expected.append((last, status(direction, last, stop)))
    assert found == expected
