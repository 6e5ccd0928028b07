"""SQL models as assets: one for each file of `dbt_like_sql`, its inputs taken from the SQL."""

import datetime as dt
from collections.abc import Mapping

import dagster as dg

from assets.shown import contract_metadata, description, made, unchanged
from assets.workplace import OWNERS, Night, Workplace, asset_key, dependency, explained
from warehouse import progress
from warehouse.connection import Resources, connect
from warehouse.engine.model import SqlModel
from warehouse.engine.run import ModelRun, refresh
from warehouse.engine.stamp import forget_stamp, is_current, keep_stamp, model_stamp
from warehouse.home import Home


def model_assets(models: Mapping[str, SqlModel], upstream: set[str]) -> list[dg.AssetsDefinition]:
    """An asset for each model.

    Args:
        models: by table name.
        upstream: tables that other assets make; what a model reads beside those and other models
            (code lists, `meta.build`) is no asset.
    """
    assets = {*models, *upstream}
    return [_model_asset(model, assets) for model in models.values()]


def _model_asset(model: SqlModel, assets: set[str]) -> dg.AssetsDefinition:
    contract = model.contract

    @dg.asset(
        key=asset_key(model.table),
        deps=[dependency(table) for table in sorted(model.depends_on & assets)],
        group_name=contract.schema_name,
        description=f"{description(contract)}\n\nMade by {model.file}.",
        metadata={**contract_metadata(contract), "sql": dg.MetadataValue.md(_fenced(model.sql))},
        kinds={"duckdb", "sql"},
        owners=OWNERS,
    )
    @explained()
    def run(
        context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace], night: Night
    ) -> dg.MaterializeResult[None]:
        home = workplace.home
        done = refresh_model(home, workplace.resources, model, night.last_day)
        if done is None:
            return unchanged(home, model.table, night)
        context.log.info("%s: %s rows in %.1f s", model.table, done.rows, done.seconds)
        query = dg.MetadataValue.md(_fenced(done.sql))
        return made(home, model.table, night, done.seconds, query=query)

    return run


def refresh_model(
    home: Home, resources: Resources, model: SqlModel, as_of: dt.date | None
) -> ModelRun | None:
    """Run a model, unless its result is made of what it would be made of now (None)."""
    path = home.model_file(model.table)
    stamp = model_stamp(home, model, as_of)
    if is_current(path, stamp):
        return None
    with connect(resources) as con:
        forget_stamp(path)
        with progress.stage("model", model.table) as work:
            done = refresh(con, model, home, as_of)
            work.rows = done.rows
        keep_stamp(path, stamp)
        return done


def _fenced(sql: str) -> str:
    return f"```sql\n{sql}\n```"
