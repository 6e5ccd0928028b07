"""What a build keeps, written once more: nothing parsed, checked, joined or counted.

    python bench/writings.py --home HOME --feed bench/data/1000000/base

What it takes to keep these copies and do nothing else: text as raw grids, versions of records,
results of models, release. Each kind is read and written by itself, with the settings of the
product, in as few files as there are tables. For a home after a full build.
"""

import argparse
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from warehouse.connection import Resources, connect
from warehouse.home import Home
from warehouse.sql import identifier, literal, qualified
from warehouse.tables import write_query


def write_raw(con: duckdb.DuckDBPyConnection, feed: Path, out: Path) -> None:
    """The cells of all deliveries, as text."""
    for stem in ("samples", "results"):
        files = literal(str(feed / f"{stem}_*.csv"))
        query = f"FROM read_csv({files}, all_varchar = true, header = true, filename = true)"
        write_query(con, query, out / f"raw-{stem}.parquet")


def write_records(con: duckdb.DuckDBPyConnection, home: Home, out: Path) -> None:
    """Every version of every record."""
    for folder in sorted((home.lake / "core").iterdir()):
        if files := sorted(folder.rglob("*.parquet")):
            names = ", ".join(literal(str(file)) for file in files)
            query = f"FROM read_parquet([{names}], hive_partitioning = false)"
            write_query(con, query, out / f"core-{folder.name}.parquet")


def write_results(con: duckdb.DuckDBPyConnection, home: Home, out: Path) -> None:
    """The results of all models."""
    for schema in sorted(path for path in (home.lake / "models").iterdir() if path.is_dir()):
        for file in sorted(schema.glob("*.parquet")):
            name = out / f"model-{schema.name}-{file.name}"
            write_query(con, f"FROM read_parquet({literal(str(file))})", name)


def write_release(con: duckdb.DuckDBPyConnection, home: Home, out: Path) -> None:
    """The tables of the release."""
    con.execute(f"ATTACH {literal(str(home.release_file))} AS release (READ_ONLY)")
    con.execute(f"ATTACH {literal(str(out / 'release.duckdb'))} AS written")
    query = "FROM duckdb_tables() SELECT schema_name, table_name WHERE database_name = 'release'"
    for schema, table in con.execute(query).fetchall():
        name = f"{schema}.{table}"
        con.execute(f"CREATE SCHEMA IF NOT EXISTS written.{identifier(schema)}")
        copied = f"CREATE TABLE {qualified(name, 'written')} AS FROM {qualified(name, 'release')}"
        con.execute(copied)
    con.execute("DETACH written")


def timed(home: Home, feed: Path, out: Path) -> Iterator[tuple[str, float]]:
    """Write each kind of copy; its name, and the seconds that it took."""
    kinds: dict[str, Callable[[duckdb.DuckDBPyConnection], None]] = {
        "raw grids": lambda con: write_raw(con, feed, out),
        "versions of records": lambda con: write_records(con, home, out),
        "results of models": lambda con: write_results(con, home, out),
        "release": lambda con: write_release(con, home, out),
    }
    for kind, write in kinds.items():
        with connect(Resources.of_machine()) as con:
            con.execute("SET preserve_insertion_order = false")
            started = time.perf_counter()
            write(con)
            yield kind, time.perf_counter() - started


def main() -> None:
    """Write the copies of a finished home aside, tell the seconds, and remove them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="home after a full build")
    parser.add_argument("--feed", type=Path, required=True, help="the deliveries that it read")
    options = parser.parse_args()
    out = options.home.resolve() / "tmp" / "writings"
    out.mkdir(parents=True)
    try:
        total = 0.0
        for kind, seconds in timed(Home(options.home.resolve()), options.feed.resolve(), out):
            total += seconds
            print(f"{kind:22}{seconds:8.1f} s")
        print(f"{'all':22}{total:8.1f} s")
    finally:
        shutil.rmtree(out)


if __name__ == "__main__":
    main()
