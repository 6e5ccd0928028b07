"""Checks of a table in DuckDB: Great Expectations counts, own SQL shows a few failing rows."""

import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

from expectations import dialect, words
from expectations.conditions import column_names
from expectations.predicate import failing_condition, is_row_rule
from expectations.results import (
    CheckResult,
    ValidationRun,
    read_results,
    read_run,
    write_results,
    write_run,
)
from expectations.suite import UNIQUE, build_suite
from warehouse.contract import Expectation
from warehouse.sql import identifier, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from great_expectations.core import (
        ExpectationSuite,
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.datasource.fluent.interfaces import Batch

__all__ = [
    "CheckResult",
    "ValidationRun",
    "read_results",
    "read_run",
    "run_checks",
    "validate",
    "write_results",
    "write_run",
]

# Counts only: samples of failing rows come from own SQL, with their keys and where they stand.
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}
_ERROR_LENGTH = 600


def validate(  # noqa: PLR0913 - as run_checks
    con: duckdb.DuckDBPyConnection,
    table: str,
    expectations: Sequence[Expectation],
    *,
    scope: str,
    sample_columns: Sequence[str] = (),
    max_samples: int = 20,
    samples_from: str | None = None,
) -> list[CheckResult]:
    """The results of `run_checks`, for callers that build no Data Docs from them."""
    run = run_checks(
        con,
        table,
        expectations,
        scope=scope,
        sample_columns=sample_columns,
        max_samples=max_samples,
        samples_from=samples_from,
    )
    return list(run.results)


def run_checks(  # noqa: PLR0913 - what, where, and how much to show
    con: duckdb.DuckDBPyConnection,
    table: str,
    expectations: Sequence[Expectation],
    *,
    scope: str,
    sample_columns: Sequence[str] = (),
    max_samples: int = 20,
    table_name: str | None = None,
    samples_from: str | None = None,
) -> ValidationRun:
    """Check a table or view by push-down, on the caller's connection and in its transaction.

    Args:
        con: connection that sees the table; it stays open.
        table: `schema.name`, or the name of a temporary table or view.
        expectations: rules with different `rule`s.
        scope: what is checked, for the results: `uk_prif/2021-03-01`, `core`, `mart`.
        sample_columns: columns that identify a failing row; those that the table lacks are
            left out, those that the rule reads are added.
        max_samples: most failing rows shown per rule.
        table_name: name in the results, where it differs from `table` (a staged batch).
        samples_from: table with the columns of `table` and at least all rows that break a rejecting
            rule, where there is one; else `table` is read once more for every rule that failed.

    Returns:
        One result per rule, in the order given. A check that could not run has outcome `error`
        and its exception in `observed`; it is neither passed nor failed.

    Raises:
        ConfigurationError: a rule that Great Expectations does not know.
    """
    name = table_name or table
    if not expectations:
        return ValidationRun(scope=scope, table_name=name, results=())
    if _nothing_to_break(con, table, expectations):
        passed = [
            _result(
                e,
                scope,
                name,
                outcome="passed",
                observed=words.observed(0, 0, None),
                rows_checked=0,
                rows_failed=0,
            )
            for e in expectations
        ]
        return ValidationRun(scope=scope, table_name=name, results=tuple(passed))
    with _quiet():
        suite = build_suite(name, expectations)
        try:
            columns = con.sql(f"FROM {qualified(table)} LIMIT 0").columns
            validation = _run_suite(con, table, suite)
        except Exception as error:  # noqa: BLE001 - whatever stops a check is its outcome
            crashed = [
                _result(e, scope, name, outcome="error", observed=_brief(str(error)))
                for e in expectations
            ]
            return ValidationRun(scope=scope, table_name=name, results=tuple(crashed))
    by_rule = {_rule_of(item): item for item in validation.results}
    named = [name for name in sample_columns if name in columns]
    sampler = _Sampler(con, table, named, max_samples, samples_from)
    results = [_outcome(e, by_rule[e.rule], scope, name, sampler) for e in expectations]
    return ValidationRun(
        scope=scope, table_name=name, results=tuple(results), validation=_recorded(validation)
    )


def _nothing_to_break(
    con: duckdb.DuckDBPyConnection, table: str, expectations: Sequence[Expectation]
) -> bool:
    """Whether a table has no rows and no rule looks at anything else.

    Most tables of a small office are empty, and Great Expectations takes its time for those too. A
    rule that does not fit the table is left to it, which says what is wrong.
    """
    conditions = [failing_condition(e, table) for e in expectations if is_row_rule(e)]
    if len(conditions) < sum(e.name not in UNIQUE for e in expectations):
        return False
    named = [identifier(name) for e in expectations for name in e.columns]
    read = ", ".join(dict.fromkeys(("1", *named)))
    anything = " OR ".join(f"({condition})" for condition in ("TRUE", *conditions))
    try:
        found = con.execute(f"SELECT {read} FROM {qualified(table)} WHERE {anything} LIMIT 1")
        return not found.fetchall()
    except duckdb.Error:
        return False


def _run_suite(
    con: duckdb.DuckDBPyConnection, table: str, suite: "ExpectationSuite"
) -> "ExpectationSuiteValidationResult":
    from great_expectations.validator.validator import (  # noqa: PLC0415 - takes seconds
        calc_validation_statistics,
    )

    batch = _batch(con, table)
    validation = batch.validate(suite, result_format=_COUNTS_ONLY)
    crashed = [n for n, item in enumerate(validation.results) if _exception(item)]
    if crashed and len(validation.results) > 1:
        # Counts of several rules are one query, so one crash takes its neighbours along.
        by_rule = {e.meta["rule"]: e for e in suite.expectations if e.meta}
        for number in crashed:
            alone = by_rule[_rule_of(validation.results[number])]
            validation.results[number] = batch.validate(alone, result_format=_COUNTS_ONLY)
        statistics = calc_validation_statistics(validation.results)
        validation.success = statistics.success
        validation.statistics = {
            name: getattr(statistics, name) for name in validation.statistics or {}
        }
    return validation


def _recorded(validation: "ExpectationSuiteValidationResult") -> dict[str, Any]:
    """The validation as JSON, without tracebacks: the message says what went wrong."""
    record: dict[str, Any] = validation.to_json_dict()
    for item in record["results"]:
        info = item["exception_info"]
        for entry in [info, *info.values()]:
            if isinstance(entry, dict) and entry.get("exception_traceback"):
                entry["exception_traceback"] = ""
    return record


def _rule_of(item: "ExpectationValidationResult") -> str:
    """The rule that a result belongs to."""
    configuration: Any = item.expectation_config
    rule: str = configuration.meta["rule"]
    return rule


def _batch(con: duckdb.DuckDBPyConnection, table: str) -> "Batch":
    """The table as Great Expectations sees it; a data source of its own each time.

    Reflected columns are cached per data source, and the same name may be another table on
    another connection.
    """
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - takes seconds

    schema, _, name = table.rpartition(".")
    source = context().data_sources.add_or_update_sql(
        name="duckdb",
        connection_string=dialect.URL,
        kwargs=dialect.engine_arguments(lambda: con),
    )
    # Where the SQL differs between databases, Great Expectations looks at this module and knows
    # none for DuckDB; of those that it knows, PostgreSQL's is the one DuckDB understands.
    source.get_execution_engine().dialect_module = postgresql
    asset = source.add_table_asset(name, table_name=name, schema_name=schema or None)
    batch: Batch = asset.add_batch_definition_whole_table("all").get_batch()
    return batch


@cache
def context() -> "EphemeralDataContext":
    """The one Great Expectations context of this process; it keeps nothing on disk."""
    import great_expectations as gx  # noqa: PLC0415 - takes seconds
    from great_expectations.data_context.types.base import (  # noqa: PLC0415 - as above
        ProgressBarsConfig,
    )

    created = gx.get_context(mode="ephemeral")
    created.variables.progress_bars = ProgressBarsConfig(globally=False)
    # Else all of its configuration is written as YAML three times for each table, for nobody: what
    # it is written to is in memory.
    created.variables.save = lambda: None
    return created


@contextmanager
def _quiet() -> "Iterator[None]":
    """Silence what the libraries warn each other about; warnings of our own code stay."""
    with warnings.catch_warnings():
        for module in ("great_expectations", "sqlalchemy", "duckdb_engine", "marshmallow"):
            warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
        yield


def _exception(item: "ExpectationValidationResult") -> str | None:
    """What the check crashed with; Great Expectations reports a crash as `success=False`."""
    info = item.exception_info or {}
    # one entry, or one per metric that crashed
    entries = [info] if "raised_exception" in info else list(info.values())
    messages = [str(e.get("exception_message")) for e in entries if e.get("raised_exception")]
    return messages[0] if messages else None


def _brief(message: str) -> str:
    """An exception without SQLAlchemy's query and link, cut to a readable length."""
    text = message
    for noise in ("\n[SQL:", "(Background on this error"):
        text = text.partition(noise)[0]
    text = text.strip()
    return text if len(text) <= _ERROR_LENGTH else f"{text[:_ERROR_LENGTH]} …"


def _outcome(
    expectation: Expectation,
    item: "ExpectationValidationResult",
    scope: str,
    table_name: str,
    sampler: "_Sampler",
) -> CheckResult:
    if (crash := _exception(item)) is not None:
        return _result(expectation, scope, table_name, outcome="error", observed=_brief(crash))
    found = item.result
    failed = found.get("unexpected_count")
    if expectation.name == "unexpected_rows_expectation":
        failed = found["observed_value"]
    elif failed is None and is_row_rule(expectation):
        failed = 0  # Great Expectations counts nothing in a table without rows
    checked = found["element_count"] if "element_count" in found else sampler.row_count()
    return _result(
        expectation,
        scope,
        table_name,
        outcome="passed" if item.success else "failed",
        observed=words.observed(failed, checked, found.get("observed_value")),
        rows_checked=checked,
        rows_failed=failed,
        failing_rows=sampler.sample(expectation) if failed else None,
    )


def _result(expectation: Expectation, scope: str, table_name: str, **found: Any) -> CheckResult:
    return CheckResult.model_validate(
        {
            "scope": scope,
            "table_name": table_name,
            "rule_id": expectation.rule,
            "expectation": expectation.name,
            "arguments": words.as_json(expectation.arguments),
            "severity": expectation.severity,
            "action": expectation.action,
            "expected": words.expected(expectation),
            "rows_checked": None,
            "rows_failed": None,
            "failing_rows": None,
            **found,
        }
    )


class _Sampler:
    """A few failing rows of one table, as JSON.

    Args:
        con: connection that sees the table.
        table: table or view.
        columns: columns that identify a row.
        most: rows shown per rule.
        rejected: table that holds all rows which break a rejecting rule, where there is one.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        table: str,
        columns: Sequence[str],
        most: int,
        rejected: str | None,
    ) -> None:
        self._con, self._table, self._columns, self._most = con, table, columns, most
        self._rejected = rejected
        self._row_count: int | None = None

    def row_count(self) -> int:
        """Rows of the table, counted once."""
        if self._row_count is None:
            counted = self._con.sql(f"SELECT count(*) FROM {qualified(self._table)}").fetchall()
            self._row_count = int(counted[0][0])
        return self._row_count

    def sample(self, expectation: Expectation) -> str | None:
        """Failing rows as a JSON list of objects; None for rules that no row breaks."""
        condition = self._condition(expectation)
        if condition is None:
            return None
        wanted = dict.fromkeys((*self._columns, *column_names(expectation, self._table)))
        names = ", ".join(identifier(name) for name in wanted)
        table = (self._rejected if expectation.action == "reject" else None) or self._table
        rows = self._con.sql(
            f"SELECT {names} FROM {qualified(table)} WHERE {condition} "
            f"ORDER BY ALL LIMIT {self._most:d}"
        ).fetchall()
        return words.as_json([dict(zip(wanted, row, strict=True)) for row in rows])

    def _condition(self, expectation: Expectation) -> str | None:
        if is_row_rule(expectation):
            return failing_condition(expectation, self._table)
        if expectation.name not in UNIQUE:
            return None
        names = ", ".join(identifier(name) for name in expectation.columns)
        filled = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in expectation.columns)
        return (
            f"({names}) IN (SELECT ({names}) FROM {qualified(self._table)} WHERE {filled} "
            f"GROUP BY {names} HAVING count(*) > 1)"
        )
