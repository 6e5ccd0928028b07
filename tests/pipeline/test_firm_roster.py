"""The roster of firms: from workbooks to what each firm was on which day."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from assets.build import build_tables
from assets.demo.identifiers import credit_codes
from assets.ingest.landing import receive, register
from assets.ingest.run import ingest, read_raw
from warehouse.home import Home
from warehouse.source import load_sources

SOURCE = "firm_roster"
LABELS = (
    *("统一社会信用代码", "企业名称", "企业规模", "主体类型"),
    *("产业链", "链上角色", "生效日期", "失效日期"),
)
FIRST, SECOND = "91330782MADABA98X1", "11330782097919258G"
# Enough rows without a mistake that the delivery is not held for those with one.
OTHERS = credit_codes(
    np.random.default_rng(1), *(pl.Series([part] * 20) for part in ("91", "330782"))
)
JANUARY, JULY = dt.date(2024, 1, 5), dt.date(2024, 7, 8)


def deliver(home: Home, folder: Path, day: dt.date, *rows: tuple[Any, ...]) -> pl.DataFrame:
    """Deliver one roster; returns its row of meta.delivery."""
    path = folder / f"{day}.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("企业名录")
        sheet.write_row(0, 0, ("义乌市企业名录",))
        for number, row in enumerate((LABELS, *rows), start=1):
            sheet.write_row(number, 0, row)
    receive(home, SOURCE, [path], day)
    sources = {SOURCE: load_sources()[SOURCE]}
    register(home, sources, [day])
    read_raw(home, sources[SOURCE], [day])
    (outcome,) = ingest(home, sources, [day])
    return outcome.deliveries


def periods(home: Home, as_of: dt.date | None = None) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        build_tables(con, home, ["fact.firm_period"], as_of)
    columns = ("entity_uscc", "valid_from", "valid_to", "firm_class", "chain", "chain_role")
    found = pl.read_parquet(home.model_file("fact.firm_period"), columns=list(columns))
    known = found.filter(pl.col("firm_class") != "large")
    return known.select(columns).sort("entity_uscc", "valid_from").rows()


def test_a_firm_that_grows_has_two_stretches_and_the_past_stays_known(
    home: Home, tmp_path: Path
) -> None:
    begins, changes = dt.date(2023, 1, 1), dt.date(2024, 7, 1)
    before = (FIRST, "义乌甲厂", "小型", "企业", "衬衫", "链员")
    deliver(
        home,
        tmp_path,
        JANUARY,
        *((code, "义乌大厂", "大型", "企业", "", "", "2023-01-01") for code in OTHERS),
        (*before, "2023-01-01"),
        (SECOND, "义乌乙店", "微型", "个体工商户", "", "", "2023/1/1"),
        (SECOND, "义乌乙店", "巨型", "个体工商户", "", "", "2024-01-01"),
        (SECOND, "义乌乙店", "微型", "个体工商户", "", "链主", "2024-01-02"),
        ("没有代码", "义乌丙店", "微型", "个体工商户", "", "", "2023-01-01"),
        (SECOND, "义乌乙店", "微型", "个体工商户", "", "", "2024-02-01", "2024-02-01"),
    )
    july = deliver(
        home,
        tmp_path,
        JULY,
        (*before, "2023-01-01", "2024-07-01"),
        (FIRST, "义乌甲厂", "中型", "企业", "智能光伏", "链主", "2024-07-01"),
    )

    assert july.select("rows_used", "rows_rejected").row(0) == (2, 0)
    second = (SECOND, begins, None, "micro", None, None)
    assert periods(home) == [
        second,
        (FIRST, begins, changes, "small", "shirts", "member"),
        (FIRST, changes, None, "medium", "photovoltaics", "leader"),
    ]
    assert periods(home, JANUARY) == [second, (FIRST, begins, None, "small", "shirts", "member")]
    rejected = pl.concat(
        pl.read_parquet(path) for path in home.lake.glob("core/rejected_record/*/*/*.parquet")
    )
    assert sorted(rejected["rule_id"]) == [
        "ends_before_it_begins",
        "malformed_entity_uscc",
        "role_without_chain",
        "unknown_firm_class",
    ]
