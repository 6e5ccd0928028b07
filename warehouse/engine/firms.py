"""Results that follow firms: a night works the firms that have to do with what came in.

A model that says `by_firm` makes each row of a firm from rows that name the firm. A firm is touched
where such a row came, went or changed since the result was last brought up to date. Its rows are
made anew, from the inputs filtered to touched firms, and stand instead of those in the whole,
beside those of the firms that were touched before (`engine.since` has the files). So a night costs
what its firms have, however many others there are. Once the rows that stand instead are half as
many as the whole, or an input was made whole, the result is made whole again.
"""

import datetime as dt
from functools import reduce
from pathlib import Path
from typing import Literal

import duckdb

from warehouse.engine.follows import ByFirm, of_touched
from warehouse.engine.model import SqlModel, load_models
from warehouse.engine.run import ModelRun, attach_dependencies, attach_rows, run_model
from warehouse.engine.since import (
    Kept,
    Version,
    fixed_stamp,
    instead,
    keep,
    kept,
    new_file,
    result,
    samples_are_few,
    version,
)
from warehouse.engine.stamp import digest
from warehouse.engine.stood import firm_columns, write_stood
from warehouse.home import Home
from warehouse.sql import identifier
from warehouse.tables import row_count, write_relation, written_whole

MOST_INSTEAD = 0.5


def refresh_firms(
    con: duckdb.DuckDBPyConnection, model: SqlModel, home: Home, as_of: dt.date | None
) -> ModelRun | None:
    """Bring a result that follows firms up to date for the firms that were touched.

    Args:
        con: a connection with nothing attached yet, for this model alone.
        model: the model.
        home: where the lake lies.
        as_of: only deliveries received up to this day are seen; all of them without it.

    Returns:
        What was done; None where the result is to be made whole.
    """
    before = kept(home, model.table)
    if before is None or model.by_firm is None or not _can_follow(home, model, before, as_of):
        return None
    firms = new_file(home, model.table, "firms")
    write_relation(_touched_firms(con, home, model.by_firm, before), firms)
    read = _rows_files(home, model.by_firm, before)
    for table, path in read.items():
        if not path.is_file():
            rows = _of_firms(con, result(con, home, table), model.by_firm.inputs[table], firms)
            _write_rows(table, rows, path)
        attach_rows(con, table, con.read_parquet(str(path)))
    attach_dependencies(con, model, home, as_of)
    made = new_file(home, model.table, "since")
    done = run_model(con, model, home, made)
    every, its_rows = _beside_earlier(con, home, model.table, before, firms=firms, made=made)
    stood = write_stood(con, home, model, every)
    made_with = [*_changed_files(home, model.by_firm, before), *read.values()]
    changes = {
        **instead(home, model.table, every, its_rows, stood),
        "inputs": {table: version(home, table) for table in before.inputs},
        "made_with": tuple(home.name(path) for path in made_with),
    }
    keep(home, model.table, before.model_copy(update=changes))
    return done


def _rows_files(home: Home, by_firm: ByFirm, before: Kept) -> dict[str, Path]:
    """Files of the rows of touched firms, by table, but for what is read in full.

    Models that follow the same rows share them: to find them, a whole is read to its last row.
    """
    changed = [path.name for path in _changed_files(home, by_firm, before)]
    about = [by_firm.partners.model_dump_json() if by_firm.partners else "", *changed]
    return {
        table: home.lake / "models" / "touched" / f"rows-{digest([table, column, *about])}.parquet"
        for table, column in by_firm.inputs.items()
        if table not in by_firm.in_full
    }


def _write_rows(table: str, rows: duckdb.DuckDBPyRelation, path: Path) -> None:
    names = ", ".join(map(identifier, firm_columns(table)))
    with written_whole(path) as aside:
        write_relation(rows.project(names), aside)


def _can_follow(home: Home, model: SqlModel, before: Kept, as_of: dt.date | None) -> bool:
    now = {table: version(home, table) for table in before.inputs}
    named = (name for each in before.inputs.values() for name in (each.touched, each.rows) if name)
    return (
        before.follows == model.by_firm
        and before.fixed == fixed_stamp(home, model, as_of)
        and all(now[table].whole == each.whole for table, each in before.inputs.items())
        and all((home.root / name).is_file() for name in named)
        and not samples_are_few(home)
        and not _stands_instead_of_much(home, model.table, before)
    )


def _stands_instead_of_much(home: Home, table: str, before: Kept) -> bool:
    if before.rows is None:
        return False
    whole = max(row_count(home.model_file(table)), 1)
    return row_count(home.root / before.rows) > MOST_INSTEAD * whole


def _touched_firms(
    con: duckdb.DuckDBPyConnection, home: Home, by_firm: ByFirm, before: Kept
) -> duckdb.DuckDBPyRelation:
    """Firms of rows that came, went or changed in the inputs, and those that these touch."""
    changed = {
        table: _changed_firms(con, home, table, column, before.inputs[table])
        for table, column in by_firm.inputs.items()
    }
    touched = list(changed.values())
    if by_firm.partners is not None:
        links, column = by_firm.partners.links, identifier(by_firm.partners.column)
        firms = changed[by_firm.partners.of].set_alias("touched")
        rows = result(con, home, links).set_alias("given")
        reached = rows.join(firms, f"given.{column} = touched.firm_uscc", "semi")
        touched.append(reached.project(identifier(by_firm.inputs[links])))
    every = reduce(lambda some, more: some.union(more), touched)
    return every.filter("firm_uscc IS NOT NULL").distinct().order("firm_uscc")


def _changed_firms(
    con: duckdb.DuckDBPyConnection, home: Home, table: str, column: str, then: Version
) -> duckdb.DuckDBPyRelation:
    """Firms of rows of an input that are others now than they were.

    Kept in a file for the night, since several results follow the same rows.
    """
    path = _changed_file(home, table, column, then)
    if not path.is_file():
        now = version(home, table)
        were = _rows_apart(con, home, table, then, now).project("*, -1 AS more")
        are = _rows_apart(con, home, table, now, then).project("*, 1 AS more")
        # Grouped once, which takes a third of the time of what either has and the other has not;
        # and counted, since a firm may have several rows that are alike.
        told = ", ".join(map(identifier, firm_columns(table)))
        changed = were.union(are).aggregate(f"{told}, sum(more) AS more", told).filter("more <> 0")
        firms = changed.project(f"{identifier(column)} AS firm_uscc").distinct()
        with written_whole(path) as aside:
            write_relation(firms, aside)
    return con.read_parquet(str(path))


def _changed_files(home: Home, by_firm: ByFirm, before: Kept) -> list[Path]:
    inputs = sorted(by_firm.inputs.items())
    return [_changed_file(home, table, column, before.inputs[table]) for table, column in inputs]


def _changed_file(home: Home, table: str, column: str, then: Version) -> Path:
    versions = (then.model_dump_json(), version(home, table).model_dump_json())
    name = f"firms-{digest([table, column, *versions])}.parquet"
    return home.lake / "models" / "touched" / name


def _rows_apart(
    con: duckdb.DuckDBPyConnection, home: Home, table: str, this: Version, other: Version
) -> duckdb.DuckDBPyRelation:
    """Rows of a version of a result that another version of the same whole may not have.

    In the columns that may touch a firm.
    """
    names = ", ".join(map(identifier, firm_columns(table)))
    whole, now = con.read_parquet(str(home.model_file(table))), kept(home, table)
    parts = [whole.filter("false").project(names)]
    if this.rows is not None:
        parts.append(con.read_parquet(str(home.root / this.rows)).project(names))
    follows = load_models()[table].follows
    if follows is not None and other.touched is not None and other.touched != this.touched:
        touched = con.read_parquet(str(home.root / other.touched))
        if this.touched is not None:
            touched = touched.except_(con.read_parquet(str(home.root / this.touched)))
        if now is not None and now.stood is not None and now.touched == other.touched:
            whole = con.read_parquet(str(home.root / now.stood))
        stood = whole.set_alias("whole").join(
            touched.set_alias("touched"), of_touched("whole", follows), "semi"
        )
        parts.append(stood.project(names))
    return reduce(lambda some, more: some.union(more), parts)


def _of_firms(
    con: duckdb.DuckDBPyConnection,
    rows: duckdb.DuckDBPyRelation,
    column: str,
    firms: Path,
    how: Literal["semi", "anti"] = "semi",
) -> duckdb.DuckDBPyRelation:
    touched = con.read_parquet(str(firms)).set_alias("touched")
    condition = f"given.{identifier(column)} = touched.firm_uscc"
    return rows.set_alias("given").join(touched, condition, how)


def _beside_earlier(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    table: str,
    before: Kept,
    *,
    firms: Path,
    made: Path,
) -> tuple[Path, Path]:
    """Files of all touched firms and of their rows, those that were touched before too."""
    if before.touched is None or before.rows is None:
        return firms, made
    touched, rows = new_file(home, table, "firms"), new_file(home, table, "since")
    every = con.read_parquet([str(home.root / before.touched), str(firms)])
    write_relation(every.distinct().order("firm_uscc"), touched)
    earlier = con.read_parquet(str(home.root / before.rows))
    others = _of_firms(con, earlier, before.follows.columns["firm_uscc"], firms, "anti")
    write_relation(others.union(con.read_parquet(str(made))), rows)
    return touched, rows
