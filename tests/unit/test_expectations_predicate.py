"""Predicates, conditions and words of rules, without Great Expectations."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import words
from expectations.conditions import column_names, escaped_for_query
from expectations.predicate import failing_condition, is_row_rule
from expectations.results import CheckResult, read_results, write_results
from expectations.suite import check_contract, check_rules
from warehouse.contract import Expectation, record_contracts
from warehouse.errors import ConfigurationError
from warehouse.sql import literal, qualified


def rule(name: str, arguments: dict[str, Any], **keys: Any) -> Expectation:
    """An expectation in the form in which contracts write it."""
    given_keys = {"rule": "rule_under_test", "action": "reject", **keys}
    return Expectation.model_validate({name: arguments, **given_keys})


NOT_NULL = "expect_column_values_to_not_be_null"
IN_SET = "expect_column_values_to_be_in_set"
BETWEEN = "expect_column_values_to_be_between"


# -- literals and names -----------------------------------------------------------------------


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
@settings(max_examples=30)
def test_a_text_literal_is_the_text_again(texts: list[str]) -> None:
    listed = ", ".join(literal(text) for text in texts)
    with duckdb.connect() as con:
        assert con.sql(f"SELECT [{listed}]::VARCHAR[]").fetchall() == [(texts,)]


def test_literals_of_other_types_are_their_values_again() -> None:
    values = [None, True, 0, -3, 2**62, 0.1, float("inf"), dt.date(2024, 2, 29)]
    moment = dt.datetime(2024, 2, 29, 23, 59, 1, 5)  # noqa: DTZ001 - columns have no zone
    listed = ", ".join(literal(value) for value in [*values, moment])
    with duckdb.connect() as con:
        assert con.sql(f"SELECT {listed}").fetchall() == [(*values, moment)]


def test_there_is_no_literal_for_a_list() -> None:
    with pytest.raises(ConfigurationError, match=r"rule_under_test: no SQL literal"):
        failing_condition(rule(IN_SET, {"column": "a", "value_set": [["x"]]}), "core.sample")


def test_quoted_names_keep_quotes_and_split_at_points() -> None:
    assert qualified('core.a"b') == '"core"."a""b"'


# -- predicates -------------------------------------------------------------------------------


def broken(expectation: Expectation, values: str, columns: str = "a, b") -> list[Any]:
    """First values of those rows that break the rule."""
    condition = failing_condition(expectation)
    with duckdb.connect() as con:
        query = f"SELECT a FROM (VALUES {values}) AS rows({columns}) WHERE {condition}"
        return [row[0] for row in con.sql(query).fetchall()]


def test_missing_values_break_only_the_rule_about_them() -> None:
    values = "(NULL), ('x')"
    assert broken(rule(NOT_NULL, {"column": "a"}), values, "a") == [None]
    assert broken(rule(IN_SET, {"column": "a", "value_set": ["y"]}), values, "a") == ["x"]
    assert broken(rule(IN_SET, {"column": "a", "value_set": [None, "x"]}), values, "a") == []


def test_a_reference_stands_for_the_codes_of_its_list() -> None:
    by_list = rule(IN_SET, {"column": "a", "reference": "verdict"})
    assert broken(by_list, "('pass'), ('nonsense')", "a") == ["nonsense"]


def test_bounds_are_strict_where_asked() -> None:
    probability = {"column": "a", "min_value": 0, "max_value": 1, "strict_min": True}
    assert broken(rule(BETWEEN, probability), "(0.0), (0.1), (1.0), (1.1)", "a") == [
        Decimal("0.0"),
        Decimal("1.1"),
    ]


def test_a_row_condition_says_which_rows_are_looked_at() -> None:
    narrowed = rule(NOT_NULL, {"column": "b", "row_condition": "a <> 2"})
    assert broken(narrowed, "(1, NULL), (2, NULL), (3, 3), (NULL, NULL)") == [1]


def test_a_condition_is_a_rule_of_its_own() -> None:
    assert broken(
        rule("unexpected_rows_expectation", {"condition": "a > b"}), "(1, 2), (3, 2)"
    ) == [3]


def test_rules_about_whole_tables_are_no_row_rules() -> None:
    unique = rule("expect_column_values_to_be_unique", {"column": "a"})
    assert not is_row_rule(unique)
    with pytest.raises(ConfigurationError, match="does not look at single rows"):
        failing_condition(unique)


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        (IN_SET, {"column": "a"}, "argument missing: value_set"),
        (NOT_NULL, {"column": "a", "condition_parser": "x"}, "unknown argument: condition_parser"),
        (IN_SET, {"column": "a", "value_set": "pass"}, "value_set is a list"),
        (IN_SET, {"column": "a", "reference": "moods"}, "no code list 'moods'"),
        (IN_SET, {"column": "a", "reference": "verdict", "value_set": []}, "not both"),
        (BETWEEN, {"column": "a", "strict_min": True}, "min_value or max_value"),
        (
            "expect_column_pair_values_to_be_equal",
            {"column_A": "a", "column_B": "b", "ignore_row_if": "sometimes"},
            "ignore_row_if is one of",
        ),
        (
            "unexpected_rows_expectation",
            {"condition": "a > 1; DROP TABLE x"},
            "not one SQL expression",
        ),
        ("unexpected_rows_expectation", {"condition": "a) OR (TRUE"}, "not SQL"),
        ("unexpected_rows_expectation", {"condition": "a, b"}, "not one SQL expression"),
        ("unexpected_rows_expectation", {"condition": "a FROM b"}, "not one SQL expression"),
        ("unexpected_rows_expectation", {"condition": " "}, "a condition is a text"),
        (NOT_NULL, {"column": "a", "row_condition": "a > b"}, "row_condition cannot hold"),
        (NOT_NULL, {"column": "a", "row_condition": "lower(a) = 'x'"}, "row_condition cannot hold"),
        (NOT_NULL, {"column": "a", "row_condition": "a"}, "row_condition cannot hold"),
        (NOT_NULL, {"column": "a", "row_condition": "NOT (a = 1)"}, "row_condition cannot hold"),
        (NOT_NULL, {"column": "a", "row_condition": "a IN (SELECT 1)"}, "row_condition cannot"),
        (NOT_NULL, {"column": "a", "row_condition": "a = 1 AND (b = 1 OR b = 2)"}, "OR may not"),
    ],
)
def test_a_wrong_rule_is_refused_with_table_and_rule(
    name: str, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        failing_condition(rule(name, arguments), "core.sample")
    assert str(error.value).startswith("core.sample, rule rule_under_test: ")
    assert complaint in str(error.value)


def test_columns_are_found_in_arguments_and_conditions() -> None:
    narrowed = rule(NOT_NULL, {"column": "b", "row_condition": "a <> 2 AND b > 1"})
    assert column_names(narrowed, "t") == ("b", "a")
    both = rule("unexpected_rows_expectation", {"condition": "coalesce(c, d) > 1 OR c IS NULL"})
    assert column_names(both, "t") == ("c", "d")


def test_queries_keep_braces_and_colons_of_a_condition() -> None:
    assert escaped_for_query("x::DATE = ':a' AND y = '{b}' AND z = '10:30'") == (
        r"x::DATE = '\:a' AND y = '{{b}}' AND z = '10:30'"
    )


@pytest.mark.parametrize(
    ("expectation", "complaint"),
    [
        (rule("unexpected_rows_expectation", {"condition": "a > z"}), "unknown columns: z"),
        (rule(NOT_NULL, {"column": "a", "row_condition": "y = 1"}), "unknown columns: y"),
        (rule("expect_column_values_to_be_unique", {"column": "a"}), "does not look at single"),
        (rule(NOT_NULL, {"column": "a", "colour": 1}, action="warn"), "unknown argument: colour"),
    ],
)
def test_rules_are_checked_against_their_table(expectation: Expectation, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        check_rules([expectation], ["a", "b"], "core.sample")


def test_the_contracts_of_records_hold_no_wrong_rule() -> None:
    for contract in record_contracts().values():
        check_contract(contract)


# -- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        (
            rule(BETWEEN, {"column": "p", "min_value": 0, "strict_min": True, "max_value": 1}),
            "p is above 0 and at most 1",
        ),
        (
            rule(IN_SET, {"column": "p", "reference": "verdict"}),
            "p is one of the codes of list 'verdict'",
        ),
        (
            rule(NOT_NULL, {"column": "p", "row_condition": "q = 1", "mostly": 0.95}),
            "p is filled, where q = 1, in at least 0.95 of the rows",
        ),
        (
            rule("unexpected_rows_expectation", {"condition": "p > q", "description": "p in q"}),
            "p in q",
        ),
        (
            rule("expect_column_mean_to_be_between", {"column": "p", "min_value": 1}),
            'expect column mean to be between {"column": "p", "min_value": 1}',
        ),
    ],
)
def test_expectations_in_words(expectation: Expectation, said: str) -> None:
    assert words.expected(expectation) == said


def test_every_row_rule_of_the_contracts_has_words() -> None:
    rules = [e for contract in record_contracts().values() for e in contract.expectations]
    assert [e.rule for e in rules if words.expected(e).startswith("expect")] == []


def test_observations_in_words() -> None:
    assert words.observed(12, 3450, None) == "12 of 3,450 rows fail (0.35%)"
    assert words.observed(0, 0, None) == "0 of 0 rows fail"
    assert words.observed(None, 5, 1.5) == "1.5"


def test_json_writes_decimals_and_dates_plainly() -> None:
    row = {"v": Decimal("0.0540000000"), "n": Decimal("1E+3"), "d": dt.date(2024, 2, 29)}
    assert words.as_json(row) == '{"v": "0.054", "n": "1000", "d": "2024-02-29"}'


# -- results ----------------------------------------------------------------------------------


def result(**changed: Any) -> CheckResult:
    fields = {
        "scope": "core",
        "table_name": "core.sample",
        "rule_id": "r",
        "expectation": NOT_NULL,
        "arguments": "{}",
        "severity": "error",
        "action": "block",
        "outcome": "failed",
        "rows_checked": 3,
        "rows_failed": 1,
        "expected": "x",
        "observed": "y",
        "failing_rows": None,
    }
    return CheckResult.model_validate({**fields, **changed})


@pytest.mark.parametrize(
    ("action", "severity", "outcome", "blocking"),
    [
        ("block", "error", "failed", True),
        ("block", "error", "error", True),
        ("block", "warning", "error", True),
        ("block", "warning", "failed", False),
        ("block", "error", "passed", False),
        ("reject", "error", "failed", False),
        ("warn", "error", "error", False),
    ],
)
def test_what_blocks(action: str, severity: str, outcome: str, blocking: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    assert result(action=action, severity=severity, outcome=outcome).blocking is blocking


def test_fields_of_a_result_are_the_columns_of_its_contract() -> None:
    assert tuple(CheckResult.model_fields) == record_contracts()["meta.check_result"].column_names


def test_results_are_written_and_read(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "b.parquet", tmp_path / "c.parquet"
    write_results([result(), result(rule_id="s", rows_failed=None)], first)
    write_results([], second)
    write_results([result(rule_id="t")], second)  # replaces what was there
    frame = read_results([first, second])
    assert frame["rule_id"].to_list() == ["r", "s", "t"]
    assert frame["rows_failed"].to_list() == [1, None, 1]
    assert dict(frame.schema) == record_contracts()["meta.check_result"].polars_schema()
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "b.parquet",
        "c.parquet",
    ]


def test_no_files_are_no_results() -> None:
    frame = read_results([])
    assert frame.is_empty()
    assert dict(frame.schema) == record_contracts()["meta.check_result"].polars_schema()
    assert isinstance(frame, pl.DataFrame)
