"""The demo's ledger: the same bytes for a seed, and figures that the pipeline must reproduce."""

from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.demo.ledger_book import DEFECTS, LedgerTruth, ledger_calendar, write_ledger
from assets.demo.lists import demo_list
from assets.ingest.landing import deliveries, register
from assets.ingest.run import ingest, read_raw
from warehouse.engine.model import load_models
from warehouse.engine.run import attach_dependencies, run_model
from warehouse.home import Home
from warehouse.plan import Plan, item_id
from warehouse.plan_files import load_plans
from warehouse.source import load_sources

SEED = 20240702


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plans()[ledger_calendar()["plan_id"][0]]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> tuple[Home, LedgerTruth]:
    """A home that has received and read the whole ledger."""
    home = Home(tmp_path_factory.mktemp("ledger_book"))
    truth = write_ledger(home.landing, plan, SEED)
    sources = {"ledger": load_sources()["ledger"]}
    days = ledger_calendar()["received_on"].to_list()
    register(home, sources, days)
    read_raw(home, sources["ledger"], days)
    ingest(home, sources, days, check=False)
    return home, truth


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(
    plan: Plan, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_ledger(tmp_path / name, plan, seed)
    bytes_of = {
        name: [path.read_bytes() for path in sorted((tmp_path / name).rglob("*.xlsx"))]
        for name in "abc"
    }
    assert len(bytes_of["a"]) == ledger_calendar().height
    assert bytes_of["a"] == bytes_of["b"]
    assert not set(bytes_of["a"]) & set(bytes_of["c"])


def test_every_row_of_every_file_ends_where_it_should(
    delivered: tuple[Home, LedgerTruth],
) -> None:
    home, truth = delivered
    found = deliveries(home).sort("received_on")
    assert found["status"].unique().to_list() == ["loaded"]
    assert found.select(truth.deliveries.columns).rows() == truth.deliveries.rows()
    for outcome in ("used", "rejected", "duplicate", "unchanged"):
        assert truth.deliveries[f"rows_{outcome}"].sum() > 0, outcome


def test_defects_break_the_rules_they_are_named_after(
    delivered: tuple[Home, LedgerTruth],
) -> None:
    files = delivered[0].partition_files("core.rejected_record")
    found = pl.read_parquet(files, hive_partitioning=False)["rule_id"].value_counts(sort=True)
    assert dict(found.rows()) == dict.fromkeys(DEFECTS, ledger_calendar().height)


def test_figures_are_the_truth_on_every_day_of_delivery(
    delivered: tuple[Home, LedgerTruth],
) -> None:
    home, truth = delivered
    models = load_models()
    for day in ledger_calendar()["received_on"].to_list():
        with duckdb.connect() as con:
            for name in ("latest.ledger_entry", "fact.ledger_use", "mart.ledger_value"):
                attach_dependencies(con, models[name], home, day)
                run_model(con, models[name], home)
        values = pl.read_parquet(home.model_file("mart.ledger_value")).filter("reported")
        expected = truth.figures.filter(received_on=day).select("target_id", "value").rows()
        found = dict(values.select("target_id", "value").rows())
        assert found == {target: Decimal(value) for target, value in expected}


def test_the_year_ends_where_the_list_says(delivered: tuple[Home, LedgerTruth], plan: Plan) -> None:
    last = delivered[1].figures.filter(pl.col("received_on") == pl.col("received_on").max())
    stated = demo_list("ledger").select("target_id", "final").rows()
    assert {
        target: Decimal(value) for target, value in last.select("target_id", "value").rows()
    } == {target: Decimal(value) for target, value in stated}
    # Left unreported on purpose, so that the scorecard shows what no data looks like.
    silent = {item_id(item) for item in plan.items} - {target for target, _ in stated}
    reported_elsewhere = {item.target_id for item in plan.targets if item.measured_by != "L"}
    assert silent - reported_elsewhere == {
        *("standards_translated", "sewage_zero_park_upgrade", "credit_app_modules"),
    }
