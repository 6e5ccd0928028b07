"""The release: one DuckDB file, built only when every blocking check before it passed."""

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg

from assets.shown import markdown
from assets.workplace import OWNERS, Night, Workplace, asset_key, explained
from warehouse.connection import connect
from warehouse.engine.model import ComputedTable, SqlModel
from warehouse.fingerprint import code_version
from warehouse.release import build_release, published_tables
from warehouse.release_store import keep_last
from warehouse.sql import literal

KEPT_RELEASES = 30
FRESH_FOR = dt.timedelta(hours=36)


def release_asset(
    models: Mapping[str, SqlModel | ComputedTable], records: Sequence[str]
) -> dg.AssetsDefinition:
    """The asset that publishes what models and records hold.

    Args:
        models: models and computed tables whose results are published, by table.
        records: record tables that are published as they are.
    """

    @dg.asset(
        key="release",
        deps=[asset_key(table) for table in sorted({*models, *records})],
        group_name="release",
        description=(
            "The published DuckDB file: built aside, verified, commented, swapped in with one "
            "rename. Readers keep the file that they have open."
        ),
        kinds={"duckdb"},
        owners=OWNERS,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH_FOR),
    )
    @explained()
    def release(
        context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace], night: Night
    ) -> dg.MaterializeResult[None]:
        home = workplace.home
        contracts = {table: model.contract for table, model in models.items()}
        tables = published_tables(home, contracts, night.last_day)
        built = build_release(
            home,
            tables=tables,
            as_of=night.last_day,
            built_at=dt.datetime.now(dt.UTC),
            code_version=code_version(),
        )
        removed = keep_last(home, KEPT_RELEASES)
        context.log.info("release %s published, %s older ones removed", built, len(removed))
        with connect(workplace.resources) as con:
            con.execute(f"ATTACH {literal(str(built.path))} AS release (READ_ONLY)")
            sizes = con.execute("FROM release.meta.release_table ORDER BY ALL").fetchall()
        return dg.MaterializeResult(
            metadata={
                "release_id": built.release_id,
                "as_of": str(built.as_of or "everything received"),
                "code_version": built.code_version,
                "fingerprint": built.fingerprint,
                "inputs": built.inputs,
                "dagster/row_count": sum(row[1] for row in sizes),
                "tables": markdown(("table", "rows", "fingerprint"), sizes),
                "file": dg.MetadataValue.path(home.release_file),
            }
        )

    return release
