"""One command as a whole process: wall time, and the peak memory of it and all its children."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY_SECONDS = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measured:
    """A run: seconds of wall time, GiB at its peak, exit code."""

    seconds: float
    peak_gib: float
    exit_code: int


def measure(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
) -> Measured:
    """Run a command and wait for it; its output goes to `log`."""
    with log.open("w", encoding="utf-8") as stream:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - commands of this benchmark
            list(command),
            env={**os.environ, **environment},
            cwd=folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        watch = _Watch(process.pid)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    watch.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = max(watch.peak_bytes, usage.ru_maxrss * 1024)
    return Measured(seconds, peak / 2**30, process.returncode)


class _Watch(threading.Thread):
    """Samples the resident memory of a process and its descendants."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak_bytes = pid, 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident, _family(self.pid))))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for each in found:  # grows while it is walked
        try:
            children = Path(f"/proc/{each}/task/{each}/children").read_text("ascii")
        except OSError:
            continue
        found += [int(child) for child in children.split()]
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
