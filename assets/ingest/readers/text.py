"""Delimited text (CSV, TSV) to a raw grid: exact, bounded, and fast where the file allows it.

Two ways lead to the same grid. DuckDB streams a file of any size, but it skips blank lines, drops
an unfinished last record and trims around quotes; so its grid counts only when it has exactly one
row for each line of the file and no quote stands next to a space. All other files take the
careful way, Python's own CSV module in chunks, which also finds the row that is wrong.
"""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path

import duckdb
import polars as pl

from assets.ingest.readers.grid import (
    CHUNK_BYTES,
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    MAX_LINE_BYTES,
    ReadFile,
    as_grid,
    cell_names,
)
from warehouse.connection import Resources, connect
from warehouse.errors import DeliveryError
from warehouse.source import Format
from warehouse.tables import row_count, write_query

_CELLS_PER_CHUNK, _ROWS_PER_CHUNK = 200_000, 20_000

_NOT_TEXT = {
    b"PK\x03\x04": "a zip archive or a workbook (.xlsx, .ods)",
    b"\xd0\xcf\x11\xe0": "a legacy workbook (.xls)",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip archive",
}


@dataclass(frozen=True)
class Layout:
    """What a pass over the bytes of a UTF-8 text tells.

    Attributes:
        lines: physical lines, a last one without line end included.
        quoted: whether a quotation mark occurs.
        spaced_quotes: whether one stands next to a space, where CSV readers differ.
    """

    lines: int
    quoted: bool
    spaced_quotes: bool


def read_text(path: Path, file_format: Format, out: Path, resources: Resources) -> ReadFile:
    """Read delimited text; see `read_to_parquet`. Scratch files lie beside `out`."""
    text, encoding = decoded_file(path, file_format.encodings, out.with_name("decoded"))
    layout = inspect(text)
    separator = file_format.separator
    rows = None
    if not layout.spaced_quotes:
        rows = read_fast(text, separator, layout, out, resources)
    if rows is not None:
        return ReadFile(rows, encoding, notes=("streamed",))
    return ReadFile(read_carefully(text, separator, out), encoding, notes=("row by row",))


# -- bytes to UTF-8


def decoded_file(path: Path, encodings: tuple[str, ...], scratch: Path) -> tuple[Path, str]:
    """The file as UTF-8, and the first of `encodings` that decodes every byte of it.

    Returns:
        `path` itself where it is UTF-8 already, else `scratch`, which is written.

    Raises:
        DeliveryError: the file is no text, or none of the encodings fits.
    """
    _refuse_other_formats(path, encodings)
    failures = []
    for encoding in encodings:
        plain = codecs.lookup(encoding).name in {"utf-8", "utf-8-sig", "ascii"}
        try:
            if plain:
                _check_utf8(path)
                return path, encoding
            _transcode(path, encoding, scratch)
        except UnicodeError as error:
            failures.append(f"{encoding} ({error})")
        else:
            return scratch, encoding
    raise DeliveryError(
        f"the text is in none of the encodings that were tried: {', '.join(failures)}; name the "
        "right one under format.encodings of the source, or ask for UTF-8"
    )


def _refuse_other_formats(path: Path, encodings: tuple[str, ...]) -> None:
    with path.open("rb") as stream:
        start = stream.read(8)
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if wide and not any(codecs.lookup(name).name.startswith("utf-16") for name in encodings):
        raise DeliveryError(
            "the text is UTF-16 (it starts with a byte order mark); add utf-16 to "
            "format.encodings of the source"
        )
    for magic, what in _NOT_TEXT.items():
        if start.startswith(magic):
            raise DeliveryError(
                f"this is {what}, not delimited text; set format.kind of the source, or ask for "
                "the file as CSV"
            )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _decoded_chunks(path: Path, encoding: str) -> Iterator[str]:
    """Decode piece by piece; a byte that does not fit is named by its place in the whole file."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset, lines = 0, 1
    for chunk in _chunks(path):
        pending = len(decoder.getstate()[0])
        yield _decode(decoder, chunk, offset - pending, lines, final=False)
        offset += len(chunk)
        lines += chunk.count(b"\n")
    yield _decode(decoder, b"", offset - len(decoder.getstate()[0]), lines, final=True)


def _decode(
    decoder: codecs.IncrementalDecoder, chunk: bytes, offset: int, lines: int, *, final: bool
) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        line = lines + error.object[: error.start].count(b"\n")
        raise UnicodeError(f"byte {offset + error.start + 1:,}, line {line:,}") from error


def _check_utf8(path: Path) -> None:
    for _ in _decoded_chunks(path, "utf-8"):
        pass


def _transcode(path: Path, encoding: str, target: Path) -> None:
    with target.open("w", encoding="utf-8", newline="") as stream:
        for text in _decoded_chunks(path, encoding):
            stream.write(text.removeprefix("\ufeff") if stream.tell() == 0 else text)


# -- one pass over the bytes


def inspect(path: Path) -> Layout:
    """Count lines and refuse what no text table holds: NUL bytes and endless lines.

    Args:
        path: text in UTF-8.
    """
    ending = _line_ending(path)
    lines, line_bytes, quoted, spaced, last = 0, 0, False, False, b""
    for chunk in _chunks(path):
        if b"\x00" in chunk:
            line = lines + chunk[: chunk.index(b"\x00")].count(ending) + 1
            raise DeliveryError(
                f"line {line:,} holds NUL bytes, so this is binary data or a damaged text; ask for "
                "it to be exported again as CSV"
            )
        first_end = chunk.find(ending)
        if line_bytes + (len(chunk) if first_end < 0 else first_end) > MAX_LINE_BYTES:
            raise DeliveryError(
                f"line {lines + 1:,} is longer than {MAX_LINE_BYTES:,} bytes; this is no table "
                "with one record on a line, or its line ends are lost"
            )
        line_bytes = (
            line_bytes + len(chunk) if first_end < 0 else len(chunk) - chunk.rfind(ending) - 1
        )
        lines += chunk.count(ending)
        quoted = quoted or b'"' in chunk
        joint = last + chunk
        spaced = spaced or (quoted and (b' "' in joint or b'" ' in joint))
        last = chunk[-1:]
    return Layout(lines + (last != ending), quoted, spaced)


def _line_ending(path: Path) -> bytes:
    """The byte that ends lines: LF, or CR in a text of an old Macintosh."""
    carriage_return = False
    for chunk in _chunks(path):
        if b"\n" in chunk:
            return b"\n"
        carriage_return = carriage_return or b"\r" in chunk
    return b"\r" if carriage_return else b"\n"


# -- cells


def read_fast(
    path: Path, separator: str, layout: Layout, out: Path, resources: Resources
) -> int | None:
    """Stream the text through DuckDB.

    Empty cells to the right of the first record's last cell may be left off: they say nothing.

    Returns:
        Rows written to `out`; None where the file needs the careful way, or DuckDB more memory.

    Raises:
        duckdb.IOException: the disk is full, or does not work.
    """
    width = _first_width(path, separator)
    if width is None:
        return None
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in cell_names(width))
    given = {
        "path": str(path),
        "separator": separator,
        "longest": 2 * MAX_LINE_BYTES,
        "buffer": 4 * MAX_LINE_BYTES,
        # A quoted line end must not be taken for a border.
        "parallel": not layout.quoted,
    }
    try:
        # Numbering the rows takes one thread; a second would only wait for it, at full speed.
        with connect(replace(resources, threads=1)) as con:
            write_query(con, _READ_FAST.format(columns=columns), out, given)
    except duckdb.IOException:
        raise
    except duckdb.Error:
        return None
    return layout.lines if row_count(out) == layout.lines else None


_READ_FAST = """
    SELECT CAST(NULL AS VARCHAR) AS source_sheet, row_number() OVER () AS source_row, *
    FROM read_csv($path, header = false, sep = $separator, quote = '"', escape = '"', nullstr = '',
        auto_detect = false, strict_mode = true, max_line_size = $longest, buffer_size = $buffer,
        parallel = $parallel, columns = {{{columns}}})
"""


def _first_width(path: Path, separator: str) -> int | None:
    """Cells of the first record, None where it is blank or malformed."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            first = next(csv.reader(stream, delimiter=separator, strict=True), [])
        except csv.Error:
            return None
    return len(first) if 0 < len(first) <= MAX_COLUMNS else None


def read_carefully(path: Path, separator: str, out: Path) -> int:
    """Read with Python's CSV module, chunk by chunk; rows may differ in width.

    Returns:
        Rows written to `out`.

    Raises:
        DeliveryError: a quote is not closed, text follows a closing quote, or a row is too wide.
    """
    parts: list[Path] = []
    rows = 0
    for cells in _record_chunks(path, separator):
        width = max(1, *map(len, cells))
        if width > MAX_COLUMNS:
            row = rows + 1 + [len(record) > MAX_COLUMNS for record in cells].index(True)
            raise DeliveryError(
                f"row {row:,} has {width:,} columns, more than {MAX_COLUMNS:,}; is the delimiter "
                f"{separator!r} right, and are line ends lost?"
            )
        columns = dict(zip(cell_names(width), zip_longest(*cells), strict=False))
        frame = pl.DataFrame(columns, schema=dict.fromkeys(cell_names(width), pl.String()))
        parts.append(out.with_name(f"part-{len(parts)}.parquet"))
        as_grid(_padded(frame, len(cells)), rows + 1).write_parquet(parts[-1])
        rows += len(cells)
    if not parts:
        raise DeliveryError("the file holds no text; ask for it to be sent again")
    if len(parts) == 1:
        parts[0].replace(out)
    else:
        grids = [pl.scan_parquet(part, glob=False) for part in parts]
        pl.concat(grids, how="diagonal").sink_parquet(out)
    return rows


def _padded(frame: pl.DataFrame, height: int) -> pl.DataFrame:
    """A chunk of blank rows only has no cells to tell its height by."""
    return frame if frame.height == height else frame.clear(height)


def _record_chunks(path: Path, separator: str) -> Iterator[list[list[str]]]:
    """Records in chunks of bounded size."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=separator, strict=True)
        rows_at_once, before = 100, 0
        while True:
            records: list[list[str]] = []
            try:
                records.extend(islice(reader, rows_at_once))
            except csv.Error as error:
                raise _malformed(error, before + len(records) + 1, reader.line_num) from error
            if not records:
                return
            yield records
            before += len(records)
            width = max(1, *map(len, records))
            rows_at_once = max(1, min(_CELLS_PER_CHUNK // width, _ROWS_PER_CHUNK))


def _malformed(error: csv.Error, row: int, line: int) -> DeliveryError:
    text = str(error)
    if "unexpected end" in text or "field larger" in text:
        return DeliveryError(
            f"row {row:,}: a quotation mark opens a cell and nothing closes it up to line "
            f"{line:,}; close it, or double quotation marks inside a quoted cell"
        )
    return DeliveryError(
        f"row {row:,}, line {line:,}: text follows a closing quotation mark; double quotation "
        "marks inside a quoted cell"
    )
