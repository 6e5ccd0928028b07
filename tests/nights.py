"""Nights of tests: what they leave out, in this process or in another, and what they share."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from assets.build import models_behind
from assets.demo.truth import Truth
from pipelines.nightly import NightOutcome
from warehouse.engine.model import ComputedTable, SqlModel
from warehouse.home import Home
from warehouse.release_store import kept_file


@dataclass(frozen=True)
class SmallYear:
    """A small demo year, and the releases that its nights published, in order."""

    home: Home
    truth: Truth
    until: dt.date
    july: NightOutcome  # what was received up to a day of July
    january: NightOutcome  # the rest of the year
    july_again: NightOutcome  # as of that day, with all of the year in the lake
    january_again: NightOutcome  # nothing new
    read_before: list[str]  # by a reader who opened July's release, before January's night
    read_after: list[str]  # by the same reader, after it

    def file(self, night: NightOutcome) -> Path:
        """The release of a night, as it is kept."""
        assert night.release is not None, night.errors
        return kept_file(self.home, night.release.release_id)


@contextmanager
def only_what_is_behind(*tables: str) -> Iterator[None]:
    """A graph with those models only that some tables need, and a release without macros.

    Deliveries, records, checks, release and everything around them are as they always are. Nights
    of the whole graph are those of the demo's years and of the published files.
    """
    behind = models_behind(tables)
    models = {model.table: model for model in behind if isinstance(model, SqlModel)}
    computed = {model.table: model for model in behind if isinstance(model, ComputedTable)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.definitions.load_models", lambda: models)
        patch.setattr("pipelines.definitions.load_computed", lambda: computed)
        patch.setattr("assets.release.macro_statements", tuple)
        yield


@contextmanager
def pass_rates_only() -> Iterator[None]:
    """A graph with those models only that pass rates need."""
    with only_what_is_behind("mart.pass_rate"):
        yield


@contextmanager
def unchecked() -> Iterator[None]:
    """Without Great Expectations, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.definitions.table_checks", lambda _contract: None)
        patch.setattr("assets.ingest.run.validate", lambda *_rules, **_options: [])
        yield


@contextmanager
def unrecorded() -> Iterator[None]:
    """Without Dagster's log of the run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.nightly.instance", _forgetful)
        yield


@contextmanager
def _forgetful(_home: Home) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
