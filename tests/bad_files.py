"""Every bad file that we know of, and a good one, each with what must become of it."""

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]  # ships no types

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
COUNTY = (
    (Path(__file__).parent / "pipeline" / "sources" / "county_tests.csv")
    .read_text("utf-8")
    .encode("gbk")
)
GOOD = Case("县域检测.csv", COUNTY, "loaded", used=12)
CASES: Mapping[str, tuple[str, Case]] = {
    **{name: ("office_list", case) for name, case in TEXTS.items()},
    **{name: ("office_book", case) for name, case in BOOKS.items()},
    "unknown source": ("nobody", LOST),
    "good": ("county_tests", GOOD),
}
