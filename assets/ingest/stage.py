"""Staging: the deliveries of one source read, reshaped and laid side by side in DuckDB.

Every staged row has text columns and the place that it came from. Rows that never become records
(titles, blanks, rows that do not fit the header) are kept as `ignored` and `structural`.
"""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from assets.ingest.mapping import PROVENANCE, referenced_columns
from assets.ingest.reshape import Reshaped, reshape_delivery
from warehouse.errors import DeliveryError, printable
from warehouse.home import Home
from warehouse.source import Source
from warehouse.sql import identifier

IGNORED = {
    "delivery_id": pl.String(),
    "source_sheet": pl.String(),
    "source_row": pl.Int64(),
    "reason": pl.String(),
}
STRUCTURAL = {
    "delivery_id": pl.String(),
    "source_sheet": pl.String(),
    "source_row": pl.Int64(),
    "rule_id": pl.String(),
    "column_name": pl.String(),
    "value_text": pl.String(),
    "message": pl.String(),
}
CONTROL_TOTALS = {
    "delivery_id": pl.String(),
    "source_sheet": pl.String(),
    "source_row": pl.Int64(),
    "label": pl.String(),
    "detail_sheet": pl.String(),
    "stated": pl.Int64(),
    "counted": pl.Int64(),
}


@dataclass(frozen=True)
class Delivery:
    """One delivery to be read: its row of `meta.delivery`, as far as staging needs it."""

    delivery_id: str
    received_on: dt.date
    sequence: int
    file_name: str


@dataclass
class Staged:
    """What staging found, delivery by delivery; frames are read when they are written or loaded."""

    tables: dict[str, list[pl.LazyFrame]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    unmapped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: list[pl.LazyFrame] = field(default_factory=list)
    structural: list[pl.LazyFrame] = field(default_factory=list)
    control_totals: list[pl.LazyFrame] = field(default_factory=list)


def stage(home: Home, source: Source, deliveries: Iterable[Delivery]) -> Staged:
    """Reshape the raw grids of deliveries into text rows, delivery by delivery.

    Lookup tables come first, so that a row finds the siblings that were received up to its day.

    Args:
        home: holds the raw grids and earlier lookups.
        source: how to read them.
        deliveries: in order of arrival.

    Returns:
        Rows by table, failures by delivery (a file that does not fit the source), and the rows
        that were left out or did not fit.
    """
    staged = Staged()
    lookups = {name for name, table in source.tables.items() if table.lookup}
    in_order = sorted(deliveries, key=lambda each: not _only_lookups(source, each, lookups))
    for delivery in in_order:
        raw = home.raw_file(source.source_id, delivery.received_on, delivery.delivery_id)
        known = {
            name: _lookup_rows(home, source, name, staged, delivery.received_on) for name in lookups
        }
        try:
            reshaped = reshape_delivery(
                raw, source=source, file_name=delivery.file_name, lookups=known
            )
        except DeliveryError as error:
            staged.failures[delivery.delivery_id] = _naming_file(delivery, str(error))
        else:
            _keep(staged, source, delivery, reshaped)
    return staged


def _naming_file(delivery: Delivery, message: str) -> str:
    name = printable(delivery.file_name)
    return message if name in message else f"file '{name}': {message}"


def _only_lookups(source: Source, delivery: Delivery, lookups: set[str]) -> bool:
    patterns = [source.tables[name].files for name in lookups]
    return any(pattern and re.search(pattern, delivery.file_name) for pattern in patterns)


def _keep(staged: Staged, source: Source, delivery: Delivery, reshaped: Reshaped) -> None:
    for name, rows in reshaped.tables.items():
        present = set(rows.columns)
        staged.tables.setdefault(name, []).append(
            rows.rows.select(
                pl.lit(delivery.delivery_id).alias("delivery_id"),
                pl.lit(delivery.received_on).alias("received_on"),
                pl.lit(delivery.sequence, pl.Int64).alias("sequence"),
                pl.col("source_sheet").fill_null(""),
                pl.col("source_row").cast(pl.Int64),
                pl.col("part").cast(pl.Int64),
                *(
                    pl.col(column) if column in present else pl.lit(None, pl.String).alias(column)
                    for column in needed_columns(source, name)
                ),
            )
        )
    for frames, rows_without_record, schema in (
        (staged.ignored, reshaped.ignored, IGNORED),
        (staged.structural, reshaped.rejected, STRUCTURAL),
        (staged.control_totals, reshaped.control_totals.lazy(), CONTROL_TOTALS),
    ):
        named = rows_without_record.with_columns(delivery_id=pl.lit(delivery.delivery_id))
        frames.append(
            named.select(pl.col(name).cast(kind) for name, kind in schema.items()).with_columns(
                # Sheets of formats that have none are ''.
                pl.col("source_sheet").fill_null("")
            )
        )
    staged.unmapped[delivery.delivery_id] = tuple(
        dict.fromkeys(name for names in reshaped.unmapped.values() for name in names)
    )


def needed_columns(source: Source, table_name: str) -> tuple[str, ...]:
    """Delivered columns that records read, or that joins take from a lookup, first-named first."""
    table = source.tables[table_name]
    read = [name for record in table.records.values() for name in referenced_columns(record)]
    read += table.lookup
    for other in source.tables.values():
        for step in other.reshape:
            if step.join is not None and step.join.table == table_name:
                read += [*step.join.on.values(), *step.join.columns]
    return tuple(dict.fromkeys(read))


def _lookup_rows(
    home: Home, source: Source, table: str, staged: Staged, day: dt.date
) -> pl.LazyFrame:
    """A lookup table as known on `day`: of each key the row received last."""
    earlier = home.partition_files(f"lookup.{table}", source_id=source.source_id, as_of=day)
    key = list(source.tables[table].lookup)
    frames = [
        *(pl.scan_parquet(path, hive_partitioning=False) for path in earlier),
        *staged.tables.get(table, []),
    ]
    if not frames:
        return pl.LazyFrame(schema=dict.fromkeys(key, pl.String()))
    rows = pl.concat(frames, how="diagonal").filter(pl.col("received_on") <= day)
    return rows.sort("received_on", "sequence", "source_row").unique(key, keep="last")


def load_staged(
    con: duckdb.DuckDBPyConnection, source: Source, staged: Staged, folder: Path
) -> None:
    """Create the batch's relations in DuckDB.

    `staged_<table>` (views over Parquet files in `folder`, which the caller removes), `ignored`,
    `structural`, `control_totals`.
    """
    for name in source.tables:
        frames = staged.tables.get(name)
        if frames:
            paths = [folder / f"{name}-{number}.parquet" for number in range(len(frames))]
            pl.collect_all(
                frame.sink_parquet(path, compression="lz4", lazy=True)
                for frame, path in zip(frames, paths, strict=True)
            )
            con.read_parquet([str(path) for path in paths]).create_view(f"staged_{name}")
        else:
            texts = "".join(f", {identifier(c)} VARCHAR" for c in needed_columns(source, name))
            view = identifier(f"staged_{name}")
            con.execute(f"CREATE TABLE {view} ({provenance_ddl()}{texts})")
    for name, frames, schema in (
        ("ignored", staged.ignored, IGNORED),
        ("structural", staged.structural, STRUCTURAL),
        ("control_totals", staged.control_totals, CONTROL_TOTALS),
    ):
        frame = pl.concat(pl.collect_all(frames)) if frames else pl.DataFrame(schema=schema)
        con.register("frame", frame)
        con.execute(f"CREATE TABLE {identifier(name)} AS FROM frame")
        con.unregister("frame")


def provenance_ddl() -> str:
    """Column definitions of `PROVENANCE` for an empty table."""
    kinds = {"received_on": "DATE", "sequence": "BIGINT", "source_row": "BIGINT", "part": "BIGINT"}
    return ", ".join(f"{name} {kinds.get(name, 'VARCHAR')}" for name in PROVENANCE)
