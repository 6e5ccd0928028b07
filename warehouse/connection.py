"""DuckDB with the machine's resources: the one place where limits are set."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path

import duckdb

_CGROUP = Path("/sys/fs/cgroup")
_GIBIBYTE = 1024**3
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
    def of_machine(cls, temp_directory: Path | None = None) -> "Resources":
        """All cores and 70 % of the memory of this machine, or of its container's limits."""
        memory = min(_physical_memory(), _container_memory())
        return cls(cores(), int(memory * 0.7), temp_directory)


def cores() -> int:
    """Processors that this process may use, in its container."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    quota = _read(_CGROUP / "cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():  # noqa: PLR2004 - "quota period"
        available = min(available, max(1, int(quota[0]) // int(quota[1])))
    return max(1, available)


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _container_memory() -> int:
    limit = _read(_CGROUP / "memory.max").strip()
    return int(limit) if limit.isdigit() else 1 << 62


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError:
        return ""


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


@lru_cache(maxsize=2)
def _opened(resources: Resources) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": resources.threads,
        "memory_limit": f"{max(resources.memory_bytes // _GIBIBYTE, 1)}GiB",
    }
    if resources.temp_directory is not None:
        resources.temp_directory.mkdir(parents=True, exist_ok=True)
        config["temp_directory"] = str(resources.temp_directory)
    return duckdb.connect(config=config)
