"""The macros that explain a figure, on tables of their contracts."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines.explain import TABLES, Part, explanation
from warehouse import release_macros
from warehouse.engine.model import contract_of, load_models
from warehouse.engine.run import create_empty_table, register_references
from warehouse.errors import ConfigurationError
from warehouse.reference_lists import code_lists
from warehouse.reference_tables import reference_table_names
from warehouse.release_macros import macro_statements

FIGURE = {"indicator_id": "tea_rate", "variant_id": "plain"}
UNIT: dict[str, Any] = {
    **FIGURE,
    "unit_kind": "sample",
    "source_id": "a",
    "programme": "evaluative",
    "sampling_basis": "random",
    "coverage": "complete",
    "division_code": "330782105",
    "counted_on": "2024-05-20",
    "is_counted": True,
    "denominator": 1,
}
VALUE: dict[str, Any] = {
    **FIGURE,
    "estimates": "population",
    "slice_type": "all",
    "slice": "all",
    "unit": "%",
    "excluded": 1,
    "is_suppressed": False,
    "is_weighted": False,
    "as_of": "2024-12-31",
    "plan_id": "p",
    "target_id": "tea_target",
}
ROWS: dict[str, list[dict[str, Any]]] = {
    "ref.indicator": [
        {
            "indicator_id": "tea_rate",
            "name_en": "Tea",
            "name_zh": "茶叶",
            "kind": "rate",
            "source_en": "plan, section 1",
            "source_zh": "方案第一部分",
        }
    ],
    "ref.indicator_variant": [
        {**FIGURE, "name_en": "plain", "name_zh": "普通"},
        {"indicator_id": "tea_rate", "variant_id": "best", "name_en": "best", "name_zh": "最佳"},
    ],
    "ref.plan_target": [
        {
            "plan_id": "p",
            "target_id": "tea_target",
            "indicator_id": "tea_rate",
            "official_variant": "plain",
            "awaiting_decision": True,
            "official_note_en": "awaiting the owner",
            "official_note_zh": "待主管部门决定",
        }
    ],
    "ref.indicator_slice": [
        {
            "indicator_id": "tea_rate",
            "slice_type": "industry",
            "is_made": False,
            "words_en": "not stated",
            "words_zh": "来源不列行业",
        }
    ],
    "ref.indicator_exclusion": [{**FIGURE, "reason": "online", "words_en": "was bought online"}],
    "fact.indicator_unit": [
        {**UNIT, "unit_no": "U1", "numerator": 1},
        {**UNIT, "unit_no": "U2", "numerator": 0, "counted_on": "2024-08-01"},
        {
            **UNIT,
            "unit_no": "U3",
            "numerator": 0,
            "denominator": 0,
            "is_counted": False,
            "exclusion_reason": "online",
        },
    ],
    "mart.indicator_failure": [
        {
            **{name: UNIT[name] for name in (*FIGURE, "unit_kind", "source_id")},
            "unit_no": "U2",
            "counted_on": "2024-08-01",
            "parameter_code": "lead",
            "parameter_name": "Lead",
            "seq": 1,
            "delivery_id": "d1",
            "file_name": "august.csv",
            "source_row": 7,
        }
    ],
    "mart.indicator_value": [
        {**VALUE, "period_type": "year", "period": "2023", "numerator": 0, "denominator": 0},
        {
            **VALUE,
            "period_type": "year",
            "period": "2024",
            "numerator": 1,
            "denominator": 2,
            "value": 50.0,
            "lower": 9.45,
            "upper": 90.55,
            "interval_method": "wilson",
        },
        {**VALUE, "period_type": "quarter", "period": "2024Q2", "numerator": 1, "denominator": 1},
        {
            **VALUE,
            "slice_type": "division",
            "slice": "330782105",
            "is_suppressed": True,
            "period_type": "year",
            "period": "2024",
            "denominator": 2,
        },
    ],
}


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    models = load_models()
    own = {f"ref.{name}" for name in code_lists()}
    for table in sorted({*TABLES, "fact.sample_firm"} - own):
        create_empty_table(con, contract_of(table, models))
        for row in ROWS.get(table, ()):
            con.from_arrow(pl.DataFrame([row]).to_arrow()).create_view("row", replace=True)
            con.execute(f"INSERT INTO {table} BY NAME FROM row")
    register_references(con, reference_table_names())
    for statement in macro_statements():
        con.execute(statement)
    return con


def test_in_chinese_it_is_chinese(con: duckdb.DuckDBPyConnection) -> None:
    said = dict(
        con.execute(
            "SELECT label_zh, text_zh FROM mart.explain('tea_target') WHERE part = 'figure'"
        ).fetchall()
    )
    (made_of,) = con.execute(
        "SELECT label_zh FROM mart.explain('tea_target') WHERE part = 'made_of'"
    ).fetchall()

    assert said["依据"] == "方案第一部分"
    assert said["待定"] == "待主管部门决定"
    assert said["不分项"] == "industry：来源不列行业"
    assert made_of == ("评价性抽检 / 随机抽样 / 全部",)


def lines(con: duckdb.DuckDBPyConnection, asked: str) -> dict[str, list[tuple[Any, ...]]]:
    """Label, text, units and place of each line, by part."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    query = (
        f"SELECT part, label_en, text_en, units, file_name, source_row FROM mart.explain({asked})"
    )
    for part, *line in con.execute(query).fetchall():
        found.setdefault(part, []).append(tuple(line))
    return found


def test_a_target_stands_for_its_official_variant_in_the_last_year_with_units(
    con: duckdb.DuckDBPyConnection,
) -> None:
    found = lines(con, "'tea_target'")
    said = {label: text for label, text, *_ in found["figure"]}

    assert said["figure"] == "Tea, 2024"
    assert said["variant"] == "plain: plain"
    assert said["value"] == "50.0000 % (1 of 2, 1 left out)"
    assert said["interval"] == "9.45 to 90.55 % (95 %, wilson)"
    assert "target" not in said
    assert found["made_of"] == [
        ("evaluative / random / complete", "1 of 2 that count pass", 3, None, None)
    ]
    assert found["left_out"] == [("online", "was bought online", 1, None, None)]
    assert found["parameter"] == [("Lead", "1 failing results", 1, None, None)]
    assert found["failing"] == [("U2", "2024-08-01, Lead", None, "august.csv", 7)]
    assert lines(con, "'tea_rate', period := '2024', variant := 'plain'") == found


def test_a_period_has_its_own_units_and_what_is_not_known_no_lines(
    con: duckdb.DuckDBPyConnection,
) -> None:
    found = lines(con, "'tea_rate', period := '2024Q2'")

    assert found["made_of"][0][2] == 2
    assert "failing" not in found
    assert "parameter" not in found
    assert lines(con, "'milk_rate'") == {}
    assert lines(con, "'tea_rate', period := '2024Q3'").keys() == {
        "made_of",
        "parameter",
        "failing",
    }


def test_a_figure_of_too_few_units_is_not_told_by_what_explains_it(
    con: duckdb.DuckDBPyConnection,
) -> None:
    asked = "'tea_rate', period := '2024', variant := 'plain', division := '330782105'"
    found = lines(con, asked)

    assert dict(line[:2] for line in found["figure"])["value"] == ("not shown: too few units (2)")
    assert [line[1] for line in found["made_of"]] == ["2 count; too few to show how many pass"]
    assert found["left_out"][0][2] == 1
    assert found.keys() == {"figure", "made_of", "left_out"}
    for part in ("failure", "parameter"):
        assert con.execute(f"FROM mart.explained_{part}({asked})").fetchall() == []
    for part, told in (("unit", "final_verdict, numerator"), ("part", "passed")):
        rows = con.execute(f"SELECT {told} FROM mart.explained_{part}({asked})").fetchall()
        assert {value for row in rows for value in row} == {None}

    said = explanation(con, "tea_rate", "plain", "2024", "330782105")
    assert said[-1] == "What failed is not shown: too few units."
    assert {part.name for part in said if isinstance(part, Part)} == {"made_of", "left_out"}


def test_every_macro_says_what_it_is_and_what_it_takes(con: duckdb.DuckDBPyConnection) -> None:
    macros = con.execute(
        "SELECT function_name, comment FROM duckdb_functions() WHERE schema_name = 'mart'"
    ).fetchall()

    names = {path.stem for path in release_macros.MACROS_DIR.glob("*.sql")}
    assert {name for name, _ in macros} == names
    takes = "Parameters: indicator, period := NULL"
    others = [name for name, comment in macros if takes not in comment]
    assert others == ["firm_record"]


def test_the_record_of_a_firm_is_that_of_earlier_days(con: duckdb.DuckDBPyConnection) -> None:
    told = [("2024-01-10", "fail"), ("2024-02-10", None), ("2024-03-10", "pass")]
    for sample_no, (day, verdict) in enumerate(told):
        con.execute(
            "INSERT INTO fact.sample_firm BY NAME SELECT $sample_no AS sample_no, "
            "'P' AS firm_uscc, $day::DATE AS counted_on, $verdict AS final_verdict",
            {"sample_no": str(sample_no), "day": day, "verdict": verdict},
        )

    def record(day: str) -> list[tuple[object, ...]]:
        return con.execute("FROM mart.firm_record('P', $day)", {"day": day}).fetchall()

    assert record("2024-01-10") == [(0, 0, None)]
    assert record("2024-03-10") == [(1, 1, dt.date(2024, 1, 10))]
    assert record("2024-03-11") == [(2, 1, dt.date(2024, 1, 10))]


def test_a_macro_without_parameters_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd.sql").write_text("-- What it is.\nSELECT 1\n", "utf-8")
    monkeypatch.setattr(release_macros, "MACROS_DIR", tmp_path)
    macro_statements.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match=r"macros/odd\.sql: the last line above"):
            macro_statements()
    finally:
        macro_statements.cache_clear()
