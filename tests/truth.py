"""Comparing what was published with what the demo knows about itself."""

import duckdb
import polars as pl


def unlike(truth: pl.DataFrame, published: pl.DataFrame) -> list[dict[str, object]]:
    """The first rows that only one of the two has; neither may hold a row twice."""
    columns = truth.columns
    found = published.select(pl.col(name).cast(kind) for name, kind in truth.schema.items())
    assert not truth.is_duplicated().any()
    assert not found.is_duplicated().any()
    sides = [
        one.join(other, on=columns, how="anti", nulls_equal=True).with_columns(only_in=pl.lit(name))
        for name, one, other in (("truth", truth, found), ("release", found, truth))
    ]
    return pl.concat(sides).sort(columns).head(20).to_dicts()


def same_rows(con: duckdb.DuckDBPyConnection, one: str, other: str) -> int:
    """Rows of the first query, which are those of the second."""
    for a, b in ((one, other), (other, one)):
        assert con.execute(f"({a}) EXCEPT ALL ({b}) LIMIT 5").fetchall() == []
    return int(con.execute(f"SELECT count(*) FROM ({one})").fetchall()[0][0])
