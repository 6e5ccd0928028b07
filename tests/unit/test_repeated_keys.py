"""Keys of several columns that repeat: as many as counting in Python finds."""

from collections import Counter
from collections.abc import Iterator

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.repeated_keys import repeated_keys, repeated_rows_query
from expectations.runner import run_checks
from warehouse.contract import Expectation

KEYS = st.lists(
    st.tuples(
        st.none() | st.sampled_from(["a", "b", 'a"b']),
        st.none() | st.integers(0, 2),
    ),
    max_size=12,
)
RULE = Expectation.model_validate(
    {
        "expect_compound_columns_to_be_unique": {"column_list": ["text", "number"]},
        "rule": "one_row",
        "action": "block",
    }
)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def repeats(rows: list[tuple[str | None, int | None]]) -> int:
    counted = Counter(row for row in rows if None not in row)
    return sum(times for times in counted.values() if times > 1)


def fill(con: duckdb.DuckDBPyConnection, rows: list[tuple[str | None, int | None]]) -> None:
    frame = pl.DataFrame(rows, {"text": pl.String(), "number": pl.Int64()}, orient="row")
    con.register("frame", frame)
    con.execute("CREATE OR REPLACE TABLE given AS FROM frame")
    con.unregister("frame")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(rows=KEYS)
def test_great_expectations_tells_the_rows_that_repeat_a_key(
    con: duckdb.DuckDBPyConnection, rows: list[tuple[str | None, int | None]]
) -> None:
    fill(con, rows)
    (found,) = run_checks(con, "given", [RULE], scope="core").results
    assert (found.rows_checked, found.rows_failed) == (len(rows), repeats(rows))
    assert found.outcome == ("failed" if repeats(rows) else "passed")


def test_keys_of_one_hash_are_told_apart(con: duckdb.DuckDBPyConnection) -> None:
    rows: list[tuple[str | None, int | None]] = [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 1),
        ("b", None),
    ]
    fill(con, rows)
    query = repeated_rows_query(["text", "number"]).replace("hash(", "same_hash(")
    con.execute("CREATE OR REPLACE MACRO same_hash(a, b) AS 1")
    found = con.execute(query.format(batch="given")).fetchall()
    assert found == [("b", 1), ("b", 1)]


def test_nobody_is_told_that_a_rule_is_declared_again(caplog: pytest.LogCaptureFixture) -> None:
    repeated_keys.cache_clear()
    repeated_keys()
    assert [record for record in caplog.records if "Overwriting" in record.message] == []
