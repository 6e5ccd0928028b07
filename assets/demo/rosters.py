"""Sources that are lists rather than samples: their workbooks, and what becomes of the rows."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from assets.demo.files import Sheet, write_csv, write_workbook
from assets.demo.lists import of_source

PLACES = ("used", "rejected", "duplicate", "unchanged")
_ABOVE_THE_DATA = 2  # title and header of each sheet; a CSV file has no title


def roster_calendar(source_id: str) -> pl.DataFrame:
    """Deliveries of one list: delivery (from 0), received_on, file_name, kind."""
    return (
        of_source("roster_deliveries", source_id)
        .with_columns(pl.col("received_on").str.to_date("%Y-%m-%d"))
        .with_row_index("delivery")
        .with_columns(pl.col("delivery").cast(pl.Int64))
    )


def write_lists(
    landing: Path,
    source_id: str,
    title: str,
    sheets: Mapping[str, pl.DataFrame],
    csv_encoding: str | None = None,
) -> pl.DataFrame:
    """Write every delivery of a list, and account for its rows.

    Args:
        landing: folder of files as received.
        source_id: rows of `roster_deliveries.csv`.
        title: line above each sheet.
        sheets: by name: text rows with their `delivery`, and in `place` where each of them ends.
        csv_encoding: of CSV files instead of workbooks, for a list of one sheet.

    Returns:
        The rows of `truth.Truth.deliveries`.
    """
    accounts = []
    for file in roster_calendar(source_id).iter_rows(named=True):
        parts = {
            name: rows.filter(pl.col("delivery") == file["delivery"])
            for name, rows in sheets.items()
        }
        parts = {name: rows for name, rows in parts.items() if not rows.is_empty()}
        if not parts:  # a city too small to have anything to list
            continue
        path = landing / source_id / file["received_on"].isoformat() / file["file_name"]
        texts = {name: rows.drop("delivery", "place") for name, rows in parts.items()}
        if csv_encoding is None:
            write_workbook(path, [Sheet(name, title, rows) for name, rows in texts.items()])
        else:
            write_csv(path, next(iter(texts.values())), csv_encoding)
        ends = pl.concat([rows["place"] for rows in parts.values()])
        counts = {f"rows_{place}": int((ends == place).sum()) for place in PLACES}
        ignored = _ABOVE_THE_DATA * len(parts) if csv_encoding is None else 1
        accounts.append(
            {
                "source_id": source_id,
                "received_on": file["received_on"],
                "file_name": file["file_name"],
                "kind": file["kind"],
                "status": "loaded",
                "rows_read": len(ends) + ignored,
                **counts,
                "rows_ignored": ignored,
            }
        )
    return pl.DataFrame(accounts)


def rejected_rows(source_id: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of `truth.Truth.rejected`, from rows with the `rule_id` that they break."""
    return (
        rows.filter(pl.col("rule_id").is_not_null())
        .group_by("delivery", "rule_id")
        .agg(rows=pl.len().cast(pl.Int64))
        .join(roster_calendar(source_id), on="delivery", maintain_order="left")
        .select(pl.lit(source_id).alias("source_id"), "received_on", "file_name", "rule_id", "rows")
        .sort("received_on", "rule_id")
    )
