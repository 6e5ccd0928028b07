"""Alerts of banned substances: raised once, the same day, by the sensor and by the night alike."""

import datetime as dt
import os
import time

import dagster as dg
import polars as pl
import pytest

from assets.alerts import TABLE, found_in, plant_alerts, raise_alerts, substance_alerts
from assets.workplace import Workplace, today
from pipelines.sensors import alert_sensor
from warehouse.connection import Resources
from warehouse.contract import record_contracts
from warehouse.engine.model import contract_of, load_models
from warehouse.home import Home
from warehouse.tables import write_partition

RESOURCES = Resources(threads=1, memory_bytes=1 << 30)
EVENING = dt.datetime(2024, 9, 10, 15, 30, tzinfo=dt.UTC)  # 23:30 in the offices
DAY = dt.date(2024, 9, 10)


@pytest.fixture
def workplace(tmp_path: object) -> Workplace:
    return Workplace(Home(tmp_path), {}, RESOURCES)  # type: ignore[arg-type] # a path


def content_hash(result: dict[str, object], version: int) -> int:
    """The same for a sample and for the results that came in its rows."""
    return 10 * int(str(result["sample_no"])[1:]) + version


def deliver(home: Home, day: dt.date, *results: dict[str, object], version: int = 1) -> None:
    """Samples of celery with one result each, as reading a delivery leaves them in the lake."""
    shared = {
        "source_id": "farms",
        "version": version,
        "delivery_id": f"{day}-1",
        "received_on": day,
    }
    samples = [
        {
            **shared,
            "sample_no": result["sample_no"],
            "domain": "agri",
            "programme": "routine_monitoring",
            "sampling_basis": "random",
            "product_category": "蔬菜",
            "product_name": "芹菜",
            "sampled_on": day,
            "verdict": "pass",
            "content_hash": content_hash(result, version),
        }
        for result in results
    ]
    rows = [
        {
            **shared,
            "parameter_code": "phorate",
            "parameter_name": "甲拌磷",
            "seq": 1,
            "qualifier": "=",
            "value": "0.004",
            "result_text": "0.004",
            "source_row": 2,
            "content_hash": content_hash(result, version),
            **result,
        }
        for result in results
    ]
    for table, found in (("core.sample", samples), ("core.test_result", rows)):
        contract = record_contracts()[table]
        columns = {name: [row.get(name) for row in found] for name in contract.column_names}
        write_partition(home, table, "farms", day, pl.DataFrame(columns, strict=False))


def alerts(home: Home) -> pl.DataFrame:
    return pl.read_parquet(home.partition_files(TABLE), hive_partitioning=False).sort("alert_no")


def sense(workplace: Workplace, cursor: str | None = None) -> dg.SensorResult:
    result = alert_sensor(dg.build_sensor_context(cursor=cursor), workplace=workplace)
    assert isinstance(result, dg.SensorResult)
    return result


def test_the_sensor_raises_an_alert_on_the_day_on_which_the_delivery_is_read(
    workplace: Workplace,
) -> None:
    deliver(workplace.home, today(), {"sample_no": "S1"}, {"sample_no": "S2", "qualifier": "ND"})

    sensed = sense(workplace)

    (alert,) = alerts(workplace.home).to_dicts()
    assert alert["alert_no"] == "farms/S1/甲拌磷"
    assert (alert["raised_on"], alert["is_same_day"]) == (today(), True)
    assert (alert["reported_verdict"], alert["product_name"]) == ("pass", "芹菜")
    assert alert["source_row"] == 2
    assert [event.asset_key for event in sensed.asset_events] == [dg.AssetKey(["meta", "alert"])]
    assert sensed.run_requests in (None, [])


def test_it_raises_no_alert_twice_and_reads_only_what_is_new(workplace: Workplace) -> None:
    deliver(workplace.home, today(), {"sample_no": "S1"})
    first = sense(workplace)
    before = alerts(workplace.home)

    idle = sense(workplace, first.cursor)
    forgetful = sense(workplace, None)

    assert idle.skip_reason is not None
    assert "0 alerts raised from 0 partitions" in str(idle.skip_reason)
    assert forgetful.asset_events == []
    assert alerts(workplace.home).equals(before)

    yesterday = today() - dt.timedelta(days=1)
    deliver(workplace.home, yesterday, {"sample_no": "S0"})
    (late,) = [
        path
        for path in workplace.home.partition_files("core.test_result")
        if yesterday.isoformat() in str(path)
    ]
    os.utime(late, ns=(int(first.cursor or 0) + 1,) * 2)
    sensed = sense(workplace, first.cursor)

    assert "1 alerts raised from 1 partitions" in str(sensed.skip_reason)
    assert alerts(workplace.home)["is_same_day"].to_list() == [False, True]


def test_it_asks_that_waiting_files_be_read_once_they_are_whole(workplace: Workplace) -> None:
    """The night reads at two; an alert of the same day cannot wait for it."""
    folder = workplace.home.landing_day("farms", today())
    folder.mkdir(parents=True)
    file = folder / "results.csv"
    file.write_text("样品编号\n", "utf-8")

    being_copied = sense(workplace)
    long_ago = time.time() - 3600
    os.utime(file, (long_ago, long_ago))
    whole = sense(workplace)

    assert being_copied.run_requests == []
    (request,) = whole.run_requests or []
    assert request.partition_key == today().isoformat()
    assert request.run_config["resources"]["night"]["config"]["days"] == [today().isoformat()]
    assert (sense(workplace).run_requests or [])[0].run_key == request.run_key


def test_nothing_in_the_lake_is_nothing_to_tell(workplace: Workplace) -> None:
    assert sense(workplace).asset_events == []
    assert workplace.home.partition_files(TABLE) == []


def test_the_night_and_the_sensor_find_the_same(workplace: Workplace) -> None:
    """A correction of the same day that takes the detection back does not take the alert back."""
    home = workplace.home
    deliver(home, DAY, {"sample_no": "S1"}, {"sample_no": "S2"})
    found = found_in(home, home.partition_files("core.test_result"), RESOURCES)

    raised = raise_alerts(home, substance_alerts(found), EVENING)
    again = raise_alerts(home, substance_alerts(found), EVENING + dt.timedelta(hours=1))
    deliver(home, dt.date(2024, 9, 11), {"sample_no": "S1", "qualifier": "ND"}, version=2)
    corrected = found_in(home, home.partition_files("core.test_result"), RESOURCES)
    raise_alerts(home, substance_alerts(corrected), EVENING)

    assert raised["alert_no"].to_list() == ["farms/S1/甲拌磷", "farms/S2/甲拌磷"]
    assert raised["is_same_day"].to_list() == [True, True]
    assert raised["raised_on"].to_list() == [DAY, DAY]
    assert again.is_empty()
    assert alerts(home).height == 2


def test_midnight_is_that_of_the_offices(workplace: Workplace) -> None:
    home = workplace.home
    deliver(home, DAY, {"sample_no": "S1"})
    found = found_in(home, home.partition_files("core.test_result"), RESOURCES)

    raised = raise_alerts(home, substance_alerts(found), EVENING + dt.timedelta(hours=1))

    assert raised["raised_on"].to_list() == [dt.date(2024, 9, 11)]
    assert raised["is_same_day"].to_list() == [False]


def test_a_screening_raises_no_alert(workplace: Workplace) -> None:
    home = workplace.home
    deliver(home, DAY, {"sample_no": "S1", "method": "胶体金快速检测卡"})
    found = found_in(home, home.partition_files("core.test_result"), RESOURCES)

    assert found["is_confirmed"].to_list() == [False]
    assert raise_alerts(home, substance_alerts(found), EVENING).is_empty()


def test_a_plant_that_lost_its_colour_is_told_once_for_its_quarter(workplace: Workplace) -> None:
    plant = {
        "source_id": "plants",
        "plant_no": "SH-03",
        "plant_name": "某商砼站",
        "quarter": "2024Q3",
        "colour": "yellow",
        "previous_quarter": "2024Q2",
        "previous_colour": "green",
        "change": "downgraded",
        "rule_is_verified": False,
        "received_on": DAY,
    }
    schema = contract_of("mart.plant_colour", load_models()).polars_schema()
    colours = pl.DataFrame([plant, {**plant, "quarter": "2024Q4", "change": "same"}], schema=schema)

    raised = raise_alerts(workplace.home, plant_alerts(colours), EVENING)
    again = raise_alerts(workplace.home, plant_alerts(colours), EVENING)

    columns = ("alert_no", "alert_kind", "detail", "entity_name", "is_same_day", "sample_no")
    assert raised.select(columns).rows() == [
        (
            *("plants/SH-03/2024Q3", "plant_downgraded"),
            "green in 2024Q2, yellow in 2024Q3",
            *("某商砼站", True, None),
        )
    ]
    assert again.is_empty()
    kept = pl.read_parquet(workplace.home.partition_files(TABLE), hive_partitioning=False)
    assert kept["alert_no"].to_list() == ["plants/SH-03/2024Q3"]
