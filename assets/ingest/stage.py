"""Staging: the deliveries of one batch, laid side by side in DuckDB as rows of text.

Every staged row has its place (`row_id`, see `place`), `part` (which of the records that stand in
one source row) and text columns. Plain text files are read where they lie (`plain`); all others are
reshaped one by one (`reshape`). Rows that never become records (titles, blanks, rows that do not
fit the header) are kept as `ignored` and `structural`.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from assets.ingest.mapping import referenced_columns
from assets.ingest.place import MAX_SHEETS, install_places, place
from assets.ingest.plain import PlainFile, PlainGroup, load_plain, plain_groups
from assets.ingest.reshape import Reshaped, reshape_delivery
from warehouse.errors import DeliveryError, printable
from warehouse.home import Home
from warehouse.source import FileKind, Source
from warehouse.sql import identifier

IGNORED = {"row_id": pl.Int64(), "reason": pl.String()}
STRUCTURAL = {
    "row_id": pl.Int64(),
    "rule_id": pl.String(),
    "column_name": pl.String(),
    "value_text": pl.String(),
    "message": pl.String(),
}
CONTROL_TOTALS = {
    "row_id": pl.Int64(),
    "label": pl.String(),
    "detail_sheet": pl.String(),
    "stated": pl.Int64(),
    "counted": pl.Int64(),
}
_SHEETLESS: frozenset[FileKind] = frozenset({"csv", "tsv", "json", "parquet"})


@dataclass(frozen=True)
class Delivery:
    """One delivery to be read: its row of `meta.delivery`, as far as staging needs it."""

    delivery_id: str
    received_on: dt.date
    sequence: int
    file_name: str
    raw: Path


@dataclass
class Staged:
    """What staging found; frames are read when they are loaded.

    Attributes:
        deliveries: in order of arrival; a delivery's number is its place in this list.
        sheets: names of the sheets of each; `[""]` where it has none.
        plain: files that are read where they lie.
        tables: reshaped rows by table.
        failures: delivery → why it does not fit the source.
        unmapped: delivery → columns that the source says nothing of.
        ignored, structural, control_totals: rows that hold no record.
    """

    deliveries: Sequence[Delivery]
    sheets: list[list[str]]
    plain: list[PlainGroup] = field(default_factory=list)
    tables: dict[str, list[pl.LazyFrame]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    unmapped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: list[pl.LazyFrame] = field(default_factory=list)
    structural: list[pl.LazyFrame] = field(default_factory=list)
    control_totals: list[pl.LazyFrame] = field(default_factory=list)


def stage(home: Home, source: Source, deliveries: Sequence[Delivery]) -> Staged:
    """Find out how each delivery of a batch is read, and reshape what is not plain.

    Lookup tables come first, so that a row finds the siblings that were received up to its day.

    Args:
        home: holds earlier lookups.
        source: how to read them.
        deliveries: in order of arrival.
    """
    staged = Staged(deliveries, [_sheets(source, each) for each in deliveries])
    files = [PlainFile(n, each.file_name, each.raw) for n, each in enumerate(deliveries)]
    needed = {name: needed_columns(source, name) for name in source.tables}
    staged.plain = plain_groups(source, files, needed)
    numbers = {file.number: group for group in staged.plain for file, _ in group.files}
    for number, group in numbers.items():
        staged.unmapped[deliveries[number].delivery_id] = group.unmapped
    others = [number for number in range(len(deliveries)) if number not in numbers]
    lookups = {name for name, table in source.tables.items() if table.lookup}
    others.sort(key=lambda number: not _only_lookups(source, deliveries[number], lookups))
    for number in others:
        _reshape(home, source, staged, number, lookups)
    return staged


def _sheets(source: Source, delivery: Delivery) -> list[str]:
    if source.format.kind in _SHEETLESS:
        return [""]
    grid = pl.scan_parquet(delivery.raw, glob=False).select("source_sheet")
    names = grid.unique(maintain_order=True).collect()["source_sheet"].fill_null("")
    return names.to_list() or [""]


def _reshape(home: Home, source: Source, staged: Staged, number: int, lookups: set[str]) -> None:
    delivery = staged.deliveries[number]
    known = {
        name: _lookup_rows(home, source, name, staged, delivery.received_on) for name in lookups
    }
    try:
        _refuse_too_many(staged.sheets[number])
        reshaped = reshape_delivery(
            delivery.raw, source=source, file_name=delivery.file_name, lookups=known
        )
    except DeliveryError as error:
        staged.failures[delivery.delivery_id] = _naming_file(delivery, str(error))
    else:
        _keep(staged, source, number, reshaped)


def _refuse_too_many(sheets: Sequence[str]) -> None:
    if len(sheets) > MAX_SHEETS:
        raise DeliveryError(
            f"the workbook has {len(sheets):,} sheets, more than {MAX_SHEETS:,}; divide it into "
            "several files"
        )


def _naming_file(delivery: Delivery, message: str) -> str:
    name = printable(delivery.file_name)
    return message if name in message else f"file '{name}': {message}"


def _only_lookups(source: Source, delivery: Delivery, lookups: set[str]) -> bool:
    patterns = [source.tables[name].files for name in lookups]
    return any(pattern and re.search(pattern, delivery.file_name) for pattern in patterns)


def _keep(staged: Staged, source: Source, number: int, reshaped: Reshaped) -> None:
    delivery = staged.deliveries[number]
    located = place(number, staged.sheets[number]).alias("row_id")
    for name, rows in reshaped.tables.items():
        present = set(rows.columns)
        columns = [
            pl.col(column) if column in present else pl.lit(None, pl.String).alias(column)
            for column in needed_columns(source, name)
        ]
        of_lookup = (
            # What later deliveries need to know of it, see `_lookup_rows`.
            pl.lit(delivery.received_on).alias("received_on"),
            pl.lit(delivery.sequence, pl.Int64).alias("sequence"),
            pl.col("source_row").cast(pl.Int64),
        )
        staged.tables.setdefault(name, []).append(
            rows.rows.select(
                located,
                pl.col("part").cast(pl.Int64),
                *(of_lookup if source.tables[name].lookup else ()),
                *columns,
            )
        )
    for frames, rows_without_record, schema in (
        (staged.ignored, reshaped.ignored, IGNORED),
        (staged.structural, reshaped.rejected, STRUCTURAL),
        (staged.control_totals, reshaped.control_totals.lazy(), CONTROL_TOTALS),
    ):
        placed = rows_without_record.with_columns(located)
        frames.append(placed.select(pl.col(name).cast(kind) for name, kind in schema.items()))
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

    `staged_<table>` (row_id, part, text columns; views over Parquet files, those in `folder` are
    removed by the caller), `ignored`, `structural`, `control_totals`; and places become readable.
    """
    schema = {"delivery_id": pl.String, "received_on": pl.Date, "sequence": pl.Int64}
    rows = [(each.delivery_id, each.received_on, each.sequence) for each in staged.deliveries]
    install_places(con, pl.DataFrame(rows, schema=schema, orient="row"), staged.sheets)
    for name, frames, kinds in (
        ("ignored", staged.ignored, IGNORED),
        ("structural", staged.structural, STRUCTURAL),
        ("control_totals", staged.control_totals, CONTROL_TOTALS),
    ):
        frame = pl.concat(pl.collect_all(frames)) if frames else pl.DataFrame(schema=kinds)
        con.register("frame", frame)
        con.execute(f"CREATE TABLE {identifier(name)} AS FROM frame")
        con.unregister("frame")
    selects: dict[str, list[str]] = {name: [] for name in source.tables}
    for number, group in enumerate(staged.plain):
        columns = needed_columns(source, group.table_name)
        select = load_plain(con, group, number, columns, source.missing)
        selects[group.table_name].append(select)
    for name, frames in staged.tables.items():
        selects[name].append(_reshaped(con, name, frames, needed_columns(source, name), folder))
    for name, parts in selects.items():
        rows_of_table = " UNION ALL ".join(parts) or _no_rows(needed_columns(source, name))
        con.execute(f"CREATE VIEW {identifier(f'staged_{name}')} AS {rows_of_table}")


def _reshaped(
    con: duckdb.DuckDBPyConnection,
    name: str,
    frames: Sequence[pl.LazyFrame],
    columns: Sequence[str],
    folder: Path,
) -> str:
    paths = [folder / f"{name}-{number}.parquet" for number in range(len(frames))]
    pl.collect_all(
        frame.sink_parquet(path, compression="lz4", lazy=True)
        for frame, path in zip(frames, paths, strict=True)
    )
    view = f"reshaped_{name}"
    con.read_parquet([str(path) for path in paths]).create_view(view)
    texts = "".join(f", {identifier(column)}" for column in columns)
    return f"SELECT row_id, part{texts} FROM {identifier(view)}"


def _no_rows(columns: Sequence[str]) -> str:
    texts = "".join(f", CAST(NULL AS VARCHAR) AS {identifier(column)}" for column in columns)
    return f"SELECT CAST(0 AS BIGINT) AS row_id, CAST(1 AS BIGINT) AS part{texts} LIMIT 0"
