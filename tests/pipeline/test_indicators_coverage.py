"""Quarterly coverage of special governance, from a workbook with roster and inspections."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from assets.build import build_tables
from assets.ingest.landing import receive, register
from assets.ingest.run import ingest, read_raw
from warehouse.home import Home
from warehouse.source import load_sources

SOURCE = "project_governance"
APRIL, JULY, AUGUST = dt.date(2024, 4, 2), dt.date(2024, 7, 2), dt.date(2024, 8, 2)
ROSTER = ("季度", "工程编号", "工程名称", "行政区划代码")
CHECKS = ("检查编号", "工程编号", "专项", "检查日期", "检查结论")
ALL_FOUR = "进场材料；开裂、渗漏等常见问题；外墙外保温脱落\n全装修质量问题"


class Office:
    """The authority that keeps the roster, and what becomes of its workbooks."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self._folder = home, folder

    def deliver(self, day: dt.date, **sheets: tuple[tuple[Any, ...], ...]) -> pl.DataFrame:
        """Deliver one workbook; returns its row of meta.delivery."""
        path = self._folder / f"{day}.xlsx"
        with xlsxwriter.Workbook(str(path)) as book:
            for name, rows in sheets.items():
                sheet = book.add_worksheet(name)
                header = ROSTER if name.startswith("名册") else CHECKS
                for number, row in enumerate((header, *rows)):
                    sheet.write_row(number, 0, row)
        receive(self.home, SOURCE, [path], day)
        sources = {SOURCE: load_sources()[SOURCE]}
        register(self.home, sources, [day])
        read_raw(self.home, sources[SOURCE], [day])
        (outcome,) = ingest(self.home, sources, [day])
        return outcome.deliveries

    def coverage(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Rows of mart.indicator_value by period and slice."""
        with duckdb.connect() as con:
            build_tables(con, self.home, ["mart.indicator_value"])
        rows = pl.read_parquet(self.home.model_file("mart.indicator_value")).filter(
            pl.col("indicator_id") == "four_governance_quarterly_coverage",
            pl.col("period_type") == "quarter",
        )
        return {(row["period"], row["slice"]): row for row in rows.to_dicts()}


@pytest.fixture
def office(home: Home, tmp_path: Path) -> Office:
    return Office(home, tmp_path)


def test_coverage_is_projects_times_topics_of_the_frozen_roster(office: Office) -> None:
    office.deliver(
        APRIL,
        名册=(
            ("2024Q2", "P1", "住宅楼", "330782105"),
            ("2024Q2", "P2", "桥梁", "330782001"),
            ("2024Q3", "P1", "住宅楼", "330782105"),
        ),
    )
    delivery = office.deliver(
        JULY,
        检查=(
            ("C1", "P1", ALL_FOUR, "2024-05-03", "不合格"),
            ("C2", "P2", "进场材料", "2024-06-30", "合格"),
            ("C3", "P2", "外墙外保温脱落", "2024-07-01", "合格"),
            ("C4", "P9", ALL_FOUR, "2024-05-03", "合格"),
        ),
    )
    assert delivery["status"].to_list() == ["loaded"]
    assert delivery["rows_rejected"].to_list() == [0]
    rows = office.coverage()

    whole = rows["2024Q2", "all"]
    assert (whole["numerator"], whole["denominator"], whole["value"]) == (5, 8, 62.5)
    assert (whole["official_status"], whole["evidence"]) == ("not_met", "census")
    assert (whole["is_official"], whole["lower"]) == (True, None)
    assert rows["2024Q2", "pilot"]["value"] == 100
    assert rows["2024Q2", "rest"]["value"] == 25
    assert rows["2024Q2", "incoming_materials"]["value"] == 100
    assert rows["2024Q2", "full_decoration"]["value"] == 50
    assert rows["2024Q3", "all"]["numerator"] == 0


def test_a_frozen_roster_does_not_change_and_an_unknown_topic_is_refused(office: Office) -> None:
    office.deliver(APRIL, 名册=(("2024Q2", "P1", "住宅楼", "330782105"),))
    office.deliver(JULY, 名册=(("2024Q2", "P1", "住宅楼", "330782001"),))
    delivery = office.deliver(
        AUGUST,
        检查=(
            *((f"C{n}", "P1", ALL_FOUR, "2024-05-03", "合格") for n in range(5)),
            ("C9", "P1", "绿化", "2024-05-03", "合格"),
        ),
    )
    rows = office.coverage()

    assert delivery["rows_rejected"].to_list() == [1]
    assert rows["2024Q2", "330782105"]["value"] == 100
    assert ("2024Q2", "330782001") not in rows
    assert rows["2024Q2", "all"]["official_status"] == "met"


def test_without_a_roster_there_is_no_figure(office: Office) -> None:
    office.deliver(JULY, 检查=(("C1", "P1", ALL_FOUR, "2024-05-03", "合格"),))

    assert office.coverage() == {}
