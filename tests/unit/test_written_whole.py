"""Files are seen whole or not at all, and what a killed run was writing does not stay for ever."""

import os
from pathlib import Path

import pytest

from warehouse.tables import (
    ABANDONED_AFTER_SECONDS,
    remove_abandoned,
    write_text,
    written_whole,
)


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "note.json"
    write_text("old", path)
    with pytest.raises(UnicodeEncodeError):
        write_text("new, up to \ud800", path)
    assert path.read_text("utf-8") == "old"
    write_text("new", path)
    assert path.read_text("utf-8") == "new"
    assert [each.name for each in path.parent.iterdir()] == ["note.json"]


def test_what_a_killed_run_was_writing_is_removed_after_a_day(tmp_path: Path) -> None:
    folder = tmp_path / "core" / "sample"
    folder.mkdir(parents=True)
    names = [".part.parquet.1.writing", ".part.parquet.2.writing", "part.parquet"]
    for name in names:
        (folder / name).write_text("rows", "utf-8")
    now = (folder / names[0]).stat().st_mtime
    for name in (names[0], names[2]):
        os.utime(folder / name, (now, now - ABANDONED_AFTER_SECONDS - 1))
    remove_abandoned(tmp_path)
    assert sorted(each.name for each in folder.iterdir()) == names[1:]


def test_a_file_that_comes_out_as_it_was_stays_untouched(tmp_path: Path) -> None:
    path = tmp_path / "result.parquet"
    moments = []
    for text in ("rows", "rows", "row"):
        with written_whole(path, stays_if_same=True) as aside:
            aside.write_text(text, "utf-8")
        moments.append(path.stat().st_mtime_ns)
        os.utime(path, ns=(1, 1))
    assert moments[1] == 1
    assert moments[2] > 1
    assert path.read_text("utf-8") == "row"
    assert [each.name for each in tmp_path.iterdir()] == ["result.parquet"]
