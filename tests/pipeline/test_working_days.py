"""Days may be worked in any order, together or apart, once or again: the lake ends the same."""

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from assets.ingest.landing import deliveries, register
from assets.ingest.run import ingest, read_raw
from warehouse.home import Home
from warehouse.source import Source

DAYS = tuple(dt.date(2024, 3, day) for day in (1, 4, 5, 9))
TABLES = (
    *("core.sample", "core.test_result", "core.inspection_finding", "core.rejected_record"),
    *("meta.delivery", "meta.ignored_rows", "lookup.firms"),
)

# Samples with their results and the firms that they are joined with; findings that come alone.
MARKET = Source.model_validate(
    {
        "source_id": "market",
        "title": "Market samples",
        "publisher": "Office",
        "licence": "none",
        "citation": "Office",
        "format": {"kind": "csv"},
        "hold_above": 0.7,
        "tables": {
            "firms": {"files": "^firms", "lookup": "firm", "unused": "town"},
            "findings": {
                "files": "^findings",
                "records": {
                    "inspection_finding": {
                        "columns": {"inspection_no": "visit", "finding_text": "finding"}
                    }
                },
            },
            "samples": {
                "files": "^samples",
                "reshape": [
                    {"join": {"table": "firms", "on": {"firm": "firm"}, "columns": "name"}}
                ],
                "records": {
                    "sample": {
                        "rows": "many",
                        "columns": {
                            "sample_no": "no",
                            "domain": {"value": "food"},
                            "programme": {"value": "supervision"},
                            "sampling_basis": {"value": "random"},
                            "entity_name": "name",
                            "verdict": {"from": "verdict", "codes": "verdict"},
                        },
                    },
                    "test_result": {
                        "when": {"item": "."},
                        "columns": {
                            "sample_no": "no",
                            "parameter_code": "item",
                            "result_text": "result",
                        },
                    },
                },
            },
        },
    }
)

NUMBERS = st.sampled_from(["S1", "S2", "S3"])
RESULTS = st.sampled_from(["0.1", "<0.2", "未检出"])
SAMPLE = st.tuples(
    NUMBERS,
    st.sampled_from("AB"),
    st.sampled_from(["合格", "不合格", "?"]),
    st.just("lead"),
    RESULTS,
)
FINDING = st.tuples(st.sampled_from(["V1", "V2", "/"]), st.sampled_from(["dust", "no licence"]))
FIRM = st.tuples(st.sampled_from("AB"), st.sampled_from(["Tea House", "Mill"]), st.just("Fotang"))
FILES = st.one_of(
    st.tuples(st.just("samples"), st.lists(SAMPLE, min_size=1, max_size=4)),
    st.tuples(st.just("findings"), st.lists(FINDING, min_size=1, max_size=2)),
    st.tuples(st.just("firms"), st.lists(FIRM, min_size=1, max_size=2, unique_by=lambda f: f[0])),
)
HEADERS = {
    "samples": "no,firm,verdict,item,result",
    "findings": "visit,finding",
    "firms": "firm,name,town",
}
Lake = dict[str, list[tuple[object, ...]]]
Delivered = Sequence[Sequence[tuple[str, Sequence[tuple[str, ...]]]]]


@st.composite
def nights(draw: st.DrawFn) -> list[list[dt.date]]:
    """All days in any order, cut into nights; some days are worked again."""
    order = draw(st.permutations([*DAYS, *draw(st.lists(st.sampled_from(DAYS), max_size=1))]))
    cuts = draw(st.sets(st.integers(1, len(order) - 1), min_size=1, max_size=3))
    borders = [0, *sorted(cuts), len(order)]
    return [sorted(set(order[a:b])) for a, b in pairwise(borders)]


def deliver(home: Home, delivered: Delivered) -> None:
    """Put the files of each day in landing, one second after another."""
    for day, files in zip(DAYS, delivered, strict=True):
        folder = home.landing_day("market", day)
        folder.mkdir(parents=True)
        for number, (table, rows) in enumerate(files):
            path = folder / f"{table}-{number}.csv"
            lines = [HEADERS[table], *(",".join(row) for row in rows)]
            path.write_text("\n".join(lines) + "\n", "utf-8")
            os.utime(path, (number, number))


def work(home: Home, days: Sequence[dt.date]) -> None:
    sources = {"market": MARKET}
    register(home, sources, days)
    read_raw(home, MARKET, days)
    ingest(home, sources, days, check=False)


def lake(home: Home) -> Lake:
    """Every table's rows by partition; a partition is a bag of rows."""
    return {
        path.relative_to(home.lake).parent.as_posix(): sorted(
            pl.read_parquet(path, hive_partitioning=False).rows(), key=repr
        )
        for table in TABLES
        for path in home.partition_files(table)
    }


def unlike(one: Lake, other: Lake) -> list[tuple[str, object, object]]:
    return [
        (name, one.get(name), other.get(name))
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@settings(
    max_examples=8,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    delivered=st.lists(
        st.lists(FILES, min_size=1, max_size=2), min_size=len(DAYS), max_size=len(DAYS)
    ),
    plan=nights(),
)
def test_any_order_of_days_gives_the_lake_of_one_go(
    folder: Path, delivered: Delivered, plan: list[list[dt.date]]
) -> None:
    for each in folder.iterdir():
        shutil.rmtree(each)
    at_once, in_parts = Home(folder / "at_once"), Home(folder / "in_parts")
    deliver(at_once, delivered)
    deliver(in_parts, delivered)
    note(f"nights: {plan}")

    work(at_once, DAYS)
    for days in plan:
        work(in_parts, days)

    assert unlike(lake(at_once), lake(in_parts)) == []
    assert set(deliveries(at_once)["status"]) <= {"loaded", "held", "duplicate"}
