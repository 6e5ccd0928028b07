"""Outcomes of checks are forgotten with what they checked, and no others."""

from pathlib import Path

import pytest

from assets.checks import forget_what_is_checked_no_more
from assets.remembered import fingerprint_file, forget_others, remember, validation_file
from expectations.results import ValidationRun
from warehouse.contract import Contract, record_contracts
from warehouse.engine.model import load_models
from warehouse.home import Home

SAMPLE = record_contracts()["core.sample"]
FAILURE = load_models()["mart.indicator_failure"].contract


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def keep(home: Home, *scopes: str) -> None:
    for scope in scopes:
        run = ValidationRun(scope=scope, table_name="a table", results=())
        remember(home, scope, "its fingerprint", run)


def kept(home: Home) -> set[str]:
    """Scopes of which anything is kept."""
    results, records = home.lake / "check_result", home.lake / "validation"
    files = {
        *(path.relative_to(results) for path in results.glob("**/*.parquet")),
        *(path.relative_to(records) for path in records.glob("**/*.*")),
    }
    return {path.with_suffix("").as_posix() for path in files}


@pytest.mark.parametrize("lost", ["a rule", "none"])
def test_of_tables_that_are_made_no_more_nothing_is_kept(home: Home, lost: str) -> None:
    of_sample, of_failure = "core/core.sample", "mart/mart.indicator_failure"
    keep(home, of_sample, of_failure, "core/core.gone", "mart/mart.gone", "incoming/a/rows.sample")
    without_rules: Contract = FAILURE.model_copy(update={"expectations": ()})
    forget_what_is_checked_no_more(home, [SAMPLE, without_rules if lost == "a rule" else FAILURE])
    expected = {of_sample, "incoming/a/rows.sample"} | ({of_failure} if lost == "none" else set())
    assert kept(home) == expected


def test_of_maps_that_a_source_has_no_more_nothing_is_kept(home: Home) -> None:
    keep(home, "incoming/a/rows.sample", "incoming/a/old.sample", "incoming/b/old.sample")
    forget_others(home, "incoming/a", ["rows.sample"])
    assert kept(home) == {"incoming/a/rows.sample", "incoming/b/old.sample"}
    assert fingerprint_file(home, "incoming/b/old.sample").is_file()
    assert validation_file(home, "incoming/b/old.sample").is_file()
