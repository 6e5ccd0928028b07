"""Reshaping steps, one by one and together; every source row still ends in one place."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.ingest.reshape import Reshaped, reshape_delivery
from warehouse.errors import ConfigurationError, DeliveryError
from warehouse.source import Source

Grid = list[list[str | None]]


def source_of(reshape: list[dict[str, Any]], columns: dict[str, Any], **table: Any) -> Source:
    tables: dict[str, Any] = {
        "t": {"reshape": reshape, "records": {"sample": {"columns": columns}}, **table},
        "firms": {"files": "^firms", "lookup": ["firm"]},
    }
    tables["t"].setdefault("files", "^in")
    return Source.model_validate(
        {
            "source_id": "office",
            "title": "t",
            "publisher": "p",
            "licence": "l",
            "citation": "c",
            "format": {"kind": "csv"},
            "tables": tables,
        }
    )


def reshape(
    folder: Path,
    source: Source,
    grid: Grid,
    *,
    sheet: str | None = None,
    file_name: str = "in.csv",
    lookups: dict[str, pl.LazyFrame] | None = None,
) -> Reshaped:
    width = max(map(len, grid))
    names = ["source_sheet", "source_row", *(f"c{n}" for n in range(1, width + 1))]
    schema = {name: pl.Int64() if name == "source_row" else pl.String() for name in names}
    records = [(sheet, n, *row, *(None,) * (width - len(row))) for n, row in enumerate(grid, 1)]
    pl.DataFrame(records, schema=schema, orient="row").write_parquet(folder / "raw.parquet")
    result = reshape_delivery(
        folder / "raw.parquet", source=source, file_name=file_name, lookups=lookups or {}
    )
    ends = [
        *(
            t.rows.select("source_row").unique().collect()["source_row"].to_list()
            for t in result.tables.values()
        ),
        result.ignored.collect()["source_row"].to_list(),
        result.rejected.select("source_row").unique().collect()["source_row"].to_list(),
    ]
    assert sorted(row for rows in ends for row in rows) == list(range(1, len(grid) + 1))
    return result


def used(result: Reshaped, *columns: str) -> list[tuple[Any, ...]]:
    rows = result.tables["t"].rows.sort("source_row", "part")
    return rows.select(columns).collect().rows()


def reasons(result: Reshaped) -> dict[int, str]:
    return dict(result.ignored.select("source_row", "reason").collect().rows())


def test_ignore_needs_every_pattern_and_knows_blanks(tmp_path: Path) -> None:
    source = source_of(
        [{"ignore": {"where": {"no": "^合计|^注", "value": ""}, "reason": "footnote"}}],
        {"sample_no": "no", "remark": "value"},
    )
    grid: Grid = [["no", "value"], ["1", "2"], ["合计", "9"], ["注：x", None], ["注：y", "/"]]
    result = reshape(tmp_path, source, grid)
    assert reasons(result) == {1: "header", 4: "footnote", 5: "footnote"}
    assert used(result, "no") == [("1",), ("合计",)]


def test_continuation_rows_take_cells_of_their_own_sample_only(tmp_path: Path) -> None:
    source = source_of(
        [
            {"section": {"column": "no", "into": "group"}},
            {"fill_down": {"columns": ["no", "product"], "where_blank": "no"}},
        ],
        {"sample_no": "no", "product_name": "product", "remark": "residue", "brand": "group"},
    )
    grid: Grid = [
        ["no", "product", "residue"],
        [None, None, "orphan"],
        ["1", "apple", "a"],
        [None, None, "b"],
        ["Cooking", None, None],
        [None, None, "of no sample in this section"],
        ["2", None, "c"],
        [None, "pear", "d"],
        [None, None, "e"],
    ]
    result = reshape(tmp_path, source, grid)
    assert used(result, "source_row", "no", "product", "residue", "group") == [
        (2, None, None, "orphan", None),
        (3, "1", "apple", "a", None),
        (4, "1", "apple", "b", None),
        (6, None, None, "of no sample in this section", "Cooking"),
        (7, "2", None, "c", "Cooking"),
        (8, "2", "pear", "d", "Cooking"),
        (9, "2", "pear", "e", "Cooking"),
    ]
    assert reasons(result) == {1: "header", 5: "section_heading"}


def test_a_row_with_too_many_cells_still_heads_its_continuations(tmp_path: Path) -> None:
    source = source_of(
        [{"fill_down": {"columns": ["no"], "where_blank": "no"}}],
        {"sample_no": "no", "remark": "residue"},
    )
    grid: Grid = [["no", "residue"], ["1", "a"], ["2", "b", "too much"], [None, "c"]]
    result = reshape(tmp_path, source, grid)
    assert used(result, "no", "residue") == [("1", "a"), ("2", "c")]


def test_cells_are_split_in_step(tmp_path: Path) -> None:
    source = source_of(
        [{"split": {"columns": ["item", "result", "limit"]}}],
        {"sample_no": "no", "remark": "item", "brand": "result", "batch_no": "limit"},
    )
    grid: Grid = [
        ["no", "item", "result", "limit"],
        ["1", "lead║zinc‖tin", "0.1║ / ║3\n", "a\nb\nc"],
        ["2", "lead║zinc", "0.1║3", None],
        ["3", None, None, None],
        ["4", "lead║zinc", "0.1", "1║2"],
        ["5", "lead║", "2║", None],
        ["6", "║", None, None],
    ]
    result = reshape(tmp_path, source, grid)
    assert used(result, "no", "part", "item", "result", "limit") == [
        ("1", 1, "lead", "0.1", "a"),
        ("1", 2, "zinc", None, "b"),
        ("1", 3, "tin", "3", "c"),
        ("2", 1, "lead", "0.1", None),
        ("2", 2, "zinc", "3", None),
        ("3", 1, None, None, None),
        ("5", 1, "lead", "2", None),
        ("6", 1, None, None, None),
    ]
    rejected = result.rejected.collect().row(0, named=True)
    assert rejected["source_row"] == 5
    assert rejected["rule_id"] == "uneven_split"
    assert rejected["column_name"] == "item, result, limit"
    assert rejected["value_text"] == "lead║zinc | 0.1 | 1║2"


def test_columns_become_rows(tmp_path: Path) -> None:
    source = source_of(
        [{"unpivot": {"matching": r"\(mg", "name": "item", "value": "result"}}],
        {"sample_no": "no", "remark": "item", "brand": "result"},
    )
    grid: Grid = [
        ["no", "lead (mg/kg)", "zinc (mg/kg)"],
        ["1", "0.1", "2"],
        ["2", "-", "3"],
        ["3", None, None],
    ]
    result = reshape(tmp_path, source, grid)
    assert used(result, "no", "part", "item", "result") == [
        ("1", 1, "lead (mg/kg)", "0.1"),
        ("1", 2, "zinc (mg/kg)", "2"),
        ("2", 1, "zinc (mg/kg)", "3"),
        ("3", 1, None, None),
    ]
    with pytest.raises(DeliveryError, match="no column is named by the pattern"):
        reshape(tmp_path, source, [["no", "lead"], ["1", "2"]])


def test_parts_of_cells_sheets_and_files_become_columns(tmp_path: Path) -> None:
    source = source_of(
        [
            {"extract": {"from": "$sheet", "pattern": "^(?P<food>.+)_BNA$"}},
            {"extract": {"from": "$file", "pattern": r"(?P<year>\d{4})"}},
            {
                "extract": {
                    "from": "residue",
                    "pattern": r"^(?P<item>.+?) (?P<result>\d[\d.]*) \((?:MRL = (?P<mrl>.+))?\)$",
                }
            },
            {"extract": {"from": "no", "pattern": r"^(?P<no>\d+) Organic$"}},
        ],
        {"sample_no": "no", "remark": "item", "brand": "food", "batch_no": "year"},
        sheets=".",
    )
    grid: Grid = [
        ["no", "residue"],
        ["1 Organic", "2,4-D (sum) 0.03 (MRL = 0.1*)"],
        ["2", "none found"],
    ]
    result = reshape(tmp_path, source, grid, sheet="Apple_BNA", file_name="in 2016.ods")
    assert used(result, "no", "item", "result", "mrl", "food", "year") == [
        ("1", "2,4-D (sum)", "0.03", "0.1*", "Apple", "2016"),
        ("2", None, None, None, "Apple", "2016"),
    ]


def test_wrong_patterns_are_mistakes_of_the_source(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"extract": {"from": "no", "pattern": r"\d+"}}, "names no group"),
        ({"extract": {"from": "no", "pattern": "(?P<x>"}}, "is no regular expression"),
        ({"ignore": {"where": {"no": "("}, "reason": "x"}}, "is no regular expression"),
    ]
    for step, message in cases:
        with pytest.raises(ConfigurationError, match=message):
            reshape(tmp_path, source_of([step], {"sample_no": "no"}), [["no"], ["1"]])


def test_sibling_files_are_joined(tmp_path: Path) -> None:
    source = source_of(
        [{"join": {"table": "firms", "on": {"id": "firm"}, "columns": ["name", "town"]}}],
        {"sample_no": "no", "entity_name": "name", "division_text": "town"},
    )
    grid: Grid = [["no", "id"], ["1", "B"], ["2", "A"], ["3", "C"], ["4", None]]
    firms = pl.LazyFrame(
        {"firm": ["A", "B", "A", None], "name": ["old", "bee", "new", "?"], "town": ["x"] * 4}
    )
    result = reshape(tmp_path, source, grid, lookups={"firms": firms})
    assert used(result, "no", "name", "town") == [
        ("1", "bee", "x"),
        ("2", "new", "x"),
        ("3", None, None),
        ("4", None, None),
    ]
    for lookups in ({}, {"firms": pl.LazyFrame(schema={"firm": pl.String()})}):
        result = reshape(tmp_path, source, grid, lookups=lookups)
        assert used(result, "name")[0] == (None,)


def test_a_lookup_table_keeps_what_others_join(tmp_path: Path) -> None:
    source = source_of(
        [{"join": {"table": "firms", "on": {"id": "firm"}, "columns": ["name"]}}],
        {"sample_no": "no", "entity_name": "name"},
    )
    with pytest.raises(DeliveryError, match="missing columns name"):
        reshape(tmp_path, source, [["firm"], ["A"]], file_name="firms.csv")
    result = reshape(tmp_path, source, [["firm", "name"], ["A", "a"]], file_name="firms.csv")
    assert result.tables["firms"].rows.select("firm", "name").collect().rows() == [("A", "a")]


def test_of_a_row_with_several_records_one_fate_counts(tmp_path: Path) -> None:
    """Used before ignored; a row that a later split rejects is rejected whole."""
    source = source_of(
        [
            {"split": {"columns": ["item", "result"], "on": ["║"]}},
            {"ignore": {"where": {"item": "^label"}, "reason": "label_only"}},
            {"split": {"columns": ["result", "extra"], "on": [";"]}},
        ],
        {"sample_no": "no", "remark": "item", "brand": "result", "batch_no": "extra"},
    )
    grid: Grid = [
        ["no", "item", "result", "extra"],
        ["1", "lead║label", "1║2", None],
        ["2", "label║label b", "1║2", None],
        ["3", "lead║zinc", "1║2;3", "a;b"],
    ]
    result = reshape(tmp_path, source, grid)
    assert used(result, "no", "part", "item") == [("1", 1, "lead")]
    assert reasons(result) == {1: "header", 3: "label_only"}
    assert result.rejected.collect()["source_row"].to_list() == [4]


cells = st.sampled_from([None, "", " ", "a", "1", "/", "x║y", "x║y║z", "注：n", "no", "head"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    grid=st.lists(st.lists(cells, min_size=1, max_size=5), max_size=12),
    sheet=st.sampled_from([None, "S"]),
)
def test_every_row_ends_in_one_place(tmp_path: Path, grid: Grid, sheet: str | None) -> None:
    source = source_of(
        [
            {"section": {"column": "no", "into": "group"}},
            {"ignore": {"where": {"no": "^注"}, "reason": "footnote"}},
            {"fill_down": {"columns": ["no", "item"], "where_blank": "no"}},
            {"split": {"columns": ["item", "result"]}},
            {"unpivot": {"columns": ["m", "n"], "name": "measure", "value": "reading"}},
            {"ignore": {"where": {"item": "", "reading": ""}, "reason": "nothing"}},
        ],
        {"sample_no": "no", "remark": "item", "brand": "result", "batch_no": "reading"},
        header={"find": ["no", "item"]},
    )
    header: list[str | None] = ["no", "item", "result", "m", "n"]
    above: Grid = [row for row in grid[:2] if "no" not in row]
    result = reshape(tmp_path, source, [*above, header, *grid, header], sheet=sheet)
    parts = result.tables["t"].rows.collect()
    assert parts.select("source_row", "part").is_unique().all()
    assert result.ignored.collect().filter(reason="header").height == 1
