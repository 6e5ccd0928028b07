"""Views in a release: queries over its tables, with words, made anew each time."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from warehouse.contract import Contract
from warehouse.dictionary import A_VIEW
from warehouse.errors import BlockedError
from warehouse.home import Home
from warehouse.release import build_release, published_tables
from warehouse.release_compare import compare_releases, verify_release
from warehouse.release_store import Release
from warehouse.release_tables import PublishedTable

COLUMNS = [
    {"name": "period", "type": "text", "description": "month of it", "term_zh": "期间"},
    {"name": "units", "type": "integer", "description": "units in it", "term_zh": "单元"},
]


def contract(table: str, **more: Any) -> Contract:
    words = {"description": "A table for tests of releases.", "grain": "one period"}
    return Contract.model_validate(
        {"table": table, **words, "key": ["period"], "columns": COLUMNS, **more}
    )


RATE = contract("mart.rate")
MANY = PublishedTable(
    contract("mart.many", materialized="view"),
    (),
    # With what DuckDB writes in another way once it has read the file again.
    query="WITH rates AS NOT MATERIALIZED (FROM mart.rate) SELECT period, units FROM rates "
    "WHERE units > 1 AND CAST('2024-07-01' AS DATE) IS NOT NULL",
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def rate(home: Home, *units: int) -> PublishedTable:
    frame = pl.DataFrame({"period": [f"2024-{n}" for n in range(len(units))], "units": units})
    path = home.model_file("mart.rate")
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)
    return PublishedTable(RATE, (path,))


def build(home: Home, *tables: PublishedTable, minute: int = 0) -> Release:
    built_at = dt.datetime(2024, 7, 1, 18, minute, tzinfo=dt.UTC)
    return build_release(home, tables=tables, as_of=None, built_at=built_at, code_version="v1")


def query(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.release_file), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_a_view_is_read_as_a_table_and_has_its_words(home: Home) -> None:
    build(home, rate(home, 1, 2, 3), MANY)
    assert query(home, "SELECT units FROM mart.many ORDER BY units") == [(2,), (3,)]
    ((comment,),) = query(home, "FROM duckdb_views() SELECT comment WHERE view_name = 'many'")
    assert A_VIEW in comment
    columns = query(home, "FROM duckdb_columns() SELECT comment WHERE table_name = 'many'")
    assert columns == [("month of it | 期间",), ("units in it | 单元",)]
    listed = "FROM meta.release_table SELECT row_count WHERE table_name = 'mart.many'"
    assert query(home, listed) == [(None,)]
    described = "FROM meta.data_dictionary SELECT count(*) WHERE table_name = 'mart.many'"
    assert query(home, described) == [(2,)]
    assert verify_release(home.release_file) == []


def test_a_view_of_a_copied_release_is_that_of_its_tables(home: Home) -> None:
    build(home, rate(home, 1, 2, 3), MANY)
    build(home, rate(home, 4), MANY, minute=1)
    assert query(home, "SELECT units FROM mart.many") == [(4,)]
    assert verify_release(home.release_file) == []
    build(home, rate(home, 4), minute=2)
    with pytest.raises(duckdb.Error, match="many"):
        query(home, "FROM mart.many")


def test_a_view_of_what_is_not_published_blocks(home: Home) -> None:
    with pytest.raises(BlockedError, match="rate does not exist"):
        build(home, MANY)


def test_a_view_by_another_query_is_another_release(home: Home) -> None:
    first = build(home, rate(home, 1, 2), MANY)
    other = PublishedTable(MANY.contract, (), query="FROM mart.rate SELECT period, units")
    second = build(home, rate(home, 1, 2), other, minute=1)
    assert first.fingerprint != second.fingerprint


def test_views_are_compared_by_their_query_or_by_their_rows(home: Home) -> None:
    first = build(home, rate(home, 1, 2), MANY)
    second = build(home, rate(home, 1, 2), MANY, minute=1)
    found = {each.table: each for each in compare_releases(first.path, second.path)}
    assert (found["mart.many"].equal, found["mart.many"].rows_a) == (True, 1)

    as_table = PublishedTable(contract("mart.many"), rate(home, 7, 2).files)
    third = build(home, rate(home, 7, 2), as_table, minute=2)
    found = {each.table: each for each in compare_releases(first.path, third.path)}
    assert not found["mart.many"].equal
    assert (found["mart.many"].only_in_a, found["mart.many"].only_in_b) == (0, 1)
    assert found["mart.many"].sample_b == ({"period": "2024-0", "units": 7},)


def test_units_of_indicators_are_published_as_a_view(home: Home) -> None:
    models = {"fact.indicator_unit": contract("fact.indicator_unit", materialized="view")}
    (found,) = (each for each in published_tables(home, models, None) if each.query is not None)
    assert found.contract.table == "fact.indicator_unit"
    assert found.all_files == ()
    assert "fact.unit" in str(found.query)
