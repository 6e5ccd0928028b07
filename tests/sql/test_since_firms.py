"""Rows of the firms that a night touches stand instead of those in the whole."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.nights_of_samples import FIRST, RESOURCES, home_in, receive, sample, work
from warehouse.connection import connect
from warehouse.engine import firms, since, stood
from warehouse.engine.model import contract_of, load_models, parse_select
from warehouse.engine.refresh import refresh_model
from warehouse.home import Home
from warehouse.tables import write_parquet, write_partition

pytestmark = pytest.mark.usefixtures("however_small")


def pairs(home: Home) -> list[tuple[str, str]]:
    with duckdb.connect() as con:
        rows = since.result(con, home, "mart.chain_nonconformity")
        return rows.project("upstream_sample_no, downstream_sample_no").order("ALL").fetchall()


def test_what_comes_late_makes_pairs_of_what_was_there(tmp_path: Path) -> None:
    """A link that a sample shows which passed, and a failure upstream of firms sampled before."""
    failing: dict[str, Any] = {"verdict": "fail", "product_category": "tea"}
    home, table = home_in(tmp_path), "mart.chain_nonconformity"
    receive(
        home,
        0,
        {
            "core.sample": [
                sample("U1", entity_uscc="U", **failing),
                sample("D1", entity_uscc="D", **failing),
                sample("E1", entity_uscc="E", **failing),
                sample("E2", entity_uscc="E", supplier_uscc="V"),
            ]
        },
    )
    work(home, [table])
    assert pairs(home) == []
    receive(home, 1, {"core.sample": [sample("D2", entity_uscc="D", supplier_uscc="U")]})
    work(home, [table])
    assert pairs(home) == [("U1", "D1")]
    receive(home, 2, {"core.sample": [sample("V1", entity_uscc="V", **failing)]})
    work(home, [table])
    assert pairs(home) == [("U1", "D1"), ("V1", "E1")]
    gone = sample("D2", 2, entity_uscc="D", supplier_uscc="V")
    receive(home, 3, {"core.sample": [gone]})
    work(home, [table])
    assert pairs(home) == [("V1", "D1"), ("V1", "E1")]
    assert len(since.result_files(home, table)) == 3


def test_only_firms_of_what_came_are_made_anew(tmp_path: Path) -> None:
    home, table = home_in(tmp_path), "counts.firm_record"
    told = [sample(number, entity_uscc=firm) for number, firm in ("AP", "BP", "CQ", "DR")]
    receive(home, 0, {"core.sample": told})
    work(home, [table])
    corrected = sample("C", 2, entity_uscc="S")
    receive(home, 1, {"core.sample": [corrected, sample("E", entity_uscc="P")]})
    work(home, [table])
    part = since.since(home, table)
    assert part is not None
    assert pl.read_parquet(part.touched)["firm_uscc"].to_list() == ["P", "Q", "S"]
    made = pl.read_parquet(part.rows).sort("firm_uscc").select("firm_uscc", "tested").rows()
    assert made == [("P", 3), ("S", 1)]


def test_samples_of_a_firm_that_are_alike_but_for_their_numbers_are_counted(
    tmp_path: Path,
) -> None:
    home, table = home_in(tmp_path), "counts.firm_record"
    told = []
    for night, number in enumerate("ABC"):
        receive(home, night, {"core.sample": [sample(number, entity_uscc="P")]})
        told += work(home, [table])[table]["tested"].to_list()
    assert told == [1, 2, 3]
    assert len(since.result_files(home, table)) == 3


@pytest.mark.parametrize(
    ("step", "does"),
    [
        ("select distinct * from fact.sample_firm", True),
        ("select firm_uscc from fact.sample_firm union select firm_uscc from fact.verdict", True),
        ("select firm_uscc from fact.sample_firm union all select 'P' as firm_uscc", False),
    ],
)
def test_a_model_that_leaves_out_rows_that_are_alike_is_told(step: str, does: bool) -> None:  # noqa: FBT001 - a case
    tree = parse_select(f"with rows as ({step}) select * from rows", "a model")
    assert stood.leaves_out_rows(tree) is does


def test_rows_that_stand_instead_of_half_the_firms_are_made_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firms, "MOST_INSTEAD", 0.5)
    home, table = home_in(tmp_path), "counts.firm_record"
    files = []
    for night, number in enumerate("ABC"):
        receive(home, night, {"core.sample": [sample(number, entity_uscc="P")]})
        assert work(home, [table])[table]["tested"].to_list() == [night + 1]
        files.append(len(since.result_files(home, table)))
    assert files == [1, 3, 1]


def test_a_firm_history_follows_firms_whatever_the_day_while_what_firms_are_stays(
    tmp_path: Path,
) -> None:
    home, table = home_in(tmp_path), "mart.firm_history"
    periods, models = home.model_file("fact.firm_period"), load_models()
    schema = pl.read_parquet_schema(periods)
    roster = {"entity_uscc": "P", "entity_name": "Pan", "valid_from": dt.date(2024, 1, 1)}
    write_parquet(pl.DataFrame([roster], schema=schema), periods)
    told = []
    for number in range(3):
        firm: dict[str, Any] = {"entity_uscc": "P", "entity_name": "Pei"}
        receive(home, number, {"core.sample": [sample(f"S{number}", **firm)]})
        if number == 2:
            ended = {**roster, "valid_to": FIRST + dt.timedelta(days=2)}
            write_parquet(pl.DataFrame([ended], schema=schema), periods)
        write_partition_of_delivery(home, number)
        with connect(RESOURCES) as con:
            refresh_model(con, models["fact.firm_now"], home)
        rows = work(home, [table])[table].select("firm_name", "tested").rows()
        told.append((*rows[0], len(since.result_files(home, table))))
    assert told == [("Pan", 1, 1), ("Pan", 2, 3), ("Pei", 3, 1)]


def write_partition_of_delivery(home: Home, number: int) -> None:
    """A delivery of that night: the day as of which firms are told."""
    received = FIRST + dt.timedelta(days=number)
    schema = contract_of("meta.delivery", load_models()).polars_schema()
    row = {"delivery_id": f"d{number}", "received_on": received}
    write_partition(home, "meta.delivery", "a", received, pl.DataFrame([row], schema=schema))
