"""A whole night in process: from a dropped file to a published release, and what stops one."""

import datetime as dt
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from assets.due import due
from assets.ingest.landing import receive
from assets.workplace import ZONE, Workplace
from pipelines import nightly
from pipelines.definitions import build_definitions
from pipelines.nightly import NightOutcome, instance, night_lock, run_night
from pipelines.schedules import nightly_schedule
from pipelines.sensors import landing_sensor
from pipelines.settings import Settings
from tests.nights import pass_rates_only
from warehouse import progress
from warehouse.connection import Resources
from warehouse.engine.stamp import keep_stamp
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

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self._folder = home, folder

    def deliver(self, name: str, text: str, day: dt.date, source: str = "market") -> None:
        path = self._folder / name
        path.write_text(text, "utf-8")
        receive(self.home, source, [path], day)

    def night(self, **options: object) -> NightOutcome:
        settings = Settings(self.home.root, (), 1, 1, self.home.root / "tmp")
        return run_night(settings, **options)  # type: ignore[arg-type] # options as in run_night

    def rate(self) -> tuple[int, int]:
        """Passed and tested of all time, in the published release."""
        rows = self._published(
            "SELECT passed, tested FROM mart.pass_rate WHERE period_type = 'all' "
            "AND source_id = 'ALL' AND division_code = 'ALL' AND product_category = 'ALL'"
        )
        ((passed, tested),) = rows
        return passed, tested

    def checks(self) -> list[tuple[str, int]]:
        """Scope and rows of the checks of samples, in the published release."""
        return self._published(
            "SELECT DISTINCT scope, rows_checked FROM meta.check_result "
            "WHERE table_name = 'core.sample' ORDER BY ALL"
        )

    def _published(self, query: str) -> list[Any]:
        with duckdb.connect(str(self.home.release_file), read_only=True) as con:
            return con.execute(query).fetchall()


@pytest.fixture(autouse=True, scope="module")
def only_the_market(market: Source) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, pass_rates_only():
        patch.setattr(Settings, "sources", lambda _self: ({"market": market}, {}))
        yield


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> NightOutcome:
    """What the night of May did; two files had been received, the later one in June."""
    folder = tmp_path_factory.mktemp("office")
    office = Office(Home(folder / "home"), folder)
    office.deliver("may.csv", SAMPLES, MAY)
    office.deliver("june.csv", CORRECTION, JUNE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "_TOLD_FROM_SECONDS", 0.0)
        return office.night(on=dt.date(2024, 5, 31))


@pytest.fixture
def office(first_night: NightOutcome, tmp_path: Path) -> Office:
    """A copy of the home after the first night."""
    assert first_night.release is not None
    built = first_night.release.path.parents[1]
    shutil.copytree(built, tmp_path / "home")
    return Office(Home(tmp_path / "home"), tmp_path)


def materialized(home: Home, *key: str) -> set[str]:
    with instance(home) as dagster:
        return set(dagster.get_materialized_partitions(dg.AssetKey(key)))


def test_the_first_night_reads_what_waits_and_publishes(
    first_night: NightOutcome, office: Office
) -> None:
    assert first_night.days == (MAY,)
    assert (first_night.exit_code, first_night.errors, first_night.failed_checks) == (0, (), ())
    assert first_night.statuses == {"loaded": 1}
    assert office.rate() == (9, 10)
    assert (office.home.docs / "index.html").is_file()


def test_progress_is_told_among_the_events_of_the_run(
    first_night: NightOutcome, office: Office
) -> None:
    with instance(office.home) as dagster:
        told = [entry.user_message for entry in dagster.all_logs(first_night.run_id)]
    for stage in ("read market: ", "write market: ", "model mart.pass_rate: ", "release build: "):
        of_stage = [message for message in told if message.startswith(stage)]
        assert any(" rows, " in message for message in of_stage), stage


def test_bad_deliveries_are_named_and_a_correction_counts_from_its_day_on(
    office: Office, market: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.deliver("empty.csv", "", MAY)
    office.deliver("half.csv", f"{HEADER}S-50,tea,流通,?,合格\nS-51,tea,流通,?,perhaps\n", MAY)
    office.deliver("lost.csv", SAMPLES, MAY, source="nobody")
    office.deliver("old.csv", SAMPLES, dt.date(1999, 1, 1))
    office.deliver("waits.csv", SAMPLES, MAY, source="harbour")
    wrong = "harbour.yml: publisher: Field required"

    with monkeypatch.context() as patch:
        patch.setattr(Settings, "sources", lambda _self: ({"market": market}, {"harbour": wrong}))
        second = office.night()

    assert second.wrong_sources == (wrong,)
    assert second.exit_code == 1
    assert second.days == (MAY, JUNE)
    assert second.strange_days == (dt.date(1999, 1, 1),)
    assert second.statuses == {"held": 1, "loaded": 2, "unknown_source": 2, "unreadable": 1}
    messages = {each.source_id: each.message for each in second.stopped}
    assert messages["harbour"] == f"it waits until the YAML of its source is mended: {wrong}"
    assert {(each.source_id, each.file_name) for each in second.stopped} == {
        ("market", "empty.csv"),
        ("market", "half.csv"),
        ("nobody", "lost.csv"),
        ("harbour", "waits.csv"),
    }
    assert all(each.message for each in second.stopped)
    assert office.rate() == (10, 10)
    for key in (("landing", "files"), ("raw", "market"), ("core", "sample"), ("meta", "delivery")):
        assert {"2024-05-02", "2024-06-03"} <= materialized(office.home, *key)

    past = office.night(as_of=MAY)

    assert (past.exit_code, past.left_over) == (0, 4)
    assert past.release is not None
    assert past.release.as_of == MAY
    assert office.rate() == (9, 10)
    # Of what it holds, and not of what came later.
    assert office.checks() == [("core", 10)]


def test_a_blocking_check_keeps_the_last_release_until_the_day_is_read_again(
    office: Office,
) -> None:
    before = office.home.release_file.read_bytes()
    lake = office.home.partition_file("core.sample", "market", MAY)
    rows = pl.read_parquet(lake)
    pl.concat([rows, rows.head(1)]).write_parquet(lake)

    blocked = office.night(on=MAY)

    assert (blocked.exit_code, blocked.published, blocked.errors) == (3, False, ())
    assert [(check.table, check.rule) for check in blocked.failed_checks if check.blocking] == [
        ("core.sample", "one_row_per_version")
    ]
    assert office.home.release_file.read_bytes() == before
    assert office.night(on=MAY).exit_code == 3  # with nothing new, what stopped it stops it again

    mended = office.night(on=MAY, again=[MAY])

    assert (mended.exit_code, mended.days) == (0, (MAY,))
    assert office.rate() == (9, 10)


def test_a_night_makes_what_is_due(office: Office, market: Source) -> None:
    workplace = Workplace(office.home, {"market": market}, Resources(1, 2**30))
    job = build_definitions(workplace.sources, workplace=workplace).resolve_job_def("nightly")

    def names(days: Sequence[dt.date] = ()) -> set[str]:
        return {key.to_user_string() for key in due(workplace, days, job).assets}

    always = {"release", "data_docs"}
    everything = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}

    assert names() == always
    assert "core.sample" in {each.table_name for each in due(workplace, (), job).known}
    # The source brings samples, and a day without files is still the last day of deliveries.
    of_samples = {
        "raw/market", "latest/sample", "latest/test_result", "counts/verdict_month",
        "fact/banned_detection", "fact/verdict", "meta/alert",
    }  # fmt: skip
    assert everything - names([MAY]) == {"latest/acceptance", "latest/site_inspection"}
    assert names([MAY]) - names([dt.date(2024, 5, 3)]) == of_samples

    # What its files filled as it was described before goes.
    filled = office.home.table_folder("core.site_inspection") / "source_id=market"
    filled.mkdir(parents=True)
    assert everything - names([MAY]) == {"latest/acceptance"}
    filled.rmdir()

    verdicts = office.home.model_file("fact.verdict")
    keep_stamp(verdicts, "made of something else")
    assert names() == {*always, "counts/verdict_month", "fact/verdict", "mart/pass_rate"}
    assert office.night(on=MAY).exit_code == 0
    assert names() == always

    (office.home.lake / "validation" / "mart" / "latest.sample.fingerprint").unlink()
    assert names() == {*always, "latest/sample"}  # its checks are not known


def test_a_range_of_partitions_is_one_run_over_its_days(office: Office, market: Source) -> None:
    workplace = Workplace(office.home, {"market": market}, Resources(1, 2**30))
    job = build_definitions({"market": market}, workplace=workplace).resolve_job_def("ingest")

    with instance(office.home) as dagster:
        done = job.execute_in_process(
            instance=dagster,
            tags={
                "dagster/asset_partition_range_start": "2024-06-02",
                "dagster/asset_partition_range_end": "2024-06-04",
            },
        )

    assert done.success
    assert materialized(office.home, "core", "sample") == {
        "2024-05-02", "2024-06-02", "2024-06-03", "2024-06-04"
    }  # fmt: skip
    assert office.home.partition_file("core.sample", "market", JUNE).is_file()


def test_schedule_and_sensor_ask_for_the_days_that_wait(office: Office, market: Source) -> None:
    workplace = Workplace(office.home, {"market": market}, Resources(1, 2**30))
    two_in_the_night = dt.datetime(2024, 6, 4, 2, tzinfo=ZONE)
    graph = build_definitions({"market": market}).get_repository_def()
    at_night = dg.build_schedule_context(
        scheduled_execution_time=two_in_the_night, repository_def=graph
    )
    at_once = dg.build_sensor_context(repository_def=graph)

    scheduled = nightly_schedule(at_night, workplace=workplace)
    sensed = landing_sensor(at_once, workplace=workplace)

    assert isinstance(scheduled, dg.RunRequest)
    assert scheduled.partition_key == "2024-06-03"
    assert scheduled.run_config["resources"]["night"]["config"]["days"] == ["2024-06-03"]
    assert isinstance(sensed, dg.RunRequest)
    assert sensed.run_config == scheduled.run_config
    assert dg.AssetKey(["raw", "market"]) in (scheduled.asset_selection or ())

    office.deliver("more.csv", SAMPLES.replace("S-", "T-"), JUNE)
    again = landing_sensor(dg.build_sensor_context(repository_def=graph), workplace=workplace)
    assert isinstance(again, dg.RunRequest)
    assert again.run_key != sensed.run_key

    nothing_yet = Workplace(Home(office.home.root / "empty"), {"market": market}, Resources(1, 1))
    assert isinstance(landing_sensor(at_once, workplace=nothing_yet), dg.SkipReason)
    quiet = nightly_schedule(at_night, workplace=nothing_yet)
    assert isinstance(quiet, dg.RunRequest)
    assert quiet.partition_key == "2024-06-04"
    assert dg.AssetKey(["raw", "market"]) not in (quiet.asset_selection or ())


def test_two_nights_do_not_work_at_once(office: Office) -> None:
    with night_lock(office.home), pytest.raises(SamplehouseError, match="another night"):
        office.night()


def test_the_instance_of_a_home_asks_nothing_and_tells_nobody(home: Home) -> None:
    folder = nightly.prepare_instance(home)
    with instance(home) as dagster:
        assert not dagster.telemetry_enabled
        assert not dagster.nux_enabled
    assert folder == home.dagster
