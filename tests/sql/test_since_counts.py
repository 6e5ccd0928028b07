"""Counts are added up since the last night, or counted anew."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.nights_of_samples import ADDING, RESOURCES, home_in, receive, sample, work
from warehouse.connection import connect
from warehouse.engine import since, sums
from warehouse.engine.refresh import refresh_model
from warehouse.errors import ConfigurationError
from warehouse.home import Home

pytestmark = pytest.mark.usefixtures("however_small")
COUNTS = "counts.verdict_month"


@pytest.fixture
def counted(tmp_path: Path) -> Home:
    """Counts of what the fixture `worked` has."""
    home = home_in(tmp_path)
    receive(home, 0, {"core.sample": [sample("A"), sample("B")]})
    work(home, [COUNTS])
    receive(home, 1, {"core.sample": [sample("C"), sample("B", 2, verdict="fail")]})
    work(home, [COUNTS])
    return home


def verdicts(home: Home) -> list[tuple[str, int, int, int]]:
    with duckdb.connect() as con:
        counts = since.result(con, home, COUNTS)
        return counts.project("month, units, passed, failed").order("ALL").fetchall()


def counted_at(home: Home) -> int:
    return home.model_file(COUNTS).stat().st_mtime_ns


def test_a_group_without_rows_is_gone(counted: Home) -> None:
    assert verdicts(counted) == [("2024-04", 3, 2, 1)]
    later = {"sampled_on": dt.date(2024, 5, 2)}
    receive(counted, 2, {"core.sample": [sample(n, 3, **later) for n in "ABC"]})
    work(counted, [COUNTS])
    assert verdicts(counted) == [("2024-05", 3, 3, 0)]


def test_rows_that_stand_no_more_are_looked_up_once(
    counted: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts them takes those that were found when the result that it counts was made."""
    receive(counted, 2, {"core.sample": [sample("A", 2, verdict="fail")]})
    work(counted, ["fact.verdict"])
    monkeypatch.delattr(sums, "rows_of_touched")
    work(counted, [COUNTS])
    assert verdicts(counted) == [("2024-04", 3, 1, 2)]


def test_a_group_that_a_sample_came_to_and_left_is_gone(counted: Home) -> None:
    told = (("2024-05", 3), ("2024-06", 4))
    for number, (month, version) in enumerate(told, start=2):
        moved = sample("A", version, sampled_on=dt.date.fromisoformat(f"{month}-02"))
        receive(counted, number, {"core.sample": [moved]})
        work(counted, [COUNTS])
        assert verdicts(counted) == [("2024-04", 2, 1, 1), (month, 1, 1, 0)]
        assert since.result_size(counted, COUNTS) == 2
    part = since.since(counted, COUNTS)
    assert part is not None
    assert set(pl.read_parquet(part.touched)["month"]) == {"2024-04", "2024-05", "2024-06"}


def test_counts_of_firms_add_up_too(tmp_path: Path) -> None:
    home, table = home_in(tmp_path), "counts.firm_group"
    told = [sample(number, entity_uscc=firm) for number, firm in ("AP", "BP", "CQ")]
    receive(home, 0, {"core.sample": told})
    work(home, [table])
    whole = home.model_file(table).stat()
    corrected = sample("C", 2, entity_uscc="P", verdict="fail")
    receive(home, 1, {"core.sample": [corrected, sample("D", entity_uscc="R")]})
    found = work(home, [table])[table].filter(group_type="subject_type")
    assert found.select("firms", "tested", "failed").rows() == [(2, 4, 1)]
    assert home.model_file(table).stat() == whole


def test_counts_of_other_wholes_are_counted_anew(counted: Home) -> None:
    before = counted_at(counted)
    receive(counted, 0, {"core.sample": [sample("A", verdict="fail")]})  # B came in that night too
    work(counted, [COUNTS])
    assert counted_at(counted) > before
    assert verdicts(counted) == [("2024-04", 3, 1, 2)]


def test_counts_by_another_definition_are_counted_anew(counted: Home) -> None:
    before, model = counted_at(counted), ADDING[COUNTS]
    other = replace(model, sql=model.sql.replace("final_verdict = 'fail'", "final_verdict <> ''"))
    with connect(RESOURCES) as con:
        refresh_model(con, other, counted)
    assert counted_at(counted) > before
    assert verdicts(counted) == [("2024-04", 3, 2, 3)]


def test_counts_without_a_note_of_what_they_are_of_are_counted_anew(
    counted: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_home: Home, _table: str, _found: since.Kept) -> None:
        raise KeyboardInterrupt

    receive(counted, 0, {"core.sample": [sample("A"), sample("B", verdict="fail")]})
    with monkeypatch.context() as patched:
        patched.setattr(sums, "keep", stopped)
        with pytest.raises(KeyboardInterrupt):
            work(counted, [COUNTS])
    stopped_at = counted_at(counted)
    receive(counted, 0, {"core.sample": [sample("A", verdict="fail"), sample("B")]})
    work(counted, [COUNTS])
    assert counted_at(counted) > stopped_at
    assert verdicts(counted) == [("2024-04", 3, 1, 2)]


def test_what_does_not_add_up_stops(counted: Home) -> None:
    model = ADDING[COUNTS]
    other = replace(model, sql=model.sql.replace("count(*) as units", "5 - count(*) as units"))
    receive(counted, 2, {"core.sample": [sample(n) for n in "DEFG"]})
    work(counted, [COUNTS])
    with connect(RESOURCES) as con, pytest.raises(ConfigurationError, match="does not add up"):
        refresh_model(con, other, counted)
