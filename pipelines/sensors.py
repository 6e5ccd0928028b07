"""Sensors: files dropped into landing start a night; banned substances that were found are told."""

import datetime as dt
import hashlib
import time
from collections.abc import Sequence

import dagster as dg

from assets.alerts import TABLE as ALERTS
from assets.alerts import alert_metadata, found_in, raise_alerts, substance_alerts
from assets.ingest.landing import landed_files, landing_days, pending_days
from assets.workplace import Workplace, asset_key, today
from pipelines.jobs import ingest_job, nightly_job
from pipelines.partitions import readable_days
from pipelines.requests import night_request, reading_request
from warehouse.home import Home

SETTLED_SECONDS = 90  # a file is being copied for as long as something is written to it


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
    context: dg.SensorEvaluationContext, workplace: dg.ResourceParam[Workplace]
) -> dg.RunRequest | dg.SkipReason:
    """One run for each set of waiting files."""
    waiting = readable_days(pending_days(workplace.home, workplace.sources))
    if not waiting:
        return dg.SkipReason("no file waits in landing")
    files = files_fingerprint(workplace.home)
    return night_request(context.repository_def, workplace, waiting, today(), files)


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
    job=ingest_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Reads what waits in landing and raises an alert for every banned substance found in it, "
        "the same day. It waits for no model, check or release: those are made by the night."
    ),
)
def alert_sensor(
    context: dg.SensorEvaluationContext, workplace: dg.ResourceParam[Workplace]
) -> dg.SensorResult:
    """Alerts from result partitions written since the cursor; a run that reads waiting files."""
    home, seen = workplace.home, int(context.cursor or 0)
    written = {path: path.stat().st_mtime_ns for path in home.partition_files("core.test_result")}
    fresh = [path for path, moment in written.items() if moment > seen]
    found = found_in(home, fresh, workplace.resources) if fresh else None
    raised = None if found is None else raise_alerts(home, substance_alerts(found))
    told = []
    if raised is not None and raised.height:
        metadata = alert_metadata(home, raised)
        told.append(dg.AssetMaterialization(asset_key(ALERTS), metadata=metadata))
    requests = reading_requests(workplace)
    count = 0 if raised is None else raised.height
    words = f"{count} alerts raised from {len(fresh)} partitions of results"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else words,
        cursor=str(max((written[path] for path in fresh), default=seen)),
        asset_events=told,
    )


def reading_requests(workplace: Workplace) -> list[dg.RunRequest]:
    """A run that reads the files that wait, once nothing has been written to them for a while."""
    waiting = readable_days(pending_days(workplace.home, workplace.sources))
    if not waiting or newest_file(workplace.home, waiting) > time.time() - SETTLED_SECONDS:
        return []
    return [reading_request(waiting, today(), files_fingerprint(workplace.home))]


def newest_file(home: Home, days: Sequence[dt.date]) -> float:
    """When a file of these days was last written; 0 where there is none."""
    found = [
        path.stat().st_mtime
        for source_id, its_days in landing_days(home).items()
        for day in its_days
        if day in days
        for path in landed_files(home, source_id, day)
    ]
    return max(found, default=0.0)
