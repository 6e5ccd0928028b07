"""The release: one DuckDB file, built only when every blocking check before it passed."""

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg

from assets.checks import forget_what_is_checked_no_more
from assets.shown import markdown
from assets.workplace import OWNERS, Night, Workplace, dependency, explained
from warehouse import progress
from warehouse.connection import open_file
from warehouse.contract import record_contracts
from warehouse.engine.model import ComputedTable, SqlModel
from warehouse.engine.stamp import files_stamp, is_current, keep_stamp
from warehouse.fingerprint import code_version
from warehouse.home import Home
from warehouse.release import build_release, published_tables
from warehouse.release_macros import macro_statements
from warehouse.release_store import Release, keep_last, read_release
from warehouse.release_tables import PublishedTable

RELEASE = dg.AssetKey("release")
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
        key=RELEASE,
        deps=[dependency(table) for table in sorted({*models, *records})],
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
        of_records = (record_contracts()[table] for table in records)
        forget_what_is_checked_no_more(home, [*contracts.values(), *of_records])
        tables = published_tables(home, contracts, night.last_day)
        if is_current(home.release_file, _stamp(home, tables, night)):
            context.log.info("nothing has changed since the last release, which stays")
            return _shown(home, read_release(home.release_file))
        with progress.stage("release", "build"):
            built = build_release(
                home,
                tables=tables,
                as_of=night.last_day,
                built_at=dt.datetime.now(dt.UTC),
                code_version=code_version(),
                macros=macro_statements(),
                resources=workplace.resources,
            )
        keep_stamp(home.release_file, _stamp(home, tables, night))
        removed = keep_last(home, KEPT_RELEASES)
        context.log.info("release %s published, %s older ones removed", built, len(removed))
        return _shown(home, built)

    return release


def _stamp(home: Home, tables: Sequence[PublishedTable], night: Night) -> str:
    """Stamp of what a release consists of, and of the published file: a rollback is no build."""
    inputs = [path for table in tables for path in table.all_files]
    declared = (table.contract.model_dump_json() for table in tables)
    return files_stamp(home, [*inputs, home.release_file], night.as_of, *declared)


def _shown(home: Home, release: Release) -> dg.MaterializeResult[None]:
    with open_file(home.release_file, read_only=True) as con:
        sizes = con.execute("FROM meta.release_table ORDER BY ALL").fetchall()
    return dg.MaterializeResult(
        metadata={
            "release_id": release.release_id,
            "as_of": str(release.as_of or "everything received"),
            "code_version": release.code_version,
            "fingerprint": release.fingerprint,
            "inputs": release.inputs,
            "dagster/row_count": sum(row[1] or 0 for row in sizes),
            "tables": markdown(("table", "rows", "fingerprint"), sizes),
            "file": dg.MetadataValue.path(home.release_file),
        }
    )
