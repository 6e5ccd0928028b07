"""One source's days, from landed files to record versions, with every row accounted for.

`read_raw` turns files into grids of text; `ingest` turns grids into records. Both work on the
days of one or several sources, and both may be repeated: the result is the same.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import polars as pl

from assets.ingest import classify, outcome, versions
from assets.ingest.landing import NO_ROWS, deliveries
from assets.ingest.macros import install
from assets.ingest.mapping import compile_record
from assets.ingest.place import located
from assets.ingest.readers import read_to_parquet
from assets.ingest.reconcile import control_totals_sql
from assets.ingest.stage import Delivery, Staged, load_staged, stage
from assets.remembered import forget_others
from expectations.predicate import is_row_rule
from expectations.results import add_up
from expectations.runner import CheckResult, validate, write_results
from warehouse import progress
from warehouse.connection import Resources, connect
from warehouse.contract import record_contracts
from warehouse.errors import DeliveryError
from warehouse.fingerprint import source_version
from warehouse.home import INCOMING_SCOPE, Home
from warehouse.source import Source, record_tables
from warehouse.sql import identifier
from warehouse.tables import scratch_folder, write_partition

NOT_READ = ("duplicate", "unknown_source")
# Until the rows of a delivery are accounted for, it counts none of them.
WAITING = {**NO_ROWS, "status": "received", "message": None}
# Compressed raw grids that are worked together; some two million rows, under 2 GiB of memory.
BYTES_AT_ONCE = 64 * 2**20


@dataclass(frozen=True)
class SourceOutcome:
    """What became of one source's days.

    Attributes:
        source_id: the source.
        days: days that were worked, also later ones whose versions had to be counted again.
        deliveries: their rows of `meta.delivery`.
        checks: Great Expectations' results on the incoming rows.
        unmapped: delivery → columns that the source's YAML does not mention.
    """

    source_id: str
    days: tuple[dt.date, ...]
    deliveries: pl.DataFrame
    checks: tuple[CheckResult, ...]
    unmapped: Mapping[str, tuple[str, ...]]


def read_raw(
    home: Home, source: Source, days: Sequence[dt.date], resources: Resources | None = None
) -> pl.DataFrame:
    """Read every registered file of the days into its raw grid.

    A file that cannot be read becomes `unreadable`, with the reason; the others go on.

    Args:
        home: the lake.
        source: how its files are read.
        days: days received.
        resources: limits for DuckDB, and how many files are read at a time; this machine's by
            default.

    Raises:
        SamplehouseError: disk or memory do not suffice; files are registered as before.

    Returns:
        The rows of `meta.delivery` for the days.
    """
    registered = _registered(home, source.source_id, days)
    given = resources or Resources.of_machine()
    # Each file keeps one core busy.
    with progress.stage("read", source.source_id), ThreadPoolExecutor(given.threads) as pool:
        read_one = partial(_read_one, home, source, source_version(source), given)
        read = []
        for row, rows_of_file in pool.map(read_one, registered.to_dicts()):
            read.append(row)
            progress.took(rows_of_file)
    rows = pl.DataFrame(read, schema=registered.schema)
    for day in dict.fromkeys(rows["received_on"].to_list()):
        of_day = rows.filter(pl.col("received_on") == day)
        write_partition(home, "meta.delivery", source.source_id, day, of_day)
    return rows


def _registered(home: Home, source_id: str, days: Sequence[dt.date]) -> pl.DataFrame:
    """Rows of `meta.delivery` of the days, in their order."""
    places = (home.partition_file("meta.delivery", source_id, day) for day in days)
    if not (files := [path for path in places if path.is_file()]):
        return pl.DataFrame(schema=record_contracts()["meta.delivery"].polars_schema())
    return pl.read_parquet(files, hive_partitioning=False)


def _read_one(
    home: Home, source: Source, version: str, resources: Resources, row: dict[str, object]
) -> tuple[dict[str, object], int]:
    """Row of `meta.delivery` of a file that was read, and rows of its grid."""
    if row["status"] in NOT_READ:
        return row, 0
    day, delivery_id = row["received_on"], str(row["delivery_id"])
    if not isinstance(day, dt.date):
        raise TypeError(f"{delivery_id} has no day")
    raw = home.raw_file(source.source_id, day, delivery_id)
    raw.parent.mkdir(parents=True, exist_ok=True)
    landed = home.landing_day(source.source_id, day) / str(row["file_name"])
    fresh = {**row, **NO_ROWS, "source_version": version}
    try:
        read = read_to_parquet(landed, source.format, raw, resources)
    except DeliveryError as error:
        raw.unlink(missing_ok=True)
        return {**fresh, "status": "unreadable", "message": str(error), "encoding": None}, 0
    return {**fresh, **WAITING, "encoding": read.encoding}, read.rows


def ingest(
    home: Home,
    sources: Mapping[str, Source],
    days: Sequence[dt.date],
    *,
    resources: Resources | None = None,
    check: bool = True,
) -> list[SourceOutcome]:
    """Turn the raw grids of the days into record versions, source by source.

    Args:
        home: the lake.
        sources: known sources; those without deliveries on the days are passed over.
        days: days received. When later days of a source are in the lake already, they are
            worked again, because what is new or unchanged there depends on these.
        resources: limits for DuckDB.
        check: whether Great Expectations looks at the incoming rows.
    """
    outcomes = []
    for source in sources.values():
        stored = deliveries(home, source.source_id)
        todo = stored.filter(pl.col("received_on").is_in(list(days)))
        if todo.is_empty():
            continue
        first = todo["received_on"].to_list()[0]
        batch = stored.filter(pl.col("received_on") >= first)
        parts = _in_parts(home, source, batch)
        for part in parts[1:]:
            _let_wait(home, source, part)
        done = [_ingest_source(home, source, part, resources, check=check) for part in parts]
        outcomes.append(_together(home, done))
    return outcomes


def _let_wait(home: Home, source: Source, part: pl.DataFrame) -> None:
    """Say of days that are to be worked again that they wait: a run may die before it comes there.

    What is new in them depends on the days before, which may be others by then.
    """
    is_worked = pl.col("status").is_in([*NOT_READ, "unreadable"]).not_()
    wait = [
        pl.when(is_worked).then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in WAITING.items()
    ]
    for (day,), of_day in part.partition_by("received_on", as_dict=True).items():
        waiting = of_day.with_columns(wait)
        if not waiting.equals(of_day):
            write_partition(home, "meta.delivery", source.source_id, day, waiting)


def _in_parts(home: Home, source: Source, batch: pl.DataFrame) -> list[pl.DataFrame]:
    """Consecutive days of a batch that are worked one after another, so that memory stays flat."""
    sizes = [
        home.raw_file(source.source_id, *place).stat().st_size
        if home.raw_file(source.source_id, *place).is_file()
        else 0
        for place in batch.select("received_on", "delivery_id").rows()
    ]
    by_day = (
        batch.with_columns(size=pl.Series(sizes, dtype=pl.Int64))
        .group_by("received_on", maintain_order=True)
        .agg(pl.col("size").sum())
        .with_columns(part=(pl.col("size").cum_sum() - 1).clip(0) // BYTES_AT_ONCE)
    )
    numbered = batch.join(by_day.select("received_on", "part"), on="received_on")
    return [
        part.drop("part").sort("received_on", "sequence")
        for part in numbered.sort("part").partition_by("part", maintain_order=True)
    ]


def _together(home: Home, parts: Sequence[SourceOutcome]) -> SourceOutcome:
    """What became of a batch that was worked in parts; checks are kept as those of one batch."""
    if len(parts) == 1:
        return parts[0]
    checks = add_up([part.checks for part in parts])
    for scope in dict.fromkeys(check.scope for check in checks):
        of_scope = [check for check in checks if check.scope == scope]
        write_results(of_scope, home.check_result_file(scope))
    return SourceOutcome(
        parts[0].source_id,
        tuple(day for part in parts for day in part.days),
        pl.concat([part.deliveries for part in parts]),
        tuple(checks),
        {delivery: columns for part in parts for delivery, columns in part.unmapped.items()},
    )


def _ingest_source(
    home: Home, source: Source, batch: pl.DataFrame, resources: Resources | None, *, check: bool
) -> SourceOutcome:
    days = tuple(dict.fromkeys(batch["received_on"].to_list()))
    readable = [
        Delivery(row["delivery_id"], row["received_on"], row["sequence"], row["file_name"], raw)
        for row in batch.to_dicts()
        if row["status"] not in NOT_READ
        and (
            raw := home.raw_file(source.source_id, row["received_on"], row["delivery_id"])
        ).is_file()
    ]
    name = source.source_id
    given = resources or Resources.of_machine()
    with scratch_folder(home.lake, "staging") as folder, connect(given) as con:
        install(con)
        work = _Batch(con, home, source, days, readable, given.threads)
        with progress.stage("parse", name) as parsing:
            staged = stage(home, source, readable)
            load_staged(con, source, staged, folder)
            work.reject_misfits(staged)
            candidates = work.candidates()
            parsing.rows = sum(each.row_count for each in candidates)
        with progress.stage("check", name, parsing.rows):
            classify.find_failing(con, candidates)
            checks = work.check(candidates) if check else ()
            work.judge(candidates)
        with progress.stage("write", name, parsing.rows):
            work.write(candidates, work.number(candidates))
            rows = work.account(batch, staged)
    # The first day last: until it is written it waits, so a night that dies here is made up for.
    for day in reversed(days):
        of_day = rows.filter(pl.col("received_on") == day)
        write_partition(home, "meta.delivery", source.source_id, day, of_day)
    return SourceOutcome(source.source_id, days, rows, tuple(checks), staged.unmapped)


@dataclass(frozen=True)
class _Batch:
    """The steps of one batch, in the order in which `_ingest_source` takes them."""

    con: duckdb.DuckDBPyConnection
    home: Home
    source: Source
    days: tuple[dt.date, ...]
    readable: Sequence[Delivery]
    threads: int

    def raw_files(self) -> dict[str, Path]:
        """Raw grid of each delivery of the batch."""
        return {each.delivery_id: each.raw for each in self.readable}

    def reject_misfits(self, staged: Staged) -> None:
        """Every row of a file that does not fit its source is rejected with the reason."""
        for number, each in enumerate(self.readable):
            if each.delivery_id in staged.failures:
                self.con.execute(
                    "INSERT INTO structural SELECT place_of($number, source_sheet, source_row), "
                    "'file_does_not_fit', NULL, NULL, $message FROM read_parquet($path)",
                    {
                        "number": number,
                        "message": staged.failures[each.delivery_id],
                        "path": str(each.raw),
                    },
                )

    def candidates(self) -> list[classify.Candidate]:
        """Typed candidates of every record map, each in a relation of its own."""
        found: list[classify.Candidate] = []
        for table_name, table in self.source.tables.items():
            for target, record in table.records.items():
                compiled = compile_record(
                    target, record, f"staged_{table_name}", self.source.actions
                )
                relation = f"candidate_{len(found)}"
                rows = self.con.execute(f"CREATE TABLE {identifier(relation)} AS {compiled.sql}")
                row_count: int = rows.fetchall()[0][0]
                found.append(classify.Candidate(relation, table_name, table, compiled, row_count))
                self.con.execute(
                    f"CREATE VIEW {identifier(found[-1].located)} AS "
                    f"SELECT {located()}, * FROM {identifier(relation)}"
                )
        return found

    def check(self, candidates: Sequence[classify.Candidate]) -> list[CheckResult]:
        """Great Expectations on the incoming rows; the results are kept with the lake."""
        results = []
        folder = f"{INCOMING_SCOPE}/{self.source.source_id}"
        for each in candidates:
            scope = f"{folder}/{each.table_name}.{each.record.target}"
            found = validate(
                self.con,
                each.located,
                [rule for rule in each.record.rules if is_row_rule(rule)],
                scope=scope,
                sample_columns=["delivery_id", "source_sheet", "source_row"],
                samples_from=each.failing,
            )
            named = [
                result.model_copy(update={"table_name": each.record.contract.table})
                for result in found
            ]
            write_results(named, self.home.check_result_file(scope))
            results += named
        maps = [f"{each.table_name}.{each.record.target}" for each in candidates]
        forget_others(self.home, folder, maps)
        return results

    def judge(self, candidates: Sequence[classify.Candidate]) -> None:
        """Find what is rejected, repeated or held."""
        classify.find_source_rows(self.con, self.source, candidates)
        classify.find_broken(self.con, candidates)
        classify.reject_rows_without_record(self.con, self.source, candidates)
        targets = dict.fromkeys(each.record.target for each in candidates)
        for target in targets:
            own = [each for each in candidates if each.record.target == target]
            classify.find_conflicts(self.con, own)
        classify.hold_deliveries(self.con, self.source.hold_above)

    def number(
        self, candidates: Sequence[classify.Candidate]
    ) -> list[tuple[versions.Family, str, str]]:
        """Give every accepted record its version: family, its records, its parent's arrivals."""
        families = versions.families(candidates)
        self.con.execute(
            "CREATE TABLE differing (delivery_no BIGINT, column_name VARCHAR, records BIGINT)"
        )
        records = [(family, versions.collect_records(self.con, family)) for family in families]
        arrivals: dict[str, str] = {}
        for family, relation in records:
            if family.follows is None:
                children = [(c, r) for c, r in records if c.follows == family.target]
                earlier = self._earlier(f"core.{family.target}")
                arrivals[family.target] = versions.number_versions(
                    self.con, family, relation, children, earlier
                )
        outcome.find_lookups(self.con, self.home, self.source, self.days[0])
        own = [(each, arrivals[each.target]) for each, _ in records if each.follows is None]
        outcome.find_outcomes(self.con, self.source, own)
        # An arrival is a record with its version; what follows it has its version from there.
        return [
            (
                each,
                arrivals[each.target] if each.follows is None else relation,
                arrivals[each.follows or each.target],
            )
            for each, relation in records
        ]

    def _earlier(self, table: str) -> list[Path]:
        before = self.days[0] - dt.timedelta(days=1)
        return self.home.partition_files(table, source_id=self.source.source_id, as_of=before)

    def write(
        self,
        candidates: Sequence[classify.Candidate],
        numbered: Sequence[tuple[versions.Family, str, str]],
    ) -> None:
        """Write the new versions, the rejected and ignored rows, and the lookups."""
        source_id = self.source.source_id
        selects: dict[str, list[str]] = {f"core.{target}": [] for target in record_tables()}
        for family, relation, arrival in numbered:
            selects[family.contract.table].append(
                versions.versioned_sql(family, relation, arrival, source_id)
            )
        selects["core.rejected_record"] = [
            outcome.rejected_records_sql(self.con, source_id, self.raw_files())
        ]
        selects["meta.ignored_rows"] = [outcome.ignored_rows_sql(source_id)]
        totals = control_totals_sql(self.source, candidates)
        selects["meta.control_total"] = [totals] if totals else []
        records = {family.contract.table for family, _, _ in numbered}
        for table, parts in selects.items():
            spans = self.threads if table in records else 1
            outcome.write_table(
                self.con, self.home, source_id, self.days, (table, parts), spans=spans
            )
        outcome.write_lookups(self.con, self.home, self.source, self.days)

    def account(self, batch: pl.DataFrame, staged: Staged) -> pl.DataFrame:
        """`meta.delivery` of the batch with the outcome of every row."""
        stored = deliveries(self.home, self.source.source_id)
        return outcome.accounted(self.con, stored, batch, self.raw_files(), staged)
