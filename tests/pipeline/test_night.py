"""A whole night in process: from a dropped file to a published release, and what stops one."""

import datetime as dt
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from assets.ingest.landing import receive
from pipelines import nightly
from pipelines.nightly import NightOutcome, instance, night_lock, run_night
from pipelines.settings import Settings
from warehouse.errors import SamplehouseError
from warehouse.home import Home
from warehouse.source import Source

MAY, JUNE = dt.date(2024, 5, 2), dt.date(2024, 6, 3)

HEADER = "no,product,link,sampled,verdict\n"
SAMPLES = HEADER + "".join(
    f"S-{number},茶叶,流通,2024-04-{number:02d},{'不合格' if number == 1 else '合格'}\n"
    for number in range(1, 11)
)
CORRECTION = HEADER + "S-1,茶叶,流通,2024-04-01,合格\n"


class Office:
    """One home with the market source, and files to receive."""

    def __init__(self, home: Home, market: Source, folder: Path) -> None:
        self.home, self._market, self._folder = home, market, folder

    def deliver(self, name: str, text: str, day: dt.date, source: str = "market") -> None:
        path = self._folder / name
        path.write_text(text, "utf-8")
        receive(self.home, source, [path], day)

    def night(self, **options: object) -> NightOutcome:
        settings = Settings(self.home.root, (), 2, 1, self.home.root / "tmp")
        return run_night(settings, **options)  # type: ignore[arg-type] # options as in run_night

    def rate(self) -> tuple[int, int]:
        """Passed and tested of all time, in the published release."""
        with duckdb.connect(str(self.home.release_file), read_only=True) as con:
            rows = con.execute(
                "SELECT passed, tested FROM mart.pass_rate WHERE period_type = 'all' "
                "AND source_id = 'ALL' AND division_code = 'ALL' AND product_category = 'ALL'"
            ).fetchall()
        assert len(rows) == 1
        return rows[0]


@pytest.fixture
def office(home: Home, market: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(Settings, "sources", lambda _self: {"market": market})
    return Office(home, market, tmp_path)


def materialized(home: Home, *key: str) -> set[str]:
    with instance(home) as dagster:
        return set(dagster.get_materialized_partitions(dg.AssetKey(key)))


def test_a_file_becomes_a_release_and_its_correction_another(office: Office) -> None:
    office.deliver("may.csv", SAMPLES, MAY)
    office.deliver("june.csv", CORRECTION, JUNE)

    first = office.night(on=dt.date(2024, 5, 31))
    assert first.days == (MAY,)
    assert (first.exit_code, first.errors, first.failed_checks) == (0, (), ())
    assert first.statuses == {"loaded": 1}
    assert office.rate() == (9, 10)

    second = office.night()
    assert second.days == (JUNE,)
    assert second.exit_code == 0
    assert office.rate() == (10, 10)
    for key in (("landing", "files"), ("raw", "market"), ("core", "sample"), ("meta", "delivery")):
        assert {"2024-05-02", "2024-06-03"} <= materialized(office.home, *key)

    past = office.night(as_of=MAY)
    assert past.exit_code == 0
    assert past.release is not None
    assert past.release.as_of == MAY
    assert office.rate() == (9, 10)


def test_bad_deliveries_are_named_and_the_good_ones_published(office: Office) -> None:
    office.deliver("good.csv", SAMPLES, MAY)
    office.deliver("empty.csv", "", MAY)
    office.deliver(
        "half.csv",
        HEADER + "S-50,tea,流通,2024-04-01,合格\nS-51,tea,流通,?,perhaps\n"
        "S-52,tea,流通,?,perhaps\n",
        MAY,
    )
    office.deliver("lost.csv", SAMPLES, MAY, source="nobody")

    outcome = office.night()

    assert outcome.exit_code == 1
    assert outcome.statuses == {"held": 1, "loaded": 1, "unknown_source": 1, "unreadable": 1}
    assert {(each.source_id, each.file_name) for each in outcome.stopped} == {
        ("market", "empty.csv"),
        ("market", "half.csv"),
        ("nobody", "lost.csv"),
    }
    assert all(each.message for each in outcome.stopped)
    assert office.rate() == (9, 10)


def test_a_blocking_check_keeps_the_last_release(office: Office) -> None:
    office.deliver("may.csv", SAMPLES, MAY)
    assert office.night().exit_code == 0
    before = office.home.release_file.read_bytes()
    lake = office.home.partition_file("core.sample", "market", MAY)
    rows = pl.read_parquet(lake)
    pl.concat([rows, rows.head(1)]).write_parquet(lake)

    outcome = office.night()

    assert outcome.exit_code == 3
    assert not outcome.published
    blocking = [check for check in outcome.failed_checks if check.blocking]
    assert [(check.table, check.rule) for check in blocking] == [
        ("core.sample", "one_row_per_version")
    ]
    assert office.home.release_file.read_bytes() == before


def test_a_day_can_be_read_again(office: Office) -> None:
    office.deliver("may.csv", SAMPLES, MAY)
    office.night()
    office.home.partition_file("core.sample", "market", MAY).unlink()

    outcome = office.night(again=[MAY])

    assert outcome.exit_code == 0
    assert outcome.days == (MAY,)
    assert office.rate() == (9, 10)


def test_two_nights_do_not_work_at_once(office: Office) -> None:
    with night_lock(office.home), pytest.raises(SamplehouseError, match="another night"):
        office.night()


def test_a_day_that_is_no_partition_is_reported_not_read(office: Office) -> None:
    office.deliver("old.csv", SAMPLES, dt.date(1999, 1, 1))
    office.deliver("may.csv", SAMPLES.replace("S-", "T-"), MAY)

    outcome = office.night()

    assert outcome.exit_code == 1
    assert outcome.strange_days == (dt.date(1999, 1, 1),)
    assert office.rate() == (9, 10)


def test_the_instance_of_a_home_asks_nothing_and_tells_nobody(home: Home) -> None:
    folder = nightly.prepare_instance(home)
    with instance(home) as dagster:
        assert not dagster.telemetry_enabled
        assert not dagster.nux_enabled
    assert folder == home.dagster
