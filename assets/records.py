"""Records: each source's files as text (`raw`), then typed, versioned, accounted for (`core`)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets.checks import INCOMING, incoming_result, incoming_spec
from assets.deliveries import LANDING
from assets.ingest.run import SourceOutcome, ingest, read_raw
from assets.shown import contract_metadata, description, markdown, preview
from assets.workplace import (
    OWNERS,
    RECORD_TABLES,
    Night,
    Workplace,
    asset_key,
    daily_asset,
    daily_multi_asset,
    day_names,
    explained,
    report_days,
)
from warehouse.contract import record_contracts
from warehouse.source import Source
from warehouse.tables import row_count

NOT_LOADED = ("held", "unreadable", "unknown_source")
LISTED_DELIVERIES = 100


def raw_asset(source: Source) -> dg.AssetsDefinition:
    """The asset `raw/<source>`: every cell of the source's files as text."""
    key = dg.AssetKey(["raw", source.source_id])

    @daily_asset(
        key=key,
        deps=[LANDING],
        group_name="raw",
        description=_source_description(source),
        metadata={"licence": source.licence, "citation": source.citation},
        kinds={source.format.kind, "polars"},
        owners=OWNERS,
    )
    @explained()
    def raw(
        context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace], night: Night
    ) -> dg.MaterializeResult[None]:
        days = night.days_of(context)
        own = workplace.sources[source.source_id]
        rows = read_raw(workplace.home, own, days, workplace.resources)
        unreadable = rows.filter(pl.col("status") == "unreadable")
        for name, message in unreadable.select("file_name", "message").rows():
            context.log.warning("%s cannot be read: %s", name, message)
        by_day = rows.group_by("received_on").len().rows()
        report_days(context, key, {day: {"files": files} for day, files in by_day})
        return dg.MaterializeResult(
            metadata={
                "files": rows.height,
                "unreadable": unreadable.height,
                "deliveries": _deliveries(rows),
                "path": dg.MetadataValue.path(workplace.home.lake / "raw" / source.source_id),
            }
        )

    return raw


def _source_description(source: Source) -> str:
    title = f"{source.title} ({source.title_zh})" if source.title_zh else source.title
    notes = f"\n\n{source.notes}" if source.notes else ""
    return (
        f"{title}, every cell as text, with the sheet and row that it stands in.\n\n"
        f"Publisher: {source.publisher}. Licence: {source.licence}. "
        f"Read as warehouse/sources/{source.source_id}.yml says.{notes}"
    )


def core_assets(sources: Mapping[str, Source]) -> dg.AssetsDefinition:
    """The record tables, made together because a source's rows go to several of them."""
    contracts = record_contracts()

    @daily_multi_asset(
        name="core",
        specs=[
            dg.AssetSpec(
                asset_key(table),
                deps=[dg.AssetKey(["raw", name]) for name in sorted(sources)],
                group_name="core",
                description=description(contracts[table]),
                metadata=contract_metadata(contracts[table]),
                kinds={"duckdb", "greatexpectations"},
                owners=OWNERS,
            )
            for table in RECORD_TABLES
        ],
        check_specs=[incoming_spec(table) for table in INCOMING],
    )
    def core(
        context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace], night: Night
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        with explained():
            days = night.days_of(context)
            outcomes = ingest(
                workplace.home, workplace.sources, days, resources=workplace.resources
            )
        context.log.info("%s sources read for %s", len(outcomes), day_names(days))
        _warn(context, outcomes)
        for table in RECORD_TABLES:
            yield _materialized(context, workplace, table, outcomes)
        results = [result for outcome in outcomes for result in outcome.checks]
        for table in INCOMING:
            yield incoming_result(table, [each for each in results if each.table_name == table])

    return core


def _warn(context: dg.AssetExecutionContext, outcomes: Sequence[SourceOutcome]) -> None:
    for outcome in outcomes:
        stopped = outcome.deliveries.filter(pl.col("status").is_in(NOT_LOADED))
        for name, status, message in stopped.select("file_name", "status", "message").rows():
            context.log.warning("%s: %s is %s: %s", outcome.source_id, name, status, message)
        named = {delivery: columns for delivery, columns in outcome.unmapped.items() if columns}
        for delivery, columns in named.items():
            context.log.warning("%s: columns without meaning: %s", delivery, ", ".join(columns))


def _materialized(
    context: dg.AssetExecutionContext,
    workplace: Workplace,
    table: str,
    outcomes: Sequence[SourceOutcome],
) -> dg.MaterializeResult[None]:
    """What the run wrote to one table; days beside the run's own partitions are reported."""
    key = asset_key(table)
    worked = {(each.source_id, day) for each in outcomes for day in each.days}
    files = {
        place: path
        for place in sorted(worked)
        if (path := workplace.home.partition_file(table, *place)).is_file()
    }
    counts = pl.DataFrame(
        [(source, day, row_count(files[source, day])) for source, day in files],
        schema={"source_id": pl.String, "received_on": pl.Date, "rows": pl.Int64},
        orient="row",
    )
    by_day = counts.group_by("received_on").agg(pl.col("rows").sum()).rows()
    report_days(context, key, {day: {"dagster/row_count": rows} for day, rows in by_day})
    by_source = counts.group_by("source_id").agg(pl.col("rows").sum()).sort("source_id").rows()
    metadata: dict[str, Any] = {
        "dagster/row_count": int(counts["rows"].sum()),
        "rows_by_source": markdown(("source", "rows"), by_source),
        "path": dg.MetadataValue.path(workplace.home.lake.joinpath(*key.path)),
    }
    metadata["preview"] = preview(list(files.values()))
    if table == "meta.delivery" and outcomes:
        metadata["deliveries"] = _deliveries(pl.concat([each.deliveries for each in outcomes]))
    return dg.MaterializeResult(asset_key=key, metadata=metadata)


def _deliveries(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    columns = (
        "delivery_id",
        "file_name",
        "status",
        "rows_read",
        "rows_used",
        "rows_rejected",
        "rows_duplicate",
        "rows_unchanged",
        "rows_ignored",
        "message",
    )
    return markdown(columns, rows.select(columns).tail(LISTED_DELIVERIES).rows())
