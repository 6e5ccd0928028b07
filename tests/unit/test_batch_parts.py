"""A batch that is worked in parts gives the lake, and the check results, of one that is not."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.ingest import place, run, versions
from assets.ingest.landing import deliveries, pending_days, receive, register
from expectations.results import CheckResult, add_up
from warehouse.connection import Resources
from warehouse.contract import record_contracts
from warehouse.home import Home
from warehouse.source import Source, load_source, record_tables

DAYS = [dt.date(2024, 5, day) for day in (2, 3, 6, 7)]
YAML = """
title: Counters of a market
publisher: Test office
licence: CC0-1.0
citation: none
format: {kind: csv}
tables:
  all:
    records:
      sample:
        columns:
          sample_no: no
          domain: {value: food}
          programme: {value: supervision}
          sampling_basis: {value: random}
          coverage: {value: complete}
          product_name: product
          sampled_on: sampled
          verdict: {from: verdict, codes: verdict}
"""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "market.yml"
    path.write_text(YAML, "utf-8")
    return load_source(path)


def delivered(folder: Path, name: str, source: Source) -> Home:
    """Four days with new samples, corrections of earlier ones, repeats and wrong rows."""
    home = Home(folder / name)
    for number, day in enumerate(DAYS):
        rows = [f"S-{number}{i},茶叶,2024-04-{i + 1:02d},合格" for i in range(4)]
        rows.append(f"S-{max(number - 1, 0)}1,茶叶,2024-04-02,不合格")
        rows.append(rows[0])
        rows.append(f"S-{number}9,茶叶,2024-04-99,合格")
        file = folder / f"{number}.csv"
        file.write_text("\n".join(["no,product,sampled,verdict", *rows]) + "\n", "utf-8")
        receive(home, "market", [file], day)
    register(home, {"market": source}, DAYS)
    run.read_raw(home, source, DAYS)
    return home


def lake(home: Home) -> dict[str, list[tuple[object, ...]]]:
    tables = (
        *(f"core.{name}" for name in record_tables()),
        "core.rejected_record",
        "meta.delivery",
        "meta.ignored_rows",
    )
    return {
        str(path.relative_to(home.lake)): sorted(
            pl.read_parquet(path, hive_partitioning=False).rows(), key=repr
        )
        for table in tables
        for path in home.partition_files(table)
    }


def test_parts_of_a_day_each_give_the_lake_of_one_batch(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, in_parts = (delivered(tmp_path, name, source) for name in ("at_once", "in_parts"))
    (whole,) = run.ingest(at_once, {"market": source}, DAYS)
    monkeypatch.setattr(run, "BYTES_AT_ONCE", 1)
    (parts,) = run.ingest(in_parts, {"market": source}, DAYS)

    assert lake(in_parts) == lake(at_once)
    assert parts.days == whole.days == tuple(DAYS)
    assert parts.deliveries.equals(whole.deliveries)
    told = {check.rule_id: (check.rows_checked, check.rows_failed) for check in whole.checks}
    assert told["unparsed_sampled_on"][1] == len(DAYS)
    assert {c.rule_id: (c.rows_checked, c.rows_failed) for c in parts.checks} == told


def deliver(home: Home, folder: Path, source: Source, day: dt.date, *rows: str) -> None:
    file = folder / f"{day}.csv"
    file.write_text("\n".join(["no,product,sampled,verdict", *rows]) + "\n", "utf-8")
    receive(home, "market", [file], day)
    register(home, {"market": source}, [day])
    run.read_raw(home, source, [day])


@pytest.mark.parametrize("late", [0, 1])
def test_what_a_run_that_died_between_parts_did_not_reach_waits(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """A delivery of an early day comes late: what is new in later days depends on it."""
    rows = ("S1,茶叶,2024-04-01,合格", "S1,茶叶,2024-04-01,不合格", "S1,茶叶,2024-04-01,合格")
    in_time, died = Home(tmp_path / "in_time"), Home(tmp_path / "died")
    for home, order in ((in_time, (0, 1, 2)), (died, (*{0, 1, 2}.difference({late}), late))):
        for number in order:
            other = f"T{number},茶叶,2024-04-01,合格"
            deliver(home, tmp_path, source, DAYS[number], rows[number], other)
            if home == in_time or number != late:
                run.ingest(home, {"market": source}, [DAYS[number]], check=False)
    monkeypatch.setattr(run, "BYTES_AT_ONCE", 1)
    with monkeypatch.context() as dying:
        real, parts = run._ingest_source, []  # noqa: SLF001 - a run dies within ingest

        def die(*arguments: Any, **options: Any) -> run.SourceOutcome:
            parts.append(arguments)
            if len(parts) > 1:
                raise KeyboardInterrupt
            return real(*arguments, **options)

        dying.setattr(run, "_ingest_source", die)
        with pytest.raises(KeyboardInterrupt):
            run.ingest(died, {"market": source}, [DAYS[late]], check=False)
    waiting = pending_days(died, {"market": source})
    assert waiting == DAYS[late + 1 : 3]
    run.ingest(died, {"market": source}, waiting, check=False)
    assert lake(died) == lake(in_time)


def test_days_without_deliveries_of_a_batch_are_no_rows_of_it(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"delivery_id": ["a"], "received_on": [DAYS[0]], "sequence": [1]},
        schema_overrides={"sequence": pl.Int64},
    )
    with duckdb.connect(str(tmp_path / "places.duckdb")) as con:
        place.install_places(con, frame, [[""]])
        for days, seen in ((DAYS[:1], True), (DAYS[1:], False)):
            with place.connected_to_span(con, days) as other:
                found = other.execute("SELECT in_span($1)", [place.first_place(0) + 2]).fetchall()
            assert found == [(seen,)]


def test_a_batch_within_the_limit_is_one_part(tmp_path: Path, source: Source) -> None:
    home = delivered(tmp_path, "home", source)
    batch = deliveries(home, "market")
    assert len(run._in_parts(home, source, batch)) == 1  # noqa: SLF001 - the cut itself


def test_days_that_threads_write_apart_are_those_of_one_thread(
    tmp_path: Path, source: Source
) -> None:
    homes = [delivered(tmp_path, name, source) for name in ("one", "apart")]
    for home, threads in zip(homes, (1, len(DAYS)), strict=True):
        run.ingest(home, {"market": source}, DAYS, resources=Resources(threads, 1 << 30))

    one, apart = (
        [pl.read_parquet(path) for path in home.partition_files("core.sample")] for home in homes
    )
    assert [each.height for each in one] == [5, 5, 5]  # the first day is held
    assert all(mine.equals(its) for mine, its in zip(one, apart, strict=True))
    assert lake(homes[1]) == lake(homes[0])


def test_samples_of_failing_rows_are_taken_from_those_that_were_found(
    tmp_path: Path, source: Source
) -> None:
    home = delivered(tmp_path, "home", source)
    (outcome,) = run.ingest(home, {"market": source}, DAYS)
    told = {check.rule_id: check for check in outcome.checks}
    failing = json.loads(told["unparsed_sampled_on"].failing_rows or "[]")
    assert [row["source_row"] for row in failing] == [8] * len(DAYS)
    assert {row["sampled_on__text"] for row in failing} == {"2024-04-99"}


def result(outcome: str, checked: int | None, failed: int | None) -> CheckResult:
    return CheckResult.model_validate(
        {
            "scope": "incoming/market/all.sample",
            "table_name": "core.sample",
            "rule_id": "a_rule",
            "expectation": "expect_column_values_to_not_be_null",
            "arguments": "{}",
            "severity": "error",
            "action": "reject",
            "outcome": outcome,
            "rows_checked": checked,
            "rows_failed": failed,
            "expected": "a value",
            "observed": "",
            "failing_rows": f"[{failed}]" if failed else None,
        }
    )


def test_a_rule_that_fails_in_one_part_fails() -> None:
    (added,) = add_up([[result("passed", 10, 0)], [result("failed", 5, 2)]])
    assert (added.outcome, added.rows_checked, added.rows_failed) == ("failed", 15, 2)
    assert added.observed == "2 of 15 rows fail (13.33%)"
    assert added.failing_rows == "[2]"


def test_a_check_that_crashes_in_one_part_has_crashed() -> None:
    (added,) = add_up([[result("failed", 10, 3)], [result("error", None, None)]])
    assert added.outcome == "error"


def test_duckdb_keeps_a_hash_of_its_own_for_rows_that_differ() -> None:
    """`row_content` tells repeats apart: equal cells give equal hashes, NULL is no empty text."""
    with duckdb.connect() as con:
        rows = con.sql(
            "SELECT hash('a', NULL), hash('a', ''), hash(NULL, 'a'), hash('a', NULL)"
        ).fetchall()[0]
    assert rows[0] == rows[3]
    assert len(set(rows)) == 3


@pytest.mark.parametrize(
    "number", ["0", "-0.05", "12990.4", "99999999.9999999999", "100000000", "-123456789012345678.5"]
)
def test_a_decimal_has_one_text_in_the_hash_of_its_record(number: str) -> None:
    """Known versions were hashed with `CAST(… AS VARCHAR)`; the short way must give its text."""
    column = record_contracts()["core.sample"].column("unit_price")
    cell = versions._cell_text(column)  # noqa: SLF001 - the text that is hashed
    with duckdb.connect() as con:
        ((short, long),) = con.sql(
            f"SELECT coalesce({cell}), CAST(unit_price AS VARCHAR) "
            f"FROM (SELECT CAST('{number}' AS DECIMAL(28, 10)) AS unit_price)"
        ).fetchall()
    assert short == long
