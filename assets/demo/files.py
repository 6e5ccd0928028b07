"""Writing the deliveries as files, with the same bytes for the same content."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from warehouse.errors import ConfigurationError

# A workbook states when it was made; a fixed moment keeps the bytes equal.
_MADE_AT = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - workbooks know no time zones
_MOST_SHEET_ROWS = 1_048_576


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook.

    Attributes:
        name: up to 31 characters.
        title: line above everything else, over the whole width.
        groups: labels over several columns: (first column, last column, label), 0-based.
        rows: text of the data rows, a NULL is an empty cell.
        footnote: line below the data.
    """

    name: str
    title: str
    rows: pl.DataFrame
    groups: Sequence[tuple[int, int, str]] = ()
    footnote: str | None = None


def write_csv(path: Path, rows: pl.DataFrame, encoding: str, line_end: str = "\r\n") -> None:
    """Write text rows as a CSV file; a blank row is a line of commas, as spreadsheets write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(rows.write_csv(line_terminator=line_end).encode(encoding))


def write_workbook(
    path: Path, sheets: Sequence[Sheet], dates: Sequence[str] = (), numbers: Sequence[str] = ()
) -> None:
    """Write sheets to an xlsx file.

    Args:
        path: file to write; its folder is made.
        sheets: in order.
        dates: columns whose ISO dates become date cells; other text stays text.
        numbers: columns whose numbers become number cells; other text stays text.

    Raises:
        ConfigurationError: a sheet would have more rows than a workbook can hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_date_format": "yyyy-mm-dd",
        "in_memory": True,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": _MADE_AT})
        formats = {
            "title": book.add_format({"bold": True, "font_size": 14, "align": "center"}),
            "header": book.add_format({"bold": True, "align": "center", "bottom": 1}),
        }
        for sheet in sheets:
            if sheet.rows.height > _MOST_SHEET_ROWS - 10:
                raise ConfigurationError(
                    f"{path.name}: sheet '{sheet.name}' would have {sheet.rows.height} rows, a "
                    f"workbook holds {_MOST_SHEET_ROWS}; use a smaller scale"
                )
            _write_sheet(book, sheet, formats, dates, numbers)


def _write_sheet(
    book: Any,
    sheet: Sheet,
    formats: Mapping[str, Any],
    dates: Sequence[str],
    numbers: Sequence[str],
) -> None:
    page = book.add_worksheet(sheet.name)
    labels = sheet.rows.columns
    page.merge_range(0, 0, 0, len(labels) - 1, sheet.title, formats["title"])
    for first, last, label in sheet.groups:
        page.merge_range(1, first, 1, last, label, formats["header"])
    top = 2 if sheet.groups else 1
    page.write_row(top, 0, labels, formats["header"])
    for place, label in enumerate(labels):
        cells = sheet.rows[label]
        typed = _typed(cells, label, dates, numbers)
        if typed is not None:
            page.write_column(top + 1, place, typed.to_list())  # empty cells are skipped
            cells = pl.select(pl.when(typed.is_null()).then(cells)).to_series()
        page.write_column(top + 1, place, cells.to_list())
    if sheet.footnote:
        page.write(top + 1 + sheet.rows.height, 0, sheet.footnote)


def _typed(
    cells: pl.Series, label: str, dates: Sequence[str], numbers: Sequence[str]
) -> pl.Series | None:
    if label in dates:
        return cells.str.to_date("%Y-%m-%d", strict=False)
    if label in numbers:
        return cells.cast(pl.Float64, strict=False)
    return None
