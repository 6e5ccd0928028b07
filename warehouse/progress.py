"""Progress of long builds: which stage runs, how many rows it took, how fast.

A stage that takes a while is announced to the log when it ends, and every one is kept as a line of
JSON where a file was named::

    with stage("read", "national_feed") as work:
        work.rows = read(...)

The command line prints the log, and Dagster keeps it among a run's events (`dagster.yaml`).
"""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LOG = logging.getLogger("samplehouse.progress")
StageName = Literal["read", "parse", "check", "write", "model", "statistics", "release"]

_TOLD_FROM_SECONDS = 1.0  # shorter stages go to the file and the debug log only


@dataclass
class Stage:
    """A stage at work.

    Attributes:
        name: one of the parts into which a night's time is told apart.
        what: source, table or statement that is worked on.
        rows: rows taken, where they are known when it ends.
        seconds: wall time, once it has ended.
    """

    name: StageName
    what: str
    rows: int | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        text = f"{self.name} {self.what}: {self.seconds:.1f} s"
        if self.rows is None:
            return text
        return f"{text}, {self.rows:,} rows, {self.rows / max(self.seconds, 1e-3):,.0f} rows/s"


_kept_in: Path | None = None


def keep_stages_in(path: Path | None) -> None:
    """Append every stage to a file of JSON lines from now on; None stops it."""
    global _kept_in  # noqa: PLW0603 - one process builds one night
    _kept_in = path


@contextmanager
def stage(name: StageName, what: str, rows: int | None = None) -> Iterator[Stage]:
    """Time what happens inside, and tell of it when it ends without an error."""
    work = Stage(name, what, rows)
    LOG.debug("%s %s …", name, what)
    started = time.perf_counter()
    yield work
    work.seconds = time.perf_counter() - started
    LOG.log(logging.INFO if work.seconds >= _TOLD_FROM_SECONDS else logging.DEBUG, "%s", work)
    if _kept_in is not None:
        line = {"stage": name, "what": what, "rows": work.rows, "seconds": round(work.seconds, 6)}
        with _kept_in.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
