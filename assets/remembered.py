"""Outcomes of checks that need not be found again: same rules, same code, same files.

Loading Great Expectations alone takes longer than a whole night in which nothing was received.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from expectations.results import CheckResult, ValidationRun, read_results, write_results, write_run
from warehouse.contract import Contract
from warehouse.engine.stamp import files_stamp
from warehouse.home import Home


def fingerprint(home: Home, contract: Contract, files: Iterable[Path]) -> str:
    """What the outcome of a table's checks depends on: its contract, the code, the files."""
    return files_stamp(home, files, contract.model_dump_json())


def recall(home: Home, scope: str, known: str) -> tuple[CheckResult, ...] | None:
    """The kept outcomes of a scope, if they were found under the fingerprint `known`.

    A check that crashed is not remembered: it is tried again.
    """
    results = home.check_result_file(scope)
    kept = fingerprint_file(home, scope)
    if not (results.is_file() and kept.is_file() and kept.read_text("ascii") == known):
        return None
    found = tuple(CheckResult(**row) for row in read_results([results]).to_dicts())
    return None if any(result.outcome == "error" for result in found) else found


def remember(home: Home, scope: str, known: str, run: ValidationRun) -> None:
    """Keep outcomes for the release, for Data Docs, and under their fingerprint."""
    fingerprint_file(home, scope).unlink(missing_ok=True)
    write_results(run.results, home.check_result_file(scope))
    write_run(run, validation_file(home, scope))
    fingerprint_file(home, scope).write_text(known, "ascii")


def forget_others(home: Home, folder: str, names: Collection[str]) -> None:
    """Remove what is kept of checks in a folder of scopes, but of some: of what is there no more.

    Args:
        home: where outcomes are kept.
        folder: the first part of a scope, such as ``mart``.
        names: what is checked still, the last part of a scope.
    """
    for path in (home.lake / "check_result" / folder).glob("*.parquet"):
        if path.stem not in names:
            scope = f"{folder}/{path.stem}"
            for kept in (fingerprint_file(home, scope), validation_file(home, scope), path):
                kept.unlink(missing_ok=True)


def validation_file(home: Home, scope: str) -> Path:
    """Where Great Expectations' record of a table's checks is kept, for Data Docs."""
    return home.lake / "validation" / f"{scope}.json"


def validation_files(home: Home) -> Sequence[Path]:
    """Every record that `remember` kept."""
    return sorted((home.lake / "validation").glob("**/*.json"))


def fingerprint_file(home: Home, scope: str) -> Path:
    """Where the fingerprint of a scope's outcomes is kept."""
    return home.lake / "validation" / f"{scope}.fingerprint"
