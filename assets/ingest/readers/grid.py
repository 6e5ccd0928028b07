"""The raw grid that every reader writes, and the bounds of what is read."""

from dataclasses import dataclass

import polars as pl

# Bounds that no honest delivery meets; beyond them a file is broken, or made to do harm.
MAX_COLUMNS = 2_000
MAX_LINE_BYTES = 1 << 20
MAX_CELL_CHARACTERS = 1 << 20
MAX_WORKBOOK_BYTES = 1 << 30
MAX_WORKBOOK_CELLS = 100_000_000
MAX_JSON_BYTES = 1 << 29
BOMB_RATIO, BOMB_FROM_BYTES = 200, 100 << 20

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class ReadFile:
    """What was read.

    Attributes:
        rows: rows of the grid, header and blank rows included.
        encoding: encoding that a text file decoded with, None for other kinds.
        sheets: names of a workbook's sheets in their order, empty for other kinds.
        notes: what a person should know of the reading, such as the way it took.
    """

    rows: int
    encoding: str | None = None
    sheets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def cell_names(width: int) -> list[str]:
    """Names of the cell columns: c1 … c`width`."""
    return [f"c{number}" for number in range(1, width + 1)]


def as_grid(cells: pl.DataFrame, first_row: int, sheet: str | None = None) -> pl.DataFrame:
    """Number the rows of text cells and name their sheet; empty text becomes null.

    Args:
        cells: text columns in the order of the file, whatever their names.
        first_row: `source_row` of the first row.
        sheet: name of the sheet, None where there are no sheets.
    """
    cells.columns = cell_names(cells.width)
    texts = [pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in cells.columns]
    rows = pl.int_range(first_row, first_row + pl.len(), dtype=pl.Int64)
    return cells.select(
        pl.lit(sheet, dtype=pl.String).alias("source_sheet"), rows.alias("source_row"), *texts
    )
