from pathlib import Path

import duckdb
import pytest

from warehouse import dictionary
from warehouse.contract import Contract, record_contracts
from warehouse.dictionary import (
    RELEASE_TABLES,
    column_comment,
    comment_statements,
    dictionary_frame,
    project_contracts,
    published_contract,
    published_contracts,
    reference_contracts,
    render_dictionary,
    table_comment,
)
from warehouse.errors import ConfigurationError
from warehouse.home import Home, create_record_views
from warehouse.reference_lists import CODES_DIR
from warehouse.reference_tables import reference_table_contracts

CONTRACT = Contract.model_validate(
    {
        "table": "mart.rate",
        "description": "Rates of something, with the reader's quote.",
        "grain": "one period",
        "key": ["period"],
        "columns": [
            {
                "name": "period",
                "type": "text",
                "description": "month | quarter | year",
                "term_zh": "时期",
                "reference": "domain",
            },
            {
                "name": "value",
                "type": "number",
                "description": "rate of the inspector's units",
                "term_zh": "合格率",
                "unit": "1",
                "standard": "ISO 3534-2",
            },
        ],
    }
)


def test_the_committed_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert dictionary.main(["--check"]) == 0, "run: make dictionary"
    assert capsys.readouterr().err == ""


def test_a_stale_or_missing_page_is_found_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs" / "page.md"
    monkeypatch.setattr(dictionary, "PAGE", page)
    assert dictionary.main(["--check"]) == 1
    assert "make dictionary" in capsys.readouterr().err
    assert dictionary.main([]) == 0
    assert dictionary.main(["--check"]) == 0
    page.write_text(page.read_text("utf-8") + "more\n", "utf-8")
    assert dictionary.main(["--check"]) == 1


def test_the_page_names_every_published_table_and_column() -> None:
    contracts = project_contracts()
    page = render_dictionary(contracts)
    for contract in contracts:
        section = page.split(f"### {contract.table}\n")[1].split("\n#")[0]
        for column in contract.columns:
            assert f"| `{column.name}` | {column.duckdb_type} |" in section
    assert "### meta.release\n" in page


def test_a_pipe_in_a_description_does_not_break_the_table() -> None:
    lines = render_dictionary([CONTRACT]).splitlines()
    row = next(line for line in lines if line.startswith("| `period`"))
    assert row == (
        "| `period` | VARCHAR |  | month \\| quarter \\| year | 时期 | `ref.domain` |  |"
    )


def test_latest_models_are_published_as_core_and_steps_are_not() -> None:
    latest = CONTRACT.model_copy(update={"table": "latest.sample"})
    step = CONTRACT.model_copy(update={"table": "step.sample"})
    published = published_contract(latest)
    assert published is not None
    assert published.table == "core.sample"
    assert published_contract(CONTRACT) == CONTRACT
    assert published_contract(step) is None


def test_two_tables_of_one_name_are_refused() -> None:
    clash = CONTRACT.model_copy(update={"table": "latest.rejected_record"})
    with pytest.raises(ConfigurationError, match=r"core\.rejected_record"):
        published_contracts([clash])


def test_comments_reach_the_database_as_written() -> None:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA mart")
        con.execute(CONTRACT.empty_table_sql())
        for statement in comment_statements(CONTRACT):
            con.execute(statement)
        (table,) = con.execute("SELECT comment FROM duckdb_tables()").fetchall()[0]
        columns = con.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'mart'"
        ).fetchall()
    assert table == table_comment(CONTRACT)
    assert table == (
        "Rates of something, with the reader's quote. One row: one period. Key: period."
    )
    assert dict(columns) == {
        "period": "month | quarter | year | 时期 | codes: ref.domain",
        "value": "rate of the inspector's units | unit: 1 | 合格率 | standard: ISO 3534-2",
    }
    assert columns[1][1] == column_comment(CONTRACT.columns[1])


def test_dictionary_rows_say_what_the_contract_says() -> None:
    rows = dictionary_frame([CONTRACT]).rows(named=True)
    assert [row["position"] for row in rows] == [1, 2]
    assert [row["in_key"] for row in rows] == [True, False]
    assert rows[0]["reference"] == "ref.domain"
    assert rows[1] == {
        "table_name": "mart.rate",
        "position": 2,
        "column_name": "value",
        "data_type": "DOUBLE",
        "in_key": False,
        "unit": "1",
        "description": "rate of the inspector's units",
        "term_zh": "合格率",
        "reference": None,
        "standard": "ISO 3534-2",
        "grain": "one period",
        "table_description": "Rates of something, with the reader's quote.",
    }


def test_every_code_list_is_described_and_every_reference_is_a_code_list() -> None:
    lists = {contract.table for contract in reference_contracts()}
    assert lists == {f"ref.{path.stem}" for path in CODES_DIR.glob("*.csv")}
    named = {
        f"ref.{column.reference}"
        for contract in project_contracts()
        for column in contract.columns
        if column.reference
    }
    assert named <= {*lists, *reference_table_contracts()}


def test_a_code_list_without_words_is_refused() -> None:
    column = {"type": "text", "description": "something", "term_zh": "某"}
    columns = dict.fromkeys(("code", "name_en", "name_zh"), column)
    with pytest.raises(ConfigurationError, match="'verdict' is not described"):
        reference_contracts({"columns": columns, "lists": {}}, ["verdict"])
    lists = {"verdict": {"description": "Conclusions of a test or inspection."}}
    with pytest.raises(ConfigurationError, match="columns that are not described: source"):
        reference_contracts({"columns": columns, "lists": lists}, ["verdict"])


def test_tables_of_the_release_are_no_hindrance_to_views_of_the_lake(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        create_record_views(con, Home(tmp_path))
        for table in RELEASE_TABLES:
            relation = con.sql(f"FROM {table}")
            assert tuple(relation.columns) == record_contracts()[table].column_names
            assert relation.fetchall() == []
