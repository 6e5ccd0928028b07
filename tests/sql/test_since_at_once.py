"""Results kept up to date by sample and by firm are those that a build of everything gives."""

import datetime as dt
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.nights_of_samples import (
    ADDING,
    FOLLOWING,
    VIEWS,
    Night,
    Rows,
    acceptance,
    home_in,
    publish,
    receive,
    sample,
    work,
)
from tests.results import rows_of_result
from warehouse.engine import since
from warehouse.engine.follows import SAMPLE_RECORDS

pytestmark = pytest.mark.usefixtures("however_small")


def a_result(number: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "source_id": "a", "sample_no": number, "version": version, "content_hash": 100 + version,
        "parameter_code": "lead", "seq": 1, "verdict": "pass", **more,
    }  # fmt: skip


# What corrections change: where a sample is counted, whether it is, of whom, and what was found.
TOLD: Mapping[str, list[Any]] = {
    "verdict": ["pass", "fail", "fail", None],
    "sampled_on": [dt.date(2024, 4, 1), dt.date(2024, 4, 30), dt.date(2023, 4, 1), None],
    "domain": ["food", "manufactured"],
    "programme": ["supervision", "evaluative", "consumer_submitted"],
    "product_category": ["tea", "C24", None],
    "product_name": ["儿童玩具", "绿茶"],
    "division_code": ["330782105", "330700"],
    "producer_uscc": [None, *"PQRST"],
    "entity_uscc": [None, *"PQRST"],
    "supplier_uscc": [None, *"PQRST"],
}


@st.composite
def nights(draw: st.DrawFn) -> list[Night]:
    """Nights of samples, corrections, rechecks (of samples that may come later) and results.

    A correction may say that a sample was taken on another day, of other firms.
    """
    versions: dict[tuple[str, str], int] = {}
    found: list[Night] = []
    for _ in range(draw(st.integers(2, 4))):
        night: dict[str, Rows] = {table: [] for table in (*SAMPLE_RECORDS, "latest.acceptance")}
        for number in draw(st.lists(st.sampled_from("ABCDEF"), min_size=1, unique=True)):
            original = draw(st.sampled_from([None, None, *"ABCDEF"]))
            recheck = {"sampling_basis": "recheck", "original_sample_no": original}
            versions[number, "s"] = version = versions.get((number, "s"), 0) + 1
            told = {name: draw(st.sampled_from(values)) for name, values in TOLD.items()}
            row = sample(number, version, **told, **(recheck if original else {}))
            night["core.sample"].append(row)
        for number in draw(st.lists(st.sampled_from("ABCDEF"), unique=True)):
            versions[number, "r"] = version = versions.get((number, "r"), 0) + 1
            found_in_it = {
                "verdict": draw(st.sampled_from(["pass", "fail"])),
                "parameter_name": draw(st.sampled_from(["Lead", "铅"])),
                "qualifier": draw(st.sampled_from(["=", "ND", None])),
            }
            night["core.test_result"].append(a_result(number, version, **found_in_it))
        for number in draw(st.lists(st.sampled_from("PQ"), unique=True)):
            verdict = {"verdict": draw(st.sampled_from(["pass", "fail"]))}
            night["latest.acceptance"].append(acceptance(number, **verdict))
        found.append(night)
    return found


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=nights())
def test_night_by_night_is_all_at_once(told: list[Night]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        by_night, at_once = home_in(Path(folder, "a")), home_in(Path(folder, "b"))
        first: dict[str, os.stat_result] = {}
        for number, night in enumerate(told):
            receive(by_night, number, night)
            followed = work(by_night)
            counted = {table: by_night.model_file(table).stat() for table in ADDING}
            first = first or counted
            published = publish(by_night, number)
            receive(at_once, number, night)
        whole = work(at_once)
        assert {"fact.indicator_unit"} == VIEWS
        for view in VIEWS:
            computed = rows_of_result(by_night, view).sort("*")
            assert_frame_equal(computed, rows_of_result(at_once, view).sort("*"), check_exact=True)
            assert not computed.is_empty()
        assert publish(at_once) == published
        for table in FOLLOWING:
            assert len(since.result_files(by_night, table)) == 3, table
            assert len(since.result_files(at_once, table)) == 1, table
        assert counted == first  # added up since, not counted anew
    for table, rows in whole.items():
        assert_frame_equal(followed[table], rows, check_exact=True)
