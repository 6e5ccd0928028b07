"""Cases and surveys from files to figures: the demo's truth, and published recalls."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.computed import in_contract
from assets.demo.case_year import CaseTruth, write_cases
from assets.demo.survey_wave import SurveyTruth, write_survey
from assets.evidence import indicator_value
from assets.ingest.landing import deliveries, receive
from assets.survey import survey_score
from tests.results import rows_of_result
from warehouse.engine.model import load_computed
from warehouse.home import Home
from warehouse.reference_tables import definition_tables

Build = Callable[..., None]
SOURCES = ("case_events", "engineering_complaints", "service_applications", "satisfaction_survey")
TABLES = (
    *("fact.case_state", "fact.case_step", "fact.case_clock", "fact.survey_domain"),
    *("mart.case_ontime", "mart.indicator_count", "mart.indicator_exclusion"),
)
RECEIVED = dt.date(2026, 11, 20)


def table(home: Home, name: str) -> pl.DataFrame:
    return rows_of_result(home, name)


# -- the demo


@pytest.fixture(scope="module")
def city(
    tmp_path_factory: pytest.TempPathFactory, build: Build
) -> tuple[Home, CaseTruth, SurveyTruth]:
    home = Home(tmp_path_factory.mktemp("cases"))
    truths = write_cases(home.landing, 20240702), write_survey(home.landing, 20240702)
    build(home, SOURCES, TABLES)
    return home, *truths


@pytest.fixture(scope="module")
def scores(city: tuple[Home, CaseTruth, SurveyTruth]) -> pl.DataFrame:
    home = city[0]
    made = survey_score(
        {
            **{name: table(home, name) for name in ("fact.survey_domain", "fact.indicator_unit")},
            "ref.survey_question": definition_tables()["ref.survey_question"].rows,
            "meta.build": pl.DataFrame({"as_of": [dt.date(2025, 1, 15)]}),
        }
    )
    return in_contract(made, load_computed()["mart.survey_score"].contract)


@pytest.fixture(scope="module")
def figures(
    city: tuple[Home, CaseTruth, SurveyTruth], scores: pl.DataFrame
) -> dict[str, dict[str, Any]]:
    """The signed figures of 2024, by indicator."""
    values = indicator_value(
        {
            **{name: each.rows for name, each in definition_tables().items()},
            "mart.indicator_count": table(city[0], "mart.indicator_count"),
            "mart.survey_score": scores,
        }
    ).filter("is_official", period="2024", slice_type="all")
    return {row["indicator_id"]: row for row in values.iter_rows(named=True)}


def test_every_row_of_every_file(city: tuple[Home, CaseTruth, SurveyTruth]) -> None:
    home, cases, survey = city
    expected = pl.concat([cases.deliveries, survey.deliveries]).drop("kind")

    found = deliveries(home).select(expected.columns)

    assert found.sort(found.columns).rows() == expected.sort(found.columns).rows()
    for outcome in ("used", "rejected", "duplicate", "unchanged"):
        assert expected[f"rows_{outcome}"].sum() > 0, outcome


def test_rejected_rows_break_the_rule_they_are_meant_to(
    city: tuple[Home, CaseTruth, SurveyTruth],
) -> None:
    home, cases, _ = city
    rejected = pl.read_parquet(
        home.partition_files("core.rejected_record"), hive_partitioning=False
    )
    by_rule = rejected.unique(("delivery_id", "source_row", "rule_id"))["rule_id"]
    expected = cases.rejected.group_by("rule_id").agg(pl.col("rows").sum())

    assert dict(by_rule.value_counts().rows()) == dict(expected.rows())


def test_states_of_cases(city: tuple[Home, CaseTruth, SurveyTruth]) -> None:
    home, truth, _ = city

    found = table(home, "fact.case_state").group_by("case_type", "state").agg(cases=pl.len())

    assert found.sort("case_type", "state").rows() == truth.states.rows()


def test_events_out_of_order_are_told(city: tuple[Home, CaseTruth, SurveyTruth]) -> None:
    home, truth, _ = city
    told = table(home, "fact.case_state").filter(pl.col("illegal_transitions") > 0)

    assert told["case_no"].sort().to_list() == truth.out_of_order["case_no"].to_list()
    assert told["illegal_text"].str.contains("mediation_ended after received").all()
    missing = table(home, "fact.case_step").filter(step_state="missing")
    assert missing.select("case_no", "event_type").sort("case_no").rows() == [
        (case_no, "accepted") for case_no in truth.out_of_order["case_no"]
    ]


def test_clocks_stand_as_the_scripts_say(city: tuple[Home, CaseTruth, SurveyTruth]) -> None:
    home, truth, _ = city

    found = table(home, "fact.case_clock").group_by("clock_id", "status").agg(cases=pl.len())

    assert found.sort("clock_id", "status").rows() == truth.clocks.rows()
    assert set(truth.clocks["status"]) == {
        *("on_time", "late", "open_in_time", "open_overdue", "not_used", "excluded", "too_early"),
    }
    # Every clock of a case runs for some of them.
    deadlines = definition_tables()["ref.deadline"].rows
    of_cases = deadlines.filter(pl.col("case_type") != "air_report")["clock_id"]
    assert set(of_cases) - set(truth.clocks["clock_id"]) == set()


def test_unverified_clocks_say_so(city: tuple[Home, CaseTruth, SurveyTruth]) -> None:
    rates = table(city[0], "mart.case_ontime").filter(period_type="all", division_code="ALL")
    verified = dict(rates.select("clock_id", "is_verified").rows())

    assert verified["complaint_accept"]
    assert not verified["engineering_complaint_close"]
    assert not verified["defect_report"]


def test_the_signed_figures_of_the_year(
    city: tuple[Home, CaseTruth, SurveyTruth], figures: dict[str, dict[str, Any]]
) -> None:
    """166 of 170 complaints; services as drawn; no incident, and a return for every month."""
    _, truth, _ = city
    services = truth.services.rows()
    on_application = [row for row in services if row[0] == "依申请"]
    counted = {
        name: (row["numerator"], row["denominator"], row["official_status"])
        for name, row in figures.items()
    }

    assert counted["engineering_complaint_ontime_rate"] == (166, 170, "not_met")
    for name, rows, target in (
        ("one_net_rate_on_application", on_application, 85),
        ("one_net_rate_overall", services, 96),
    ):
        online = sum(count for _, channel, count in rows if channel == "全程网办")
        concluded = sum(count for *_, count in rows)
        met = "met" if 100 * online >= target * concluded else "not_met"
        assert counted[name] == (online, concluded, met)
    incidents = figures["major_quality_incident_count"]
    assert (incidents["value"], incidents["official_status"]) == (0, "met")
    assert incidents["denominator"] == truth.incidents.height


def test_withdrawn_merged_and_fresh_complaints_are_told(
    city: tuple[Home, CaseTruth, SurveyTruth],
) -> None:
    reasons = table(city[0], "mart.indicator_exclusion").filter(
        pl.col("indicator_id") == "engineering_complaint_ontime_rate",
        pl.col("period").is_in(["2024", "2025"]),
        pl.col("period_type") == "year",
    )
    found = dict(reasons.group_by("exclusion_reason").agg(pl.col("units").sum()).rows())

    assert (found["withdrawn"], found["merged"], found["not_due"]) == (5, 4, 3)


def test_scores_of_the_survey(
    city: tuple[Home, CaseTruth, SurveyTruth],
    scores: pl.DataFrame,
    figures: dict[str, dict[str, Any]],
) -> None:
    """Straight from the drawn answers; a correction replaced some of those first delivered."""
    truth = city[2].scores
    found = {
        domain: (value, respondents)
        for domain, value, respondents in scores.select(
            "survey_domain", "value", "respondents"
        ).rows()
    }

    assert found == {
        domain: (pytest.approx(score, rel=1e-12), respondents)
        for domain, score, respondents in truth.rows()
    }
    whole = figures["service_quality_satisfaction"]
    assert whole["value"] == pytest.approx(truth.filter(survey_domain="all")["score"][0])
    assert whole["denominator"] == truth.filter(survey_domain="all")["respondents"][0]
    assert whole["interval_method"] == "design_based"
    assert whole["evidence"] in ("demonstrated", "inconclusive", "missed")


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_cases(tmp_path / name, seed)
        write_survey(tmp_path / name, seed)
    bytes_of = {
        name: [path.read_bytes() for path in sorted((tmp_path / name).rglob("*.*"))]
        for name in "abc"
    }
    assert len(bytes_of["a"]) == 14
    assert bytes_of["a"] == bytes_of["b"]
    assert not set(bytes_of["a"]) & set(bytes_of["c"])


# -- published recalls


@pytest.fixture(scope="module")
def recalls(published_files: Path, tmp_path_factory: pytest.TempPathFactory, build: Build) -> Home:
    home = Home(tmp_path_factory.mktemp("recalls"))
    files = sorted(published_files.glob("us-cpsc-recalls/*.json"))
    receive(home, "us_recalls", files, RECEIVED)
    build(home, ["us_recalls"], ["fact.case_state", "fact.case_clock"])
    return home


@pytest.mark.real_data
def test_recalls_in_several_files_are_one(recalls: Home) -> None:
    """3,677 records in 128 files, of which two are the same.

    The collector states 3,204 recall numbers, with none as one of them: 3,153 of CPSC and 50 of
    NHTSA have one; the 60 of FDA, which all stand in one file and most in another, have a notice.
    71 of CPSC's have no day in any file, and are rejected for that.
    """
    found = deliveries(recalls)
    data_rows = found["rows_read"].sum() - 2 * found.height  # names, and what the file states

    assert found["status"].value_counts().sort("status").rows() == [
        ("duplicate", 1),
        ("loaded", 127),
    ]
    assert data_rows == 3677
    cases = table(recalls, "fact.case_state")
    by_authority = cases.group_by(
        pl.col("case_no").str.extract("^(CPSC|NHTSA|ucm)"), maintain_order=False
    ).len()
    assert sorted(by_authority.rows()) == [("CPSC", 3153 - 71), ("NHTSA", 50), ("ucm", 60)]
    with duckdb.connect() as con:
        files = [str(path) for path in recalls.partition_files("core.rejected_record")]
        rejected = con.read_parquet(files).aggregate("rule_id, count(*)").fetchall()
    assert rejected == [("missing_occurred_on", 75)]
    repeats = found.select(pl.col("rows_unchanged", "rows_duplicate").sum()).row(0)
    assert repeats == (376, 36)
    # Used, rejected, unchanged or a duplicate: nothing is lost.
    outcomes = ("used", "rejected", "unchanged", "duplicate", "ignored")
    assert sum(found[f"rows_{name}"].sum() for name in outcomes) == found["rows_read"].sum()


@pytest.mark.real_data
def test_files_say_how_much_was_cut_off(recalls: Home) -> None:
    """Every file states how many recalls there are; a page held at most 50 of them."""
    totals = pl.read_parquet(
        recalls.partition_files("meta.control_total"), hive_partitioning=False
    ).join(deliveries(recalls).select("delivery_id", "file_name"), on="delivery_id")
    cut_off = totals.filter(pl.col("stated") > pl.col("counted"))

    assert totals.height == 127
    assert totals.filter(pl.col("stated") < pl.col("counted")).is_empty()
    assert cut_off.height == 35
    general = totals.filter(file_name="cpsc_recalls.json")
    assert general.select("stated", "counted").rows() == [(5928, 50)]


@pytest.mark.real_data
def test_nested_lists_become_one_text(recalls: Home) -> None:
    """1,302 recalls name China among their countries, 1,301 of them with a day."""
    cases = table(recalls, "fact.case_state")
    of_china = cases.filter(pl.col("origin_country").str.split("; ").list.contains("China"))

    assert of_china.height == 1301
    assert cases.filter(case_no="CPSC 13173")["entity_name"].to_list() == ["Sino-Best Industries"]
    assert cases.filter(pl.col("entity_name").str.contains("; ")).height > 100
    assert not cases["product_name"].str.contains(r'\["').any()


@pytest.mark.real_data
def test_recalls_elsewhere_start_no_clock_of_ours(recalls: Home) -> None:
    cases = table(recalls, "fact.case_state")

    assert cases["state"].unique().to_list() == ["recall_announced"]
    assert cases["coverage"].unique().to_list() == ["capped"]
    assert table(recalls, "fact.case_clock").is_empty()
    units = cases.filter(pl.col("case_no").str.starts_with("NHTSA"))["units_affected"]
    assert units.null_count() == 0
    assert (units > 0).all()
