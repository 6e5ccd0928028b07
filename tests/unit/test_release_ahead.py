"""The copy that a release starts from, made beside the other work of a night."""

import datetime as dt
import threading
import time
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse import release_ahead
from warehouse.contract import Contract
from warehouse.files import copy_file
from warehouse.home import Home
from warehouse.release import build_release, makers
from warehouse.release_ahead import copied_ahead
from warehouse.release_compare import verify_release
from warehouse.release_store import Release, rollback
from warehouse.release_tables import PublishedTable

CODE = "v1"
RATE = Contract.model_validate(
    {
        "table": "mart.rate",
        "description": "A table for tests of releases.",
        "grain": "one period",
        "key": ["period"],
        "columns": [
            {"name": "period", "type": "text", "description": "month of it", "term_zh": "期间"}
        ],
    }
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that the release was copied to."""
    names: list[str] = []

    def spy(source: Path, target: Path) -> None:
        names.append(target.name)
        copy_file(source, target)

    monkeypatch.setattr(release_ahead, "copy_file", spy)
    return names


def build(home: Home, period: str, minute: int = 0) -> Release:
    path = home.model_file("mart.rate")
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"period": [period, "always"]}).write_parquet(path)
    same = home.model_file("mart.same")
    same_rows = pl.DataFrame({"period": [f"{number}" for number in range(9)]})
    if not same.is_file():
        same_rows.write_parquet(same)
    stays = PublishedTable(RATE.model_copy(update={"table": "mart.same"}), (same,))
    built_at = dt.datetime(2024, 7, 1, 18, minute, tzinfo=dt.UTC)
    tables = [PublishedTable(RATE, (path,)), stays]
    return build_release(home, tables=tables, as_of=None, built_at=built_at, code_version=CODE)


def periods(home: Home) -> list[str]:
    with duckdb.connect(str(home.release_file), read_only=True) as con:
        found = con.execute("SELECT period FROM mart.rate ORDER BY period").fetchall()
    return [period for (period,) in found]


def hidden(home: Home) -> list[str]:
    return sorted(path.name for path in home.release_file.parent.glob(".ahead*"))


def wait_for_copy(home: Home, times: int = 500) -> None:
    for _ in range(times):
        if ".ahead.json" in hidden(home):
            return
        time.sleep(0.01)
    pytest.fail("no copy was made")


def test_a_release_takes_the_copy_and_nothing_of_it_is_left(home: Home, copies: list[str]) -> None:
    build(home, "2024-05")
    with copied_ahead(home, makers(CODE)):
        wait_for_copy(home)
        build(home, "2024-06", minute=1)
        assert hidden(home) == []
    assert copies == [".ahead.duckdb"]
    assert periods(home) == ["2024-06", "always"]
    assert verify_release(home.release_file) == []


def test_a_copy_of_what_is_published_no_more_is_not_taken(home: Home) -> None:
    first = build(home, "2024-04")
    build(home, "2024-05", minute=1)
    with copied_ahead(home, makers(CODE)):
        wait_for_copy(home)
        rollback(home, first.release_id)
        build(home, "2024-06", minute=2)
    assert periods(home) == ["2024-06", "always"]
    assert verify_release(home.release_file) == []
    assert hidden(home) == []


@pytest.mark.parametrize("bytes_before", [0, 1000])
def test_where_the_copy_fails_the_release_copies_for_itself(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    bytes_before: int,
) -> None:
    def fail_beside(source: Path, target: Path) -> None:
        if threading.current_thread() is threading.main_thread():
            copy_file(source, target)
            return
        target.write_bytes(source.read_bytes()[:bytes_before])
        raise OSError("no space left on device")

    build(home, "2024-05")
    monkeypatch.setattr(release_ahead, "copy_file", fail_beside)
    with copied_ahead(home, makers(CODE)):
        build(home, "2024-06", minute=1)
    assert periods(home) == ["2024-06", "always"]
    assert (hidden(home), capfd.readouterr().err) == ([], "")


def test_what_a_killed_night_left_is_removed(home: Home) -> None:
    build(home, "2024-05")
    home.release_file.with_name(".ahead.duckdb").write_bytes(b"half of it")
    with copied_ahead(home, "other code"):
        assert hidden(home) == []


def test_a_release_of_other_code_is_not_copied(home: Home, copies: list[str]) -> None:
    build(home, "2024-05")
    with copied_ahead(home, makers("v2")):
        pass
    assert copies == []


def test_a_copy_is_left_where_the_release_is_written_from_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(home, "2024-05")
    with copied_ahead(home, makers(CODE)):
        wait_for_copy(home)
        monkeypatch.setattr("warehouse.release_contents.MOST_FREE", -1.0)
        build(home, "2024-06", minute=1)
        assert hidden(home) == []
    assert periods(home) == ["2024-06", "always"]


def test_a_copy_that_another_run_took_is_made_once_more(home: Home, copies: list[str]) -> None:
    build(home, "2024-05")
    with copied_ahead(home, makers(CODE)):
        wait_for_copy(home)
        home.release_file.with_name(".ahead.duckdb").unlink()
        build(home, "2024-06", minute=1)
    assert len(copies) == 2
    assert periods(home) == ["2024-06", "always"]


def test_a_first_night_has_nothing_to_copy(home: Home, copies: list[str]) -> None:
    with copied_ahead(home, makers(CODE)):
        pass
    assert copies == []
