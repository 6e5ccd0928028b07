"""The one composition root: every asset, check, job, schedule and sensor comes together here.

Importing this module, or building definitions, touches no data and no environment; only
declarations (contracts, sources, SQL models) are read. `defs` is what `workspace.yaml` names.
"""

from collections.abc import Mapping

import dagster as dg

from assets.alerts import TABLE as ALERTS
from assets.alerts import alerts_asset
from assets.checks import table_checks
from assets.deliveries import landing_files
from assets.docs import docs_asset
from assets.due import contracts_of
from assets.models import model_assets
from assets.records import core_assets, raw_asset
from assets.release import release_asset
from assets.workplace import RECORD_TABLES, Night, Workplace
from pipelines.jobs import ingest_job, nightly_job, publish_selection
from pipelines.schedules import nightly_schedule
from pipelines.sensors import alert_sensor, landing_sensor
from pipelines.settings import read_settings
from warehouse.engine.model import ComputedTable, SqlModel, load_computed, load_models
from warehouse.source import Source, load_sources


def build_definitions(
    sources: Mapping[str, Source] | None = None,
    models: Mapping[str, SqlModel] | None = None,
    workplace: Workplace | None = None,
) -> dg.Definitions:
    """The whole graph.

    Args:
        sources: sources by id, those of `warehouse/sources` by default.
        models: SQL models by table; by default those of `dbt_like_sql`, and the tables that
            Python computes from them.
        workplace: where runs work; by default each run reads the environment when it starts.
    """
    sources = load_sources() if sources is None else sources
    computed = load_computed() if models is None else {}
    models = load_models() if models is None else models
    made: dict[str, SqlModel | ComputedTable] = {**models, **computed}
    contracts = contracts_of(made)
    checks = {contract.table: table_checks(contract) for contract in contracts}
    of_records = (checks[table] for table in (*RECORD_TABLES, ALERTS))
    publish_job = dg.define_asset_job(
        "publish",
        publish_selection([check for check in of_records if check is not None]),
        description="Check and run the models on what the lake holds, and publish the release.",
    )
    return dg.Definitions(
        assets=[
            landing_files,
            *(raw_asset(source) for source in sources.values()),
            core_assets(sources),
            *model_assets(made, set(RECORD_TABLES)),
            alerts_asset(made),
            release_asset(made, (*RECORD_TABLES, ALERTS)),
            docs_asset([contract.table for contract in contracts if contract.expectations]),
        ],
        asset_checks=[check for check in checks.values() if check is not None],
        jobs=[nightly_job, ingest_job, publish_job],
        schedules=[nightly_schedule],
        sensors=[landing_sensor, alert_sensor],
        resources={"workplace": workplace or environment_workplace, "night": Night()},
        executor=dg.in_process_executor,
    )


@dg.resource(description="The home, sources and limits that the environment names.")
def environment_workplace(_context: dg.InitResourceContext) -> Workplace:
    """The workplace of the environment, read when a run starts."""
    return read_settings().workplace


@dg.definitions
def defs() -> dg.Definitions:
    """The graph with the sources of the environment, built when Dagster loads it.

    Of a source whose YAML is wrong there is no asset until it is mended; each run says so, too.
    """
    sources, wrong = read_settings().sources()
    for message in wrong.values():
        dg.get_dagster_logger().warning("%s", message)
    return build_definitions(sources)
