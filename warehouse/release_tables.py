"""Tables of a release: what each is made of, and how it comes into the file.

A night brings few rows, so a release may start from a copy of the last one: tables that are made
of the same files stay, in results that follow their samples the rows of touched samples are
replaced, and every other table is made anew. The file is verified in the same way in any case.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from warehouse import progress
from warehouse.contract import Contract
from warehouse.engine.follows import of_touched
from warehouse.engine.since import Since, rows_of
from warehouse.engine.stamp import digest
from warehouse.errors import BlockedError
from warehouse.fingerprint import RowSum, row_sum
from warehouse.home import Home
from warehouse.release_ahead import leave_copy, take_copy
from warehouse.release_contents import Change, Held, MadeOf, contents_to_start_from
from warehouse.sql import identifier, qualified
from warehouse.tables import row_count

# Up to so many rows are read by their places alone; more are found sooner among all rows.
FEW_PLACES = 5000
NO_CHECKPOINT = "1TB"  # of a write-ahead log, which is not reached


@dataclass(frozen=True)
class PublishedTable:
    """A table of the release: its contract under its published name, and where its rows lie.

    `files` are Parquet files, or CSV for code lists; `rows` stand instead of files for tables of
    definitions. A table without either is published empty. `in_order` files are published in the
    order of their rows, as results of models are, and those `in_any_order` as they come; `since`
    stands instead of a part of the one file. A view has a `query` instead of all this.
    """

    contract: Contract
    files: tuple[Path, ...]
    rows: pl.DataFrame | None = None
    in_order: bool = False
    in_any_order: bool = False
    since: Since | None = None
    query: str | None = None

    @property
    def all_files(self) -> tuple[Path, ...]:
        """Every file that the rows come from."""
        return (*self.files, *((self.since.touched, self.since.rows) if self.since else ()))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read."""
        return not self.files and self.rows is None


@dataclass(frozen=True)
class Written:
    """A table as it stands in the file.

    Attributes:
        held: what is noted of it beside the release.
        change: what was done to it.
        inserted: files of the rows that came into a table that was there.
        found_by: columns of the key by which those rows are looked for; all others of the key are
            compared among what is found.
        instead: what the inserted rows stand instead of, where that was deleted before.
    """

    held: Held
    change: Change
    inserted: tuple[Path, ...] = ()
    found_by: tuple[str, ...] = ()
    instead: Since | None = None

    @property
    def rows_written(self) -> int:
        """Rows that came into the file."""
        return self.held.rows if self.change == "all" else sum(map(row_count, self.inserted))


def made_of(home: Home, table: PublishedTable) -> MadeOf:
    """What a table is to be made of."""
    defined = [] if table.rows is None else [repr(table.rows.rows())]
    declared = digest([table.contract.model_dump_json(), *defined])
    files = {home.name(path): home.line(path) for path in table.files}
    if table.since is None:
        return MadeOf(declared=declared, files=files)
    rows = home.line(table.since.rows)
    return MadeOf(declared=declared, files=files, new=dict(table.since.new), rows=rows)


def start(home: Home, now: Mapping[str, MadeOf], made_by: str, aside: Path) -> Mapping[str, Held]:
    """Start the file `aside` as a copy of the published one, where that saves work.

    Returns:
        What the copy holds; nothing where the file is to be written from nothing.
    """
    found = contents_to_start_from(home, made_by, now)
    if found is None:
        leave_copy(home)
        return {}
    take_copy(home, aside)
    return found.tables


def write_tables(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    tables: Sequence[PublishedTable],
    now: Mapping[str, MadeOf],
    before: Mapping[str, Held],
) -> dict[str, Written]:
    """Bring tables into the file, or up to date in a copy of the last release.

    Args:
        con: connection to the file.
        home: where the files of the tables lie.
        tables: all that is published of the lake and of definitions.
        now: what each is to be made of, by name.
        before: what the copy holds, see `start`; nothing for a new file.

    Raises:
        BlockedError: a table cannot be built from its files.
    """
    kept = {
        name: held
        for name, held in before.items()
        if name in now and now[name].change(held.made_of) != "all"
    }
    _make_room(con, sorted(before.keys() - kept.keys()))
    if kept:
        # A few rows of many tables change: one checkpoint, when the file is closed, writes what
        # they share once.
        con.execute(f"SET checkpoint_threshold = '{NO_CHECKPOINT}'")
    written = {}
    for table in sorted(tables, key=lambda table: table.contract.table):
        name = table.contract.table
        with _told(table.contract):
            if name in kept:
                written[name] = _bring_up_to_date(con, home, table, now[name], kept[name])
            else:
                written[name] = _write_all(con, table, now[name])
        progress.took(written[name].rows_written)
    return written


def _make_room(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Drop what is written anew or not published any more, all of it before anything is written.

    Only after a checkpoint is written again where it stood, so that the file does not grow.
    """
    if names:
        con.begin()
        for name in names:
            con.execute(f"DROP TABLE {qualified(name)}")
        con.commit()
        con.execute("CHECKPOINT")


def _write_all(con: duckdb.DuckDBPyConnection, table: PublishedTable, made: MadeOf) -> Written:
    write_anew(con, table)
    name = table.contract.table
    found = row_sum(con.sql(f"FROM {qualified(name)}"), name)
    return Written(Held(made_of=made, rows=_count(table), hashes=found.hashes), "all")


def _bring_up_to_date(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    table: PublishedTable,
    made: MadeOf,
    held: Held,
) -> Written:
    """Replace rows of touched samples, or add rows of files that came; the sum follows."""
    change = made.change(held.made_of)
    files: tuple[Path, ...] = ()
    gone, came = RowSum(), RowSum()
    con.begin()
    if change == "touched" and table.since is not None:
        files = (table.since.rows,)
        gone = _take_out(con, table.contract, table.since)
    elif change == "added":
        files = tuple(f for f in table.files if home.name(f) not in held.made_of.files)
    if files:
        rows = _read(con, files).project(table.contract.cast_sql())
        came = row_sum(rows, table.contract.table)
        rows.insert_into(table.contract.table)
    con.commit()
    total = held.row_sum - gone + came
    rows_in_all = total.rows if table.since is None else table.since.size
    found = Held(made_of=made, rows=rows_in_all, hashes=total.hashes)
    return Written(found, change, files, _found_by(table), table.since)


def _take_out(con: duckdb.DuckDBPyConnection, contract: Contract, part: Since) -> RowSum:
    """Delete what rows of `part` stand instead of; what those rows added to the sum.

    They are looked for once, by the columns by which they are told, and then found by their place:
    `DELETE … RETURNING` would read all columns of all rows, by one thread.
    """
    place = qualified(contract.table)
    con.read_parquet(str(part.touched)).create_view("touched")
    which = [f"SEMI JOIN touched ON {of_touched('result', part.follows)}"]
    if part.follows.has_other_kinds:
        which.append("WHERE unit_kind <> 'sample'")
    found = " UNION ".join(f"SELECT rowid AS place FROM {place} AS result {each}" for each in which)
    con.execute(f"CREATE TEMP TABLE gone AS {found}")
    con.execute(f"SET dynamic_or_filter_threshold = {FEW_PLACES:d}")
    gone = row_sum(
        con.sql(f"FROM {place} AS result SEMI JOIN gone ON result.rowid = gone.place"),
        contract.table,
    )
    con.execute("RESET dynamic_or_filter_threshold")
    con.execute(f"DELETE FROM {place} WHERE rowid IN (FROM gone)")
    con.execute("DROP TABLE gone")
    con.execute("DROP VIEW touched")
    return gone


def _found_by(table: PublishedTable) -> tuple[str, ...]:
    """Columns of the key that tell samples apart, where it has them: they are few and narrow."""
    key = table.contract.key
    if table.since is not None:
        sample = tuple(table.since.follows.columns.values())
        if set(sample) <= set(key):
            return sample
    return key


def _count(table: PublishedTable) -> int:
    """Rows that the files of a table hold, counted apart from the file that was written."""
    if table.rows is not None:
        return table.rows.height
    if table.since is not None:
        return table.since.size
    return sum(map(_count_file, table.files))


def _count_file(path: Path) -> int:
    if path.suffix == ".csv":
        return pl.read_csv(path, infer_schema=False).height
    return row_count(path)


def write_anew(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """Write a table into a file that holds none of its name."""
    contract = table.contract
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(contract.schema_name)}")
    if table.is_empty:
        con.execute(contract.empty_table_sql())
        return
    # Streams from the files and sorts on disk where memory is short.
    rows = _rows(con, table).project(contract.cast_sql())
    if table.in_any_order:
        # To keep an order, DuckDB writes what several threads read twice, and leaves the first
        # writing in the file.
        con.execute("SET preserve_insertion_order = false")
        rows.create(contract.table)
        con.execute("RESET preserve_insertion_order")
        return
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
    return _read(con, files)


def _read(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> duckdb.DuckDBPyRelation:
    return con.read_parquet([str(path) for path in files], hive_partitioning=False)
