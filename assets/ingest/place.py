"""Where a row stands, in one integer: delivery, sheet and row of the file.

Whatever happens to a row in a batch (rejected, repeated, used …) is said by this number, so that
millions of rows are told apart by comparing integers. What people read is found again from it.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import polars as pl

from warehouse.sql import literal

# 2^18 deliveries of a batch, 2^12 sheets of a delivery, 2^33 rows of a sheet: 63 bits.
ROW_BITS, SHEET_BITS = 33, 12
MAX_SHEETS = 1 << SHEET_BITS
MAX_DELIVERIES = 1 << 18

# What places are looked up in, and of which deliveries a connection sees the rows (`in_span`).
_VARIABLES = {
    "delivery_ids": "VARCHAR[]",
    "delivery_days": "DATE[]",
    "delivery_sequences": "BIGINT[]",
    "delivery_sheets": "VARCHAR[][]",
    "first_place": "BIGINT",
    "last_place": "BIGINT",
}

# Columns that people read, as expressions over `row_id`.
LOCATED = {
    "delivery_id": "delivery_id_of(row_id)",
    "received_on": "received_on_of(row_id)",
    "sequence": "sequence_of(row_id)",
    "source_sheet": "sheet_of(row_id)",
    "source_row": "source_row_of(row_id)",
}


def located(*names: str) -> str:
    """Select list of the columns of `LOCATED`, of all of them unless some are named."""
    return ", ".join(f"{LOCATED[name]} AS {name}" for name in names or LOCATED)


def first_place(delivery_no: int) -> int:
    """What is added to the row of a delivery's first sheet to give its place."""
    return delivery_no << (ROW_BITS + SHEET_BITS)


def place(delivery_no: int, sheets: Sequence[str]) -> pl.Expr:
    """The place of rows of a delivery from `source_sheet` and `source_row`.

    Args:
        delivery_no: its number in the batch, in order of arrival from 0.
        sheets: names of its sheets; `[""]` where it has none.
    """
    numbers: Mapping[str, int] = {name: number for number, name in enumerate(sheets)}
    sheet = pl.col("source_sheet").fill_null("")
    number = sheet.replace_strict(numbers, return_dtype=pl.Int64)
    return first_place(delivery_no) + number * (1 << ROW_BITS) + pl.col("source_row")


def install_places(
    con: duckdb.DuckDBPyConnection,
    deliveries: pl.DataFrame,
    sheets: Sequence[Sequence[str]],
) -> None:
    """Make places readable in SQL: the macros of `LOCATED`, `delivery_of`, `place_of`, `in_span`.

    Args:
        con: connection of the batch; the macros lie in its database, the rest in variables of it.
        deliveries: delivery_id, received_on, sequence; the number of a delivery is its row.
        sheets: names of the sheets of each delivery.
    """
    columns = (deliveries[name].to_list() for name in ("delivery_id", "received_on", "sequence"))
    _set_variables(con, [*columns, [list(names) for names in sheets], 0, (1 << 63) - 1])
    above = ROW_BITS + SHEET_BITS
    for signature, expression in {
        "delivery_of(p)": f"(p >> {above})",
        "delivery_id_of(p)": f"getvariable('delivery_ids')[(p >> {above}) + 1]",
        "received_on_of(p)": f"getvariable('delivery_days')[(p >> {above}) + 1]",
        "sequence_of(p)": f"getvariable('delivery_sequences')[(p >> {above}) + 1]",
        "sheets_of(p)": f"getvariable('delivery_sheets')[(p >> {above}) + 1]",
        "sheet_of(p)": f"sheets_of(p)[((p >> {ROW_BITS}) & {MAX_SHEETS - 1}) + 1]",
        "source_row_of(p)": f"(p & {(1 << ROW_BITS) - 1})",
        "place_of(d, sheet, source_row)": (
            f"((CAST(d AS BIGINT) << {above}) + ((list_position("
            f"getvariable('delivery_sheets')[d + 1], coalesce(sheet, '')) - 1) << {ROW_BITS}) "
            "+ source_row)"
        ),
        "in_span(p)": "(p BETWEEN getvariable('first_place') AND getvariable('last_place'))",
    }.items():
        con.execute(f"CREATE OR REPLACE MACRO {signature} AS {expression}")


def _set_variables(con: duckdb.DuckDBPyConnection, values: Sequence[object]) -> None:
    for (name, kind), value in zip(_VARIABLES.items(), values, strict=True):
        con.execute(f"SET VARIABLE {name} = CAST($1 AS {kind})", [value])


@contextmanager
def connected_to_span(
    con: duckdb.DuckDBPyConnection, days: Sequence[dt.date]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A further connection to a batch; rows of these days only are `in_span` for it.

    Args:
        con: connection of the batch.
        days: consecutive days of the batch.
    """
    path, *values = con.execute(
        "SELECT current_setting('search_path'), "
        + ", ".join(f"getvariable({literal(name)})" for name in _VARIABLES)
    ).fetchall()[0]
    numbers = [number for number, day in enumerate(values[1]) if days[0] <= day <= days[-1]]
    # Days whose deliveries are none of the batch hold no place.
    values[-2:] = (first_place(numbers[0]), first_place(numbers[-1] + 1) - 1) if numbers else (1, 0)
    with con.cursor() as other:
        other.execute(f"SET search_path = {literal(path)}")
        _set_variables(other, values)
        yield other
