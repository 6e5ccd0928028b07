"""Given/expect tests of SQL models: a few rows in, what must come out, both in the YAML."""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb

from warehouse.connection import connect
from warehouse.contract import Contract
from warehouse.engine.model import ModelTest, Row, SqlModel, contract_of
from warehouse.engine.run import (
    contract_sql,
    create_empty_table,
    create_result,
    register_references,
)
from warehouse.errors import ConfigurationError
from warehouse.reference_lists import code_lists
from warehouse.reference_tables import reference_table_contracts
from warehouse.sql import identifier, qualified

# Doubles are written in YAML with six decimals; everything else is compared exactly.
DOUBLE_TOLERANCE = 1e-6

Values = tuple[Any, ...]


def run_model_test(model: SqlModel, test: ModelTest, models: Mapping[str, SqlModel]) -> str | None:
    """Run one given/expect test in a database of its own.

    Args:
        model: the model under test.
        test: one of its tests.
        models: all models, for the contracts of those that it reads.

    Returns:
        None when the model gives what is expected, else the difference, for people to read.

    Raises:
        ConfigurationError: the test names unknown tables or columns, or values of a wrong type.
    """
    where = f"{model.file}, test '{test.name}'"
    try:
        with connect() as con:
            _fill_inputs(con, model, test, models, where)
            return _difference(con, model, test, where)
    except duckdb.Error as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _fill_inputs(
    con: duckdb.DuckDBPyConnection,
    model: SqlModel,
    test: ModelTest,
    models: Mapping[str, SqlModel],
    where: str,
) -> None:
    # Code lists are the project's own, and so are definitions unless a test gives others.
    lists = {f"ref.{name}" for name in code_lists()}
    own = {*lists, *(reference_table_contracts().keys() - test.given.keys())}
    named = {*test.given, *model.defaults}
    made = [
        models[table]
        for table in sorted(model.depends_on - named)
        if table in models
        and (models[table].adds_up or model.contract.is_view)
        and models[table].depends_on & named
    ]
    read = model.depends_on.union(*(each.depends_on for each in made))
    if foreign := sorted(named - (read - lists)):
        raise ConfigurationError(f"{where}: the model does not read {', '.join(foreign)}")
    register_references(con, read & own)
    for table in sorted(read - own - {each.table for each in made}):
        contract = contract_of(table, models)
        create_empty_table(con, contract)
        rows = test.given.get(table, ({},) if table == "meta.build" else ())
        defaults = model.defaults.get(table, {})
        _insert(con, contract, [{**defaults, **row} for row in rows], where)
    for each in made:
        create_result(con, each, each.table)


def _insert(
    con: duckdb.DuckDBPyConnection, contract: Contract, rows: Sequence[Row], where: str
) -> None:
    if not rows:
        return
    given = sorted({name for row in rows for name in row})
    _check_names(given, contract, where)
    names = given or contract.column_names[:1]
    columns = ", ".join(identifier(name) for name in names)
    con.executemany(
        f"INSERT INTO {qualified(contract.table)} ({columns}) VALUES ({_casts(contract, names)})",
        [[_text(row.get(name)) for name in names] for row in rows],
    )


def _difference(
    con: duckdb.DuckDBPyConnection, model: SqlModel, test: ModelTest, where: str
) -> str | None:
    names = list(test.expect[0] if test.expect else model.contract.key)
    _check_names([*names, *test.where], model.contract, where)
    columns = ", ".join(map(identifier, names))
    query = f"SELECT {columns} FROM ({contract_sql(model)})"
    if test.where:
        conditions = [
            f"{identifier(name)} = {_casts(model.contract, [name])}" for name in test.where
        ]
        query += f" WHERE {' AND '.join(conditions)}"
    actual = con.execute(query, [_text(value) for value in test.where.values()]).fetchall()
    if test.expect_rows is not None and len(actual) != test.expect_rows:
        return f"{where}: expected {test.expect_rows} rows, actual {len(actual)}"
    if test.expect is None:
        return None
    expected = _typed(con, model.contract, names, test.expect)
    missing, unexpected = match_rows(expected, actual)
    return _report(where, names, missing, unexpected) if missing or unexpected else None


def match_rows(
    expected: Iterable[Values], actual: Iterable[Values]
) -> tuple[list[Values], list[Values]]:
    """Rows expected but not there, and rows there but not expected; order does not matter."""
    left = list(actual)
    missing: list[Values] = []
    for row in expected:
        found = next((i for i, other in enumerate(left) if _same_row(row, other)), None)
        if found is None:
            missing.append(row)
        else:
            left.pop(found)
    return missing, left


def _same_row(expected: Values, actual: Values) -> bool:
    return all(_same(a, b) for a, b in zip(expected, actual, strict=True))


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, float) and isinstance(actual, float):
        return math.isclose(expected, actual, rel_tol=0.0, abs_tol=DOUBLE_TOLERANCE)
    return bool(expected == actual)


def _typed(
    con: duckdb.DuckDBPyConnection, contract: Contract, names: Sequence[str], rows: Sequence[Row]
) -> list[Values]:
    query = f"SELECT {_casts(contract, names)}"
    return [con.execute(query, [_text(row[name]) for name in names]).fetchall()[0] for row in rows]


def _casts(contract: Contract, names: Iterable[str]) -> str:
    return ", ".join(f"CAST(? AS {contract.column(name).duckdb_type})" for name in names)


def _check_names(names: Iterable[str], contract: Contract, where: str) -> None:
    if unknown := sorted(set(names) - set(contract.column_names)):
        raise ConfigurationError(f"{where}: {contract.table} has no column {', '.join(unknown)}")


def _text(value: Any) -> str | None:
    # As text, so that DuckDB makes 0.054 of YAML's 0.054 and not the nearest double of it.
    return None if value is None else str(value)


def _report(
    where: str, names: Sequence[str], missing: Sequence[Values], unexpected: Sequence[Values]
) -> str:
    rows = [("expected, not there", row) for row in missing]
    rows += [("there, not expected", row) for row in unexpected]
    cells = [["", *names], *([mark, *map(_shown, row)] for mark, row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names) + 1)]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    return "\n".join([f"{where}:", *lines])


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
