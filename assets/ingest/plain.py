"""Plain tables: text files with their header in the first row and nothing to reshape.

Most rows come this way. Many deliveries with one header are one query over their raw grids, and
nothing is copied: the batch reads cells straight into typed columns. Whatever is not as plain as
that (a wrong header, cells beyond it) is left to `reshape`, which knows the words for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq

from assets.ingest.columns import name_columns, wanted_columns
from assets.ingest.header import FoundHeader, find_header
from assets.ingest.place import first_place
from assets.ingest.readers.grid import cell_names
from assets.ingest.reshape import table_for
from assets.ingest.steps import PLACE, Rows, apply_step, makes
from warehouse.errors import DeliveryError
from warehouse.source import Source, Table
from warehouse.source_steps import Extract
from warehouse.sql import identifier, literal


@dataclass(frozen=True)
class PlainFile:
    """One delivery that may be plain.

    Attributes:
        number: the delivery's number in the batch.
        file_name: name of the delivered file.
        raw: its raw grid.
    """

    number: int
    file_name: str
    raw: Path


@dataclass
class PlainGroup:
    """Files of one table with one header.

    Attributes:
        table_name: table of the source.
        names: cell column → name of those columns that are needed.
        header: the header that they all have.
        width: cell columns of their grids.
        unmapped: columns that the source says nothing of.
        made: columns that are one value for a whole file, in order.
        files: the files, with the values of `made`.
    """

    table_name: str
    names: Mapping[str, str]
    header: FoundHeader
    width: int
    unmapped: tuple[str, ...]
    made: tuple[str, ...]
    files: list[tuple[PlainFile, tuple[str | None, ...]]] = field(default_factory=list)


def plain_groups(
    source: Source, files: Iterable[PlainFile], needed: Mapping[str, Sequence[str]]
) -> list[PlainGroup]:
    """Those files that are plain, by table and header.

    Args:
        source: how they are read.
        files: deliveries of the batch.
        needed: table → columns that its records read.
    """
    if source.format.kind not in ("csv", "tsv"):
        return []
    groups: dict[tuple[str, int, tuple[str | None, ...]], PlainGroup | None] = {}
    for file, table_name in _candidates(source, files):
        width = len(pq.read_schema(file.raw).names) - len(PLACE)
        top = pl.scan_parquet(file.raw, glob=False).head(1)
        try:
            found = find_header(top, source.tables[table_name].header, "")
            key = (table_name, width, found.labels)
            if key not in groups:
                groups[key] = _group(source, table_name, found, width, needed[table_name])
            group = groups[key]
        except DeliveryError:
            continue
        if group is not None:
            group.files.append((file, _made(source.tables[table_name], file, source.missing)))
    return [group for group in groups.values() if group is not None]


def _candidates(source: Source, files: Iterable[PlainFile]) -> Iterator[tuple[PlainFile, str]]:
    plain = {name for name, table in source.tables.items() if _is_plain(table)}
    for file in files:
        name = table_for(source, file.file_name, None)
        if name in plain:
            yield file, name


def _is_plain(table: Table) -> bool:
    header = table.header
    in_first_row = (header.row or 1) == 1 and header.rows == 1
    steps = [step.action for step in table.reshape]
    return (
        bool(table.records)
        and not (table.lookup or table.stated_rows)
        and in_first_row
        and not (header.find or header.columns)
        and all(isinstance(step, Extract) and step.source == "$file" for step in steps)
    )


def _group(
    source: Source, table_name: str, found: FoundHeader, width: int, needed: Sequence[str]
) -> PlainGroup | None:
    """The group of a header; None where columns want the words or the steps of `reshape`."""
    table = source.tables[table_name]
    made = tuple(dict.fromkeys(name for s in table.reshape for name in makes(s.action)))
    named = name_columns(found, table, wanted_columns(source, table_name), width, "")
    if len(found.labels) != width or set(made) & set(named.names.values()):
        return None
    names = {cell: name for cell, name in named.names.items() if name in needed}
    return PlainGroup(table_name, names, found, width, named.unmapped, made)


def _made(table: Table, file: PlainFile, missing: tuple[str, ...]) -> tuple[str | None, ...]:
    """What the steps make of the file's name."""
    rows = Rows(
        pl.LazyFrame({"source_sheet": [None], "source_row": [1]}), file.file_name, {}, missing
    )
    for step in table.reshape:
        rows = apply_step(rows, step.action)
    return rows.frame.drop(PLACE).collect().row(0)


def load_plain(
    con: duckdb.DuckDBPyConnection,
    group: PlainGroup,
    number: int,
    columns: Sequence[str],
    missing: Sequence[str],
) -> str:
    """Make a group readable; rows that hold no record go to `ignored`.

    Args:
        con: connection of the batch.
        group: the files.
        number: of the group in the batch.
        columns: text columns of the staged table, in order.
        missing: texts that mean no value.

    Returns:
        SELECT of the staged rows.
    """
    grid, files = f"plain_grid_{number}", f"plain_file_{number}"
    paths = [str(file.raw) for file, _ in group.files]
    made = {name: [values[i] for _, values in group.files] for i, name in enumerate(group.made)}
    frame = pl.DataFrame(
        {
            "filename": paths,
            "first_place": [first_place(file.number) for file, _ in group.files],
            **{f"made_{name}": values for name, values in made.items()},
        },
        schema_overrides={f"made_{name}": pl.String() for name in made},
    )
    con.register("frame", frame)
    con.execute(f"CREATE TABLE {identifier(files)} AS FROM frame")
    con.unregister("frame")
    con.read_parquet(paths, filename=True, hive_partitioning=False).create_view(grid)
    cells = cell_names(group.width)
    fate = _fate(group.header, cells)
    suspect = f"FROM {identifier(grid)} SELECT 1 WHERE {_suspect(group.header, cells)} LIMIT 1"
    if not con.execute(suspect).fetchall():
        fate = "CASE WHEN source_row = 1 THEN 'header' END"  # so the other cells need no look
    located = f"FROM {identifier(grid)} AS g JOIN {identifier(files)} AS f USING (filename)"
    con.execute(
        f"INSERT INTO ignored SELECT f.first_place + source_row AS row_id, {fate} AS reason "
        f"{located} WHERE {fate} IS NOT NULL"
    )
    by_name = {name: cell for cell, name in group.names.items()}
    texts = ", ".join(
        f"{_text(name, by_name, made, missing)} AS {identifier(name)}" for name in columns
    )
    return (
        f"SELECT f.first_place + source_row AS row_id, 1 AS part{', ' if texts else ''}{texts} "
        f"{located} WHERE {fate} IS NULL"
    )


def _text(
    name: str, by_name: Mapping[str, str], made: Mapping[str, object], missing: Sequence[str]
) -> str:
    if name in made:
        return f"f.{identifier(f'made_{name}')}"
    if name not in by_name:
        return "CAST(NULL AS VARCHAR)"
    cell = f"stripped({by_name[name]})"
    absent = [text for text in missing if text]
    if not absent:
        return cell
    return f"CASE WHEN {cell} NOT IN ({', '.join(map(literal, absent))}) THEN {cell} END"


def _suspect(header: FoundHeader, cells: Sequence[str]) -> str:
    """What holds, by one cell alone, for every row that `_fate` leaves out beside the header."""
    cell, label = next((c, label) for c, label in zip(cells, header.rows[0], strict=False) if label)
    return f"source_row > 1 AND coalesce(stripped({cell}) = {literal(label)}, TRUE)"


def _fate(header: FoundHeader, cells: Sequence[str]) -> str:
    """Why a row is no data, as `reshape` says it: the header, blank, or the header again."""
    blank = " AND ".join(f"stripped({cell}) IS NULL" for cell in cells)
    labels = [(cell, label) for cell, label in zip(cells, header.rows[0], strict=False) if label]
    again = " AND ".join(
        f"coalesce(stripped({cell}) = {literal(label)}, FALSE)" for cell, label in labels
    )
    return (
        f"CASE WHEN source_row = 1 THEN 'header' WHEN {blank} THEN 'blank_row' "
        f"WHEN {again} THEN 'repeated_header' END"
    )
