"""The account of a batch: every source row's outcome, and what goes to the lake."""

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq

from assets.ingest.place import LOCATED, connected_to_span, located
from assets.ingest.stage import Staged, needed_columns
from assets.ingest.versions import Family
from warehouse.contract import record_contracts
from warehouse.home import Home
from warehouse.source import Source
from warehouse.sql import identifier, literal
from warehouse.tables import PARQUET, row_count, scratch_folder, write_parquet, write_query


def find_outcomes(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    versioned: Sequence[tuple[Family, str]],
) -> None:
    """Create `row_outcome`: one row per source row of the batch, and where it ended.

    Where a row holds several records, rejected goes before duplicate, and used before unchanged.

    Args:
        con: holds the batch.
        source: whose batch it is.
        versioned: families that version themselves, with their arrivals.
    """
    said = [
        "SELECT row_id, 'nowhere' AS outcome FROM source_row",
        "SELECT row_id, 'rejected' FROM rejected_row",
        "SELECT row_id, 'duplicate' FROM duplicate_row",
        *(_said_of(family, arrival) for family, arrival in versioned),
        *(
            f"SELECT row_id, if(known, 'unchanged', 'used') FROM {identifier(f'lookup_{name}')}"
            for name, table in source.tables.items()
            if table.lookup
        ),
    ]
    con.execute(
        f"""
        CREATE TABLE row_outcome AS
        SELECT row_id, max(CAST(outcome AS {OUTCOME})) AS outcome
        FROM ({" UNION ALL ".join(said)}) GROUP BY row_id
        UNION ALL SELECT row_id, 'ignored' FROM ignored
        """
    )


# In the order in which an outcome goes before another.
OUTCOME = "ENUM ('ignored', 'nowhere', 'unchanged', 'used', 'duplicate', 'rejected')"


def _said_of(family: Family, arrival: str) -> str:
    """Rows of a family's records with whether the record that they belong to changed."""
    outcome = "if(a.changed, 'used', 'unchanged')"
    if not family.is_gathered:
        return f"SELECT row_id, {outcome} FROM {identifier(arrival)} AS a"
    key = ", ".join(map(identifier, family.key))
    rows = " UNION ALL ".join(
        f"SELECT row_id, delivery_of(row_id) AS delivery_no, {key} FROM {identifier(each.relation)}"
        for each in family.candidates
    )
    return (
        f"SELECT r.row_id, {outcome} FROM ({rows}) AS r "
        f"JOIN {identifier(arrival)} AS a USING (delivery_no, {key})"
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
        place = f"{', '.join(LOCATED)}, {columns}"
        staged = (
            f"SELECT row_id, {located()}, {columns} FROM {identifier(f'staged_{name}')} "
            "ANTI JOIN rejected_row USING (row_id) ANTI JOIN duplicate_row USING (row_id)"
        )
        parts = [staged]
        if earlier := _earlier_lookups(home, source, name, first):
            view = f"earlier_lookup_{name}"
            con.read_parquet(earlier, union_by_name=True).create_view(view)
            parts.append(f"SELECT NULL AS row_id, {place} FROM {identifier(view)}")
        con.execute(
            f"""
            CREATE TABLE {identifier(f"lookup_{name}")} AS
            SELECT * FROM (
                SELECT *, lag(row({columns})) OVER (
                    PARTITION BY {key} ORDER BY received_on, sequence, source_row
                ) IS NOT DISTINCT FROM row({columns}) AS known
                FROM ({" UNION ALL ".join(parts)})
            ) WHERE row_id IS NOT NULL
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
    found = con.sql("SELECT DISTINCT delivery_id_of(row_id) FROM broken").fetchall()
    touched = sorted(row[0] for row in found)
    paths = {str(raw_files[delivery_id]): delivery_id for delivery_id in touched}
    if not paths:
        return _empty_sql("core.rejected_record")
    grid = con.read_parquet(list(paths), union_by_name=True, filename=True)
    grid.create_view("rejected_grid")
    files = pl.DataFrame({"filename": list(paths), "delivery_id": list(paths.values())})
    con.register("frame", files)
    con.execute("CREATE TABLE rejected_file AS FROM frame")
    con.unregister("frame")
    cells = ", ".join(name for name in grid.columns if name[0] == "c" and name[1:].isdigit())
    return f"""
        WITH located AS (SELECT {located()}, * EXCLUDE (row_id) FROM broken),
        cells AS (
            SELECT delivery_id, coalesce(source_sheet, '') AS source_sheet, source_row,
                regexp_replace(CAST(to_json([{cells}]) AS VARCHAR), '(,null)+]$', ']')
                    AS row_cells
            FROM rejected_grid JOIN rejected_file USING (filename)
            SEMI JOIN located USING (delivery_id, source_row)
        )
        SELECT {literal(source_id)} AS source_id, delivery_id, received_on,
            source_sheet, source_row, rule_id,
            min(column_name) AS column_name, min(value_text) AS value_text,
            min(message) AS message, min(row_cells) AS row_cells
        FROM located LEFT JOIN cells USING (delivery_id, source_sheet, source_row)
        GROUP BY ALL
    """


def ignored_rows_sql(source_id: str) -> str:
    """SELECT of `meta.ignored_rows`."""
    place = located("delivery_id", "received_on", "source_sheet")
    return (
        f"SELECT {literal(source_id)} AS source_id, {place}, reason, count(*) AS row_count "
        "FROM ignored GROUP BY ALL"
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
    *,
    spans: int = 1,
) -> None:
    """Replace one table's partitions of a source's days; a day without rows has no file.

    Args:
        con: holds the batch.
        home: where the lake is.
        source_id: whose records.
        days: days of the batch.
        parts: table, and SELECTs with the columns of its contract.
        spans: how many spans of days are written at once; the rows of more than one are those
            that the SELECTs find `in_span`.
    """
    table, selects = parts
    rows = " UNION ALL BY NAME ".join(f"({each})" for each in selects) or _empty_sql(table)
    written: dict[dt.date, Path] = {}
    with scratch_folder(home.lake, "writing") as folder:
        if selects:
            select = f"SELECT {record_contracts()[table].cast_sql()} FROM ({rows})"
            written = _write_by_day(con, select, days, folder, spans)
        for day in days:
            path = home.partition_file(table, source_id, day)
            if day in written:
                path.parent.mkdir(parents=True, exist_ok=True)
                written[day].replace(path)
            else:
                path.unlink(missing_ok=True)


def _write_by_day(
    con: duckdb.DuckDBPyConnection,
    select: str,
    days: Sequence[dt.date],
    folder: Path,
    spans: int,
) -> dict[dt.date, Path]:
    """Write rows to one file for each of their days, in the order in which they arrived."""
    if len(days) == 1:
        path = folder / "day.parquet"
        write_query(con, select, path)
        return {days[0]: path} if row_count(path) else {}
    # One thread writes one file a day; several would write several, in no fixed order. So every
    # thread has days of its own, and a connection that works in no other.
    threads = con.sql("SELECT current_setting('threads')").fetchall()[0][0]
    length = -(-len(days) // spans)
    parts = [days[start : start + length] for start in range(0, len(days), length)]
    con.execute("SET threads = 1")
    try:
        with ExitStack() as stack, ThreadPoolExecutor(len(parts)) as pool:
            connected = [stack.enter_context(connected_to_span(con, part)) for part in parts]
            list(pool.map(partial(_copy_by_day, select, folder), connected))
    finally:
        con.execute(f"SET threads = {threads:d}")
    found = {}
    for path in folder.glob("received_on=*/*.parquet"):
        day = dt.date.fromisoformat(path.parent.name.partition("=")[2])
        if day in found:
            raise RuntimeError(f"two files were written for {day}")
        found[day] = path
    return found


def _copy_by_day(select: str, folder: Path, con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"COPY ({select}) TO {literal(str(folder))} ({PARQUET}, PARTITION_BY (received_on), "
        "WRITE_PARTITION_COLUMNS true, OVERWRITE_OR_IGNORE true)"
    )


def write_lookups(
    con: duckdb.DuckDBPyConnection, home: Home, source: Source, days: Sequence[dt.date]
) -> None:
    """Keep the rows of tables that others join, for deliveries that come later."""
    for name, table in source.tables.items():
        if not table.lookup:
            continue
        rows = con.sql(
            f"SELECT * EXCLUDE (row_id, known) FROM {identifier(f'lookup_{name}')} "
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
    differing = dict(con.sql(DIFFERING).fetchall())
    message = {
        name: _message(reasons.get(name), staged.unmapped.get(name, ()), differing.get(name) or "")
        for name in raw_files
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
    SELECT delivery_id_of(row_id) AS delivery_id,
        count(*) FILTER (WHERE outcome = 'used') AS rows_used,
        count(*) FILTER (WHERE outcome = 'rejected') AS rows_rejected,
        count(*) FILTER (WHERE outcome = 'duplicate') AS rows_duplicate,
        count(*) FILTER (WHERE outcome = 'unchanged') AS rows_unchanged,
        count(*) FILTER (WHERE outcome = 'ignored') AS rows_ignored
    FROM row_outcome GROUP BY 1
"""
HELD = """
    WITH counted AS (
        SELECT delivery_of(row_id) AS delivery_no, rule_id, count(DISTINCT row_id) AS n
        FROM broken WHERE rule_id <> 'delivery_held' GROUP BY 1, 2
    )
    SELECT getvariable('delivery_ids')[delivery_no + 1], held.rejected, held.data_rows,
        string_agg(rule_id || ' ' || n, ', ' ORDER BY n DESC, rule_id)
    FROM held JOIN counted USING (delivery_no) GROUP BY 1, 2, 3
"""
DIFFERING = """
    SELECT getvariable('delivery_ids')[delivery_no + 1],
        string_agg(column_name || ' (' || records || ')', ', ' ORDER BY column_name)
    FROM differing GROUP BY 1
"""
WITH_DATA = """
    SELECT DISTINCT delivery_id_of(row_id) AS delivery_id FROM row_outcome
    WHERE outcome <> 'ignored'
"""


def _held_message(row: tuple[str, int, int, str]) -> str:
    _, rejected, data_rows, rules = row
    return (
        f"{rejected} of {data_rows} data rows break a rule ({rules}), more than the source allows "
        "(hold_above); none of the file is used until the file or the source's YAML is mended and "
        "the day is run again"
    )


def _message(reason: str | None, unmapped: Sequence[str], differing: str) -> str | None:
    """Why a delivery was not loaded, what of it has no meaning, and what it says in two ways."""
    columns = (
        f"columns that the source says nothing of: {', '.join(unmapped)}; map them in its YAML, or "
        "name them there under `unused`"
    )
    contents = (
        f"rows of one record differ in {differing}, in brackets for how many records; what the "
        "first of them says counts: correct the file if it is wrong"
    )
    told = [*([reason] if reason else []), *([columns] if unmapped else [])]
    return "; ".join([*told, *([contents] if differing else [])]) or None


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
