"""Running SQL models: inputs attached as views, one SELECT each, results as Parquet.

A model never says where its inputs lie. The runner makes every table that it reads visible under
its name, casts what comes out to the contract and swaps the file in when it is whole. Rows are
ordered by the key; but results that follow samples, firms or groups, some of them as long as the
records, lie as they come: to sort them takes more memory than everything else that is done.
"""

import datetime as dt
import re
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from warehouse.connection import connect, within_memory
from warehouse.contract import Contract, record_contracts
from warehouse.engine.model import (
    ComputedTable,
    SqlModel,
    is_import,
    load_computed,
    ordered,
    parse_select,
    provided_contracts,
    tables_outside_steps,
)
from warehouse.engine.since import result
from warehouse.engine.views import view
from warehouse.errors import ConfigurationError, SamplehouseError
from warehouse.home import Home, create_view
from warehouse.reference_tables import reference_rows, reference_table_names
from warehouse.sql import identifier, qualified
from warehouse.tables import row_count, write_query, written_whole

# Types that a query may give where the contract has a wider one: the cast loses nothing.
_NARROWER: dict[str, tuple[str, ...]] = {
    "BIGINT": ("INTEGER", "SMALLINT", "TINYINT", "UINTEGER", "USMALLINT", "UTINYINT", "HUGEINT"),
    "DOUBLE": ("FLOAT",),
}


@dataclass(frozen=True)
class ModelRun:
    """What one run of a model did."""

    table: str
    rows: int
    seconds: float
    sql: str


@dataclass(frozen=True)
class Mismatch:
    """A place where a model's SQL and its contract differ."""

    file: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.file}: expected {self.expected}, actual {self.actual}"


def register_references(con: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Make those of some tables that are code lists or definitions readable as ``ref.…``.

    What is there stays.
    """
    wanted = set(tables) & set(reference_table_names())
    for table in sorted(wanted - _visible(con)):
        _register_frame(con, table, reference_rows(table))


def attach_dependencies(
    con: duckdb.DuckDBPyConnection,
    model: SqlModel | ComputedTable,
    home: Home,
    as_of: dt.date | None = None,
) -> None:
    """Make the tables that a model reads visible under their names.

    A connection serves one build: a table that it has already is left as it is, so every model
    of the build sees the same deliveries.

    Args:
        con: connection of this build.
        model: the model about to run.
        home: where the lake lies.
        as_of: only deliveries received up to this day are seen; all of them without it.

    Raises:
        SamplehouseError: the model reads another one that has not been built.
    """
    attach_tables(con, model.depends_on, home, as_of, reader=model.file)


def attach_tables(
    con: duckdb.DuckDBPyConnection,
    tables: Collection[str],
    home: Home,
    as_of: dt.date | None = None,
    *,
    reader: str,
) -> None:
    """Make tables visible under their names, as `attach_dependencies` does for a model.

    Args:
        con: connection of this build.
        tables: record tables, code lists and definitions, results of models.
        home: where the lake lies.
        as_of: only deliveries received up to this day are seen; all of them without it.
        reader: who reads them, for the message.

    Raises:
        SamplehouseError: a model has not been built.
    """
    there = _visible(con)
    for table in sorted(tables, key=lambda name: (view(name) is not None, name)):
        if table in there:
            continue
        if table in record_contracts():
            _create_schema(con, table)
            create_view(con, record_contracts()[table], home.partition_files(table, as_of=as_of))
        elif table.startswith("ref."):
            _register_frame(con, table, reference_rows(table))
        elif table == "meta.build":
            _register_frame(con, table, build_frame(home, as_of))
        elif (model := view(table)) is not None:
            attach_dependencies(con, model, home, as_of)
            create_view_of(con, model)
            there = _visible(con)
        else:
            check_built(home, table, reader=reader)
            attach_rows(con, table, result(con, home, table))


def create_view_of(con: duckdb.DuckDBPyConnection, model: SqlModel) -> None:
    """Create a view, on a connection that sees what it reads (ConfigurationError)."""
    _create_schema(con, model.table)
    try:
        con.execute(f"CREATE VIEW {qualified(model.table)} AS {contract_sql(model)}")
    except duckdb.Error as error:
        raise ConfigurationError(f"{model.file}: {_first_line(error)}") from error


def check_built(home: Home, table: str, *, reader: str) -> None:
    """Stop where a reader wants the result of a model that has none (SamplehouseError)."""
    if not home.model_file(table).is_file():
        raise SamplehouseError(
            f"{reader} reads {table}, which has not been built; build {table} first"
        )


def attach_rows(con: duckdb.DuckDBPyConnection, table: str, rows: duckdb.DuckDBPyRelation) -> None:
    """Make rows visible under the name of a table, instead of those that are."""
    _create_schema(con, table)
    con.execute(f"CREATE OR REPLACE VIEW {qualified(table)} AS {rows.sql_query()}")


def build_frame(home: Home, as_of: dt.date | None) -> pl.DataFrame:
    """The one row of ``meta.build``: the day asked for, else the last day with a delivery."""
    schema = provided_contracts()["meta.build"].polars_schema()
    return pl.DataFrame({"as_of": [as_of or home.last_day("meta.delivery")]}, schema=schema)


def contract_sql(model: SqlModel) -> str:
    """The model's SELECT inside the casts of its contract."""
    sql = _read_in_place(model.sql, model.file, model.read_in_place)
    return f"SELECT {model.contract.cast_sql()}\nFROM (\n{sql}\n) AS model"


@cache
def _read_in_place(sql: str, where: str, steps: tuple[str, ...]) -> str:
    """A SELECT whose import steps, and some others, are read anew by each step that reads them.

    Left to itself, DuckDB keeps the rows of a step that is read twice, those of whole tables too.
    The hints are DuckDB's own, so they stand here and not in the models' files.
    """
    for step in parse_select(sql, where).ctes:
        is_table = is_import(step.this) and "." in tables_outside_steps(step.this)[0]
        if is_table or step.alias in steps:
            name = re.escape(step.alias)
            sql = re.sub(rf"\b{name} as \(", f"{step.alias} as not materialized (", sql, count=1)
    return sql


def run_model(
    con: duckdb.DuckDBPyConnection, model: SqlModel, home: Home, path: Path | None = None
) -> ModelRun:
    """Run one model on a connection that sees its inputs; write its Parquet file.

    Rows are ordered by the contract's key, unless the result lies in parts (`engine.follows`). A
    reader sees the old file or the new one.

    Args:
        con: the connection.
        model: the model.
        home: where the result goes.
        path: file to write instead, for a part of the result.

    Raises:
        ConfigurationError: DuckDB refuses the SQL or a value; names the model's file.
    """
    return write_result(con, model, contract_sql(model), path or home.model_file(model.table))


def create_result(con: duckdb.DuckDBPyConnection, model: SqlModel, table: str) -> None:
    """Run one model as `run_model` does, into a table of the connection, in no order."""
    _create_schema(con, table)
    try:
        made = f"CREATE TABLE {qualified(table)} AS {contract_sql(model)}"
        within_memory(con, lambda: con.execute(made))
    except duckdb.Error as error:
        raise ConfigurationError(f"{model.file}: {_first_line(error)}") from error


def write_result(con: duckdb.DuckDBPyConnection, model: SqlModel, sql: str, path: Path) -> ModelRun:
    """Write the rows of a query as (a part of) the result of a model, ordered as `run_model` says.

    A result in one file that comes out as it was leaves its file as it is.

    Raises:
        ConfigurationError: DuckDB refuses the SQL or a value; names the model's file.
    """
    started = time.perf_counter()
    keys = ", ".join(identifier(name) for name in model.contract.key)
    is_ordered = bool(keys) and model.follows is None
    sql += f"\nORDER BY {keys}" if is_ordered else ""
    try:
        with written_whole(path, stays_if_same=model.follows is None) as aside:
            within_memory(con, lambda: write_query(con, sql, aside))
    except duckdb.Error as error:
        raise ConfigurationError(f"{model.file}: {_first_line(error)}") from error
    return ModelRun(model.table, row_count(path), time.perf_counter() - started, sql)


def describe_check(models: Mapping[str, SqlModel]) -> list[Mismatch]:
    """Compile every model against empty tables; compare names and types with its contract.

    Returns:
        One entry per column that differs, and per model that does not compile; empty when all
        is well. A type may be narrower than declared where the cast loses nothing.
    """
    with connect() as con:
        register_references(con, reference_table_names())
        computed = [table.contract for table in load_computed().values()]
        for contract in (
            *record_contracts().values(),
            *provided_contracts().values(),
            *computed,
        ):
            create_empty_table(con, contract)
        found: list[Mismatch] = []
        for model in ordered(models):
            found.extend(_compile_problems(con, model))
            create_empty_table(con, model.contract)
        return found


def create_empty_table(con: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Empty table of a contract, with its schema."""
    _create_schema(con, contract.table)
    con.execute(contract.empty_table_sql())


def _compile_problems(con: duckdb.DuckDBPyConnection, model: SqlModel) -> list[Mismatch]:
    try:
        relation = con.sql(model.sql)
    except duckdb.Error as error:
        return [Mismatch(model.file, "a query that compiles", _first_line(error))]
    actual = dict(zip(relation.columns, map(str, relation.types), strict=True))
    expected = {column.name: column.duckdb_type for column in model.contract.columns}
    problems = [
        Mismatch(model.file, f"{name} {kind}", f"{name} {actual.get(name, 'missing')}")
        for name, kind in expected.items()
        if not _fits(actual.get(name), kind)
    ]
    problems += [
        Mismatch(model.file, f"no column {name} (it is not in the contract)", f"{name} {kind}")
        for name, kind in actual.items()
        if name not in expected
    ]
    if not problems and list(actual) != list(expected):
        return [Mismatch(model.file, f"order {', '.join(expected)}", ", ".join(actual))]
    return problems


def _fits(actual: str | None, declared: str) -> bool:
    if actual is None:
        return False
    if declared.startswith("DECIMAL") and actual.startswith("DECIMAL"):
        return True
    return actual == declared or actual in _NARROWER.get(declared, ())


def _register_frame(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    # A table, not a view over the frame: a connection outlives the frame, and lists are short.
    _create_schema(con, table)
    relation = con.from_arrow(frame.to_arrow())
    relation.create(qualified(table))


def _create_schema(con: duckdb.DuckDBPyConnection, table: str) -> None:
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(table.split('.', maxsplit=1)[0])}")


def _visible(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Tables and views of a connection's own database, asked for at once."""
    # Not information_schema: it looks into every view, and so opens the files behind it.
    query = (
        "FROM duckdb_tables() SELECT schema_name || '.' || table_name "
        "WHERE database_name = current_database() UNION ALL "
        "FROM duckdb_views() SELECT schema_name || '.' || view_name "
        "WHERE database_name = current_database()"
    )
    return {name for (name,) in con.execute(query).fetchall()}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
