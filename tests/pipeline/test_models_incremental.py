"""Night by night, in any order of days, the models end as if all had come at once."""

import datetime as dt
import random
import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.build import refresh_models
from assets.computed import compute
from assets.ingest.landing import landing_days, register
from assets.ingest.run import ingest, read_raw
from pipelines.demo import deliver_demo
from tests.results import rows_of_result
from warehouse.connection import Resources, connect
from warehouse.engine.model import ComputedTable, SqlModel, load_computed, load_models
from warehouse.home import Home
from warehouse.source import load_sources

# Pairs of failures along a chain of firms need more samples than a very small year has.
EMPTY = {"mart.chain_nonconformity"}
Results = dict[str, pl.DataFrame]  # rows of every table
MIDDLE = dt.date(2024, 7, 10)  # with deliveries, so that "up to here" and "so far" are one day


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A very small year of everything that the demo tells, of air and water a few months."""
    home = Home(tmp_path_factory.mktemp("delivered") / "home")
    deliver_demo(home, scale=0.01)
    for source in ("city_air", "city_water"):
        for later in sorted((home.landing / source).iterdir())[4:]:
            shutil.rmtree(later)
    return home


@pytest.fixture(scope="module")
def at_once(delivered: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All of it worked in one night."""
    home = receiving(delivered, tmp_path_factory.mktemp("at_once") / "home")
    work(home, days_of(home))
    return home


@pytest.fixture(scope="module")
def whole(at_once: Home) -> Results:
    """What that night made."""
    return results(at_once)


def receiving(delivered: Home, root: Path) -> Home:
    """An empty home into which the same files come."""
    home = Home(root)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    home.landing.symlink_to(delivered.landing, target_is_directory=True)
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
    return refresh_models(home, Resources(1, 1, home.root / "tmp"))


def results(home: Home) -> Results:
    """Every model's rows in the order of its key, by table; those of samples lie in any order."""
    made: dict[str, SqlModel | ComputedTable] = {**load_models(), **load_computed()}
    return {
        table: rows_of_result(home, table).sort(*model.contract.key)
        for table, model in made.items()
    }


@settings(
    max_examples=1,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_every_model_ends_the_same_in_whatever_order_its_deliveries_are_worked(
    delivered: Home, whole: Results, tmp_path: Path, seed: int
) -> None:
    order = days_of(delivered)
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    cut = len(order) // 2
    nights = [order[:cut], [*order[cut:], order[0]]]  # one day is worked again
    note(f"nights: {nights}")
    in_parts = receiving(delivered, tmp_path / "in_parts")

    everything = work(in_parts, nights[0])
    again = work(in_parts, nights[1])

    assert whole.keys() - everything == {"fact.indicator_unit"}  # a view
    assert len(everything) > 90
    assert {name for name, rows in whole.items() if rows.is_empty()} == EMPTY
    assert {"fact.verdict", "mart.scorecard", "mart.failure_budget"} < set(again)
    assert_same(results(in_parts), whole)
    assert work(in_parts, []) == []


def test_the_middle_of_the_year_rebuilt_later_is_what_it_was_then(
    delivered: Home, at_once: Home, whole: Results, tmp_path: Path
) -> None:
    then = receiving(delivered, tmp_path / "then")
    work(then, [day for day in days_of(delivered) if day <= MIDDLE])

    past = results(rebuilt(at_once, tmp_path / "rebuilt"))

    assert_same(past, results(then))
    assert past["mart.indicator_value"]["indicator_id"].n_unique() > 10
    assert past["fact.verdict"].height < whole["fact.verdict"].height


def rebuilt(home: Home, root: Path) -> Home:
    """The middle of the year, made of the records that a home has now."""
    past = Home(root)
    past.lake.mkdir(parents=True)
    for folder in ("core", "meta"):
        (past.lake / folder).symlink_to(home.lake / folder, target_is_directory=True)
    refresh_models(past, Resources(1, 1, root / "tmp"), as_of=MIDDLE)
    return past


def test_computed_tables_need_no_rows_but_those_they_read(at_once: Home) -> None:
    """But for the figures of single firms, which are left out where nothing is shown of them."""
    for table in load_computed().values():
        if table.only and table.table != "mart.indicator_value":
            with connect() as con:
                everything = compute(con, replace(table, only={}), at_once)
            assert_frame_equal(pl.read_parquet(at_once.model_file(table.table)), everything)


def assert_same(found: Results, expected: Results) -> None:
    """Every table holds the same rows."""
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        try:
            assert_frame_equal(found[table], rows, check_exact=True)
        except AssertionError as error:
            error.add_note(table)
            raise
