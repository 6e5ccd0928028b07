"""Checks of what came in: rows that were checked and have not changed are not checked again.

Two kinds of tables grow in a way that allows it. Record tables gain partition files, and never
change one without naming it anew by its time of writing. Results that follow their samples keep
their whole beside the rows that stand instead (`warehouse.engine.since`). Row rules of either run
on the new rows, and are added up with what was found before.

The rule that keys do not repeat needs more. In a record table in which none did, a key can repeat
only if a new row has it: so the rows, old and new, that have the key of a new row are looked at,
and where one repeats the whole table is. In a result, the rows of a touched sample can repeat only
each other.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb

from expectations import words
from expectations.conditions import column_names
from expectations.predicate import is_row_rule
from expectations.results import CheckResult, ValidationRun, joined
from expectations.runner import run_checks
from expectations.suite import UNIQUE
from warehouse.contract import Contract, Expectation, Model, record_contracts
from warehouse.engine.run import attach_rows, attach_tables
from warehouse.engine.since import Since, result, result_size, since
from warehouse.engine.stamp import digest
from warehouse.engine.views import stored
from warehouse.home import Home, create_view, records_query
from warehouse.sql import identifier, qualified
from warehouse.tables import read_note, row_count, write_text

SAMPLE_ROWS = 20
WHERE_FROM = ("delivery_id", "source_sheet", "source_row")
# A table of many files is copied before it is checked, as far as rules read it: checks are dozens
# of queries, and each would open every file. Up to so many rows, which fit in little memory.
MOST_COPIED = 2_500_000
_MANY_FILES = 8
_NEW, _ALIKE, _ALL = "new_rows", "rows_alike", "all_rows"


class Checked(Model):
    """What was found in files that are not to be checked again.

    Attributes:
        rules: digest of the contract and of the code.
        files: name of each file, with size and time of writing.
        rows: how many rows they hold.
        results: one for each rule.
    """

    rules: str
    files: dict[str, str]
    rows: int
    results: tuple[CheckResult, ...]


def check_table(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    scope: str,
    files: Sequence[Path],
    as_of: dt.date | None = None,
) -> ValidationRun:
    """Check a table as it lies in the lake: only what is new of it, where that is enough.

    Args:
        con: connection with nothing attached yet.
        home: where the files lie.
        contract: the table's, with its rules.
        scope: of the results.
        files: where its rows lie: partition files, or the file of the whole result.
        as_of: only deliveries received up to this day are seen.
    """
    work = _Work(con, home, contract, scope, tuple(files), as_of)
    before = _before(home, scope, contract)
    if before is not None and before.rules != work.rules:
        before = None
    if contract.table in record_contracts():
        if before is not None and before.files and before.files.items() <= work.named.items():
            run, rows = _check_new_records(work, before)
            _keep(work, rows, run)
            return run
    elif work.is_told_apart:
        if before is None or before.files != work.named:
            before = _check_wholes(work)
        rows = _show_what_stands_instead(work, before)
        return _check_what_stands_instead(work, before, rows)
    run = work.run_on_all(contract.expectations)
    if not work.parts:
        _keep(work, work.count_all(), run)
    return run


@dataclass(frozen=True)
class _Work:
    """A table, and where and how it is checked; see `check_table`."""

    con: duckdb.DuckDBPyConnection
    home: Home
    contract: Contract
    scope: str
    files: tuple[Path, ...]
    as_of: dt.date | None

    @cached_property
    def named(self) -> Mapping[str, str]:
        """Name of each file, with size and time of writing."""
        return {self.home.name(f): self.home.line(f) for f in self.files}

    @cached_property
    def parts(self) -> Mapping[str, Since]:
        """What stands instead of a part of the result, or of those that a view reads."""
        found = {table: since(self.home, table) for table in stored(self.contract.table)}
        return {table: part for table, part in found.items() if part is not None}

    @property
    def is_told_apart(self) -> bool:
        """Whether rows that stand instead of others, and these, are those of the same samples."""
        return len({part.touched for part in self.parts.values()}) == 1

    @cached_property
    def rules(self) -> str:
        """Digest of the rules and of the code."""
        return digest([self.contract.model_dump_json()])

    def run(self, view: str, rules: Sequence[Expectation]) -> ValidationRun:
        """Rules on a view, or a table, of some of the rows."""
        return run_checks(
            self.con,
            view,
            rules,
            scope=self.scope,
            sample_columns=(*self.contract.key, *WHERE_FROM),
            max_samples=SAMPLE_ROWS,
            table_name=self.contract.table,
        )

    def run_on_all(self, rules: Sequence[Expectation]) -> ValidationRun:
        """Rules on all rows."""
        if len(self.files) < _MANY_FILES or not rules or self.count_all() > MOST_COPIED:
            return self.run(self.all_rows, rules)
        self.copy(_ALL, rules)
        return self.run(_ALL, rules)

    def copy(self, name: str, rules: Sequence[Expectation]) -> None:
        """A table of all rows that are attached, in the columns that rules read."""
        read = [name for rule in rules for name in column_names(rule, self.contract.table)]
        wanted = {*read, *self.contract.key, *WHERE_FROM}
        names = ", ".join(identifier(n) for n in self.contract.column_names if n in wanted)
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {qualified(self.all_rows)} SELECT {names}"
        )

    @property
    def all_rows(self) -> str:
        """The table under its name, attached when it is first wanted."""
        name = self.contract.table
        attach_tables(self.con, [name], self.home, self.as_of, reader="its checks")
        return name

    def count_all(self) -> int:
        """Rows of the table."""
        if self.contract.table in record_contracts():
            return sum(map(row_count, self.files))
        if not self.contract.is_view:
            return result_size(self.home, self.contract.table)
        return self.count_attached()

    def count_attached(self) -> int:
        """Rows of the table as it is attached, perhaps of a part of what it reads."""
        (found,) = self.con.execute(f"FROM {qualified(self.all_rows)} SELECT count(*)").fetchall()
        return int(found[0])


def _check_wholes(work: _Work) -> Checked:
    """All rules on results as they were last made whole, and what was found is remembered.

    So it is where a night stopped after they were made and before they were checked: this night
    looks at all of their rows, and the next ones do not.
    """
    con, home, tables = work.con, work.home, stored(work.contract.table)
    for table in tables:
        attach_rows(con, table, con.read_parquet(str(home.model_file(table))))
    run = work.run_on_all(work.contract.expectations)
    found = _keep(work, work.count_attached(), run)
    for table in tables:
        attach_rows(con, table, result(con, home, table))
    return found


def _show_what_stands_instead(work: _Work, before: Checked) -> int:
    """Make the rows that stand instead of others visible; how many rows there are in all.

    Those of a view follow from what stands instead in what it reads, and those that stand no more
    from what does not.
    """
    con, parts = work.con, work.parts
    if not work.contract.is_view:
        con.read_parquet(str(parts[work.contract.table].rows)).create_view(_NEW)
        return work.count_all()
    for table, part in parts.items():
        attach_rows(con, table, con.read_parquet(str(part.stood)))
    stood = work.count_attached()
    for table, part in parts.items():
        attach_rows(con, table, con.read_parquet(str(part.rows)))
    work.copy(_NEW, work.contract.expectations)
    rows = before.rows - stood + work.count_attached()
    for table in parts:
        attach_rows(con, table, result(con, work.home, table))
    return rows


def _check_what_stands_instead(work: _Work, before: Checked, rows: int) -> ValidationRun:
    """Rules that no row of the whole breaks on the rows that stand instead, the others on all.

    Of a row that breaks a rule nobody knows whether another stands instead of it.
    """
    passed = {result.rule_id for result in before.results if result.passed}
    alone: list[Expectation] = []
    rest: list[Expectation] = []
    for rule in work.contract.expectations:
        of_a_sample = _looks_at_rows(rule) or rule.name in UNIQUE
        # Nobody knows how many of the rows that stand no more a condition held for.
        of_a_sample = of_a_sample and "row_condition" not in rule.arguments
        (alone if of_a_sample and rule.rule in passed else rest).append(rule)
    found = _grown(before, work.run(_NEW, alone), rows)
    return joined([found, work.run_on_all(rest)]) if rest else found


def _check_new_records(work: _Work, before: Checked) -> tuple[ValidationRun, int]:
    """Rules on what came to a record table, added to what was found before; and all its rows."""
    new = [
        file for name, file in zip(work.named, work.files, strict=True) if name not in before.files
    ]
    create_view(work.con, work.contract.model_copy(update={"table": f"main.{_NEW}"}), new)
    rows = before.rows + sum(map(row_count, new))
    passed = {result.rule_id for result in before.results if result.passed}
    alone, unique, rest = [], [], []
    for rule in work.contract.expectations:
        if _looks_at_rows(rule):
            alone.append(rule)
        elif rule.name in UNIQUE and rule.rule in passed and set(rule.arguments) <= _KEY_ONLY:
            unique.append(rule)
        else:
            rest.append(rule)
    runs = [_grown(before, work.run(_NEW, alone))]
    for rule in unique:
        found = _check_new_keys(work, rule, new)
        if all(result.passed for result in found.results):
            runs.append(_grown(before, found, rows))
        else:
            rest.append(rule)
    if rest:
        runs.append(work.run_on_all(rest))
    return joined(runs), rows


_KEY_ONLY = {"column", "column_list"}


def _looks_at_rows(rule: Expectation) -> bool:
    """Whether what a rule finds in some rows does not depend on other rows."""
    return is_row_rule(rule) and rule.arguments.get("mostly", 1) == 1


def _check_new_keys(work: _Work, rule: Expectation, new: Sequence[Path]) -> ValidationRun:
    """A rule that keys do not repeat, on the rows that have the key of a new row.

    Only the columns of the key are read. Where they name the source, a key cannot stand in another
    source's partitions.
    """
    sources = {file.parent.parent for file in new}
    same = [f for f in work.files if "source_id" not in rule.columns or f.parent.parent in sources]
    keys = ", ".join(map(identifier, rule.columns))
    alike = " AND ".join(
        f"given.{name} IS NOT DISTINCT FROM new.{name}" for name in map(identifier, rule.columns)
    )
    given = records_query(work.con, work.contract, same)
    # In one query: each step of a relation would open all the files once more.
    work.con.execute(
        f"CREATE OR REPLACE TABLE {_ALIKE} AS FROM ({given}) AS given "
        f"SEMI JOIN (FROM {_NEW} SELECT DISTINCT {keys}) AS new ON {alike} SELECT {keys}"
    )
    return work.run(_ALIKE, [rule])


def _grown(before: Checked, now: ValidationRun, rows: int | None = None) -> ValidationRun:
    """What was found in new rows, added to what was found before; of so many `rows`, if given."""
    earlier = {result.rule_id: result for result in before.results}
    results = tuple(_added(earlier[result.rule_id], result, rows) for result in now.results)
    return now.model_copy(update={"results": results})


def _added(before: CheckResult, now: CheckResult, rows: int | None) -> CheckResult:
    """What was found in all rows: earlier ones, then new ones."""
    if now.outcome == "error":
        return now
    failed = (before.rows_failed or 0) + (now.rows_failed or 0)
    # A rule with a condition looks at some of the new rows, as it looked at some of the others.
    checked = (before.rows_checked or 0) + (now.rows_checked or 0) if rows is None else rows
    told = now if before.passed else before
    found = {
        "rows_checked": checked,
        "rows_failed": failed,
        "observed": words.observed(failed, checked, None),
    }
    return told.model_copy(update=found)


def _before(home: Home, scope: str, contract: Contract) -> Checked | None:
    return read_note(Checked, _file(home, scope, contract))


def _keep(work: _Work, rows: int, run: ValidationRun) -> Checked:
    """Remember what was found; a check that crashed is tried again, so nothing is remembered."""
    found = Checked(rules=work.rules, files=dict(work.named), rows=rows, results=run.results)
    path = _file(work.home, work.scope, work.contract)
    if any(result.outcome == "error" for result in run.results):
        path.unlink(missing_ok=True)
    else:
        write_text(found.model_dump_json(), path)
    return found


def _file(home: Home, scope: str, contract: Contract) -> Path:
    return home.lake / "validation" / scope / f"{contract.table}.checked"
