"""One night with every bad delivery that we know of, and a good one.

Each bad file gets one clear message, stays as it was received, and stops nothing but itself.
"""

import datetime as dt
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from assets.ingest.landing import deliveries
from warehouse.home import Home
from warehouse.tables import write_parquet

DAY = dt.date(2024, 5, 20)
COLUMNS = ("抽样编号", "产品", "抽样日期", "结论", "项目", "结果", "限量")
HEADER = ",".join(COLUMNS)
MEBIBYTE = 1 << 20


def table(*rows: str, header: str = HEADER) -> bytes:
    """A text table in UTF-8."""
    return "\n".join([header, *rows, ""]).encode()


def row(number: str, *, day: str = "2024-05-06", verdict: str = "合格", **cells: str) -> str:
    """One sample with a result that conforms."""
    values = {"项目": "铅", "结果": "0.01", "限量": "≤0.5", **cells}
    return ",".join((number, "月饼", day, verdict, values["项目"], values["结果"], values["限量"]))


def workbook(write: Callable[[Any], None], sheet: str = "清单") -> bytes:
    """A workbook of one sheet."""
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        write(book.add_worksheet(sheet))
    return buffer.getvalue()


def plain_sheet(sheet: Any) -> None:
    sheet.write_row(0, 0, ["编号", "名称", "抽样日期", "结论"])
    for number in range(1, 40):
        sheet.write_row(number, 0, [f"T-{number}", "月饼", "2024-05-06", "合格"])


def formula_sheet(sheet: Any) -> None:
    sheet.write_row(0, 0, ["编号", "名称", "抽样日期", "结论"])
    sheet.write_formula(1, 0, '="F-"&1', value="F-1")
    sheet.write_row(1, 1, ["月饼", "2024-05-06"])
    sheet.write_formula(1, 3, '=IF(1>0,"不合格","合格")', value="不合格")


def merged_sheet(sheet: Any) -> None:
    sheet.merge_range(0, 0, 0, 1, "样品")
    sheet.merge_range(0, 2, 1, 2, "抽样日期")
    sheet.merge_range(0, 3, 1, 3, "结论")
    sheet.write_row(1, 0, ["编号", "名称"])
    sheet.write_row(2, 0, ["M-1", "月饼", "2024-05-06", "合格"])


def zip_bomb() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(120 * MEBIBYTE))
    return buffer.getvalue()


@dataclass(frozen=True)
class Case:
    """A file and what must become of it.

    Attributes:
        name: file name.
        content: its bytes.
        status: status of the delivery.
        message: regular expression on the delivery's message; None where there is none.
        used: rows that became records.
    """

    name: str
    content: bytes
    status: str
    message: str | None = None
    used: int = 0


TEXTS = {
    "empty": Case("empty.csv", b"", "unreadable", r"^empty\.csv: the file is empty .*sent again"),
    "wrong encoding": Case(
        "big5.csv",
        table(row("E-1")).decode().encode("gbk") + row("E-2").encode("gbk") + b",\xff\n",
        "unreadable",
        r"^big5\.csv: .*utf-8 \(.*gbk \(.*format\.encodings",
    ),
    "missing column": Case(
        "missing.csv",
        table("A-1,月饼,2024-05-06,铅,0.1,1", header="抽样编号,产品,抽样日期,项目,结果,限量"),
        "unreadable",
        r"^file 'missing\.csv': missing columns 结论; found: 抽样编号, .*`optional`",
    ),
    "renamed column": Case(
        "renamed.csv",
        table(row("B-1"), header=HEADER.replace("抽样日期", "采样日期")),
        "unreadable",
        r"^file 'renamed\.csv': missing columns 抽样日期 \('采样日期' may be '抽样日期'\).*`rename`",  # noqa: E501 - one message
    ),
    "extra column": Case(
        "extra.csv",
        table(f"{row('C-1')},张三", header=f"{HEADER},抽样人"),
        "loaded",
        r"^columns that the source says nothing of: 抽样人; map them .*`unused`",
        used=1,
    ),
    "reordered columns": Case(
        "reordered.csv",
        table(
            ",".join(reversed(row("D-1").split(","))),
            header=",".join(reversed(COLUMNS)),
        ),
        "loaded",
        used=1,
    ),
    "header only": Case(
        "header.csv", table(), "loaded", r"^the file holds a header but no data rows"
    ),
    "a million columns": Case(
        "wide.csv",
        table(row("W-1"), "1," * 1_000_000),
        "unreadable",
        r"^wide\.csv: line 3 is longer than 1,048,576 bytes; this is no table",
    ),
    "binary": Case(
        "picture.csv",
        table(row("P-1")) + bytes(range(128, 256)) * 40,
        "unreadable",
        r"^picture\.csv: .*none of the encodings",
    ),
    "NUL bytes": Case(
        "nul.csv",
        table(row("N-1"), row("N-\x002")),
        "unreadable",
        r"^nul\.csv: line 3 holds NUL bytes",
    ),
    "duplicate headers": Case(
        "twice.csv",
        table(f"{row('H-1')},x", header=f"{HEADER},产品"),
        "unreadable",
        r"^file 'twice\.csv': .*twice: '产品' in columns 2, 8; rename or remove",
    ),
    "first name": Case("same.csv", table(row("G-1")), "loaded", used=1),
    "second name": Case(
        "same again.csv",
        table(row("G-1")),
        "duplicate",
        r"^the same bytes as delivery office_list-20240520-\d{3}; nothing is added",
    ),
    "two versions": Case(
        "versions.csv",
        table(row("V-1"), row("V-1", verdict="不合格"), row("V-2"), row("V-3"), row("V-4")),
        "loaded",
        used=3,
    ),
    "30 February": Case(
        "february.csv",
        table(row("R-1", day="2024-02-30"), row("R-2"), row("R-3")),
        "loaded",
        used=2,
    ),
    "negative limit": Case(
        "negative.csv",
        table(row("L-1", 限量="≤-0.5"), row("L-2", 项目="温度", 限量="≤-18℃", 结果="-20℃")),
        "loaded",
        used=2,
    ),
    "quotes and spaces": Case(
        """ it's "the" list.csv""", table(row("Q-1")), "loaded", used=1
    ),
    "two points": Case("..up..to..date..csv", table(row("Q-2")), "loaded", used=1),
    "glob": Case("[a-z]*?{b}$HOME.csv", table(row("Q-3")), "loaded", used=1),
    "newlines": Case("two\nlines.csv", table(row("Q-4")), "loaded", used=1),
    "newlines in a bad one": Case(
        "three\nmore\nlines.csv",
        table(row("Q-5"), header=HEADER.replace("结论", "判定结果")),
        "unreadable",
        r"^file 'three\\nmore\\nlines\.csv': missing columns 结论",
    ),
}  # fmt: skip
BOOKS = {
    "truncated workbook": Case(
        "cut.xlsx",
        workbook(plain_sheet)[:3_000],
        "unreadable",
        r"^cut\.xlsx: this is no workbook, or only a part of one .*sent again",
    ),
    "zip bomb": Case(
        "bomb.xlsx", zip_bomb(), "unreadable", r"^bomb\.xlsx: .*zip bomb; at most .*CSV"
    ),
    "formula cells": Case("formulas.xlsx", workbook(formula_sheet), "loaded", used=1),
    "merged header cells": Case("merged.xlsx", workbook(merged_sheet, "汇总"), "loaded", used=1),
    "merged header cells not foreseen": Case(
        "merged too.xlsx",
        workbook(merged_sheet, "明细"),
        "unreadable",
        r"^file 'merged too\.xlsx', sheet '明细': missing columns 编号, 名称; found: 样品, ",
    ),
}
LOST = Case(
    "lost.csv",
    table(row("X-1")),
    "unknown_source",
    r"there is no source 'nobody'; add warehouse/sources/nobody\.yml",
)
COUNTY = (Path(__file__).parent / "sources" / "county_tests.csv").read_text("utf-8").encode("gbk")
GOOD = Case("县域检测.csv", COUNTY, "loaded", used=12)
CASES: Mapping[str, tuple[str, Case]] = {
    **{name: ("office_list", case) for name, case in TEXTS.items()},
    **{name: ("office_book", case) for name, case in BOOKS.items()},
    "unknown source": ("nobody", LOST),
    "good": ("county_tests", GOOD),
}
# File → what the night says is not read.
MISPLACED = {
    "landing/readme.csv": "landing/readme.csv",
    "landing/office_list/loose.csv": "landing/office_list/loose.csv",
    "landing/office_list/May 2024/a.csv": "landing/office_list/May 2024",
    "landing/office_list/20240520/b.csv": "landing/office_list/20240520",
    f"landing/office_list/{DAY}/attached/c.csv": f"landing/office_list/{DAY}/attached",
}


@dataclass(frozen=True)
class Night:
    """What the night said, and the home after it."""

    home: Home
    exit_code: int
    said: str


@pytest.fixture(scope="module")
def night(
    tmp_path_factory: pytest.TempPathFactory, samplehouse: Callable[..., tuple[int, str]]
) -> Night:
    root = tmp_path_factory.mktemp("bad")
    home = Home(root / "home")
    for source_id in dict.fromkeys(source for source, _ in CASES.values()):
        outbox = root / source_id if source_id != "nobody" else home.landing_day("nobody", DAY)
        outbox.mkdir(parents=True)
        files = [outbox / case.name for source, case in CASES.values() if source == source_id]
        for path, content in zip(
            files, (c for s, c in CASES.values() if s == source_id), strict=True
        ):
            path.write_bytes(content.content)
        if source_id != "nobody":
            names = [str(path) for path in files]
            received = samplehouse(home, "receive", *names, "-s", source_id, "--on", str(DAY))
            assert received[0] == 0, received[1]
    for place in (*MISPLACED, "landing/.DS_Store"):
        path = home.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(TEXTS["first name"].content)
    return Night(home, *samplehouse(home, "nightly"))


@pytest.fixture(scope="module")
def release(night: Night) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(night.home.release_file), read_only=True) as con:
        yield con


def delivery(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    found = con.execute("FROM meta.delivery WHERE file_name = ?", [name]).pl().to_dicts()
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("name", CASES)
def test_each_file_has_its_status_and_one_message(
    release: duckdb.DuckDBPyConnection, name: str
) -> None:
    source_id, case = CASES[name]

    found = delivery(release, case.name)

    assert (found["source_id"], found["status"]) == (source_id, case.status)
    if case.message is None:
        assert found["message"] is None
    else:
        assert re.search(case.message, found["message"])
        assert found["message"].isprintable(), "one line"
        assert "Error" not in found["message"]
    assert found["rows_used"] == case.used


@pytest.mark.parametrize("name", CASES)
def test_each_file_is_kept_as_received(night: Night, name: str) -> None:
    source_id, case = CASES[name]
    assert (night.home.landing_day(source_id, DAY) / case.name).read_bytes() == case.content


def test_every_row_has_one_outcome(release: duckdb.DuckDBPyConnection) -> None:
    wrong = release.execute(
        "SELECT file_name FROM meta.delivery WHERE rows_read IS DISTINCT FROM "
        "rows_used + rows_rejected + rows_duplicate + rows_unchanged + rows_ignored"
    ).fetchall()
    assert wrong == []


def test_the_night_says_what_is_wrong_and_is_done(night: Night) -> None:
    assert night.exit_code == 1
    assert "Traceback" not in night.said
    lines = night.said.splitlines()
    for source_id, case in CASES.values():
        if case.status in ("unreadable", "unknown_source"):
            shown = case.name.replace("\n", "\\n")
            start = f"{case.status}: {source_id}/{shown}: "
            assert sum(line.startswith(start) for line in lines) == 1, case.name
    assert sum(" negative_limit: " in line for line in lines) == 1


def test_what_lies_beside_the_folders_of_days_is_named(night: Night) -> None:
    not_read = [line for line in night.said.splitlines() if line.startswith("Not read: ")]
    assert [line.split(": ")[1] for line in not_read] == sorted(MISPLACED.values())


def test_the_good_delivery_is_published(release: duckdb.DuckDBPyConnection) -> None:
    rate = release.execute(
        "SELECT passed, tested FROM mart.pass_rate WHERE source_id = 'county_tests' AND "
        "period = '2024Q2' AND division_code = 'ALL' AND product_category = 'ALL'"
    ).fetchall()
    assert rate == [(10, 12)]  # 克百威, found in one that the lab passed, is banned


def test_rejected_rows_say_which_row_and_column(release: duckdb.DuckDBPyConnection) -> None:
    rejected = release.execute(
        """
        SELECT file_name, source_row, rule_id, column_name, value_text, r.message
        FROM core.rejected_record AS r JOIN meta.delivery USING (delivery_id)
        WHERE status = 'loaded' AND r.source_id = 'office_list' ORDER BY ALL
        """
    ).fetchall()
    assert [line[:5] for line in rejected] == [
        ("february.csv", 2, "unparsed_sampled_on", "抽样日期", "2024-02-30"),
        ("versions.csv", 2, "conflicting_versions", "sample_no", "V-1"),
        ("versions.csv", 3, "conflicting_versions", "sample_no", "V-1"),
    ]
    assert all(message and message.isprintable() for *_, message in rejected)


def test_rows_of_a_file_that_does_not_fit_are_kept_with_their_text(
    release: duckdb.DuckDBPyConnection,
) -> None:
    kept = release.execute(
        "SELECT source_sheet, source_row, rule_id, row_cells FROM core.rejected_record "
        "JOIN meta.delivery USING (delivery_id) WHERE file_name = 'merged too.xlsx' ORDER BY ALL"
    ).fetchall()
    assert [line[:3] for line in kept] == [
        ("明细", number, "file_does_not_fit") for number in (1, 2, 3)
    ]
    assert kept[2][3] == '["M-1","月饼","2024-05-06","合格"]'


def test_a_negative_limit_is_a_warning_that_names_the_row(
    release: duckdb.DuckDBPyConnection,
) -> None:
    (failed,) = release.execute(
        "SELECT rows_failed, failing_rows FROM meta.check_result "
        "WHERE rule_id = 'negative_limit' AND scope = 'core'"
    ).fetchall()
    assert failed[0] == 1
    assert "L-1" in failed[1]
    assert "L-2" not in failed[1]


def test_cells_of_workbooks_are_what_a_spreadsheet_shows(
    release: duckdb.DuckDBPyConnection,
) -> None:
    samples = release.execute(
        "SELECT sample_no, product_name, verdict, source_sheet, source_row FROM core.sample "
        "WHERE source_id = 'office_book' ORDER BY ALL"
    ).fetchall()
    assert samples == [("F-1", "月饼", "fail", "清单", 2), ("M-1", "月饼", "pass", "汇总", 3)]


def test_a_file_is_not_received_for_an_unknown_source(
    night: Night, samplehouse: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    path = tmp_path / "samples.csv"
    path.write_bytes(TEXTS["first name"].content)

    code, said = samplehouse(night.home, "receive", str(path), "-s", "no_such")

    assert code == 2
    assert said.startswith("error: there is no source 'no_such'; known sources: ")
    assert not (night.home.landing / "no_such").exists()


def test_rows_that_end_nowhere_stop_the_release(
    night: Night, samplehouse: Callable[..., tuple[int, str]]
) -> None:
    """Last of all: one delivery of the lake no longer adds up."""
    before = night.home.release_file.read_bytes()
    path = night.home.partition_file("meta.delivery", "county_tests", DAY)
    stored = deliveries(night.home, "county_tests")
    write_parquet(stored.with_columns(pl.col("rows_used") - 1), path)

    code, said = samplehouse(night.home, "nightly")

    assert code == 3
    assert "blocked by: meta.delivery every_row_accounted_for: " in said
    assert "Traceback" not in said
    assert night.home.release_file.read_bytes() == before
