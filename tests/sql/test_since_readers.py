"""Views, their checks and releases read results that are kept up to date."""

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.build import compile_view
from assets.checks import run_table_checks
from assets.workplace import Workplace
from expectations.results import ValidationRun
from expectations.runner import run_checks
from tests.nights_of_samples import (
    RESOURCES,
    VIEWS,
    acceptance,
    home_in,
    publish,
    receive,
    sample,
    work,
)
from tests.results import rows_of_result
from warehouse import release_tables
from warehouse.connection import connect
from warehouse.engine.model import load_models
from warehouse.engine.refresh import refresh_model
from warehouse.engine.stamp import stamp_file
from warehouse.home import Home
from warehouse.tables import write_parquet

pytestmark = pytest.mark.usefixtures("however_small")


def test_of_a_view_the_rows_of_what_stands_instead_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found in all is what is found where everything came at once."""
    seen: list[str] = []

    def spy(con: Any, table: str, rules: Any, **more: Any) -> ValidationRun:
        seen.append(table)
        return run_checks(con, table, rules, **more)

    monkeypatch.setattr("assets.checked.run_checks", spy)
    (view,) = VIEWS
    evaluative: dict[str, Any] = {"programme": "evaluative", "sampling_basis": "random"}
    by_night, at_once = home_in(tmp_path / "a"), home_in(tmp_path / "b")
    for night, told in enumerate(
        (
            [sample("A", **evaluative), sample("B")],
            [sample("B", 2, **evaluative), sample("C")],  # of B's profile is none but C now
        )
    ):
        receive(at_once, night, {"core.sample": told})
        receive(by_night, night, {"core.sample": told})
        work(by_night, ["fact.unit"])
        results = run_table_checks(
            load_models()[view].contract, Workplace(by_night, {}, RESOURCES), None
        )
    assert seen == [view, "new_rows"]
    work(at_once, ["fact.unit"])
    whole = run_table_checks(load_models()[view].contract, Workplace(at_once, {}, RESOURCES), None)
    assert [(each.rule_id, each.rows_checked, each.rows_failed) for each in results] == [
        (each.rule_id, each.rows_checked, each.rows_failed) for each in whole
    ]
    assert whole[0].rows_checked == rows_of_result(by_night, view).height > 3


def test_nothing_is_kept_of_a_view(worked: Home) -> None:
    (view,) = VIEWS
    with connect(RESOURCES) as con, pytest.raises(ValueError, match="nothing to keep"):
        refresh_model(con, load_models()[view], worked)
    left = worked.model_file(view)
    for path in (left, stamp_file(left)):
        path.write_text("of when it was a table", "ascii")
    assert "FROM" in compile_view(worked, RESOURCES, load_models()[view], None)
    assert list(left.parent.glob("indicator_unit*")) == []


def test_a_release_starts_from_the_last_one(worked: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(worked)
    receive(worked, 2, {"core.sample": [sample("C", 2, verdict="fail")]})
    work(worked)
    anew: list[str] = []
    write = release_tables.write_anew

    def spy(con: duckdb.DuckDBPyConnection, table: release_tables.PublishedTable) -> None:
        anew.append(table.contract.table)
        write(con, table)

    monkeypatch.setattr(release_tables, "write_anew", spy)
    assert publish(worked, 1)["core.sample"][0] == 3
    with duckdb.connect(str(worked.release_file), read_only=True) as con:
        rows = con.execute("FROM core.sample SELECT sample_no, version ORDER BY ALL").fetchall()
    assert rows == [("A", 1), ("B", 2), ("C", 2)]
    assert anew == []
    worked.release_file.with_name("contents.json").unlink()
    publish(worked, 2)
    assert "core.sample" in anew


def test_a_release_follows_what_belongs_to_no_sample(worked: Home) -> None:
    publish(worked)
    acceptances = worked.model_file("latest.acceptance")
    contract = load_models()["latest.acceptance"].contract
    for verdict in ("pass", "fail"):  # as many rows each time
        row = acceptance("P", verdict=verdict)
        rows = pl.DataFrame([row], schema=contract.polars_schema())
        write_parquet(rows, acceptances)
        work(worked)
        publish(worked, 1 if verdict == "pass" else 2)
        with duckdb.connect(str(worked.release_file), read_only=True) as con:
            told = con.execute(
                "FROM fact.verdict SELECT final_verdict WHERE unit_kind = 'acceptance'"
            ).fetchall()
        assert told == [(verdict,)]
