"""Work that does not fit into memory with several threads is done with one."""

import duckdb
import pytest

from warehouse.connection import Resources, connect, within_memory

GIBIBYTE = 2**30


def threads(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("SELECT current_setting('threads')").fetchall()[0][0])


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
