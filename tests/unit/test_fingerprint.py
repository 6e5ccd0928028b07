import datetime as dt
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse import fingerprint
from warehouse.contract import record_contracts
from warehouse.fingerprint import code_version, source_version, table_fingerprint
from warehouse.source import Source

Row = tuple[str | None, str | None, int | None, Decimal | None]

TEXTS = st.none() | st.sampled_from(
    ["", "null", "NULL", "a", "ab", "b", '"', ",", "a,b", "合格", "\x00"]
)
ROWS = st.lists(
    st.tuples(
        TEXTS,
        TEXTS,
        st.none() | st.integers(-2, 2),
        st.none() | st.sampled_from([Decimal("0.054"), Decimal("0.0540000001"), Decimal(0)]),
    ),
    max_size=6,
)


def fingerprint_of(con: duckdb.DuckDBPyConnection, rows: list[Row]) -> str:
    con.execute("CREATE SCHEMA IF NOT EXISTS core")
    con.execute(
        "CREATE OR REPLACE TABLE core.t (a VARCHAR, b VARCHAR, n BIGINT, value DECIMAL(28,10))"
    )
    if rows:
        con.executemany("INSERT INTO core.t VALUES (?, ?, ?, ?)", rows)
    return table_fingerprint(con, "core.t")


@settings(max_examples=60)
@given(first=ROWS, second=ROWS, data=st.data())
def test_fingerprints_are_equal_exactly_for_equal_bags_of_rows(
    first: list[Row], second: list[Row], data: st.DataObject
) -> None:
    with duckdb.connect() as con:
        shuffled = data.draw(st.permutations(first))
        assert fingerprint_of(con, first) == fingerprint_of(con, shuffled)
        same = fingerprint_of(con, first) == fingerprint_of(con, second)
        assert same == (Counter(first) == Counter(second))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([(None, "a", 1, None)], [("a", None, 1, None)]),
        ([("null", "a", 1, None)], [(None, "a", 1, None)]),
        ([("ab", "c", 1, None)], [("a", "bc", 1, None)]),
        ([("a", "a", 1, None)], [("a", "a", 1, None)] * 2),
        ([("a", "a", None, Decimal("0.1"))], [("a", "a", None, Decimal("0.1000000001"))]),
    ],
)
def test_near_misses_have_other_fingerprints(one: list[Row], other: list[Row]) -> None:
    with duckdb.connect() as con:
        assert fingerprint_of(con, one) != fingerprint_of(con, other)


def test_types_and_names_of_columns_count() -> None:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE one AS SELECT 1::BIGINT AS a")
        con.execute("CREATE TABLE two AS SELECT 1::INTEGER AS a")
        con.execute("CREATE TABLE three AS SELECT 1::BIGINT AS b")
        prints = {table_fingerprint(con, f"main.{name}") for name in ("one", "two", "three")}
    assert len(prints) == 3


def test_run_dependent_columns_do_not_count() -> None:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA meta")
        prints = []
        for moment in ("2024-07-01", "2024-07-02"):
            con.execute(
                "CREATE OR REPLACE TABLE meta.release AS SELECT 'r' || ?::VARCHAR AS release_id, "
                "?::TIMESTAMP AS built_at, 'x' AS code_version",
                [moment, moment],
            )
            prints.append(table_fingerprint(con, "meta.release"))
    assert prints[0] == prints[1]


def test_a_fingerprint_is_the_same_in_another_process_and_with_other_threads(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(
            "CREATE TABLE t AS SELECT i, 'S' || i AS s, i * 0.1::DOUBLE AS x, "
            "CASE WHEN i % 3 > 0 THEN DATE '2024-01-01' + i::INTEGER END AS d "
            "FROM range(300000) r(i)"
        )
        here = table_fingerprint(con, "main.t")
    script = (
        "import sys, duckdb; from warehouse.fingerprint import table_fingerprint; "
        "con = duckdb.connect(sys.argv[1], read_only=True, config={'threads': 1}); "
        "print(table_fingerprint(con, 'main.t'))"
    )
    there = subprocess.run(  # noqa: S603 - this interpreter and a script of this file
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    )
    assert there.stdout.strip() == here


def make_project(folder: Path) -> Path:
    for name, content in {
        "assets/a.py": "x = 1\n",
        "dbt_like_sql/mart/pass_rate.sql": "SELECT 1\n",
        "warehouse/contracts/core_sample.yml": "table: core.sample\n",
        "warehouse/reference/codes/verdict.csv": "code\npass\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_code_version_depends_on_content_not_on_place_or_time(tmp_path: Path) -> None:
    version_of = fingerprint._files_fingerprint  # noqa: SLF001 - its folder is not a public choice
    one, two = make_project(tmp_path / "one"), make_project(tmp_path / "two")
    assert version_of(one) == version_of(two)

    (two / "warehouse/data/landing").mkdir(parents=True)
    (two / "warehouse/data/landing/big.csv").write_text("not code")
    (two / "assets/__pycache__").mkdir()
    (two / "assets/__pycache__/a.py").write_text("not code")
    (two / "assets/notes.txt").write_text("not code")
    assert version_of(one) == version_of(two)

    for changed in ("assets/a.py", "warehouse/reference/codes/verdict.csv"):
        before = version_of(two)
        (two / changed).write_text((two / changed).read_text() + "\n")
        assert version_of(two) != before

    before = version_of(two)
    (two / "assets/a.py").rename(two / "assets/b.py")
    assert version_of(two) != before


def test_code_version_of_the_project_is_quick() -> None:
    code_version()
    fastest = min(_seconds_of_code_version() for _ in range(5))
    assert fastest < 0.05
    assert code_version().count("+") == 1


def _seconds_of_code_version() -> float:
    start = time.process_time()
    code_version()
    return time.process_time() - start


def source(**changes: Any) -> Source:
    declared: dict[str, Any] = {
        "source_id": "town",
        "title": "Town market samples",
        "publisher": "Town",
        "licence": "CC0",
        "citation": "Town 2024",
        "format": {"kind": "csv"},
        "tables": {
            "samples": {
                "records": {
                    "sample": {"columns": {"sample_no": "No", "sampled_on": {"from": "Day"}}}
                }
            }
        },
    }
    return Source.model_validate({**declared, **changes})


def test_source_version_follows_the_declaration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version_of_town = source_version(source())
    assert source_version(source()) == version_of_town
    assert source_version(source(hold_above=0.3)) != version_of_town
    assert source_version(source(missing=["n/a"])) != version_of_town

    (tmp_path / "verdict.csv").write_text("code,name_en,name_zh\npass,pass,合格\n")
    monkeypatch.setattr(fingerprint, "CODES_DIR", tmp_path)
    with_one_list = source_version(source())
    assert with_one_list != version_of_town
    (tmp_path / "verdict.csv").write_text("code,name_en,name_zh\npass,pass,好\n")
    assert source_version(source()) != with_one_list


def test_source_version_ignores_contracts_of_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_version(source())
    contracts = record_contracts()
    release = contracts["meta.release"].model_copy(update={"grain": "something else"})
    monkeypatch.setattr(
        fingerprint, "record_contracts", lambda: {**contracts, "meta.release": release}
    )
    assert source_version(source()) == before
    sample = contracts["core.sample"].model_copy(update={"grain": "something else"})
    monkeypatch.setattr(
        fingerprint, "record_contracts", lambda: {**contracts, "core.sample": sample}
    )
    assert source_version(source()) != before


def test_dates_and_times_count() -> None:
    with duckdb.connect() as con:
        prints = set()
        for moment in (
            dt.datetime(2024, 7, 1, 2, tzinfo=dt.UTC),
            dt.datetime(2024, 7, 1, 3, tzinfo=dt.UTC),
        ):
            con.execute(
                "CREATE OR REPLACE TABLE t AS SELECT ?::TIMESTAMP AS at",
                [moment.replace(tzinfo=None)],
            )
            prints.add(table_fingerprint(con, "main.t"))
    assert len(prints) == 2
