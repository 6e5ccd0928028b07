"""The environment, read in one place: where the data lies and how much of the machine to use.

Every setting has a default that suits the machine, so that nothing needs to be set:

SAMPLEHOUSE_HOME          where data lies                   warehouse/data of the checkout
SAMPLEHOUSE_SOURCES       folders with more source YAMLs    none (several are separated by `:`)
SAMPLEHOUSE_THREADS       threads of DuckDB                 processors that this process may use
SAMPLEHOUSE_MEMORY_LIMIT  memory of DuckDB, e.g. 8GB        six tenths of what this process may use
SAMPLEHOUSE_TEMP          where DuckDB spills               tmp under the home
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import ConfigurationError
from warehouse.home import Home

PROJECT = Path(__file__).resolve().parents[1]
DEFAULT_HOME = PROJECT / "warehouse" / "data"

CGROUP = Path("/sys/fs/cgroup")
MEMORY_SHARE = 0.6  # the rest is for Polars, Python and the file cache
LEAST_MEMORY = 512 * 2**20
_MEMORY = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?)?B", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """What the environment says, with the gaps filled from the machine.

    `memory_limit` is text as DuckDB takes it, e.g. ``8GB``.
    """

    home: Home
    source_folders: tuple[Path, ...]
    threads: int
    memory_limit: str
    temp_directory: Path

    @property
    def duckdb_config(self) -> dict[str, str | int]:
        """Configuration of every DuckDB connection."""
        return {
            "threads": self.threads,
            "memory_limit": self.memory_limit,
            "temp_directory": str(self.temp_directory),
        }


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environment` (that of the process by default).

    Raises:
        ConfigurationError: a setting cannot be understood; the message names it.
    """
    env = os.environ if environment is None else environment
    home = Home(_path(env.get("SAMPLEHOUSE_HOME")) or DEFAULT_HOME)
    folders = [_path(part) for part in env.get("SAMPLEHOUSE_SOURCES", "").split(os.pathsep)]
    return Settings(
        home=home,
        source_folders=tuple(_folder(folder) for folder in folders if folder is not None),
        threads=_threads(env.get("SAMPLEHOUSE_THREADS")),
        memory_limit=_memory_limit(env.get("SAMPLEHOUSE_MEMORY_LIMIT")),
        temp_directory=_path(env.get("SAMPLEHOUSE_TEMP")) or home.root / "tmp",
    )


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser().absolute() if text and text.strip() else None


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ConfigurationError(
            f"SAMPLEHOUSE_SOURCES names {path}, which is no folder; give folders with source YAMLs, "
            f"separated by '{os.pathsep}'"
        )
    return path


def _threads(text: str | None) -> int:
    if not text:
        return available_processors()
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(
            f"SAMPLEHOUSE_THREADS is '{text}'; give a whole number of threads, at least 1"
        )
    return int(text)


def _memory_limit(text: str | None) -> str:
    if not text:
        usable = max(LEAST_MEMORY, int(available_memory() * MEMORY_SHARE))
        return f"{usable // 2**20}MiB"
    if not _MEMORY.fullmatch(text.strip()):
        raise ConfigurationError(
            f"SAMPLEHOUSE_MEMORY_LIMIT is '{text}'; give a size such as 8GB or 512MiB"
        )
    return text.strip()


def available_processors(cgroup: Path = CGROUP) -> int:
    """Processors that this process may use: its affinity, and the quota of its container."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        allowed = os.cpu_count() or 1
    quota, _, period = _first_line(cgroup / "cpu.max").partition(" ")
    if quota.isdecimal() and period.isdecimal():
        allowed = min(allowed, max(1, int(quota) // int(period)))
    return allowed


def available_memory(cgroup: Path = CGROUP) -> int:
    """Bytes of memory that this process may use: the machine's, or less in a container."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [_first_line(cgroup / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return min([memory, *(int(limit) for limit in limits if limit.isdecimal())])


def _first_line(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
