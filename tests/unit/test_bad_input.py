"""Files that cannot be read: one clear message that names the file, the place and what to do."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from assets.ingest.readers import grid, read_to_parquet, workbook
from warehouse.errors import DeliveryError
from warehouse.source import FileKind, Format

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def refused(path: Path, file_format: Format) -> str:
    """The message with which a file is refused; nothing is left of the attempt."""
    out = path.parent / "raw" / "out.parquet"
    with pytest.raises(DeliveryError) as caught:
        read_to_parquet(path, file_format, out)
    assert list(out.parent.glob("*")) == []
    message = str(caught.value)
    assert message.startswith(f"{path.name}: ")
    assert "\n" not in message
    return message


def make_workbook(path: Path, rows: int = 50) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("S")
        for row in range(rows):
            sheet.write_row(row, 0, [f"text {row}", row])
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "xlsx", "xls", "ods", "json", "parquet"])
def test_an_empty_file(tmp_path: Path, kind: FileKind) -> None:
    path = tmp_path / f"empty.{kind}"
    path.touch()
    (tmp_path / "raw").mkdir()
    assert "the file is empty (0 bytes)" in refused(path, Format(kind=kind))


def test_a_header_only_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "header.csv"
    path.write_text("a,b\n", encoding="utf-8")
    assert read_to_parquet(path, Format(kind="csv"), tmp_path / "out.parquet").rows == 1


def test_a_byte_order_mark_alone_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bom.csv"
    path.write_bytes(b"\xef\xbb\xbf")
    assert "the file holds no text" in refused(path, Format(kind="csv"))


def test_a_wrong_encoding_is_never_half_read(tmp_path: Path) -> None:
    path = tmp_path / "gbk.csv"
    good = b"a,b\n" * 400_000  # the wrong byte stands beyond the first chunk
    path.write_bytes(good + "白菜".encode("gb18030") + b",1\n")
    message = refused(path, Format(kind="csv", encodings=("utf-8", "ascii")))
    assert "in none of the encodings that were tried: utf-8 (byte 1,600,001, line 400,001)" in (
        message
    )


def test_a_text_cut_within_a_character(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_bytes("名称\n白菜".encode()[:-1])
    assert "utf-8 (byte 11, line 2)" in refused(path, Format(kind="csv"))


def test_utf_16_that_nobody_declared(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("a,b\n", encoding="utf-16")
    message = refused(path, Format(kind="csv", encodings=("utf-8", "latin-1")))
    assert "the text is UTF-16" in message
    assert "add utf-16 to format.encodings" in message


@pytest.mark.parametrize("before", [3, 200_000])
def test_nul_bytes(tmp_path: Path, before: int) -> None:
    path = tmp_path / "nul.csv"
    path.write_bytes(b"a,b,c,d\n" * before + b"1,\x002,3,4\n")
    message = refused(path, Format(kind="csv"))
    assert f"line {before + 1:,} holds NUL bytes" in message


@pytest.mark.parametrize(
    ("start", "what"), [(b"PK\x03\x04", "zip archive"), (OLE, "legacy"), (b"\x89PNG", "picture")]
)
def test_another_kind_of_file_under_the_name_of_a_csv(
    tmp_path: Path, start: bytes, what: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(start + bytes(range(256)))
    assert what in refused(path, Format(kind="csv", encodings=("latin-1",)))


def test_a_million_columns(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("a,b\n1,2\n" + "x" + ",x" * 500_000 + "\n", encoding="utf-8")
    assert "row 3 has 500,001 columns, more than 2,000" in refused(path, Format(kind="csv"))
    path.write_text("," * 1_000_000 + "\n1,2\n", encoding="utf-8")
    assert "row 1 has 1,000,001 columns, more than 2,000" in refused(path, Format(kind="csv"))


@pytest.mark.parametrize("lines_before", [0, 3])
def test_a_line_without_end(tmp_path: Path, lines_before: int) -> None:
    path = tmp_path / "endless.csv"
    path.write_bytes(b"a,b\n" * lines_before + b"x" * (grid.MAX_LINE_BYTES + 10))
    assert f"line {lines_before + 1} is longer than 1,048,576 bytes" in (
        refused(path, Format(kind="csv"))
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a,b\n1,"x\n2,y\n', "row 2: a quotation mark opens a cell and nothing closes it up to"),
        ('a,b\n1,2\n"x"y,3\n', "row 3, line 3: text follows a closing quotation mark"),
        ("a,b\n" * 300 + 'c,"d', "row 301: a quotation mark opens a cell"),
        ('a,"' + "line\n" * 300_000, "row 1: a quotation mark opens a cell"),
    ],
)
def test_broken_quotation(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text(text, encoding="utf-8")
    assert message in refused(path, Format(kind="csv"))


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_a_truncated_workbook(tmp_path: Path, kind: FileKind, kept: float) -> None:
    data = make_workbook(tmp_path / "whole.xlsx").read_bytes()
    path = tmp_path / f"cut.{kind}"
    path.write_bytes(data[: int(len(data) * kept)])
    message = refused(path, Format(kind=kind))
    assert "this is no workbook, or only a part of one" in message
    assert "sent again" in message


def damage(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A copy of a workbook with members changed."""
    target = path.with_name(f"damaged-{path.name}")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for member in source.infolist():
            copy.writestr(member, change(member.filename, source.read(member)))
    return target


def test_a_workbook_with_a_damaged_sheet(tmp_path: Path) -> None:
    whole = make_workbook(tmp_path / "whole.xlsx")
    path = damage(whole, lambda name, data: data[:300] if "sheet1" in name else data)
    assert "sheet 'S' cannot be read" in refused(path, Format(kind="xlsx"))


@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
def test_a_file_that_is_no_workbook(tmp_path: Path, kind: FileKind) -> None:
    path = tmp_path / f"letter.{kind}"
    path.write_bytes(b"Dear inspector,\n" * 100)
    assert "sent again" in refused(path, Format(kind=kind))


@pytest.mark.parametrize("length", [8, 700, 20_000])
def test_a_damaged_legacy_workbook(tmp_path: Path, length: int) -> None:
    path = tmp_path / "old.xls"
    path.write_bytes(OLE + bytes(range(256)) * (length // 256))
    assert "this cannot be read as .xls" in refused(path, Format(kind="xls"))


def test_a_workbook_with_a_password(tmp_path: Path) -> None:
    path = tmp_path / "secret.xlsx"
    path.write_bytes(OLE + bytes(600))
    assert "protected by a password, or it is a legacy .xls" in refused(path, Format(kind="xlsx"))
    path = tmp_path / "secret.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
    assert "protected by a password" in refused(path, Format(kind="ods"))


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as member,
    ):
        for _ in range(120):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    message = refused(path, Format(kind="xlsx"))
    assert "which looks like a zip bomb" in message


def test_a_sheet_with_one_cell_far_away(tmp_path: Path) -> None:
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("S")
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "z")
    assert "reaches to column 16,384 and row 1,048,576" in refused(path, Format(kind="xlsx"))


def test_formats_without_content_far_away_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "formatted.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("S")
        sheet.write(0, 0, "a")
        sheet.write_blank(1_048_575, 16_383, None, book.add_format({"bold": True}))
    out = tmp_path / "out.parquet"
    assert read_to_parquet(path, Format(kind="xlsx"), out).rows == 1
    assert pl.read_parquet(out).rows() == [("S", 1, "a")]


def test_the_last_cell_of_a_sheet_is_found_across_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_workbook(tmp_path / "in.xlsx", rows=2000)
    monkeypatch.setattr(workbook, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(workbook, "MAX_WORKBOOK_CELLS", 3999)
    assert "reaches to column 2 and row 2,000" in refused(path, Format(kind="xlsx"))


def test_a_workbook_without_cells(tmp_path: Path) -> None:
    path = tmp_path / "blank.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("S")
    assert "no sheet of the workbook holds a cell" in refused(path, Format(kind="xlsx"))
