"""Tables built in one go on one connection: what the past looked like, without a release of it."""

import datetime as dt
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter

import duckdb

from assets.computed import compute
from warehouse import progress
from warehouse.connection import Resources, connect
from warehouse.engine.model import ComputedTable, SqlModel, load_computed, load_models
from warehouse.engine.refresh import refresh_model
from warehouse.engine.run import attach_dependencies, attach_tables, contract_sql, run_model
from warehouse.engine.stamp import forget_stamp, is_current, keep_stamp, model_stamp
from warehouse.engine.views import remove_stored
from warehouse.home import Home
from warehouse.tables import scratch_folder, write_parquet


def build_tables(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    tables: Collection[str],
    as_of: dt.date | None = None,
) -> None:
    """Run the models that make some tables, and those that they read, and make them visible.

    Args:
        con: connection of this build, with nothing attached yet.
        home: where the records lie, and the results are written.
        tables: results of models, by name; record tables and code lists are only made visible.
        as_of: only deliveries received up to this day are seen.
    """
    for model in models_behind(tables):
        if model.contract.is_view:
            continue
        if isinstance(model, SqlModel):
            attach_dependencies(con, model, home, as_of)
            run_model(con, model, home)
        else:
            write_parquet(compute(con, model, home, as_of), home.model_file(model.table))
    attach_tables(con, tables, home, as_of, reader="this build")


def refresh_models(home: Home, resources: Resources, as_of: dt.date | None = None) -> list[str]:
    """Make every model and computed table that is not current, as a night does; their names."""
    return [
        model.table
        for model in models_behind([*load_models(), *load_computed()])
        if refresh(home, resources, model, as_of) is not None
    ]


@dataclass(frozen=True)
class Refreshed:
    """What was done to bring a table up to date; the query where SQL makes it."""

    rows: int
    seconds: float
    sql: str | None = None


def refresh(
    home: Home, resources: Resources, model: SqlModel | ComputedTable, as_of: dt.date | None
) -> Refreshed | None:
    """Make a table, unless it is made of what it would be made of now, or is a view (None)."""
    if model.contract.is_view:
        return None
    path, stamp = home.model_file(model.table), model_stamp(home, model, as_of)
    if is_current(path, stamp):
        return None
    sql = None
    stage: progress.StageName = "model" if isinstance(model, SqlModel) else "statistics"
    with progress.stage(stage, model.table) as work, connect(resources) as con:
        forget_stamp(path)
        if isinstance(model, SqlModel):
            done = refresh_model(con, model, home, as_of)
            work.rows, sql = done.rows, done.sql
        else:
            rows = compute(con, model, home, as_of)
            write_parquet(rows, path)
            work.rows = rows.height
        keep_stamp(path, stamp)
    return Refreshed(work.rows or 0, work.seconds, sql)


def compile_view(home: Home, resources: Resources, model: SqlModel, as_of: dt.date | None) -> str:
    """Compile a view on what it reads; its query (ConfigurationError where DuckDB refuses it)."""
    remove_stored(home, model.table)
    with connect(resources) as con:
        attach_tables(con, [model.table], home, as_of, reader=model.file)
    return contract_sql(model)


def models_behind(tables: Collection[str]) -> list[SqlModel | ComputedTable]:
    """The models behind some tables, each after those that it reads."""
    known: dict[str, SqlModel | ComputedTable] = {**load_models(), **load_computed()}
    graph: dict[str, list[str]] = {}
    waiting = [table for table in tables if table in known]
    while waiting:
        table = waiting.pop()
        if table not in graph:
            graph[table] = sorted(name for name in known[table].depends_on if name in known)
            waiting += graph[table]
    return [known[name] for name in TopologicalSorter(graph).static_order()]


@contextmanager
def tables_as_of(
    home: Home, resources: Resources, as_of: dt.date, tables: Collection[str]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees some tables as they could be known on a day.

    They are made aside, by the same models as every night's, from the records of deliveries up
    to that day; nothing in the home changes.
    """
    with scratch_folder(home.root, "past") as folder, connect(resources) as con:
        aside = Home(folder)
        aside.lake.mkdir()
        for schema in ("core", "meta"):
            (aside.lake / schema).symlink_to(home.lake / schema, target_is_directory=True)
        build_tables(con, aside, tables, as_of)
        yield con
