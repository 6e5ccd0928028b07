"""Safe pieces of SQL text: names and constants that come from YAML, never from data."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any


def identifier(name: str) -> str:
    """A quoted identifier: ``"name"``, with quotes inside doubled."""
    return '"' + name.replace('"', '""') + '"'


def qualified(table: str, catalog: str | None = None) -> str:
    """Quoted ``"schema"."name"`` of ``schema.name``, with the database before it where given."""
    parts = ([catalog] if catalog else []) + table.split(".")
    return ".".join(identifier(part) for part in parts)


def literal(value: object) -> str:
    """`value` as a DuckDB literal; text is quoted, with quotes inside doubled.

    A float becomes a DOUBLE, as when it is passed as a parameter, and not an exact decimal.

    Raises:
        TypeError: there is no literal for this type.
    """
    write = _LITERALS.get(type(value))
    if write is None:
        raise TypeError(f"no SQL literal for {value!r} of type {type(value).__name__}")
    return write(value)


_LITERALS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: "TRUE" if value else "FALSE",
    int: str,
    Decimal: str,
    float: lambda value: f"CAST('{value!r}' AS DOUBLE)",
    str: lambda value: "'" + value.replace("'", "''") + "'",
    dt.date: lambda value: f"DATE '{value.isoformat()}'",
    dt.datetime: lambda value: f"TIMESTAMP '{value.isoformat(' ')}'",
}
