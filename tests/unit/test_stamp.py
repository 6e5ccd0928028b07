"""Stamps: work is skipped exactly when everything that it is made from is unchanged."""

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from warehouse.engine import stamp
from warehouse.engine.model import load_models
from warehouse.home import Home
from warehouse.tables import write_parquet

DAY, LATER = dt.date(2024, 5, 2), dt.date(2024, 5, 9)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def put(path: Path, *values: int) -> None:
    write_parquet(pl.DataFrame({"n": list(values)}), path)


def stamp_of(home: Home, table: str, as_of: dt.date | None = None) -> str:
    return stamp.model_stamp(home, load_models()[table], as_of)


CHANGES: dict[str, Callable[[Home], None]] = {
    "another day": lambda home: put(home.partition_file("core.sample", "a", LATER), 1),
    "another source": lambda home: put(home.partition_file("core.sample", "b", DAY), 1),
    "the same day again": lambda home: put(home.partition_file("core.sample", "a", DAY), 1),
    "a day gone": lambda home: home.partition_file("core.sample", "a", DAY).unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_an_input_changes_the_stamp(home: Home, change: str) -> None:
    put(home.partition_file("core.sample", "a", DAY), 1)
    before = stamp_of(home, "latest.sample")
    assert stamp_of(home, "latest.sample") == before
    CHANGES[change](home)
    assert stamp_of(home, "latest.sample") != before


def test_a_home_that_is_copied_stays_current(home: Home, tmp_path: Path) -> None:
    put(home.partition_file("core.sample", "a", DAY), 1)
    before = stamp_of(home, "latest.sample")
    shutil.copytree(home.lake, tmp_path / "copy" / "lake")
    assert stamp_of(Home(tmp_path / "copy"), "latest.sample") == before


def test_days_after_the_day_looked_back_from_do_not_count(home: Home) -> None:
    put(home.partition_file("core.sample", "a", DAY), 1)
    before = stamp_of(home, "latest.sample", DAY)
    put(home.partition_file("core.sample", "a", LATER), 1)
    assert stamp_of(home, "latest.sample", DAY) == before
    assert stamp_of(home, "latest.sample", LATER) != before


def test_other_tables_do_not_count(home: Home) -> None:
    before = stamp_of(home, "latest.sample")
    put(home.partition_file("core.acceptance", "a", DAY), 1)
    assert stamp_of(home, "latest.sample") == before


def test_other_code_is_another_stamp(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stamp_of(home, "latest.sample")
    monkeypatch.setattr(stamp, "loaded_code", lambda: "0.1.0+other")
    assert stamp_of(home, "latest.sample") != before


def test_a_model_read_counts_by_its_stamp_or_by_its_file(home: Home) -> None:
    path = home.model_file("latest.sample")
    put(path, 1)
    by_file = stamp_of(home, "fact.verdict")
    put(path, 1)
    assert stamp_of(home, "fact.verdict") != by_file
    stamp.keep_stamp(path, "abc")
    by_stamp = stamp_of(home, "fact.verdict")
    put(path, 1)
    assert stamp_of(home, "fact.verdict") == by_stamp


def test_a_result_is_current_under_its_own_stamp_only(home: Home) -> None:
    path = home.model_file("latest.sample")
    put(path, 1)
    assert not stamp.is_current(path, "abc")
    stamp.keep_stamp(path, "abc")
    assert stamp.is_current(path, "abc")
    assert not stamp.is_current(path, "other")
    stamp.forget_stamp(path)
    assert not stamp.is_current(path, "abc")
    stamp.keep_stamp(path, "abc")
    path.unlink()
    assert not stamp.is_current(path, "abc")
