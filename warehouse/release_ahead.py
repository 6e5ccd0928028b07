"""The copy that a release starts from, made while a night is still at its tables.

To copy a file of some gigabytes takes seconds, in which nothing is computed. A night that will
publish therefore copies the published file ahead, beside its other work, and the release takes the
copy if it is whole and of the file that is published then; otherwise it copies for itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from warehouse.contract import Model
from warehouse.files import copy_file, flush_file
from warehouse.home import Home
from warehouse.release_contents import published_contents
from warehouse.tables import read_note, write_text


class CopyOf(Model):
    """What a finished copy is a copy of: the published file, by name, size and time of writing."""

    file: str


@contextmanager
def copied_ahead(home: Home, made_by: str) -> Iterator[None]:
    """Copy the published release while something else is done; no copy is left at the end.

    Args:
        home: where the release lies.
        made_by: code and DuckDB of this night; a release of others is written from nothing.
    """
    _remove(home)
    copying = Thread(target=_copy, args=(home,), name="copy of the release", daemon=True)
    if published_contents(home, made_by) is not None:
        copying.start()
    try:
        yield
    finally:
        if copying.ident is not None:
            copying.join()
        _remove(home)


def take_copy(home: Home, aside: Path) -> None:
    """Make `aside` a copy of the published release: the one made ahead, where it is whole."""
    found = read_note(CopyOf, _note(home))
    if found is not None and found.file == home.line(home.release_file):
        with suppress(FileNotFoundError):  # another run took it
            _note(home).unlink()
            _ahead(home).replace(aside)
            return
    copy_file(home.release_file, aside)


def leave_copy(home: Home) -> None:
    """Remove a copy that was made ahead, where a release is written from nothing."""
    with suppress(FileNotFoundError):
        _note(home).unlink()  # not while it is being made: its end waits for that
        _ahead(home).unlink()


def _copy(home: Home) -> None:
    try:
        of = home.line(home.release_file)
        copy_file(home.release_file, _ahead(home))
        flush_file(_ahead(home))  # else the release waits for all of it when it is published
        write_text(CopyOf(file=of).model_dump_json(), _note(home))
    except OSError:  # a full disk: what is left of it is for the tables, and the release says so
        _remove(home)


def _remove(home: Home) -> None:
    for path in (_note(home), _ahead(home)):  # the note first: it vouches for the copy
        path.unlink(missing_ok=True)


def _ahead(home: Home) -> Path:
    return home.release_file.with_name(".ahead.duckdb")


def _note(home: Home) -> Path:
    return home.release_file.with_name(".ahead.json")
