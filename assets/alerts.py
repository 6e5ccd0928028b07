"""Alerts: a banned substance that was found is told on the day on which its delivery is read.

The asset writes what the models found; the sensor (`pipelines.sensors`) looks at records as soon as
they are in the lake, so that an alert waits neither for the models nor for a check that stops a
night. Both write through `raise_alerts`, which writes an alert once.
"""

import datetime as dt
import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import polars as pl

from assets.shown import contract_metadata, description, markdown
from assets.workplace import OWNERS, ZONE, Night, Workplace, asset_key, explained
from warehouse.connection import Resources, connect
from warehouse.contract import record_contracts
from warehouse.engine.model import load_models
from warehouse.engine.run import register_references
from warehouse.home import Home, create_view
from warehouse.tables import write_partition

TABLE = "meta.alert"
FOUND = "fact.banned_detection"
LISTED = ("alert_no", "product_name", "entity_name", "result_text", "notice", "is_same_day")


def alerts_asset() -> dg.AssetsDefinition:
    """The asset `meta/alert`: alerts of what the models found, before the release is built."""
    contract = record_contracts()[TABLE]

    @dg.asset(
        key=asset_key(TABLE),
        deps=[asset_key(FOUND)],
        group_name="mart",
        description=description(contract),
        metadata=contract_metadata(contract),
        kinds={"python", "polars"},
        owners=OWNERS,
    )
    @explained()
    def alert(
        context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace], night: Night
    ) -> dg.MaterializeResult[None]:
        found = pl.read_parquet(workplace.home.model_file(FOUND))
        # The past built again raises no alerts: it tells what was known, and when.
        raised = raise_alerts(workplace.home, found if night.last_day is None else found.clear())
        for name in raised["alert_no"]:
            context.log.warning("banned substance found: %s", name)
        return dg.MaterializeResult(metadata=alert_metadata(workplace.home, raised))

    return alert


def alert_metadata(home: Home, raised: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """What the UI shows of alerts that were raised."""
    return {
        "raised": dg.MetadataValue.int(raised.height),
        "alerts": markdown(LISTED, raised.select(LISTED).head(50).rows()),
        "path": dg.MetadataValue.path(home.lake / "meta" / "alert"),
    }


def found_in(home: Home, files: Sequence[Path], resources: Resources) -> pl.DataFrame:
    """Rows of ``fact.banned_detection`` in some partitions of results, before any model has run.

    Args:
        home: where the lake lies.
        files: partition files of ``core.test_result``.
        resources: how much of the machine DuckDB may use.
    """
    models, records = load_models(), record_contracts()
    with connect(resources) as con:
        register_references(con, models["latest.sample"].depends_on | models[FOUND].depends_on)
        con.execute("CREATE SCHEMA core; CREATE SCHEMA latest")
        create_view(con, records["core.sample"], home.partition_files("core.sample"))
        create_view(con, records["core.test_result"], list(files))
        con.execute(f"CREATE VIEW latest.sample AS {models['latest.sample'].sql}")
        # Every version counts: what was found is told, whatever is corrected later.
        con.execute("CREATE VIEW latest.test_result AS FROM core.test_result")
        return con.sql(models[FOUND].sql).pl()


def raise_alerts(
    home: Home, detections: pl.DataFrame, now: dt.datetime | None = None
) -> pl.DataFrame:
    """Write an alert for each confirmed detection that has none yet.

    Args:
        home: where alerts are kept, by source and day received.
        detections: rows of ``fact.banned_detection``.
        now: the moment, with its time zone; this one by default.

    Returns:
        The alerts that were written, rows of ``meta.alert``.
    """
    moment = now or dt.datetime.now(dt.UTC)
    raised_on = moment.astimezone(ZONE).date()
    wanted = (
        detections.filter("is_confirmed")
        .with_columns(
            alert_no=pl.concat_str("source_id", "sample_no", "substance", separator="/"),
            alert_kind=pl.lit("banned_substance"),
            raised_at=pl.lit(moment.astimezone(dt.UTC).replace(tzinfo=None)),
            raised_on=pl.lit(raised_on),
            is_same_day=pl.col("received_on") == raised_on,
        )
        .sort("received_on", "alert_no", "parameter_code", "seq")
        .unique("alert_no", keep="first", maintain_order=True)
    )
    columns = record_contracts()[TABLE].column_names
    with _one_writer(home):
        known = _known(home)
        new = wanted.join(known, on="alert_no", how="anti", maintain_order="left").select(columns)
        for (source_id, received_on), part in new.group_by(
            "source_id", "received_on", maintain_order=True
        ):
            path = home.partition_file(TABLE, str(source_id), received_on)
            earlier = [pl.read_parquet(path, hive_partitioning=False)] if path.is_file() else []
            rows = pl.concat([*earlier, part], how="diagonal_relaxed")
            write_partition(home, TABLE, str(source_id), received_on, rows)
    return new


def _known(home: Home) -> pl.DataFrame:
    files = home.partition_files(TABLE)
    if not files:
        return pl.DataFrame(schema={"alert_no": pl.String})
    return pl.read_parquet(files, columns=["alert_no"], hive_partitioning=False)


@contextmanager
def _one_writer(home: Home) -> Iterator[None]:
    """A night and the sensor may raise alerts at once; one of them waits."""
    folder = home.lake / "meta" / "alert"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
