"""Writing the lake's Parquet tables: cast to their contract, one partition at a time."""

import datetime as dt
import filecmp
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar, cast

import duckdb
import polars as pl
import pyarrow.parquet as pq
from pydantic import ValidationError

from warehouse.contract import Model, record_contracts
from warehouse.home import Home
from warehouse.sql import literal

Note = TypeVar("Note", bound=Model)

ABANDONED_AFTER_SECONDS = 24 * 3600
# The lowest level gives files as small as any, of texts that are mostly written once; nobody looks
# for single values, which is what the filters would be for.
# Version 2 of the format knows encodings that are read in four fifths of the time.
COMPRESSION: Final = "zstd"
PARQUET = (
    f"FORMAT parquet, PARQUET_VERSION v2, COMPRESSION {COMPRESSION}, COMPRESSION_LEVEL 1, "
    "WRITE_BLOOM_FILTER false"
)


@contextmanager
def written_whole(path: Path, *, stays_if_same: bool = False) -> Iterator[Path]:
    """A path to write to; who reads `path` sees the old file or the new one, never half of one.

    Where it `stays_if_same`, a file that comes out as it was is left untouched, and so is what was
    made of it: files are told by name, size and time of writing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.writing")
    try:
        yield aside
        if not (stays_if_same and path.is_file() and filecmp.cmp(aside, path, shallow=False)):
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what killed runs left of files that they were writing, once it is older than a day."""
    for path in folder.rglob(".*.writing"):
        if _is_abandoned(path):
            path.unlink(missing_ok=True)


def _is_abandoned(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > ABANDONED_AFTER_SECONDS
    except FileNotFoundError:
        return False


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame, whole or not at all."""
    with written_whole(path) as aside:
        frame.write_parquet(aside, compression=COMPRESSION)


def write_query(
    con: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    values: Mapping[str, object] | None = None,
) -> None:
    """Write the rows of a SELECT to a Parquet file as they come, within the connection's memory.

    Args:
        con: connection to work with.
        query: the SELECT.
        path: file to write, at once: see `written_whole`.
        values: parameters of the query. `con.sql` with parameters would hold all rows in memory,
            beyond any limit of DuckDB.
    """
    con.execute(_copy(query, path), values)


def write_relation(rows: duckdb.DuckDBPyRelation, path: Path) -> None:
    """Write a relation as `write_query` does: its own writer knows no level of compression.

    It is written through a temporary view of the connection, which the next one replaces.
    """
    rows.query("rows_to_write", _copy("FROM rows_to_write", path))


def _copy(query: str, path: Path) -> str:
    return f"COPY (\n{query}\n) TO {literal(str(path))} ({PARQUET})"


def write_text(text: str, path: Path) -> None:
    """Write a small file, whole or not at all."""
    with written_whole(path) as aside:
        aside.write_text(text, "utf-8")


def read_note(kind: type[Note], path: Path) -> Note | None:
    """What a small file of ours tells; None where there is none, or other code wrote it.

    A night asks hundreds of times for some dozens, and each is only ever replaced whole: it is read
    again when it is another file than the one that was read.
    """
    try:
        found = path.stat()
        note = _read_note(kind, path, (found.st_ino, found.st_size, found.st_mtime_ns))
    except (FileNotFoundError, ValidationError):
        return None
    return cast("Note", note)


@lru_cache(maxsize=256)
def _read_note(kind: type[Model], path: Path, _file: tuple[int, int, int]) -> Model:
    return kind.model_validate_json(path.read_text("utf-8"))


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


@contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """A hidden folder for work in progress, removed at the end.

    A run that is killed leaves its folder; those of the same name that are older than a day are
    removed, so that runs killed night after night do not fill the disk.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for path in parent.glob(f".{name}-*"):
        if _is_abandoned(path):
            shutil.rmtree(path, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{name}-") as folder:
        yield Path(folder)


def row_count(path: Path) -> int:
    """Rows of a Parquet file, from its footer."""
    return int(pq.read_metadata(path).num_rows)
