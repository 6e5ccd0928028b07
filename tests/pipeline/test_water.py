"""Water from files to figures: the demo's truth, and the national readings as published."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.demo.water_year import WaterTruth, write_water
from assets.ingest.landing import deliveries, receive
from warehouse.home import Home
from warehouse.reference_tables import definition_tables

Build = Callable[..., None]
DAY = dt.date(2026, 11, 20)
TABLES = (
    "fact.water_site_period",
    "fact.unit_water",
    "mart.indicator_count",
    "mart.indicator_exclusion",
)


def table(home: Home, name: str) -> pl.DataFrame:
    return pl.read_parquet(home.model_file(name))


def record(home: Home, name: str) -> pl.DataFrame:
    return pl.read_parquet(home.partition_files(name), hive_partitioning=False)


# -- the demo


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, build: Build) -> tuple[Home, WaterTruth]:
    home = Home(tmp_path_factory.mktemp("water"))
    truth = write_water(home.landing, 20240702)
    build(home, ["city_water"], TABLES)
    return home, truth


def test_every_row_of_every_workbook_is_used(city: tuple[Home, WaterTruth]) -> None:
    home, truth = city
    found = deliveries(home).join(truth.deliveries, on=("received_on", "file_name"))

    assert found.height == truth.deliveries.height
    assert (found["rows_used"] == found["rows"]).all()
    assert found["rows_rejected"].sum() == 0
    # The slip of the decimal point is a second version of one item; the others are unchanged.
    second = record(home, "core.water_measurement").filter(pl.col("version") == 2)
    assert second.select("site_no", "item_code").rows() == [("YW-D05", "nh3n")]
    assert record(home, "core.water_measurement")["qualifier"].null_count() == 0


def test_the_year_of_every_place_is_that_of_the_truth(city: tuple[Home, WaterTruth]) -> None:
    home, truth = city
    year = table(home, "fact.water_site_period").filter(pl.col("period_type") == "year")
    section = pl.col("site_kind") == "section"
    found = year.select(
        "site_no",
        kind="site_kind",
        class_no="class_no",
        passes=pl.when(section).then("meets_functional_class").otherwise("meets_source_limits"),
        months="months",
        intake=pl.col("intake").round().cast(pl.Int64),
    )

    assert found.sort("site_no").rows() == truth.sites.sort("site_no").rows()
    assert set(year.filter(section)["items_not_monitored"]) == {None}
    # Chemical oxygen demand is not asked of sources, and named as not monitored.
    assert set(year.filter(~section)["items_not_monitored"]) == {"cod"}
    assert year.filter(site_no="YW-S03")["source_failures"].to_list() == ["fe"]


def test_a_month_that_was_set_apart(city: tuple[Home, WaterTruth]) -> None:
    home, truth = city
    months = table(home, "fact.water_site_period").filter(pl.col("period_type") == "month")
    found = months.select(
        "site_no", month=pl.col("period").str.slice(5).cast(pl.Int64), class_no="class_no"
    )

    assert truth.months.join(found, on=truth.months.columns, how="anti").is_empty()
    silent = months.filter(site_no="YW-D06")["period"].to_list()
    assert "2024-02" not in silent
    assert len(silent) == 11
    # Metals are measured in the first month of a quarter; in between they are named, not filled in.
    february = months.filter(site_no="YW-D01", period="2024-02")
    assert "hg" in february["items_not_monitored"].item()
    assert february["items_judged"].item() == 10


def test_counts_by_section_by_source_and_by_intake(city: tuple[Home, WaterTruth]) -> None:
    home, truth = city
    counts = table(home, "mart.indicator_count").filter(
        pl.col("period_type") == "year", pl.col("slice_type") == "all"
    )
    found = {
        (row["indicator_id"], row["variant_id"]): (row["numerator"], row["denominator"])
        for row in counts.to_dicts()
    }
    taken = truth.sites.filter(pl.col("kind") == "drinking_source")

    assert found == {
        ("surface_water_section_compliance", "functional_class"): (7, 8),
        ("water_sections_class3_rate", "county_and_above"): (8, 8),
        ("drinking_source_compliance", "by_source"): (2, 3),
        ("drinking_source_compliance", "by_intake"): (
            taken.filter("passes")["intake"].sum(),
            taken["intake"].sum(),
        ),
    }


def test_a_period_is_assessed_by_itself_and_a_silent_place_is_left_out_by_name(
    city: tuple[Home, WaterTruth],
) -> None:
    home, _ = city
    counts = table(home, "mart.indicator_count").filter(
        pl.col("indicator_id") == "water_sections_class3_rate", pl.col("slice_type") == "all"
    )
    by_period = {row["period"]: row for row in counts.to_dicts() if row["period_type"] != "year"}
    month = counts.filter(pl.col("period_type") == "month", pl.col("period") == "2024-07")
    to_date = counts.filter(pl.col("period_type") == "year_to_date", pl.col("period") == "2024-07")
    reasons = table(home, "mart.indicator_exclusion").filter(
        pl.col("indicator_id") == "water_sections_class3_rate", pl.col("period") == "2024-02"
    )

    assert len(by_period) == 12 + 4
    assert month.select("numerator", "denominator").row(0) == (7, 8)
    assert to_date.select("numerator", "denominator").row(0) == (8, 8)
    assert reasons.select("period_type", "exclusion_reason", "units").rows() == [
        ("month", "no_verdict", 1)
    ]


# -- the national readings


@pytest.fixture(scope="module")
def national(
    published_files: Path, tmp_path_factory: pytest.TempPathFactory, build: Build
) -> tuple[Home, dict[str, Any]]:
    files = sorted((published_files / "cn-water-cnemc-2020").glob("*/*.json"))
    if not files:
        pytest.skip("no national readings beside the checkout")
    home = Home(tmp_path_factory.mktemp("national"))
    receive(home, "cnemc_water", files, DAY)
    build(home, ["cnemc_water"], (*TABLES, "latest.water_measurement"))
    return home, {path.stem: json.loads(path.read_text("utf-8")) for path in files}


@pytest.mark.real_data
def test_every_row_of_the_national_readings_is_accounted_for(
    national: tuple[Home, dict[str, Any]],
) -> None:
    """May and June 2020 lie beside the checkout: 8,898 of the collection's 26,636 rows."""
    home, files = national
    rows = [row for file in files.values() for row in file["tbody"]]
    found = deliveries(home)
    ignored = record(home, "meta.ignored_rows").group_by("reason").agg(pl.col("row_count").sum())

    assert (len(files), len(rows)) == (54, 8_898)
    # Each file has two more rows in its grid: what it states, and the labels.
    assert found["rows_read"].sum() == 8_898 + 2 * 54
    without_time = sum(row[3] is None for row in rows)
    assert dict(ignored.rows()) == {"above_header": 54, "header": 54, "no_reading": without_time}
    assert without_time == 1_511
    rejected = record(home, "core.rejected_record")
    # Two stations of one name report at the same time: which is which cannot be known.
    assert rejected["rule_id"].to_list() == ["conflicting_versions"] * 4
    assert found.select(
        pl.col("rows_used", "rows_unchanged", "rows_rejected", "rows_duplicate").sum()
    ).row(0) == (7_211, 172, 4, 0)


@pytest.mark.real_data
def test_files_that_hold_fewer_rows_than_they_say(national: tuple[Home, dict[str, Any]]) -> None:
    home, files = national
    totals = record(home, "meta.control_total").join(
        deliveries(home).select("delivery_id", "file_name"), on="delivery_id"
    )
    short = totals.filter(pl.col("stated") != pl.col("counted"))

    assert totals["stated"].sum() == sum(file["records"] for file in files.values())
    assert short.select("file_name", "stated", "counted").sort("file_name").rows() == [
        ("2020-05-08.json", 1_903, 1_901),
        ("2020-05-09.json", 1_903, 1_901),
    ]


@pytest.mark.real_data
def test_unrounded_values_come_out_of_the_cells(national: tuple[Home, dict[str, Any]]) -> None:
    home, files = national
    hidden = sum(
        "原始值" in cell
        for file in files.values()
        for row in file["tbody"]
        if row[3] is not None
        for cell in row[5:16]
    )
    filtered = sum(
        "极值过滤" in cell
        for file in files.values()
        for row in file["tbody"]
        for cell in row[5:16]
        if cell
    )
    measured = record(home, "core.water_measurement")
    reading = measured.filter(
        site_no="北京市/鼓楼外大街", measured_on=dt.date(2020, 5, 8), time_of_day="15:00"
    )
    values = {row["item_code"]: row for row in reading.to_dicts()}

    assert (hidden, filtered) == (63_853, 603)
    # "--" and "*" are no values and have no record; what a filter took out has one, and says so.
    assert set(measured.filter(pl.col("value").is_null())["remark"]) == {"极值过滤"}
    assert str(values["codmn"]["value"]).startswith("4.229")
    assert values["codmn"]["result_text"] == "4.229"
    assert values["codmn"]["unit"] == "mg/L"
    assert values["ph"]["unit"] is None
    assert "nh3n" not in values
    assert {row["station_status"] for row in values.values()} == {"maintenance"}
    assert not measured["site_no"].str.contains("<").any()


@pytest.mark.real_data
def test_times_without_a_year_and_readings_published_again(
    national: tuple[Home, dict[str, Any]],
) -> None:
    home, files = national
    measured = record(home, "core.water_measurement")
    old = {
        row[3]
        for day, file in files.items()
        for row in file["tbody"]
        if row[3] is not None and row[3][:5] > day[5:]
    }

    # A time that lies after the day of its file is of the year before.
    assert old
    assert measured.filter(pl.col("measured_on").dt.year() == 2019)["measured_on"].n_unique() > 0
    assert measured["measured_on"].max() == dt.date(2020, 6, 30)
    assert {f"{day:%m-%d}" for day in measured["measured_on"] if day.year == 2019} == {
        text[:5] for text in old
    }
    # The same reading with another content (a station is stopped, a value withdrawn) is a version.
    again = measured.filter(pl.col("version") == 2)
    assert again.height == 9
    assert set(again["site_no"]) == {"辽宁省/张家堡"}


CLASSES = {"Ⅰ": 1, "Ⅱ": 2, "Ⅲ": 3, "Ⅳ": 4, "Ⅴ": 5, "劣Ⅴ": 6}
JUDGED = {6: "ph", 7: "do", 10: "codmn", 11: "nh3n", 12: "tp"}


@pytest.mark.real_data
def test_classes_are_those_that_the_centre_published(
    national: tuple[Home, dict[str, Any]],
) -> None:
    """The limits against 5,624 published classes: equal, but for lakes, which are judged harder."""
    home, _ = national
    limits = definition_tables()["ref.water_limit"].rows.filter(
        pl.col("water_body").is_in(["any", "river"])
    )
    with duckdb.connect() as con:
        con.register("limits", limits)
        con.read_parquet(str(home.model_file("latest.water_measurement"))).create_view("measured")
        pairs = con.execute(
            """
            WITH classed AS (
                SELECT site_no, measured_on, time_of_day, reported_class, item_code,
                    coalesce(min(class_no) FILTER (
                        WHERE value >= coalesce(limit_low, value)
                        AND value <= coalesce(limit_high, value)
                    ), 6) AS class_no
                FROM measured JOIN limits USING (item_code)
                WHERE station_status = 'normal' AND reported_class IS NOT NULL
                    AND list_contains($items, item_code) AND value IS NOT NULL
                GROUP BY ALL
            )
            SELECT CAST(reported_class AS INT), max(class_no)
            FROM classed GROUP BY site_no, measured_on, time_of_day, reported_class
            """,
            {"items": list(JUDGED.values())},
        ).fetchall()
    difference = Counter(published - derived for published, derived in pairs)

    assert len(pairs) == 5_624
    assert difference[0] == 5_506
    assert min(difference) == 0
