"""Results that follow their samples: a night works what came in, not what is there.

A model that says `by_sample` makes each row of a sample from that sample alone (with its rechecks);
one that says `by_firm` makes each row of a firm from what names the firm (`engine.firms`).
Its result lies in up to three files: all rows as they were when it was last made whole, the samples
that deliveries have touched since, and the rows of these as they are now, which stand instead. Once
too many samples are touched, or anything else that rows of samples are made from has changed, the
result is made whole again. Rows that belong to no sample are always made anew. The same three files
hold a result that follows firms, and one that adds up, by its groups (`engine.sums`).
"""

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from pydantic import Field

from warehouse.contract import Model
from warehouse.engine.follows import SAMPLE_RECORDS, BySample, Follows, of_touched
from warehouse.engine.model import SqlModel, load_models
from warehouse.engine.stamp import digest, input_stamp
from warehouse.engine.touched import records_file, touched_records, write_touched
from warehouse.engine.views import inputs
from warehouse.home import Home
from warehouse.sql import identifier, literal, qualified
from warehouse.tables import read_note, row_count, write_text

# Below this many samples results are made whole in the time that it takes to find what changed.
FEWEST_SAMPLES = 50_000
MOST_TOUCHED = 0.05
# DuckDB's name for where a row stands in its Parquet file.
PLACE = "file_row_number"


class Version(Model):
    """The files that a result lies in at a time, see `Kept`."""

    whole: str
    touched: str | None = None
    rows: str | None = None


class Kept(Version):
    """What is known of a result in parts; kept in a file beside it, written last.

    Attributes:
        whole: the file of all rows, by name, size and time of writing; where the file is another
            one, the rest says nothing.
        touched: file of the samples (firms, groups) touched since; None where there are none.
        rows: file of their rows, and of the rows that belong to no sample.
        stood: file of the rows of the whole that these stand instead of, with their places, see
            `engine.stood`.
        follows: how its rows belong to samples, to firms or to groups.
        size: rows of the result, counted when it was made.
        fixed: stamp of all that rows of samples are made from, beside the records of samples; of
            firms and groups, beside what follows samples or firms.
        records: of a result by sample, partition files of `SAMPLE_RECORDS` that the whole was made
            from, each with size and time of writing.
        new: partition files that touched samples since, in the same way.
        inputs: of a result by firm or group, the tables that it was made from and follows; of a
            result by sample, the wholes of results by sample that it was made from.
        made_with: files that were made on the way when it was last made, which others use too.
    """

    follows: Follows
    size: int
    stood: str | None = None
    fixed: str
    records: dict[str, str] = Field(default_factory=dict)
    new: dict[str, str] = Field(default_factory=dict)
    inputs: dict[str, Version] = Field(default_factory=dict)
    made_with: tuple[str, ...] = ()


def kept(home: Home, table: str) -> Kept | None:
    """What is known of a result in parts; None for other results, and where it is out of date."""
    path, whole = _kept_file(home, table), home.model_file(table)
    found = read_note(Kept, path)
    return found if found and found.whole == home.line(whole) else None


@dataclass(frozen=True)
class Since:
    """What stands instead of a part of a whole result, see `Kept`."""

    follows: Follows
    new: Mapping[str, str]
    touched: Path
    rows: Path
    size: int
    stood: Path


def since(home: Home, table: str) -> Since | None:
    """What stands instead of a part of a model's whole result; None where the whole stands."""
    found = kept(home, table)
    if found is None or found.touched is None or found.rows is None or found.stood is None:
        return None
    touched, rows, stood = (home.root / each for each in (found.touched, found.rows, found.stood))
    return Since(found.follows, found.new, touched, rows, found.size, stood)


def result_files(home: Home, table: str) -> list[Path]:
    """The files in which a model's result lies, that of all rows first."""
    part = since(home, table)
    return [home.model_file(table), *([part.touched, part.rows] if part else [])]


def result(con: duckdb.DuckDBPyConnection, home: Home, table: str) -> duckdb.DuckDBPyRelation:
    """The rows of a model's result, as one relation."""
    return rows_of(con, home.model_file(table), since(home, table))


def rows_of(
    con: duckdb.DuckDBPyConnection, whole: Path, part: Since | None
) -> duckdb.DuckDBPyRelation:
    """The rows of a whole, but for what stands instead of a part of it.

    What stands no more is told by its place in the file: to look for keys of samples among those of
    all rows takes longer than to read what is wanted of them. Said in one query: each step of a
    relation looks into all of its files once more.
    """
    if part is None:
        return con.read_parquet(str(whole))
    gone, same, kind = part.stood, f"whole.{PLACE} = gone.{PLACE}", "TRUE"
    if PLACE not in pq.read_schema(part.stood).names:  # made by an older version: by the key
        gone, same = part.touched, of_touched("whole", part.follows, "gone")
        kind = "whole.unit_kind = 'sample'" if part.follows.has_other_kinds else kind
    return con.sql(
        f"SELECT whole.* EXCLUDE ({PLACE}) "
        f"FROM read_parquet({literal(str(whole))}, file_row_number = true) AS whole "
        f"ANTI JOIN read_parquet({literal(str(gone))}) AS gone ON {same} WHERE {kind} "
        f"UNION ALL FROM read_parquet({literal(str(part.rows))})"
    )


def result_size(home: Home, table: str) -> int:
    """Rows of a model's result."""
    part = since(home, table)
    return row_count(home.model_file(table)) if part is None else part.size


def fixed_stamp(home: Home, model: SqlModel, as_of: dt.date | None) -> str:
    """Stamp of all that rows of what is untouched are made from, beside what they follow.

    Of results by sample that a result by sample reads, that is what these read beside: where a
    roster changes, rows of untouched samples change in all of them.
    """
    followed = {*counted_tables(model)} or _sample_tables()
    if model.by_firm is not None:
        followed = {*model.by_firm.inputs}
    beside = model.by_sample.beside if model.by_sample else ()
    read = sorted(inputs(model) - followed - set(beside))
    made_from = [f"{table} {_told(home, table, as_of)}" for table in read]
    if model.by_sample is not None:
        behind = sorted(inputs(model) & followed_tables())
        made_from += [fixed_stamp(home, load_models()[table], as_of) for table in behind]
    return digest([model.table, model.sql, model.contract.model_dump_json(), *made_from])


def _told(home: Home, table: str, as_of: dt.date | None) -> str:
    """A result in one file stays where it comes out as it was, whatever it was made from."""
    model = load_models().get(table)
    if model is not None and model.follows is None and home.model_file(table).is_file():
        return home.line(home.model_file(table))
    return input_stamp(home, table, as_of)


def keep_whole(home: Home, model: SqlModel, as_of: dt.date | None) -> None:
    """Note what a result that has just been made whole was made from."""
    if model.follows is None:
        return
    if model.by_firm:
        read = {table: version(home, table) for table in model.by_firm.inputs}
    else:
        read = _wholes(home, model)
    found = Kept(
        whole=home.line(home.model_file(model.table)),
        follows=model.follows,
        size=row_count(home.model_file(model.table)),
        fixed=fixed_stamp(home, model, as_of),
        records=_records_behind(home, model, as_of) if model.by_sample else {},
        inputs=read,
    )
    keep(home, model.table, found)


def version(home: Home, table: str) -> Version:
    """The files that a result lies in now."""
    found = kept(home, table)
    if found is None:
        return Version(whole=home.line(home.model_file(table)))
    return Version(whole=found.whole, touched=found.touched, rows=found.rows)


def keep_since(
    home: Home, model: SqlModel, touched: Path, rows: Path, stood: Path, as_of: dt.date | None
) -> None:
    """Let the rows of touched samples stand instead of those in the whole."""
    found = kept(home, model.table)
    if found is None:
        message = f"{model.table} has no whole result"
        raise LookupError(message)
    records = _records(home, as_of)
    new = {name: records[name] for name in records.keys() - found.records.keys()}
    read = sorted(inputs(model).intersection(SAMPLE_RECORDS))
    changes = {
        **instead(home, model.table, touched, rows, stood),
        "new": new,
        "made_with": tuple(home.name(records_file(touched, table)) for table in read),
    }
    keep(home, model.table, found.model_copy(update=changes))


def instead(home: Home, table: str, touched: Path, rows: Path, stood: Path) -> dict[str, str | int]:
    """What changes of `Kept` where some rows of the whole stand no more, and others instead."""
    whole = row_count(home.model_file(table))
    return {
        "touched": home.name(touched),
        "rows": home.name(rows),
        "stood": home.name(stood),
        "size": whole - row_count(stood) + row_count(rows),
    }


def touched_samples(
    con: duckdb.DuckDBPyConnection, home: Home, model: SqlModel, as_of: dt.date | None
) -> Path | None:
    """Samples that deliveries have touched since a result was made whole, in a Parquet file.

    A sample is touched by its own rows and by those of its rechecks, and the other way round.

    Returns:
        The file; None where the result is to be made whole: it never was, samples are few or
        many of them touched, records are gone or written anew, or something else that rows of
        samples are made from has changed.
    """
    found, records = kept(home, model.table), _records(home, as_of)
    if (
        found is None
        or found.follows != model.by_sample
        or not found.records.items() <= records.items()
        or found.fixed != fixed_stamp(home, model, as_of)
        or found.inputs != _wholes(home, model)
    ):
        return None
    if samples_are_few(home):
        return None
    new = sorted(records.keys() - found.records.keys())
    known = [f"{name} {size_and_time}" for name, size_and_time in sorted(found.records.items())]
    named = digest([*known, "and since", *(f"{name} {records[name]}" for name in new)])
    path = home.lake / "models" / "touched" / f"{named}.parquet"
    if not path.is_file():
        write_touched(con, home, [home.root / name for name in new], as_of, path)
    return path if row_count(path) <= MOST_TOUCHED * _samples(home) else None


def attach_touched(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    model: SqlModel,
    touched: Path,
    as_of: dt.date | None,
) -> None:
    """Make the inputs of a model that hold samples visible under their names: touched ones only.

    As tables, which are read from the lake once, however often the model looks at them.
    """
    for table in sorted(inputs(model) & _sample_tables()):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(table.split('.')[0])}")
        if table in SAMPLE_RECORDS:
            rows = con.read_parquet(str(touched_records(con, home, table, touched, as_of)))
        else:
            rows = _touched_result(con, home, table, touched)
        rows.create(qualified(table))


def _touched_result(
    con: duckdb.DuckDBPyConnection, home: Home, table: str, touched: Path
) -> duckdb.DuckDBPyRelation:
    """Rows of touched samples, and those that belong to no sample."""
    part = since(home, table)
    if part is not None and part.touched == touched:
        return con.read_parquet(str(part.rows))
    samples = con.read_parquet(str(touched))
    return rows_of_touched(result(con, home, table), samples, table)


def rows_of_touched(
    rows: duckdb.DuckDBPyRelation, touched: duckdb.DuckDBPyRelation, table: str
) -> duckdb.DuckDBPyRelation:
    """Those of some rows of a result that belong to what was touched, or to no sample."""
    follows = load_models()[table].follows or BySample()
    # A unit of another kind may have the number of a sample.
    given = rows.filter("unit_kind = 'sample'") if follows.has_other_kinds else rows
    of_samples = given.set_alias("given").join(
        touched.set_alias("touched"), of_touched("given", follows), "semi"
    )
    if follows.has_other_kinds:
        return of_samples.union(rows.filter("unit_kind <> 'sample'"))
    return of_samples


def samples_are_few(home: Home) -> bool:
    """Whether everything is made whole in the time that it takes to find what changed."""
    return _samples(home) < FEWEST_SAMPLES


def _samples(home: Home) -> int:
    """How many samples there are, more or less: as many as when they were last counted."""
    counted = home.model_file("latest.sample")
    return row_count(counted) if counted.is_file() else 0


def followed_tables() -> frozenset[str]:
    """Results that follow their samples."""
    return frozenset(name for name, model in load_models().items() if model.by_sample is not None)


def counted_tables(model: SqlModel) -> list[str]:
    """Results that a model which adds up counts: they follow samples, or one of them firms."""
    if model.adds_up is None:
        return []
    models = load_models()
    read = sorted(inputs(model) & models.keys())
    return [name for name in read if models[name].by_sample or models[name].by_firm]


def _sample_tables() -> frozenset[str]:
    return frozenset((*SAMPLE_RECORDS, *followed_tables()))


def _records(home: Home, as_of: dt.date | None) -> dict[str, str]:
    return {
        name: line
        for table in SAMPLE_RECORDS
        for name, line in home.partition_lines(table, as_of).items()
    }


def _wholes(home: Home, model: SqlModel) -> dict[str, Version]:
    """The wholes of results by sample that a result by sample reads."""
    read = sorted(inputs(model) & followed_tables())
    return {table: Version(whole=version(home, table).whole) for table in read}


def _records_behind(home: Home, model: SqlModel, as_of: dt.date | None) -> dict[str, str]:
    """The records that a whole is made from: those that the results which it reads know, too.

    One of these may be behind, where a single model was made by hand or a night was stopped.
    """
    records = _records(home, as_of)
    for table in inputs(model) & followed_tables():
        if found := kept(home, table):
            known = {**found.records, **found.new}.items()
            records = {name: told for name, told in records.items() if (name, told) in known}
    return records


def new_file(home: Home, table: str, what: str) -> Path:
    """A file for a part of a result: its rows, or what was touched."""
    whole = home.model_file(table)
    return whole.with_name(f"{whole.stem}.{what}-{time.time_ns()}.parquet")


def _kept_file(home: Home, table: str) -> Path:
    whole = home.model_file(table)
    return whole.with_name(f"{whole.name}.kept.json")


def keep(home: Home, table: str, found: Kept) -> None:
    """Note what is known of a result; files that no result needs any more are removed."""
    write_text(found.model_dump_json(), _kept_file(home, table))
    _sweep(home)


def _sweep(home: Home) -> None:
    """Remove files of what was touched, and of its rows, that no result names any more."""
    folder = home.lake / "models"
    named = set()
    for path in folder.glob("*/*.kept.json"):
        found = read_note(Kept, path)
        for each in (found, *found.inputs.values()) if found else ():
            named |= {each.touched, each.rows}
        named.update((found.stood, *found.made_with) if found else ())
    for kind in ("*/*.since-*", "*/*.stood-*", "*/*.firms-*", "*/*.groups-*", "touched/*"):
        for path in folder.glob(f"{kind}.parquet"):
            if home.name(path) not in named:
                path.unlink(missing_ok=True)
