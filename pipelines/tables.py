"""Tables of the release for the command line: one table's rows, and what serves a plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.published import published
from warehouse.errors import SamplehouseError
from warehouse.sql import identifier, qualified

COVERAGE, FIGURES = "ref.plan_coverage", "mart.indicator_value"


@dataclass(frozen=True)
class ShownTable:
    """A table's description, its first rows, and how many there are."""

    words: str
    rows: pl.DataFrame
    total: int


def shown_table(release: Path, table: str, where: Sequence[str], most: int) -> ShownTable:
    """The first rows of a table.

    Args:
        release: file of the release.
        table: ``schema.name``.
        where: conditions such as ``period=2024``; all of them hold.
        most: how many rows.

    Raises:
        SamplehouseError: there is no such table or column, or a condition has no `=`.
    """
    if table.count(".") != 1:
        raise SamplehouseError(f"'{table}' is no table; write schema.name, such as mart.pass_rate")
    with published(release, table) as con:
        words = con.execute(
            "SELECT DISTINCT table_description FROM meta.data_dictionary WHERE table_name = ?",
            [table],
        ).fetchall()
        relation = _picked(con, table, where)
        total, rows = len(relation), relation.limit(most).pl()
    return ShownTable(words[0][0] if words else table, rows, total)


def _picked(
    con: duckdb.DuckDBPyConnection, table: str, where: Sequence[str]
) -> duckdb.DuckDBPyRelation:
    """Rows of a table under conditions; values are parameters, compared as text."""
    known = con.sql(f"FROM {qualified(table)} LIMIT 0").columns
    names, values = [], []
    for each in where:
        name, sign, value = each.partition("=")
        if not sign:
            raise SamplehouseError(f"--where {each}: write COLUMN=VALUE, such as period=2024")
        if name not in known:
            raise SamplehouseError(f"{table} has no column '{name}'; it has {', '.join(known)}")
        names.append(name)
        values.append(value)
    terms = " AND ".join(f"CAST({identifier(name)} AS VARCHAR) = ?" for name in names)
    return con.sql(f"FROM {qualified(table)} WHERE {terms or 'TRUE'}", params=values)


def coverage_lines(release: Path, plan: str | None) -> pl.DataFrame:
    """What serves each item of a plan, and how many rows of it the release holds.

    Returns:
        item_id, kind, by, state (data, no data yet, not served), rows, command or what is missing.

    Raises:
        SamplehouseError: there is no release, or no such plan in it.
    """
    with published(release, COVERAGE) as con:
        items = con.execute(
            f"FROM {COVERAGE} WHERE plan_id = coalesce(?, plan_id) ORDER BY plan_id, position",
            [plan],
        ).pl()
        if items.is_empty():
            raise SamplehouseError(f"the release knows no plan '{plan}'")
        counts = [
            _rows_of(con, table, condition)
            for table, condition in items.select("model", "filter").rows()
        ]
    rows = pl.Series("rows", counts, dtype=pl.Int64)
    served = pl.col("state") == "served"
    return items.with_columns(rows).select(
        "item_id",
        kind="item_kind",
        by="measured_by",
        state=pl.when(served & (pl.col("rows") > 0))
        .then(pl.lit("data"))
        .when(served)
        .then(pl.lit("no data yet"))
        .otherwise(pl.lit("not served")),
        rows="rows",
        shown_by=pl.when(served).then("command").otherwise("note"),
    )


def _rows_of(
    con: duckdb.DuckDBPyConnection, table: str | None, condition: str | None
) -> int | None:
    """Rows of one table that a condition picks; of figures, those with a value."""
    if table is None:
        return None
    relation = _picked(con, table, [condition] if condition else [])
    return len(relation.filter("denominator > 0") if table == FIGURES else relation)
