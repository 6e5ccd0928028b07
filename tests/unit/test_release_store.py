"""Kept releases: the list, the way back, the pruning."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from warehouse.errors import SamplehouseError
from warehouse.home import Home
from warehouse.release import build_release
from warehouse.release_store import (
    Release,
    keep_last,
    list_releases,
    release_lock,
    rollback,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def build(home: Home, day: int) -> Release:
    built_at = dt.datetime(2024, 7, day, 2, tzinfo=dt.UTC)
    return build_release(home, tables=[], as_of=None, built_at=built_at, code_version=f"v{day}")


def published(home: Home) -> str:
    with duckdb.connect(str(home.release_file), read_only=True) as con:
        return str(con.execute("SELECT code_version FROM meta.release").fetchall()[0][0])


def test_releases_are_listed_oldest_first_with_the_current_one_marked(home: Home) -> None:
    assert list_releases(home) == []
    built = [build(home, day) for day in (1, 2, 3)]
    listed = list_releases(home)
    assert [release.release_id for release in listed] == [release.release_id for release in built]
    assert [release.current for release in listed] == [False, False, True]
    assert listed[2] == built[2]


def test_rollback_publishes_a_kept_release_and_back_again(home: Home) -> None:
    first, second = build(home, 1), build(home, 2)
    assert rollback(home, first.release_id).current
    assert published(home) == "v1"
    assert [release.current for release in list_releases(home)] == [True, False]
    rollback(home, first.release_id)
    assert published(home) == "v1"
    rollback(home, second.release_id)
    assert published(home) == "v2"
    assert [p.name for p in home.release_file.parent.iterdir() if "building" in p.name] == []


def test_rollback_to_an_unknown_release_lists_the_known(home: Home) -> None:
    with pytest.raises(SamplehouseError, match="kept are: none"):
        rollback(home, "20240701T020000Z-00000000")
    first = build(home, 1)
    with pytest.raises(SamplehouseError, match=first.release_id):
        rollback(home, "../samplehouse")
    assert published(home) == "v1"


def test_a_damaged_kept_release_is_not_published(home: Home) -> None:
    first, second = build(home, 1), build(home, 2)
    first.path.unlink()
    first.path.write_bytes(b"not a database at all")
    with pytest.raises(SamplehouseError, match="cannot be read as a release"):
        rollback(home, first.release_id)
    with pytest.raises(SamplehouseError, match=first.path.name):
        list_releases(home)
    assert published(home) == "v2"
    assert second.path.samefile(home.release_file)


def test_pruning_keeps_the_newest_and_the_current(home: Home) -> None:
    built = [build(home, day) for day in (1, 2, 3, 4)]
    rollback(home, built[0].release_id)
    assert keep_last(home, 2) == [built[1].release_id]
    assert [r.release_id for r in list_releases(home)] == [
        built[index].release_id for index in (0, 2, 3)
    ]
    assert keep_last(home, 2) == []
    rollback(home, built[3].release_id)
    assert keep_last(home, 1) == [built[0].release_id, built[2].release_id]
    with pytest.raises(SamplehouseError, match="at least one"):
        keep_last(home, 0)


def test_changes_wait_for_a_running_build(home: Home) -> None:
    first = build(home, 1)
    with release_lock(home):
        with pytest.raises(SamplehouseError, match="is changing the release"):
            rollback(home, first.release_id)
        with pytest.raises(SamplehouseError, match="is changing the release"):
            keep_last(home, 1)
        assert len(list_releases(home)) == 1


def test_without_hard_links_releases_are_copies(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("this file system has no hard links")

    monkeypatch.setattr(os, "link", no_links)
    first, second = build(home, 1), build(home, 2)
    assert not second.path.samefile(home.release_file)
    assert [release.current for release in list_releases(home)] == [False, True]
    rollback(home, first.release_id)
    assert published(home) == "v1"
    assert [release.current for release in list_releases(home)] == [True, False]


def test_a_release_open_in_this_process_does_not_hide_the_current_one(home: Home) -> None:
    build(home, 1)
    with duckdb.connect(str(home.release_file), read_only=True) as reader:
        second = build(home, 2)
        assert [r.release_id for r in list_releases(home) if r.current] == [second.release_id]
        assert reader.execute("SELECT code_version FROM meta.release").fetchall() == [("v1",)]


def test_what_tells_of_releases_loads_no_engine_beside_duckdb() -> None:
    code = (
        "import sys, pipelines.status, warehouse.release_store; sys.exit('polars' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - own code
