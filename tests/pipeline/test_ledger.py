"""The ledger from filled-in workbooks to the figures of the plan, and as it was known on a day."""

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from assets.ingest.landing import receive, register
from assets.ingest.run import ingest, read_raw
from expectations.runner import validate
from warehouse.contract import record_contracts
from warehouse.engine.model import load_models
from warehouse.engine.run import attach_dependencies, run_model
from warehouse.home import Home
from warehouse.ledger_template import LABELS
from warehouse.source import Source, load_sources

APRIL, JULY = dt.date(2024, 4, 1), dt.date(2024, 7, 1)
MARCH = dt.date(2024, 3, 1)
A, B = "91330782MADABA98X1", "11330782097919258G"
DOUBTFUL = "91330782MADABA98X2"
MODELS = ("latest.ledger_entry", "fact.ledger_use", "mart.ledger_value")

Cells = dict[str, Any]


def cells(target: str, code: str | None = None, number: str | None = None, **more: Any) -> Cells:
    given = {"目标": target, "统一社会信用代码": code, "文号或证书编号": number, "日期": MARCH}
    return {**given, "填报单位": "经信局", "佐证材料": "档案1", **more}


GOOD = (
    cells("national_hightech_new 新认定国家高新技术企业50家以上", A, "D1"),
    cells("national_hightech_new", A, "D2"),
    cells("national_hightech_new", B, "D1", 记录类型="新增"),
    cells("national_hightech_new", B, "D1", 记录类型="新增"),
    cells("national_hightech_new", DOUBTFUL, "D1"),
    cells("forest_quality_improvement_area", None, "F1", 数量=1.25, 计量单位="万亩"),
    cells("forest_quality_improvement_area", None, "F2", 数量=300, 计量单位="公顷"),
    cells("trusted_consumption_units", None, "T1", 记录类型="期末数", 数量=6999, 计量单位="家"),
    cells("trusted_consumption_units", A, None, 日期=dt.date(2024, 3, 9)),
    cells("nqi_enterprises_helped", A, "V1"),
    cells("nqi_enterprises_helped", A, "V2"),
    cells("nqi_enterprises_helped", B, 日期=dt.date(2024, 3, 4)),
    cells("nqi_enterprises_helped", B, 日期=dt.date(2024, 3, 5)),
    *(cells("large_manufacturing_projects", None, f"M{n}", 数量=300_000_000) for n in range(10)),
    cells("large_manufacturing_projects", None, "M11", 数量=10, 计量单位="亿元"),
    cells("major_quality_incident_count", None, "Q1", 记录类型="期末数", 数量=0),
    cells("cqo_pool_established", None, "P1"),
)
BAD = {
    "unknown_target_id": cells("national_hightech", A, "D1"),
    "missing_target_id": cells("", A, "D9"),
    "missing_entity_or_document": cells("national_hightech_new"),
    "dated_after_receipt": cells("national_hightech_new", A, "D3", 日期=dt.date(2024, 4, 2)),
    "missing_dated_on": cells("national_hightech_new", A, "D4", 日期=None),
    "unparsed_dated_on": cells("national_hightech_new", A, "D5", 日期="春天"),
    "negative_quantity": cells("forest_quality_improvement_area", None, "F3", 数量=-5),
    "empty_quantity": cells("forest_quality_improvement_area", None, "F4", 数量=0),
    "unparsed_quantity": cells("forest_quality_improvement_area", None, "F5", 数量="很多"),
    "missing_level": cells("valid_invention_patents", None, "L1", 记录类型="期末数"),
    "unknown_entry_kind": cells("national_hightech_new", A, "D6", 记录类型="大概"),
    "unknown_plan_id": cells("national_hightech_new", A, "D7", 方案="mars_2024"),
}
LATER = (
    cells("national_hightech_new", A, "D1"),
    cells("national_hightech_new", B, "D1", 记录类型="撤销"),
    cells("forest_quality_improvement_area", None, "F1", 数量=1.5, 计量单位="万亩"),
    cells("trusted_consumption_units", B, None, 记录类型="退出", 日期=dt.date(2024, 6, 1)),
    cells("national_hightech_new", A, "D8", 方案="yiwu_2024", 日期=dt.date(2024, 6, 30)),
)


def workbook(path: Path, rows: Sequence[Cells]) -> Path:
    labels = [*(label.text for label in LABELS), "方案"]
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("台账")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, labels)
        for number, row in enumerate(rows, start=1):
            for column, label in enumerate(labels):
                value = row.get(label)
                if isinstance(value, dt.date):
                    sheet.write_datetime(number, column, value, day)
                elif value is not None:
                    sheet.write(number, column, value)
    return path


@pytest.fixture(scope="module")
def source() -> Source:
    """The project's own source, but for the share of rejected rows that holds a delivery."""
    return load_sources()["ledger"].model_copy(update={"hold_above": 0.9})


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory, source: Source) -> Home:
    """A home with two deliveries, read on the days on which they came."""
    folder = tmp_path_factory.mktemp("ledger")
    home, sources = Home(folder / "home"), {"ledger": source}
    files = {APRIL: (*GOOD, *BAD.values()), JULY: LATER}
    for day, rows in files.items():
        receive(home, "ledger", [workbook(folder / f"{day}.xlsx", rows)], day)
        register(home, sources, [day])
        read_raw(home, source, [day])
        ingest(home, sources, [day], check=False)
    return home


def table(home: Home, name: str) -> pl.DataFrame:
    return pl.scan_parquet(home.partition_files(name), hive_partitioning=False).collect()


@pytest.fixture(scope="module")
def figures(received: Home) -> Callable[[dt.date | None], dict[str, Decimal]]:
    """Figures of everything that is reported, as known on a day."""

    def known_on(as_of: dt.date | None) -> dict[str, Decimal]:
        models = load_models()
        with duckdb.connect() as con:
            for name in MODELS:
                attach_dependencies(con, models[name], received, as_of)
                run_model(con, models[name], received)
            rows = con.read_parquet(str(received.model_file("mart.ledger_value"))).filter(
                "reported"
            )
            return dict(rows.project("target_id, value").fetchall())

    return known_on


def test_every_row_ends_somewhere(received: Home) -> None:
    names = ["read", "used", "rejected", "duplicate", "unchanged", "ignored"]
    deliveries = table(received, "meta.delivery").sort("received_on")
    assert deliveries.select(f"rows_{name}" for name in names).rows() == [
        (len(GOOD) + len(BAD) + 1, len(GOOD) - 1, len(BAD), 1, 0, 1),
        (len(LATER) + 1, len(LATER) - 1, 0, 0, 1, 1),
    ]


def test_every_bad_entry_is_rejected_by_the_rule_it_breaks(received: Home) -> None:
    rejected = table(received, "core.rejected_record").sort("source_row")
    first = len(GOOD) + 2  # after the header and the good ones
    # A day that cannot be read is missing too.
    also = [(first + list(BAD).index("unparsed_dated_on"), "missing_dated_on")]
    assert sorted(rejected.select("source_row", "rule_id").rows()) == sorted(
        [*((first + number, rule) for number, rule in enumerate(BAD)), *also]
    )
    assert rejected["message"].null_count() == 0


def test_an_entry_is_known_by_target_kind_entity_and_document(received: Home) -> None:
    entries = table(received, "core.ledger_entry").sort("entry_no", "version")
    changed = entries.filter(pl.col("version") > 1).select("entry_no", "entry_kind", "quantity")
    assert changed.rows() == [
        ("forest_quality_improvement_area / F1", "add", Decimal("1.5")),
        (f"national_hightech_new / {B} / D1", "void", None),
    ]
    numbers = entries["entry_no"].to_list()
    assert f"trusted_consumption_units / 退出 / {B} / 2024-06-01" in numbers
    assert f"nqi_enterprises_helped / {B} / 2024-03-05" in numbers
    assert "trusted_consumption_units / 期末数 / T1" in numbers
    assert f"yiwu_2024 / national_hightech_new / {A} / D8" in numbers


def test_figures_are_made_by_each_targets_rule(
    figures: Callable[[dt.date | None], dict[str, Decimal]],
) -> None:
    assert figures(None) == {
        "national_hightech_new": 2,  # A and the firm with the doubtful code; B is taken back
        "forest_quality_improvement_area": 15000,  # corrected; hectares are not the target's unit
        "trusted_consumption_units": 6999,  # 6999, and one came, and one that was in it went
        "nqi_enterprises_helped": 4,  # visits, not firms; without a number by their days
        "large_manufacturing_projects": 1,  # ten below the least amount do not count
        "major_quality_incident_count": 0,  # reported to be none
        "cqo_pool_established": 1,
    }


def test_the_past_is_as_it_was_known_then(
    figures: Callable[[dt.date | None], dict[str, Decimal]],
) -> None:
    then = figures(APRIL)
    assert then == figures(dt.date(2024, 6, 30))
    assert then["national_hightech_new"] == 3
    assert then["forest_quality_improvement_area"] == 12500
    assert then["trusted_consumption_units"] == 7000
    assert figures(dt.date(2024, 3, 31)) == {}


def test_days_read_together_give_the_same_versions(
    received: Home, source: Source, tmp_path: Path
) -> None:
    home, sources = Home(tmp_path / "home"), {"ledger": source}
    for day in (APRIL, JULY):
        landed = next(received.landing_day("ledger", day).iterdir())
        receive(home, "ledger", [landed], day)
    register(home, sources, [APRIL, JULY])
    read_raw(home, source, [APRIL, JULY])
    ingest(home, sources, [APRIL, JULY], check=False)
    assert table(home, "core.ledger_entry").equals(table(received, "core.ledger_entry"))


def test_doubtful_credit_codes_and_missing_evidence_are_warned_of(received: Home) -> None:
    contract = record_contracts()["core.ledger_entry"]
    with duckdb.connect() as con:
        con.read_parquet(list(map(str, received.partition_files(contract.table)))).create("entries")
        results = validate(con, "entries", contract.expectations, scope="core")
    failed = {each.rule_id: each.rows_failed for each in results if not each.passed}
    assert failed == {"doubtful_entity_uscc": 1}
