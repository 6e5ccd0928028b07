"""Parsers of dates, numbers, results, limits, verdicts and identifiers, as DuckDB macros.

The parsers are SQL (`assets/ingest/sql`), one file per concern, so that they run inside the query
that reads a delivery. None of them raises: text that is not understood gives NULL.
"""

from functools import cache
from pathlib import Path
from threading import Lock

import duckdb

from warehouse.connection import open_apart
from warehouse.sql import identifier, literal

SQL_DIR = Path(__file__).parent / "sql"

_one_at_a_time = Lock()
# Each file may use the macros of those before it.
FILES = ("text", "number", "date", "unit", "result", "limit", "verdict", "identifier")


def install(con: duckdb.DuckDBPyConnection) -> None:
    """Let a connection call the parsers; a cursor needs its own.

    They lie in a database of their own, in memory, which all connections of one DuckDB share:
    creating them takes as long as reading a small delivery.

    Macros for other code to call (the rest are their parts):

    - ``clean_text(t)`` → VARCHAR
    - ``parse_date(t, date_order)`` → DATE
    - ``parse_timestamp(t, date_order)`` → TIMESTAMP
    - ``with_year(t, up_to)`` → VARCHAR
    - ``parse_water_result(t)`` → STRUCT(qualifier, value, unit)
    - ``parse_number(t)`` → DECIMAL(28,10)
    - ``parse_result(t)`` → STRUCT(qualifier, value, unit)
    - ``split_results(t)`` → VARCHAR[]
    - ``parse_limit(t)`` → STRUCT(comparator, low, high, unit, plan_n, plan_c)
    - ``derive_verdict(qualifier, value, unit, comparator, low, high, limit_unit)`` → VARCHAR
    - ``is_uscc``, ``is_organisation_code``, ``is_food_licence``, ``is_gtin``,
      ``is_sampling_number``, ``is_division_code`` → BOOLEAN
    - ``uscc_check_character``, ``organisation_check_character``, ``mod_11_10_check_digit``,
      ``gtin_check_digit``, ``sampling_number_division`` → VARCHAR
    - ``sampling_number_year`` → INTEGER

    Args:
        con: an open connection; nothing is written to its database.
    """
    (here,) = con.execute("SELECT current_database()").fetchall()[0]
    with _one_at_a_time:
        if not con.execute("FROM duckdb_databases() WHERE database_name = 'parsers'").fetchall():
            con.execute(f"ATTACH ':memory:' AS parsers; USE parsers; {_statements()}")
    con.execute(f"SET search_path = {literal(f'{identifier(here)}.main,parsers.main')}")


@cache
def folded(texts: tuple[str, ...]) -> tuple[str | None, ...]:
    """``lower(clean_text(t))`` of constant texts, so that no query has to fold them again."""
    listed = ", ".join(map(literal, texts))
    cursor = _parsers().execute(
        f"SELECT lower(clean_text(t)) FROM (SELECT unnest([{listed}]) AS t)"
    )
    return tuple(row[0] for row in cursor.fetchall())


@cache
def _parsers() -> duckdb.DuckDBPyConnection:
    con = open_apart()
    install(con)
    return con


@cache
def _statements() -> str:
    return "\n".join((SQL_DIR / f"{name}.sql").read_text("utf-8") for name in FILES)
