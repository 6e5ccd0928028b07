"""Writing the lake's Parquet tables: cast to their contract, one partition at a time."""

import datetime as dt
from pathlib import Path

import polars as pl

from warehouse.contract import record_contracts
from warehouse.home import Home


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame so that a reader sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".writing")
    frame.write_parquet(aside, compression="zstd")
    aside.replace(path)


def write_partition(
    home: Home, table: str, source_id: str, received_on: dt.date, frame: pl.DataFrame
) -> None:
    """Replace one source's rows of one day; a partition without rows has no file."""
    path = home.partition_file(table, source_id, received_on)
    if frame.is_empty():
        path.unlink(missing_ok=True)
        return
    schema = record_contracts()[table].polars_schema()
    write_parquet(frame.select(pl.col(name).cast(kind) for name, kind in schema.items()), path)
