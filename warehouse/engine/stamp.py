"""Stamps: what a result was made from, so that work whose inputs are unchanged is not done again.

A stamp is a hash over the code, the day that a build looks back from, and the stamps of everything
read. A result keeps the stamp that it was made under in a file beside it. Lake files are told by
name, size and time of writing: they are only ever replaced whole.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from warehouse.contract import record_contracts
from warehouse.engine.model import ComputedTable, SqlModel
from warehouse.engine.views import view
from warehouse.fingerprint import code_version
from warehouse.home import Home
from warehouse.plans_folder import plans_folder
from warehouse.tables import write_text


def model_stamp(home: Home, model: SqlModel | ComputedTable, as_of: dt.date | None) -> str:
    """Stamp of a model's inputs: equal stamps give equal results.

    Code lists and definitions (`ref.…`) are part of the code.
    """
    made_by = model.sql if isinstance(model, SqlModel) else model.made_by
    read = [f"{table} {input_stamp(home, table, as_of)}" for table in sorted(model.depends_on)]
    return digest([model.table, made_by, model.contract.model_dump_json(), *read])


def files_stamp(home: Home, files: Iterable[Path], *about: str) -> str:
    """Stamp of files of a home, and of what else is to be said about them; none may be missing."""
    return digest((*about, *(home.line(path) for path in files)))


def stamp_file(result: Path) -> Path:
    """Where the stamp of a result is kept."""
    return result.with_name(f"{result.name}.stamp")


def is_current(result: Path, stamp: str) -> bool:
    """Whether a result was made under a stamp."""
    kept = stamp_file(result)
    return result.is_file() and kept.is_file() and kept.read_text("ascii") == stamp


def keep_stamp(result: Path, stamp: str) -> None:
    """Say under which stamp a result was made; call it when the result is in place."""
    write_text(stamp, stamp_file(result))


def forget_stamp(result: Path) -> None:
    """A result that is about to be replaced is current no more."""
    stamp_file(result).unlink(missing_ok=True)


def loaded_code() -> str:
    """The code's version, once per process: what is loaded does not change any more."""
    return _loaded_code(plans_folder())


@cache
def _loaded_code(_plans: Path) -> str:
    return code_version()


def digest(lines: Iterable[str]) -> str:
    """Hash over lines of text and the version of the code."""
    text = "\n".join((loaded_code(), *lines))
    return hashlib.sha256(text.encode()).hexdigest()


def input_stamp(home: Home, table: str, as_of: dt.date | None) -> str:
    """Stamp of one table that a model reads."""
    if table.startswith("ref."):
        return "code"
    if table == "meta.build":  # as_of, else the last day with a delivery
        return f"{as_of or home.last_day('meta.delivery')}"
    if table in record_contracts():
        return digest(home.partition_lines(table, as_of).values())
    if (model := view(table)) is not None:
        return model_stamp(home, model, as_of)
    result = home.model_file(table)
    kept = stamp_file(result)
    # A result without a stamp was put there by other means; its file speaks for itself.
    return kept.read_text("ascii") if kept.is_file() else home.line(result)
