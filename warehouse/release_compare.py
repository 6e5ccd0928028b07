"""Two releases compared table by table: what is equal, and which rows differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.connection import Resources, open_apart
from warehouse.engine.follows import VIEWS_READ
from warehouse.errors import SamplehouseError
from warehouse.fingerprint import comparable_columns, table_fingerprint
from warehouse.release_views import view_fingerprints
from warehouse.sql import identifier, literal, qualified

SAMPLE_ROWS = 20


@dataclass(frozen=True)
class TableDifference:
    """One table in two releases; `rows_…` is None in the release that lacks the table.

    `columns_only_…` are columns with their type. Rows are compared over the columns that both
    have; `sample_…` holds the first of the rows that only one has.
    """

    table: str
    equal: bool
    rows_a: int | None
    rows_b: int | None
    only_in_a: int = 0
    only_in_b: int = 0
    columns_only_in_a: tuple[str, ...] = ()
    columns_only_in_b: tuple[str, ...] = ()
    sample_a: tuple[dict[str, Any], ...] = ()
    sample_b: tuple[dict[str, Any], ...] = ()


def compare_releases(a: Path, b: Path, resources: Resources | None = None) -> list[TableDifference]:
    """Compare every table of two release files, by name.

    Tables are equal when they have the same columns, of the same types and in the same order, and
    the same rows as often, in any order: by `table_fingerprint`, computed from the files. Where
    that differs, the rows are told apart by `EXCEPT ALL`. Columns that depend on the moment of the
    build (`RUN_DEPENDENT_COLUMNS`) are left out. Where all tables that views may read are equal,
    views of the same query are; else their rows are compared as those of tables.

    Args:
        a: release file, e.g. of `kept_file`.
        b: release file to compare with it.
        resources: what DuckDB may use; this machine's by default.

    Raises:
        SamplehouseError: a file cannot be read as a DuckDB database.
    """
    with open_apart(resources) as con:
        _attach(con, a, "a")
        second = "a" if a.resolve() == b.resolve() else "b"
        if second == "b":
            _attach(con, b, "b")
        views_a, views_b = view_fingerprints(con, "a"), view_fingerprints(con, second)
        in_a, in_b = _tables(con, "a") | views_a.keys(), _tables(con, second) | views_b.keys()
        either = {**views_a, **views_b}.keys()

        def compared(table: str) -> TableDifference:
            sides = ("a" if table in in_a else None, second if table in in_b else None)
            return _compare(con, table, *sides)

        found = [compared(table) for table in (in_a | in_b) - either]
        is_same = all(each.equal for each in found if each.table.split(".")[0] in VIEWS_READ)
        for view in either:
            if is_same and views_a.get(view) == views_b.get(view):
                rows = _count(con, qualified(view, "a"))
                found.append(TableDifference(view, equal=True, rows_a=rows, rows_b=rows))
            else:
                found.append(compared(view))
        return sorted(found, key=lambda each: each.table)


def verify_release(path: Path, resources: Resources | None = None) -> list[str]:
    """Tables whose rows are not those that a release states: each fingerprint from the whole file.

    A release that started from the last one carries the fingerprints of rows that stayed on; this
    computes all of them from every row. Of a view it is that of its query.

    Args:
        path: release file, e.g. of `kept_file`.
        resources: what DuckDB may use; this machine's by default.

    Raises:
        SamplehouseError: the file cannot be read as a release.
    """
    with open_apart(resources) as con:
        _attach(con, path, "a")
        try:
            stated = con.execute("FROM a.meta.release_table").fetchall()
        except duckdb.Error as error:
            raise SamplehouseError(f"{path.name} cannot be read as a release: {error}") from error
        about_itself = {"meta.release", "meta.release_table"}
        found: set[tuple[str, int | None, str]] = {
            (table, _count(con, qualified(table, "a")), table_fingerprint(con, table, catalog="a"))
            for table in _tables(con, "a") - about_itself
        }
        found |= {(view, None, known) for view, known in view_fingerprints(con, "a").items()}
    return sorted({table for table, *_ in found ^ set(stated)})


def _attach(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    if not path.is_file():
        raise SamplehouseError(f"there is no release file {path}")
    try:
        con.execute(f"ATTACH {literal(str(path))} AS {name} (READ_ONLY)")
    except duckdb.Error as error:
        raise SamplehouseError(f"{path.name} cannot be read as a release: {error}") from error


def _tables(con: duckdb.DuckDBPyConnection, catalog: str) -> set[str]:
    query = "FROM duckdb_tables() SELECT schema_name || '.' || table_name WHERE database_name = ?"
    return {name for (name,) in con.execute(query, [catalog]).fetchall()}


def _compare(
    con: duckdb.DuckDBPyConnection, table: str, a: str | None, b: str | None
) -> TableDifference:
    rows_a = _count(con, qualified(table, a)) if a else None
    rows_b = _count(con, qualified(table, b)) if b else None
    if not (a and b):
        return TableDifference(
            table,
            equal=False,
            rows_a=rows_a,
            rows_b=rows_b,
            only_in_a=rows_a or 0,
            only_in_b=rows_b or 0,
        )
    if table_fingerprint(con, table, catalog=a) == table_fingerprint(con, table, catalog=b):
        return TableDifference(table, equal=True, rows_a=rows_a, rows_b=rows_b)
    columns_a = comparable_columns(con, table, catalog=a)
    columns_b = comparable_columns(con, table, catalog=b)
    common = [name for name in columns_a if name in columns_b]
    only_a, sample_a = _rows_only_in(con, table, common, a, b)
    only_b, sample_b = _rows_only_in(con, table, common, b, a)
    return TableDifference(
        table,
        equal=False,
        rows_a=rows_a,
        rows_b=rows_b,
        only_in_a=only_a,
        only_in_b=only_b,
        columns_only_in_a=_unlike(columns_a, columns_b),
        columns_only_in_b=_unlike(columns_b, columns_a),
        sample_a=sample_a,
        sample_b=sample_b,
    )


def _rows_only_in(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], here: str, there: str
) -> tuple[int, tuple[dict[str, Any], ...]]:
    """How many rows only `here` has, and the first of them; a row held twice counts twice."""
    if not columns:
        return 0, ()
    names = ", ".join(map(identifier, columns))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE only_here AS FROM {qualified(table, here)} "
        f"SELECT {names} EXCEPT ALL FROM {qualified(table, there)} SELECT {names}"
    )
    rows = con.execute("FROM only_here ORDER BY ALL LIMIT ?", [SAMPLE_ROWS]).fetchall()
    return _count(con, "only_here"), tuple(dict(zip(columns, row, strict=True)) for row in rows)


def _unlike(these: dict[str, str], others: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{name} {kind}" for name, kind in these.items() if others.get(name) != kind)


def _count(con: duckdb.DuckDBPyConnection, quoted: str) -> int:
    return int(con.execute(f"FROM {quoted} SELECT count(*)").fetchall()[0][0])
