"""Views of a release: queries that the file holds, over tables of the same file.

They are made anew in each release, which costs nothing. No row of theirs is stored, counted or
fingerprinted: rows follow from the tables, which are, and from the query, whose text is.
"""

from collections.abc import Mapping
from hashlib import sha256

import duckdb

from warehouse.sql import identifier, qualified


def drop_views(con: duckdb.DuckDBPyConnection) -> None:
    """Remove all views from a connection's file."""
    (database,) = con.execute("SELECT current_database()").fetchall()[0]
    for name in view_queries(con, database):
        con.execute(f"DROP VIEW {qualified(name)}")


def create_views(con: duckdb.DuckDBPyConnection, queries: Mapping[str, str]) -> None:
    """Create views, by name, in a file that holds the tables that they read."""
    for name, query in queries.items():
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(name.split('.')[0])}")
        con.execute(f"CREATE VIEW {qualified(name)} AS {query}")


def view_queries(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """View → its query, of a file that a connection has attached as `database`."""
    query = (
        "FROM duckdb_views() SELECT schema_name || '.' || view_name, sql "
        "WHERE NOT internal AND database_name = ? ORDER BY ALL"
    )
    return dict(con.execute(query, [database]).fetchall())


def view_fingerprints(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """View → fingerprint of its query, in a file that was closed since the view was created.

    DuckDB writes a query in another way once it has read it from the file.
    """
    queries = view_queries(con, database)
    return {name: sha256(query.encode()).hexdigest()[:32] for name, query in queries.items()}
