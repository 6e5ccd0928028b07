"""A release that starts from the last one: what is done again, and what is found out of it."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from warehouse import release_contents, release_tables
from warehouse.contract import Contract
from warehouse.engine.follows import BySample
from warehouse.engine.since import PLACE, Since
from warehouse.errors import BlockedError
from warehouse.files import copy_file
from warehouse.home import Home
from warehouse.release import build_release
from warehouse.release_compare import verify_release
from warehouse.release_contents import MadeOf
from warehouse.release_store import Release
from warehouse.release_tables import PublishedTable

NIGHT = dt.datetime(2024, 7, 2, tzinfo=dt.UTC)


def contract(table: str, key: list[str], *, kinds: bool = False) -> Contract:
    names = ["source_id", *(["unit_kind", "unit_no"] if kinds else ["sample_no"]), "verdict"]
    columns = [
        {"name": name, "type": "text", "description": f"{name} of it", "term_zh": "项"}
        for name in names
    ]
    return Contract.model_validate(
        {
            "table": table,
            "description": "A table made for the tests.",
            "grain": "one row of it",
            "key": key,
        }
        | {"columns": columns}
    )


LIST = contract("core.listed", ["source_id", "sample_no"])
SAMPLE = contract("core.sample", ["source_id", "sample_no"])
UNIT = contract("fact.unit", ["source_id", "unit_kind", "unit_no"], kinds=True)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tables that are written anew."""
    names: list[str] = []
    write = release_tables.write_anew

    def spy(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
        names.append(table.contract.table)
        write(con, table)

    monkeypatch.setattr(release_tables, "write_anew", spy)
    return names


def write(home: Home, name: str, declared: Contract, *rows: tuple[str | None, ...]) -> Path:
    path = home.lake / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema=declared.polars_schema(), orient="row").write_parquet(path)
    return path


def build(home: Home, *tables: PublishedTable, minute: int = 0) -> Release:
    moment = NIGHT + dt.timedelta(minutes=minute)
    built = build_release(home, tables=tables, as_of=None, built_at=moment, code_version="v1")
    assert verify_release(home.release_file) == []
    return built


def rows(home: Home, table: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.release_file), read_only=True) as con:
        return con.execute(f"FROM {table} ORDER BY ALL").fetchall()


def from_nothing(home: Home, *tables: PublishedTable) -> str:
    """Fingerprint of a release that takes nothing from the last one."""
    home.release_file.with_name("contents.json").unlink()
    return build(home, *tables, minute=9).fingerprint


def test_rows_of_new_files_are_added(home: Home, anew: list[str]) -> None:
    first = write(home, "1.parquet", LIST, ("a", "1", "pass"), ("a", "2", "fail"))
    build(home, PublishedTable(LIST, (first,)))
    anew.clear()
    second = write(home, "2.parquet", LIST, ("b", "1", None))
    grown = PublishedTable(LIST, (first, second))
    fingerprint = build(home, grown, minute=1).fingerprint
    assert anew == []
    assert rows(home, "core.listed") == [("a", "1", "pass"), ("a", "2", "fail"), ("b", "1", None)]
    assert from_nothing(home, grown) == fingerprint
    assert "core.listed" in anew


def test_a_file_that_was_written_again_makes_its_table_anew(home: Home, anew: list[str]) -> None:
    table = PublishedTable(LIST, (write(home, "1.parquet", LIST, ("a", "1", "pass")),))
    build(home, table)
    anew.clear()
    write(home, "1.parquet", LIST, ("a", "1", "fail"), ("a", "2", "fail"))
    build(home, table, minute=1)
    assert anew == ["core.listed"]
    assert rows(home, "core.listed") == [("a", "1", "fail"), ("a", "2", "fail")]


@pytest.mark.parametrize("second", [("a", "1", "fail"), ("b", "1", "fail"), (None, "1", "fail")])
def test_a_key_that_came_before_or_twice_blocks(home: Home, second: tuple[str | None, ...]) -> None:
    first = write(home, "1.parquet", LIST, ("a", "1", "pass"), (None, "1", "pass"))
    good = build(home, PublishedTable(LIST, (first,)))
    again = write(home, "2.parquet", LIST, ("b", "1", "pass"), ("c", "1", "pass"), second)
    with pytest.raises(BlockedError, match="expected one row per source_id, sample_no, found"):
        build(home, PublishedTable(LIST, (first, again)), minute=1)
    assert rows(home, "meta.release")[0][0] == good.release_id


def touching(
    home: Home,
    whole: Path,
    declared: Contract,
    *instead: tuple[str | None, ...],
    size: int = 3,
    has_places: bool = True,
) -> Since:
    """Samples 2 and 3 of source `a` are touched; `instead` stands instead of their rows."""
    number: Any = "unit_no" if "unit_no" in declared.column_names else "sample_no"
    touched, stood = (home.lake / f"{whole.name}-{what}.parquet" for what in ("touched", "stood"))
    pl.DataFrame({"source_id": ["a", "a"], "sample_no": ["2", "3"]}).write_parquet(touched)
    were = pl.read_parquet(whole).with_row_index(PLACE)
    is_gone = (pl.col("source_id") == "a") & pl.col(number).is_in(["2", "3"])
    if "unit_kind" in declared.column_names:
        is_gone = is_gone | (pl.col("unit_kind") != "sample")
    # An older version told no places: what stands no more is found by the key.
    were.filter(is_gone).select(PLACE if has_places else "source_id").write_parquet(stood)
    new = {f"part-{whole.name}": "1"}
    rows = write(home, f"{whole.name}-rows", declared, *instead)
    return Since(BySample(number=number), new, touched, rows, size, stood)


def test_rows_of_touched_samples_are_replaced(home: Home, anew: list[str]) -> None:
    path = write(home, "w", SAMPLE, ("a", "1", "pass"), ("a", "2", "pass"), ("b", "2", None))
    build(home, PublishedTable(SAMPLE, (path,), in_order=True))
    anew.clear()
    part = touching(home, path, SAMPLE, ("a", "2", "fail"), ("a", "3", None), size=4)
    now = PublishedTable(SAMPLE, (path,), in_order=True, since=part)
    fingerprint = build(home, now, minute=1).fingerprint
    assert anew == []
    assert rows(home, "core.sample") == [
        ("a", "1", "pass"), ("a", "2", "fail"), ("a", "3", None), ("b", "2", None)
    ]  # fmt: skip
    assert from_nothing(home, now) == fingerprint


@pytest.mark.parametrize("has_places", [True, False])
def test_rows_of_other_kinds_are_replaced_too(
    home: Home, anew: list[str], *, has_places: bool
) -> None:
    """A unit of another kind may have the number of a touched sample; it counts once."""
    whole = (("a", "sample", "2", "pass"), ("a", "visit", "2", "pass"), ("a", "visit", "9", None))
    path = write(home, "w", UNIT, ("a", "sample", "1", "pass"), *whole)
    build(home, PublishedTable(UNIT, (path,), in_order=True))
    anew.clear()
    instead = (("a", "sample", "2", "fail"), ("a", "visit", "2", "fail"))
    part = touching(home, path, UNIT, *instead, has_places=has_places)
    now = PublishedTable(UNIT, (path,), in_order=True, since=part)
    fingerprint = build(home, now, minute=1).fingerprint
    assert anew == []
    assert rows(home, "fact.unit") == [
        ("a", "sample", "1", "pass"), ("a", "sample", "2", "fail"), ("a", "visit", "2", "fail")
    ]  # fmt: skip
    assert from_nothing(home, now) == fingerprint


@pytest.mark.parametrize("stray", [("a", "2", "pass"), ("a", "1", "pass")])
def test_a_replaced_row_whose_key_stands_elsewhere_blocks(
    home: Home, stray: tuple[str, ...]
) -> None:
    """Rows that stand instead repeat each other, or belong to a sample that was not touched."""
    path = write(home, "w", SAMPLE, ("a", "1", "pass"), ("a", "2", "pass"))
    build(home, PublishedTable(SAMPLE, (path,), in_order=True))
    part = touching(home, path, SAMPLE, ("a", "2", "fail"), stray)
    with pytest.raises(BlockedError, match="expected one row per source_id, sample_no, found"):
        build(home, PublishedTable(SAMPLE, (path,), in_order=True, since=part), minute=1)


def test_rows_that_got_lost_in_the_file_block(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(home, "1.parquet", LIST, ("a", "1", "pass"), ("a", "2", "fail"))
    build(home, PublishedTable(LIST, (first,)))

    def lose(source: Path, target: Path) -> None:
        copy_file(source, target)
        target.chmod(0o644)
        with duckdb.connect(str(target)) as con:
            con.execute("DELETE FROM core.listed WHERE sample_no = '1'")

    monkeypatch.setattr("warehouse.release_ahead.copy_file", lose)
    with pytest.raises(BlockedError, match="expected 2 rows as in its inputs, found 1"):
        build(home, PublishedTable(LIST, (first,)), minute=1)


def test_a_table_that_is_published_no_more_goes(home: Home) -> None:
    kept = PublishedTable(LIST, (write(home, "1", LIST, ("a", "1", "pass")),))
    gone = PublishedTable(SAMPLE, (write(home, "2", SAMPLE, ("a", "1", "pass")),))
    build(home, kept, gone)
    assert build(home, kept, minute=1).fingerprint == from_nothing(home, kept)


def test_a_file_that_is_half_empty_is_written_from_nothing(
    home: Home, anew: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = PublishedTable(LIST, (write(home, "1", LIST, ("a", "1", "pass")),))
    build(home, table)
    anew.clear()
    build(home, table, minute=1)
    assert anew == []
    monkeypatch.setattr(release_contents, "MOST_FREE", -1.0)
    build(home, table, minute=2)
    assert "core.listed" in anew


def test_notes_of_other_code_are_passed_over(home: Home, anew: list[str]) -> None:
    table = PublishedTable(LIST, (write(home, "1", LIST, ("a", "1", "pass")),))
    build(home, table)
    anew.clear()
    home.release_file.with_name("contents.json").write_text('{"file": "x", "tables": {}}', "utf-8")
    build(home, table, minute=1)
    assert "core.listed" in anew


def test_what_is_to_be_done_follows_from_what_a_table_is_made_of() -> None:
    whole = MadeOf(declared="d", files={"w": "1"})
    since = MadeOf(declared="d", files={"w": "1"}, new={"p": "1"}, rows="r1")
    assert whole.change(None) == "all"
    assert whole.change(whole) == "none"
    assert since.change(whole) == "touched"
    more = since.model_copy(update={"new": {"p": "1", "q": "1"}, "rows": "r2"})
    assert more.change(since) == "touched"
    assert since.change(more) == "all"  # q touched samples that stand as they were again
    assert whole.change(since) == "all"
    assert more.model_copy(update={"files": {"w": "2"}}).change(since) == "all"
    grown = MadeOf(declared="d", files={"w": "1", "x": "1"})
    assert grown.change(whole) == "added"
    assert grown.change(MadeOf(declared="e", files={"w": "1"})) == "all"
    assert grown.change(MadeOf(declared="d", files={})) == "all"
    assert grown.change(since) == "all"
