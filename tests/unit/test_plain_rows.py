"""Plain tables are read by a short way; it must say of every row what the long way says."""

import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.ingest import stage
from assets.ingest.macros import install
from assets.ingest.place import LOCATED
from assets.ingest.readers.grid import as_grid
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.source import Source, load_source

YAML = """
title: A list with its header in the first row
publisher: Test office
licence: CC0-1.0
citation: none
format: {kind: csv}
missing: ["", "/", 不详]
tables:
  all:
    unused: ["*"]
    optional: [remark]
    reshape:
      - extract: {from: $file, pattern: '(?P<day>\\d{8})'}
    records:
      sample:
        columns:
          sample_no: no
          domain: {value: food}
          programme: {value: supervision}
          sampling_basis: {value: random}
          coverage: {value: complete}
          sampled_on: day
          verdict: {value: pass}
          product_name: product
          remark: remark
          published_on: day
"""
HEADER = ("no", "product", "remark")
CELLS = (
    "",
    " ",
    "no",
    "product",
    "remark",
    " no ",
    "/",
    "不详",
    "茶叶",
    " 茶叶",
    "茶叶\u3000",
    "\ta",
    "a\u00a0",
)
SPACES = "".join(
    map(chr, (9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8202, 8232, 8239, 8287, 12288))
)

cell = st.one_of(st.sampled_from(CELLS), st.text(alphabet=f"ab/茶é{SPACES}\u200b", max_size=4))
rows_of_file = st.lists(st.tuples(cell, cell, cell), max_size=6)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("source") / "list.yml"
    path.write_text(YAML, "utf-8")
    return load_source(path)


def delivery(folder: Path, number: int, rows: Sequence[Sequence[str]]) -> stage.Delivery:
    raw = folder / f"{number}.parquet"
    width = max((len(row) for row in rows), default=0)
    columns = [[row[i] if i < len(row) else "" for row in rows] for i in range(width)]
    frame = pl.DataFrame(columns, schema=[f"c{i + 1}" for i in range(width)])
    as_grid(frame.cast(pl.String), 1).write_parquet(raw)
    name = f"list_2024050{number}.csv"
    return stage.Delivery(f"d{number}", dt.date(2024, 5, 1), number, name, raw)


def staged(
    folder: Path, source: Source, deliveries: list[stage.Delivery], *, plain: bool
) -> object:
    """Staged and ignored rows, failures, and columns without meaning."""
    with connect() as con, pytest.MonkeyPatch.context() as patch:
        install(con)
        if not plain:
            patch.setattr(stage, "plain_groups", lambda *_: [])
        found = stage.stage(Home(folder), source, deliveries)
        assert bool(found.plain) is plain
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            stage.load_staged(con, source, found, Path(scratch))
            place = ", ".join(LOCATED.values())
            rows = con.sql(f"SELECT {place}, * FROM staged_all ORDER BY ALL").fetchall()
            left_out = con.sql("FROM ignored ORDER BY ALL").fetchall()
        return rows, left_out, found.failures, found.unmapped


@settings(max_examples=25)
@given(files=st.lists(rows_of_file, min_size=1, max_size=3))
def test_both_ways_say_the_same(source: Source, files: list[list[tuple[str, ...]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        deliveries = [delivery(folder, n, [HEADER, *rows]) for n, rows in enumerate(files)]
        short = staged(folder, source, deliveries, plain=True)
        assert short == staged(folder, source, deliveries, plain=False)


@pytest.mark.parametrize(
    "rows",
    [
        [("product", "remark"), ("茶叶", "x")],  # a column is missing
        [("no", "no", "product"), ("1", "2", "茶叶")],  # one is there twice
        [("no", "product"), ("1", "茶叶", "beyond the header")],
        [("", ""), ("1", "茶叶")],  # no header
        [("no", "product", "day"), ("1", "茶叶", "x")],  # a step would fill a column that is there
    ],
)
def test_what_is_not_plain_is_left_to_the_long_way(
    tmp_path: Path, source: Source, rows: list[tuple[str, ...]]
) -> None:
    wrong, right = delivery(tmp_path, 1, rows), delivery(tmp_path, 2, [HEADER, ("1", "茶叶", "")])
    found = stage.stage(Home(tmp_path), source, [wrong, right])
    assert [file.number for group in found.plain for file, _ in group.files] == [1]


def test_files_without_a_column_that_may_lack_go_beside_the_others(
    tmp_path: Path, source: Source
) -> None:
    deliveries = [
        delivery(tmp_path, 1, [HEADER, ("1", "茶叶", "x")]),
        delivery(tmp_path, 2, [("product", "no"), ("茶叶", "2")]),
    ]
    short = staged(tmp_path, source, deliveries, plain=True)
    assert short == staged(tmp_path, source, deliveries, plain=False)
