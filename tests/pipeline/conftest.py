"""Nights for tests that are about what is published, not about the checks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
import pytest

from pipelines.nightly import NightOutcome, run_night
from warehouse.home import Home


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
