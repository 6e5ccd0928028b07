"""Counts that are added up: a night counts what came in, and takes away what it stands instead of.

A model that says `adds_up` counts in groups, sample by sample (`SqlModel.adds_up` has the rule), so
its result is that of the whole results that it reads, less that of the rows in them that stand no
more, plus that of the rows that stand instead (`engine.since`). The counts of the wholes are kept
by themselves, with a note of which wholes they are of; where these, or anything else that the
model reads, are others now, they are counted anew. The result itself is one file as any other.
"""

import datetime as dt
import time
from collections.abc import Callable, Collection
from pathlib import Path

import duckdb

from warehouse.contract import Model
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
from warehouse.engine.since import followed_tables, result, rows_of_touched, since
from warehouse.engine.stamp import digest, file_line, input_stamp
from warehouse.home import Home
from warehouse.sql import identifier, literal
from warehouse.tables import copy_file, read_note, row_count, write_text, written_whole

Rows = Callable[[str], duckdb.DuckDBPyRelation]


class Counted(Model):
    """What counts of whole results were made from; kept beside them, written last.

    Attributes:
        counts: the file of the counts, by name, size and time of writing.
        fixed: stamp of the model and of all that it reads beside results that follow their samples.
        wholes: the files of these as they were last made whole, in the same way.
    """

    counts: str
    fixed: str
    wholes: dict[str, str]


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
    path, counts = home.model_file(model.table), home.counts_file(model.table)
    for table in _followed(model):
        check_built(home, table, reader=model.file)
    now = _counted(home, model, as_of)
    if read_note(Counted, _note_file(home, model.table)) != now:
        _attach(con, model, home, as_of, lambda table: con.read_parquet(_whole(home, table)))
        run_model(con, model, home, counts)
        note = now.model_copy(update={"counts": file_line(home, counts)})
        write_text(note.model_dump_json(), _note_file(home, model.table))
    parts = [part for table in _followed(model) if (part := since(home, table)) is not None]
    if parts:
        _count_touched(con, model, home, as_of, {str(part.touched) for part in parts})
        write_result(con, model, _sum_sql(model, counts), path)
    else:
        with written_whole(path) as aside:
            copy_file(counts, aside)
    return ModelRun(
        model.table, row_count(path), time.perf_counter() - started, contract_sql(model)
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
        return rows_of_touched(con.read_parquet(_whole(home, table)), touched, table)

    def now(table: str) -> duckdb.DuckDBPyRelation:
        part = since(home, table)
        if part is not None and touched_files == {str(part.touched)}:
            return con.read_parquet(str(part.rows))
        return rows_of_touched(result(con, home, table), touched, table)

    for counted, rows in (("sums.before", before), ("sums.now", now)):
        _attach(con, model, home, as_of, rows)
        create_result(con, model, counted)


def _attach(
    con: duckdb.DuckDBPyConnection,
    model: SqlModel,
    home: Home,
    as_of: dt.date | None,
    rows: Rows,
) -> None:
    """Make what a model reads visible, with some rows of the results that follow their samples."""
    for table in _followed(model):
        attach_rows(con, table, rows(table))
    attach_dependencies(con, model, home, as_of)


def _sum_sql(model: SqlModel, counts: Path) -> str:
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
        f"SELECT {plus} FROM read_parquet({literal(str(counts))})\n"
        f"UNION ALL SELECT {plus} FROM sums.now\n"
        f"UNION ALL SELECT {minus} FROM sums.before\n"
        f") AS every GROUP BY {keys}\n"
        f"HAVING CASE WHEN sum({rows}) < 0 THEN error({few}) ELSE sum({rows}) <> 0 END\n"
        ") AS model"
    )


def _counted(home: Home, model: SqlModel, as_of: dt.date | None) -> Counted:
    """What is counted now, of which the counts that are there may have been made."""
    followed = _followed(model)
    fixed = sorted(model.depends_on.difference(followed))
    inputs = [f"{table} {input_stamp(home, table, as_of)}" for table in fixed]
    return Counted(
        counts=file_line(home, home.counts_file(model.table)),
        fixed=digest([model.table, model.sql, model.contract.model_dump_json(), *inputs]),
        wholes={table: file_line(home, home.model_file(table)) for table in followed},
    )


def _note_file(home: Home, table: str) -> Path:
    return home.counts_file(table).with_suffix(".made.json")


def _followed(model: SqlModel) -> list[str]:
    return sorted(model.depends_on & followed_tables())


def _whole(home: Home, table: str) -> str:
    return str(home.model_file(table))
