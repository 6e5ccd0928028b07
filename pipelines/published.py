"""The published release, read by commands that print from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.connection import open_file
from warehouse.errors import SamplehouseError


@contextmanager
def published(release: Path, table: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The release, read-only.

    Args:
        release: file of the release.
        table: table that is wanted of it.

    Raises:
        SamplehouseError: there is no release yet, or one of before that table.
    """
    if not release.is_file():
        raise SamplehouseError("there is no release yet; `samplehouse nightly` builds one")
    try:
        with open_file(release, read_only=True) as con:
            schema, name = table.split(".")
            found = con.execute(
                "FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?", [schema, name]
            ).fetchall()
            if not found:
                raise SamplehouseError(
                    f"the release has no table {table}; `samplehouse nightly` builds it anew"
                )
            yield con
    except duckdb.Error as error:
        raise SamplehouseError(f"{release.name} cannot be read as a release: {error}") from error
