"""Failure budgets from small tables: whole, weighted and running periods, and their sentences."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy import stats

from assets.evidence import indicator_value
from pipelines.scorecard import lines, summary
from tests.scorecards import (
    END,
    MIDDLE,
    VALUE,
    budgets,
    card,
    counted,
    given,
    rounded,
    rows,
    scorecard_of,
)
from warehouse.reference_tables import definition_tables

COVERAGE = {
    "indicator_id": "four_governance_quarterly_coverage",
    "variant_id": "frozen_roster",
    "target_id": "four_governance_quarterly_coverage",
    "official_status": "not_met",
    "evidence": "census",
}
WEIGHTED = {"indicator_id": "manufacturing_pass_rate", "variant_id": "output_weighted"}


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


# -- what is over, and agrees with the official status


def weighted_year(
    as_of: dt.date, industries: dict[str, tuple[int, int]], **changes: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Tables of a year of manufacturing, by industry: passes and samples."""
    cells = {"all": tuple(map(sum, zip(*industries.values(), strict=True))), **industries}
    counts = rows(
        "mart.indicator_count",
        *(
            {**VALUE, **WEIGHTED, "estimates": "population", "excluded": 0}
            | {"slice_type": "all" if name == "all" else "industry", "slice": name}
            | {"numerator": passed, "denominator": tested}
            for name, (passed, tested) in cells.items()
        ),
    )
    tables = given(as_of=as_of, mart__indicator_count=counts, **changes)
    scores = rows("mart.survey_score")
    tables["mart.indicator_value"] = indicator_value(tables | {"mart.survey_score": scores})
    return tables


def output(**weights: int) -> pl.DataFrame:
    found = [("manufacturing_output", "industry", k[1:], w, "", "", "") for k, w in weights.items()]
    contract = definition_tables()["ref.indicator_weight"].contract
    return pl.DataFrame(found, schema=contract.polars_schema(), orient="row")


def held(comparator: str, digits: int | None = None, value: str = "94") -> pl.DataFrame:
    """The plan's targets, with another comparison for manufacturing."""
    targets = rounded("manufacturing_pass_rate", 0 if digits is None else digits)
    one = pl.col("target_id") == "manufacturing_pass_rate"
    none = pl.lit(None)
    return targets.with_columns(
        comparator=pl.when(one).then(pl.lit(comparator)).otherwise("comparator"),
        value=pl.when(one).then(pl.lit(value).cast(targets.schema["value"])).otherwise("value"),
        rounding_digits=none if digits is None else "rounding_digits",
        rounding_mode=none if digits is None else "rounding_mode",
    )


@pytest.mark.parametrize(
    ("size", "failed", "comparator", "state", "left", "failures"),
    [
        # Of 310 samples 18.6 may fail, and 18.5 did: 94.03 %. Rounded, 19 would be more than 18.
        (155, (1, 12), ">=", "none_left", 0, 18),
        (155, (2, 12), ">=", "exceeded", -1, 19),
        (150, (0, 12), ">=", "none_left", 0, 18),  # 94 % exactly
        (150, (0, 12), ">", "exceeded", -1, 18),
    ],
)
def test_a_weighted_rate_is_within_its_budget_exactly_where_it_meets_its_target(
    size: int, failed: tuple[int, int], comparator: str, state: str, left: int, failures: int
) -> None:
    """Weights of 1 and 3: a failure is worth 0.5 and 1.5 failures of average weight."""
    industries = {"17": (size - failed[0], size), "18": (size - failed[1], size)}
    options = {
        "ref__indicator_weight": output(i17=1, i18=3),
        "ref__plan_target": held(comparator),
    }
    row = card(weighted_year(END, industries, **options))["manufacturing_pass_rate"]

    assert (row["official_status"], row["period_over"]) == (
        "not_met" if state == "exceeded" else "met",
        True,
    )
    assert (row["budget_state"], row["failures_left"]) == (state, left)
    assert row["failures_allowed"] - row["failures_left"] == failures
    assert row["probability_on_target"] == (0 if state == "exceeded" else 1)


def test_half_a_failure_counts_in_a_running_year() -> None:
    """18.5 of 108 failures: the prediction rests on the exact number, not on 18 or 19."""
    options = {"ref__indicator_weight": output(i17=1, i18=3)}
    tables = weighted_year(MIDDLE, {"17": (154, 155), "18": (143, 155)}, **options)
    row = budgets(tables)["manufacturing_pass_rate", "2024"]
    value = tables["mart.indicator_value"].filter(pl.col("slice_type") == "all")
    share = value["effective_size"].item() / 310
    future = stats.betabinom(1800 - 310, 18.5 * share + 0.5, 291.5 * share + 0.5)

    assert (row["allowed"], row["remaining"], row["failures"]) == (108, 89, 19)
    assert row["probability_on_target"] == pytest.approx(future.cdf(89))


INDUSTRY = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=40)
@drawn(
    industries=st.fixed_dictionaries({"17": INDUSTRY, "18": INDUSTRY, "24": INDUSTRY}),
    weights=st.tuples(*[st.integers(1, 5)] * 3),
    comparator=st.sampled_from([">=", ">"]),
    digits=st.sampled_from([None, 0, 1]),
    nudge=st.sampled_from([0, 0, "0.1", "-0.1", "0.5"]),
)
def test_once_a_year_is_over_budget_and_official_status_agree(
    industries: dict[str, tuple[int, int]],
    weights: tuple[int, int, int],
    comparator: str,
    digits: int | None,
    nudge: Any,
) -> None:
    """Against targets at and beside the very rate, where rounding could part the two."""
    exact = sum(w * Fraction(x, n) for w, (x, n) in zip(weights, industries.values(), strict=True))
    rate = Decimal(round(100 * exact / sum(weights) * 10)) / 10
    target = min(max(rate + Decimal(nudge), Decimal(0)), Decimal(100))
    options = {
        "ref__indicator_weight": output(i17=weights[0], i18=weights[1], i24=weights[2]),
        "ref__plan_target": held(comparator, digits, str(target)),
    }
    row = card(weighted_year(END, industries, **options))["manufacturing_pass_rate"]

    missed = row["official_status"] == "not_met"
    assert row["official_status"] in ("met", "not_met")
    assert missed == (row["budget_state"] in ("exceeded", "impossible"))
    if row["budget_state"] != "impossible":
        assert missed == (row["failures_left"] < 0)
        assert row["probability_on_target"] == (0 if missed else 1)


# -- what still runs


def quarter(number: int, covered: int, due: int) -> dict[str, Any]:
    period = {"period_type": "quarter", "period": f"2024Q{number}"}
    return counted(covered, due, **COVERAGE, **period)


@pytest.mark.parametrize(
    ("as_of", "tested", "failures", "open_units", "state", "probability"),
    [
        # Nothing is missed before the quarter's deliveries are in, and nothing is promised.
        (dt.date(2024, 1, 15), 300, 0, 608, "none_left", None),
        (dt.date(2024, 4, 19), 300, 0, 608, "none_left", None),
        (dt.date(2024, 4, 20), 908, 608, 0, "exceeded", 0),
    ],
)
def test_what_is_not_inspected_yet_in_a_running_quarter_has_not_failed(
    as_of: dt.date,
    tested: int,
    failures: int,
    open_units: int,
    state: str,
    probability: float | None,
) -> None:
    year = counted(300, 908, **COVERAGE)
    tables = given(
        as_of=as_of, mart__indicator_value=rows("mart.indicator_value", quarter(1, 300, 908), year)
    )
    row = budgets(tables)["four_governance_quarterly_coverage", "2024"]
    told = card(tables)["four_governance_quarterly_coverage"]

    assert (row["denominator"], row["failures"], row["outstanding"]) == (
        tested,
        failures,
        open_units,
    )
    assert (row["state"], row["probability_on_target"]) == (state, probability)
    assert ("Still open: 608 projects and topics." in row["sentence_en"]) == bool(open_units)
    assert ("另有608个项目专项待定。" in row["sentence_zh"]) == bool(open_units)
    assert (told["official_status"], told["period_over"]) == ("not_met", False)
    shown = scorecard_of(tables, "four_governance_quarterly_coverage")
    assert lines(shown, "en")[0][4] == "not yet met *"
    assert summary(shown)[0] == "1 targets and milestones: not yet met 1."


def test_a_quarter_that_is_over_fails_while_the_next_one_runs() -> None:
    cells = (quarter(1, 906, 908), quarter(2, 0, 900), counted(906, 1808, **COVERAGE))
    tables = given(mart__indicator_value=rows("mart.indicator_value", *cells))
    row = budgets(tables)["four_governance_quarterly_coverage", "2024"]

    assert (row["denominator"], row["failures"], row["outstanding"]) == (908, 2, 900)
    assert (row["state"], row["probability_on_target"]) == ("exceeded", 0)
    over = budgets(tables | {"meta.build": rows("meta.build", {"as_of": END})})
    assert over["four_governance_quarterly_coverage", "2024"]["failures"] == 902


def test_a_section_s_year_is_not_judged_before_it_is_over() -> None:
    sections = {
        "indicator_id": "surface_water_section_compliance",
        "variant_id": "functional_class",
    }
    value = rows("mart.indicator_value", counted(7, 8, **sections))
    october = given(as_of=dt.date(2024, 10, 9), mart__indicator_value=value)
    row = budgets(october)["surface_water_section_compliance", "2024"]
    over = budgets(given(as_of=END, mart__indicator_value=value))

    assert (row["denominator"], row["failures"], row["outstanding"]) == (0, 0, 8)
    assert (row["state"], row["probability_on_target"]) == ("none_left", None)
    assert row["sentence_en"] == (
        "Nothing tested yet: of 8 planned sections, 0 may fail. Still open: 8 sections."
    )
    assert over["surface_water_section_compliance", "2024"]["state"] == "exceeded"


def test_late_deliveries_keep_the_plan_open_and_are_told() -> None:
    value = rows("mart.indicator_value", counted(2450, 2500))
    days = (dt.date(2024, 12, 31), END - dt.timedelta(days=1), END)
    last_day, before, closed = (
        budgets(given(as_of=day, mart__indicator_value=value))["food_pass_rate", "2024"]
        for day in days
    )

    assert [row["period_over"] for row in (last_day, before, closed)] == [False, False, True]
    assert [row["allowed"] for row in (last_day, before, closed)] == [60, 60, 50]
    assert 0 < last_day["probability_on_target"] == before["probability_on_target"] < 1
    assert closed["probability_on_target"] == 1
    assert "deliveries are expected until 2025-01-20" in last_day["sentence_en"]
    assert "预计2025-01-20前仍有报送" in last_day["sentence_zh"]
    assert "The period is over" in closed["sentence_en"]


def test_all_planned_samples_end_the_period_before_its_deliveries_are_due() -> None:
    value = rows("mart.indicator_value", counted(2950, 3000))
    days = (dt.date(2024, 12, 30), dt.date(2024, 12, 31))
    running, over = (
        budgets(given(as_of=day, mart__indicator_value=value))["food_pass_rate", "2024"]
        for day in days
    )

    assert (running["period_over"], over["period_over"]) == (False, True)
    assert (over["state"], over["probability_on_target"]) == ("within", 1)


def test_before_the_first_sample_there_is_no_probability() -> None:
    found = budgets(given(as_of=dt.date(2024, 1, 2)))
    food, agri = found["food_pass_rate", "2024"], found["agri_product_pass_rate", "2024Q1"]

    assert [row["probability_on_target"] for row in found.values()] == [None] * len(found)
    assert (food["state"], agri["state"]) == ("within", "within")
    assert food["sentence_en"] == "Nothing tested yet: of 3000 planned samples, 60 may fail."
    assert food["sentence_zh"] == "尚无检验结果；计划3000批次，允许不合格60。"
    over = budgets(given(as_of=END))["food_pass_rate", "2024"]
    assert (over["state"], over["probability_on_target"]) == ("no_plan", None)
    assert over["sentence_en"] == "The period is over, and nothing was tested."


def test_exactly_a_number_below_100_percent_is_no_budget_of_failures() -> None:
    tables = given(ref__plan_target=held("="))

    assert "manufacturing_pass_rate" not in {target for target, _ in budgets(tables)}
