"""Small tables that Python computes from others: the rows that a YAML with `made_by` stands for."""

import datetime as dt
import importlib
from collections.abc import Callable, Mapping

import duckdb
import polars as pl

from warehouse.contract import Contract
from warehouse.engine.model import ComputedTable
from warehouse.engine.run import attach_dependencies
from warehouse.errors import ConfigurationError
from warehouse.home import Home
from warehouse.sql import qualified

Compute = Callable[[Mapping[str, pl.DataFrame]], pl.DataFrame]


def maker(table: ComputedTable) -> Compute:
    """The function that `made_by` names: tables by name in, the rows of the table out.

    Raises:
        ConfigurationError: there is no such function.
    """
    module, _, name = table.made_by.rpartition(".")
    try:
        found: Compute = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"{table.file}: made_by {table.made_by}: {error}") from error
    return found


def in_contract(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Rows in the columns, types and order of a contract, sorted by its key.

    Raises:
        ConfigurationError: a column is missing or is not in the contract.
    """
    if odd := sorted(set(rows.columns) ^ set(contract.column_names)):
        raise ConfigurationError(
            f"{contract.table}: its contract and its rows differ in {', '.join(odd)}"
        )
    schema = contract.polars_schema()
    return rows.select(pl.col(n).cast(k) for n, k in schema.items()).sort(contract.key)


def compute(
    con: duckdb.DuckDBPyConnection,
    table: ComputedTable,
    home: Home,
    as_of: dt.date | None = None,
) -> pl.DataFrame:
    """The rows of a computed table, from the tables that it names."""
    attach_dependencies(con, table, home, as_of)
    rows = {name: table.only.get(name, "true") for name in sorted(table.depends_on)}
    given = {
        name: con.sql(f"FROM {qualified(name)} WHERE {condition}").pl()
        for name, condition in rows.items()
    }
    return in_contract(maker(table)(given), table.contract)
