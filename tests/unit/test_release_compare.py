"""Two releases compared table by table."""

from pathlib import Path

import duckdb
import pytest

from warehouse.errors import SamplehouseError
from warehouse.fingerprint import table_fingerprint
from warehouse.release_compare import (
    SAMPLE_ROWS,
    TableDifference,
    compare_releases,
    verify_release,
)


def database(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE SCHEMA core")
        for statement in statements:
            con.execute(statement)
    return path


def difference(tmp_path: Path, a: str, b: str) -> TableDifference:
    one = database(tmp_path / "it's a.duckdb", f"CREATE TABLE core.t AS {a}")
    two = database(tmp_path / "b.duckdb", f"CREATE TABLE core.t AS {b}")
    (found,) = compare_releases(one, two)
    return found


def test_rows_in_another_order_are_equal(tmp_path: Path) -> None:
    found = difference(
        tmp_path,
        "SELECT i FROM range(9) r(i) ORDER BY i",
        "SELECT i FROM range(9) r(i) ORDER BY i DESC",
    )
    assert found == TableDifference("core.t", equal=True, rows_a=9, rows_b=9)


def test_a_changed_row_is_one_on_each_side(tmp_path: Path) -> None:
    found = difference(
        tmp_path,
        "SELECT i, 'x' AS s FROM range(9) r(i)",
        "SELECT i, CASE WHEN i = 4 THEN NULL ELSE 'x' END AS s FROM range(9) r(i)",
    )
    assert not found.equal
    assert (found.rows_a, found.rows_b, found.only_in_a, found.only_in_b) == (9, 9, 1, 1)
    assert found.sample_a == ({"i": 4, "s": "x"},)
    assert found.sample_b == ({"i": 4, "s": None},)


def test_a_repeated_row_counts(tmp_path: Path) -> None:
    found = difference(tmp_path, "SELECT 1 AS i", "SELECT 1 AS i UNION ALL SELECT 1")
    assert (found.equal, found.only_in_a, found.only_in_b) == (False, 0, 1)


def test_samples_are_the_first_rows_and_few(tmp_path: Path) -> None:
    found = difference(
        tmp_path, "SELECT i FROM range(1000) r(i) ORDER BY i DESC", "SELECT 0::BIGINT AS i"
    )
    assert found.only_in_a == 999
    assert [row["i"] for row in found.sample_a] == list(range(1, SAMPLE_ROWS + 1))


def test_other_columns_and_types_are_named(tmp_path: Path) -> None:
    found = difference(
        tmp_path,
        "SELECT 1::BIGINT AS i, 'x' AS gone, 2::BIGINT AS n",
        "SELECT 1::BIGINT AS i, 'y' AS new, 2::INTEGER AS n",
    )
    assert not found.equal
    assert found.columns_only_in_a == ("gone VARCHAR", "n BIGINT")
    assert found.columns_only_in_b == ("new VARCHAR", "n INTEGER")
    assert (found.only_in_a, found.only_in_b) == (0, 0)


def test_tables_of_one_release_only(tmp_path: Path) -> None:
    a = database(tmp_path / "a.duckdb", "CREATE TABLE core.old AS SELECT 1 AS i")
    b = database(tmp_path / "b.duckdb", "CREATE TABLE core.new AS FROM range(3)")
    assert compare_releases(a, b) == [
        TableDifference("core.new", equal=False, rows_a=None, rows_b=3, only_in_b=3),
        TableDifference("core.old", equal=False, rows_a=1, rows_b=None, only_in_a=1),
    ]


def test_a_release_equals_itself(tmp_path: Path) -> None:
    a = database(tmp_path / "a.duckdb", "CREATE TABLE core.t AS SELECT 1 AS i")
    assert [found.equal for found in compare_releases(a, a)] == [True]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    a = database(tmp_path / "a.duckdb")
    with pytest.raises(SamplehouseError, match="no release file"):
        compare_releases(a, tmp_path / "missing.duckdb")
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"not a database at all")
    with pytest.raises(SamplehouseError, match=r"broken\.duckdb cannot be read"):
        compare_releases(a, broken)


def test_a_release_is_verified_from_every_row(tmp_path: Path) -> None:
    path = database(tmp_path / "a.duckdb", "CREATE TABLE core.t AS SELECT 1 AS i")
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE SCHEMA meta")
        con.execute(
            "CREATE TABLE meta.release_table AS SELECT 'core.t' AS table_name, 1 AS rows, ?",
            [table_fingerprint(con, "core.t")],
        )
    assert verify_release(path) == []
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE core.t SET i = 2")
    assert verify_release(path) == ["core.t"]
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE core.other AS SELECT 1 AS i")
    assert verify_release(path) == ["core.other", "core.t"]


def test_a_file_that_is_no_release_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(SamplehouseError, match="cannot be read as a release"):
        verify_release(database(tmp_path / "a.duckdb"))
