"""The nightly schedule."""

import dagster as dg

from assets.ingest.landing import pending_days
from assets.workplace import ZONE, Workplace
from pipelines.jobs import nightly_job
from pipelines.partitions import readable_days
from pipelines.requests import night_request


@dg.schedule(
    cron_schedule="0 2 * * *",
    job=nightly_job,
    execution_timezone=ZONE.key,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At two in the night: read every day that waits, then publish.",
)
def nightly_schedule(
    context: dg.ScheduleEvaluationContext, workplace: dg.ResourceParam[Workplace]
) -> dg.RunRequest:
    """One run for all days that wait; without any, of what is out of date."""
    night = context.scheduled_execution_time.astimezone(ZONE).date()
    waiting = readable_days(pending_days(workplace.home, workplace.sources, night))
    return night_request(context.repository_def, workplace, waiting, night, night.isoformat())
