"""Sensors: files dropped into landing start a night; banned substances that were found are told."""

import hashlib

import dagster as dg

from assets.alerts import TABLE as ALERTS
from assets.alerts import alert_metadata, found_in, raise_alerts
from assets.ingest.landing import landed_files, landing_days, pending_days
from assets.workplace import Workplace, asset_key, today
from pipelines.jobs import night_config, nightly_job
from pipelines.partitions import night_of, readable_days
from warehouse.home import Home


@dg.sensor(
    job=nightly_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Starts a night when files wait in landing. Off by default: the schedule reads them at two "
        "in the night; switch it on where releases should follow deliveries within minutes."
    ),
)
def landing_sensor(
    _context: dg.SensorEvaluationContext, workplace: dg.ResourceParam[Workplace]
) -> dg.RunRequest | dg.SkipReason:
    """One run for each set of waiting files."""
    waiting = readable_days(pending_days(workplace.home, workplace.sources))
    if not waiting:
        return dg.SkipReason("no file waits in landing")
    return dg.RunRequest(
        run_key=files_fingerprint(workplace.home),
        partition_key=night_of(waiting, today()).isoformat(),
        run_config=night_config(waiting),
    )


def files_fingerprint(home: Home) -> str:
    """A text that changes when a file is added to landing; nothing is read but names and sizes."""
    digest = hashlib.sha256()
    for source_id, days in landing_days(home).items():
        for day in days:
            for path in landed_files(home, source_id, day):
                status = path.stat()
                entry = (source_id, day.isoformat(), path.name, status.st_size, status.st_mtime_ns)
                digest.update(f"{entry}\n".encode())
    return digest.hexdigest()[:32]


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Raises an alert for every banned substance found in records that were read since it last "
        "looked. It waits for no model and no check, so a night that is stopped is told of as well."
    ),
)
def alert_sensor(
    context: dg.SensorEvaluationContext, workplace: dg.ResourceParam[Workplace]
) -> dg.SensorResult:
    """Looks at result partitions written since the moment that the cursor holds."""
    seen = int(context.cursor or 0)
    written = {
        path: path.stat().st_mtime_ns for path in workplace.home.partition_files("core.test_result")
    }
    fresh = [path for path, moment in written.items() if moment > seen]
    if not fresh:
        return dg.SensorResult(skip_reason="no results were read", cursor=str(seen))
    found = found_in(workplace.home, fresh, workplace.resources)
    raised = raise_alerts(workplace.home, found)
    told = [
        dg.AssetMaterialization(asset_key(ALERTS), metadata=alert_metadata(workplace.home, raised))
    ]
    return dg.SensorResult(
        skip_reason=f"{raised.height} alerts raised from {len(fresh)} partitions of results",
        cursor=str(max(written[path] for path in fresh)),
        asset_events=told if raised.height else [],
    )
