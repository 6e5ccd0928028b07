"""Checks of what came in find in all what checks of everything find."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.checks import run_table_checks
from assets.remembered import validation_file
from assets.workplace import Workplace
from expectations.results import CheckResult, ValidationRun, read_run
from expectations.runner import run_checks
from warehouse.connection import Resources
from warehouse.contract import record_contracts
from warehouse.engine import since
from warehouse.engine.model import load_models
from warehouse.engine.refresh import refresh_model
from warehouse.home import Home
from warehouse.tables import write_partition

CONTRACT = record_contracts()["core.sample"]
RESULT = load_models()["latest.sample"]
GOOD = {"source_id": "a", "version": 1, "domain": "food", "coverage": "complete"}


def receive(home: Home, day: int, *rows: dict[str, Any]) -> None:
    received = dt.date(2024, 5, day)
    full = [{**GOOD, "delivery_id": f"d{day}", "received_on": received, **row} for row in rows]
    frame = pl.DataFrame(full, schema=CONTRACT.polars_schema())
    write_partition(home, "core.sample", "a", received, frame)


def place(home: Home) -> Workplace:
    return Workplace(home, {}, Resources(1, 1 << 30))


def check(home: Home, table: str = "core.sample") -> tuple[CheckResult, ...]:
    contract = CONTRACT if table == CONTRACT.table else RESULT.contract
    return run_table_checks(contract, place(home), None)


def counts(results: tuple[CheckResult, ...]) -> dict[str, tuple[str, int | None, int | None]]:
    return {each.rule_id: (each.outcome, each.rows_checked, each.rows_failed) for each in results}


@pytest.fixture
def rows_seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tables and views that were checked."""
    seen: list[str] = []

    def spy(con: Any, table: str, rules: Any, **more: Any) -> ValidationRun:
        seen.append(table)
        return run_checks(con, table, rules, **more)

    monkeypatch.setattr("assets.checked.run_checks", spy)
    return seen


NIGHTS: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"sample_no": "A"}, {"sample_no": "B", "link": "nowhere"}),
    ({"sample_no": "C", "link": "elsewhere"}, {"sample_no": "D", "domain": "odd"}),
    ({"sample_no": "A"},),  # the same version again: keys are looked for in all rows
)


def test_new_records_are_added_to_what_was_found_before(
    tmp_path: Path, rows_seen: list[str]
) -> None:
    by_night, at_once = Home(tmp_path / "a"), Home(tmp_path / "b")
    for day, rows in enumerate(NIGHTS, 1):
        receive(by_night, day, *rows)
        receive(at_once, day, *rows)
        rows_seen.clear()
        found = check(by_night)
        assert rows_seen[:1] == (["core.sample"] if day == 1 else ["new_rows"])
    assert counts(found) == counts(check(at_once))
    assert counts(found)["unknown_link"] == ("failed", 5, 2)
    assert counts(found)["one_row_per_version"] == ("failed", 5, 2)
    assert check(by_night) == found


def test_a_day_worked_again_has_everything_checked_again(
    tmp_path: Path, rows_seen: list[str]
) -> None:
    home = Home(tmp_path)
    receive(home, 1, *NIGHTS[0])
    receive(home, 2, *NIGHTS[1])
    check(home)
    receive(home, 1, {"sample_no": "A"}, {"sample_no": "B"})
    rows_seen.clear()
    assert counts(check(home))["unknown_link"] == ("failed", 4, 1)
    assert rows_seen == ["core.sample"]


def test_data_docs_tell_every_rule(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for day, rows in enumerate(NIGHTS[:2], 1):
        receive(home, day, *rows)
        check(home)
    run = read_run(validation_file(home, "core/core.sample"))
    assert run.validation is not None
    told = {item["expectation_config"]["meta"]["rule"] for item in run.validation["results"]}
    assert told == {rule.rule for rule in CONTRACT.expectations}
    assert run.validation["success"] is False
    assert run.validation["statistics"]["evaluated_expectations"] == len(told)


def test_of_a_result_that_follows_its_samples_only_what_stands_instead_is_checked(
    tmp_path: Path, rows_seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(since, "FEWEST_SAMPLES", 0)
    monkeypatch.setattr(since, "MOST_TOUCHED", 1_000.0)
    home = Home(tmp_path)
    for day, rows in enumerate(NIGHTS[:2], 1):
        receive(home, day, *rows)
        with duckdb.connect() as con:
            refresh_model(con, RESULT, home)
        rows_seen.clear()
        found = check(home, "latest.sample")
    assert rows_seen[:1] == ["new_rows"]
    assert counts(found) == {"one_row_per_sample": ("passed", 4, 0)}
