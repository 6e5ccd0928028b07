"""Dagster's event log of a night: kept open, and what others read of it afterwards."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster import AssetCheckKey, DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage

from pipelines.event_log import night_instance
from pipelines.nightly import prepare_instance
from warehouse.home import Home

DAY = "2024-05-01"
DAYS = dg.DailyPartitionsDefinition(DAY, end_date="2024-05-03")
TABLES = (dg.AssetKey("sample"), dg.AssetKey("test_result"))
RULES = ("key_is_unique", "rows_are_there", "value_is_known")


def a_job() -> dg.JobDefinition:
    """A job of two tables with three checks each, of which the last does not pass."""
    tables = [dg.asset(key=key, partitions_def=DAYS)(_nothing) for key in TABLES]
    checks = [_checks(key) for key in TABLES]
    job = dg.define_asset_job("nightly")
    found = dg.Definitions(assets=tables, asset_checks=checks, jobs=[job])
    return found.resolve_job_def("nightly")


def _nothing() -> None:
    """What makes a table here."""


def _checks(key: dg.AssetKey) -> dg.AssetChecksDefinition:
    specs = [dg.AssetCheckSpec(rule, asset=key) for rule in RULES]

    @dg.multi_asset_check(name=f"check_{key.path[0]}", specs=specs)
    def check() -> Iterator[dg.AssetCheckResult]:
        for rule in RULES:
            yield dg.AssetCheckResult(asset_key=key, check_name=rule, passed=rule != RULES[-1])

    return check


def test_every_check_is_told_of_the_table_that_it_looked_at(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = SqliteEventLogStorage.fetch_materializations
    asked = []

    def counted(self: SqliteEventLogStorage, *given: Any, **named: Any) -> object:
        asked.append(given)
        return looked_up(self, *given, **named)

    monkeypatch.setattr(SqliteEventLogStorage, "fetch_materializations", counted)
    prepare_instance(home)
    job = a_job()
    for _ in range(2):  # the second night makes the tables again
        asked.clear()
        with night_instance(home) as night:
            run = job.execute_in_process(instance=night, partition_key=DAY)
        assert len(asked) == len(TABLES)
        with DagsterInstance.from_ref(InstanceRef.from_dir(str(home.dagster))) as read:
            checks = [AssetCheckKey(table, rule) for table in TABLES for rule in RULES]
            found = read.event_log_storage.get_latest_asset_check_execution_by_key(checks)
            made = {
                table: read.event_log_storage.fetch_materializations(table, limit=1).records[0]
                for table in TABLES
            }
            events = read.event_log_storage.get_logs_for_run(run.run_id)
        assert {key: found[key].status.value for key in checks} == {
            key: "FAILED" if key.name == RULES[-1] else "SUCCEEDED" for key in checks
        }
        for key in checks:
            evaluation = found[key].evaluation
            assert evaluation is not None
            target = evaluation.target_materialization_data
            assert target is not None
            assert target.storage_id == made[key.asset_key].storage_id
            assert target.run_id == found[key].run_id == run.run_id
        kinds = [event.dagster_event.event_type_value for event in events if event.dagster_event]
        assert kinds.count("ASSET_CHECK_EVALUATION_PLANNED") == len(checks)
        assert kinds.count("ASSET_CHECK_EVALUATION") == len(checks)
        assert kinds.count("ASSET_MATERIALIZATION") == len(TABLES)
