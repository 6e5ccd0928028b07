"""Checks run by Great Expectations: outcomes, contracts, Data Docs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from expectations import dialect
from expectations.data_docs import build_data_docs, stand_alone
from expectations.results import read_run, write_run
from expectations.runner import ValidationRun, run_checks, validate
from expectations.suite import NOT_IN_DUCKDB, build_expectation, build_suite, suite_for
from warehouse.contract import Contract, Expectation, record_contracts
from warehouse.errors import ConfigurationError


def rule(name: str, arguments: dict[str, Any], **keys: Any) -> Expectation:
    """An expectation in the form in which contracts write it."""
    given_keys = {"rule": "rule_under_test", "action": "block", **keys}
    return Expectation.model_validate({name: arguments, **given_keys})


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


# -- outcomes ---------------------------------------------------------------------------------


def numbers_table(con: duckdb.DuckDBPyConnection) -> None:
    """Six rows: n 1…6, and k that repeats 1, is missing once."""
    con.execute(
        "CREATE TABLE numbers AS SELECT n, k, 'd' || n AS delivery_id FROM "
        "(VALUES (1, 1), (2, 1), (3, 2), (4, NULL), (5, 5), (6, 6)) AS rows(n, k)"
    )


def test_rows_that_a_query_finds_are_counted_once(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Conditions may be costly, and Great Expectations' own rule runs them twice."""
    numbers_table(con)
    asked: list[str] = []
    execute = dialect._Cursor.execute  # noqa: SLF001 - the one place that sees every query

    def spy(cursor: Any, statement: str, parameters: Any = None) -> None:
        asked.append(statement)
        execute(cursor, statement, parameters)

    monkeypatch.setattr("expectations.dialect._Cursor.execute", spy)
    condition = rule("unexpected_rows_expectation", {"condition": "n % 7 > 4"})
    (result,) = validate(con, "numbers", [condition], scope="core")
    assert (result.outcome, result.rows_checked, result.rows_failed) == ("failed", 6, 2)
    assert len([statement for statement in asked if "7" in statement]) == 1


def test_a_failed_row_rule_shows_counts_words_and_the_first_failing_rows(
    con: duckdb.DuckDBPyConnection,
) -> None:
    numbers_table(con)
    between = rule("expect_column_values_to_be_between", {"column": "k", "max_value": 1})
    (result,) = validate(
        con,
        "numbers",
        [between],
        scope="core",
        sample_columns=["delivery_id", "no_such_column"],
        max_samples=2,
    )
    assert (result.outcome, result.rows_checked, result.rows_failed) == ("failed", 6, 3)
    assert result.expected == "k is at most 1"
    assert result.observed == "3 of 6 rows fail (50.00%)"
    assert json.loads(result.failing_rows or "") == [
        {"delivery_id": "d3", "k": 2},
        {"delivery_id": "d5", "k": 5},
    ]
    assert json.loads(result.arguments) == {"column": "k", "max_value": 1}
    assert (result.scope, result.table_name, result.rule_id) == ("core", "numbers", between.rule)


def test_repeated_keys_are_shown(con: duckdb.DuckDBPyConnection) -> None:
    numbers_table(con)
    rules = [
        rule("expect_column_values_to_be_unique", {"column": "k"}, rule="single"),
        rule("expect_compound_columns_to_be_unique", {"column_list": ["k", "n"]}, rule="both"),
    ]
    single, both = validate(con, "numbers", rules, scope="core", sample_columns=["n"])
    assert (single.outcome, single.rows_failed) == ("failed", 2)
    assert json.loads(single.failing_rows or "") == [{"n": 1, "k": 1}, {"n": 2, "k": 1}]
    assert (both.outcome, both.rows_failed, both.failing_rows) == ("passed", 0, None)


def test_rules_about_the_whole_table_tell_what_was_observed(
    con: duckdb.DuckDBPyConnection,
) -> None:
    numbers_table(con)
    rules = [
        rule("expect_table_row_count_to_be_between", {"min_value": 7}, rule="rows"),
        rule("expect_column_max_to_be_between", {"column": "n", "max_value": 6}, rule="largest"),
    ]
    rows, largest = validate(con, "numbers", rules, scope="core")
    assert (rows.outcome, rows.observed, rows.rows_failed) == ("failed", "6", None)
    assert rows.expected == "the table has at least 7 rows"
    assert (largest.outcome, largest.observed, largest.rows_checked) == ("passed", "6", 6)


def test_a_crashed_check_is_an_error_and_its_neighbours_keep_their_outcome(
    con: duckdb.DuckDBPyConnection,
) -> None:
    numbers_table(con)
    rules = [
        rule("expect_column_values_to_not_be_null", {"column": "n"}, rule="fine"),
        rule("expect_column_values_to_not_be_null", {"column": "k"}, rule="broken"),
        rule("expect_column_values_to_match_regex", {"column": "n", "regex": "1"}, rule="no_text"),
        rule("expect_column_values_to_be_null", {"column": "absent"}, rule="no_column"),
        rule("unexpected_rows_expectation", {"condition": "no_function(n)"}, rule="no_function"),
    ]
    run = run_checks(con, "numbers", rules, scope="core")
    outcomes = {result.rule_id: result.outcome for result in run.results}
    assert outcomes == {
        "fine": "passed",
        "broken": "failed",
        "no_text": "error",
        "no_column": "error",
        "no_function": "error",
    }
    by_rule = {result.rule_id: result for result in run.results}
    assert "regexp_matches(INTEGER" in by_rule["no_text"].observed
    assert "absent" in by_rule["no_column"].observed
    assert "no_function" in by_rule["no_function"].observed
    assert by_rule["no_text"].rows_failed is None
    assert "sqlalche.me" not in by_rule["no_text"].observed
    assert [result.rule_id for result in run.blocking] == list(outcomes)[1:]


def test_every_check_of_a_missing_table_is_an_error(con: duckdb.DuckDBPyConnection) -> None:
    rules = [rule("expect_column_values_to_not_be_null", {"column": "n"})]
    (result,) = validate(con, "core.nowhere", rules, scope="core")
    assert result.outcome == "error"
    assert "nowhere" in result.observed


def test_checks_see_the_callers_transaction_and_leave_it_open(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rules = [rule("expect_table_row_count_to_equal", {"value": 2})]
    con.execute("CREATE TABLE batch AS SELECT 1 AS n")
    con.execute("BEGIN")
    con.execute("INSERT INTO batch VALUES (2)")
    (result,) = validate(con, "batch", rules, scope="batch")
    assert result.passed
    con.execute("ROLLBACK")
    assert con.sql("FROM batch").fetchall() == [(1,)]


def test_a_temporary_table_hides_a_stored_one_of_the_same_name(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute("CREATE TABLE batch AS SELECT 1 AS stored")
    con.execute("CREATE TEMP TABLE batch AS SELECT 1 AS temporary")
    rules = [rule("expect_table_columns_to_match_ordered_list", {"column_list": []})]
    (result,) = validate(con, "batch", rules, scope="batch")
    assert json.loads(result.observed) == ["temporary"]


def test_one_name_on_two_connections_is_two_tables(con: duckdb.DuckDBPyConnection) -> None:
    rules = [rule("expect_column_values_to_not_be_null", {"column": "later"})]
    con.execute("CREATE TABLE batch AS SELECT 1 AS sooner")
    assert validate(con, "batch", rules, scope="batch")[0].outcome == "error"
    with duckdb.connect() as other:
        other.execute("CREATE TABLE batch AS SELECT 1 AS later")
        assert validate(other, "batch", rules, scope="batch")[0].passed


def test_results_keep_the_given_order_and_name(con: duckdb.DuckDBPyConnection) -> None:
    numbers_table(con)
    rules = [
        rule("expect_column_values_to_not_be_null", {"column": column}, rule=f"rule_{column}")
        for column in ("n", "delivery_id", "k")
    ]
    run = run_checks(con, "numbers", rules, scope="x", table_name="core.sample")
    assert [result.rule_id for result in run.results] == ["rule_n", "rule_delivery_id", "rule_k"]
    assert {result.table_name for result in run.results} == {"core.sample"}


def test_a_table_without_rows_breaks_no_rule_about_rows(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    con.execute("CREATE TABLE nothing (k INTEGER)")
    rules = [
        rule("expect_column_values_to_not_be_null", {"column": "k"}),
        rule("expect_column_values_to_be_unique", {"column": "k"}, rule="unique_k"),
    ]
    short = run_checks(con, "nothing", rules, scope="core").results
    monkeypatch.setattr("expectations.runner._nothing_to_break", lambda *_: False)
    assert run_checks(con, "nothing", rules, scope="core").results == short
    assert [result.outcome for result in short] == ["passed", "passed"]


@pytest.mark.parametrize(
    "unfit",
    [
        rule("expect_column_values_to_not_be_null", {"column": "no_such_column"}),
        rule("expect_column_values_to_be_unique", {"column": "no_such_column"}),
        rule("unexpected_rows_expectation", {"condition": "no_such_column > 1"}),
    ],
)
def test_a_rule_that_does_not_fit_is_an_error_without_rows_too(
    con: duckdb.DuckDBPyConnection, unfit: Expectation
) -> None:
    con.execute("CREATE TABLE nothing (k INTEGER)")
    (result,) = validate(con, "nothing", [unfit], scope="core")
    assert result.outcome == "error"


def test_rules_about_the_whole_table_mind_that_it_is_empty(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE nothing (k INTEGER)")
    filled = rule("expect_table_row_count_to_be_between", {"min_value": 1})
    (result,) = validate(con, "nothing", [filled], scope="core")
    assert result.outcome == "failed"


def test_nothing_to_check_gives_no_results(con: duckdb.DuckDBPyConnection) -> None:
    assert run_checks(con, "nowhere", [], scope="x").results == ()


# -- contracts --------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", record_contracts().values(), ids=lambda c: c.table)
def test_every_contract_compiles_and_runs_on_its_empty_table(
    contract: Contract, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expectations.runner._nothing_to_break", lambda *_: False)
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {contract.schema_name}")
    con.execute(contract.empty_table_sql())
    suite = suite_for(contract)
    assert [e.meta["rule"] for e in suite.expectations] == [e.rule for e in contract.expectations]
    results = validate(con, contract.table, contract.expectations, scope="empty")
    assert [(r.rule_id, r.observed) for r in results if not r.passed] == []
    assert {r.rows_failed for r in results} <= {0}


@pytest.mark.parametrize(
    ("expectation", "complaint"),
    [
        (rule("expect_column_values_to_be_nice", {"column": "n"}), "no expectation named"),
        (
            rule("expect_column_values_to_be_in_set", {"column": "n", "values": [1]}),
            "value_set: field required; values: extra fields not permitted",
        ),
        (
            rule("expect_column_values_to_be_in_set", {"column": "n", "reference": "moods"}),
            "no code list 'moods'",
        ),
        (rule("expect_column_values_to_be_between", {"column": "n"}), "cannot both be None"),
        (
            rule(
                "expect_column_values_to_not_be_null",
                {"column": "n", "row_condition": "length(n) > 2"},
            ),
            "unexpected_rows_expectation",
        ),
        (
            rule(
                "expect_column_pair_values_to_be_equal",
                {
                    "column_A": "n",
                    "column_B": "n",
                    "ignore_row_if": "neither",
                    "row_condition": "n > 2",
                },
            ),
            "does not run in Great Expectations",
        ),
        (rule("unexpected_rows_expectation", {"query": "SELECT 1"}), "takes condition"),
        (rule("unexpected_rows_expectation", {"condition": "n >"}), "not SQL"),
    ],
)
def test_a_wrong_rule_is_one_clear_error(expectation: Expectation, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        build_suite("core.sample", [expectation])
    message = str(error.value)
    assert message.startswith("core.sample, rule rule_under_test: ")
    assert complaint in message
    assert "\n" not in message


def test_expectations_that_duckdb_cannot_run_are_refused() -> None:
    for name in NOT_IN_DUCKDB:
        with pytest.raises(ConfigurationError, match="does not run in DuckDB"):
            build_expectation(rule(name, {"column": "n"}), "core.sample")


# -- Data Docs --------------------------------------------------------------------------------


@pytest.fixture
def runs(con: duckdb.DuckDBPyConnection) -> list[ValidationRun]:
    numbers_table(con)
    con.execute("CREATE SCHEMA core")
    con.execute("CREATE TABLE core.numbers AS FROM main.numbers")
    rules = [
        rule("expect_column_values_to_not_be_null", {"column": "k"}, rule="missing_k"),
        rule("expect_column_values_to_be_between", {"column": "n", "max_value": 9}, rule="large"),
        rule("expect_column_values_to_match_regex", {"column": "n", "regex": "1"}, rule="crash"),
    ]
    return [
        run_checks(con, "numbers", rules, scope="uk_prif/2021-03-01"),
        run_checks(con, "core.numbers", rules, scope="core"),
        run_checks(con, "core.absent", rules, scope="<core>"),
    ]


def test_data_docs_need_no_network(runs: list[ValidationRun], tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "stale.html").write_text("of an earlier night")
    kept = []
    for number, run in enumerate(runs):
        path = tmp_path / "kept" / f"{number}.json"
        write_run(run, path)
        kept.append(read_run(path))
    assert kept == runs
    index = build_data_docs(kept, folder)
    pages = {path.name: path.read_text("utf-8") for path in folder.glob("*.html")}
    assert set(pages) == {
        "index.html",
        "uk_prif_2021-03-01.numbers.html",
        "core.core.numbers.html",
    }
    for name, page in pages.items():
        targets = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
        assert [target for target in targets if ":" in target or "//" in target] == []
        assert "<script" not in page
        assert "url(" not in page
        assert 'href="data_docs.css"' in page
        for target in targets:
            assert target.startswith("#") or (folder / target).is_file(), (name, target)
    assert (folder / "data_docs.css").stat().st_size > 500
    text = index.read_text("utf-8")
    assert "missing_k</span>: 1 of 6 rows fail (16.67%)" in text
    assert "&lt;core&gt;" in text
    page = pages["core.core.numbers.html"]
    assert "values must never be null" in page
    assert "values must be less than or equal to" in page
    assert "raised an exception" in page
    assert "Traceback" not in page


def test_an_index_is_written_when_no_check_has_run(tmp_path: Path) -> None:
    index = build_data_docs([], tmp_path / "docs")
    assert "No checks have run." in index.read_text("utf-8")


def test_runs_whose_names_look_alike_get_pages_of_their_own(
    runs: list[ValidationRun], tmp_path: Path
) -> None:
    alike = [runs[0], runs[0].model_copy(update={"scope": "uk_prif_2021-03-01"})]
    build_data_docs(alike, tmp_path / "docs")
    assert len(list((tmp_path / "docs").glob("*.html"))) == 3


def test_remote_parts_and_scripts_are_filtered() -> None:
    page = (
        '<html><head><link rel="stylesheet" href="https://far/a.css"></head><body>'
        '<script>if (1 < 2) { "</p>" }</script><img src="//far/b.png"><img src="near.png"/>'
        '<a href="https://far" onclick="go()">a &amp; b &#20013;</a>'
        '<div class="modal"><div>x</div></div><i style="background: url(https://far/c)"></i></body>'
        "<footer>news</footer></html>"
    )
    kept = stand_alone(page)
    assert "far" not in kept
    assert '<img src="near.png">' in kept
    assert "<a>a &amp; b &#20013;</a>" in kept
    assert "x" not in kept.partition("<body>")[2]
    assert "news" not in kept
