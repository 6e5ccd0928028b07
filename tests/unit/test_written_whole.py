"""Files are seen whole or not at all, and what a killed run was writing does not stay for ever."""

import os
import re
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from warehouse.connection import connect
from warehouse.tables import (
    ABANDONED_AFTER_SECONDS,
    remove_abandoned,
    write_parquet,
    write_query,
    write_relation,
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


def test_rows_are_written_alike_whatever_they_come_from(tmp_path: Path) -> None:
    query, relation, frame = (tmp_path / f"it's {n}.parquet" for n in range(3))
    with connect() as con:
        write_query(con, "SELECT n FROM range($rows) AS t(n) ORDER BY n", query, {"rows": 3})
        write_relation(con.read_parquet(str(query)).filter("n > 0"), relation)
        write_relation(con.read_parquet(str(query)).filter("n < 2"), relation)
    write_parquet(pl.DataFrame({"n": [0, 1]}), frame)
    assert pl.read_parquet(query)["n"].to_list() == [0, 1, 2]
    assert pl.read_parquet(relation).equals(pl.read_parquet(frame))
    for path in (query, relation, frame):
        assert pq.read_metadata(path).row_group(0).column(0).compression == "ZSTD"


def test_compression_is_chosen_in_one_place() -> None:
    """Polars' own default is the same; a relation's is not."""
    project = Path(__file__).parents[2]
    elsewhere = re.compile(r"compression *=|FORMAT parquet|\.write_parquet\(str\(", re.IGNORECASE)
    found = [
        f"{path.relative_to(project)}: {line.strip()}"
        for package in ("assets", "expectations", "pipelines", "warehouse")
        for path in sorted((project / package).rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if elsewhere.search(line) and path != project / "warehouse" / "tables.py"
    ]
    # Grids between two steps, read once: the fastest.
    (of_stage,) = found
    assert of_stage.startswith("assets/ingest/stage.py: ")
