"""Reshaping: headers, columns, sheets, and one place for every row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.ingest.reshape import Reshaped, reshape_delivery
from warehouse.errors import DeliveryError
from warehouse.source import Source

Sheet = Sequence[Sequence[str | None]]

SAMPLE = {"sample": {"columns": {"sample_no": "no", "product_name": "product"}}}


def source_of(tables: Mapping[str, Any], kind: str = "csv") -> Source:
    return Source.model_validate(
        {
            "source_id": "office",
            "title": "t",
            "publisher": "p",
            "licence": "l",
            "citation": "c",
            "format": {"kind": kind},
            "tables": tables,
        }
    )


def write_grid(path: Path, sheets: Mapping[str | None, Sheet]) -> int:
    """Write a raw grid; returns its rows."""
    width = max(len(row) for rows in sheets.values() for row in rows)
    records = [
        (sheet, number, *row, *(None,) * (width - len(row)))
        for sheet, rows in sheets.items()
        for number, row in enumerate(rows, start=1)
    ]
    names = ["source_sheet", "source_row", *(f"c{n}" for n in range(1, width + 1))]
    schema = {name: pl.Int64() if name == "source_row" else pl.String() for name in names}
    pl.DataFrame(records, schema=schema, orient="row").write_parquet(path)
    return len(records)


def reshape(
    folder: Path,
    sheets: Mapping[str | None, Sheet] | Sheet,
    table: Mapping[str, Any] | None = None,
    *,
    tables: Mapping[str, Any] | None = None,
    file_name: str = "in.csv",
    lookups: Mapping[str, pl.LazyFrame] | None = None,
) -> Reshaped:
    """Reshape a small grid and check that every row ends in one place."""
    if not isinstance(sheets, Mapping):
        sheets = {None: sheets}
    rows = write_grid(folder / "raw.parquet", sheets)
    result = reshape_delivery(
        folder / "raw.parquet",
        source=source_of(tables or {"t": table or {"records": SAMPLE}}),
        file_name=file_name,
        lookups=lookups or {},
    )
    places = pl.concat(
        frame.select("source_sheet", "source_row").unique().collect()
        for frame in (*(t.rows for t in result.tables.values()), result.ignored, result.rejected)
    )
    assert places.height == places.unique().height == rows
    assert result.ignored.collect().height == result.ignored.collect().unique().height
    return result


def used(result: Reshaped, *columns: str, table: str = "t") -> list[tuple[Any, ...]]:
    rows = result.tables[table].rows.sort("source_sheet", "source_row", "part")
    return rows.select(columns).collect().rows()


def ignored(result: Reshaped) -> list[tuple[int, str]]:
    return result.ignored.sort("source_row").select("source_row", "reason").collect().rows()


def test_what_is_no_data_is_ignored_with_a_reason(tmp_path: Path) -> None:
    result = reshape(
        tmp_path,
        [
            ["List of samples", None, None],
            [None, None, None],
            ["no", "product", "verdict"],
            ["1", " apple ", "pass"],
            [None, "  ", "　"],
            ["no", "product", "verdict"],
            ["2", "/", "不详"],
        ],
        {"header": {"find": ["product", "no"]}, "unused": ["verdict"], "records": SAMPLE},
    )
    assert ignored(result) == [
        (1, "above_header"),
        (2, "above_header"),
        (3, "header"),
        (5, "blank_row"),
        (6, "repeated_header"),
    ]
    assert used(result, "source_row", "part", "no", "product", "verdict") == [
        (4, 1, "1", "apple", "pass"),
        (7, 1, "2", None, None),
    ]
    assert not result.unmapped


def test_labels_match_whatever_their_width_spaces_and_order(tmp_path: Path) -> None:
    result = reshape(
        tmp_path,
        [["　样品\n名称", "extra", "抽样 编号（NO）", "old name"], ["apple", "x", "1", "y"]],
        {
            "rename": {"Old Name": "unused", "old  name": "brand"},
            "records": {
                "sample": {
                    "columns": {
                        "sample_no": "抽样编号(NO)",
                        "product_name": "样品名称",
                        "brand": "brand",
                    }
                }
            },
        },
    )
    assert used(result, "抽样编号(NO)", "样品名称", "brand") == [("1", "apple", "y")]
    assert result.unmapped == {"t": ("extra",)}


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    result = reshape(tmp_path, [["no"], ["1"]], {"optional": ["product"], "records": SAMPLE})
    assert used(result, "no", "product") == [("1", None)]


def test_a_missing_column_is_named_with_its_likely_new_name(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as caught:
        reshape(tmp_path, [["no", "products"], ["1", "apple"]])
    message = str(caught.value)
    assert message.startswith(
        "file 'in.csv': missing columns product ('products' may be 'product')"
    )
    assert "found: no, products" in message
    assert "`rename`" in message


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="'no' in columns 1, 3"):
        reshape(tmp_path, [["no", "product", "no"], ["1", "apple", "2"]])
    result = reshape(tmp_path, [["no", "product", "x", "x"], ["1", "apple", "2", "3"]])
    assert used(result, "x", "x (2)") == [("2", "3")]


def test_a_header_that_is_nowhere_is_named_with_file_and_sheet(tmp_path: Path) -> None:
    table = {"header": {"find": ["no", "product"]}, "records": SAMPLE}
    with pytest.raises(DeliveryError, match=r"file 'in\.csv', sheet 'S': no row among"):
        reshape(tmp_path, {"S": [["number", "product"], ["1", "apple"]]}, table)
    with pytest.raises(DeliveryError, match="row 1 should hold the header and is blank"):
        reshape(tmp_path, [[None, None], ["no", "product"]])


def test_merged_header_rows_are_joined(tmp_path: Path) -> None:
    result = reshape(
        tmp_path,
        {
            "S": [
                ["bulletin", None, None, None, None],
                ["no", "test", None, None, "product"],
                [None, "item", "result", None, None],
                ["1", "lead", "0.1", None, "apple"],
                ["no", "test", None, None, "product"],
                [None, "item", "result", None, None],
                ["2", "zinc", "3", None, "pear"],
            ]
        },
        {
            "header": {"find": ["no", "test/item"], "rows": 2},
            "unused": ["test/item", "test/result"],
            "records": SAMPLE,
        },
    )
    assert used(result, "no", "test/item", "test/result", "product") == [
        ("1", "lead", "0.1", "apple"),
        ("2", "zinc", "3", "pear"),
    ]
    assert [reason for _, reason in ignored(result)] == [
        "above_header",
        "header",
        "header",
        "repeated_header",
        "repeated_header",
    ]


def test_a_file_without_header(tmp_path: Path) -> None:
    table = {"header": {"columns": ["no", "product", "x"]}, "unused": ["x"], "records": SAMPLE}
    assert used(reshape(tmp_path, [["1", "a", "b"]], table), "no", "x") == [("1", "b")]
    with pytest.raises(DeliveryError, match="missing columns product"):
        reshape(tmp_path, [["1"], ["2"]], table)
    # A sheet ends with its last filled column, so there the others are just blank.
    assert used(reshape(tmp_path, {"S": [["1"]]}, table), "no", "product") == [("1", None)]


def test_cells_beyond_the_header_reject_their_row(tmp_path: Path) -> None:
    result = reshape(
        tmp_path,
        [
            ["no", "product", None, None],
            ["1", "apple", None, " "],
            ["2", "pear", None, "green"],
            ["3", "plum"],
        ],
    )
    assert used(result, "no") == [("1",), ("3",)]
    rejected = result.rejected.collect()
    assert rejected.select("source_row", "rule_id", "column_name", "value_text").rows() == [
        (3, "too_many_cells", "column 4", "green")
    ]


def test_tables_are_chosen_by_file_and_sheet(tmp_path: Path) -> None:
    tables = {
        "failed": {"sheets": "^不合格$", "records": SAMPLE},
        "passed": {"sheets": "合格", "records": SAMPLE},
        "notes": {"sheets": "^notes", "ignore_all": "explanations"},
    }
    sheets: dict[str | None, Sheet] = {
        "不合格": [["no", "product"], ["1", "apple"]],
        "合格 1": [["product", "no"], ["pear", "2"]],
        "合格 2": [["product", "no", "x"], ["plum", "3", "y"]],
        "notes on it": [["read this"], [None], ["and this"]],
        "surprise": [["no", "product"], ["4", "fig"]],
    }
    result = reshape(tmp_path, sheets, tables=tables)
    assert used(result, "source_sheet", "no", table="failed") == [("不合格", "1")]
    assert used(result, "source_sheet", "no", "product", "x", table="passed") == [
        ("合格 1", "2", "pear", None),
        ("合格 2", "3", "plum", "y"),
    ]
    assert result.unmapped == {"passed": ("x",)}
    rejected = result.rejected.collect()
    assert rejected["rule_id"].to_list() == ["unknown_sheet"] * 2
    assert rejected["source_sheet"].to_list() == ["surprise"] * 2
    assert ignored(result).count((3, "explanations")) == 1


def test_a_file_that_fits_no_table(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as caught:
        reshape(tmp_path, [["a"]], {"files": "^list", "records": SAMPLE}, file_name="b'[1].csv")
    assert "file 'b'[1].csv' fits no table of source 'office' (t: files ^list)" in str(caught.value)
    with pytest.raises(DeliveryError, match="with sheets other fits no table"):
        reshape(tmp_path, {"other": [["a"]]}, {"sheets": "^S$", "records": SAMPLE})


def test_totals_that_a_file_states_about_itself(tmp_path: Path) -> None:
    tables = {
        "details": {"sheets": "_BNA$", "records": SAMPLE},
        "summaries": {
            "sheets": "(?i)_sum$",
            "header": {"columns": ["text"]},
            "control_totals": {
                "column": "text",
                "pattern": r"^(?P<label>.+): (?P<stated>[\d,]+) samples analysed",
                "detail_sheet": "(?i)^(.+)_sum$",
                "detail_table": "details",
                "detail_stem": "^(.+)_BNA$",
                "sheet_pairs": {"Pears_SUM": "Conference_BNA"},
            },
        },
    }
    details = [["no", "product"], ["1", "x"]]
    result = reshape(
        tmp_path,
        {
            "apples_BNA": details,
            "Conference_BNA": details,
            "Apples_Sum": [["Table 1", "0.1", "9"], ["UK: 1,234 samples analysed"], [None]],
            "Pears_SUM": [["Imported: 2 samples analysed "]],
        },
        tables=tables,
    )
    assert result.control_totals.rows() == [
        ("Apples_Sum", 2, "UK", "apples_BNA", 1234, None),
        ("Pears_SUM", 1, "Imported", "Conference_BNA", 2, None),
    ]
    reasons = result.ignored.group_by("reason").len().collect().rows()
    assert set(reasons) == {("header", 2), ("summary", 2), ("control_total", 2)}


def test_a_text_table_without_steps_stays_lazy(tmp_path: Path) -> None:
    result = reshape(tmp_path, [["no", "product"], ["1", "apple"]])
    plan = result.tables["t"].rows.select("no").explain()
    assert "Parquet SCAN" in plan
    assert "DF [" not in plan


def test_many_rows_stream(tmp_path: Path) -> None:
    raw = tmp_path / "raw.parquet"
    rows = 200_000
    header = pl.DataFrame({"source_row": [1], "c1": ["no"], "c2": ["product"]})
    data = pl.select(
        source_row=pl.int_range(2, rows + 2), c1=pl.int_range(rows).cast(pl.String), c2=pl.lit("a")
    )
    pl.concat([header, data]).select(
        pl.lit(None, dtype=pl.String).alias("source_sheet"), "source_row", "c1", "c2"
    ).write_parquet(raw)
    result = reshape_delivery(
        raw, source=source_of({"t": {"records": SAMPLE}}), file_name="in.csv", lookups={}
    )
    out = tmp_path / "rows.parquet"
    result.tables["t"].rows.sink_parquet(out)
    assert pl.scan_parquet(out).select(pl.len()).collect().item() == rows
    assert pl.read_parquet(out)["no"].to_list() == [str(number) for number in range(rows)]


def test_rows_that_a_file_says_it_has_are_compared_with_those_it_has(tmp_path: Path) -> None:
    tables: dict[str, Any] = {
        "samples": {
            "header": {"find": ["no"]},
            "stated_rows": "^共(?P<stated>[0-9]+)条$",
            "unused": ["product"],
            "records": {"sample": {"columns": {"sample_no": "no"}}},
        }
    }
    sheet: list[list[str | None]] = [
        ["List"],
        ["共3条"],
        ["no", "product"],
        ["1", "x"],
        [None, None],
        ["2", "y"],
    ]

    found = reshape(tmp_path, {"May": sheet}, tables=tables)

    assert found.control_totals.rows() == [("May", 2, "共3条", "May", 3, 2)]
    assert set(found.ignored.group_by("reason").len().collect().rows()) == {
        ("above_header", 2),
        ("header", 1),
        ("blank_row", 1),
    }
