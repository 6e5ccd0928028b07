"""What the machine has, or the container that this process runs in: memory and processors.

Limits stand in the control groups of the process and of those around them, version 1 or 2
(https://docs.kernel.org/admin-guide/cgroup-v2.html, …/cgroup-v1/memory.html).
"""

import gc
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# Under this, memory that DuckDB has freed but its allocator has kept is missed elsewhere.
SHORT = 4 * 1024**3
_PAIR = 2  # "quota period"


def memory_bytes(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> int:
    """Memory that this process may use: the machine's, or the least of its groups' limits."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for folder in _folders(groups, membership, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limits += [int(word) for word in _words(folder / name) if word.isdigit()]
    return min(limits)


def return_memory_where_it_is_short(
    environment: MutableMapping[str, str] = os.environ,
    groups: Path = GROUPS,
    membership: Path = MEMBERSHIP,
) -> None:
    """In a small container, let DuckDB's allocator return what is freed at once.

    It is jemalloc, which keeps freed pages for a while and, in threads that are idle, for good:
    up to the whole limit of DuckDB beside what is in use. It reads its options when DuckDB is
    loaded (https://jemalloc.net/jemalloc.3.html, dirty_decay_ms). Reading and writing Parquet
    takes a quarter more processor time with it, so that machines with memory go without.
    """
    if memory_bytes(groups, membership) < SHORT:
        environment.setdefault("DUCKDB_JE_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")


def look_for_garbage_seldom() -> None:
    """Let Python look less often for objects that nobody uses but each other.

    Left to itself it looks through all that is loaded, Dagster and Great Expectations too, every
    some thousand objects: a sixteenth of the processor's time of a small night.
    """
    if not gc.get_freeze_count():
        gc.freeze()  # what is loaded stays
        gc.set_threshold(200_000, 20, 20)
    gc.enable()


def load_without_looking_for_garbage() -> None:
    """Let Python load what a night needs without looking for garbage in it, a fifth of the time.

    Until `look_for_garbage_seldom`, which what takes long begins with.
    """
    gc.disable()


def cores(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> int:
    """Processors that this process may use, at least one."""
    limits = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1]
    for folder in _folders(groups, membership, "cpu"):
        quota = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(quota) == _PAIR and all(word.isdigit() for word in quota):
            limits.append(int(quota[0]) // int(quota[1]))
    return max(1, min(limits))


def _folders(groups: Path, membership: Path, controller: str) -> Iterator[Path]:
    """Folders of the groups of this process, and of those that they lie in, of both versions.

    In a container, the path may be that of the host, and the folder of the container the root.
    """
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = groups / controller if controllers else groups
        inside = root / path.lstrip("/")
        yield from (inside, *(parent for parent in inside.parents if parent.is_relative_to(root)))


def _words(path: Path) -> list[str]:
    return _read(path).split()


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError:
        return ""
