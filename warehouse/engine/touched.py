"""Samples that deliveries touched, and their records.

A sample is touched by its own rows and by those of its rechecks, and the other way round.
"""

import datetime as dt
from collections.abc import Collection
from pathlib import Path

import duckdb

from warehouse.contract import record_contracts
from warehouse.engine.follows import SAMPLE_RECORDS, BySample, of_touched
from warehouse.home import Home, records_query
from warehouse.sql import literal
from warehouse.tables import write_query, written_whole


def write_touched(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    new: Collection[Path],
    as_of: dt.date | None,
    path: Path,
) -> None:
    """Write the samples that files of record tables touch.

    Args:
        con: connection to work with.
        home: where the records lie.
        new: partition files of `SAMPLE_RECORDS`.
        as_of: only deliveries received up to this day are seen; all of them without it.
        path: Parquet file to write, one row a sample.
    """

    def of(table: str, files: list[Path]) -> str:
        return records_query(con, record_contracts()[table], files)

    # Files of one table at a time: the tables differ in their columns.
    brought = " UNION ".join(
        f"SELECT source_id, sample_no FROM ({of(name, files)})"
        for name in SAMPLE_RECORDS
        for files in [[file for file in new if file.is_relative_to(home.table_folder(name))]]
    )
    every = of("core.sample", home.partition_files("core.sample", as_of=as_of))
    rows = f"""
        WITH RECURSIVE brought AS ({brought}),
        rechecks AS MATERIALIZED (
            SELECT DISTINCT source_id, sample_no,
                coalesce(original_source_id, source_id) AS original_source_id, original_sample_no
            FROM ({every})
            WHERE original_sample_no IS NOT NULL
        ),
        pairs AS (
            SELECT source_id, sample_no, original_source_id AS other_source_id,
                original_sample_no AS other_sample_no FROM rechecks
            UNION ALL
            SELECT original_source_id, original_sample_no, source_id, sample_no FROM rechecks
        ),
        touched AS (
            FROM brought
            UNION
            SELECT other_source_id, other_sample_no
            FROM touched INNER JOIN pairs USING (source_id, sample_no)
        )
        FROM touched ORDER BY ALL
    """
    with written_whole(path) as aside:
        write_query(con, rows, aside)


def touched_records(
    con: duckdb.DuckDBPyConnection, home: Home, table: str, touched: Path, as_of: dt.date | None
) -> Path:
    """A file of the rows of a record table that belong to touched samples.

    Every file of the table is looked into for the numbers of samples; few hold any, and are read
    in full. The rows are kept, since several results are made from them.
    """
    path = records_file(touched, table)
    if path.is_file():
        return path
    files = home.partition_files(table, as_of=as_of)
    named = {str(file): file for file in files}
    holding: list[Path] = []
    if files:
        rows = con.read_parquet(list(named), hive_partitioning=False, filename=True)
        held = _of_samples(con, rows, touched).project("filename").distinct().order("filename")
        holding = [named[name] for (name,) in held.fetchall()]
    rows_of_table = records_query(con, record_contracts()[table], holding)
    query = (
        f"SELECT given.* FROM ({rows_of_table}) AS given "
        f"SEMI JOIN read_parquet({literal(str(touched))}) AS touched "
        f"ON {of_touched('given', BySample())}"
    )
    with written_whole(path) as aside:
        write_query(con, query, aside)
    return path


def records_file(touched: Path, table: str) -> Path:
    """Where the rows of a record table that belong to touched samples are kept."""
    return touched.with_name(f"{touched.stem}.{table}.parquet")


def _of_samples(
    con: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, touched: Path
) -> duckdb.DuckDBPyRelation:
    samples = con.read_parquet(str(touched)).set_alias("touched")
    return rows.set_alias("given").join(samples, of_touched("given", BySample()), "semi")
