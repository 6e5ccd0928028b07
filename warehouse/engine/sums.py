"""Counts that are added up: a night counts what came in, and takes away what it stands instead of.

A model that says `adds_up` counts in groups, sample by sample (`SqlModel.adds_up` has the rule), so
its result is that of the whole results that it reads, less that of the rows in them that stand no
more, plus that of the rows that stand instead (`engine.since`). The counts of the wholes are kept,
with a note of which wholes they are of; where these, or anything else that the model reads, are
others now, they are counted anew. Groups in which samples were counted that have been touched since
stand instead, in files of their own as rows of touched samples do.
"""

import datetime as dt
import time
from collections.abc import Callable, Collection
from pathlib import Path

import duckdb

from warehouse.engine.follows import ByGroup
from warehouse.engine.model import SqlModel
from warehouse.engine.run import (
    ModelRun,
    attach_dependencies,
    attach_rows,
    check_built,
    contract_sql,
    create_result,
    run_model,
    write_result,
)
from warehouse.engine.since import (
    Kept,
    Version,
    counted_tables,
    fixed_stamp,
    instead,
    keep,
    kept,
    new_file,
    result,
    result_size,
    rows_of_touched,
    since,
)
from warehouse.engine.stood import write_stood
from warehouse.home import Home
from warehouse.sql import identifier, literal
from warehouse.tables import row_count, write_relation

Rows = Callable[[str], duckdb.DuckDBPyRelation]


def add_up(
    con: duckdb.DuckDBPyConnection, model: SqlModel, home: Home, as_of: dt.date | None = None
) -> ModelRun:
    """Bring the result of a model that adds up up to date.

    Args:
        con: a connection with nothing attached yet, for this model alone.
        model: the model.
        home: where the lake lies.
        as_of: only deliveries received up to this day are seen; all of them without it.

    Raises:
        ConfigurationError: DuckDB refuses the SQL or a value, or a group has fewer than no rows;
            names the model's file.
        SamplehouseError: the model reads another one that has not been built.
    """
    started = time.perf_counter()
    for table in counted_tables(model):
        check_built(home, table, reader=model.file)
    before = _counts_of_wholes(home, model, as_of)
    if before is None:
        _attach(con, model, home, as_of, lambda table: con.read_parquet(_whole(home, table)))
        run_model(con, model, home)
        before = _of_wholes(home, model, as_of)
        keep(home, model.table, before)
    parts = [since(home, table) for table in counted_tables(model)]
    if touched := {str(part.touched) for part in parts if part is not None}:
        _count_touched(con, model, home, as_of, touched)
        _keep_groups(con, home, model, before)
    size = result_size(home, model.table)
    return ModelRun(model.table, size, time.perf_counter() - started, contract_sql(model))


def _counts_of_wholes(home: Home, model: SqlModel, as_of: dt.date | None) -> Kept | None:
    """What is known of the counts that are there, where they are of the wholes that are there."""
    found = kept(home, model.table)
    if found is None:
        return None
    now = _of_wholes(home, model, as_of)
    same = (found.follows, found.fixed, found.inputs) == (now.follows, now.fixed, now.inputs)
    return found if same else None


def _of_wholes(home: Home, model: SqlModel, as_of: dt.date | None) -> Kept:
    """What is to be known of counts that have just been made of the wholes."""
    path = home.model_file(model.table)
    wholes = ((table, home.model_file(table)) for table in counted_tables(model))
    return Kept(
        whole=home.line(path),
        follows=ByGroup(key=model.contract.key),
        size=row_count(path),
        fixed=fixed_stamp(home, model, as_of),
        inputs={table: Version(whole=home.line(whole)) for table, whole in wholes},
    )


def _count_touched(
    con: duckdb.DuckDBPyConnection,
    model: SqlModel,
    home: Home,
    as_of: dt.date | None,
    touched_files: Collection[str],
) -> None:
    """Tables `sums.before` and `sums.now`: counts of what stood in the wholes, and of what does."""
    touched = con.read_parquet(sorted(touched_files)).distinct()

    def before(table: str) -> duckdb.DuckDBPyRelation:
        part = since(home, table)
        if part is not None and touched_files == {str(part.touched)}:
            return con.read_parquet(str(part.stood))
        return rows_of_touched(con.read_parquet(_whole(home, table)), touched, table)

    def now(table: str) -> duckdb.DuckDBPyRelation:
        part = since(home, table)
        if part is not None and touched_files == {str(part.touched)}:
            return con.read_parquet(str(part.rows))
        return rows_of_touched(result(con, home, table), touched, table)

    for name, rows in (("sums.before", before), ("sums.now", now)):
        _attach(con, model, home, as_of, rows)
        create_result(con, model, name)


def _attach(
    con: duckdb.DuckDBPyConnection,
    model: SqlModel,
    home: Home,
    as_of: dt.date | None,
    rows: Rows,
) -> None:
    """Make what a model reads visible, with some rows of the results that follow their samples."""
    for table in counted_tables(model):
        attach_rows(con, table, rows(table))
    attach_dependencies(con, model, home, as_of)


def _keep_groups(con: duckdb.DuckDBPyConnection, home: Home, model: SqlModel, before: Kept) -> None:
    """Let the counts of touched groups stand instead, of those too that were touched before.

    What was counted in a group then may be counted in another one now.
    """
    keys = ", ".join(map(identifier, model.contract.key))
    groups = [f"SELECT {keys} FROM {table}" for table in ("sums.before", "sums.now")]
    if before.touched is not None:
        groups.append(f"FROM read_parquet({literal(str(home.root / before.touched))})")
    touched, rows = (new_file(home, model.table, what) for what in ("groups", "since"))
    every = con.sql(f"SELECT DISTINCT {keys} FROM ({' UNION ALL '.join(groups)})")
    write_relation(every, touched)
    stood = write_stood(con, home, model, touched)
    write_result(con, model, _sum_sql(model, stood), rows)
    changes = instead(home, model.table, touched, rows, stood)
    keep(home, model.table, before.model_copy(update=changes))


def _sum_sql(model: SqlModel, stood: Path) -> str:
    """The counts of the wholes, less those of before, plus those of now; no empty groups."""
    key = model.contract.key
    values = [name for name in model.contract.column_names if name not in key]
    keys = ", ".join(identifier(name) for name in key)
    plus = ", ".join([keys, *map(identifier, values)])
    minus = ", ".join([keys, *(f"-{identifier(name)}" for name in values)])
    rows = identifier(str(model.adds_up))
    sums = [f"sum({identifier(name)}) AS {identifier(name)}" for name in values]
    few = literal("adds_up, but a group has fewer rows than none: it does not add up by samples")
    return (
        f"SELECT {model.contract.cast_sql()}\nFROM (\n"
        f"SELECT {keys}, {', '.join(sums)}\nFROM (\n"
        f"SELECT {plus} FROM read_parquet({literal(str(stood))})\n"
        f"UNION ALL SELECT {plus} FROM sums.now\n"
        f"UNION ALL SELECT {minus} FROM sums.before\n"
        f") AS every GROUP BY {keys}\n"
        f"HAVING CASE WHEN sum({rows}) < 0 THEN error({few}) ELSE sum({rows}) <> 0 END\n"
        ") AS model"
    )


def _whole(home: Home, table: str) -> str:
    return str(home.model_file(table))
