"""A home that receives nights of samples, and the results that are kept up to date with them."""

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from assets.build import models_behind
from warehouse.connection import Resources, connect
from warehouse.engine import since
from warehouse.engine.follows import SAMPLE_RECORDS
from warehouse.engine.model import SqlModel, contract_of, load_models
from warehouse.engine.refresh import refresh_model
from warehouse.engine.views import inputs
from warehouse.home import Home
from warehouse.release import build_release, published_tables
from warehouse.release_compare import verify_release
from warehouse.tables import write_parquet, write_partition

STORED = {name: model for name, model in load_models().items() if not model.contract.is_view}
VIEWS = load_models().keys() - STORED.keys()
FOLLOWING = {name: model for name, model in STORED.items() if model.follows is not None}
ADDING = {name: model for name, model in FOLLOWING.items() if model.adds_up is not None}
FIRST = dt.date(2024, 5, 1)
RESOURCES = Resources(1, 1 << 30)

Rows = list[dict[str, Any]]
Night = Mapping[str, Rows]


def sample(number: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "source_id": "a", "sample_no": number, "version": version, "content_hash": version,
        "domain": "food", "programme": "supervision", "sampling_basis": "targeted",
        "coverage": "complete", "sampled_on": dt.date(2024, 4, 30), "division_code": "330782105",
        "verdict": "pass", **more,
    }  # fmt: skip


def acceptance(project: str, **more: Any) -> dict[str, Any]:
    return {
        "source_id": "a", "project_no": project, "attempt": 1, "domain": "construction",
        "programme": "acceptance", "sampling_basis": "census", "accepted_on": FIRST, **more,
    }  # fmt: skip


def home_in(folder: Path) -> Home:
    """A home in which every table that rows of samples read, but do not come from, is empty."""
    home = Home(folder)
    read = {table for model in FOLLOWING.values() for table in inputs(model)}
    for table in read & load_models().keys() - FOLLOWING.keys():
        empty = pl.DataFrame(schema=contract_of(table, load_models()).polars_schema())
        write_parquet(empty, home.model_file(table))
    return home


def receive(home: Home, number: int, night: Night) -> None:
    """Put one night's rows in the lake; what belongs to no sample stands instead of what did."""
    received = FIRST + dt.timedelta(days=number)
    where = {"delivery_id": f"d{number}", "received_on": received, "source_row": 2}
    for table, rows in night.items():
        schema = contract_of(table, load_models()).polars_schema()
        frame = pl.DataFrame([{**row, **where} for row in rows], schema=schema)
        if table in SAMPLE_RECORDS:
            write_partition(home, table, "a", received, frame)
        else:
            write_parquet(frame, home.model_file(table))


def work(home: Home, wanted: Iterable[str] = FOLLOWING) -> dict[str, pl.DataFrame]:
    """Bring results up to date; their rows."""
    for model in models_behind([*wanted]):
        if model.table in FOLLOWING and isinstance(model, SqlModel):
            with connect(RESOURCES) as con:
                refresh_model(con, model, home)
    with connect(RESOURCES) as con:
        return {table: since.result(con, home, table).order("ALL").pl() for table in wanted}


def publish(home: Home, minute: int = 0) -> dict[str, tuple[int, str]]:
    """Publish what follows samples; table → rows and fingerprint."""
    contracts = {name: model.contract for name, model in FOLLOWING.items()}
    tables = [table for table in published_tables(home, contracts, None) if table.in_order]
    moment = dt.datetime(2024, 6, 1, 3, minute, tzinfo=dt.UTC)
    build_release(home, tables=tables, as_of=None, built_at=moment, code_version="v1")
    assert verify_release(home.release_file) == []
    with duckdb.connect(str(home.release_file), read_only=True) as con:
        rows = con.execute("FROM meta.release_table ORDER BY table_name").fetchall()
    return {name: (size, fingerprint) for name, size, fingerprint in rows}
