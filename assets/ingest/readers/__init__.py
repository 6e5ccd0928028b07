"""Readers: a delivered file becomes a raw grid of text cells in Parquet.

The grid has `source_sheet` (text, null where there are no sheets), `source_row` (integer from 1)
and `c1` … `cN` (text, null for an empty cell). Every row of the file is a row of the grid, header
and blank rows included:

* delimited text: `source_row` is the number of the record, as a spreadsheet would show it;
* workbooks: the row number that a spreadsheet shows, columns from the first filled one;
* JSON: row 1 holds the names of the fields, records follow from row 2; where the records are
  lists of cells they are rows themselves, from row 1, or from row 3 below what the file states and
  the labels, where the format names these;
* Parquet: row 1 holds the names of the columns, records follow from row 2.
"""

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl

from assets.ingest.readers.grid import ReadFile
from assets.ingest.readers.structured import read_json, read_parquet
from assets.ingest.readers.text import read_text
from assets.ingest.readers.workbook import read_workbook
from warehouse.connection import Resources
from warehouse.errors import DeliveryError, SamplehouseError, printable
from warehouse.source import FileKind, Format
from warehouse.tables import scratch_folder

__all__ = ["ReadFile", "read_to_parquet"]

_Reader = Callable[[Path, Format, Path, Resources], ReadFile]
_READERS: dict[FileKind, _Reader] = {
    "csv": read_text,
    "tsv": read_text,
    "xlsx": read_workbook,
    "xls": read_workbook,
    "ods": read_workbook,
    "json": read_json,
    "parquet": read_parquet,
}


def read_to_parquet(
    path: Path, file_format: Format, out: Path, resources: Resources | None = None
) -> ReadFile:
    """Read a delivered file into a raw grid; `out` appears only when all of it was read.

    Args:
        path: the file as received; its name may hold anything.
        file_format: how bytes become cells.
        out: Parquet file to write; its folder is made, an older file is replaced.
        resources: limits of DuckDB; this machine's by default.

    Raises:
        DeliveryError: the file cannot be read whole; the message says where and what to do.
        SamplehouseError: the machine cannot read it now, such as for want of disk space or memory.
    """
    name = printable(path.name)
    if path.stat().st_size == 0:
        raise DeliveryError(f"{name}: the file is empty (0 bytes); ask for it to be sent again")
    with scratch_folder(out.parent, "reading") as folder:
        # The engines take some characters of a file name for patterns; a link has none.
        link = folder / f"delivered.{file_format.kind}"
        link.symlink_to(path.resolve())
        grid = folder / "grid.parquet"
        try:
            result = _READERS[file_format.kind](
                link, file_format, grid, resources or Resources.of_machine()
            )
        except DeliveryError as error:
            raise DeliveryError(f"{name}: {error}") from error
        except (OSError, MemoryError, duckdb.Error, pl.exceptions.ComputeError) as error:
            reason = str(error).split("\n", 1)[0] or type(error).__name__
            raise SamplehouseError(
                f"{name} cannot be read on this machine now ({reason}); it stays in landing: see "
                "that there is disk space and memory, then run again"
            ) from error
        os.replace(grid, out)  # noqa: PTH105 - the two lie in one folder, so this is atomic
    return result
