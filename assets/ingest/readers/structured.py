"""JSON and Parquet to a raw grid: names in row 1, records from row 2."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from types import UnionType
from typing import Any

import duckdb
import polars as pl

from assets.ingest.readers.grid import MAX_COLUMNS, MAX_JSON_BYTES, ReadFile, as_grid, cell_names
from assets.ingest.readers.text import decoded_file
from warehouse.connection import Resources, connect
from warehouse.errors import DeliveryError
from warehouse.source import Format
from warehouse.sql import identifier
from warehouse.tables import write_query


class _Number(str):
    """A number as it stands in the file: 0.10 stays 0.10."""

    __slots__ = ()


def read_json(path: Path, file_format: Format, out: Path, _resources: Resources) -> ReadFile:
    """Read the list of records at `records_path`; see `read_to_parquet`.

    Nested objects become columns named with dots. Nested lists stay JSON text; where the format has
    a `list_separator`, lists of plain values become one text. Records that are lists of cells may
    have their labels in another list of the file (`labels_path`). What the document states beside
    its list stands in a row above them, where there are such labels or the format asks for it.
    """
    size = path.stat().st_size
    if size > MAX_JSON_BYTES:
        raise DeliveryError(
            f"the file has {size:,} bytes, JSON is read up to {MAX_JSON_BYTES:,}; ask for CSV or "
            "Parquet, or for smaller files"
        )
    text_file, encoding = decoded_file(path, file_format.encodings, out.with_name("decoded"))
    try:
        document = json.loads(
            text_file.read_text("utf-8-sig"), parse_float=_Number, parse_int=_Number
        )
        records = _records(document, file_format.records_path)
        joined = _with_lists_joined(records, file_format.list_separator)
        rows = _cell_rows(joined) if isinstance(records[0], list) else _object_rows(joined)
        if file_format.labels_path is not None:
            labels = _records(document, file_format.labels_path, str, "labels_path")
            rows = [list(labels), *rows]
        if file_format.labels_path is not None or file_format.stated_row:
            rows = [_stated(document, file_format.records_path), *rows]
    except json.JSONDecodeError as error:
        raise DeliveryError(
            f"this is no JSON: {error.msg} in line {error.lineno:,}, column {error.colno:,}"
        ) from error
    except RecursionError as error:
        raise DeliveryError("the JSON is nested too deeply to be a list of records") from error
    width = max(1, *map(len, rows))
    if width > MAX_COLUMNS:
        raise DeliveryError(f"the records have {width:,} fields, more than {MAX_COLUMNS:,}")
    # Records without any field are rows all the same.
    cells = zip_longest(*rows) if any(rows) else [[None] * len(rows)]
    columns = dict(zip(cell_names(width), cells, strict=False))
    schema = dict.fromkeys(cell_names(width), pl.String())
    as_grid(pl.DataFrame(columns, schema=schema), 1).write_parquet(out)
    return ReadFile(len(rows), encoding)


def _records(
    document: Any,
    path: str | None,
    holds: type | UnionType = dict | list,
    key_of_path: str = "records_path",
) -> list[Any]:
    """The list at a dotted path, checked to hold objects only, lists only, or texts only."""
    found = document
    for key in path.split(".") if path else ():
        if not isinstance(found, dict) or key not in found:
            keys = ", ".join(found) if isinstance(found, dict) else type(found).__name__
            raise DeliveryError(f"there is no '{key}' of {key_of_path} '{path}'; found: {keys}")
        found = found[key]
    if not isinstance(found, list):
        lists = ", ".join(_list_paths(document)) or "none"
        raise DeliveryError(
            f"{key_of_path} '{path or ''}' leads to no list of records; lists in the file: {lists}"
        )
    if not found:
        raise DeliveryError("the list of records is empty; ask for it to be sent again")
    if not all(isinstance(record, type(found[0])) for record in found) or not isinstance(
        found[0], holds
    ):
        raise DeliveryError(
            "labels must be texts"
            if holds is str
            else "records must be all objects, or all lists of cells"
        )
    return found


def _with_lists_joined(value: Any, separator: str | None, depth: int = 0) -> Any:
    """Records whose nested lists of plain values are one text each; other lists stay."""
    if separator is None:
        return value
    if isinstance(value, dict):
        return {key: _with_lists_joined(v, separator, depth + 1) for key, v in value.items()}
    if not isinstance(value, list):
        return value
    if depth == 0:  # the list of records itself
        return [_with_lists_joined(record, separator, 1) for record in value]
    if any(isinstance(each, dict | list) for each in value):
        return value
    return separator.join(str(_text(each)) for each in value if each is not None) or None


def _stated(document: Any, records_path: str | None) -> list[str | None]:
    """What the document states beside its list of records, as ``records: 98``."""
    beside = document
    for key in (records_path or "").split(".")[:-1]:
        beside = beside[key]
    if not isinstance(beside, dict):
        return []
    return [
        f"{key}: {_text(value)}"
        for key, value in beside.items()
        if value is not None and not isinstance(value, dict | list)
    ]


def _list_paths(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, list):
        yield prefix or "(top)"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _list_paths(inner, f"{prefix}.{key}" if prefix else key)


def _cell_rows(records: list[Any]) -> list[list[str | None]]:
    return [[_text(cell) for cell in record] for record in records]


def _object_rows(records: list[Any]) -> list[list[str | None]]:
    """A row of names, in the order in which they first occur, and a row for each record.

    JSON has no columns until its objects are opened, so this is the one place that walks records.
    """
    flat = [dict(_flattened(record)) for record in records]
    names = list(dict.fromkeys(name for record in flat for name in record))
    return [list(names), *([record.get(name) for name in names] for record in flat)]


def _flattened(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _text(value)


def _text(value: Any) -> str | None:
    """A cell's text: strings as they are, anything else as JSON writes it."""
    if value is None or isinstance(value, str):
        return value
    return _json(value)


def _json(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}: {_json(v)}" for key, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value, ensure_ascii=False)


def read_parquet(path: Path, _file_format: Format, out: Path, resources: Resources) -> ReadFile:
    """Read a Parquet file, streaming; see `read_to_parquet`. Nested values become text."""
    records = out.with_name("records.parquet")
    try:
        # Numbering the rows takes one thread.
        with connect(replace(resources, threads=1)) as con:
            table = con.read_parquet(str(path))
            labels = table.columns
            if len(labels) > MAX_COLUMNS:
                raise DeliveryError(
                    f"the file has {len(labels):,} columns, more than {MAX_COLUMNS:,}"
                )
            texts = (
                f"nullif(CAST({identifier(label)} AS VARCHAR), '') AS {cell}"
                for label, cell in zip(labels, cell_names(len(labels)), strict=True)
            )
            write_query(
                con,
                "SELECT CAST(NULL AS VARCHAR) AS source_sheet, "
                f"row_number() OVER () + 1 AS source_row, {', '.join(texts)} "
                "FROM read_parquet($path)",
                records,
                {"path": str(path)},
            )
    except duckdb.IOException:
        raise  # the machine's fault; but any memory that is asked for may be a damaged file's
    except duckdb.Error as error:
        reason = str(error).split("\n", 1)[0]
        raise DeliveryError(
            f"this cannot be read as Parquet ({reason}); ask for it to be sent again"
        ) from error
    header = as_grid(pl.DataFrame([labels], orient="row", schema=cell_names(len(labels))), 1)
    pl.concat([header.lazy(), pl.scan_parquet(records, glob=False)]).sink_parquet(out)
    count: int = pl.scan_parquet(out, glob=False).select(pl.len()).collect().item()
    return ReadFile(count)
