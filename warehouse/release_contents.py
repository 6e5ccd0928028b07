"""What a release was made of, noted beside it, so that the next one can start from a copy of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import duckdb

from warehouse.contract import Model
from warehouse.fingerprint import RowSum
from warehouse.home import Home
from warehouse.tables import read_note, write_text

# The share of a file that may hold nothing, where tables were written anew in a copy. The next
# night writes there again; beyond this share a release is written from nothing.
MOST_FREE = 0.5
Change = Literal["none", "touched", "added", "all"]


class MadeOf(Model):
    """What a table of a release is made of.

    Attributes:
        declared: digest of the contract, and of rows that come from definitions.
        files: the files of its rows: name → name, size and time of writing.
        new: for a result that follows its samples, the partition files that touched samples since.
        rows: the file of the rows that stand instead; they change without a new sample where some
            belong to none.
    """

    declared: str
    files: dict[str, str]
    new: dict[str, str] | None = None
    rows: str | None = None

    def change(self, was: "MadeOf | None") -> Change:
        """What is to be done to a table that was made otherwise.

        Returns:
            `none`; `touched` where rows of touched samples are to be replaced, because all samples
            that were touched then are touched now, of the same whole; `added` where only files
            came to those that there were; else `all`.
        """
        if was == self:
            return "none"
        if was is None or was.declared != self.declared:
            return "all"
        if self.new is not None:
            follows = was.files == self.files and (was.new or {}).items() <= self.new.items()
            return "touched" if follows else "all"
        grows = was.new is None and was.files and was.files.items() < self.files.items()
        return "added" if grows else "all"


class Held(Model):
    """A table of the published file: what it was made of, its rows and the sum of their hashes."""

    made_of: MadeOf
    rows: int
    hashes: int

    @property
    def row_sum(self) -> RowSum:
        """Both numbers, as they are added up."""
        return RowSum(self.rows, self.hashes)


class Contents(Model):
    """What the published file holds, kept beside it; of another file it says nothing.

    Attributes:
        file: the published file, by name, size and time of writing.
        made_by: code and DuckDB.
        free: share of the file that holds nothing.
        tables: all that comes from the lake or from definitions.
    """

    file: str
    made_by: str
    free: float
    tables: dict[str, Held]


def keep_contents(home: Home, made_by: str, free: float, tables: Mapping[str, Held]) -> None:
    """Note what the file that has just been published holds."""
    file = home.line(home.release_file)
    found = Contents(file=file, made_by=made_by, free=free, tables=dict(tables))
    write_text(found.model_dump_json(), _contents_file(home))


def published_contents(home: Home, made_by: str) -> Contents | None:
    """What the published file holds; None where it was made by other code or by other means."""
    found = read_note(Contents, _contents_file(home))
    if found is None or found.made_by != made_by or not home.release_file.is_file():
        return None
    return found if found.file == home.line(home.release_file) else None


def contents_to_start_from(home: Home, made_by: str, now: Mapping[str, MadeOf]) -> Contents | None:
    """What the published file holds, where a release of `now` is to start from a copy of it.

    Returns:
        None where it is to be written from nothing: the file was made by other code or by other
        means, half of it holds nothing, or most rows are to be written anew.
    """
    found = published_contents(home, made_by)
    if found is None:
        return None
    stay = sum(
        held.rows
        for name, held in found.tables.items()
        if name in now and now[name].change(held.made_of) != "all"
    )
    all_rows = sum(held.rows for held in found.tables.values())
    return found if found.free <= MOST_FREE and 2 * stay >= all_rows else None


def free_share(con: duckdb.DuckDBPyConnection) -> float:
    """Share of the blocks of a connection's file that hold nothing, after a checkpoint."""
    query = (
        "FROM pragma_database_size() SELECT free_blocks, total_blocks "
        "WHERE database_name = current_database()"
    )
    free, total = con.execute(query).fetchall()[0]
    return free / total if total else 0.0


def _contents_file(home: Home) -> Path:
    return home.release_file.with_name("contents.json")
