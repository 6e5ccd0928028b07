"""Metadata as the Dagster UI shows it: column schemas and tables in Markdown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.workplace import Night
from warehouse.contract import Column, Contract
from warehouse.engine.since import result_size
from warehouse.home import Home

PREVIEW_ROWS = 8
PREVIEW_COLUMNS = 24
LONGEST_CELL = 48


def column_schema(contract: Contract) -> dg.TableSchema:
    """Columns of a contract with types, descriptions, Chinese terms and units."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.duckdb_type,
                description=_description(column),
                constraints=dg.TableColumnConstraints(
                    nullable=column.name not in contract.key, other=_constraints(column)
                ),
            )
            for column in contract.columns
        ]
    )


def _description(column: Column) -> str:
    unit = f" Unit: {column.unit}." if column.unit else ""
    return f"{column.term_zh}: {column.description}.{unit}"


def _constraints(column: Column) -> list[str]:
    return [f"a code of ref.{column.reference}"] if column.reference else []


def contract_metadata(contract: Contract) -> dict[str, Any]:
    """Metadata that a table's definition carries: its columns and its grain."""
    return {"dagster/column_schema": column_schema(contract), "grain": contract.grain}


def description(contract: Contract) -> str:
    """A table's description, grain and key in words."""
    key = ", ".join(contract.key)
    return f"{contract.description}\n\nOne row is {contract.grain}. Key: {key}."


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A table in Markdown; long texts are cut, and what would break the table is escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines))


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    text = " ".join(text.split())
    text = f"{text[:LONGEST_CELL]}…" if len(text) > LONGEST_CELL else text
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def preview(files: Sequence[Path]) -> dg.MarkdownMetadataValue:
    """The first rows of the first Parquet file, at most `PREVIEW_COLUMNS` of their columns."""
    if not files:
        return dg.MetadataValue.md("no rows")
    columns = list(pl.read_parquet_schema(files[0]))[:PREVIEW_COLUMNS]
    rows = pl.read_parquet(files[0], columns=columns, n_rows=PREVIEW_ROWS, hive_partitioning=False)
    return markdown(columns, rows.rows())


def made(
    home: Home, table: str, night: Night, seconds: float, **more: Any
) -> dg.MaterializeResult[None]:
    """What the UI shows of a table that a model or a function has just made."""
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": result_size(home, table),
            "seconds": round(seconds, 3),
            "preview": preview([home.model_file(table)]),
            "as_of": night.as_of or "everything received",
            "path": dg.MetadataValue.path(home.model_file(table)),
            **more,
        }
    )


def view(night: Night, **more: Any) -> dg.MaterializeResult[None]:
    """What the UI shows of a view, which compiles on what it reads."""
    return dg.MaterializeResult(
        metadata={
            "view": "no row is stored: they are computed from what it reads when it is read",
            "as_of": night.as_of or "everything received",
            **more,
        }
    )


def unchanged(home: Home, table: str, night: Night) -> dg.MaterializeResult[None]:
    """What the UI shows of a table whose inputs are those from which it was made."""
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": result_size(home, table),
            "unchanged": "nothing that it is made from has changed since it was made",
            "as_of": night.as_of or "everything received",
            "path": dg.MetadataValue.path(home.model_file(table)),
        }
    )
