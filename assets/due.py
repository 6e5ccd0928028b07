"""What a night has to make: what came in, what follows from it, and what is out of date.

Everything else stays as it was made, and so do the outcomes of its checks. A step that finds
nothing to do still costs its events, and most of a large graph has nothing to do in most nights.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from assets.alerts import MAKERS
from assets.alerts import TABLE as ALERTS
from assets.checks import INCOMING_CHECK, known_results
from assets.deliveries import LANDING
from assets.docs import DATA_DOCS
from assets.ingest.landing import landing_days
from assets.release import RELEASE
from assets.workplace import RECORD_TABLES, Workplace, asset_key
from expectations.results import CheckResult
from warehouse.contract import Contract, record_contracts
from warehouse.engine.model import ComputedTable, SqlModel, load_computed, load_models
from warehouse.engine.stamp import is_current, model_stamp
from warehouse.source import Source

# Tables that every delivery changes, whatever its source; the day of a build is the last one's.
OF_EVERY_DELIVERY = frozenset(
    {
        "core.rejected_record",
        "meta.delivery",
        "meta.ignored_rows",
        "meta.control_total",
        "meta.build",
    }
)


@dataclass(frozen=True)
class Due:
    """What a night has to make.

    Attributes:
        assets: those to materialize, with their checks.
        known: outcomes of the checks of all other tables, which are as they were found.
    """

    assets: tuple[dg.AssetKey, ...]
    known: tuple[CheckResult, ...]

    @property
    def makes_tables(self) -> bool:
        """Whether there is anything but a look at the release and the Data Docs."""
        return bool({*self.assets} - {RELEASE, DATA_DOCS})


def due(workplace: Workplace, days: Sequence[dt.date], job: dg.JobDefinition) -> Due:
    """What a night that reads the files of some days has to make.

    A table is due when a delivery may change it or something that it is made from, when it is not
    made of what it would be made of now, and when the outcome of its checks is not known or stops
    a release: that is looked at again, and stops it again.

    Args:
        workplace: the home as it is before the night.
        days: days of receipt that the night reads.
        job: the one that makes everything that there is.
    """
    graph = job.asset_layer.asset_graph
    checked = {key.asset_key for key in graph.asset_check_keys if key.name != INCOMING_CHECK}
    house: dict[str, SqlModel | ComputedTable] = {**load_models(), **load_computed()}
    models = {table: model for table, model in house.items() if graph.has(asset_key(table))}
    sources = _sources_of(workplace, days)
    changed = {table for source in sources for table in _tables_changed(workplace, source)}
    changed |= OF_EVERY_DELIVERY if days else frozenset()
    stale = {
        table
        for table, model in models.items()
        if not model.contract.is_view  # of what it reads, something is
        and not is_current(
            workplace.home.model_file(table), model_stamp(workplace.home, model, as_of=None)
        )
    }
    tables = _downstream({*changed, *stale}, models)
    contracts = contracts_of(models)
    wanted = {each.table: each for each in contracts if asset_key(each.table) in checked}
    known = _known(workplace, [wanted[table] for table in wanted.keys() - tables])
    tables |= wanted.keys() - known.keys()
    if tables & {*RECORD_TABLES, *OF_EVERY_DELIVERY}:
        tables |= {*RECORD_TABLES}  # made together
    if tables & MAKERS.keys():
        tables |= {ALERTS}
    assets = [
        *([LANDING] if days else []),
        *(dg.AssetKey(["raw", source.source_id]) for source in sources),
        *(asset_key(each.table) for each in contracts if each.table in tables),
        RELEASE,
        DATA_DOCS,
    ]
    outcomes = (result for table, found in known.items() if table not in tables for result in found)
    return Due(tuple(assets), tuple(outcomes))


def contracts_of(models: Mapping[str, SqlModel | ComputedTable]) -> list[Contract]:
    """Contracts of all tables that the graph makes: of records, of alerts, and of models."""
    records = (record_contracts()[table] for table in (*RECORD_TABLES, ALERTS))
    return [*records, *(model.contract for model in models.values())]


def _tables_changed(workplace: Workplace, source: Source) -> frozenset[str]:
    """Record tables that a source's files may fill, and those that they filled before.

    Where the source is described otherwise now, what was made of its files goes.
    """
    may_fill = (f"core.{name}" for table in source.tables.values() for name in table.records)
    folder = f"source_id={source.source_id}"
    filled = (
        table
        for table in RECORD_TABLES
        if table.startswith("core.") and (workplace.home.table_folder(table) / folder).is_dir()
    )
    return frozenset((*may_fill, *filled))


def _sources_of(workplace: Workplace, days: Collection[dt.date]) -> list[Source]:
    landed = landing_days(workplace.home)
    return [
        source
        for name, source in workplace.sources.items()
        if any(day in days for day in landed.get(name, ()))
    ]


def _downstream(
    changed: Collection[str], models: Mapping[str, SqlModel | ComputedTable]
) -> set[str]:
    """Some tables, and all models that are made from them, however far."""
    found = set(changed)
    while following := {
        table for table, model in models.items() if table not in found and model.depends_on & found
    }:
        found |= following
    return found


def _known(
    workplace: Workplace, contracts: Sequence[Contract]
) -> dict[str, tuple[CheckResult, ...]]:
    """Table → outcomes of its checks, where they are known and let a release pass."""
    found = {each.table: known_results(workplace.home, each) for each in contracts}
    return {
        table: results
        for table, results in found.items()
        if results is not None and not any(result.blocking for result in results)
    }
