"""Scorecard and failure budgets of a release, against the demo's truth."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.explain import explanation
from pipelines.scorecard import FIRST, lines, scorecard_rows, summary
from tests.nights import SmallYear
from tests.results import explained_parts
from warehouse.errors import SamplehouseError
from warehouse.home import Home
from warehouse.plan_files import load_plans

PLAN = load_plans()["yiwu_2024"]
# Official variants as the truth tells them: domain and programme.
RECORDS = {
    "agri_product_pass_rate": ("agri", "routine_monitoring"),
    "food_pass_rate": ("food", "supervision"),
    "manufacturing_pass_rate": ("manufactured", "evaluative"),
    "engineering_first_acceptance_rate": ("construction", "acceptance"),
}


@pytest.fixture(scope="module")
def home(small_year: SmallYear) -> Home:
    return small_year.home


def told(home: Home, name: str, table: str) -> pl.DataFrame:
    truth = json.loads((home.root / name).read_text("utf-8"))
    return pl.DataFrame(truth[table], infer_schema_length=None)


def test_every_promise_is_there_in_the_plan_s_order(release: Path) -> None:
    rows = scorecard_rows(release, None)

    ids = [*(t.target_id for t in PLAN.targets), *(m.milestone_id for m in PLAN.milestones)]
    assert len(ids) == 85
    assert rows["target_id"].to_list() == ids
    assert tuple(rows.columns[: len(FIRST)]) == FIRST


def test_figures_of_records_are_those_of_the_truth(home: Home, release: Path) -> None:
    counts = told(home, "truth.json", "counts").filter(pl.col("month").str.starts_with("2024"))
    rows = scorecard_rows(release, "yiwu_2024").filter(pl.col("figure_source") == "records")
    found = {row["target_id"]: row for row in rows.to_dicts()}

    for target, (domain, programme) in RECORDS.items():
        true = counts.filter(pl.col("domain") == domain, pl.col("programme") == programme)
        passed, tested = (int(true[name].sum()) for name in ("passed", "tested"))
        row = found[target]
        assert (row["numerator"], row["denominator"]) == (passed, tested)
        if target != "manufacturing_pass_rate":  # weighted
            assert row["value"] == pytest.approx(100 * passed / tested)
            goal = next(t.value for t in PLAN.targets if t.target_id == target)
            met = 100 * passed >= goal * tested
            assert row["official_status"] == ("met" if met else "not_met")
            assert row["failures_allowed"] - row["failures_left"] == tested - passed
    first = told(home, "truth.json", "attempts").filter(
        pl.col("attempt") == 1, pl.col("supervised"), pl.col("month").str.starts_with("2024")
    )
    supervised = found["supervised_first_acceptance_rate"]
    assert supervised["numerator"] == first["passed"].sum()
    assert supervised["denominator"] == first["tested"].sum()
    assert supervised["evidence"] == "census"
    topics = told(home, "truth.json", "coverage")
    covered = found["four_governance_quarterly_coverage"]
    assert covered["numerator"] == topics["covered"].sum()
    assert covered["denominator"] == topics["due"].sum()
    assert covered["official_status"] == "not_met"
    assert found["food_pass_rate"]["evidence"] == "operational"


def test_once_the_year_is_over_budgets_and_official_statuses_agree(release: Path) -> None:
    with duckdb.connect(str(release), read_only=True) as con:
        both = con.sql(
            "SELECT budget.target_id, state, official_status, probability_on_target "
            "FROM mart.failure_budget AS budget JOIN mart.indicator_value AS figure "
            "USING (indicator_id, variant_id, period_type, period) "
            "WHERE slice_type = 'all' AND budget.period_over"
        ).pl()

    assert both.height == 17
    missed = both["official_status"] == "not_met"
    assert (missed == (both["state"] == "exceeded")).all()
    assert both["probability_on_target"].to_list() == [0.0 if each else 1.0 for each in missed]


def test_the_budget_of_a_weighted_rate_ends_where_its_status_turns(
    release: Path, con: duckdb.DuckDBPyConnection
) -> None:
    """By hand, from units and weights: one failure more than what is left is too many."""
    strata = con.sql(
        "SELECT weight, sum(numerator) AS passed, sum(denominator) AS tested "
        "FROM fact.indicator_unit AS unit JOIN ref.indicator_weight AS listed "
        "ON listed.slice = unit.industry_division AND weighting = 'manufacturing_output' "
        "WHERE variant_id = 'output_weighted' AND counted_on >= '2024-01-01' AND is_counted "
        "GROUP BY listed.slice, weight"
    ).fetchall()
    exact = [(Fraction(str(w)), Fraction(int(x), int(n))) for w, x, n in strata]
    rate = sum(w * r for w, r in exact) / sum(w for w, _ in exact)
    row = scorecard_rows(release, None).row(
        by_predicate=pl.col("target_id") == "manufacturing_pass_rate", named=True
    )
    goal, size = Fraction(row["target"]) / 100, row["denominator"]
    passes, left = rate * size, row["failures_left"]

    assert row["value"] == pytest.approx(100 * float(rate))
    assert (passes - left) / size >= goal > (passes - left - 1) / size
    assert (left >= 0) == (row["official_status"] == "met") == (row["budget_state"] != "exceeded")


def test_days_of_air_are_those_of_the_truth_and_have_a_budget_in_days(
    home: Home, release: Path
) -> None:
    days = told(home, "air_truth.json", "days")
    good, valid = int(days["is_good"].sum()), int(days["is_valid"].sum())
    row = scorecard_rows(release, None).row(
        by_predicate=pl.col("target_id") == "good_air_days_ratio", named=True
    )

    assert (row["numerator"], row["denominator"]) == (good, valid) == (343, 363)
    assert row["value"] == pytest.approx(100 * good / valid)
    assert (row["official_status"], row["evidence"], row["lower"]) == ("met", "census", None)
    # 363 valid days against 94 % allow 21: the year is over, and as large as what was measured.
    assert (row["failures_allowed"], row["failures_left"]) == (21, 1)
    assert row["awaiting_decision"]
    with duckdb.connect(str(release), read_only=True) as con:
        failing = explained_parts(explanation(con, "good_air_days_ratio", most=0))["failing"]
    assert failing["unit"].n_unique() == valid - good
    assert failing.select("file", "row", "delivery").null_count().sum_horizontal().item() == 0


def test_cases_and_the_survey_are_figures_of_records(home: Home, release: Path) -> None:
    """Rates of cases, a count that returns prove, a score: each with its source and status."""
    services = told(home, "case_truth.json", "services")
    online = pl.col("channel") == "全程网办"
    score = told(home, "survey_truth.json", "scores").filter(survey_domain="all").row(0, named=True)
    rows = scorecard_rows(release, "yiwu_2024")
    found = {row["target_id"]: row for row in rows.iter_rows(named=True)}

    expected: dict[str, tuple[object, ...]] = {
        "engineering_complaint_ontime_rate": (166, 170, "not_met", "census"),
        "one_net_rate_overall": (
            services.filter(online)["cases"].sum(),
            services["cases"].sum(),
            "met",
            "census",
        ),
        "major_quality_incident_count": (0, 168, "met", "census"),
    }
    names = ("numerator", "denominator", "official_status", "evidence")
    for target, told_figures in expected.items():
        assert tuple(found[target][name] for name in names) == told_figures, target
        assert found[target]["figure_source"] == "records"
        assert found[target]["awaiting_decision"]
    assert found["one_net_rate_on_application"]["figure_source"] == "records"
    incidents = found["major_quality_incident_count"]
    assert (incidents["value"], incidents["budget_state"]) == (0, None)
    survey = found["service_quality_satisfaction"]
    assert survey["value"] == pytest.approx(score["score"])
    assert survey["lower"] < survey["value"] < survey["upper"]
    assert (survey["figure_source"], survey["unit"]) == ("records", "score_0_100")
    with duckdb.connect(str(release), read_only=True) as con:
        failing = explained_parts(explanation(con, "major_quality_incident_count", most=0))
        left_out = {row["of"] for row in failing["left_out"].iter_rows(named=True)}
    assert left_out == {"not_major", "no_direct_responsibility"}
    assert "failing" not in failing


def test_sections_and_sources_of_water_are_those_of_the_truth(
    home: Home, release: Path, con: duckdb.DuckDBPyConnection
) -> None:
    sites = told(home, "water_truth.json", "sites")
    card = {row["target_id"]: row for row in scorecard_rows(release, None).to_dicts()}
    compliance, class3, sources = (
        card[name]
        for name in (
            "surface_water_section_compliance",
            "water_sections_class3_rate",
            "drinking_source_compliance",
        )
    )
    kept = sites.group_by("kind").agg(pl.col("passes").sum(), pl.len().alias("sites"))
    expected = {row["kind"]: (row["passes"], row["sites"]) for row in kept.to_dicts()}

    assert (compliance["numerator"], compliance["denominator"]) == expected["section"] == (7, 8)
    assert (sources["numerator"], sources["denominator"]) == expected["drinking_source"] == (2, 3)
    assert (class3["value"], class3["official_status"], class3["failures_allowed"]) == (
        100,
        "met",
        0,
    )
    assert compliance["official_status"] == sources["official_status"] == "not_met"
    assert (compliance["failures_left"], compliance["budget_state"]) == (-1, "exceeded")
    assert [row["evidence"] for row in (compliance, class3, sources)] == ["census"] * 3
    assert [row["awaiting_decision"] for row in (compliance, sources)] == [True, True]
    failing = explained_parts(explanation(con, "surface_water_section_compliance", most=0))[
        "failing"
    ]
    assert failing["unit"].to_list() == ["YW-D02/2024"]


def test_figures_of_the_ledger_are_those_of_its_truth(home: Home, release: Path) -> None:
    figures = told(home, "ledger_truth.json", "figures").sort("received_on")
    last = dict(figures.select("target_id", "value").rows())  # the latest one stays
    rows = scorecard_rows(release, None).filter(pl.col("figure_source") == "ledger").to_dicts()

    assert len(rows) > 60
    compare = {">=": Decimal.__ge__, ">": Decimal.__gt__, "=": Decimal.__eq__}
    for row in rows:
        true = Decimal(str(last[row["target_id"]]))
        assert row["value"] == pytest.approx(float(true))
        if row["comparator"] == "~":
            assert row["official_status"] == "not_judged"
        else:
            met = compare[row["comparator"]](true, row["target"])
            assert row["official_status"] == ("met" if met else "not_met"), row["target_id"]


def test_what_nobody_reported_has_no_figure(home: Home, release: Path) -> None:
    figures = set(told(home, "ledger_truth.json", "figures")["target_id"])
    silent = scorecard_rows(release, None).filter(pl.col("figure_source") == "none")

    assert not silent.is_empty()
    assert not figures & set(silent["target_id"])
    assert set(silent["official_status"]) <= {"no_data", "not_judged"}


def test_it_prints_in_both_languages(run: Callable[..., tuple[int, str, str]]) -> None:
    code, english, _ = run("scorecard")
    assert code == 0
    assert "Pass rate of food in sampling" in english
    assert "85 targets and milestones: met " in english
    code, chinese, _ = run("scorecard", "--lang", "zh")
    assert code == 0
    assert "食品抽检合格率" in chinese
    assert "目标和任务共85项：达标" in chinese


def test_files_hold_what_is_printed(
    run: Callable[..., tuple[int, str, str]], release: Path, tmp_path: Path
) -> None:
    rows = scorecard_rows(release, None)
    ids = rows["target_id"].to_list()
    _, text, _ = run("scorecard", "--format", "csv")
    assert [row["target_id"] for row in csv.DictReader(io.StringIO(text))] == ids
    book, data = tmp_path / "card.xlsx", tmp_path / "card.json"
    assert run("scorecard", "--format", "xlsx", "--output", str(book))[0] == 0
    assert run("scorecard", "--format", "json", "--output", str(data))[0] == 0
    assert [row["target_id"] for row in json.loads(data.read_text("utf-8"))] == ids
    assert pl.read_excel(book)["target_id"].to_list() == ids


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scorecard", "--plan", "mars"], "no plan 'mars' in the release; its plans: yiwu_2024"),
        (["scorecard", "--format", "xlsx"], "--output scorecard.xlsx"),
        (["scorecard", "--output", "card.csv"], "--output goes with --format"),
        (["scorecard", "--format", "csv", "--output", "no/such/folder"], "cannot be written"),
        (["explain", "tea_rate"], "known indicators: agri_product_pass_rate, drinking"),
        (["explain", "rd_expenditure_gdp_share"], "no indicator 'rd_expenditure_gdp_share'"),
        (["explain", "food_pass_rate", "--variant", "all"], "known variants: evaluative, eval"),
        (["explain", "food_pass_rate", "--period", "May"], "no period such as 2024, 2024Q2"),
        (["explain", "food_pass_rate", "--period", "2019"], "has no figure for 2019"),
        (["explain", "food_pass_rate", "--division", "110000"], "no division '110000'"),
    ],
)
def test_what_cannot_be_shown_is_said(
    run: Callable[..., tuple[int, str, str]], arguments: list[str], message: str
) -> None:
    code, _, errors = run(*arguments)

    assert code == 2
    assert message in " ".join(errors.replace("│", " ").split())


def test_without_a_release_there_is_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(SamplehouseError, match="no release yet"):
        scorecard_rows(tmp_path / "none.duckdb", None)


def test_a_figure_just_below_its_target_is_never_printed_as_the_target(release: Path) -> None:
    row = scorecard_rows(release, None).filter(pl.col("target_id") == "good_air_days_ratio")
    close = row.with_columns(
        value=pl.lit(93.998), official_status=pl.lit("not_met"), period_over=pl.lit(value=False)
    )

    (printed,) = lines(close, "en")
    assert printed[2] == "93.998 %"
    assert printed[4].startswith("not yet met")
    assert "no data" not in summary(close)[0]


def test_quarters_of_what_is_kept_have_budgets_and_sentences(release: Path) -> None:
    with duckdb.connect(str(release), read_only=True) as con:
        budgets = con.sql("FROM mart.failure_budget WHERE target_id LIKE 'agri%'").pl()

    assert budgets["period"].sort().to_list() == ["2024", "2024Q1", "2024Q2", "2024Q3", "2024Q4"]
    year = budgets.filter(pl.col("period_type") == "year").row(0, named=True)
    quarters = budgets.filter(pl.col("period_type") == "quarter")
    assert quarters["failures"].sum() == year["failures"]
    assert budgets["sentence_zh"].null_count() == 0
