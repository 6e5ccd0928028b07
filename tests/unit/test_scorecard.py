"""The scorecard from small tables: sources, statuses, evidence, what is over."""

import datetime as dt

import polars as pl
import pytest

from pipelines.scorecard import lines
from tests.scorecards import (
    END,
    VALUE,
    budgets,
    card,
    counted,
    given,
    reported,
    rounded,
    rows,
)
from warehouse.reference_tables import definition_tables


def test_nothing_known_is_a_row_for_every_promise_and_no_data() -> None:
    found = card(given(as_of=None))

    assert len(found) == 85
    assert {row["official_status"] for row in found.values()} == {"no_data", "not_judged"}
    assert {row["figure_source"] for row in found.values()} == {"none"}
    assert {row["evidence"] for row in found.values()} == {"none"}
    assert all(row["value"] is None for row in found.values())
    milestones = [row for row in found.values() if row["kind"] == "milestone"]
    assert {(row["comparator"], row["target"], row["unit"]) for row in milestones} == {
        ("=", 1, "done")
    }


@pytest.mark.parametrize(
    ("target", "value", "status"),
    [
        ("national_hightech_new", "50", "met"),
        ("national_hightech_new", "49", "not_met"),
        ("digital_core_firms", "100", "not_met"),  # 突破: more than 100
        ("digital_core_firms", "101", "met"),
        ("major_quality_incident_count", "0", "met"),
        ("major_quality_incident_count", "1", "not_met"),
        ("rd_expenditure_gdp_share", "2.0699999999", "not_met"),
        ("rd_expenditure_gdp_share", "2.07", "met"),
    ],
)
def test_what_the_ledger_says_is_compared_exactly(target: str, value: str, status: str) -> None:
    row = card(given(mart__ledger_value=reported({target: value})))[target]

    assert (row["official_status"], row["figure_source"], row["evidence"]) == (
        status,
        "ledger",
        "none",
    )
    assert row["value"] == pytest.approx(float(value))


def test_a_reported_ratio_is_rounded_first_only_where_the_plan_says_so() -> None:
    told = reported({"good_air_days_ratio": "93.9890710383"})
    rule = rounded("good_air_days_ratio", 1)

    full = card(given(mart__ledger_value=told))["good_air_days_ratio"]
    first = card(given(mart__ledger_value=told, ref__plan_target=rule))["good_air_days_ratio"]

    assert (full["official_status"], first["official_status"]) == ("not_met", "met")


def test_records_go_before_the_ledger_and_keep_their_status_and_evidence() -> None:
    figure = counted(
        2826, 2910, official_status="not_met", evidence="operational", lower=96.4, upper=97.7
    )
    months = {**figure, "period": "2024-05", "period_type": "month", "official_status": "met"}
    other = {**figure, "variant_id": "evaluative", "is_official": False, "official_status": "met"}
    tables = given(
        mart__indicator_value=rows("mart.indicator_value", months, other, figure),
        mart__ledger_value=reported({"food_pass_rate": "99", "agri_product_pass_rate": "97.5"}),
        mart__indicator_composition=rows(
            "mart.indicator_composition",
            {**{k: VALUE[k] for k in ("indicator_id", "variant_id")}, "last_day": END},
        ),
    )
    found = card(tables)
    food, agri = found["food_pass_rate"], found["agri_product_pass_rate"]

    assert food["value"] == pytest.approx(97.1134, abs=5e-5)
    assert (food["official_status"], food["evidence"]) == ("not_met", "operational")
    assert (food["figure_source"], food["numerator"], food["denominator"]) == (
        "records",
        2826,
        2910,
    )
    assert food["last_reported_on"] == dt.date(2024, 12, 31)
    assert (food["failures_allowed"], food["failures_left"]) == (60, -24)
    assert food["awaiting_decision"] is True
    assert food["decision_note"].startswith("awaiting the owner's decision")
    assert food["decision_note"].endswith("; awaiting the year's sampling plan")
    assert (agri["figure_source"], agri["official_status"]) == ("ledger", "met")


def test_a_roster_that_was_not_assessed_whole_says_so_and_is_not_met() -> None:
    water = counted(
        4,
        4,
        indicator_id="water_sections_class3_rate",
        target_id="water_sections_class3_rate",
        variant_id="county_and_above",
        official_status="not_judged",
        evidence="census",
        on_roster=5,
        not_assessed=1,
    )
    row = card(given(mart__indicator_value=rows("mart.indicator_value", water)))[
        "water_sections_class3_rate"
    ]

    assert (row["official_status"], row["value"]) == ("not_judged", 100)
    assert (row["on_roster"], row["not_assessed"]) == (5, 1)
    (english,), (chinese,) = (lines(pl.DataFrame([row]), language) for language in ("en", "zh"))
    assert "not judged (4 of 5 assessed)" in english[4]
    assert "应评5个，参评4个" in chinese[4]


def test_a_year_without_units_is_no_data_and_never_evidence() -> None:
    empty = counted(0, 1, official_status="no_data", evidence="no_data") | {
        "denominator": 0,
        "value": None,
    }
    row = card(given(mart__indicator_value=rows("mart.indicator_value", empty)))["food_pass_rate"]

    assert (row["official_status"], row["figure_source"], row["evidence"]) == (
        "no_data",
        "none",
        "none",
    )


def test_a_period_is_over_only_when_its_deliveries_are_in() -> None:
    last_day, day_before = dt.date(2024, 12, 31), END - dt.timedelta(days=1)
    for day in (None, last_day, day_before):
        assert not any(row["period_over"] for row in card(given(as_of=day)).values())
    assert all(row["period_over"] for row in card(given(as_of=END)).values())
    assert {row["reported_by"] for row in card(given()).values()} == {END}


def test_without_plans_both_tables_are_empty() -> None:
    bare = {
        name: table.rows.clear() for name, table in definition_tables().items() if ".plan" in name
    }
    tables = given() | bare

    assert budgets(tables) == {}
    assert card(tables) == {}
