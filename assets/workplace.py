"""What every asset is given: the place it works in, and what this night is to do."""

import datetime as dt
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from zoneinfo import ZoneInfo

import dagster as dg

from warehouse.connection import Resources
from warehouse.errors import SamplehouseError
from warehouse.home import Home
from warehouse.source import Source, record_tables

ZONE = ZoneInfo("Asia/Shanghai")
FIRST_DAY = dt.date(2015, 1, 1)

# One partition for each day of receipt, today included.
DAYS = dg.DailyPartitionsDefinition(
    start_date=FIRST_DAY.isoformat(), timezone=ZONE.key, end_offset=1
)
OWNERS = ["team:data-engineering"]

# Tables that reading deliveries fills, in the order in which the graph shows them.
RECORD_TABLES = (
    *(f"core.{name}" for name in record_tables()),
    "core.rejected_record",
    "meta.delivery",
    "meta.ignored_rows",
    "meta.control_total",
)


def today() -> dt.date:
    """The day in the offices' time zone."""
    return dt.datetime.now(ZONE).date()


@dataclass(frozen=True)
class Workplace:
    """Where a run works.

    Attributes:
        home: its folders.
        sources: the known sources, by id.
        resources: how much of the machine DuckDB may use.
        wrong_sources: what is wrong with the YAMLs of other sources, by id; their files wait.
    """

    home: Home
    sources: Mapping[str, Source]
    resources: Resources
    wrong_sources: Mapping[str, str] = field(default_factory=dict)


class Night(dg.ConfigurableResource[None]):
    """What a run is to do beside its partitions; the launchpad shows it.

    Attributes:
        days: days of receipt to read, such as 2024-05-01: a night reads all days that wait, if
            any, in one run. Where it is not given, a run reads its own partitions.
        as_of: models and release see only what was received up to this day; all of it without.
    """

    days: list[str] | None = None
    as_of: str = ""

    @property
    def last_day(self) -> dt.date | None:
        """`as_of` as a date."""
        return _date(self.as_of) if self.as_of else None

    def days_of(self, context: dg.AssetExecutionContext) -> list[dt.date]:
        """Days that a partitioned asset reads in this run, oldest first."""
        days = context.partition_keys if self.days is None else self.days
        return sorted(_date(day) for day in days)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise SamplehouseError(f"'{text}' is no day such as 2024-05-01") from None


def daily_asset(**arguments: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dagster.asset` with a partition for each day of receipt; backfills are one run.

    Dagster calls `backfill_policy` beta whenever it is used; we know, and pin the version.
    """
    with _beta_accepted():
        made = dg.asset(
            partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), **arguments
        )
    return cast("Callable[[Callable[..., Any]], dg.AssetsDefinition]", made)


def daily_multi_asset(**arguments: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dagster.multi_asset` like `daily_asset`."""
    with _beta_accepted():
        return dg.multi_asset(
            partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), **arguments
        )


@contextmanager
def _beta_accepted() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
        yield


def report_days(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    days: Mapping[dt.date, Mapping[str, int]],
) -> None:
    """Mark days as materialized that are not among the run's own partitions.

    A night reads every day that waits in one run of one partition, because a run over a range of
    partitions writes two events for every asset and day, delivered or not: over a minute a year.
    """
    own = set(context.partition_keys)
    for day, metadata in sorted(days.items()):
        if day.isoformat() not in own:
            context.log_event(
                dg.AssetMaterialization(key, partition=day.isoformat(), metadata=dict(metadata))
            )


@contextmanager
def explained() -> Iterator[None]:
    """Show the message of a `SamplehouseError` as the step's failure, without a stack trace."""
    try:
        yield
    except SamplehouseError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def asset_key(table: str) -> dg.AssetKey:
    """Key of the asset that makes a table: ``core/sample`` for ``core.sample``."""
    return dg.AssetKey(table.split("."))


def dependency(table: str) -> dg.AssetDep:
    """What a table without partitions reads of one that may have them.

    It reads every day that the lake holds. Dagster is told of the last one: for all of them it
    would list each day since `FIRST_DAY` for each input of each run, a tenth of a night.
    """
    if table in RECORD_TABLES:
        return dg.AssetDep(asset_key(table), partition_mapping=dg.LastPartitionMapping())
    return dg.AssetDep(asset_key(table))


def day_names(days: Sequence[dt.date]) -> str:
    """Days in words, for logs: ``2024-05-01`` or ``12 days, 2024-05-01 to 2024-06-30``."""
    if not days:
        return "no days"
    if len(days) == 1:
        return days[0].isoformat()
    return f"{len(days)} days, {min(days)} to {max(days)}"
