"""Results of models as their readers see them."""

import duckdb
import polars as pl

from warehouse.engine.run import attach_tables
from warehouse.home import Home
from warehouse.sql import qualified


def rows_of_result(home: Home, table: str) -> pl.DataFrame:
    """Rows of a table or of a view, in any order."""
    with duckdb.connect() as con:
        attach_tables(con, [table], home, reader="a test")
        return con.sql(f"FROM {qualified(table)}").pl()
