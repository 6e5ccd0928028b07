"""One night with every bad delivery that we know of, and a good one.

Each bad file gets one clear message, stays as it was received, and stops nothing but itself.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.ingest.landing import deliveries
from tests.bad_files import CASES, TEXTS
from tests.nights import pass_rates_only
from warehouse.home import Home
from warehouse.tables import write_parquet

DAY = dt.date(2024, 5, 20)
# File → what the night says is not read.
MISPLACED = {
    "landing/readme.csv": "landing/readme.csv",
    "landing/office_list/loose.csv": "landing/office_list/loose.csv",
    "landing/office_list/May 2024/a.csv": "landing/office_list/May 2024",
    "landing/office_list/20240520/b.csv": "landing/office_list/20240520",
    f"landing/office_list/{DAY}/attached/c.csv": f"landing/office_list/{DAY}/attached",
}


@dataclass(frozen=True)
class Night:
    """What the night said, and the home after it."""

    home: Home
    exit_code: int
    said: str


@pytest.fixture(autouse=True, scope="module")
def small_graph() -> Iterator[None]:
    with pass_rates_only():
        yield


@pytest.fixture(scope="module")
def night(
    tmp_path_factory: pytest.TempPathFactory, samplehouse: Callable[..., tuple[int, str]]
) -> Night:
    root = tmp_path_factory.mktemp("bad")
    home = Home(root / "home")
    for source_id in dict.fromkeys(source for source, _ in CASES.values()):
        outbox = root / source_id if source_id != "nobody" else home.landing_day("nobody", DAY)
        outbox.mkdir(parents=True)
        files = [outbox / case.name for source, case in CASES.values() if source == source_id]
        for path, content in zip(
            files, (c for s, c in CASES.values() if s == source_id), strict=True
        ):
            path.write_bytes(content.content)
        if source_id != "nobody":
            names = [str(path) for path in files]
            received = samplehouse(home, "receive", *names, "-s", source_id, "--on", str(DAY))
            assert received[0] == 0, received[1]
    for place in (*MISPLACED, "landing/.DS_Store"):
        path = home.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(TEXTS["first name"].content)
    return Night(home, *samplehouse(home, "nightly"))


@pytest.fixture(scope="module")
def release(night: Night) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(night.home.release_file), read_only=True) as con:
        yield con


def delivery(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    found = con.execute("FROM meta.delivery WHERE file_name = ?", [name]).pl().to_dicts()
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("name", CASES)
def test_each_file_has_its_status_and_one_message(
    release: duckdb.DuckDBPyConnection, name: str
) -> None:
    source_id, case = CASES[name]

    found = delivery(release, case.name)

    assert (found["source_id"], found["status"]) == (source_id, case.status)
    if case.message is None:
        assert found["message"] is None
    else:
        assert re.search(case.message, found["message"])
        assert found["message"].isprintable(), "one line"
        assert "Error" not in found["message"]
    assert found["rows_used"] == case.used


@pytest.mark.parametrize("name", CASES)
def test_each_file_is_kept_as_received(night: Night, name: str) -> None:
    source_id, case = CASES[name]
    assert (night.home.landing_day(source_id, DAY) / case.name).read_bytes() == case.content


def test_every_row_has_one_outcome(release: duckdb.DuckDBPyConnection) -> None:
    wrong = release.execute(
        "SELECT file_name FROM meta.delivery WHERE rows_read IS DISTINCT FROM "
        "rows_used + rows_rejected + rows_duplicate + rows_unchanged + rows_ignored"
    ).fetchall()
    assert wrong == []


def test_the_night_says_what_is_wrong_and_is_done(night: Night) -> None:
    assert night.exit_code == 1
    assert "Traceback" not in night.said
    lines = night.said.splitlines()
    for source_id, case in CASES.values():
        if case.status in ("unreadable", "unknown_source"):
            shown = case.name.replace("\n", "\\n")
            start = f"{case.status}: {source_id}/{shown}: "
            assert sum(line.startswith(start) for line in lines) == 1, case.name
    assert sum(" negative_limit: " in line for line in lines) == 1


def test_what_lies_beside_the_folders_of_days_is_named(night: Night) -> None:
    not_read = [line for line in night.said.splitlines() if line.startswith("Not read: ")]
    assert [line.split(": ")[1] for line in not_read] == sorted(MISPLACED.values())


def test_the_good_delivery_is_published(release: duckdb.DuckDBPyConnection) -> None:
    rate = release.execute(
        "SELECT passed, tested FROM mart.pass_rate WHERE source_id = 'county_tests' AND "
        "period = '2024Q2' AND division_code = 'ALL' AND product_category = 'ALL'"
    ).fetchall()
    assert rate == [(10, 12)]  # 克百威, found in one that the lab passed, is banned


def test_rejected_rows_say_which_row_and_column(release: duckdb.DuckDBPyConnection) -> None:
    rejected = release.execute(
        """
        SELECT file_name, source_row, rule_id, column_name, value_text, r.message
        FROM core.rejected_record AS r JOIN meta.delivery USING (delivery_id)
        WHERE status = 'loaded' AND r.source_id = 'office_list' ORDER BY ALL
        """
    ).fetchall()
    assert [line[:5] for line in rejected] == [
        ("february.csv", 2, "unparsed_sampled_on", "抽样日期", "2024-02-30"),
        ("versions.csv", 2, "conflicting_versions", "sample_no", "V-1"),
        ("versions.csv", 3, "conflicting_versions", "sample_no", "V-1"),
    ]
    assert all(message and message.isprintable() for *_, message in rejected)


def test_rows_of_a_file_that_does_not_fit_are_kept_with_their_text(
    release: duckdb.DuckDBPyConnection,
) -> None:
    kept = release.execute(
        "SELECT source_sheet, source_row, rule_id, row_cells FROM core.rejected_record "
        "JOIN meta.delivery USING (delivery_id) WHERE file_name = 'merged too.xlsx' ORDER BY ALL"
    ).fetchall()
    assert [line[:3] for line in kept] == [
        ("明细", number, "file_does_not_fit") for number in (1, 2, 3)
    ]
    assert kept[2][3] == '["M-1","月饼","2024-05-06","合格"]'


def test_a_negative_limit_is_a_warning_that_names_the_row(
    release: duckdb.DuckDBPyConnection,
) -> None:
    (failed,) = release.execute(
        "SELECT rows_failed, failing_rows FROM meta.check_result "
        "WHERE rule_id = 'negative_limit' AND scope = 'core'"
    ).fetchall()
    assert failed[0] == 1
    assert "L-1" in failed[1]
    assert "L-2" not in failed[1]


def test_cells_of_workbooks_are_what_a_spreadsheet_shows(
    release: duckdb.DuckDBPyConnection,
) -> None:
    samples = release.execute(
        "SELECT sample_no, product_name, verdict, source_sheet, source_row FROM core.sample "
        "WHERE source_id = 'office_book' ORDER BY ALL"
    ).fetchall()
    assert samples == [("F-1", "月饼", "fail", "清单", 2), ("M-1", "月饼", "pass", "汇总", 3)]


def test_a_file_is_not_received_for_an_unknown_source(
    night: Night, samplehouse: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    path = tmp_path / "samples.csv"
    path.write_bytes(TEXTS["first name"].content)

    code, said = samplehouse(night.home, "receive", str(path), "-s", "no_such")

    assert code == 2
    assert said.startswith("error: there is no source 'no_such'; known sources: ")
    assert not (night.home.landing / "no_such").exists()


def test_rows_that_end_nowhere_stop_the_release(
    night: Night, samplehouse: Callable[..., tuple[int, str]]
) -> None:
    """Last of all: one delivery of the lake no longer adds up."""
    before = night.home.release_file.read_bytes()
    path = night.home.partition_file("meta.delivery", "county_tests", DAY)
    stored = deliveries(night.home, "county_tests")
    write_parquet(stored.with_columns(pl.col("rows_used") - 1), path)

    code, said = samplehouse(night.home, "nightly")

    assert code == 3, said
    assert "blocked by: meta.delivery every_row_accounted_for: " in said
    assert "Traceback" not in said
    assert night.home.release_file.read_bytes() == before
