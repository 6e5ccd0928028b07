"""Headers: where they stand in a raw grid, and what they say."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from warehouse.errors import DeliveryError
from warehouse.source import Header

# A header stands near the top; a label found further down would be data.
SEARCHED_ROWS = 200

Cells = tuple[str | None, ...]


@dataclass(frozen=True)
class FoundHeader:
    """Where a header stands and what it says.

    Attributes:
        first_row: `source_row` of its first row, 0 where the names come from the declaration.
        last_row: `source_row` of its last row, 0 likewise.
        labels: one label for each column up to the last labelled one, None for an unlabelled one.
        rows: cells of each header row, to know it again further down.
    """

    first_row: int
    last_row: int
    labels: tuple[str | None, ...]
    rows: tuple[Cells, ...]


def label_key(label: str) -> str:
    """What two spellings of a label have in common: width and spaces do not count."""
    return "".join(unicodedata.normalize("NFKC", label).split())


def clean_label(label: str) -> str:
    """A label on one line with single spaces."""
    return " ".join(label.split())


def find_header(grid: pl.LazyFrame, header: Header, where: str) -> FoundHeader:
    """Find the header of one sheet or file; only the first rows are read.

    Args:
        grid: raw grid of one sheet (`source_row`, `c1` …).
        header: how the header is told.
        where: file and sheet for messages.

    Raises:
        DeliveryError: there is no such header.
    """
    if header.columns:
        return FoundHeader(0, 0, tuple(header.columns), ())
    last = (header.row or 1) + header.rows - 1
    top = grid.filter(pl.col("source_row") <= (SEARCHED_ROWS if header.find else last))
    names = [name for name in grid.collect_schema().names() if name not in _PLACE]
    found = top.sort("source_row").select("source_row", *names).collect()
    first_rows = {row[0]: tuple(_filled(cell) for cell in row[1:]) for row in found.rows()}
    start = _search(first_rows, header, where) if header.find else header.row or 1
    wanted = range(start, start + header.rows)
    blank: Cells = (None,) * len(names)
    rows = tuple(first_rows.get(number, blank) for number in wanted)
    labels = _joined(rows)
    if not labels:
        raise DeliveryError(
            f"{where}: row {start} should hold the header and is blank; move the header there, or "
            "state header.row or header.find in the source"
        )
    return FoundHeader(start, start + header.rows - 1, labels, rows)


_PLACE = ("source_sheet", "source_row")


def _filled(cell: str | None) -> str | None:
    return cell.strip() or None if cell else None


def _search(rows: Mapping[int, Cells], header: Header, where: str) -> int:
    """The first row from which all labels of `header.find` are there, one of them in that row."""
    wanted = {label_key(label) for label in header.find}
    blank: Cells = ()
    for number, cells in rows.items():
        block = [rows.get(number + below, blank) for below in range(header.rows)]
        joined = _keys(_joined(tuple(block)))
        in_block = joined.union(*(_keys(row) for row in block))
        if wanted <= in_block and wanted & (_keys(cells) | joined):
            return number
    raise DeliveryError(
        f"{where}: no row among the first {SEARCHED_ROWS} holds the header labels "
        f"{', '.join(header.find)}; is this the right kind of file, or are they renamed? Then "
        "change header.find in the source"
    )


def _keys(cells: Iterable[str | None]) -> set[str]:
    return {label_key(cell) for cell in cells if cell}


def _joined(rows: Sequence[Cells]) -> tuple[str | None, ...]:
    """One label for each column: merged rows joined by `/`, up to the last labelled column.

    A cell merged over several columns holds its text in the first of them; it goes on over those
    that have a label of their own below.
    """
    width = max((len(row) for row in rows), default=0)
    grid = [(*row, *(None,) * (width - len(row))) for row in rows]
    filled = []
    for depth, row in enumerate(grid):
        below = grid[depth + 1 :]
        current: str | None = None
        line = []
        for column, cell in enumerate(row):
            current = cell or current
            goes_on = any(lower[column] for lower in below)
            line.append(cell or (current if goes_on else None))
        filled.append(line)
    labels = [
        "/".join(clean_label(c) for c in column if c) or None
        for column in zip(*filled, strict=True)
    ]
    while labels and labels[-1] is None:
        labels.pop()
    return tuple(labels)


def fate_above_data(found: FoundHeader, cells: list[str]) -> pl.Expr:
    """Why a row is no data: above the header, the header, blank, or the header again; else null."""
    row = pl.col("source_row")
    # Blank cells are rarely only spaces; the cheap test comes first, the other one for the rest.
    blank = pl.all_horizontal(
        pl.col(cell).is_null() | (pl.col(cell).str.strip_chars() == "") for cell in cells
    )
    fates = [
        (row < found.first_row, "above_header"),
        (row.is_between(max(found.first_row, 1), found.last_row), "header"),
        (blank, "blank_row"),
        *((_same_cells(cells, again), "repeated_header") for again in found.rows if any(again)),
    ]
    return pl.coalesce(pl.when(condition).then(pl.lit(reason)) for condition, reason in fates)


def _same_cells(cells: list[str], labels: Cells) -> pl.Expr:
    """Whether a row says the same as a header row, where that says anything."""
    return pl.all_horizontal(
        pl.col(cell).str.strip_chars().eq_missing(pl.lit(label))
        for cell, label in zip(cells, labels, strict=False)
        if label is not None
    )
