"""What must hold of a release before anybody sees it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

from warehouse.connection import Resources, open_file
from warehouse.contract import Contract
from warehouse.dictionary import column_comment, table_comment
from warehouse.engine.follows import of_touched
from warehouse.engine.since import Since
from warehouse.errors import BlockedError
from warehouse.release_tables import Written
from warehouse.sql import identifier, qualified

Column = tuple[str, str, str | None]  # name, type, comment


def check_release(
    path: Path,
    contracts: Sequence[Contract],
    written: Mapping[str, Written],
    resources: Resources | None = None,
) -> None:
    """Compare a release file, read afresh, with what it was built from.

    Every table is there and no other; columns have the names, types and comments of the contract,
    in its order; row counts equal those of the inputs; keys are unique; `meta.release` has one row.

    Keys are looked for in tables and rows that were written: what stays of the last release was
    found to have unique keys when it was written, and taking rows out repeats none. Of views no
    rows are looked at.

    Args:
        path: the file, which no connection holds open.
        contracts: every table that the file must hold.
        written: how tables came into the file, for all but those that the release writes about
            itself.
        resources: what DuckDB may use; this machine's by default.

    Raises:
        BlockedError: with one line per difference, expected beside found.
    """
    try:
        with open_file(path, resources, read_only=True) as con:
            problems = list(_problems(con, contracts, written))
    except duckdb.Error as error:
        raise BlockedError(
            f"the release cannot be opened, and the last one stays: {error}"
        ) from error
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise BlockedError(f"the release is not as expected, and the last one stays:\n{lines}")


def _problems(
    con: duckdb.DuckDBPyConnection, contracts: Sequence[Contract], written: Mapping[str, Written]
) -> Iterator[str]:
    found, columns = _tables(con), _columns(con)
    expected = {contract.table: contract for contract in contracts}
    for table in sorted(found.keys() - expected.keys()):
        yield f"{table}: expected no such table, found one"
    for table, contract in sorted(expected.items()):
        if table not in found:
            yield f"{table}: expected the table, found none"
            continue
        yield from _comment_problems(contract, found[table])
        yield from _column_problems(contract, columns[table])
        if not contract.is_view:
            yield from _row_problems(con, contract, written.get(table))
    if "meta.release" in found:
        count = _count(con, "meta.release")
        if count != 1:
            yield f"meta.release: expected 1 row, found {count}"


def _tables(con: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """Table, or view → its comment."""
    query = (
        "FROM duckdb_tables() SELECT schema_name || '.' || table_name, comment UNION ALL "
        "FROM duckdb_views() SELECT schema_name || '.' || view_name, comment WHERE NOT internal"
    )
    return dict(con.execute(query).fetchall())


def _comment_problems(contract: Contract, comment: str | None) -> Iterator[str]:
    if comment != table_comment(contract):
        yield f"{contract.table}: expected the contract's comment, found {comment!r}"


def _columns(con: duckdb.DuckDBPyConnection) -> dict[str, list[Column]]:
    """Table → its columns in their order; asked once, for DuckDB lists all of them anyway."""
    query = (
        "FROM duckdb_columns() SELECT schema_name || '.' || table_name, column_name, data_type, "
        "comment WHERE NOT internal ORDER BY column_index"
    )
    found: dict[str, list[Column]] = {}
    for table, *column in con.execute(query).fetchall():
        found.setdefault(table, []).append(tuple(column))
    return found


def _column_problems(contract: Contract, found: Sequence[Column]) -> Iterator[str]:
    expected_types = [f"{column.name} {column.duckdb_type}" for column in contract.columns]
    found_types = [f"{name} {kind}" for name, kind, _ in found]
    if found_types != expected_types:
        yield f"{contract.table}: expected columns {expected_types}, found {found_types}"
        return
    for column, (name, _, comment) in zip(contract.columns, found, strict=True):
        if comment != column_comment(column):
            yield f"{contract.table}.{name}: expected the contract's comment, found {comment!r}"


def _row_problems(
    con: duckdb.DuckDBPyConnection, contract: Contract, written: Written | None
) -> Iterator[str]:
    count = _count(con, contract.table)
    if written is not None and count != written.held.rows:
        yield (
            f"{contract.table}: expected {written.held.rows} rows as in its inputs, found {count}"
        )
    if not contract.key or (written is not None and written.change == "none"):
        return
    key = ", ".join(map(identifier, contract.key))
    rows = f"(FROM {qualified(contract.table)} SELECT {key})"
    if written is not None and written.inserted:
        _attach_inserted(con, contract, written)
        is_apart = written.instead is not None and _replace_only(con, written.instead)
        rows = "inserted" if is_apart else _rows_like_the_inserted(con, contract, written)
    # Different hashes are of different keys, and quicker to tell apart.
    alike = con.execute(f"FROM {rows} SELECT count(*) - count(DISTINCT hash({key}))").fetchall()
    if alike == [(0,)]:
        return
    repeated = con.execute(
        f"FROM {rows} SELECT {key}, count(*) AS rows_of_key "
        f"GROUP BY {key} HAVING count(*) > 1 ORDER BY ALL LIMIT 3"
    ).fetchall()
    if repeated:
        examples = "; ".join(
            f"{dict(zip(contract.key, row, strict=False))} has {row[-1]} rows" for row in repeated
        )
        yield f"{contract.table}: expected one row per {', '.join(contract.key)}, found {examples}"


def _attach_inserted(con: duckdb.DuckDBPyConnection, contract: Contract, written: Written) -> None:
    """The rows that came into a table, as the temporary view `inserted`."""
    files = [str(path) for path in written.inserted]
    rows = con.read_parquet(files, hive_partitioning=False).project(contract.cast_sql())
    con.execute(f"CREATE OR REPLACE TEMP VIEW inserted AS {rows.sql_query()}")


def _replace_only(con: duckdb.DuckDBPyConnection, instead: Since) -> bool:
    """Whether inserted rows belong to nothing but what was deleted before.

    Then no other row of the table can have the key of one of them, and none is looked at.
    """
    rows = "inserted WHERE unit_kind = 'sample'" if instead.follows.has_other_kinds else "inserted"
    touched = con.read_parquet(str(instead.touched))
    con.execute(f"CREATE OR REPLACE TEMP VIEW touched AS {touched.sql_query()}")
    strays = con.execute(
        f"FROM (FROM {rows}) AS row ANTI JOIN touched ON {of_touched('row', instead.follows)} "
        "SELECT count(*)"
    ).fetchall()
    return strays == [(0,)]


def _rows_like_the_inserted(
    con: duckdb.DuckDBPyConnection, contract: Contract, written: Written
) -> str:
    """The rows of a table that agree with inserted ones in some columns of the key.

    All that could have the key of an inserted row are among them, that row itself too.
    """
    names = ", ".join(map(identifier, written.found_by))
    con.execute(f"CREATE OR REPLACE TEMP TABLE told_apart AS FROM inserted SELECT DISTINCT {names}")
    alike = " AND ".join(
        f"result.{name} IS NOT DISTINCT FROM told_apart.{name}"
        for name in map(identifier, written.found_by)
    )
    return f"(FROM {qualified(contract.table)} AS result SEMI JOIN told_apart ON {alike})"


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"FROM {qualified(table)} SELECT count(*)").fetchall()[0][0])
