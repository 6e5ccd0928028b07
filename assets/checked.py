"""Checks of what came in: rows that were checked and have not changed are not checked again.

Two kinds of tables grow in a way that allows it. Record tables gain partition files, and never
change one without naming it anew by its time of writing. Results that follow their samples keep
their whole beside the rows that stand instead (`warehouse.engine.since`). Row rules of either run
on the new rows, and are added up with what was found before. The rule that keys do not repeat
looks at whole record tables; in a result, the rows of a touched sample can repeat only each other.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from expectations import words
from expectations.predicate import is_row_rule
from expectations.results import CheckResult, ValidationRun, joined
from expectations.runner import run_checks
from warehouse.contract import Contract, Expectation, Model, record_contracts
from warehouse.engine.since import since
from warehouse.engine.stamp import digest, file_line
from warehouse.home import Home, create_view
from warehouse.sql import qualified
from warehouse.tables import write_text

SAMPLE_ROWS = 20
WHERE_FROM = ("delivery_id", "source_sheet", "source_row")
_NEW = "new_rows"


class Checked(Model):
    """What was found in files that are not to be checked again.

    Attributes:
        rules: digest of the contract and of the code.
        files: name of each file, with size and time of writing.
        results: one for each rule.
    """

    rules: str
    files: dict[str, str]
    results: tuple[CheckResult, ...]


def check_table(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    scope: str,
    files: Sequence[Path],
) -> ValidationRun:
    """Check a table that a connection sees: only what is new of it, where that is enough.

    Args:
        con: connection that sees the table under its name.
        home: where the files lie.
        contract: the table's, with its rules.
        scope: of the results.
        files: where its rows lie: partition files, or the file of the whole result.
    """
    now = Checked(
        rules=digest([contract.model_dump_json()]),
        files={path.relative_to(home.root).as_posix(): file_line(home, path) for path in files},
        results=(),
    )
    before = _before(home, scope, contract)
    if before is not None and before.rules == now.rules and before.files:
        if contract.table in record_contracts() and before.files.items() <= now.files.items():
            new = [home.root / name for name in sorted(now.files.keys() - before.files.keys())]
            create_view(con, contract.model_copy(update={"table": f"main.{_NEW}"}), new)
            alone = [rule for rule in contract.expectations if _looks_at_rows(rule)]
            run = _run_in_parts(con, contract, scope, alone, before.results)
            _keep(home, scope, contract, now, run)
            return run
        part = since(home, contract.table)
        if part is not None and before.files == now.files and all(r.passed for r in before.results):
            con.read_parquet(str(part.rows)).create_view(_NEW)
            return _run_in_parts(con, contract, scope, contract.expectations, before.results)
    run = _run(con, contract.table, contract, scope, contract.expectations)
    if since(home, contract.table) is None:
        _keep(home, scope, contract, now, run)
    return run


def _looks_at_rows(rule: Expectation) -> bool:
    """Whether what a rule finds in some rows does not depend on other rows."""
    return is_row_rule(rule) and rule.arguments.get("mostly", 1) == 1


def _run_in_parts(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    scope: str,
    alone: Sequence[Expectation],
    before: Sequence[CheckResult],
) -> ValidationRun:
    """Rules `alone` on the new rows, added to what was found before; the others on the table."""
    on_all = [rule for rule in contract.expectations if rule not in alone]
    found = _run(con, _NEW, contract, scope, alone)
    rest = _run(con, contract.table, contract, scope, on_all)
    (rows,) = con.execute(f"FROM {qualified(contract.table)} SELECT count(*)").fetchall()[0]
    earlier = {result.rule_id: result for result in before}
    grown = [_added(earlier[result.rule_id], result, rows) for result in found.results]
    return joined([found.model_copy(update={"results": tuple(grown)}), rest])


def _added(before: CheckResult, now: CheckResult, rows: int) -> CheckResult:
    """What was found in all rows: earlier ones, then new ones."""
    if now.outcome == "error":
        return now
    failed = (before.rows_failed or 0) + (now.rows_failed or 0)
    told = now if before.passed else before
    found = {
        "rows_checked": rows,
        "rows_failed": failed,
        "observed": words.observed(failed, rows, None),
    }
    return told.model_copy(update=found)


def _run(
    con: duckdb.DuckDBPyConnection,
    table: str,
    contract: Contract,
    scope: str,
    rules: Sequence[Expectation],
) -> ValidationRun:
    return run_checks(
        con,
        table,
        rules,
        scope=scope,
        sample_columns=(*contract.key, *WHERE_FROM),
        max_samples=SAMPLE_ROWS,
        table_name=contract.table,
    )


def _before(home: Home, scope: str, contract: Contract) -> Checked | None:
    path = _file(home, scope, contract)
    return Checked.model_validate_json(path.read_text("utf-8")) if path.is_file() else None


def _keep(home: Home, scope: str, contract: Contract, now: Checked, run: ValidationRun) -> None:
    """Remember what was found; a check that crashed is tried again, so nothing is remembered."""
    path = _file(home, scope, contract)
    path.unlink(missing_ok=True)
    if any(result.outcome == "error" for result in run.results):
        return
    found = now.model_copy(update={"results": run.results})
    write_text(found.model_dump_json(), path)


def _file(home: Home, scope: str, contract: Contract) -> Path:
    return home.lake / "validation" / scope / f"{contract.table}.checked"
