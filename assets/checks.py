"""Contracts' expectations as asset checks: Great Expectations on every table before it counts.

A rule that blocks stops everything downstream of its table, so no release is built. Any other
rule that fails is a warning. The outcome of each check is kept in the lake for the release.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from assets.checked import check_table
from assets.docs import write_docs
from assets.remembered import fingerprint, forget_others, recall, remember
from assets.shown import markdown
from assets.workplace import Night, Workplace, asset_key, explained
from expectations.results import CheckResult
from warehouse import progress
from warehouse.connection import connect
from warehouse.contract import Contract, Expectation, record_contracts
from warehouse.engine.since import result_files
from warehouse.engine.views import stored
from warehouse.home import Home
from warehouse.source import record_tables

# Tables that incoming rows become; their checks show what the quarantine turned away.
INCOMING = tuple(f"core.{name}" for name in record_tables())
INCOMING_CHECK = "incoming_rows"
NAMED_ROWS = 3


def scope_of(contract: Contract) -> str:
    """Scope of a table's check results: ``core`` for records, ``mart`` for results of SQL."""
    return "core" if contract.table in record_contracts() else "mart"


def table_checks(contract: Contract) -> dg.AssetChecksDefinition | None:
    """One multi-check with a check for each expectation of a contract; None without any."""
    rules = {rule.rule: rule for rule in contract.expectations}
    if not rules:
        return None
    key = asset_key(contract.table)

    @dg.multi_asset_check(
        name=f"check_{contract.schema_name}_{contract.name}",
        specs=[_spec(key, rule) for rule in rules.values()],
        description=f"Great Expectations on {contract.table}, pushed down to DuckDB.",
        compute_kind="greatexpectations",
        can_subset=True,
    )
    def check(
        context: dg.AssetCheckExecutionContext,
        workplace: dg.ResourceParam[Workplace],
        night: Night,
    ) -> Iterator[dg.AssetCheckResult]:
        with explained():
            results = run_table_checks(contract, workplace, night.last_day)
        failed = [result.rule_id for result in results if not result.passed]
        context.log.info("%s: %s of %s checks failed", contract.table, len(failed), len(results))
        wanted = {selected.name for selected in context.selected_asset_check_keys}
        for result in results:
            if result.rule_id in wanted:
                yield _asset_check_result(key, result, rules[result.rule_id])

    return check


def run_table_checks(
    contract: Contract, workplace: Workplace, as_of: dt.date | None
) -> tuple[CheckResult, ...]:
    """Check one table as it lies in the lake, and keep the outcomes there.

    When a blocking rule fails, Data Docs are written at once: nothing downstream will run.
    """
    home, scope = workplace.home, scope_of(contract)
    files = _files(contract, home, as_of)
    known = fingerprint(home, contract, [*files, *_parts(contract, home)])
    if (remembered := recall(home, f"{scope}/{contract.table}", known)) is not None:
        return remembered
    with progress.stage("check", contract.table), connect(workplace.resources) as con:
        run = check_table(con, home, contract, scope, files, as_of)
    remember(home, f"{scope}/{contract.table}", known, run)
    if run.blocking:
        write_docs(home)
    return run.results


def forget_what_is_checked_no_more(home: Home, contracts: Iterable[Contract]) -> None:
    """Remove outcomes of checks of tables that are made no more, or have no rules any more."""
    checked: dict[str, list[str]] = {"core": [], "mart": []}
    for contract in contracts:
        if contract.expectations:
            checked[scope_of(contract)].append(contract.table)
    for scope, tables in checked.items():
        forget_others(home, scope, tables)


def known_results(home: Home, contract: Contract) -> tuple[CheckResult, ...] | None:
    """Outcomes of a table's checks, if they were found on the table as it lies in the lake now."""
    files = [*_files(contract, home, as_of=None), *_parts(contract, home)]
    scope = f"{scope_of(contract)}/{contract.table}"
    return recall(home, scope, fingerprint(home, contract, files))


def _files(contract: Contract, home: Home, as_of: dt.date | None) -> list[Path]:
    if contract.table in record_contracts():
        return home.partition_files(contract.table, as_of=as_of)
    return [home.model_file(table) for table in stored(contract.table)]


def _parts(contract: Contract, home: Home) -> list[Path]:
    """What stands instead of a part of a result."""
    if contract.table in record_contracts():
        return []
    return [path for table in stored(contract.table) for path in result_files(home, table)[1:]]


def _spec(key: dg.AssetKey, rule: Expectation) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        rule.rule,
        asset=key,
        blocking=_blocks(rule),
        description=rule.message or rule.rule.replace("_", " "),
        metadata={"expectation": rule.name, "action": rule.action, "severity": rule.severity},
    )


def _blocks(rule: Expectation) -> bool:
    return rule.action == "block" and rule.severity == "error"


def _asset_check_result(
    key: dg.AssetKey, result: CheckResult, rule: Expectation
) -> dg.AssetCheckResult:
    serious = _blocks(rule) or result.outcome == "error"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=result.rule_id,
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR if serious else dg.AssetCheckSeverity.WARN,
        description=f"{result.outcome}: {result.observed}{_such_as(result) if serious else ''}",
        metadata=_metadata(result),
    )


def _metadata(result: CheckResult) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "expected": result.expected,
        "observed": result.observed,
        "rows_checked": result.rows_checked,
        "rows_failed": result.rows_failed,
        "expectation": result.expectation,
        "arguments": dg.MetadataValue.json(json.loads(result.arguments)),
    }
    if result.failing_rows:
        metadata["failing_rows"] = _rows_table(result.failing_rows)
    return {name: value for name, value in metadata.items() if value is not None}


def _such_as(result: CheckResult) -> str:
    """The first failing rows in one line, for whoever reads why a build stopped."""
    rows = json.loads(result.failing_rows or "[]")[:NAMED_ROWS]
    named = [
        ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
        for row in rows
    ]
    return "".join(f"; {row}" for row in named)


def _rows_table(failing_rows: str) -> dg.MarkdownMetadataValue:
    rows = json.loads(failing_rows)
    columns = list(rows[0]) if rows else []
    return markdown(columns, [[row[name] for name in columns] for row in rows])


def incoming_spec(table: str) -> dg.AssetCheckSpec:
    """The check that shows what the rules found in incoming rows; it never blocks."""
    return dg.AssetCheckSpec(
        INCOMING_CHECK,
        asset=asset_key(table),
        blocking=False,
        description="Row rules on what was received, before the quarantine took failing rows out.",
    )


def incoming_result(table: str, results: Sequence[CheckResult]) -> dg.AssetCheckResult:
    """The rules that incoming rows broke, source by source, with a few of the rows."""
    failed = [result for result in results if not result.passed]
    columns = ("where", "rule", "action", "rows failed", "rows checked", "expected", "observed")
    lines = [
        (
            result.scope,
            result.rule_id,
            result.action,
            result.rows_failed,
            result.rows_checked,
            result.expected,
            result.observed,
        )
        for result in failed
    ]
    samples = {
        f"failing_rows: {result.scope} {result.rule_id}": _rows_table(result.failing_rows)
        for result in failed
        if result.failing_rows
    }
    return dg.AssetCheckResult(
        asset_key=asset_key(table),
        check_name=INCOMING_CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(failed)} of {len(results)} rules were broken by incoming rows",
        metadata={"rules": len(results), "broken": markdown(columns, lines), **samples},
    )
