"""docs/coverage.md: nothing of the plan is missing, and everything that it names exists."""

import shlex
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer.main

from pipelines.cli import app
from pipelines.tables import coverage_lines, shown_table
from warehouse import plan_coverage
from warehouse.dictionary import project_contracts
from warehouse.engine.model import load_computed, load_models
from warehouse.errors import ConfigurationError, SamplehouseError
from warehouse.indicator import load_indicators
from warehouse.plan_coverage import coverage_rows
from warehouse.plan_files import load_plan, load_plans
from warehouse.reference_tables import definition_tables
from warehouse.source import load_sources

YIWU = load_plans()["yiwu_2024"]
ROWS = coverage_rows(YIWU)
SERVED = [row for row in ROWS if row["state"] == "served"]
PUBLISHED = {contract.table: contract for contract in project_contracts()}
MODELS = {*load_models(), *load_computed()}
SOURCES = load_sources().keys()
OTHER_PLAN = Path(__file__).parent / "plans" / "quzhou_2025"


def test_the_committed_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan_coverage.main(["--check"]) == 0, "run: make coverage"
    assert capsys.readouterr().err == ""


def test_a_stale_page_is_found_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plan_coverage, "PAGE", tmp_path / "page.md")
    assert plan_coverage.main(["--check"]) == 1
    assert "make coverage" in capsys.readouterr().err
    assert plan_coverage.main([]) == 0
    assert plan_coverage.main(["--check"]) == 0


def test_all_72_targets_13_milestones_and_35_mechanisms_are_there() -> None:
    kinds = [row["item_kind"] for row in ROWS]
    assert [kinds.count(kind) for kind in ("target", "milestone", "mechanism")] == [72, 13, 35]
    ids = [row["item_id"] for row in ROWS]
    assert len(set(ids)) == len(ids)
    page = plan_coverage.PAGE.read_text("utf-8")
    assert [name for name in ids if f"| `{name}` |" not in page] == []


def test_the_ledger_serves_the_57_targets_that_only_offices_can_report() -> None:
    targets = [row for row in ROWS if row["item_kind"] == "target"]
    assert sum(row["sources"] == "ledger" for row in targets) == 57


@pytest.mark.parametrize("row", SERVED, ids=lambda row: row["item_id"])
def test_what_serves_an_item_exists(row: dict[str, Any]) -> None:
    table, filtered = row["model"], row["filter"]

    assert set(row["sources"].split(", ")) <= SOURCES
    assert row["record_table"] in PUBLISHED
    assert table in PUBLISHED
    assert table in MODELS or f"latest.{table.split('.')[1]}" in MODELS
    if filtered is not None:
        column, _, value = filtered.partition("=")
        assert column in PUBLISHED[table].column_names
        assert value
    assert_command_exists(row["command"])


def assert_command_exists(command: str) -> None:
    program, name, argument, *options = shlex.split(command)
    known = typer.main.get_command(app)
    assert program == "samplehouse"
    assert name in known.commands  # type: ignore[attr-defined] # a group of commands
    if name == "explain":
        assert argument in load_indicators()
        assert options == []
    else:
        assert (name, options[0:1]) in (("table", []), ("table", ["--where"]))
        assert argument in PUBLISHED


def test_what_is_not_served_says_what_is_missing_and_names_nothing() -> None:
    silent = [row["item_id"] for row in ROWS if row["state"] == "not_served" and not row["note"]]
    named = [row for row in ROWS if row["state"] == "not_served" and row["command"]]
    assert silent == []
    assert named == []


def test_it_is_published_whole() -> None:
    table = definition_tables()["ref.plan_coverage"].rows
    assert table.height == len(ROWS)
    assert set(table["state"]) <= {"served", "not_served"}


def test_a_plan_without_its_own_list_is_served_by_the_ledger_only() -> None:
    plan = load_plan(OTHER_PLAN)
    rows = coverage_rows(plan, OTHER_PLAN.parent)
    by = {row["state"]: row["measured_by"] for row in rows}
    assert by["served"] == "L"
    assert len(rows) == len(plan.items) + len(plan.mechanisms)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["no_such_item,,,,,"], "no such item: no_such_item"),
        (["food_pass_rate,,,,,", "food_pass_rate,,,,,"], "two lines about food_pass_rate"),
    ],
)
def test_lines_about_nothing_or_twice_about_one_are_refused(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    (tmp_path / "yiwu_2024").mkdir()
    text = "\n".join([",".join(plan_coverage.COLUMNS), *lines]) + "\n"
    (tmp_path / "yiwu_2024" / "coverage.csv").write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=message):
        coverage_rows(YIWU, tmp_path)


# -- the commands that show it


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release with two items, one of which it holds figures of."""
    import duckdb  # noqa: PLC0415 - only here

    path = tmp_path / "samplehouse.duckdb"
    items = definition_tables()["ref.plan_coverage"].rows
    few = items.filter(
        pl.col("item_id").is_in(["food_pass_rate", "you_send_we_test", "smart_helmet_system"])
    )
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE SCHEMA ref; CREATE SCHEMA mart; CREATE SCHEMA meta")
        con.register("few", few)
        con.execute("CREATE TABLE ref.plan_coverage AS FROM few")
        con.execute(
            "CREATE TABLE mart.indicator_value AS SELECT * FROM (VALUES "
            "('food_pass_rate', 10), ('food_pass_rate', 0), ('other', 5)) "
            "AS t(indicator_id, denominator)"
        )
        con.execute("CREATE TABLE mart.consumer_submitted (sample_no VARCHAR)")
        con.execute(
            "CREATE TABLE meta.data_dictionary AS SELECT 'mart.indicator_value' AS table_name, "
            "'figures' AS table_description"
        )
    return path


def test_items_with_rows_are_told_from_those_without(release: Path) -> None:
    lines = coverage_lines(release, "yiwu_2024")
    assert lines.select("item_id", "state", "rows").rows() == [
        ("food_pass_rate", "data", 1),
        ("smart_helmet_system", "not served", None),
        ("you_send_we_test", "no data yet", 0),
    ]
    with pytest.raises(SamplehouseError, match="no plan 'nowhere'"):
        coverage_lines(release, "nowhere")


def test_a_table_is_shown_with_its_words(release: Path) -> None:
    found = shown_table(release, "mart.indicator_value", ["indicator_id=food_pass_rate"], 1)
    assert (found.words, found.total, found.rows.height) == ("figures", 2, 1)


@pytest.mark.parametrize(
    ("table", "where", "message"),
    [
        ("pass_rate", [], "write schema.name"),
        ("mart.nothing", [], "no table mart.nothing"),
        ("mart.indicator_value", ["period"], "write COLUMN=VALUE"),
        ("mart.indicator_value", ["colour=red"], "no column 'colour'; it has indicator_id"),
    ],
)
def test_what_cannot_be_shown_says_why(
    release: Path, table: str, where: list[str], message: str
) -> None:
    with pytest.raises(SamplehouseError, match=message):
        shown_table(release, table, where, 5)
