"""The account of a batch: every source row's outcome, and what goes to the lake."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq

from assets.ingest.classify import ROW, Candidate
from assets.ingest.stage import Staged, needed_columns
from assets.ingest.versions import Family
from warehouse.contract import record_contracts
from warehouse.home import Home
from warehouse.source import PARENT, Source
from warehouse.sql import identifier, literal
from warehouse.tables import write_parquet


def find_outcomes(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    versioned: Sequence[tuple[Family, str, str]],
) -> None:
    """Create `row_outcome`: one row per source row of the batch, and where it ended.

    Args:
        con: holds the batch.
        source: whose batch it is.
        versioned: families that version themselves, with their record and arrival relations.
    """
    contributions = [
        _contribution(candidate, family, records, arrival)
        for family, records, arrival in versioned
        for candidate in family.candidates
    ]
    contributions += [
        f"SELECT {ROW}, NOT known AS changed FROM {identifier(f'lookup_{name}')}"
        for name, table in source.tables.items()
        if table.lookup
    ]
    nothing = f"SELECT {ROW}, FALSE AS changed FROM source_row WHERE FALSE"
    con.execute(
        f"""
        CREATE TABLE row_outcome AS
        WITH contribution AS (
            SELECT {ROW}, bool_or(changed) AS changed
            FROM ({" UNION ALL ".join([*contributions, nothing])}) GROUP BY ALL
        ),
        rejected AS (SELECT *, TRUE AS hit FROM rejected_row),
        repeated AS (SELECT DISTINCT *, TRUE AS hit FROM duplicate_row)
        SELECT {ROW}, CASE
                WHEN rejected.hit THEN 'rejected'
                WHEN repeated.hit THEN 'duplicate'
                WHEN contribution.changed THEN 'used'
                WHEN contribution.changed IS NOT NULL THEN 'unchanged'
            END AS outcome
        FROM (SELECT {ROW} FROM source_row UNION SELECT {ROW} FROM rejected_row)
        LEFT JOIN rejected USING ({ROW})
        LEFT JOIN repeated USING ({ROW})
        LEFT JOIN contribution USING ({ROW})
        UNION ALL SELECT {ROW}, 'ignored' FROM ignored
        """
    )


def _contribution(candidate: Candidate, family: Family, records: str, arrival: str) -> str:
    """Rows of a candidate with whether the record that they belong to changed.

    A result delivered alone is numbered in its record relation, which keeps every row.
    """
    rows = records if family.target in PARENT else candidate.relation
    key = ", ".join(map(identifier, family.key))
    return (
        f"SELECT r.delivery_id, r.source_sheet, r.source_row, a.changed "
        f"FROM {identifier(rows)} AS r JOIN {identifier(arrival)} AS a USING (delivery_id, {key})"
    )


def find_lookups(
    con: duckdb.DuckDBPyConnection, home: Home, source: Source, first: dt.date
) -> None:
    """Create `lookup_<table>`: rows of tables that others join, and which were known before."""
    for name, table in source.tables.items():
        if not table.lookup:
            continue
        columns = ", ".join(map(identifier, needed_columns(source, name)))
        key = ", ".join(map(identifier, table.lookup))
        place = f"{ROW}, received_on, sequence, {columns}"
        staged = (
            f"SELECT {place}, TRUE AS is_new FROM {identifier(f'staged_{name}')} "
            f"ANTI JOIN rejected_row USING ({ROW}) ANTI JOIN duplicate_row USING ({ROW})"
        )
        parts = [staged]
        if earlier := _earlier_lookups(home, source, name, first):
            view = f"earlier_lookup_{name}"
            con.read_parquet(earlier, union_by_name=True).create_view(view)
            parts.append(f"SELECT {place}, FALSE FROM {identifier(view)}")
        con.execute(
            f"""
            CREATE TABLE {identifier(f"lookup_{name}")} AS
            SELECT * EXCLUDE (is_new) FROM (
                SELECT *, lag(row({columns})) OVER (
                    PARTITION BY {key} ORDER BY received_on, sequence, source_row
                ) IS NOT DISTINCT FROM row({columns}) AS known
                FROM ({" UNION ALL ".join(parts)})
            ) WHERE is_new
            """
        )


def _earlier_lookups(home: Home, source: Source, name: str, first: dt.date) -> list[str]:
    before = first - dt.timedelta(days=1)
    files = home.partition_files(f"lookup.{name}", source_id=source.source_id, as_of=before)
    return [str(path) for path in files]


def rejected_records_sql(
    con: duckdb.DuckDBPyConnection, source_id: str, raw_files: Mapping[str, Path]
) -> str:
    """SELECT of `core.rejected_record`: each rejected row × rule, with all cells of the row."""
    touched = [row[0] for row in con.sql("SELECT DISTINCT delivery_id FROM broken").fetchall()]
    paths = {str(raw_files[delivery_id]): delivery_id for delivery_id in touched}
    if not paths:
        return _empty_sql("core.rejected_record")
    grid = con.read_parquet(list(paths), union_by_name=True, filename=True)
    grid.create_view("rejected_grid")
    files = pl.DataFrame({"filename": list(paths), "delivery_id": list(paths.values())})
    con.register("rejected_file", files)
    cells = ", ".join(name for name in grid.columns if name[0] == "c" and name[1:].isdigit())
    return f"""
        WITH cells AS (
            SELECT delivery_id, coalesce(source_sheet, '') AS source_sheet, source_row,
                regexp_replace(CAST(to_json([{cells}]) AS VARCHAR), '(,null)+]$', ']')
                    AS row_cells
            FROM rejected_grid JOIN rejected_file USING (filename)
        )
        SELECT {literal(source_id)} AS source_id, delivery_id, received_on,
            source_sheet, source_row, rule_id,
            min(column_name) AS column_name, min(value_text) AS value_text,
            min(message) AS message, min(row_cells) AS row_cells
        FROM broken JOIN delivery USING (delivery_id) LEFT JOIN cells USING ({ROW})
        GROUP BY ALL
    """


def ignored_rows_sql(source_id: str) -> str:
    """SELECT of `meta.ignored_rows`."""
    return (
        f"SELECT {literal(source_id)} AS source_id, delivery_id, received_on, "
        "source_sheet, reason, count(*) AS row_count "
        "FROM ignored JOIN delivery USING (delivery_id) GROUP BY ALL"
    )


def _empty_sql(table: str) -> str:
    contract = record_contracts()[table]
    nulls = (f"CAST(NULL AS {c.duckdb_type}) AS {identifier(c.name)}" for c in contract.columns)
    return f"SELECT {', '.join(nulls)} LIMIT 0"


def write_table(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    source_id: str,
    days: Sequence[dt.date],
    parts: tuple[str, Sequence[str]],
) -> None:
    """Replace one table's partitions of a source's days; a day without rows has no file.

    Args:
        con: holds the batch.
        home: where the lake is.
        source_id: whose records.
        days: days of the batch.
        parts: table, and SELECTs with the columns of its contract.
    """
    table, selects = parts
    contract = record_contracts()[table]
    rows = " UNION ALL BY NAME ".join(f"({each})" for each in selects) or _empty_sql(table)
    # In the order of day and key: equal input gives equal files, and each day is one stretch.
    order = ", ".join(map(identifier, dict.fromkeys(("received_on", *contract.key))))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE written AS SELECT {contract.cast_sql()} FROM ({rows}) "
        f"ORDER BY {order}"
    )
    found = con.sql("SELECT DISTINCT received_on FROM written").fetchall()
    filled = {row[0] for row in found}
    for day in days:
        path = home.partition_file(table, source_id, day)
        if day in filled:
            _copy_day(con, day, path)
        else:
            path.unlink(missing_ok=True)


def _copy_day(con: duckdb.DuckDBPyConnection, day: dt.date, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".writing")
    rows = con.sql("SELECT * FROM written WHERE received_on = $day", params={"day": day})
    rows.write_parquet(str(aside), compression="zstd")
    aside.replace(path)


def write_lookups(
    con: duckdb.DuckDBPyConnection, home: Home, source: Source, days: Sequence[dt.date]
) -> None:
    """Keep the rows of tables that others join, for deliveries that come later."""
    for name, table in source.tables.items():
        if not table.lookup:
            continue
        rows = con.sql(
            f"SELECT * EXCLUDE (known) FROM {identifier(f'lookup_{name}')} "
            "ORDER BY received_on, sequence, source_row"
        ).pl()
        for day in days:
            path = home.partition_file(f"lookup.{name}", source.source_id, day)
            of_day = rows.filter(pl.col("received_on") == day)
            if of_day.is_empty():
                path.unlink(missing_ok=True)
            else:
                write_parquet(of_day, path)


def accounted(
    con: duckdb.DuckDBPyConnection,
    stored: pl.DataFrame,
    batch: pl.DataFrame,
    raw_files: Mapping[str, Path],
    staged: Staged,
) -> pl.DataFrame:
    """`meta.delivery` of a batch: every row's outcome counted, and the status that follows.

    Args:
        con: holds the batch (`row_outcome`, `broken`, `held`).
        stored: all rows of `meta.delivery` of the source as they were before.
        batch: those of them that are worked.
        raw_files: raw grid of each delivery that was read.
        staged: why a delivery does not fit its source, and columns that the source passes over.
    """
    read = pl.DataFrame(
        {
            "delivery_id": list(raw_files),
            "rows_read": [pq.read_metadata(path).num_rows for path in raw_files.values()],
        },
        schema={"delivery_id": pl.String(), "rows_read": pl.Int64()},
    )
    counts = con.sql(COUNTS).pl()
    held = {row[0]: _held_message(row) for row in con.sql(HELD).fetchall()}
    status = {**dict.fromkeys(raw_files, "loaded"), **dict.fromkeys(held, "held")}
    status |= dict.fromkeys(staged.failures, "unreadable")
    empty = set(raw_files) - set(con.sql(WITH_DATA).pl()["delivery_id"].to_list())
    reasons = dict.fromkeys(empty, "the file holds a header but no data rows") | held
    reasons |= staged.failures
    message = {
        name: _message(reasons.get(name), staged.unmapped.get(name, ())) for name in raw_files
    }
    known = batch.filter(pl.col("delivery_id").is_in(list(raw_files)))
    others = batch.filter(~pl.col("delivery_id").is_in(list(raw_files)))
    names = [name for name in counts.columns if name != "delivery_id"]
    loaded = (
        known.drop("rows_read", *names)
        .join(read, on="delivery_id", how="left")
        .join(counts, on="delivery_id", how="left")
        .with_columns(
            pl.col(names).fill_null(0),
            status=pl.col("delivery_id").replace_strict(status, return_dtype=pl.String),
            message=pl.col("delivery_id").replace_strict(
                message, default=None, return_dtype=pl.String
            ),
        )
    )
    rows = pl.concat([loaded.select(batch.columns), others])
    before = stored.join(rows, on="delivery_id", how="anti")
    everything = pl.concat([before, rows]).sort("received_on", "sequence")
    return _repeated_files(everything).join(rows, on="delivery_id", how="semi")


COUNTS = """
    SELECT delivery_id,
        count(*) FILTER (WHERE outcome = 'used') AS rows_used,
        count(*) FILTER (WHERE outcome = 'rejected') AS rows_rejected,
        count(*) FILTER (WHERE outcome = 'duplicate') AS rows_duplicate,
        count(*) FILTER (WHERE outcome = 'unchanged') AS rows_unchanged,
        count(*) FILTER (WHERE outcome = 'ignored') AS rows_ignored
    FROM row_outcome GROUP BY 1
"""
HELD = f"""
    WITH counted AS (
        SELECT delivery_id, rule_id, count(*) AS n
        FROM (SELECT DISTINCT {ROW}, rule_id FROM broken WHERE rule_id <> 'delivery_held')
        GROUP BY 1, 2
    )
    SELECT delivery_id, held.rejected, held.data_rows,
        string_agg(rule_id || ' ' || n, ', ' ORDER BY n DESC, rule_id)
    FROM held JOIN counted USING (delivery_id) GROUP BY 1, 2, 3
"""
WITH_DATA = "SELECT DISTINCT delivery_id FROM row_outcome WHERE outcome <> 'ignored'"


def _held_message(row: tuple[str, int, int, str]) -> str:
    _, rejected, data_rows, rules = row
    return (
        f"{rejected} of {data_rows} data rows break a rule ({rules}), more than the source allows "
        "(hold_above); none of the file is used until the file or the source's YAML is mended and "
        "the day is run again"
    )


def _message(reason: str | None, unmapped: Sequence[str]) -> str | None:
    """Why a delivery was not loaded, and what of it has no meaning."""
    columns = (
        f"columns that the source says nothing of: {', '.join(unmapped)}; map them in its YAML, or "
        "name them there under `unused`"
    )
    return "; ".join([*([reason] if reason else []), *([columns] if unmapped else [])]) or None


def _repeated_files(rows: pl.DataFrame) -> pl.DataFrame:
    """A file received before repeats all rows of its original."""
    originals = rows.filter(pl.col("status") != "duplicate").unique(
        "sha256", keep="first", maintain_order=True
    )
    of_original = originals.select("sha256", original_rows="rows_read")
    repeats = pl.col("status") == "duplicate"
    filled = pl.col("original_rows").fill_null(pl.col("rows_read"))
    return (
        rows.join(of_original, on="sha256", how="left", maintain_order="left")
        .with_columns(
            rows_read=pl.when(repeats).then(filled).otherwise("rows_read"),
            rows_duplicate=pl.when(repeats).then(filled).otherwise("rows_duplicate"),
        )
        .drop("original_rows")
    )
