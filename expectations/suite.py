"""Contracts compiled to suites of Great Expectations."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from expectations.conditions import (
    Target,
    arguments_of,
    column_names,
    escaped_for_query,
    parse,
    translate,
    wrong,
)
from expectations.counted_rows import counted_rows
from expectations.predicate import failing_condition, is_row_rule
from expectations.repeated_keys import repeated_keys
from warehouse.contract import Contract, Expectation

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation as GxExpectation

# Great Expectations counts these in Python or by functions that DuckDB lacks, so that they would
# crash on every run: better said as a query.
NOT_IN_DUCKDB = frozenset(
    {
        "expect_column_values_to_be_dateutil_parseable",
        "expect_column_values_to_be_decreasing",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_json_parseable",
        "expect_column_values_to_match_json_schema",
        "expect_column_values_to_match_strftime_format",
    }
)
_UNIQUE_TOGETHER = "expect_compound_columns_to_be_unique"
# Rules that look at single keys among all.
UNIQUE = ("expect_column_values_to_be_unique", _UNIQUE_TOGETHER)
_SEVERITIES = {"error": "critical", "warning": "warning"}


def check_rules(expectations: Iterable[Expectation], columns: Sequence[str], where: str) -> None:
    """See that rules make sense for a table, without importing Great Expectations.

    Args:
        expectations: rules of a contract or a source.
        columns: names of the table's columns.
        where: table or file, for error messages.

    Raises:
        ConfigurationError: a rule names a column that the table lacks, has arguments that its
            predicate does not know, or asks to reject rows though it is no row rule.
    """
    for expectation in expectations:
        if unknown := sorted(set(column_names(expectation, where)) - set(columns)):
            raise wrong(expectation, where, f"unknown columns: {', '.join(unknown)}")
        if expectation.action == "reject" or is_row_rule(expectation):
            failing_condition(expectation, where)


def check_contract(contract: Contract) -> None:
    """`check_rules` of a contract on its own columns."""
    check_rules(contract.expectations, contract.column_names, contract.table)


def build_suite(name: str, expectations: Sequence[Expectation]) -> "ExpectationSuite":
    """A suite with one Great Expectations object per rule, which carries the rule in `meta`.

    Args:
        name: name of the suite; also names the table in error messages.
        expectations: rules, each with its own `rule`.

    Raises:
        ConfigurationError: an expectation or argument that Great Expectations does not know, or
            that it cannot evaluate in DuckDB; the message names table and rule.
    """
    import great_expectations as gx  # noqa: PLC0415 - takes seconds, so only where it is used

    built = [build_expectation(expectation, name) for expectation in expectations]
    return gx.ExpectationSuite(name=name, expectations=built)


def build_expectation(expectation: Expectation, where: str) -> "GxExpectation":
    """The Great Expectations object of one rule; see `build_suite`."""
    import great_expectations.expectations as gxe  # noqa: PLC0415 - takes seconds

    class_name = "".join(word.capitalize() for word in expectation.name.split("_"))
    known: Any = getattr(gxe, class_name, None)
    if expectation.name == "unexpected_rows_expectation":
        known = counted_rows()
    if expectation.name == _UNIQUE_TOGETHER and expectation.arguments.keys() == {"column_list"}:
        known = repeated_keys()
    if known is None:
        problem = f"Great Expectations has no expectation named {expectation.name}"
        raise wrong(expectation, where, problem)
    if expectation.name in NOT_IN_DUCKDB:
        problem = f"{expectation.name} does not run in DuckDB; use unexpected_rows_expectation"
        raise wrong(expectation, where, problem)
    arguments = _gx_arguments(expectation, where)
    try:
        built: GxExpectation = known(
            **arguments,
            severity=_SEVERITIES[expectation.severity],
            meta={"rule": expectation.rule, "action": expectation.action},
            notes=expectation.message,
        )
    except (TypeError, ValueError) as error:  # pydantic's errors are ValueErrors
        raise wrong(expectation, where, _in_words(error)) from error
    return built


def _gx_arguments(expectation: Expectation, where: str) -> dict[str, Any]:
    arguments = arguments_of(expectation, where)
    if expectation.name == "unexpected_rows_expectation":
        return _query_arguments(expectation, arguments, where)
    if "row_condition" in arguments:
        if arguments.get("ignore_row_if") in ("neither", "never"):
            problem = (
                f"row_condition with ignore_row_if: {arguments['ignore_row_if']} does not run in "
                "Great Expectations; write the rule as unexpected_rows_expectation"
            )
            raise wrong(expectation, where, problem)
        tree = parse(arguments["row_condition"], expectation, where)
        arguments["row_condition"] = translate(tree, _gx_conditions(), expectation, where)
    return arguments


def _query_arguments(
    expectation: Expectation, arguments: dict[str, Any], where: str
) -> dict[str, Any]:
    """The house's `condition` as the query that Great Expectations runs."""
    if set(arguments) - {"condition", "description"} or "condition" not in arguments:
        problem = "unexpected_rows_expectation takes condition and, if you like, description"
        raise wrong(expectation, where, problem)
    parse(arguments["condition"], expectation, where)
    condition = escaped_for_query(arguments["condition"])
    query = f"SELECT * FROM {{batch}} WHERE ({condition}\n)"
    return {
        "unexpected_rows_query": query,
        "description": arguments.get("description", expectation.message),
    }


def _gx_conditions() -> Target:
    """Row conditions as Great Expectations' own objects (texts are deprecated there)."""
    from great_expectations.expectations import (  # noqa: PLC0415 - takes seconds
        row_conditions as gx,
    )

    return Target(
        compare=lambda column, operator, value: gx.ComparisonCondition(
            column=gx.Column(column), operator=gx.Operator(operator), parameter=value
        ),
        null=lambda column, is_null: gx.NullityCondition(column=gx.Column(column), is_null=is_null),
        join=lambda word, left, right: left & right if word == "AND" else left | right,
    )


def _in_words(error: Exception) -> str:
    """One line from an error of pydantic: `argument: what is wrong`."""
    if not hasattr(error, "errors"):
        return str(error)
    problems = {".".join(map(str, item["loc"])): item["msg"] for item in error.errors()}
    parts = [
        message if place == "__root__" else f"{place}: {message}"
        for place, message in problems.items()
    ]
    return "; ".join(parts)


def suite_for(contract: Contract) -> "ExpectationSuite":
    """The suite of a contract, checked against its columns.

    Raises:
        ConfigurationError: see `check_rules` and `build_suite`.
    """
    check_contract(contract)
    return build_suite(contract.table, contract.expectations)
