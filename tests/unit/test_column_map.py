"""Column maps: numbers in another unit, results and their limits, days without a year."""

from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.ingest.macros import install
from assets.ingest.mapping import PROVENANCE, compile_record
from warehouse.source import RecordMap, Source
from warehouse.source_check import source_problems

NUMBERS = st.decimals(min_value=0, max_value=10**6, places=3)


def mapped(target: Any, columns: dict[str, Any], **texts: list[str | None]) -> pl.DataFrame:
    """Records of one table, from columns of text."""
    rows = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)).with_columns(
        pl.int_range(1, pl.len() + 1).alias(name) for name in PROVENANCE
    )
    record = RecordMap.model_validate({"columns": columns})
    with duckdb.connect() as con:
        install(con)
        con.register("staged", rows)
        return con.sql(compile_record(target, record, "staged", {}).sql).pl()


@given(st.lists(NUMBERS, min_size=20, max_size=40), st.sampled_from(["0.001", "1000", "0.5"]))
@settings(max_examples=5)
def test_a_factor_multiplies_exactly(numbers: list[Decimal], factor: str) -> None:
    columns = {"lod": {"from": "n", "factor": factor}}
    found = mapped("water_measurement", columns, n=[f"{number:f}" for number in numbers])

    assert found["lod"].to_list() == [number * Decimal(factor) for number in numbers]


RESULTS = st.sampled_from([None, "0.02", "ND", "<0.01", "0.3mg/kg", "①0.1；②ND", "①②", "abc"])
UNITS = st.sampled_from([None, "mg/kg", "MG/KG", "g/100g"])
LIMITS = st.sampled_from([None, "≤0.1", "0.02", "0.02g/100g", "不得检出", "?"])


@given(st.lists(st.tuples(RESULTS, UNITS, LIMITS), min_size=4, max_size=5).map(lambda r: r * 2))
@settings(max_examples=2)
def test_results_are_understood_alike_on_every_row(
    rows: list[tuple[str | None, str | None, str | None]],
) -> None:
    columns = {"result_text": "r", "unit": "u", "limit_text": "l"}
    texts = dict(zip("rul", map(list, zip(*rows, strict=True)), strict=True))
    found = mapped("test_result", columns, **texts).sort("row_id", "result_part")
    alone = {
        (r, u, limit): mapped("test_result", columns, r=[r], u=[u], l=[limit]).sort("result_part")
        for r, u, limit in set(rows)
    }

    expected = pl.concat(alone[row] for row in rows)
    assert found.drop(PROVENANCE).equals(expected.drop(PROVENANCE))


def test_what_is_no_number_is_none_and_keeps_its_text() -> None:
    columns = {"pm25": {"from": "n", "factor": "0.001"}}
    found = mapped("air_hour", columns, n=["broken", None, "4"])

    assert found["pm25"].to_list() == [None, None, 0.004]
    assert found["pm25__text"].to_list() == ["broken", None, "4"]


def test_a_day_takes_its_year_from_another_column() -> None:
    columns = {"measured_on": {"from": "t", "year_from": "file_day"}}
    found = mapped(
        "water_measurement",
        columns,
        t=["12-31 20:00", "01-02 08:00", "2018-07-01", "31-12"],
        file_day=["2020-01-02"] * 4,
    )

    assert [day and day.isoformat() for day in found["measured_on"]] == [
        "2019-12-31",
        "2020-01-02",
        "2018-07-01",
        None,
    ]


def test_a_factor_belongs_to_a_measured_number(market: Source) -> None:
    table = market.tables["samples"]
    record = table.records["sample"]
    column = record.columns["product_name"].model_copy(update={"factor": "2"})
    changed = record.model_copy(update={"columns": {**record.columns, "product_name": column}})
    wrong = market.model_copy(
        update={"tables": {"samples": table.model_copy(update={"records": {"sample": changed}})}}
    )

    assert [each for each in source_problems(wrong) if "factor" in each] == [
        (
            "tables.samples.records.sample.columns.product_name.factor: this column holds text, "
            "not a measured number"
        )
    ]
    with pytest.raises(ValueError, match="factor"):
        RecordMap.model_validate({"columns": {"lod": {"from": "n", "factor": "-1; DROP"}}})


def test_stated_rows_name_their_group(market: Source) -> None:
    table = market.tables["samples"].model_copy(update={"stated_rows": "records: [0-9]+"})
    wrong = market.model_copy(update={"tables": {"samples": table}})

    assert any("name the group (?P<stated>[0-9]+)" in each for each in source_problems(wrong))
