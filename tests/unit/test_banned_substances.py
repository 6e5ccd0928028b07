"""The list of bans itself: what notices say, and what the model makes of it on which day."""

import datetime as dt

import duckdb
import polars as pl
import pytest

from warehouse.contract import record_contracts
from warehouse.engine.model import load_models
from warehouse.engine.run import register_references
from warehouse.reference_lists import codes
from warehouse.reference_tables import reference_rows

BANS = reference_rows("ref.banned_substance")
NAMES = reference_rows("ref.banned_substance_name")
TERMS = reference_rows("ref.matrix_term")


def use_bans(substance: str, matrix: str) -> list[tuple[dt.date, bool]]:
    found = BANS.filter(substance=substance, matrix=matrix, act="use").sort("banned_from")
    return found.select("banned_from", "is_verified").rows()


@pytest.mark.parametrize("substance", ["氧乐果", "克百威", "灭多威", "涕灭威"])
def test_notice_736_ends_production_two_years_before_use(substance: str) -> None:
    own = BANS.filter(substance=substance, matrix="any", notice="农业农村部公告第736号")
    days = {act: day for act, day, _ in own.select("act", "banned_from", "is_verified").rows()}
    assert days == {
        "produce": dt.date(2024, 6, 1),
        "sell": dt.date(2026, 6, 1),
        "use": dt.date(2026, 6, 1),
    }
    assert own["is_verified"].all()


@pytest.mark.parametrize("substance", ["甲拌磷", "甲基异柳磷", "水胺硫磷", "灭线磷"])
def test_notice_736_ends_sale_and_use_of_four_in_2024(substance: str) -> None:
    assert use_bans(substance, "any") == [(dt.date(2024, 9, 1), True)]


def test_the_four_quinolones_of_notice_2292() -> None:
    own = BANS.filter(notice="农业部公告第2292号", act="use")
    assert set(own["substance"]) == {"洛美沙星", "培氟沙星", "氧氟沙星", "诺氟沙星"}
    assert set(own["banned_from"]) == {dt.date(2016, 12, 31)}


def test_what_is_not_verified_says_so_and_every_row_has_a_source() -> None:
    unverified = pl.col("source").str.contains("unverified")
    assert BANS.filter(~pl.col("is_verified"), ~unverified).is_empty()
    assert BANS["source"].null_count() == 0
    assert BANS["notice"].null_count() == 0
    assert 0 < BANS["is_verified"].sum() < BANS.height


def test_the_lists_hang_together() -> None:
    assert set(BANS["act"]) == {"produce", "sell", "use"}
    assert set(BANS["matrix"]) <= set(codes("matrix"))
    assert set(BANS["substance"]) == set(NAMES["substance"])
    assert set(BANS["substance"]) <= set(NAMES["parameter_name"])
    assert set(BANS["matrix"]) - {"any"} <= set(TERMS["matrix"])
    assert BANS.filter(pl.col("banned_to") <= pl.col("banned_from")).is_empty()


# category, product, parameter, day of sampling → notice and whether it is verified; None = no ban
GOLDEN: list[tuple[str | None, str, str, str, str | None, bool | None]] = [
    ("蔬菜", "芹菜", "克百威", "2024-05-20", "农业部公告第199号", True),
    ("粮食", "稻谷", "克百威", "2024-06-01", None, None),
    ("粮食", "稻谷", "克百威", "2026-05-31", None, None),
    ("粮食", "稻谷", "克百威", "2026-06-01", "农业农村部公告第736号", True),
    ("粮食", "稻谷", "甲拌磷", "2024-08-31", None, None),
    ("粮食", "稻谷", "甲拌磷", "2024-09-01", "农业农村部公告第736号", True),
    ("蔬菜", "番茄", "氧乐果", "2026-05-31", None, None),
    ("蔬菜", "甘蓝", "氧乐果", "2024-05-20", "农业部公告第194号", False),
    ("蔬菜", "黄瓜", "毒死蜱", "2016-12-30", None, None),
    ("蔬菜", "黄瓜", "毒死蜱", "2016-12-31", "农业部公告第2032号", False),
    ("粮食", "稻谷", "毒死蜱", "2024-05-20", None, None),
    ("茶叶", "绿茶", "氰戊菊酯和S-氰戊菊酯", "2024-05-20", "农业部公告第199号", True),
    ("水果", "葡萄", "氰戊菊酯", "2024-05-20", None, None),
    ("食用农产品", "豇豆", "乐果", "2019-07-31", None, None),
    ("食用农产品", "豇豆", "乐果", "2019-08-01", "农业部公告第2552号", True),
    ("水产品", "草鱼", "氯霉素", "2010-05-20", "农业部公告第193号", True),
    ("水产品", "草鱼", "氯霉素", "2024-05-20", "农业农村部公告第250号", False),
    (
        "食用农产品",
        "鲫鱼",
        "孔雀石绿(含隐色孔雀石绿)",
        "2024-05-20",
        "农业农村部公告第250号",
        False,
    ),
    ("食用农产品", "鸡蛋", "呋喃唑酮代谢物", "2024-05-20", "农业农村部公告第250号", False),
    ("食用农产品", "鲫鱼", "诺氟沙星", "2016-12-30", None, None),
    ("食用农产品", "鲫鱼", "诺氟沙星", "2016-12-31", "农业部公告第2292号", True),
    ("食用农产品", "鲫鱼", "恩诺沙星", "2024-05-20", None, None),
    ("糕点", "鸡蛋糕", "氯霉素", "2024-05-20", None, None),
    (None, "花甲（贝类）", "氯霉素", "2010-05-20", "农业部公告第193号", True),
    (None, "小麦芹", "甲拌磷", "2021-05-20", "农业部公告第199号", True),
    (None, "饼干", "氯霉素", "2010-05-20", None, None),
    (
        "水产品",
        "海鲜",
        "硝基呋喃类代谢物（氨基脲（SEM））",
        "2015-05-26",
        "农业部公告第560号",
        False,
    ),
]


def test_bans_by_substance_product_and_day() -> None:
    size = len(GOLDEN)
    shared = {"source_id": ["a"] * size, "sample_no": [str(n) for n in range(size)]}
    samples = {
        **shared,
        "domain": ["agri"] * size,
        "product_category": [row[0] for row in GOLDEN],
        "product_name": [row[1] for row in GOLDEN],
        "sampled_on": [dt.date.fromisoformat(row[3]) for row in GOLDEN],
    }
    results = {
        **shared,
        "parameter_code": ["p"] * size,
        "seq": [1] * size,
        "parameter_name": [row[2] for row in GOLDEN],
        "qualifier": ["DETECTED"] * size,
    }
    model = load_models()["fact.banned_detection"]
    with duckdb.connect() as con:
        register_references(con, model.depends_on)
        con.execute("CREATE SCHEMA latest")
        for table, rows in (("sample", samples), ("test_result", results)):
            contract = record_contracts()[f"core.{table}"]
            con.execute(contract.model_copy(update={"table": f"latest.{table}"}).empty_table_sql())
            con.register("rows", pl.DataFrame(rows))
            con.execute(f"INSERT INTO latest.{table} BY NAME FROM rows")
        found = con.sql(model.sql).pl()
    bans = {
        int(number): (notice, verified)
        for number, notice, verified in found.select("sample_no", "notice", "is_verified").rows()
    }

    assert [(*row[:4], *bans.get(n, (None, None))) for n, row in enumerate(GOLDEN)] == GOLDEN
