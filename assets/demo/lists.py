"""The lists that the demo draws from: names, categories, weights and the delivery calendar.

They are CSV files in `warehouse/reference/demo`, so that another city or another year is data.
"""

from functools import cache
from pathlib import Path

import polars as pl

import warehouse
from warehouse.errors import ConfigurationError

LISTS_DIR = Path(warehouse.__file__).parent / "reference" / "demo"


@cache
def demo_list(name: str) -> pl.DataFrame:
    """One list, every column as text (nothing written = NULL).

    Raises:
        ConfigurationError: there is no such list.
    """
    path = LISTS_DIR / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(item.stem for item in LISTS_DIR.glob("*.csv")))
        raise ConfigurationError(f"the demo has no list '{name}'; known lists: {known}")
    return pl.read_csv(path, infer_schema=False)


def numbered(name: str, *columns: str) -> pl.DataFrame:
    """A list with the named columns as numbers."""
    return demo_list(name).with_columns(pl.col(column).cast(pl.Float64) for column in columns)


def of_source(name: str, source_id: str) -> pl.DataFrame:
    """The rows of a list that belong to one source."""
    return demo_list(name).filter(pl.col("source_id") == source_id)


def settings(source_id: str) -> dict[str, str]:
    """The row of `sources.csv` for one source: season, days, lags and shares, as text."""
    row: dict[str, str] = of_source("sources", source_id).row(0, named=True)
    return row


def calendar(source_id: str) -> pl.DataFrame:
    """Deliveries of one source in the order of arrival.

    Returns:
        delivery_no (from 0), stream, kind (regular, correction, held, same_bytes), received_on,
        file_name, notice, repeats (the file name that a held or same_bytes delivery repeats).
    """
    return (
        of_source("deliveries", source_id)
        .with_columns(pl.col("received_on").str.to_date("%Y-%m-%d"))
        .sort("received_on", "file_name")
        .with_row_index("delivery_no")
        .with_columns(pl.col("delivery_no").cast(pl.Int64))
    )


def divisions() -> dict[str, str]:
    """Division name → code."""
    return dict(demo_list("divisions").select("name_zh", "code9").rows())
