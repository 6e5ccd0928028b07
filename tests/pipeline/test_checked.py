"""Checks of what came in find in all what checks of everything find."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets import checked
from assets.checks import run_table_checks
from assets.remembered import fingerprint_file, validation_file
from assets.workplace import Workplace
from expectations.results import CheckResult, ValidationRun, read_run
from expectations.runner import run_checks
from warehouse.connection import Resources
from warehouse.contract import Contract, Expectation, record_contracts
from warehouse.engine import since
from warehouse.engine.model import load_models
from warehouse.engine.refresh import refresh_model
from warehouse.home import Home
from warehouse.tables import write_partition

CONTRACT = record_contracts()["core.sample"]
RESULT = load_models()["latest.sample"]
GOOD = {"source_id": "a", "version": 1, "domain": "food", "coverage": "complete"}


def receive(home: Home, day: int, *rows: dict[str, Any], source: str = "a") -> None:
    received = dt.date(2024, 5, day)
    full = [{**GOOD, "delivery_id": f"d{day}", "received_on": received, **row} for row in rows]
    frame = pl.DataFrame(full, schema=CONTRACT.polars_schema())
    write_partition(home, "core.sample", source, received, frame)


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
    ({"sample_no": "A"}, {"sample_no": "E"}),  # the same version of A again
    ({"sample_no": "F"},),
)


# What is looked at each night: repeats are looked for in all rows once there is one.
SEEN = {
    1: ["core.sample"],
    2: ["new_rows", "rows_alike"],
    3: ["new_rows", "rows_alike", "core.sample"],
    4: ["new_rows", "core.sample"],
}


def checked_file(home: Home) -> Path:
    return home.lake / "validation" / "core" / "core.sample.checked"


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few samples there are."""
    monkeypatch.setattr(since, "FEWEST_SAMPLES", 0)
    monkeypatch.setattr(since, "MOST_TOUCHED", 1_000.0)


def work(home: Home) -> None:
    with duckdb.connect() as con:
        refresh_model(con, RESULT, home)


def test_new_records_are_added_to_what_was_found_before(
    tmp_path: Path, rows_seen: list[str]
) -> None:
    by_night, at_once = Home(tmp_path / "a"), Home(tmp_path / "b")
    for day, rows in enumerate(NIGHTS, 1):
        receive(by_night, day, *rows)
        receive(at_once, day, *rows)
        rows_seen.clear()
        found = check(by_night)
        assert rows_seen == SEEN[day]
    assert counts(found) == counts(check(at_once))
    assert counts(found)["unknown_link"] == ("failed", 7, 2)
    assert counts(found)["one_row_per_version"] == ("failed", 7, 2)
    assert check(by_night) == found


CONDITIONAL = Expectation(
    name="expect_column_values_to_not_be_null",
    arguments={"column": "link", "row_condition": "domain = 'food'"},
    rule="food_says_where",
    action="warn",
)


@pytest.mark.usefixtures("followed")
@pytest.mark.parametrize("contract", [CONTRACT, RESULT.contract], ids=lambda c: c.table)
def test_a_rule_with_a_condition_has_looked_at_the_rows_that_meet_it(
    tmp_path: Path, contract: Contract
) -> None:
    home = Home(tmp_path)
    ruled = contract.model_copy(update={"expectations": (CONDITIONAL,)})
    for day, rows in enumerate((*NIGHTS, [{"sample_no": "A", "version": 2}]), 1):
        receive(home, day, *rows)
        work(home)
        found = run_table_checks(ruled, place(home), None)
    of_all = 8 if contract is CONTRACT else 6  # the latest versions of A to F
    assert counts(found) == {"food_says_where": ("failed", of_all - 1, of_all - 3)}


def test_keys_are_looked_for_among_the_rows_that_have_them(tmp_path: Path) -> None:
    """Whatever is new: keys of its own, repeats among themselves, of earlier rows, without one."""
    keys = [rule for rule in CONTRACT.expectations if rule.rule == "one_row_per_version"]
    contract = CONTRACT.model_copy(update={"expectations": tuple(keys)})
    first: list[dict[str, Any]] = [{"sample_no": "A"}, {"sample_no": None}]
    news: list[list[dict[str, Any]]] = [
        [{"sample_no": "B"}, {"sample_no": "A", "version": 2}],
        [{"sample_no": "B"}, {"sample_no": "B"}],
        [{"sample_no": "A"}],
        [{"sample_no": None}],
        [{"sample_no": "A", "source_id": "b"}],
    ]
    for number, new in enumerate(news):
        by_night, at_once = Home(tmp_path / f"n{number}"), Home(tmp_path / f"o{number}")
        for home in (by_night, at_once):
            receive(home, 1, *first)
        run_table_checks(contract, place(by_night), None)
        for home in (by_night, at_once):
            receive(home, 2, *new, source=new[0].get("source_id", "a"))
        (found,), (wanted,) = (
            run_table_checks(contract, place(home), None) for home in (by_night, at_once)
        )
        assert counts((found,)) == counts((wanted,))
        assert found.failing_rows == wanted.failing_rows


def test_many_files_are_read_once_and_checked_alike(
    tmp_path: Path, rows_seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    for day in range(1, 9):
        receive(home, day, *NIGHTS[day % 2], {"sample_no": f"{day}"})
    found = check(home)
    assert rows_seen == ["all_rows"]
    checked_file(home).unlink()
    fingerprint_file(home, "core/core.sample").unlink()
    monkeypatch.setattr(checked, "MOST_COPIED", 0)
    assert check(home) == found
    assert rows_seen == ["all_rows", "core.sample"]


def test_notes_of_other_code_are_passed_over(tmp_path: Path, rows_seen: list[str]) -> None:
    home = Home(tmp_path)
    receive(home, 1, *NIGHTS[0])
    check(home)
    checked_file(home).write_text('{"rules": "x", "files": {}, "results": []}', "utf-8")
    receive(home, 2, *NIGHTS[1])
    rows_seen.clear()
    assert counts(check(home))["unknown_link"] == ("failed", 4, 2)
    assert rows_seen == ["core.sample"]


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


@pytest.mark.usefixtures("followed")
def test_of_a_result_that_follows_its_samples_only_what_stands_instead_is_checked(
    tmp_path: Path, rows_seen: list[str]
) -> None:
    home = Home(tmp_path)
    for day, rows in enumerate(NIGHTS[:2], 1):
        receive(home, day, *rows)
        work(home)
        rows_seen.clear()
        found = check(home, "latest.sample")
    assert rows_seen == ["new_rows"]
    assert counts(found) == {"one_row_per_sample": ("passed", 4, 0)}


@pytest.mark.usefixtures("followed")
def test_a_whole_that_a_stopped_night_did_not_check_is_checked_once(
    tmp_path: Path, rows_seen: list[str]
) -> None:
    home = Home(tmp_path)
    receive(home, 1, *NIGHTS[0])
    work(home)
    for night, seen in ((1, ["latest.sample", "new_rows"]), (3, ["new_rows"])):
        receive(home, night + 1, *NIGHTS[night])
        work(home)
        rows_seen.clear()
        found = check(home, "latest.sample")
        assert rows_seen == seen
    assert counts(found) == {"one_row_per_sample": ("passed", 5, 0)}


@pytest.mark.usefixtures("followed")
def test_rules_that_rows_of_the_whole_break_are_checked_on_all_rows(
    tmp_path: Path, rows_seen: list[str]
) -> None:
    rules = [
        rule for rule in CONTRACT.expectations if rule.rule in {"unknown_link", "missing_domain"}
    ]
    contract = RESULT.contract.model_copy(update={"expectations": tuple(rules)})
    home = Home(tmp_path)
    news: tuple[dict[str, Any], ...] = (
        {"sample_no": "C", "link": "elsewhere"},
        {"sample_no": "B", "version": 2},
    )
    nights: list[tuple[dict[str, Any], ...]] = [NIGHTS[0], news[:1], news[1:]]
    for day, rows in enumerate(nights, 1):
        receive(home, day, *rows)
        work(home)
        rows_seen.clear()
        found = run_table_checks(contract, place(home), None)
        assert rows_seen == (["latest.sample"] if day == 1 else ["new_rows", "latest.sample"])
    assert counts(found) == {"missing_domain": ("passed", 3, 0), "unknown_link": ("failed", 3, 1)}
