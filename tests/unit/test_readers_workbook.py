"""Workbooks: every cell as text, rows numbered as a spreadsheet numbers them."""

import datetime as dt
import re
import zipfile
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.ingest.readers import read_to_parquet
from warehouse.errors import DeliveryError
from warehouse.source import Format

DAY = dt.date(2024, 5, 1)
MOMENT = dt.datetime(2024, 5, 1, 13, 5)  # noqa: DTZ001 - a cell of a workbook has no time zone

XLSX, ODS = Format(kind="xlsx"), Format(kind="ods")

# What a cell of a workbook can hold: no control characters, and no text that means an escape.
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co"))
    | st.sampled_from("\n\t"),
    max_size=8,
).filter(lambda text: "_x" not in text)


def read(path: Path, file_format: Format = XLSX) -> pl.DataFrame:
    out = path.with_suffix(".parquet")
    read_to_parquet(path, file_format, out)
    return pl.read_parquet(out)


def first_column(frame: pl.DataFrame) -> dict[int, str | None]:
    return dict(frame.select("source_row", "c1").rows())


def write_ods(path: Path, rows: str) -> None:
    """The smallest OpenDocument spreadsheet with one sheet of given rows."""
    names = {
        "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
        "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
        "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    }
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in names.items())
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="S">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    grid=st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=6
        )
    )
)
def test_texts_are_read_back_cell_by_cell(tmp_path: Path, grid: list[list[str]]) -> None:
    # The edges of the grid are filled: empty rows and columns at the edge are no part of a sheet.
    grid = [["first", *("" for _ in grid[0]), "last"], *(["|", *row, "|"] for row in grid)]
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet("S")
        for number, row in enumerate(grid):
            for column, text in enumerate(row):
                sheet.write_string(number, column, text)
    frame = read(path)
    cells = frame.drop("source_sheet", "source_row").fill_null("")
    assert [list(row) for row in cells.rows()] == grid
    assert frame["source_row"].to_list() == list(range(1, len(grid) + 1))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(
        st.decimals(-10_000, 10_000, places=6)
        | st.integers(-(10**15), 10**15).map(Decimal)
        | st.integers(1, 999_999).map(lambda n: Decimal(n).scaleb(-14)),
        min_size=1,
        max_size=30,
    )
)
def test_numbers_keep_the_digits_that_a_spreadsheet_holds(
    tmp_path: Path, numbers: list[Decimal]
) -> None:
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        workbook.add_worksheet("S").write_column(0, 0, [float(number) for number in numbers])
    found = read(path)["c1"].to_list()
    assert [Decimal(text) for text in found] == [Decimal(number) for number in numbers]
    assert not any("e" in text.lower() or text.endswith(".0") for text in found)


def test_kinds_of_cells(tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet("S")
        day, moment, time = (
            workbook.add_format({"num_format": text})
            for text in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm", "hh:mm")
        )
        chinese = workbook.add_format({"num_format": 'yyyy"年"m"月"d"日"'})
        sheet.write_datetime(0, 0, DAY, day)
        sheet.write_datetime(1, 0, DAY, chinese)
        sheet.write_datetime(2, 0, MOMENT, moment)
        sheet.write_datetime(3, 0, dt.time(13, 5), time)
        sheet.write_formula(4, 0, "=1+1", None, 2)
        sheet.write_formula(5, 0, '="a"&"b"', None, "ab")
        sheet.write_formula(6, 0, "=1/0", None, "#DIV/0!")
        sheet.write_formula(7, 0, "=NA()", None, "#N/A")
        sheet.write(8, 0, 0.05)
        sheet.write(9, 0, 1e-10)
        sheet.write(10, 0, 0.1 + 0.2)
        sheet.write_string(11, 0, "0.10")
        sheet.write_boolean(12, 0, boolean=True)
        sheet.write_string(13, 0, "  spaces stay ")
    assert list(first_column(read(path)).values()) == [
        "2024-05-01",
        "2024-05-01",
        "2024-05-01 13:05:00",
        "13:05:00",
        "2",
        "ab",
        "#DIV/0!",
        "#N/A",
        "0.05",
        "0.0000000001",
        "0.3",
        "0.10",
        "true",
        "  spaces stay ",
    ]


def rewritten(path: Path, pattern: str, replacement: str) -> None:
    """Write the workbook again with other text in its XML, as some programs leave it."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, re.sub(pattern, replacement, content.decode()))


@pytest.mark.parametrize("values", ["", "<v/>", "<v></v>"])
def test_formulas_that_were_never_calculated_are_no_blanks(tmp_path: Path, values: str) -> None:
    path = tmp_path / "report.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        workbook.add_worksheet("说明").write(0, 0, "no formula")
        sheet = workbook.add_worksheet("R&D 台账")
        sheet.write_row(0, 0, ["amount", 3])
        for row in range(1, 8):
            sheet.write_formula(row, 1, '=IF(B1>0, B1 & "", "")', None, 3)
    assert "no formula" in read(path)["c1"]

    rewritten(path, r"</f><v>[^<]*</v>", f"</f>{values}")
    told = r"report\.xlsx: .*\(sheet 'R&D 台账': B2, B3, B4, B5, B6 and 2 more\); open .* save it"
    with pytest.raises(DeliveryError, match=told):
        read(path)


def test_a_formula_that_gives_no_text_is_calculated(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, "amount")
        sheet.write_formula(1, 0, '=IF(1>0, "", "x")', None, "")
        sheet.write_formula(2, 0, "=1+1", None, 2)
    rewritten(path, r'<c r="A2">', '<c r="A2" t="str">')

    assert list(first_column(read(path)).values()) == ["amount", None, "2"]


def test_blank_rows_count_and_merged_cells_leave_blanks(tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet("S")
        sheet.merge_range(2, 0, 2, 2, "title")
        sheet.write_row(4, 0, ["a", "b", "c"])
        sheet.merge_range(5, 0, 6, 0, "tall")
        sheet.write_row(6, 1, [1, 2])
    frame = read(path)
    assert frame["source_row"].to_list() == [1, 2, 3, 4, 5, 6, 7]
    assert frame.row(2) == ("S", 3, "title", None, None)
    assert frame.row(5) == ("S", 6, "tall", None, None)
    assert frame.row(6) == ("S", 7, None, "1", "2")


def test_every_sheet_is_read_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        workbook.add_worksheet("one").write_row(0, 0, ["a", "b"])
        workbook.add_worksheet("empty")
        hidden = workbook.add_worksheet("不合格 'x' y")
        hidden.write_row(1, 0, ["c", "d", "e"])
        hidden.hide()
    out = tmp_path / "out.parquet"
    result = read_to_parquet(path, XLSX, out)
    assert result.sheets == ("one", "empty", "不合格 'x' y")
    assert pl.read_parquet(out).rows() == [
        ("one", 1, "a", "b", None),
        ("不合格 'x' y", 1, None, None, None),
        ("不合格 'x' y", 2, "c", "d", "e"),
    ]


def test_open_document_cells_rows_and_repeats(tmp_path: Path) -> None:
    path = tmp_path / "in.ods"
    write_ods(
        path,
        '<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>'
        "<table:table-row>"
        '<table:table-cell office:value-type="string"><text:p>0.02 (MRL = 0.1*)</text:p>'
        "</table:table-cell>"
        '<table:table-cell office:value-type="float" office:value="0.05"><text:p>0.1</text:p>'
        "</table:table-cell>"
        '<table:table-cell office:value-type="date" office:date-value="2016-08-08">'
        "<text:p>08/08/16</text:p></table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="2">'
        '<table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell>'
        "</table:table-row>",
    )
    frame = read(path, ODS)
    assert frame["source_row"].to_list() == [1, 2, 3, 4, 5]
    assert frame.row(2) == ("S", 3, "0.02 (MRL = 0.1*)", "0.05", "2016-08-08")
    assert frame.row(4) == ("S", 5, "x", None, None)
