"""Nights and commands for tests of the whole pipeline."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from pipelines import cli
from pipelines.nightly import NightOutcome, run_night
from tests.nights import unchecked, unrecorded
from warehouse.home import Home

SOURCES = Path(__file__).with_name("sources")


@pytest.fixture(scope="session")
def quick_night() -> Callable[..., NightOutcome]:
    """`run_night` without Great Expectations, which takes seconds, and with no run log kept.

    Everything else is as it is: deliveries, quarantine, models, release.
    """

    def night(*arguments: object, **options: object) -> NightOutcome:
        with unchecked(), unrecorded():
            return run_night(*arguments, **options)  # type: ignore[arg-type] # handed through

    return night


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
