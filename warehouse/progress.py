"""Progress of long builds: which stage runs, how many rows it took, how fast.

A stage that takes a while is told to the log every now and then, and when it ends; and every one is
kept as a line of JSON where a file was named::

    with stage("read", "national_feed") as work:
        work.rows = read(...)

What works in pieces says `took` after each of them instead.
The command line prints the log, and Dagster keeps it among a run's events (`dagster.yaml`).
"""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Literal

LOG = logging.getLogger("samplehouse.progress")
LOG.setLevel(logging.INFO)  # else handlers, such as Dagster's, are given warnings only
StageName = Literal["read", "parse", "check", "write", "model", "statistics", "release"]

_TOLD_FROM_SECONDS = 1.0  # shorter stages go to the file and the debug log only
_TOLD_EVERY_SECONDS = 15.0


@dataclass
class Stage:
    """A stage at work.

    Attributes:
        name: one of the parts into which a night's time is told apart.
        what: source, table or statement that is worked on.
        rows: rows taken so far, where they are known.
        seconds: wall time, once it has ended.
        peak_mib: memory of the process at its highest during the stage, where Linux tells and
            stages are kept in a file.
    """

    name: StageName
    what: str
    rows: int | None = None
    seconds: float = 0.0
    peak_mib: int | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.what}: {self.seconds:.1f} s{self._rate(self.seconds)}"

    def so_far(self, seconds: float) -> str:
        """What is told of it while it is at work."""
        return f"{self.name} {self.what}: {seconds:.0f} s so far{self._rate(seconds)}"

    def _rate(self, seconds: float) -> str:
        if self.rows is None:
            return ""
        return f", {self.rows:,} rows, {self.rows / max(seconds, 1e-3):,.0f} rows/s"


_kept_in: Path | None = None
_at_work: ContextVar[Stage | None] = ContextVar("stage at work", default=None)


def keep_stages_in(path: Path | None) -> None:
    """Append every stage to a file of JSON lines from now on; None stops it."""
    global _kept_in  # noqa: PLW0603 - one process builds one night
    _kept_in = path


@contextmanager
def stage(name: StageName, what: str, rows: int | None = None) -> Iterator[Stage]:
    """Time what happens inside; tell of it meanwhile, and when it ends without an error."""
    work = Stage(name, what, rows)
    LOG.debug("%s %s …", name, what)
    if _kept_in is not None:
        _forget_peak()
    started = time.perf_counter()
    with _told_meanwhile(work, started):
        before = _at_work.set(work)
        try:
            yield work
        finally:
            _at_work.reset(before)
    work.seconds = time.perf_counter() - started
    LOG.log(logging.INFO if work.seconds >= _TOLD_FROM_SECONDS else logging.DEBUG, "%s", work)
    if _kept_in is not None:
        work.peak_mib = _peak_mib()
        line = {
            "stage": name,
            "what": what,
            "rows": work.rows,
            "seconds": round(work.seconds, 6),
            "peak_mib": work.peak_mib,
        }
        with _kept_in.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def took(rows: int) -> None:
    """Add to the rows of the stage at work, where there is one."""
    if (work := _at_work.get()) is not None:
        work.rows = (work.rows or 0) + rows


@contextmanager
def _told_meanwhile(work: Stage, started: float) -> Iterator[None]:
    done = Event()

    def tell() -> None:
        while not done.wait(_TOLD_EVERY_SECONDS):
            LOG.info("%s", work.so_far(time.perf_counter() - started))

    teller = Thread(target=tell, name=f"progress of {work.what}", daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _forget_peak() -> None:
    """Let the kernel count the peak of resident memory anew (proc(5), clear_refs)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def _peak_mib() -> int | None:
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return None
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(peak.split()[1]) // 1024 if peak else None  # it is told in KiB
