"""Safe pieces of SQL text: names and constants that come from YAML, never from data."""

import datetime as dt
from decimal import Decimal


def identifier(name: str) -> str:
    """A quoted identifier: ``"name"``, with quotes inside doubled."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A constant as a DuckDB literal; text is quoted, with quotes inside doubled.

    Raises:
        TypeError: the value is of no type that a declaration can hold.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"no SQL literal for {type(value).__name__}")
