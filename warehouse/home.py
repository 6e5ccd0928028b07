"""Where things lie: the folders under `SAMPLEHOUSE_HOME` and what is kept in each.

landing/<source>/<received_on>/<file>                      as received, never changed
lake/raw/<source>/<received_on>/<delivery_id>.parquet      every cell as text
lake/<schema>/<table>/source_id=…/received_on=…/part.parquet   record versions, deliveries
lake/check_result/<scope>.parquet                          outcomes of checks
lake/models/<schema>/<table>.parquet                       results of models, see engine.since
release/samplehouse.duckdb                                 what analysts open
release/kept/<release_id>.duckdb                           releases to compare with or go back to
docs/                                                      Data Docs of Great Expectations
dagster/                                                   the Dagster instance
"""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.contract import Contract, record_contracts
from warehouse.sql import identifier, literal, qualified

# First part of the scopes of checks of rows as they come in; see `check_result_file`.
INCOMING_SCOPE = "incoming"


@dataclass(frozen=True)
class Home:
    """The folders of one Samplehouse; nothing is created before it is needed."""

    root: Path

    @property
    def landing(self) -> Path:
        """Files as received."""
        return self.root / "landing"

    @property
    def lake(self) -> Path:
        """Parquet tables that assets exchange."""
        return self.root / "lake"

    @property
    def release_file(self) -> Path:
        """The published DuckDB file."""
        return self.root / "release" / "samplehouse.duckdb"

    @property
    def kept_releases(self) -> Path:
        """Earlier releases, one file each."""
        return self.root / "release" / "kept"

    @property
    def docs(self) -> Path:
        """Data Docs, a folder of static pages."""
        return self.root / "docs"

    @property
    def dagster(self) -> Path:
        """`DAGSTER_HOME` of this Samplehouse."""
        return self.root / "dagster"

    def landing_day(self, source_id: str, received_on: dt.date) -> Path:
        """Folder of the files of one source and day."""
        return self.landing / source_id / received_on.isoformat()

    def raw_file(self, source_id: str, received_on: dt.date, delivery_id: str) -> Path:
        """Parquet with every cell of one delivery as text."""
        return self.lake / "raw" / source_id / received_on.isoformat() / f"{delivery_id}.parquet"

    def table_folder(self, table: str) -> Path:
        """Folder of the partitions of a record table (`schema.name`)."""
        schema, name = table.split(".")
        return self.lake / schema / name

    def partition_file(self, table: str, source_id: str, received_on: dt.date) -> Path:
        """Parquet with one table's rows (`schema.name`) of one source and day."""
        return (
            self.table_folder(table)
            / f"source_id={source_id}"
            / f"received_on={received_on.isoformat()}"
            / "part.parquet"
        )

    def partition_files(
        self, table: str, *, source_id: str = "*", as_of: dt.date | None = None
    ) -> list[Path]:
        """All partition files of a table, oldest first; up to and with `as_of` where given."""
        places = self._partition_places(table, source_id, as_of)
        return [Path(path) for path in places if os.path.exists(path)]  # noqa: PTH110 - as below

    def partition_lines(self, table: str, as_of: dt.date | None = None) -> dict[str, str]:
        """Name in the home of each partition file of a table → its line, as `line` has it."""
        found = {}
        for path in self._partition_places(table, "*", as_of):
            with suppress(FileNotFoundError):
                name = path.removeprefix(f"{self.root}/")
                found[name] = _line(name, os.stat(path))  # noqa: PTH116 - as below
        return found

    def _partition_places(self, table: str, source_id: str, as_of: dt.date | None) -> Iterator[str]:
        """Where partition files of a table may lie, oldest first.

        A night asks dozens of times for thousands of files: hence texts, which take a third of the
        time of paths.
        """
        folder = str(self.table_folder(table))
        sources = _names(folder, "source_id=") if source_id == "*" else [f"source_id={source_id}"]
        last = None if as_of is None else f"received_on={as_of.isoformat()}"
        for source in sources:
            for day in _names(f"{folder}/{source}", "received_on="):
                if last is None or day <= last:
                    yield f"{folder}/{source}/{day}/part.parquet"

    def last_day(self, table: str, as_of: dt.date | None = None) -> dt.date | None:
        """The last day, up to and with `as_of` where given, of which a table has a partition."""
        found = self._partition_places(table, "*", as_of)
        by_day = sorted(found, key=lambda path: path.split("/")[-2], reverse=True)
        for path in by_day:
            if os.path.exists(path):  # noqa: PTH110 - as above
                return dt.date.fromisoformat(path.split("/")[-2].removeprefix("received_on="))
        return None

    def name(self, path: Path) -> str:
        """Name of a file in this home, the same wherever the home lies; of others, the path."""
        return str(path).removeprefix(f"{self.root}/")

    def line(self, path: Path) -> str:
        """What a file is told by: its name in the home, size and time of writing.

        So a home that is moved or copied stays as it is.
        """
        name = self.name(path)
        try:
            return _line(name, path.stat())
        except FileNotFoundError:
            return f"{name} missing"

    def check_result_file(self, scope: str) -> Path:
        """Outcomes of the checks of one scope; `/` in the scope becomes a folder."""
        return self.lake / "check_result" / f"{scope}.parquet"

    def model_file(self, table: str) -> Path:
        """Result of the SQL model `schema.name`."""
        schema, name = table.split(".")
        return self.lake / "models" / schema / f"{name}.parquet"


def _line(name: str, found: os.stat_result) -> str:
    return f"{name} {found.st_size} {found.st_mtime_ns}"


def _names(folder: str, start: str) -> list[str]:
    """What lies in a folder under a name that starts so, in order; nothing without the folder."""
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(start))  # noqa: PTH208 - names are wanted
    except (FileNotFoundError, NotADirectoryError):
        return []


def create_record_views(
    con: duckdb.DuckDBPyConnection, home: Home, as_of: dt.date | None = None
) -> None:
    """Make every record table of the lake readable as `core.…` and `meta.…`.

    A table without files becomes an empty table of its contract, so that SQL never depends on
    what has been received. With `as_of`, only deliveries received up to that day are seen.
    `meta.check_result` is left out: checks are read where they are published.
    """
    for contract in record_contracts().values():
        con.execute(f'CREATE SCHEMA IF NOT EXISTS "{contract.schema_name}"')
        if contract.table != "meta.check_result":
            create_view(con, contract, home.partition_files(contract.table, as_of=as_of))


def create_view(con: duckdb.DuckDBPyConnection, contract: Contract, files: list[Path]) -> None:
    """View `contract.table` over Parquet files, or an empty table where there are none."""
    if not files:
        con.execute(contract.empty_table_sql())
        return
    con.execute(f"CREATE VIEW {qualified(contract.table)} AS {records_query(con, contract, files)}")


def records_query(con: duckdb.DuckDBPyConnection, contract: Contract, files: list[Path]) -> str:
    """SELECT of the rows of Parquet files in the columns of a contract; of none without files."""
    if not files:
        nothing = ", ".join(f"NULL AS {identifier(name)}" for name in contract.column_names)
        return f"SELECT {contract.cast_sql()} FROM (SELECT {nothing}) WHERE false"
    # Said in one query: each further relation or view would open all the files once more.
    read = _read(files)
    # Files written before a column was added to the contract have none of it. Where the last file
    # has every column, the others need not be opened to know.
    absent = _absent(con, contract, _read(files[-1:])) and _absent(con, contract, read)
    every = ", ".join(["*", *(f"NULL AS {identifier(name)}" for name in absent)])
    return f"SELECT {contract.cast_sql()} FROM (SELECT {every} FROM {read})"


def _absent(con: duckdb.DuckDBPyConnection, contract: Contract, read: str) -> list[str]:
    """Columns of a contract that files have not."""
    held = con.sql(f"FROM {read}").columns
    return [name for name in contract.column_names if name not in held]


def _read(files: list[Path]) -> str:
    names = ", ".join(literal(str(path)) for path in files)
    return f"read_parquet([{names}], hive_partitioning = false, union_by_name = true)"
