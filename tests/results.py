"""Results of models, and explanations, as their readers see them."""

from collections.abc import Iterable

import polars as pl

from pipelines.explain import Part
from warehouse.connection import connect
from warehouse.engine.run import attach_tables
from warehouse.home import Home
from warehouse.sql import qualified


def rows_of_result(home: Home, table: str) -> pl.DataFrame:
    """Rows of a table or of a view, in any order."""
    with connect() as con:
        attach_tables(con, [table], home, reader="a test")
        return con.sql(f"FROM {qualified(table)}").pl()


def explained_parts(explanation: Iterable[str | Part]) -> dict[str, pl.DataFrame]:
    """Tables of an explanation by the names of its parts."""
    return {part.name: part.rows for part in explanation if isinstance(part, Part)}
