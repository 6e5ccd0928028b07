"""DuckDB with the machine's resources: the one place where limits are set."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import TypeVar

import duckdb

from warehouse.machine import cores, memory_bytes
from warehouse.progress import LOG

T = TypeVar("T")

_MEBIBYTE = 1024**2
# Beyond this DuckDB gains little by more memory: its sorts and joins spill well, and what else
# runs on a machine has a use for the rest. SAMPLEHOUSE_MEMORY_GB sets another limit.
ENOUGH = 2048 * _MEBIBYTE
# What Dagster, Polars and Great Expectations take before there is a row to work on.
PYTHON = 768 * _MEBIBYTE
# With less it cannot hold what a query has in hand.
LEAST = 256 * _MEBIBYTE
_numbers = count(1)


@dataclass(frozen=True)
class Resources:
    """What one build may use.

    Attributes:
        threads: threads of DuckDB.
        memory_bytes: memory that DuckDB may use before it spills to `temp_directory`.
        temp_directory: where it spills; beside the lake, which has the room.
    """

    threads: int
    memory_bytes: int
    temp_directory: Path | None = None

    @classmethod
    def of_machine(
        cls, temp_directory: Path | None = None, *, threads: int | None = None
    ) -> "Resources":
        """All cores, and memory as DuckDB needs it: at most `ENOUGH`, less in a small container.

        There, a third is left to what DuckDB does not count, after what Python needs.
        """
        for_duckdb = max(int((memory_bytes() - PYTHON) * 0.7), LEAST)
        return cls(threads or cores(), min(for_duckdb, ENOUGH), temp_directory)


@contextmanager
def connect(resources: Resources | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory, within the given resources (this machine's if none).

    All databases of one process and the same resources share one DuckDB, its threads and its
    memory limit. Opening a DuckDB takes ten times as long as adding a database to an open one, and
    a night works in hundreds.
    """
    shared = _opened(resources or Resources.of_machine())
    name = f"work_{next(_numbers)}"
    try:
        with shared.cursor() as con:
            con.execute(
                f"ATTACH ':memory:' AS {name}; USE {name}; "
                "SET enable_progress_bar = false; SET TimeZone = 'UTC'"
            )
            yield con
    finally:
        # By another connection: none can give up the database that it works in.
        with shared.cursor() as con:
            con.execute(f"DETACH DATABASE IF EXISTS {name}")


def within_memory(con: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Do some work; with one thread where memory is too short for several: slower, and right.

    Each thread groups for itself before what all have found is put together, and DuckDB gives up
    where that does not fit, though one thread's would.

    Args:
        con: the connection that it is done with.
        work: what to do; it is done a second time from its start.

    Raises:
        duckdb.OutOfMemoryException: it does not fit with one thread either.
    """
    try:
        return work()
    except duckdb.OutOfMemoryException:
        threads, keeps_order = con.execute(
            "SELECT current_setting('threads'), current_setting('preserve_insertion_order')"
        ).fetchall()[0]
        if threads == 1:
            raise
    LOG.info("memory is short: once more, with one thread")
    con.execute("SET threads = 1; SET preserve_insertion_order = false")
    try:
        return work()
    finally:
        con.execute(f"SET threads = {threads:d}; SET preserve_insertion_order = {keeps_order}")


def open_file(
    path: Path, resources: Resources | None = None, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file within the given resources (this machine's if none).

    A file that is only read has DuckDB's own limits where none are given: all connections of a
    process to one file have one configuration, and another may be open.
    """
    if read_only and resources is None:
        return duckdb.connect(str(path), read_only=True)
    given = resources or Resources.of_machine()
    return duckdb.connect(str(path), read_only=read_only, config=_configuration(given))


def open_apart(resources: Resources | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own in memory, within the given resources (this machine's if none).

    For work that attaches files, which every database of a shared DuckDB would see, and for
    connections that stay open.
    """
    return duckdb.connect(config=_configuration(resources or Resources.of_machine()))


@lru_cache(maxsize=2)
def _opened(resources: Resources) -> duckdb.DuckDBPyConnection:
    return open_apart(resources)


def _configuration(resources: Resources) -> dict[str, str | bool | int | float | list[str]]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": resources.threads,
        "memory_limit": f"{max(resources.memory_bytes, LEAST) // _MEBIBYTE}MiB",
    }
    if resources.temp_directory is not None:
        with suppress(OSError):  # beside a home that may only be read; what has to spill says so
            resources.temp_directory.mkdir(parents=True, exist_ok=True)
        config["temp_directory"] = str(resources.temp_directory)
    return config
