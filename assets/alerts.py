"""Alerts: a banned substance that was found, a concrete plant that lost its colour.

The asset writes what the models found; for substances, the sensor (`pipelines.sensors`) looks at
records as soon as they are in the lake, so that an alert waits neither for the models nor for a
check that stops a night. Both write through `raise_alerts`, which writes an alert once.
"""

import datetime as dt
import fcntl
from collections.abc import Callable, Collection, Iterator, Sequence
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
from warehouse.engine.since import result
from warehouse.home import Home, create_view
from warehouse.tables import write_partition

TABLE = "meta.alert"
SHARED = ("source_id", "division_code", "entity_uscc", "received_on")  # of plants and their alerts
FOUND, COLOURS = "fact.banned_detection", "mart.plant_colour"
LISTED = ("alert_no", "alert_kind", "detail", "product_name", "entity_name", "is_same_day")


def alerts_asset(models: Collection[str]) -> dg.AssetsDefinition:
    """The asset `meta/alert`: alerts of what the models found, before the release is built.

    Args:
        models: tables that the graph makes; those that call for alerts are looked at.
    """
    contract = record_contracts()[TABLE]
    makers = {table: maker for table, maker in MAKERS.items() if table in models}

    @dg.asset(
        key=asset_key(TABLE),
        deps=[asset_key(table) for table in makers],
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
        with connect(workplace.resources) as con:
            found = [
                maker(result(con, workplace.home, table).pl()) for table, maker in makers.items()
            ]
        nothing = pl.DataFrame(schema=contract.polars_schema())
        wanted = pl.concat([nothing, *found], how="diagonal_relaxed")
        # The past built again raises no alerts: it tells what was known, and when.
        raised = raise_alerts(workplace.home, wanted if night.last_day is None else wanted.clear())
        for name, kind in raised.select("alert_no", "alert_kind").iter_rows():
            context.log.warning("%s: %s", kind, name)
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


def substance_alerts(detections: pl.DataFrame) -> pl.DataFrame:
    """Alerts that confirmed detections call for, from rows of ``fact.banned_detection``."""
    return (
        detections.filter("is_confirmed")
        .with_columns(
            alert_no=pl.concat_str("source_id", "sample_no", "substance", separator="/"),
            alert_kind=pl.lit("banned_substance"),
            detail=pl.when(pl.col("detection_basis") == "reported_fail")
            .then(pl.col("substance") + " reported as failing, without a number")
            .otherwise(
                pl.concat_str("substance", "result_text", "unit", separator=" ", ignore_nulls=True)
            ),
        )
        .sort("received_on", "alert_no", "parameter_code", "seq")
        .unique("alert_no", keep="first", maintain_order=True)
    )


def plant_alerts(colours: pl.DataFrame) -> pl.DataFrame:
    """Alerts that downgraded plants call for, from rows of ``mart.plant_colour``."""
    return colours.filter(change="downgraded").select(
        alert_no=pl.concat_str("source_id", "plant_no", "quarter", separator="/"),
        alert_kind=pl.lit("plant_downgraded"),
        detail=pl.format(
            "{} in {}, {} in {}", "previous_colour", "previous_quarter", "colour", "quarter"
        ),
        domain=pl.lit("construction"),
        is_verified="rule_is_verified",
        entity_name="plant_name",
        **{name: pl.col(name) for name in SHARED},
    )


def raise_alerts(home: Home, alerts: pl.DataFrame, now: dt.datetime | None = None) -> pl.DataFrame:
    """Write each alert that has not been raised yet.

    Args:
        home: where alerts are kept, by source and day received.
        alerts: rows of `substance_alerts` or `plant_alerts`.
        now: the moment, with its time zone; this one by default.

    Returns:
        The alerts that were written, rows of ``meta.alert``.
    """
    moment = now or dt.datetime.now(dt.UTC)
    raised_on = moment.astimezone(ZONE).date()
    contract = record_contracts()[TABLE].polars_schema()
    wanted = alerts.with_columns(
        raised_at=pl.lit(moment.astimezone(dt.UTC).replace(tzinfo=None)),
        raised_on=pl.lit(raised_on),
        is_same_day=pl.col("received_on") == raised_on,
    )
    missing = [
        pl.lit(None, kind).alias(name)
        for name, kind in contract.items()
        if name not in wanted.columns
    ]
    wanted = wanted.with_columns(missing)
    with _one_writer(home):
        known = _known(home)
        new = wanted.join(known, on="alert_no", how="anti", maintain_order="left").select(*contract)
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


# Tables that call for alerts, and what makes these of their rows.
MAKERS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    FOUND: substance_alerts,
    COLOURS: plant_alerts,
}


@contextmanager
def _one_writer(home: Home) -> Iterator[None]:
    """A night and the sensor may raise alerts at once; one of them waits."""
    folder = home.lake / "meta" / "alert"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
