"""What schedules and sensors ask Dagster for: the night that the command line runs, as a run."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from assets.due import due
from assets.workplace import Workplace
from pipelines.jobs import night_config, nightly_job
from pipelines.partitions import night_of


def night_request(
    repository: dg.RepositoryDefinition | None,
    workplace: Workplace,
    days: Sequence[dt.date],
    night: dt.date,
    run_key: str,
) -> dg.RunRequest:
    """A night that reads the files of some days, and makes what is due.

    Args:
        repository: the graph, as an evaluation context knows it.
        workplace: where the run will work.
        days: days of receipt to read.
        night: the run's day, where there is nothing to read.
        run_key: asked for again under this key, Dagster starts no second run.
    """
    if repository is None:
        raise TypeError("a night is asked for with the graph at hand")
    work = due(workplace, days, repository.get_job(nightly_job.name))
    return reading_request(days, night, run_key, work.assets)


def reading_request(
    days: Sequence[dt.date],
    night: dt.date,
    run_key: str,
    assets: Sequence[dg.AssetKey] | None = None,
) -> dg.RunRequest:
    """A run that reads the files of some days and makes some assets, or all of its job."""
    return dg.RunRequest(
        run_key=run_key,
        partition_key=night_of(days, night).isoformat(),
        run_config=night_config(days),
        asset_selection=assets,
    )
