"""The scorecard and the failure budget from small tables: sources, statuses, sentences."""

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from assets.computed import in_contract
from assets.failure_budget import failure_budget
from assets.scorecard import scorecard
from warehouse.engine.model import contract_of, load_computed, load_models, provided_contracts
from warehouse.reference_lists import code_list
from warehouse.reference_tables import definition_tables

SCORECARD, BUDGET = (load_computed()[f"mart.{name}"] for name in ("scorecard", "failure_budget"))
VALUE: dict[str, Any] = {
    "indicator_id": "food_pass_rate",
    "variant_id": "supervision",
    "period_type": "year",
    "period": "2024",
    "slice_type": "all",
    "slice": "all",
    "plan_id": "yiwu_2024",
    "target_id": "food_pass_rate",
    "is_official": True,
    "is_weighted": False,
}
PLAN = {"plan_id": "yiwu_2024"}
MIDDLE, END = dt.date(2024, 6, 30), dt.date(2025, 1, 10)


def rows(table: str, *found: dict[str, Any]) -> pl.DataFrame:
    contracts = {**provided_contracts()}
    contract = contracts.get(table) or contract_of(table, load_models())
    return pl.DataFrame(list(found), schema=contract.polars_schema())


def given(as_of: dt.date | None = MIDDLE, **changes: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The project's definitions; nothing counted or reported unless given."""
    tables = {name: table.rows for name, table in definition_tables().items()}
    empty = ("mart.indicator_value", "mart.indicator_composition", "mart.ledger_value")
    tables |= {name: rows(name) for name in empty}
    tables["ref.unit_kind"] = code_list("unit_kind")
    tables["meta.build"] = rows("meta.build", {"as_of": as_of})
    tables |= {name.replace("__", "."): frame for name, frame in changes.items()}
    return tables


def budgets(tables: dict[str, pl.DataFrame]) -> dict[tuple[str, str], dict[str, Any]]:
    found = in_contract(failure_budget(tables), BUDGET.contract)
    return {(row["target_id"], row["period"]): row for row in found.to_dicts()}


def card(tables: dict[str, pl.DataFrame]) -> dict[str, dict[str, Any]]:
    tables["mart.failure_budget"] = in_contract(failure_budget(tables), BUDGET.contract)
    found = in_contract(scorecard(tables), SCORECARD.contract)
    assert found.height == tables["ref.plan_item"].height
    return {row["target_id"]: row for row in found.to_dicts()}


def counted(numerator: int, denominator: int, **changes: Any) -> dict[str, Any]:
    row = {**VALUE, "numerator": numerator, "denominator": denominator, **changes}
    return {"value": 100 * numerator / denominator, **row}


def reported(figures: dict[str, str]) -> pl.DataFrame:
    return rows(
        "mart.ledger_value",
        *(
            {**PLAN, "target_id": name, "value": Decimal(value), "reported": True}
            for name, value in figures.items()
        ),
    )


def rounded(target_id: str, digits: int) -> pl.DataFrame:
    targets = definition_tables()["ref.plan_target"].rows
    one = pl.col("target_id") == target_id
    return targets.with_columns(
        rounding_digits=pl.when(one).then(digits).otherwise("rounding_digits"),
        rounding_mode=pl.when(one).then(pl.lit("half_even")).otherwise("rounding_mode"),
    )


# -- scorecard


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


def test_before_the_end_of_the_period_it_is_not_over() -> None:
    assert not any(row["period_over"] for row in card(given()).values())
    assert all(row["period_over"] for row in card(given(as_of=END)).values())


# -- failure budget


def test_a_budget_in_the_middle_of_the_year_in_words() -> None:
    tables = given(mart__indicator_value=rows("mart.indicator_value", counted(1455, 1500)))
    row = budgets(tables)["food_pass_rate", "2024"]

    assert (row["allowed"], row["failures"], row["remaining"]) == (60, 45, 15)
    assert row["burn_rate"] == pytest.approx(1.5)
    assert row["state"] == "within"
    assert row["runs_out_on"] == dt.date(2024, 8, 30)
    assert row["probability_on_target"] < 0.01
    assert row["sentence_en"] == (
        "45 of 60 allowed failures are used after 1500 of 3000 planned samples; left: 15. The "
        "period ends on target with a probability of < 1 %; at this pace the last allowed failure "
        "comes on 2024-08-30."
    )
    assert row["sentence_zh"] == (
        "计划3000批次，已检1500；允许不合格60，已用45，剩余15；期末达标概率< 1%"
        "；按目前速度，额度将于2024-08-30用完。"
    )


def test_a_rate_that_is_kept_has_a_budget_for_every_quarter() -> None:
    agri = {
        "indicator_id": "agri_product_pass_rate",
        "variant_id": "routine_monitoring",
        "period_type": "quarter",
    }
    tables = given(
        mart__indicator_value=rows(
            "mart.indicator_value",
            counted(360, 380, **agri, period="2024Q1"),
            counted(370, 375, **agri, period="2024Q2"),
        )
    )
    found = budgets(tables)
    quarters = [found["agri_product_pass_rate", f"2024Q{n}"] for n in (1, 2, 3, 4)]

    assert [row["state"] for row in quarters] == ["exceeded", "within", "within", "within"]
    assert [row["allowed"] for row in quarters] == [15, 15, 15, 15]
    assert [row["period_over"] for row in quarters] == [True, True, False, False]
    assert quarters[0]["sentence_en"] == (
        "The period is over: 20 of 380 samples failed, 15 were allowed; exceeded by 5."
    )
    assert found["agri_product_pass_rate", "2024"]["planned"] == 1500


def test_without_a_planned_number_there_is_no_budget_but_a_sentence() -> None:
    plan = definition_tables()["ref.plan_budget"].rows
    tables = given(
        mart__indicator_value=rows("mart.indicator_value", counted(95, 100)),
        ref__plan_budget=plan.with_columns(planned=pl.lit(None, pl.Int64)),
    )
    row = budgets(tables)["food_pass_rate", "2024"]

    assert (row["state"], row["allowed"], row["probability_on_target"]) == ("no_plan", None, None)
    assert row["sentence_en"].startswith("5 of 100 samples failed")


def test_a_target_of_100_percent_allows_none_whatever_is_planned() -> None:
    cell = counted(
        1910,
        1912,
        indicator_id="four_governance_quarterly_coverage",
        variant_id="frozen_roster",
        estimates="census",
    )
    row = budgets(given(mart__indicator_value=rows("mart.indicator_value", cell)))[
        "four_governance_quarterly_coverage", "2024"
    ]

    assert (row["planned"], row["allowed"], row["remaining"]) == (None, 0, -2)
    assert (row["state"], row["probability_on_target"]) == ("exceeded", 0)
    assert (
        row["sentence_en"]
        == "2 of 1912 projects and topics failed so far; a target of 100 % allows none."
    )
    assert "目标为100%" in row["sentence_zh"]


def test_the_rounding_of_the_plan_enlarges_the_budget() -> None:
    tables = given(ref__plan_target=rounded("food_pass_rate", 0))

    assert budgets(tables)["food_pass_rate", "2024"]["allowed"] == 75  # 97.5 % rounds to 98
    assert budgets(given())["food_pass_rate", "2024"]["allowed"] == 60


def test_without_plans_both_tables_are_empty() -> None:
    bare = {
        name: table.rows.clear() for name, table in definition_tables().items() if ".plan" in name
    }
    tables = given() | bare

    assert budgets(tables) == {}
    assert card(tables) == {}
