"""Published and kept releases: the swap, the list, the way back, the pruning."""

import datetime as dt
import fcntl
import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from warehouse.connection import open_file
from warehouse.errors import SamplehouseError
from warehouse.files import flush_file
from warehouse.home import Home


@dataclass(frozen=True)
class Release:
    """One release as `meta.release` in its file describes it; `built_at` is in UTC."""

    path: Path
    release_id: str
    as_of: dt.date | None
    built_at: dt.datetime
    code_version: str
    duckdb_version: str
    inputs: int
    tables: int
    fingerprint: str
    current: bool = False


def read_release(path: Path) -> Release:
    """The release in a file.

    Raises:
        SamplehouseError: the file is no release, or another program has it open for writing.
    """
    query = (
        "FROM meta.release SELECT release_id, as_of, built_at, code_version, duckdb_version, "
        "inputs, tables, fingerprint"
    )
    try:
        with open_file(path, read_only=True) as con:
            row = con.execute(query).fetchall()[0]
    except (duckdb.Error, IndexError) as error:
        raise SamplehouseError(
            f"{path.name} cannot be read as a release; if another program has it open for "
            f"writing, close it there or open it read-only: {error}"
        ) from error
    release = Release(path, *row)
    return replace(release, built_at=release.built_at.replace(tzinfo=dt.UTC))


def list_releases(home: Home) -> list[Release]:
    """Kept releases, oldest first; the published one is marked `current`."""
    paths = sorted(home.kept_releases.glob("*.duckdb"))
    current = _current(home, paths)
    return [replace(read_release(path), current=path == current) for path in paths]


def rollback(home: Home, release_id: str) -> Release:
    """Publish a kept release again; readers keep what they have open.

    Raises:
        SamplehouseError: there is no such release, its file is damaged, or a build is running.
    """
    with release_lock(home):
        path = kept_file(home, release_id)
        release = read_release(path)
        remove_aside(home)
        _place(home, path, home.release_file)
    return replace(release, current=True)


def keep_last(home: Home, count: int) -> list[str]:
    """Delete kept releases but the newest `count` and the published one; returns their ids.

    Raises:
        SamplehouseError: `count` is below 1, or a build is running.
    """
    if count < 1:
        raise SamplehouseError(f"at least one release must be kept, not {count}")
    with release_lock(home):
        paths = sorted(home.kept_releases.glob("*.duckdb"))
        current = _current(home, paths)
        doomed = [path for path in paths[:-count] if path != current]
        for path in doomed:
            path.unlink()
    return [path.stem for path in doomed]


def kept_file(home: Home, release_id: str) -> Path:
    """File of a kept release.

    Raises:
        SamplehouseError: there is none; the message lists those there are.
    """
    known = {path.stem: path for path in sorted(home.kept_releases.glob("*.duckdb"))}
    if release_id not in known:
        raise SamplehouseError(
            f"there is no kept release '{release_id}'; kept are: {', '.join(known) or 'none'}"
        )
    return known[release_id]


def publish(home: Home, aside: Path, release: Release) -> Release:
    """Keep a finished file under its id and make it the published one.

    Both names are hard links to one file where the file system has them. The file is made
    read-only: a client that opened it for writing would lock every other reader out.
    """
    aside.chmod(0o444)
    flush_file(aside)
    home.kept_releases.mkdir(parents=True, exist_ok=True)
    kept = home.kept_releases / f"{release.release_id}.duckdb"
    _place(home, aside, kept)
    _place(home, aside, home.release_file)
    return replace(release, path=kept, current=True)


@contextmanager
def release_lock(home: Home) -> Iterator[None]:
    """Hold the right to change releases; it ends with the process, however that ends.

    Raises:
        SamplehouseError: another process holds it.
    """
    folder = home.release_file.parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise SamplehouseError(
                f"process {file.read().strip() or 'unknown'} is changing the release just now; "
                "wait until it is done, then try again"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def remove_aside(home: Home) -> None:
    """Delete what a build left beside the release; call it under the lock."""
    for path in home.release_file.parent.glob(".building-*"):
        if path.is_dir():
            shutil.rmtree(path)  # DuckDB's spill folder
        else:
            path.unlink()


def _current(home: Home, kept: list[Path]) -> Path | None:
    """The kept file that is published: the same file, or an equal one where links are copies."""
    published = home.release_file
    if not published.is_file():
        return None
    linked = [path for path in kept if path.samefile(published)]
    equal = linked or [path for path in kept if filecmp.cmp(path, published, shallow=False)]
    return equal[0] if equal else None


def _place(home: Home, source: Path, target: Path) -> None:
    """Give `target` the content of `source` in one step, replacing what was there."""
    temporary = home.release_file.with_name(f".building-{os.getpid()}-{target.name}")
    try:
        os.link(source, temporary)
    except OSError:  # a file system without hard links
        shutil.copy(source, temporary)
        flush_file(temporary)
    temporary.replace(target)
    temporary.unlink(
        missing_ok=True
    )  # renaming one link over another of the same file does nothing
    flush_file(target.parent)
