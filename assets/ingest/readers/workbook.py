"""Workbooks (.xlsx, .xls, .ods) to a raw grid: every sheet, every row, every cell as text.

Dates come as ISO text, whole numbers without a decimal point, other numbers with up to 15
significant digits (what a spreadsheet itself holds), formulas as the value last calculated, errors
as `#DIV/0!` and the like. A formula that was never calculated has no value, and would read as a
blank: such a file is refused, with the cells. A merged cell stands in its first cell, the others
are empty. Columns count from the first one that holds anything; blank rows at the end do not count.
"""

import re
import zipfile
from html import unescape
from pathlib import Path
from typing import Any, Literal, Never

import fastexcel
import polars as pl

from assets.ingest.readers.grid import (
    BOMB_FROM_BYTES,
    BOMB_RATIO,
    CHUNK_BYTES,
    MAX_COLUMNS,
    MAX_WORKBOOK_BYTES,
    MAX_WORKBOOK_CELLS,
    ReadFile,
    as_grid,
    cell_names,
)
from warehouse.connection import Resources
from warehouse.errors import DeliveryError
from warehouse.source import Format

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SEND_AGAIN = "open it in a spreadsheet and save it again, or ask for it to be sent again"

_CELL_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}


def read_workbook(path: Path, file_format: Format, out: Path, _resources: Resources) -> ReadFile:
    """Read every sheet of a workbook; see `read_to_parquet`."""
    if file_format.kind != "xls":
        check_archive(path)
    workbook = _opened(path, file_format.kind)
    sheets = tuple(workbook.sheet_names)
    frames = [_sheet(workbook, name) for name in sheets]
    grid = (
        pl.concat([frame for frame in frames if frame.height], how="diagonal")
        if any(frame.height for frame in frames)
        else pl.DataFrame()
    )
    if not grid.height:
        raise DeliveryError("no sheet of the workbook holds a cell; ask for it to be sent again")
    grid.write_parquet(out)
    return ReadFile(grid.height, sheets=sheets)


# -- before opening


def check_archive(path: Path) -> None:
    """Refuse what is no whole zip archive, needs a password, or unpacks beyond all measure."""
    with path.open("rb") as stream:
        start = stream.read(len(_OLE))
    if start == _OLE:
        raise DeliveryError(
            "the workbook is protected by a password, or it is a legacy .xls; save it as .xlsx "
            "without a password, or set format.kind of the source to xls"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive)
            _check_password(archive)
            _check_extent(archive)
            _check_formulas(archive)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise DeliveryError(
            f"this is no workbook, or only a part of one ({error}); {_SEND_AGAIN}"
        ) from error


def _check_sizes(archive: zipfile.ZipFile) -> None:
    packed = sum(member.compress_size for member in archive.infolist())
    unpacked = sum(member.file_size for member in archive.infolist())
    bomb = unpacked > BOMB_FROM_BYTES and unpacked > BOMB_RATIO * max(packed, 1)
    if bomb or unpacked > MAX_WORKBOOK_BYTES:
        raise DeliveryError(
            f"the workbook unpacks from {packed:,} to {unpacked:,} bytes, which looks like a zip "
            f"bomb; at most {MAX_WORKBOOK_BYTES:,} bytes are read, and {BOMB_RATIO} times the "
            "packed size; send large tables as CSV"
        )


def _check_password(archive: zipfile.ZipFile) -> None:
    """Encrypted OpenDocument says so in its manifest."""
    manifest = "META-INF/manifest.xml"
    if manifest in archive.namelist():
        with archive.open(manifest) as stream:
            if b"encryption-data" in stream.read(CHUNK_BYTES):
                raise DeliveryError("the workbook is protected by a password; save it without one")


def _check_extent(archive: zipfile.ZipFile) -> None:
    """A cell far away would make a huge, almost empty table of its sheet: refuse it by name."""
    for member in archive.infolist():
        if member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml"):
            columns, rows = _extent(archive, member)
            if columns > MAX_COLUMNS or columns * rows > MAX_WORKBOOK_CELLS:
                raise DeliveryError(
                    f"{member.filename} reaches to column {columns:,} and row {rows:,}, more than "
                    f"{MAX_COLUMNS:,} columns or {MAX_WORKBOOK_CELLS:,} cells; clear the cells "
                    "beyond the table and save it again"
                )


# A cell with content; a cell that only has a format closes itself.
_FILLED = re.compile(rb'<(?:\w+:)?c (?:[^<>]*? )?r="([A-Z]{1,3})([0-9]{1,7})"[^<>]*?(?<!/)>')
_LONGEST_TAG = 512


def _extent(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, int]:
    """Last column and last row of a sheet that hold content."""
    letters: set[bytes] = set()
    rows, rest = 0, b""
    with archive.open(member) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            found = _FILLED.findall(rest + chunk)
            letters.update(column for column, _ in found)
            rows = max(rows, *(int(row) for _, row in found[-1:]), 0)
            rest = chunk[-_LONGEST_TAG:]
    return max((_column_number(column) for column in letters), default=0), rows


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


# A formula without a value; a text that is empty (t="str") is one.
_UNCALCULATED = re.compile(
    rb'<(?:\w+:)?c (?![^<>]*\bt="str")[^<>]*?\br="([A-Z]{1,3}[0-9]{1,7})"[^<>]*>\s*'
    rb"<(?:\w+:)?f(?: [^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_LONGEST_CELL = 1 << 16
_SHOWN_CELLS = 5


def _check_formulas(archive: zipfile.ZipFile) -> None:
    """Formulas that no spreadsheet has calculated, as programs write them: refuse them by name."""
    found = []
    for member, sheet in _sheets(archive).items():
        if member in archive.namelist() and (cells := _uncalculated(archive, member)):
            more = f" and {len(cells) - _SHOWN_CELLS:,} more" if len(cells) > _SHOWN_CELLS else ""
            found.append(f"sheet '{sheet}': {', '.join(cells[:_SHOWN_CELLS])}{more}")
    if found:
        raise DeliveryError(
            f"formulas without a calculated value would be read as blanks ({'; '.join(found)}); "
            "open the workbook in a spreadsheet and save it again"
        )


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Member of each worksheet in the archive → name of the sheet."""
    names = archive.namelist()
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= set(names):
        return {}
    book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    links = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    targets = {
        _attribute(tag, "Id"): _attribute(tag, "Target")
        for tag in re.findall(r"<(?:\w+:)?Relationship [^<>]*>", links)
    }
    sheets = re.findall(r"<(?:\w+:)?sheet [^<>]*>", book)
    return {
        f"xl/{targets.get(_attribute(tag, 'r:id'), '')}".replace("xl//xl/", "xl/"): unescape(
            _attribute(tag, "name")
        )
        for tag in sheets
    }


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return found[1] if found else ""


def _uncalculated(archive: zipfile.ZipFile, member: str) -> list[str]:
    """Cells of a sheet with a formula and no value."""
    cells: dict[bytes, None] = {}
    rest = b""
    with archive.open(member) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            text = rest + chunk
            if b"f>" in text or b"<f" in text:
                cells |= dict.fromkeys(_UNCALCULATED.findall(text))
            rest = text[-_LONGEST_CELL:]
    return [cell.decode() for cell in cells]


# -- sheets


def _opened(path: Path, kind: str) -> fastexcel.ExcelReader:
    try:
        return fastexcel.read_excel(path)
    except BaseException as error:  # noqa: BLE001 - a panic in the library is no Exception
        _refuse(error, f"this cannot be read as .{kind}")


def _sheet(workbook: fastexcel.ExcelReader, name: str) -> pl.DataFrame:
    cells = _cells(workbook, name)
    if cells.width > MAX_COLUMNS:
        raise DeliveryError(
            f"sheet '{name}' has {cells.width:,} columns, more than {MAX_COLUMNS:,}; clear the "
            "cells beyond the table and save it again"
        )
    return as_grid(cells, 1, name)


def _refuse(error: BaseException, what: str) -> Never:
    """Turn an error of the library into one sentence; let interruptions pass."""
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise error
    reason = str(error).split("\n", 1)[0].strip()
    if "password" in reason.lower() or "encrypt" in reason.lower():
        raise DeliveryError(
            "the workbook is protected by a password; save it without one"
        ) from error
    raise DeliveryError(f"{what} ({reason}); {_SEND_AGAIN}") from error


def _cells(workbook: fastexcel.ExcelReader, name: str) -> pl.DataFrame:
    """All cells of a sheet as text, in columns c1 … cN."""
    cells, errors = _loaded(workbook, name, "string")
    cells = _with_errors(cells, errors)
    if rounded := [column for column in cells.columns if _may_be_rounded(cells[column])]:
        numbers, _ = _loaded(workbook, name, "float")
        cells = cells.with_columns(
            _exact(cells[column], numbers[column]).alias(column) for column in rounded
        )
    return cells.with_columns(_iso_dates(pl.all()))


def _loaded(
    workbook: fastexcel.ExcelReader, name: str, as_type: Literal["string", "float"]
) -> tuple[pl.DataFrame, list[Any]]:
    """Cells of a sheet in columns c1 … cN, and the cells that the library could not turn."""
    try:
        sheet = workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes=as_type)
        if not sheet.width:
            return pl.DataFrame(), []
        batch, errors = sheet.to_arrow_with_errors()
    except BaseException as error:  # noqa: BLE001 - as above
        _refuse(error, f"sheet '{name}' cannot be read")
    cells = pl.DataFrame(pl.from_arrow(batch))
    cells.columns = cell_names(cells.width)
    return cells, errors.errors if errors else []


def _with_errors(cells: pl.DataFrame, errors: list[Any]) -> pl.DataFrame:
    """Write `#DIV/0!` and the like where the library found an error instead of a text."""
    for error in errors:
        row, column = error.offset_position
        kind = re.search(r"Error\((\w+)\)", error.detail)
        text = _CELL_ERRORS.get(kind[1], f"#{kind[1]}") if kind else f"#{error.detail}"
        cells[row, column] = text
    return cells


def _iso_dates(text: pl.Expr) -> pl.Expr:
    """A day without a time, a time without the day zero, a blank between the two otherwise."""
    return (
        text.str.replace(r"^(\d{4}-\d{2}-\d{2})[T ]00:00:00(?:\.0+)?$", "$1")
        .str.replace(r"^(?:1899-12-3[01]|1904-01-01)[T ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)$", "$1")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2}(?:\.\d+)?)$", "$1 $2")
    )


def _may_be_rounded(text: pl.Series) -> bool:
    """The library writes numbers with nine decimals at most, without the zeros at their end.

    So 0.0000000001 becomes 0, and 0.0000000095 becomes 0.00000001.
    """
    return bool(text.str.contains(r"^(?:-?0|-?0\.000\d*|-?\d+\.\d{8,9})$").any())


def _exact(text: pl.Series, number: pl.Series) -> pl.Series:
    """Texts of a column, with those that lost digits written anew from their numbers."""
    lost = text.str.contains(r"^-?\d+(?:\.\d+)?$") & (
        (text.cast(pl.Float64, strict=False) - number).abs() > number.abs() * 1e-14
    )
    return text.zip_with(~lost.fill_null(value=False), _decimal_text(number))


_SCIENTIFIC = r"^(-?)(\d)(?:\.0|\.(\d+))?e-(\d+)$"  # sign, first digit, others, exponent


def _decimal_text(number: pl.Series) -> pl.Series:
    """Numbers to 15 significant digits in plain notation: 1.5e-10 → 0.00000000015."""
    exact, rounded = number.cast(pl.String), number.round_sig_figs(15).cast(pl.String)
    # Rounding is itself inexact; it counts where it takes digits away.
    short = rounded.zip_with(rounded.str.len_chars() < exact.str.len_chars(), exact)
    frame = pl.DataFrame({"short": short}).with_columns(
        sign=pl.col("short").str.extract(_SCIENTIFIC, 1),
        first=pl.col("short").str.extract(_SCIENTIFIC, 2),
        others=pl.col("short").str.extract(_SCIENTIFIC, 3).fill_null(""),
        exponent=pl.col("short").str.extract(_SCIENTIFIC, 4).cast(pl.Int64),
    )
    zeros = pl.lit("0" * 330).str.head(pl.col("exponent") - 1)
    plain = pl.concat_str("sign", pl.lit("0."), zeros, "first", "others")
    return frame.select(pl.coalesce(plain, "short")).to_series()
