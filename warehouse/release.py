"""The release: one DuckDB file, built aside, verified, then swapped in with one rename.

Analysts open `release/samplehouse.duckdb`. A build never opens that file: it writes its own file
beside it and renames it into place, so a reader keeps the release that it has open, never waits
and never blocks a build. A build that fails or dies leaves the last good release.
"""

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import duckdb

from warehouse.connection import Resources, open_file
from warehouse.contract import Contract, record_contracts
from warehouse.dictionary import (
    PUBLISHED_RECORD_TABLES,
    RELEASE_TABLES,
    comment_statements,
    dictionary_frame,
    published_contract,
    reference_contracts,
)
from warehouse.engine.model import load_models
from warehouse.engine.run import contract_sql
from warehouse.engine.since import since
from warehouse.errors import BlockedError, ConfigurationError
from warehouse.fingerprint import RowSum, declared_columns, fingerprint_of, row_sum
from warehouse.home import INCOMING_SCOPE, Home
from warehouse.reference_lists import CODES_DIR
from warehouse.reference_tables import definition_tables
from warehouse.release_check import check_release
from warehouse.release_contents import free_share, keep_contents
from warehouse.release_store import Release, publish, read_release, release_lock, remove_aside
from warehouse.release_tables import PublishedTable, made_of, start, write_tables
from warehouse.release_views import create_views, drop_views, view_fingerprints
from warehouse.sql import qualified

# What is written anew each time; the dictionary stays where it is the same.
DESCRIPTION = tuple(name for name in RELEASE_TABLES if name != "meta.data_dictionary")


def published_tables(
    home: Home, models: Mapping[str, Contract], as_of: dt.date | None
) -> list[PublishedTable]:
    """What a release consists of, by table name.

    Args:
        home: where record partitions, check results and results of models lie.
        models: contracts of the models that were run, by table; `latest.*` is published as
            `core.*`, `fact.*` and `mart.*` as they are, other schemas stay inside.
        as_of: last day of receipt that counts, the day with which the models were run.

    Raises:
        BlockedError: a model has no result.
        ConfigurationError: a code list is not described, or two tables have one name.
    """
    records = record_contracts()
    tables = [
        *_model_tables(home, models),
        *(
            PublishedTable(records[table], _record_files(home, table, as_of))
            for table in PUBLISHED_RECORD_TABLES
        ),
        *(
            PublishedTable(contract, (CODES_DIR / f"{contract.name}.csv",))
            for contract in reference_contracts()
        ),
        *(PublishedTable(table.contract, (), table.rows) for table in definition_tables().values()),
    ]
    return sorted(tables, key=lambda table: table.contract.table)


def _model_tables(home: Home, models: Mapping[str, Contract]) -> list[PublishedTable]:
    tables, known = [], load_models()
    for name, model in models.items():
        contract = published_contract(model)
        if contract is None:
            continue
        made = known.get(name)
        if contract.is_view and made is not None:
            tables.append(PublishedTable(contract, (), query=contract_sql(made)))
            continue
        path = home.model_file(name)
        if not path.is_file():
            raise BlockedError(f"the model {name} has no result to publish; run the models first")
        tables.append(
            PublishedTable(
                contract,
                (path,),
                in_order=True,
                in_any_order=made is not None and made.follows is not None,
                since=since(home, name),
            )
        )
    return tables


def _record_files(home: Home, table: str, as_of: dt.date | None) -> tuple[Path, ...]:
    if table != "meta.check_result":
        return tuple(home.partition_files(table, as_of=as_of))
    kept = home.lake / "check_result"
    found = sorted(kept.glob("**/*.parquet"))
    # Of incoming rows those of the last batch are kept, of which the past knows nothing.
    left_out = None if as_of is None else kept / INCOMING_SCOPE
    return tuple(path for path in found if left_out is None or not path.is_relative_to(left_out))


def build_release(  # noqa: PLR0913 - by name only: what a release says of itself
    home: Home,
    *,
    tables: Sequence[PublishedTable],
    as_of: dt.date | None,
    built_at: dt.datetime,
    code_version: str,
    macros: Sequence[str] = (),
    resources: Resources | None = None,
) -> Release:
    """Build, verify and publish a release; readers see the old one until it is complete.

    The file is written beside the published one, checked through a fresh connection against
    contracts and inputs, kept under its id, and renamed over the published file.

    Two builds from the same inputs and code are equal table by table: compare them with
    `release_compare.compare_releases`, or by the `fingerprint` of `meta.release`. Only the
    columns of `fingerprint.RUN_DEPENDENT_COLUMNS` differ.

    Args:
        home: where the release is published.
        tables: contents; `meta.release*` and `meta.data_dictionary` are added.
        as_of: last day of receipt that counts, None for everything received.
        built_at: moment of the build, with its time zone.
        code_version: see `fingerprint.code_version`.
        macros: statements that create table macros, see `release_macros.macro_statements`.
        resources: what DuckDB may use; this machine's by default.

    Raises:
        BlockedError: a table cannot be built or the file is not as expected; nothing changed.
        SamplehouseError: another build is running.
    """
    _no_name_twice(tables)
    contracts = [
        *(table.contract for table in tables),
        *(record_contracts()[name] for name in RELEASE_TABLES),
    ]
    views = {each.contract.table: each.query for each in tables if each.query is not None}
    tables = [*(each for each in tables if each.query is None), _dictionary(contracts)]
    made_by = makers(code_version)
    with release_lock(home), _aside_file(home) as aside:
        now = {table.contract.table: made_of(home, table) for table in tables}
        before = start(home, now, made_by, aside)
        try:
            with open_file(aside, resources) as con:
                _remove_description(con)
                drop_views(con)
                written = write_tables(con, home, tables, now, before)
                sums = {name: table.held.row_sum for name, table in written.items()}
                sums["meta.release_input"] = _write_inputs(con)
                create_views(con, views)
            with open_file(aside, resources) as con:  # see view_fingerprints
                _write_description(con, sums, contracts, as_of, built_at, code_version)
                stay = {name for name, table in written.items() if table.change != "all"}
                _write_comments(con, [c for c in contracts if c.table not in stay])
                _write_macros(con, macros)
                con.execute("CHECKPOINT")
                free = free_share(con)
        except duckdb.Error as error:
            raise BlockedError(
                f"the release cannot be written, and the last one stays: {error}"
            ) from error
        check_release(aside, contracts, written, resources)
        published = publish(home, aside, read_release(aside))
        keep_contents(home, made_by, free, {name: table.held for name, table in written.items()})
        return published


def makers(code_version: str) -> str:
    """Code and DuckDB by which a release is made."""
    return f"{code_version}, DuckDB {duckdb.__version__}"


def _remove_description(con: duckdb.DuckDBPyConnection) -> None:
    """What the release says of itself is written anew, in a copy of the last one too."""
    for table in DESCRIPTION:
        con.execute(f"DROP TABLE IF EXISTS {qualified(table)}")


def _no_name_twice(tables: Sequence[PublishedTable]) -> None:
    names = [*(table.contract.table for table in tables), *RELEASE_TABLES]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(
            f"several tables would be published under one name: {', '.join(repeated)}; rename one"
        )


@contextmanager
def _aside_file(home: Home) -> Iterator[Path]:
    """A path for the file being built; nothing of it, or of a build that died, remains."""
    remove_aside(home)
    try:
        yield home.release_file.with_name(f".building-{os.getpid()}.duckdb")
    finally:
        remove_aside(home)


def _dictionary(contracts: Sequence[Contract]) -> PublishedTable:
    rows = dictionary_frame(sorted(contracts, key=lambda contract: contract.table))
    return PublishedTable(record_contracts()["meta.data_dictionary"], (), rows)


def _write_inputs(con: duckdb.DuckDBPyConnection) -> RowSum:
    contract = record_contracts()["meta.release_input"]
    con.execute(contract.empty_table_sql())
    has_deliveries = "FROM duckdb_tables() WHERE schema_name = 'meta' AND table_name = 'delivery'"
    if con.execute(has_deliveries).fetchall():
        columns = ", ".join(contract.column_names)
        con.execute(
            f"INSERT INTO meta.release_input FROM meta.delivery SELECT {columns} "
            "ORDER BY delivery_id"
        )
    return row_sum(con.sql(f"FROM {qualified(contract.table)}"), contract.table)


def _write_description(
    con: duckdb.DuckDBPyConnection,
    sums: Mapping[str, RowSum],
    contracts: Sequence[Contract],
    as_of: dt.date | None,
    built_at: dt.datetime,
    code_version: str,
) -> None:
    """Fill meta.release_table, then the one row of meta.release."""
    columns = {contract.table: declared_columns(contract) for contract in contracts}
    (database,) = con.execute("SELECT current_database()").fetchall()[0]
    views = [(name, None, found) for name, found in view_fingerprints(con, database).items()]
    of_tables = [
        (name, found.rows, fingerprint_of(columns[name], found)) for name, found in sums.items()
    ]
    fingerprints = sorted([*of_tables, *views])
    records = record_contracts()
    con.execute(records["meta.release_table"].empty_table_sql())
    con.begin()  # one transaction: as for comments
    con.executemany("INSERT INTO meta.release_table VALUES (?, ?, ?)", fingerprints)
    con.commit()

    fingerprint = sha256(repr(fingerprints).encode()).hexdigest()[:32]
    moment = built_at.astimezone(dt.UTC)
    (inputs,) = con.execute("FROM meta.release_input SELECT count(*)").fetchall()[0]
    con.execute(records["meta.release"].empty_table_sql())
    con.execute(
        "INSERT INTO meta.release VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            f"{moment:%Y%m%dT%H%M%SZ}-{fingerprint[:8]}",
            as_of,
            moment.replace(tzinfo=None),
            code_version,
            duckdb.__version__,
            inputs,
            len(fingerprints),
            fingerprint,
        ],
    )


def _write_comments(con: duckdb.DuckDBPyConnection, contracts: Sequence[Contract]) -> None:
    con.begin()  # one transaction: a flush to disk for each of hundreds of comments is slow
    for contract in contracts:
        for statement in comment_statements(contract):
            con.execute(statement)
    con.commit()


def _write_macros(con: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    con.begin()  # as for comments
    for statement in statements:
        con.execute(statement)
    con.commit()
