"""JSON and Parquet: names in row 1, records from row 2."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.ingest.readers import read_to_parquet
from warehouse.errors import DeliveryError
from warehouse.source import Format


def rows_of(path: Path, **options: str) -> list[tuple[object, ...]]:
    out = path.with_name("out.parquet")
    read_to_parquet(path, Format.model_validate({"kind": path.suffix[1:], **options}), out)
    return pl.read_parquet(out).drop("source_sheet").rows()


def test_nested_objects_become_dotted_columns_and_numbers_keep_their_text(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text(
        '{"success": {"results": ['
        '{"no": 1, "value": 0.10, "lab": {"name": "实验室", "city": {"code": "3307"}}, "ok": true},'
        '{"no": 2, "value": 1e3, "tags": ["a", 0.50, {"b": null}], "lab": {"name": ""}}]}}',
        encoding="utf-8",
    )
    assert rows_of(path, records_path="success.results") == [
        (1, "no", "value", "lab.name", "lab.city.code", "ok", "tags"),
        (2, "1", "0.10", "实验室", "3307", "true", None),
        (3, "2", "1e3", None, None, None, '["a", 0.50, {"b": null}]'),
    ]


def test_lists_of_plain_values_are_joined_where_the_format_says_so(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text(
        '[{"no": 1, "tags": ["a", 0.50, null], "parts": [{"b": ["x", "y"]}], "in": {"of": ["c"]}},'
        '{"no": 2, "tags": [], "in": {"of": null}}]',
        encoding="utf-8",
    )
    assert rows_of(path, list_separator="; ") == [
        (1, "no", "tags", "parts", "in.of"),
        (2, "1", "a; 0.50", '[{"b": ["x", "y"]}]', "c"),
        (3, "2", None, None, None),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    records=st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), min_size=1, max_size=5)
)
@settings(max_examples=40)
@pytest.mark.parametrize("separator", [None, "; "])
def test_any_records_give_a_row_each(
    tmp_path_factory: pytest.TempPathFactory, separator: str | None, records: list[dict[str, Any]]
) -> None:
    """Whatever they hold: a line of names, then one row per record, none lost and none split."""
    path = tmp_path_factory.mktemp("json") / "in.json"
    path.write_text(json.dumps(records), "utf-8")
    options = {} if separator is None else {"list_separator": separator}

    assert [row[0] for row in rows_of(path, **options)] == list(range(1, len(records) + 2))


def test_what_a_document_states_beside_its_list_is_a_row_above(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text('{"success": {"total": 5928, "results": [{"no": 1}], "of": {"x": 2}}}', "utf-8")
    options = {"records_path": "success.results", "stated_row": "true"}
    assert rows_of(path, **options) == [(1, "total: 5928"), (2, "no"), (3, "1")]


def test_records_that_are_lists_of_cells_are_rows_themselves(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps({"tbody": [["a", None, 1], ["b"]]}), encoding="utf-8")
    assert rows_of(path, records_path="tbody") == [(1, "a", None, "1"), (2, "b", None, None)]


def test_labels_beside_the_records_and_what_the_file_states(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    document = {"records": 3, "note": None, "thead": ["no", "pH<br/>"], "tbody": [["a", 7.10]]}
    path.write_text(json.dumps(document), encoding="utf-8")
    paths = {"records_path": "tbody", "labels_path": "thead"}

    assert rows_of(path, **paths) == [
        (1, "records: 3", None),
        (2, "no", "pH<br/>"),
        (3, "a", "7.1"),
    ]
    with pytest.raises(DeliveryError, match="there is no 'head' of labels_path 'head'"):
        rows_of(path, **{**paths, "labels_path": "head"})
    with pytest.raises(DeliveryError, match="labels must be texts"):
        rows_of(path, **{**paths, "labels_path": "tbody"})


@pytest.mark.parametrize(
    ("text", "records_path", "message"),
    [
        ("{", None, "this is no JSON: .* in line 1, column 2"),
        ('{"a": {"b": []}}', "a.c", "there is no 'c' of records_path 'a.c'; found: b"),
        ('{"a": {"b": [1]}}', None, "leads to no list of records; lists in the file: a.b"),
        ('{"a": []}', "a", "the list of records is empty"),
        ('[{"a": 1}, 2]', None, "records must be all objects"),
        ("[" * 100_000, None, "nested too deeply"),
    ],
)
def test_bad_json_is_refused_with_a_reason(
    tmp_path: Path, text: str, records_path: str | None, message: str
) -> None:
    path = tmp_path / "in.json"
    path.write_text(text, encoding="utf-8")
    file_format = Format(kind="json", records_path=records_path)
    with pytest.raises(DeliveryError, match=f"^in.json: .*{message}"):
        read_to_parquet(path, file_format, tmp_path / "out.parquet")


def test_parquet_of_any_types(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pl.DataFrame(
        {"no": [1, 2], "a 'b' \"c\"": [0.05, None], "day": ["2024-05-01", None], "t": ["", "x"]}
    ).with_columns(pl.col("day").str.to_date()).write_parquet(path)
    assert rows_of(path) == [
        (1, "no", "a 'b' \"c\"", "day", "t"),
        (2, "1", "0.05", "2024-05-01", None),
        (3, "2", None, None, "x"),
    ]


def test_parquet_rows_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pl.DataFrame({"n": range(300_000)}).write_parquet(path, row_group_size=10_000)
    out = tmp_path / "out.parquet"
    assert read_to_parquet(path, Format(kind="parquet"), out).rows == 300_001
    frame = pl.read_parquet(out)
    assert frame["source_row"].to_list() == list(range(1, 300_002))
    assert frame["c1"].to_list() == ["n", *map(str, range(300_000))]


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pl.DataFrame({"n": range(1000)}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DeliveryError, match=r"^in.parquet: this cannot be read as Parquet"):
        read_to_parquet(path, Format(kind="parquet"), tmp_path / "out.parquet")
