"""What commands are given on the command line, read in one way."""

import datetime as dt

import typer


def as_day(text: str) -> dt.date:
    """The day that a text such as 2024-05-01 names."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no day such as 2024-05-01") from None
