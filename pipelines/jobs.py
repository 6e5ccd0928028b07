"""Jobs: the night as a whole, and its two halves."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

# What is published comes from everything received; what is received comes in days.
PUBLISHED_GROUPS = ("latest", "fact", "counts", "mart", "release")
RECEIVED_GROUPS = ("deliveries", "raw", "core")

nightly_job = dg.define_asset_job(
    "nightly",
    dg.AssetSelection.all(),
    description="Everything: read what waits, check it, run the models, publish the release.",
)
ingest_job = dg.define_asset_job(
    "ingest",
    dg.AssetSelection.groups(*RECEIVED_GROUPS),
    description="Read the days of the run's partitions again, after a source or code list changed.",
)


def publish_selection(checks_of_records: Sequence[dg.AssetChecksDefinition]) -> dg.AssetSelection:
    """What the second half makes; a release of the past tells what checks find in that past."""
    checks = dg.AssetSelection.checks(*checks_of_records)
    return dg.AssetSelection.groups(*PUBLISHED_GROUPS) | checks


def night_config(days: Sequence[dt.date] = (), as_of: dt.date | None = None) -> dict[str, object]:
    """Run configuration that reads `days` and publishes as of a day (see `Night`)."""
    config = {
        "days": [day.isoformat() for day in days],
        "as_of": as_of.isoformat() if as_of else "",
    }
    return {"resources": {"night": {"config": config}}}
