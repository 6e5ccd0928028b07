"""The graph as Dagster sees it: a change of it shows in review, and loading it costs little."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.definitions import build_definitions
from warehouse.engine.model import ComputedTable, SqlModel, load_computed, load_models

SNAPSHOT = Path(__file__).with_name("definitions.json")

LOADING = """
import sys
import pipelines.definitions
pipelines.definitions.build_definitions()
sys.exit("Great Expectations was imported" if "great_expectations" in sys.modules else 0)
"""


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions()


def graph(definitions: dg.Definitions) -> dict[str, Any]:
    repository = definitions.get_repository_def()
    assets = repository.asset_graph
    return {
        "assets": {
            node.key.to_user_string(): {
                "group": node.group_name,
                "depends_on": sorted(key.to_user_string() for key in node.parent_keys),
                "partitions": str(node.partitions_def) if node.partitions_def else None,
                "kinds": sorted(node.kinds or ()),
                "checks": [
                    f"{key.name}{' (blocks)' if assets.get(key).blocking else ''}"
                    for key in sorted(node.check_keys)
                ],
            }
            for node in sorted(assets.asset_nodes, key=lambda node: node.key)
        },
        "jobs": {
            name: sorted(
                key.to_user_string()
                for key in repository.get_job(name).asset_layer.executable_asset_keys
            )
            for name in sorted(job.name for job in repository.get_all_jobs())
            if not name.startswith("__")
        },
        "schedules": {
            each.name: [each.cron_schedule, each.execution_timezone, each.default_status.value]
            for each in repository.schedule_defs
        },
        "sensors": {each.name: each.default_status.value for each in repository.sensor_defs},
    }


def test_the_graph_is_the_committed_one(definitions: dg.Definitions, *, regenerate: bool) -> None:
    """After a wanted change: pytest tests/pipeline/test_definitions.py --regenerate."""
    found = graph(definitions)
    if regenerate:
        SNAPSHOT.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")

    assert found == json.loads(SNAPSHOT.read_text("utf-8"))


def test_what_looks_at_the_day_of_a_build_waits_for_its_deliveries(
    definitions: dg.Definitions,
) -> None:
    """Also in a night that changes nothing else that it reads."""
    assets = definitions.get_repository_def().asset_graph
    models: dict[str, SqlModel | ComputedTable] = {**load_models(), **load_computed()}
    dated = [table for table, model in models.items() if "meta.build" in model.depends_on]
    assert len(dated) > 10
    for table in dated:
        parents = assets.get(dg.AssetKey(table.split("."))).parent_keys
        assert dg.AssetKey(["meta", "delivery"]) in parents, table


def test_everything_published_waits_for_blocking_checks_of_records_and_marts(
    definitions: dg.Definitions,
) -> None:
    assets = definitions.resolve_asset_graph()
    blocking = {
        key.asset_key.to_user_string()
        for key in assets.asset_check_keys
        if assets.get(key).blocking
    }
    release = {key.to_user_string() for key in assets.get(dg.AssetKey("release")).parent_keys}

    assert {"core/sample", "meta/delivery", "mart/pass_rate"} <= blocking
    assert blocking <= release


def test_loading_neither_imports_great_expectations_nor_reads_the_environment() -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", LOADING],
        env={"SAMPLEHOUSE_THREADS": "not a number", "SAMPLEHOUSE_SOURCES": "/no/such/folder"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
