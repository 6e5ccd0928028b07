"""Files as received: found in landing, hashed, registered in `meta.delivery`."""

import dagster as dg
import polars as pl

from assets.ingest.landing import register
from assets.shown import markdown
from assets.workplace import (
    OWNERS,
    Night,
    Workplace,
    daily_asset,
    day_names,
    explained,
    report_days,
)

LANDING = dg.AssetKey(["landing", "files"])
LISTED_FILES = 100


@daily_asset(
    key=LANDING,
    group_name="deliveries",
    description=(
        "Files as received, under `landing/<source>/<day>/`: never changed, each with its hash and "
        "its row of `meta.delivery`."
    ),
    kinds={"file"},
    owners=OWNERS,
)
@explained()
def landing_files(
    context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace], night: Night
) -> dg.MaterializeResult[None]:
    """Register what was received on the days of the run."""
    days = night.days_of(context)
    for message in workplace.wrong_sources.values():
        context.log.warning("%s", message)
    rows = register(workplace.home, workplace.sources, days, workplace.wrong_sources)
    context.log.info("%s files received in %s", rows.height, day_names(days))
    by_day = rows.group_by("received_on").len().rows()
    report_days(context, LANDING, {day: {"dagster/row_count": files} for day, files in by_day})
    statuses = rows.group_by("status").len(name="files").sort("status").rows()
    shown = ("source_id", "received_on", "file_name", "size_bytes", "status", "message")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.height,
            "bytes": int(rows.select(pl.col("size_bytes").sum()).item()),
            "statuses": markdown(("status", "files"), statuses),
            "files": markdown(shown, rows.select(shown).head(LISTED_FILES).rows()),
            "landing": dg.MetadataValue.path(workplace.home.landing),
        }
    )
