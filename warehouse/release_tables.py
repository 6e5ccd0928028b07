"""Tables of a release: what each is made of, and how it comes into the file.

A night brings few rows, so a release may start from a copy of the last one: tables that are made
of the same files stay, in results that follow their samples the rows of touched samples are
replaced, and every other table is made anew. The file is verified in the same way in any case.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from warehouse.contract import Contract, Model
from warehouse.engine.since import Since, of_touched, rows_of
from warehouse.engine.stamp import digest, file_line
from warehouse.errors import BlockedError
from warehouse.home import Home
from warehouse.sql import identifier, qualified
from warehouse.tables import row_count, write_text


@dataclass(frozen=True)
class PublishedTable:
    """A table of the release: its contract under its published name, and where its rows lie.

    `files` are Parquet files, or CSV for code lists; `rows` stand instead of files for tables of
    definitions. A table without either is published empty. `in_order` files are published in the
    order of their rows, as results of models are; `since` stands instead of a part of the one file.
    """

    contract: Contract
    files: tuple[Path, ...]
    rows: pl.DataFrame | None = None
    in_order: bool = False
    since: Since | None = None

    @property
    def all_files(self) -> tuple[Path, ...]:
        """Every file that the rows come from."""
        return (*self.files, *((self.since.touched, self.since.rows) if self.since else ()))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read."""
        return not self.files and self.rows is None


class MadeOf(Model):
    """What a table of a release was made of.

    Attributes:
        whole: digest of the contract and of the files, by name, size and time of writing.
        new: for a result that follows its samples, the partition files that touched samples since.
        rows: the file of the rows that stand instead; they change without a new sample where some
            belong to none.
    """

    whole: str
    new: dict[str, str] | None = None
    rows: str | None = None


class Contents(Model):
    """What the published file was made of, kept beside it; of another file it says nothing."""

    file: str
    made_by: str
    tables: dict[str, MadeOf]


def made_of(home: Home, table: PublishedTable) -> MadeOf:
    """What a table is to be made of."""
    files = (file_line(home, path) for path in table.files)
    whole = digest([table.contract.model_dump_json(), *files])
    if table.since is None:
        return MadeOf(whole=whole)
    return MadeOf(whole=whole, new=dict(table.since.new), rows=file_line(home, table.since.rows))


def keep_contents(home: Home, tables: Sequence[PublishedTable], made_by: str) -> None:
    """Note what the file that has just been published was made of."""
    found = Contents(
        file=file_line(home, home.release_file),
        made_by=made_by,
        tables={table.contract.table: made_of(home, table) for table in tables},
    )
    write_text(found.model_dump_json(), _contents_file(home))


def start(
    home: Home, tables: Sequence[PublishedTable], made_by: str, aside: Path
) -> Contents | None:
    """Start the file `aside` as a copy of the published one, where that saves work.

    Returns:
        What the copy was made of; None where the file is to be written from nothing: no result
        follows its samples, or the published file was made by other code or by other means.
    """
    if not any(table.since for table in tables) or not _contents_file(home).is_file():
        return None
    found = Contents.model_validate_json(_contents_file(home).read_text("utf-8"))
    if found.made_by != made_by or found.file != file_line(home, home.release_file):
        return None
    shutil.copyfile(home.release_file, aside)
    return found


def write_tables(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    tables: Sequence[PublishedTable],
    before: Contents | None,
) -> list[str]:
    """Bring tables into the file, or up to date in a copy of the last release.

    Args:
        con: connection to the file.
        home: where the files of the tables lie.
        tables: all that is published of the lake and of definitions.
        before: what the copy was made of, see `start`; None for a new file.

    Returns:
        Names of the tables that were made anew.

    Raises:
        BlockedError: a table cannot be built from its files.
    """
    known = before.tables if before else {}
    made = []
    for table in sorted(tables, key=lambda table: table.contract.table):
        was, now = known.get(table.contract.table), made_of(home, table)
        with _told(table.contract):
            if was == now:
                continue
            if was is not None and table.since is not None and _follows(was, now):
                _replace_touched(con, table.contract, table.since)
            else:
                write_anew(con, table)
                made.append(table.contract.table)
    return made


def count_rows(tables: Sequence[PublishedTable]) -> dict[str, int]:
    """Table → rows that its files hold, counted apart from the file that was written."""
    return {table.contract.table: _count(table) for table in tables}


def _count(table: PublishedTable) -> int:
    if table.rows is not None:
        return table.rows.height
    if table.since is not None:
        with duckdb.connect() as con:
            return int(_rows(con, table).aggregate("count(*)").fetchall()[0][0])
    return sum(map(_count_file, table.files))


def _count_file(path: Path) -> int:
    if path.suffix == ".csv":
        return pl.read_csv(path, infer_schema=False).height
    return row_count(path)


def _follows(was: MadeOf, now: MadeOf) -> bool:
    """Whether all samples that were touched then are touched now, of the same whole."""
    return was.whole == now.whole and (was.new or {}).items() <= (now.new or {}).items()


def _replace_touched(con: duckdb.DuckDBPyConnection, contract: Contract, part: Since) -> None:
    place, of_sample = qualified(contract.table), of_touched("result", part.by_sample)
    con.read_parquet(str(part.touched)).create_view("touched")
    con.begin()
    if part.by_sample.has_other_kinds:
        con.execute(f"DELETE FROM {place} WHERE unit_kind <> 'sample'")
    con.execute(f"DELETE FROM {place} AS result USING touched WHERE {of_sample}")
    con.read_parquet(str(part.rows)).project(contract.cast_sql()).insert_into(contract.table)
    con.commit()
    con.execute("DROP VIEW touched")


def write_anew(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """Write a table into the file, instead of one of its name that may be there."""
    contract = table.contract
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(contract.schema_name)}")
    con.execute(f"DROP TABLE IF EXISTS {qualified(contract.table)}")
    if table.is_empty:
        con.execute(contract.empty_table_sql())
        return
    # Streams from the files and sorts on disk where memory is short.
    rows = _rows(con, table).project(contract.cast_sql())
    rows = rows if table.in_order else rows.order(_order(contract))
    rows.create(contract.table)


@contextmanager
def _told(contract: Contract) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise BlockedError(
            f"{contract.table} cannot be built from its files by its contract, and the last "
            f"release stays: {str(error).splitlines()[0]}"
        ) from error


def _order(contract: Contract) -> str:
    return ", ".join(map(identifier, contract.key or contract.column_names))


def _rows(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> duckdb.DuckDBPyRelation:
    if table.rows is not None:
        return con.from_arrow(table.rows.to_arrow())
    files = table.files
    if files[0].suffix == ".csv":
        frames = [pl.read_csv(path, infer_schema=False) for path in files]
        return con.from_arrow(pl.concat(frames).to_arrow())
    if table.since is not None:
        return rows_of(con, files[0], table.since)
    return con.read_parquet([str(path) for path in files], hive_partitioning=False)


def _contents_file(home: Home) -> Path:
    return home.release_file.with_name("contents.json")
