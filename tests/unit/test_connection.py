"""Limits hold wherever DuckDB is opened; what does not fit is done again with one thread."""

from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.ingest.readers import read_to_parquet, structured, text
from warehouse.connection import Resources, connect, open_apart, open_file, within_memory
from warehouse.source import Format
from warehouse.tables import write_query

GIBIBYTE = 2**30


def threads(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("SELECT current_setting('threads')").fetchall()[0][0])


def limits(con: duckdb.DuckDBPyConnection) -> list[str]:
    names = ("memory_limit", "temp_directory")
    return [con.execute(f"SELECT current_setting('{name}')").fetchall()[0][0] for name in names]


def test_every_connection_has_the_given_limits(tmp_path: Path) -> None:
    given = Resources(1, GIBIBYTE, tmp_path / "spill")
    expected = ["1.0 GiB", str(tmp_path / "spill")]
    with connect(given) as con:
        assert limits(con) == expected
    for con in (open_apart(given), open_file(tmp_path / "new.duckdb", given)):
        with closing(con):
            assert limits(con) == expected


def test_files_are_read_within_the_given_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Resources(2, GIBIBYTE, tmp_path / "spill")
    (tmp_path / "in.csv").write_text("a,b\n1,2\n", "utf-8")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "in.parquet")
    found = []

    def noted(con: duckdb.DuckDBPyConnection, *rest: object) -> None:
        found.append((threads(con), *limits(con)))
        write_query(con, *rest)  # type: ignore[arg-type]  # as they came

    for module in (text, structured):
        monkeypatch.setattr(module, "write_query", noted)
    for kind in ("csv", "parquet"):
        path = tmp_path / f"in.{kind}"
        file_format = Format.model_validate({"kind": kind})
        read_to_parquet(path, file_format, tmp_path / "out.parquet", given)
    assert found == [(1, "1.0 GiB", str(tmp_path / "spill"))] * 2


def test_what_does_not_fit_is_done_again_with_one_thread() -> None:
    with connect(Resources(2, GIBIBYTE)) as con:
        tried: list[int] = []

        def work() -> str:
            tried.append(threads(con))
            if tried[-1] > 1:
                raise duckdb.OutOfMemoryException("could not allocate block")
            return "done"

        con.execute("SET preserve_insertion_order = false")
        assert within_memory(con, work) == "done"
        assert tried == [2, 1]
        assert threads(con) == 2
        order = con.execute("SELECT current_setting('preserve_insertion_order')").fetchall()
        con.execute("RESET preserve_insertion_order")  # of the instance, which others use
        assert order == [(False,)]


@pytest.mark.parametrize("given", [1, 2])
def test_what_does_not_fit_with_one_thread_either_is_an_error(given: int) -> None:
    with connect(Resources(given, GIBIBYTE)) as con:
        tried: list[int] = []

        def work() -> None:
            tried.append(threads(con))
            raise duckdb.OutOfMemoryException("could not allocate block")

        with pytest.raises(duckdb.OutOfMemoryException):
            within_memory(con, work)
        assert tried == ([1] if given == 1 else [2, 1])
        assert threads(con) == given


def test_other_errors_are_not_tried_again() -> None:
    with connect(Resources(2, GIBIBYTE)) as con:
        tried: list[int] = []

        def work() -> None:
            tried.append(threads(con))
            con.execute("SELECT no_such_column")

        with pytest.raises(duckdb.BinderException):
            within_memory(con, work)
        assert tried == [2]
