"""Night by night, in any order of days, the models end as if all had come at once."""

import datetime as dt
import random
import shutil
from collections.abc import Collection
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.build import refresh_models
from assets.demo.city_year import generate
from assets.ingest.landing import landing_days, register
from assets.ingest.run import ingest, read_raw
from warehouse.connection import Resources
from warehouse.home import Home
from warehouse.source import load_sources


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A very small city year of samples, acceptances and lists: corrections, rechecks, defects."""
    home = Home(tmp_path_factory.mktemp("delivered") / "home")
    generate(home.landing, scale=0.01)
    return home


def days_of(home: Home) -> list[dt.date]:
    return sorted({day for days in landing_days(home).values() for day in days})


def work(home: Home, days: Collection[dt.date]) -> list[str]:
    """One night: read the days, then refresh what has changed; the tables that it made."""
    delivering = landing_days(home)
    sources = {name: each for name, each in load_sources().items() if name in delivering}
    worked = sorted(days)
    register(home, sources, worked)
    for source in sources.values():
        read_raw(home, source, worked)
    ingest(home, sources, worked, check=False)
    return refresh_models(home, Resources(2, 1, home.root / "tmp"))


def results(home: Home) -> dict[str, pl.DataFrame]:
    """Every model's rows, by table."""
    folder = home.lake / "models"
    return {
        str(path.relative_to(folder)): pl.read_parquet(path)
        for path in sorted(folder.rglob("*.parquet"))
    }


@settings(
    max_examples=1,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_every_model_ends_the_same_in_whatever_order_its_deliveries_are_worked(
    delivered: Home, tmp_path: Path, seed: int
) -> None:
    order = days_of(delivered)
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    cut = len(order) // 2
    nights = [order[:cut], [*order[cut:], order[0]]]  # one day is worked again
    note(f"nights: {nights}")
    at_once, in_parts = Home(tmp_path / "at_once"), Home(tmp_path / "in_parts")
    for home in (at_once, in_parts):
        shutil.rmtree(home.root, ignore_errors=True)
        home.root.mkdir()
        home.landing.symlink_to(delivered.landing, target_is_directory=True)

    everything = work(at_once, order)
    assert work(in_parts, nights[0]) == everything
    again = work(in_parts, nights[1])

    whole, parts = results(at_once), results(in_parts)
    assert len(whole) == len(everything) > 70
    assert {"fact.verdict", "mart.scorecard", "mart.failure_budget"} < set(again)
    assert parts.keys() == whole.keys()
    for table, rows in whole.items():
        note(table)
        assert_frame_equal(parts[table], rows, check_exact=True)
    assert work(in_parts, []) == []
