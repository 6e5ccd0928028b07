"""Building, verifying and swapping a release."""

import datetime as dt
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from warehouse import release as release_module
from warehouse.connection import Resources
from warehouse.contract import Contract, record_contracts
from warehouse.dictionary import PUBLISHED_RECORD_TABLES
from warehouse.errors import BlockedError, ConfigurationError, SamplehouseError
from warehouse.home import Home
from warehouse.release import build_release, published_tables
from warehouse.release_compare import compare_releases
from warehouse.release_store import Release, release_lock
from warehouse.release_tables import PublishedTable

NIGHT = dt.datetime(2024, 7, 2, 2, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))

RATE = Contract.model_validate(
    {
        "table": "mart.rate",
        "description": "Rates by period, a small table for the tests.",
        "grain": "one period",
        "key": ["period"],
        "columns": [
            {"name": "period", "type": "text", "description": "period of time", "term_zh": "时期"},
            {"name": "units", "type": "integer", "description": "units in it", "term_zh": "数"},
            {
                "name": "limit_high",
                "type": "decimal",
                "description": "upper limit",
                "term_zh": "限",
            },
            {"name": "rate", "type": "number", "description": "share of units", "term_zh": "率"},
        ],
    }
)
ROWS = {
    "period": ["2024-03", "2024-01", "2024-02"],
    "units": [3, 1, None],
    "limit_high": [Decimal("0.05"), Decimal("0.054"), None],
    "rate": [0.5, 1.0, None],
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home of 'data'")


def write(path: Path, frame: pl.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)
    return path


def rate_table(home: Home, **changes: list[object]) -> PublishedTable:
    schema = {**RATE.polars_schema(), "limit_high": pl.Decimal(28, 10)}
    frame = pl.DataFrame({**ROWS, **changes}, schema=schema)
    return PublishedTable(RATE, (write(home.model_file("mart.rate"), frame),))


def deliver(home: Home, day: dt.date, delivery_id: str) -> None:
    contract = record_contracts()["meta.delivery"]
    row = {
        "delivery_id": delivery_id,
        "source_id": "town",
        "received_on": day,
        "file_name": f"{delivery_id}.csv",
        "sha256": delivery_id * 3,
        "status": "loaded",
    }
    frame = pl.DataFrame(
        {name: [row.get(name)] for name in contract.column_names}, schema=contract.polars_schema()
    )
    write(home.partition_file("meta.delivery", "town", day), frame)


def build(
    home: Home, *tables: PublishedTable, minutes: int = 0, resources: Resources | None = None
) -> Release:
    return build_release(
        home,
        tables=tables or published_tables(home, {}, None),
        as_of=None,
        built_at=NIGHT + dt.timedelta(minutes=minutes),
        code_version="0.1.0+abc",
        resources=resources,
    )


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


def leftovers(home: Home) -> list[str]:
    return sorted(p.name for p in home.release_file.parent.iterdir() if "building" in p.name)


def test_a_release_holds_its_rows_in_order_with_types_and_words(home: Home) -> None:
    release = build(home, rate_table(home))
    assert query(home.release_file, "FROM mart.rate") == [
        ("2024-01", 1, Decimal("0.0540000000"), 1.0),
        ("2024-02", None, None, None),
        ("2024-03", 3, Decimal("0.0500000000"), 0.5),
    ]
    uncommented = query(
        home.release_file,
        "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL UNION ALL "
        "SELECT table_name FROM duckdb_columns() WHERE comment IS NULL AND NOT internal",
    )
    assert uncommented == []
    assert release.path.samefile(home.release_file)
    assert leftovers(home) == []


def test_a_release_describes_itself(home: Home) -> None:
    deliver(home, dt.date(2024, 6, 30), "d1")
    deliver(home, dt.date(2024, 7, 1), "d2")
    tables = [*published_tables(home, {}, dt.date(2024, 6, 30)), rate_table(home)]
    release = build_release(
        home,
        tables=tables,
        as_of=dt.date(2024, 6, 30),
        built_at=NIGHT,
        code_version="0.1.0+abc",
    )
    assert release.release_id == f"20240701T180000Z-{release.fingerprint[:8]}"
    assert release.built_at == NIGHT
    assert release.as_of == dt.date(2024, 6, 30)
    assert release.current
    assert query(home.release_file, "FROM meta.release") == [
        (
            release.release_id,
            dt.date(2024, 6, 30),
            dt.datetime(2024, 7, 1, 18, 0),  # noqa: DTZ001 - stored in UTC without a zone
            "0.1.0+abc",
            duckdb.__version__,
            1,
            release.tables,
            release.fingerprint,
        )
    ]
    assert query(home.release_file, "FROM meta.release_input") == [
        ("d1", "town", "d1.csv", "d1d1d1", dt.date(2024, 6, 30), "loaded")
    ]
    listed = query(home.release_file, "SELECT table_name, row_count FROM meta.release_table")
    sizes = dict(listed)
    assert sizes["mart.rate"] == 3
    assert sizes["meta.delivery"] == 1
    assert sizes["core.rejected_record"] == 0
    assert sizes["ref.sampling_basis"] > 3
    assert len(sizes) == release.tables
    described = query(
        home.release_file,
        "SELECT c.table_name, c.column_name FROM duckdb_columns() c "
        "ANTI JOIN meta.data_dictionary d ON d.table_name = c.schema_name || '.' || c.table_name "
        "AND d.column_name = c.column_name AND d.data_type = c.data_type WHERE NOT c.internal",
    )
    assert described == []


def test_code_lists_are_published_with_their_types(home: Home) -> None:
    build(home)
    bases = query(
        home.release_file,
        "SELECT code FROM ref.sampling_basis WHERE estimates_population ORDER BY code",
    )
    assert ("random",) in bases
    assert ("targeted",) not in bases


def test_models_are_published_by_schema(home: Home) -> None:
    rate_table(home)
    models = {"mart.rate": RATE, "step.rate": RATE.model_copy(update={"table": "step.rate"})}
    names = [table.contract.table for table in published_tables(home, models, None)]
    assert "mart.rate" in names
    assert "step.rate" not in names
    assert set(PUBLISHED_RECORD_TABLES) <= set(names)
    assert names == sorted(names)


def test_a_model_without_result_is_named(home: Home) -> None:
    with pytest.raises(BlockedError, match=r"mart\.rate has no result"):
        published_tables(home, {"mart.rate": RATE}, None)


@pytest.mark.parametrize("as_of", [None, dt.date(2024, 6, 30)])
def test_checks_of_the_last_batch_are_not_published_for_the_past(
    home: Home, as_of: dt.date | None
) -> None:
    contract = record_contracts()["meta.check_result"]
    for scope in ("core/core.sample", "incoming/town/samples.sample", "mart/mart.rate"):
        write(home.check_result_file(scope), pl.DataFrame(schema=contract.polars_schema()))
    tables = published_tables(home, {}, as_of)
    files = next(t.files for t in tables if t.contract.table == "meta.check_result")
    batch = [] if as_of else ["samples.sample"]
    assert [path.stem for path in files] == ["core.sample", *batch, "mart.rate"]


def test_two_builds_from_the_same_inputs_are_equal_table_by_table(home: Home) -> None:
    deliver(home, dt.date(2024, 6, 30), "d1")
    tables = [*published_tables(home, {}, None), rate_table(home)]
    first = build(home, *tables)
    second = build(home, *reversed(tables), minutes=5)
    assert first.release_id != second.release_id
    assert first.fingerprint == second.fingerprint
    differences = compare_releases(first.path, second.path)
    assert [difference.table for difference in differences if not difference.equal] == []
    assert {"mart.rate", "meta.release", "meta.data_dictionary", "ref.verdict"} <= {
        difference.table for difference in differences
    }


def test_a_table_that_does_not_fit_its_contract_blocks(home: Home) -> None:
    good = build(home, rate_table(home))
    bad = write(home.root / "bad.parquet", pl.DataFrame({"period": ["2024-01"]}))
    with pytest.raises(BlockedError, match=r"mart\.rate cannot be built from its files"):
        build(home, PublishedTable(RATE, (bad,)), minutes=1)
    bad.write_bytes(b"PAR1 not really")
    with pytest.raises(BlockedError, match=r"mart\.rate cannot be built from its files"):
        build(home, PublishedTable(RATE, (bad,)), minutes=2)
    assert query(home.release_file, "SELECT release_id FROM meta.release") == [(good.release_id,)]
    assert leftovers(home) == []


def test_repeated_keys_block_and_are_shown(home: Home) -> None:
    table = rate_table(home, period=["2024-03", "2024-01", "2024-03"])
    with pytest.raises(BlockedError, match=r"one row per period, found .*2024-03.* has 2 rows"):
        build(home, table)
    assert not home.release_file.exists()


def test_keys_may_hold_nulls_but_not_twice(home: Home) -> None:
    build(home, rate_table(home, period=["2024-03", "2024-01", None]))
    with pytest.raises(BlockedError, match=r"None.* has 2 rows"):
        build(home, rate_table(home, period=[None, "2024-01", None]), minutes=1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            "DELETE FROM mart.rate WHERE period = '2024-01'",
            "expected 3 rows as in its inputs, found 2",
        ),
        ("DROP TABLE mart.rate", "expected the table, found none"),
        ("CREATE TABLE mart.other AS SELECT 1 AS i", "expected no such table, found one"),
        ("COMMENT ON TABLE mart.rate IS NULL", "expected the contract's comment, found None"),
        ("COMMENT ON COLUMN mart.rate.units IS 'x'", r"mart\.rate\.units: expected the contract's"),
        ("ALTER TABLE mart.rate RENAME units TO n", "expected columns .*units BIGINT.*, found"),
        ("ALTER TABLE mart.rate ALTER units TYPE INTEGER", "found .*units INTEGER"),
        ("INSERT INTO meta.release FROM meta.release", "meta.release: expected 1 row, found 2"),
    ],
)
def test_whatever_goes_wrong_in_the_file_is_found_before_the_swap(
    home: Home, monkeypatch: pytest.MonkeyPatch, change: str, complaint: str
) -> None:
    good = build(home, rate_table(home))
    write_comments = release_module._write_comments  # noqa: SLF001 - the last step of writing

    def sabotage(con: duckdb.DuckDBPyConnection, contracts: list[Contract]) -> None:
        write_comments(con, contracts)
        con.execute(change)

    monkeypatch.setattr(release_module, "_write_comments", sabotage)
    with pytest.raises(BlockedError, match=complaint):
        build(home, rate_table(home), minutes=1)
    assert query(home.release_file, "SELECT release_id FROM meta.release") == [(good.release_id,)]
    assert leftovers(home) == []


def test_two_tables_of_one_name_are_refused(home: Home) -> None:
    with pytest.raises(ConfigurationError, match=r"mart\.rate"):
        build(home, rate_table(home), rate_table(home))


READER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
print(con.execute("SELECT release_id FROM meta.release").fetchall()[0][0], flush=True)
sys.stdin.readline()
print(con.execute("SELECT release_id FROM meta.release").fetchall()[0][0], flush=True)
print(con.execute("SELECT sum(units) FROM mart.rate").fetchall()[0][0], flush=True)
"""


def test_a_reader_keeps_its_release_and_does_not_block_the_next(home: Home) -> None:
    old = build(home, rate_table(home))
    with subprocess.Popen(  # noqa: S603 - this interpreter and a script of this file
        [sys.executable, "-c", READER, str(home.release_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline().strip() == old.release_id
        new = build(home, rate_table(home, units=[30, 10, 20]), minutes=1)
        assert query(home.release_file, "SELECT sum(units) FROM mart.rate") == [(60,)]
        said, _ = reader.communicate("go on\n", timeout=30)
    assert said.split() == [old.release_id, "4"]
    assert reader.returncode == 0
    assert query(home.release_file, "SELECT release_id FROM meta.release") == [(new.release_id,)]


DYING_BUILD = """
import datetime as dt, os, signal, sys
from pathlib import Path
from warehouse import release
from warehouse.home import Home
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(release, sys.argv[2], die)
home = Home(Path(sys.argv[1]))
release.build_release(home, tables=release.published_tables(home, {}, None), as_of=None,
                      built_at=dt.datetime(2024, 8, 1, tzinfo=dt.UTC), code_version="x")
"""


@pytest.mark.parametrize("step", ["_write_comments", "publish"])
def test_a_killed_build_leaves_the_last_release_and_the_next_build_cleans_up(
    home: Home, step: str
) -> None:
    good = build(home, rate_table(home))
    dead = subprocess.run(  # noqa: S603 - this interpreter and a script of this file
        [sys.executable, "-c", DYING_BUILD, str(home.root), step], check=False
    )
    assert dead.returncode == -signal.SIGKILL
    assert leftovers(home) != []
    assert query(home.release_file, "SELECT release_id FROM meta.release") == [(good.release_id,)]
    again = build(home, rate_table(home), minutes=1)
    assert query(home.release_file, "SELECT release_id FROM meta.release") == [(again.release_id,)]
    assert leftovers(home) == []


def test_an_error_in_the_middle_leaves_the_last_release(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = build(home, rate_table(home))

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(release_module, "publish", fail)
    with pytest.raises(OSError, match="no space"):
        build(home, rate_table(home), minutes=1)
    assert query(home.release_file, "SELECT release_id FROM meta.release") == [(good.release_id,)]
    assert leftovers(home) == []


def test_a_second_build_at_the_same_time_is_refused(home: Home) -> None:
    with release_lock(home), pytest.raises(SamplehouseError, match=f"process {os.getpid()} "):
        build(home, rate_table(home))
    assert not home.release_file.exists()
    build(home, rate_table(home))


def test_the_published_file_cannot_be_locked_by_writing(home: Home) -> None:
    release = build(home, rate_table(home))
    assert home.release_file.stat().st_mode & 0o777 == 0o444
    assert release.path.stat().st_mode & 0o777 == 0o444


def test_a_large_table_is_built_in_little_memory(home: Home, tmp_path: Path) -> None:
    large = tmp_path / "large.parquet"
    with duckdb.connect() as con:
        con.sql(
            "SELECT md5(i::VARCHAR) AS period, i AS units, NULL::DECIMAL(28,10) AS limit_high, "
            "0.5::DOUBLE AS rate FROM range(1000000) r(i)"
        ).write_parquet(str(large))
    little = Resources(1, 100 * 1024**2, tmp_path / "spill")
    build(home, PublishedTable(RATE, (large,)), resources=little)
    first, second = query(home.release_file, "SELECT period FROM mart.rate LIMIT 2")
    assert first < second
