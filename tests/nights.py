"""What tests leave out of a night that they do not look at, in this process or in another."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest

from assets.build import models_behind
from warehouse.engine.model import ComputedTable, SqlModel
from warehouse.home import Home


@contextmanager
def pass_rates_only() -> Iterator[None]:
    """A graph with those models only that pass rates need, and a release without macros.

    Deliveries, records, checks, release and everything around them are as they always are. Nights
    of the whole graph are those of the demo's year, of the published files and of bad deliveries.
    """
    behind = models_behind(["mart.pass_rate"])
    models = {model.table: model for model in behind if isinstance(model, SqlModel)}
    computed = {model.table: model for model in behind if isinstance(model, ComputedTable)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.definitions.load_models", lambda: models)
        patch.setattr("pipelines.definitions.load_computed", lambda: computed)
        patch.setattr("assets.release.macro_statements", tuple)
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
