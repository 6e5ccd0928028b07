"""Jobs: the night as a whole, and its two halves."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from assets.alerts import TABLE as ALERTS
from assets.workplace import RECORD_TABLES, asset_key
from warehouse.contract import record_contracts

# What is published comes from everything received; what is received comes in days.
PUBLISHED_GROUPS = ("latest", "fact", "counts", "mart", "release")
RECEIVED_GROUPS = ("deliveries", "raw", "core")
# A release of the past tells what checks find in the records of that past.
CHECKS_OF_RECORDS = tuple(
    dg.AssetCheckKey(asset_key(table), rule.rule)
    for table in (*RECORD_TABLES, ALERTS)
    for rule in record_contracts()[table].expectations
)

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
publish_job = dg.define_asset_job(
    "publish",
    dg.AssetSelection.groups(*PUBLISHED_GROUPS) | dg.AssetSelection.checks(*CHECKS_OF_RECORDS),
    description="Check and run the models on what the lake holds, and publish the release.",
)


def night_config(days: Sequence[dt.date] = (), as_of: dt.date | None = None) -> dict[str, object]:
    """Run configuration that reads `days` and publishes as of a day (see `Night`)."""
    config = {
        "days": [day.isoformat() for day in days],
        "as_of": as_of.isoformat() if as_of else "",
    }
    return {"resources": {"night": {"config": config}}}
