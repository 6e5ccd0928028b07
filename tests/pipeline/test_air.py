"""Air from files to figures: the demo's truth, the published golden values, Beijing's stations."""

import csv
import datetime as dt
import itertools
import math
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.demo.air_year import AirTruth, write_air
from assets.ingest.landing import deliveries, receive
from warehouse.contract import record_contracts
from warehouse.engine.model import ModelTest, load_models
from warehouse.engine.run import attach_dependencies, run_model
from warehouse.engine.testing import run_model_test
from warehouse.home import Home

Build = Callable[..., None]
DAY = dt.date(2026, 11, 20)
POLLUTANTS = ("pm25", "pm10", "so2", "no2", "co", "o3")
AIR_MODELS = (
    *("latest.air_hour", "latest.air_exception_day", "fact.air_station_day"),
    *("fact.air_city_index", "fact.air_city_day", "fact.unit_air_day", "mart.air_pollutant"),
)
TABLES = (
    "fact.air_city_day",
    "mart.air_edition",
    "fact.case_clock",
    "mart.air_pollutant",
    "mart.indicator_count",
    "mart.indicator_exclusion",
)


def table(home: Home, name: str) -> pl.DataFrame:
    return pl.read_parquet(home.model_file(name))


# -- the demo


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, build: Build) -> tuple[Home, AirTruth]:
    home = Home(tmp_path_factory.mktemp("air"))
    truth = write_air(home.landing, 20240702)
    build(home, ["city_air", "air_reports"], TABLES)
    return home, truth


def test_every_delivered_hour_is_used_or_unchanged(city: tuple[Home, AirTruth]) -> None:
    home, truth = city
    found = deliveries(home).join(truth.deliveries, on=("received_on", "file_name"))

    assert found.height == truth.deliveries.height
    assert found.filter(
        pl.col("rows_used") + pl.col("rows_unchanged") != pl.col("rows"),
    ).is_empty()
    # Of the corrected day of three stations every hour is new; it makes 72 second versions.
    hours = pl.read_parquet(home.partition_files("core.air_hour"))
    assert hours["version"].value_counts().sort("version").rows() == [(1, 26352), (2, 72)]


def test_days_are_those_of_the_truth(city: tuple[Home, AirTruth]) -> None:
    home, truth = city
    both = table(home, "fact.air_city_day")
    days = both.filter("is_in_force").select(
        "measured_on",
        is_valid=pl.col("final_verdict").is_not_null(),
        is_good=pl.col("final_verdict") == "pass",
        primary=pl.when(pl.col("final_verdict") == "fail").then("primary_pollutants"),
        is_exception=pl.col("exception_kind").is_not_null(),
    )

    later = both.filter(edition="HJ 633-2026").sort("measured_on")
    expected = truth.days.sort("measured_on")
    assert days.sort("measured_on").rows() == expected.drop("is_good_2026").rows()
    assert (later["final_verdict"] == "pass").to_list() == expected["is_good_2026"].to_list()
    assert truth.days["is_good"].value_counts().sort("is_good").rows() == [
        (None, 3),
        (False, 20),
        (True, 343),
    ]


def test_daily_reports_are_due_twelve_hours_after_midnight(city: tuple[Home, AirTruth]) -> None:
    home, truth = city
    clocks = table(home, "fact.case_clock").filter(clock_id="aqi_daily_publish")
    found = clocks.group_by("status").agg(days=pl.len().cast(pl.Int64))

    assert found.sort("status").rows() == truth.reports.rows()
    assert dict(truth.reports.rows()) == {"late": 5, "on_time": 359, "open_overdue": 2}
    noon = clocks.filter(pl.col("case_no").str.ends_with("2024-05-06"))["due_at"].to_list()
    assert noon == [dt.datetime(2024, 5, 7, 12, 0)]  # noqa: DTZ001 - local time


def test_both_figures_are_made_and_what_is_left_out_has_its_reason(
    city: tuple[Home, AirTruth],
) -> None:
    home, _ = city
    counts = table(home, "mart.indicator_count").filter(
        pl.col("period_type") == "year", pl.col("slice_type") == "all"
    )
    reasons = table(home, "mart.indicator_exclusion").filter(pl.col("period_type") == "year")

    assert counts.select("variant_id", "numerator", "denominator").sort("variant_id").rows() == [
        ("all_days", 343, 363),
        ("without_exception_days", 343, 361),
    ]
    assert reasons.select("variant_id", "exclusion_reason", "units").sort(pl.all()).rows() == [
        ("all_days", "no_verdict", 3),
        ("without_exception_days", "exception_event", 2),
        ("without_exception_days", "no_verdict", 3),
    ]


def test_the_year_by_both_editions(city: tuple[Home, AirTruth]) -> None:
    years = table(city[0], "mart.air_edition").filter(period_type="year")

    assert years.select("edition", "days_in_force", "numerator", "denominator").rows() == [
        ("HJ 633-2012", 366, 343, 363),
        ("HJ 633-2026", 0, 339, 363),
    ]


def test_days_that_are_not_good_by_pollutant(city: tuple[Home, AirTruth]) -> None:
    home, truth = city
    found = table(home, "mart.air_pollutant").filter(
        pl.col("period_type") == "month", pl.col("non_good_days") > 0
    )
    expected = (
        truth.days.filter(pl.col("is_good").not_())
        .group_by(
            pl.col("measured_on").dt.strftime("%Y-%m").alias("period"),
            pl.col("primary").alias("parameter"),
        )
        .agg(
            pl.len().cast(pl.Int64).alias("non_good_days"),
            pl.col("is_exception").sum().cast(pl.Int64),
        )
    )
    columns = ("period", "parameter", "non_good_days", "non_good_exception_days")
    assert sorted(found.select(columns).rows()) == sorted(expected.rows())


# -- golden values


def test_golden_values_of_the_index(published_files: Path) -> None:
    path = published_files.parent / "reference" / "golden_values.csv"
    with path.open(encoding="utf-8") as lines:
        golden = [row for row in csv.DictReader(lines) if row["test"] == "iaqi"]
    names = {"PM2.5": "pm25"}
    models = load_models()
    assert len(golden) == 15
    for row in golden:
        edition, pollutant, averaging, value = row["input"].split()
        key = {
            "edition": edition.replace("HJ633", "HJ 633"),
            "parameter": names.get(pollutant, pollutant.lower()),
            "averaging": averaging,
        }
        test = ModelTest(
            name=row["input"],
            given={"fact.air_station_day": ({**key, "value": value},)},
            where={"edition": key["edition"]},
            expect=({**key, "iaqi": row["expected"]},),
        )
        assert run_model_test(models["fact.air_city_index"], test, models) is None


# -- Beijing


@pytest.fixture(scope="module")
def beijing(
    published_files: Path, tmp_path_factory: pytest.TempPathFactory, build: Build
) -> tuple[Home, list[dict[str, str]]]:
    files = sorted((published_files / "cn-air-beijing12").glob("*.csv"))
    if not files:
        pytest.skip("no files of Beijing's stations beside the checkout")
    home = Home(tmp_path_factory.mktemp("beijing"))
    receive(home, "beijing_air", files, DAY)
    build(home, ["beijing_air"], (*TABLES, "fact.air_station_day"))
    rows: list[dict[str, str]] = []
    for path in files:
        with path.open(encoding="utf-8") as lines:
            rows += csv.DictReader(lines)
    return home, rows


@pytest.mark.real_data
def test_every_hour_of_beijing_is_there_with_its_gaps(
    beijing: tuple[Home, list[dict[str, str]]],
) -> None:
    home, rows = beijing
    hours = pl.read_parquet(home.partition_files("core.air_hour"))

    # Two of the six stations that the collection describes lie beside the checkout.
    assert hours.group_by("station_no").len().sort("station_no").rows() == [
        ("Aotizhongxin", 35_064),
        ("Changping", 35_064),
    ]
    labels = {"pm25": "PM2.5", "pm10": "PM10", "so2": "SO2", "no2": "NO2", "co": "CO", "o3": "O3"}
    gaps = {name: sum(row[label] == "NA" for row in rows) for name, label in labels.items()}
    assert {name: hours[name].null_count() for name in labels} == gaps
    assert gaps["pm25"] == 925 + 774
    assert hours["co"].max() == 10  # 10,000 µg/m³, where the instrument's range ends
    assert (
        deliveries(home).select("rows_read", "rows_used", "rows_ignored").rows()
        == [(35_065, 35_064, 1)] * 2
    )


def breakpoints() -> dict[str, list[tuple[int, int]]]:
    """Breakpoints of HJ 633-2012 for the daily report, written down here once more."""
    levels = (0, 50, 100, 150, 200, 300, 400, 500)
    return {
        name: list(zip(values, levels, strict=False))
        for name, values in {
            "so2": (0, 50, 150, 475, 800, 1600, 2100, 2620),
            "no2": (0, 40, 80, 180, 280, 565, 750, 940),
            "co": (0, 2, 4, 14, 24, 36, 48, 60),
            "o3": (0, 100, 160, 215, 265, 800),
            "o3 1h": (0, 160, 200, 300, 400, 800, 1000, 1200),
            "pm10": (0, 50, 150, 250, 350, 420, 500, 600),
            "pm25": (0, 35, 75, 115, 150, 250, 350, 500),
        }.items()
    }


def index(table: list[tuple[int, int]], value: Fraction) -> int | None:
    """HJ 633-2012 formula 1, in fractions."""
    for (low, i_low), (high, i_high) in itertools.pairwise(table):
        if low <= value <= high:
            return math.ceil(i_low + Fraction(i_high - i_low, high - low) * (value - low))
    return 500 if table[-1][1] == 500 else None


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction()) / len(values)


def daily(hours: dict[int, dict[str, Fraction]]) -> dict[str, Fraction]:
    """Valid daily values of one station, from its hours, hour by hour."""
    found: dict[str, Fraction] = {}
    for name in ("pm25", "pm10", "so2", "no2", "co"):
        values = [each[name] for each in hours.values() if name in each]
        if len(values) >= 20:
            found[name] = mean(values)
    ozone = {hour: each["o3"] for hour, each in hours.items() if "o3" in each}
    windows = [[ozone[h] for h in range(end - 7, end + 1) if h in ozone] for end in range(7, 24)]
    means = [mean(each) for each in windows if len(each) >= 6]
    if means and (len(means) >= 14 or max(means) > 160):
        found["o3"] = max(means)
    if len(ozone) >= 20:
        found["o3 1h"] = max(ozone.values())
    return found


@pytest.mark.real_data
def test_days_of_beijing_are_those_of_a_plain_calculation(
    beijing: tuple[Home, list[dict[str, str]]],
) -> None:
    """Every day of 2014, in fractions and Python, against the models."""
    home, rows = beijing
    stations: dict[tuple[dt.date, str], dict[int, dict[str, Fraction]]] = {}
    labels = {"pm25": "PM2.5", "pm10": "PM10", "so2": "SO2", "no2": "NO2", "co": "CO", "o3": "O3"}
    for row in rows:
        if row["year"] == "2014":
            day = dt.date(2014, int(row["month"]), int(row["day"]))
            stations.setdefault((day, row["station"]), {})[int(row["hour"])] = {
                name: Fraction(row[label]) / (1000 if name == "co" else 1)
                for name, label in labels.items()
                if row[label] != "NA"
            }
    by_day: dict[dt.date, list[dict[str, Fraction]]] = {}
    for (day, _), hours in stations.items():
        by_day.setdefault(day, []).append(daily(hours))
    tables = breakpoints()
    expected: list[tuple[Any, ...]] = []
    for day, found in sorted(by_day.items()):
        indices = {}
        for name, levels in tables.items():
            if values := [each[name] for each in found if name in each]:
                indices[name] = index(levels, mean(values))
        missing = set(labels) - indices.keys()
        highest = max((i for i in indices.values() if i is not None), default=None)
        counts = highest is not None and (not missing or highest > 100)
        expected.append((day, highest if counts else None, "+".join(sorted(missing)) or None))
    days = table(home, "fact.air_city_day").filter(
        "is_in_force", pl.col("measured_on").dt.year() == 2014
    )

    assert len(expected) == 365
    assert days.select("measured_on", "aqi", "missing_parameters").rows() == expected
    assert days["final_verdict"].value_counts().sort("final_verdict").rows() == [
        (None, 9),
        ("fail", 191),
        ("pass", 165),
    ]


@pytest.mark.real_data
def test_a_part_of_the_stations_gives_no_figure(
    beijing: tuple[Home, list[dict[str, str]]],
) -> None:
    home, _ = beijing
    assert table(home, "fact.air_city_day").height == 2 * 1461  # by both editions
    assert table(home, "mart.indicator_count")["denominator"].sum() == 0
    assert set(table(home, "mart.indicator_exclusion")["exclusion_reason"]) == {"other_city"}


# -- a million station-hours


def lake_of_hours(home: Home, stations: int) -> None:
    """Hours of made-up stations for 3,500 days, straight into the lake."""
    contract = record_contracts()["core.air_hour"]
    path = home.partition_file("core.air_hour", "made_up", DAY)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {
        "source_id": "'made_up'",
        "station_no": "'S' || station",
        "measured_on": "DATE '2013-03-01' + CAST(day AS INTEGER)",
        "hour": "hour",
        "version": "1",
        "domain": "'air'",
        "programme": "'ambient_monitoring'",
        "sampling_basis": "'census'",
        "coverage": "'complete'",
        "division_code": "'330782'",
        "delivery_id": "'made_up-20261120-001'",
        "received_on": "DATE '2026-11-20'",
        "source_row": "day * 24 + hour",
        **{name: f"(hour * 7 + day * {n} + station) % 120" for n, name in enumerate(POLLUTANTS, 1)},
    }
    columns = ", ".join(
        f"CAST({made.get(column.name, 'NULL')} AS {column.duckdb_type}) AS {column.name}"
        for column in contract.columns
    )
    with duckdb.connect() as con:
        con.sql(
            f"SELECT {columns} FROM range({stations}) AS a(station), range(3500) AS b(day), "
            "range(24) AS c(hour)"
        ).write_parquet(str(path))


def seconds_of_models(home: Home) -> float:
    started = time.process_time()
    models = load_models()
    with duckdb.connect() as con:
        for name in AIR_MODELS:
            attach_dependencies(con, models[name], home)
            run_model(con, models[name], home)
    return time.process_time() - started


def test_the_time_grows_with_a_million_station_hours_and_not_with_their_square(
    tmp_path: Path,
) -> None:
    """Twelve times the hours: less than twelve times the time; 144 where a join has gone wrong."""
    few, many = Home(tmp_path / "few"), Home(tmp_path / "many")
    lake_of_hours(few, 1)
    lake_of_hours(many, 12)
    once, twelve_times = seconds_of_models(few), seconds_of_models(many)

    assert table(many, "latest.air_hour").height == 1_008_000
    assert table(many, "fact.air_station_day").height == 12 * 3_500 * 10
    assert table(many, "fact.air_city_day").height == 2 * 3_500
    # The bound leaves room for whatever else the machine does at that moment.
    assert twelve_times < 40 * once, f"{once:.1f} s, then {twelve_times:.1f} s"
