"""Models as assets: one for each file of `dbt_like_sql`, SQL or a function that its YAML names."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.build import compile_view, refresh
from assets.shown import contract_metadata, description, made, unchanged, view
from assets.workplace import OWNERS, Night, Workplace, asset_key, dependency, explained
from warehouse.engine.model import ComputedTable, SqlModel

BUILD, DELIVERIES = "meta.build", "meta.delivery"


def model_assets(
    models: Mapping[str, SqlModel | ComputedTable], records: set[str]
) -> list[dg.AssetsDefinition]:
    """An asset for each model and each computed table.

    Args:
        models: by table name.
        records: tables that other assets make; what a model reads beside those and other models
            (code lists, `meta.build`) is no asset.
    """
    assets = {*models, *records}
    return [_model_asset(model, assets) for model in models.values()]


def _model_asset(model: SqlModel | ComputedTable, assets: set[str]) -> dg.AssetsDefinition:
    contract, table = model.contract, model.table
    read = model.depends_on & assets
    if BUILD in model.depends_on:
        # Its day is that of the last delivery: also where nothing else that the model reads changes
        # in a night, it is made after that night's deliveries were read.
        read |= {DELIVERIES} & assets
    sql = model.sql if isinstance(model, SqlModel) else None

    @dg.asset(
        key=asset_key(table),
        deps=[dependency(name) for name in sorted(read)],
        group_name=contract.schema_name,
        description=f"{description(contract)}\n\nMade by {_maker(model)}.",
        metadata={**contract_metadata(contract), **_query(sql)},
        kinds={"python", "polars"} if sql is None else {"duckdb", "sql"},
        owners=OWNERS,
    )
    @explained()
    def run(
        context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace], night: Night
    ) -> dg.MaterializeResult[None]:
        home = workplace.home
        if isinstance(model, SqlModel) and contract.is_view:
            query = compile_view(home, workplace.resources, model, night.last_day)
            return view(night, **_query(query))
        done = refresh(home, workplace.resources, model, night.last_day)
        if done is None:
            return unchanged(home, table, night)
        context.log.info("%s: %s rows in %.1f s", table, done.rows, done.seconds)
        return made(home, table, night, done.seconds, **_query(done.sql))

    return run


def _maker(model: SqlModel | ComputedTable) -> str:
    return model.file if isinstance(model, SqlModel) else model.made_by


def _query(sql: str | None) -> dict[str, Any]:
    return {} if sql is None else {"sql": dg.MetadataValue.md(f"```sql\n{sql}\n```")}
