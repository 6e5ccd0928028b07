"""What unit tests share."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import pytest

from assets.ingest.macros import install


@pytest.fixture(scope="session")
def evaluate() -> Iterator[Callable[..., list[Any]]]:
    """Evaluate an SQL expression over columns of texts, in one query: ``(expression, t=texts)``."""
    con = duckdb.connect()
    install(con)

    def run(expression: str, **columns: Sequence[str | None]) -> list[Any]:
        unnested = ", ".join(f"unnest(CAST(${name} AS VARCHAR[])) AS {name}" for name in columns)
        query = f"SELECT {expression} FROM (SELECT {unnested})"
        parameters = {name: list(values) for name, values in columns.items()}
        return [row[0] for row in con.execute(query, parameters).fetchall()]

    yield run
    con.close()
