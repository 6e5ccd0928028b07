"""Outcomes of checks: `meta.check_result` in rows, and what Great Expectations recorded."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict

from expectations import words
from warehouse.contract import Action, Severity, record_contracts
from warehouse.tables import write_text

TABLE = "meta.check_result"
Outcome = Literal["passed", "failed", "error"]


class CheckResult(BaseModel):
    """One row of `meta.check_result`; the contract says what each field means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: str
    table_name: str
    rule_id: str
    expectation: str
    arguments: str
    severity: Severity
    action: Action
    outcome: Outcome
    rows_checked: int | None
    rows_failed: int | None
    expected: str
    observed: str
    failing_rows: str | None

    @property
    def passed(self) -> bool:
        """Whether the check ran and found nothing wrong."""
        return self.outcome == "passed"

    @property
    def blocking(self) -> bool:
        """Whether nothing may be published: a blocking rule failed, or could not be checked."""
        failed = self.outcome == "failed" and self.severity == "error"
        return self.action == "block" and (failed or self.outcome == "error")


class ValidationRun(BaseModel):
    """The checks of one table in one run, with what Great Expectations recorded for Data Docs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: str
    table_name: str
    results: tuple[CheckResult, ...]
    validation: dict[str, Any] | None = None

    @property
    def blocking(self) -> tuple[CheckResult, ...]:
        """The results for which nothing may be published."""
        return tuple(result for result in self.results if result.blocking)


def joined(runs: Sequence[ValidationRun]) -> ValidationRun:
    """Runs of different rules on one table, as one run; results in the order of the runs."""
    records = [run.validation for run in runs if run.validation is not None]
    results = tuple(result for run in runs for result in run.results)
    if not records:
        return runs[0].model_copy(update={"results": results})
    record = {**records[0], "results": [item for each in records for item in each["results"]]}
    passed = sum(item["success"] for item in record["results"])
    record["success"] = passed == len(record["results"])
    record["statistics"] = {
        "evaluated_expectations": len(record["results"]),
        "successful_expectations": passed,
        "unsuccessful_expectations": len(record["results"]) - passed,
        "success_percent": 100 * passed / len(record["results"]),
    }
    return runs[0].model_copy(update={"results": results, "validation": record})


def add_up(parts: Sequence[Sequence[CheckResult]]) -> list[CheckResult]:
    """Results of the same row rules over parts of a batch, as of the whole batch.

    Rows are counted together, samples of failing rows come from the first part that has some, and a
    check that crashed anywhere has crashed.
    """
    found: dict[tuple[str, str], list[CheckResult]] = {}
    for part in parts:
        for result in part:
            found.setdefault((result.scope, result.rule_id), []).append(result)
    return [_added_up(results) for results in found.values()]


def _added_up(results: Sequence[CheckResult]) -> CheckResult:
    outcomes = {result.outcome: result for result in reversed(results)}
    told = outcomes.get("error") or outcomes.get("failed") or results[0]
    if told.outcome == "error":
        return told
    checked = sum(result.rows_checked or 0 for result in results)
    failed = sum(result.rows_failed or 0 for result in results)
    return told.model_copy(
        update={
            "rows_checked": checked,
            "rows_failed": failed,
            "observed": words.observed(failed, checked, None),
        }
    )


def write_results(results: Sequence[CheckResult], path: Path) -> None:
    """Parquet of `meta.check_result`, written aside and moved into place; an empty list too."""
    schema = record_contracts()[TABLE].polars_schema()
    rows = [result.model_dump() for result in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(aside)
    aside.replace(path)


def read_results(paths: Iterable[Path]) -> pl.DataFrame:
    """Rows of `meta.check_result` from files of `write_results`; no rows for no files."""
    schema = record_contracts()[TABLE].polars_schema()
    frames = [pl.read_parquet(path).select(schema.keys()).cast(schema) for path in paths]  # type: ignore[arg-type] # polars accepts a mapping of types
    return pl.concat([pl.DataFrame(schema=schema), *frames])


def write_run(run: ValidationRun, path: Path) -> None:
    """Keep a run as JSON, for Data Docs that are built later."""
    write_text(run.model_dump_json(), path)


def read_run(path: Path) -> ValidationRun:
    """A run that `write_run` kept."""
    return ValidationRun.model_validate_json(path.read_text("utf-8"))
