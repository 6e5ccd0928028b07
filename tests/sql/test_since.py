"""Rows of samples that a night touches stand instead of those in the whole, or all is made anew."""

import datetime as dt
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.nights_of_samples import RESOURCES, home_in, receive, sample, work
from warehouse.connection import connect
from warehouse.engine import since
from warehouse.engine.model import load_models
from warehouse.engine.refresh import refresh_model
from warehouse.home import Home
from warehouse.tables import write_parquet

pytestmark = pytest.mark.usefixtures("however_small")


def test_a_whole_that_was_made_of_a_result_which_was_behind_is_made_again(tmp_path: Path) -> None:
    home, failures = home_in(tmp_path), "mart.nonconformity"
    receive(home, 0, {"core.sample": [sample("A", verdict="fail"), sample("B", verdict="fail")]})
    work(home, [failures])
    receive(home, 0, {"core.sample": [sample("A", verdict="fail")]})  # read again: B is gone
    receive(home, 1, {"core.sample": [sample("C", verdict="fail")]})
    with connect(RESOURCES) as con:
        refresh_model(con, load_models()[failures], home)  # by hand, alone
    found = work(home, [failures, "latest.sample"])
    assert found["latest.sample"]["sample_no"].to_list() == ["A", "C"]
    assert found[failures]["sample_no"].to_list() == ["A", "C"]


def samples(home: Home) -> list[tuple[str, int]]:
    with duckdb.connect() as con:
        rows = since.result(con, home, "latest.sample").order("sample_no")
        return rows.project("sample_no, version").fetchall()


def is_whole(home: Home) -> bool:
    return len(since.result_files(home, "latest.sample")) == 1


def test_rows_of_touched_samples_stand_instead_of_those_in_the_whole(worked: Home) -> None:
    assert not is_whole(worked)
    whole = pl.read_parquet(worked.model_file("latest.sample")).select("sample_no", "version")
    assert whole.rows() == [("A", 1), ("B", 1)]
    assert samples(worked) == [("A", 1), ("B", 2), ("C", 1)]
    assert since.result_size(worked, "latest.sample") == 3


def test_a_recheck_touches_its_original(worked: Home) -> None:
    recheck = sample("R", sampling_basis="recheck", original_sample_no="A", verdict="fail")
    receive(worked, 2, {"core.sample": [recheck]})
    work(worked)
    with duckdb.connect() as con:
        verdicts = since.result(con, worked, "fact.verdict").filter("unit_no = 'A'")
        assert verdicts.project("final_verdict, recheck_no").fetchall() == [("fail", "R")]
    assert not is_whole(worked)


def test_a_day_that_is_worked_again_makes_the_result_whole(worked: Home) -> None:
    receive(worked, 0, {"core.sample": [sample("A")]})
    assert work(worked)["latest.sample"]["sample_no"].to_list() == ["A", "B", "C"]
    assert is_whole(worked)


def test_what_rows_of_samples_read_beside_makes_the_result_whole(worked: Home) -> None:
    periods = worked.model_file("fact.firm_period")
    write_parquet(pl.read_parquet(periods), periods)
    work(worked)
    assert len(since.result_files(worked, "fact.unit")) == 1
    assert not is_whole(worked)


def test_what_is_read_beside_by_a_result_that_is_read_makes_the_result_whole(
    tmp_path: Path,
) -> None:
    home, table = home_in(tmp_path), "fact.firm_failure"
    receive(home, 0, {"core.sample": [sample("A", entity_uscc="P", verdict="fail")]})
    assert work(home, [table])[table]["chain"].to_list() == [None]
    periods = home.model_file("fact.firm_period")
    roster = {"entity_uscc": "P", "valid_from": dt.date(2024, 1, 1), "chain": "shirts"}
    schema = pl.read_parquet_schema(periods)
    write_parquet(pl.DataFrame([roster], schema=schema), periods)
    receive(home, 1, {"core.sample": [sample("B", entity_uscc="Q", verdict="fail")]})
    assert work(home, [table])[table]["chain"].to_list() == ["shirts", None]


def test_many_touched_samples_make_the_result_whole(
    worked: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(since, "MOST_TOUCHED", 1.0)
    receive(worked, 2, {"core.sample": [sample("D")]})  # with B and C, more than A and B
    work(worked)
    assert is_whole(worked)
    assert samples(worked) == [("A", 1), ("B", 2), ("C", 1), ("D", 1)]


def test_a_whole_that_was_put_there_by_other_means_stands_alone(worked: Home) -> None:
    whole = worked.model_file("latest.sample")
    write_parquet(pl.read_parquet(whole), whole)
    assert is_whole(worked)
    assert samples(worked) == [("A", 1), ("B", 1)]


def test_a_unit_of_another_kind_with_the_number_of_a_touched_sample_is_read_once() -> None:
    with duckdb.connect() as con:
        rows = con.sql(
            "SELECT * FROM (VALUES ('a', 'sample', 'A'), ('a', 'sample', 'B'), "
            "('a', 'acceptance', 'A')) AS rows(source_id, unit_kind, unit_no)"
        )
        touched = con.sql("SELECT 'a' AS source_id, 'A' AS sample_no")
        found = since.rows_of_touched(rows, touched, "fact.verdict").order("unit_kind")
        assert found.fetchall() == [("a", "acceptance", "A"), ("a", "sample", "A")]


def test_files_that_no_result_names_are_removed(worked: Home) -> None:
    for number in (2, 3):
        receive(worked, number, {"core.sample": [sample(f"N{number}")]})
        work(worked)
    models = worked.lake / "models"
    assert len(list(models.glob("latest/sample.since-*"))) == 1
    assert len(list(models.glob("touched/firms-*"))) == 5  # tables that follow firms read five
    assert len(list(models.glob("touched/rows-*"))) == 4  # three of which share one
    assert len(list(models.glob("touched/*.core.*"))) == 2
    assert len(list(models.glob("touched/*"))) == 12
