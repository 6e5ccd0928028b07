"""Nights and commands for tests of the whole pipeline."""

import io
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from assets.ingest.landing import landing_days, register
from assets.ingest.run import ingest, read_raw
from pipelines import cli
from pipelines.nightly import NightOutcome, run_night
from warehouse.engine.model import load_models, ordered
from warehouse.engine.run import attach_dependencies, run_model
from warehouse.home import Home
from warehouse.source import load_sources

SOURCES = Path(__file__).with_name("sources")


@pytest.fixture(scope="session")
def quick_night() -> Callable[..., NightOutcome]:
    """`run_night` without Great Expectations, which takes seconds, and with no run log kept.

    Everything else is as it is: deliveries, quarantine, models, release.
    """

    def night(*arguments: object, **options: object) -> NightOutcome:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pipelines.definitions.table_checks", lambda _contract: None)
            patch.setattr("assets.ingest.run.validate", lambda *_rules, **_options: [])
            patch.setattr("pipelines.nightly.instance", _forgetful)
            return run_night(*arguments, **options)  # type: ignore[arg-type] # handed through

    return night


@contextmanager
def _forgetful(_home: Home) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="session")
def build() -> Callable[..., None]:
    """Reads what sources have in landing, and makes tables with all models that they need."""

    def read_and_run(home: Home, sources: Collection[str], tables: Collection[str]) -> None:
        chosen = {name: source for name, source in load_sources().items() if name in sources}
        days = sorted({day for each in landing_days(home).values() for day in each})
        register(home, chosen, days)
        for source in chosen.values():
            read_raw(home, source, days)
        ingest(home, chosen, days, check=False)
        models = load_models()
        needed, found = set(tables), set[str]()
        while needed - found:
            found |= needed
            needed |= {name for table in found & models.keys() for name in models[table].depends_on}
        with duckdb.connect() as con:
            for model in ordered(models):
                if model.table in found:
                    attach_dependencies(con, model, home)
                    run_model(con, model, home)

    return read_and_run


@pytest.fixture(scope="session")
def samplehouse() -> Callable[..., tuple[int, str]]:
    """Runs a command in a home, with the sources of this folder; exit code and all that it said."""

    def run(home: Home, *arguments: str) -> tuple[int, str]:
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
            patch.setenv("SAMPLEHOUSE_HOME", str(home.root))
            patch.setenv("SAMPLEHOUSE_SOURCES", str(SOURCES))
            patch.setattr(sys, "argv", ["samplehouse", *arguments])
            with pytest.raises(SystemExit) as stopped:
                cli.main()
        code = stopped.value.code
        return code if isinstance(code, int) else 0, said.getvalue()

    return run
