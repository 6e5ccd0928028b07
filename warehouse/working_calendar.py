"""The official calendar of working days: Monday to Friday, less holidays, with make-up weekends.

`warehouse/reference/calendar/<year>.yml` holds what the State Council's notice of a year changes;
another year is another file. The years become ``ref.calendar_day``, one row per day, from which SQL
counts working days by joining on numbers. A day beyond the loaded years has no row, and so no due
date that depends on it: it is never guessed.
"""

import datetime as dt
from functools import cache
from pathlib import Path

import polars as pl
from pydantic import Field, model_validator

from warehouse.contract import Model, read_yaml, validated
from warehouse.errors import ConfigurationError

CALENDAR_DIR = Path(__file__).parent / "reference" / "calendar"
SATURDAY = 6  # as Polars counts weekdays, from Monday = 1


class Holiday(Model):
    """Days off in a row, first and last included."""

    name_zh: str = Field(min_length=2)
    first: dt.date
    last: dt.date

    @model_validator(mode="after")
    def _in_order(self) -> "Holiday":
        if self.last < self.first:
            message = f"{self.name_zh} ends on {self.last}, before it begins on {self.first}"
            raise ValueError(message)
        return self


class CalendarYear(Model):
    """What the notice of one year changes in the plain week."""

    year: int = Field(ge=1949, le=2199)
    source: str = Field(min_length=8, description="the notice that arranges the year's holidays")
    verified: bool = Field(description="whether it was compared with the notice itself")
    holidays: tuple[Holiday, ...]
    make_up_days: tuple[dt.date, ...] = Field(description="weekend days that are worked")

    @model_validator(mode="after")
    def _hangs_together(self) -> "CalendarYear":
        days = [day for holiday in self.holidays for day in (holiday.first, holiday.last)]
        if odd := sorted({day for day in (*days, *self.make_up_days) if day.year != self.year}):
            message = f"not in {self.year}: {', '.join(map(str, odd))}"
            raise ValueError(message)
        worked = [
            day
            for day in self.make_up_days
            if day.isoweekday() < SATURDAY or any(h.first <= day <= h.last for h in self.holidays)
        ]
        if worked:
            message = (
                f"a make-up day is a weekend day off no holiday: {', '.join(map(str, worked))}"
            )
            raise ValueError(message)
        return self


@cache
def load_years(folder: Path = CALENDAR_DIR) -> tuple[CalendarYear, ...]:
    """Every year of a folder, in order, without a gap.

    Raises:
        ConfigurationError: a file is wrong, is not named after its year, or a year is missing.
    """
    years = []
    for path in sorted(folder.glob("*.yml")):
        year = validated(CalendarYear, read_yaml(path), path.name)
        if path.stem != str(year.year):
            raise ConfigurationError(f"{path.name}: the file of {year.year} is {year.year}.yml")
        years.append(year)
    known = [year.year for year in years]
    if known and (gaps := sorted(set(range(known[0], known[-1] + 1)) - set(known))):
        raise ConfigurationError(
            f"{', '.join(f'{year}.yml' for year in gaps)}: missing between {known[0]} and "
            f"{known[-1]}; working days are counted through, so no year may lack"
        )
    return tuple(years)


def calendar_days(years: tuple[CalendarYear, ...] | None = None) -> pl.DataFrame:
    """Rows of ``ref.calendar_day``: one per day of the loaded years.

    A period of n working days that begins on a day d ends on the working day whose
    `working_day_no` is that of d plus n: day 1 is the first working day after d (Civil Code
    Art. 201). Where a period ends on a day off, `next_working_day` is the day on which it ends
    instead (Art. 203); empty where that day lies beyond the loaded years.

    Args:
        years: contiguous years in order; those of `warehouse/reference/calendar` by default.
    """
    known = load_years() if years is None else years
    if not known:
        return pl.DataFrame()
    first, last = dt.date(known[0].year, 1, 1), dt.date(known[-1].year, 12, 31)
    day = pl.col("day")
    days = (
        pl.DataFrame({"day": pl.date_range(first, last, eager=True)})
        .join(_holidays(known), on="day", how="left", validate="1:1")
        .join(_make_up_days(known), on="day", how="left", validate="1:1")
        .join(_sources(known), left_on=day.dt.year(), right_on="year", how="left", validate="m:1")
    )
    is_working_day = pl.col("is_make_up").fill_null(value=False) | (
        (day.dt.weekday() < SATURDAY) & pl.col("holiday_zh").is_null()
    )
    return (
        days.with_columns(is_working_day=is_working_day)
        .with_columns(
            day_no=(day - dt.date(1970, 1, 1)).dt.total_days(),
            month_no=day.dt.year().cast(pl.Int64) * 12 + day.dt.month(),
            day_of_month=day.dt.day().cast(pl.Int64),
            working_day_no=pl.col("is_working_day").cast(pl.Int64).cum_sum(),
            next_working_day=pl.when("is_working_day").then("day").backward_fill(),
        )
        .select(
            *("day", "day_no", "month_no", "day_of_month"),
            *("is_working_day", "working_day_no", "next_working_day"),
            *("holiday_zh", "source", "verified"),
        )
    )


def _holidays(years: tuple[CalendarYear, ...]) -> pl.DataFrame:
    rows = [
        (holiday.first, holiday.last, holiday.name_zh)
        for year in years
        for holiday in year.holidays
    ]
    schema = {"first": pl.Date, "last": pl.Date, "holiday_zh": pl.String}
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .with_columns(day=pl.date_ranges("first", "last"))
        .explode("day")
        .select("day", "holiday_zh")
    )


def _make_up_days(years: tuple[CalendarYear, ...]) -> pl.DataFrame:
    days = [day for year in years for day in year.make_up_days]
    return pl.DataFrame({"day": days}, schema={"day": pl.Date}).with_columns(
        is_make_up=pl.lit(value=True)
    )


def _sources(years: tuple[CalendarYear, ...]) -> pl.DataFrame:
    rows = [(year.year, year.source, year.verified) for year in years]
    schema = {"year": pl.Int32, "source": pl.String, "verified": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")
