"""What unit tests share."""

from collections.abc import Callable, Iterator, Sequence
from graphlib import TopologicalSorter
from typing import Any

import duckdb
import pytest

from assets.computed import in_contract, maker
from assets.ingest.landing import landing_days, register
from assets.ingest.macros import install
from assets.ingest.run import ingest, read_raw
from warehouse.engine.model import ComputedTable, SqlModel, load_computed, load_models
from warehouse.engine.run import attach_dependencies, run_model
from warehouse.home import Home
from warehouse.source import load_sources
from warehouse.sql import qualified
from warehouse.tables import write_parquet


@pytest.fixture(scope="session")
def evaluate() -> Iterator[Callable[..., list[Any]]]:
    """Evaluate an SQL expression over columns of texts, in one query: ``(expression, t=texts)``."""
    con = duckdb.connect()
    install(con)

    def run(expression: str, **columns: Sequence[str | None]) -> list[Any]:
        unnested = ", ".join(f"unnest(CAST(${name} AS VARCHAR[])) AS {name}" for name in columns)
        query = f"SELECT {expression} FROM (SELECT {unnested})"
        parameters = {name: list(values) for name, values in columns.items()}
        return [row[0] for row in con.execute(query, parameters).fetchall()]

    yield run
    con.close()


@pytest.fixture(scope="session")
def build_tables() -> Callable[[Home, Sequence[str]], None]:
    """Reads everything in a home's landing and makes tables with all that they are made from."""

    def build(home: Home, tables: Sequence[str]) -> None:
        landed = landing_days(home)
        sources = {name: source for name, source in load_sources().items() if name in landed}
        days = sorted({day for found in landed.values() for day in found})
        register(home, sources, days)
        for source in sources.values():
            read_raw(home, source, days)
        ingest(home, sources, days, check=False)
        with duckdb.connect() as con:
            for table in _with_upstream(tables):
                attach_dependencies(con, table, home, None)
                if isinstance(table, SqlModel):
                    run_model(con, table, home)
                    continue
                given = {name: con.sql(f"FROM {qualified(name)}").pl() for name in table.depends_on}
                rows = in_contract(maker(table)(given), table.contract)
                write_parquet(rows, home.model_file(table.table))

    return build


def _with_upstream(tables: Sequence[str]) -> list[SqlModel | ComputedTable]:
    """The tables and what they read, in an order in which they can be made."""
    known: dict[str, SqlModel | ComputedTable] = {**load_models(), **load_computed()}
    graph: dict[str, set[str]] = {}
    waiting = list(tables)
    while waiting:
        name = waiting.pop()
        if name not in graph:
            graph[name] = set(known[name].depends_on) & known.keys()
            waiting += graph[name]
    return [known[name] for name in TopologicalSorter(graph).static_order()]
