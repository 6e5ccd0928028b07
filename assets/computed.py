"""Small tables that Python computes from others: one asset for each YAML with `made_by`."""

import datetime as dt
import importlib
from collections.abc import Callable, Mapping

import dagster as dg
import duckdb
import polars as pl

from assets.shown import contract_metadata, description, made, unchanged
from assets.workplace import OWNERS, Night, Workplace, asset_key, dependency, explained
from warehouse import progress
from warehouse.connection import Resources, connect
from warehouse.contract import Contract
from warehouse.engine.model import ComputedTable
from warehouse.engine.run import attach_dependencies
from warehouse.engine.stamp import forget_stamp, is_current, keep_stamp, model_stamp
from warehouse.errors import ConfigurationError
from warehouse.home import Home
from warehouse.sql import qualified
from warehouse.tables import write_parquet

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
    given = {name: con.sql(f"FROM {qualified(name)}").pl() for name in sorted(table.depends_on)}
    return in_contract(maker(table)(given), table.contract)


def computed_assets(tables: Mapping[str, ComputedTable]) -> list[dg.AssetsDefinition]:
    """An asset for each computed table; code lists and definitions that it reads are no assets."""
    return [_computed_asset(table) for table in tables.values()]


def _computed_asset(table: ComputedTable) -> dg.AssetsDefinition:
    contract = table.contract
    read = sorted(name for name in table.depends_on if not name.startswith(("ref.", "meta.build")))

    @dg.asset(
        key=asset_key(table.table),
        deps=[dependency(name) for name in read],
        group_name=contract.schema_name,
        description=f"{description(contract)}\n\nMade by {table.made_by}.",
        metadata=contract_metadata(contract),
        kinds={"python", "polars"},
        owners=OWNERS,
    )
    @explained()
    def run(
        context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace], night: Night
    ) -> dg.MaterializeResult[None]:
        home = workplace.home
        seconds = refresh_table(home, workplace.resources, table, night.last_day)
        if seconds is None:
            return unchanged(home, table.table, night)
        context.log.info("%s: made in %.1f s", table.table, seconds)
        return made(home, table.table, night, seconds)

    return run


def refresh_table(
    home: Home, resources: Resources, table: ComputedTable, as_of: dt.date | None
) -> float | None:
    """Make a computed table; seconds, or None where it is what it would be made of now."""
    path = home.model_file(table.table)
    stamp = model_stamp(home, table, as_of)
    if is_current(path, stamp):
        return None
    with progress.stage("statistics", table.table) as work, connect(resources) as con:
        rows = compute(con, table, home, as_of)
        forget_stamp(path)
        write_parquet(rows, path)
        keep_stamp(path, stamp)
        work.rows = rows.height
    return work.seconds
