"""Row rules as DuckDB predicates: which rows the quarantine takes out.

Great Expectations counts the rows that break a rule but does not hand them all over, so the
quarantine says the same rule once more, in SQL of its own. Both start from the same declaration,
and a property test holds that both count alike for every kind of rule here.

NULL is treated as Great Expectations does: a value that is missing breaks no rule but
`…_to_not_be_null`, and the equality of a pair.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from expectations.conditions import arguments_of, parse, row_condition_sql, wrong
from warehouse.contract import Expectation
from warehouse.sql import identifier, literal

Arguments = Mapping[str, Any]

# `mostly` allows some rows to fail; it does not make them right, so it changes no predicate.
_ALWAYS_ALLOWED = frozenset({"row_condition", "mostly"})
_PAIR_CHOICES = ("both_values_are_missing", "either_value_is_missing", "neither")


def is_row_rule(expectation: Expectation) -> bool:
    """Whether single rows break the rule, so that `failing_condition` can name them."""
    return expectation.name in _RULES


def row_rule_names() -> tuple[str, ...]:
    """Names of all expectations that are row rules."""
    return tuple(_RULES)


def failing_condition(expectation: Expectation, where: str = "row rules") -> str:
    """DuckDB expression that is TRUE for rows that break the rule and FALSE, never NULL, otherwise.

    Args:
        expectation: a row rule (see `is_row_rule`).
        where: table or file in which the rule stands, for error messages.

    Raises:
        ConfigurationError: it is no row rule, or an argument is missing, unknown or of a type
            for which SQL has no literal.
    """
    if not is_row_rule(expectation):
        known = ", ".join(row_rule_names())
        problem = f"{expectation.name} does not look at single rows; rules that do: {known}"
        raise wrong(expectation, where, problem)
    rule = _RULES[expectation.name]
    arguments = arguments_of(expectation, where)
    if missing := sorted(rule.required - set(arguments)):
        raise wrong(expectation, where, f"argument missing: {', '.join(missing)}")
    if unknown := sorted(set(arguments) - rule.required - rule.optional - _ALWAYS_ALLOWED):
        raise wrong(expectation, where, f"unknown argument: {', '.join(unknown)}")
    if "condition" in arguments:
        parse(arguments["condition"], expectation, where)  # one expression, nothing after it
    try:
        broken = rule.build(arguments)
    except (TypeError, ValueError) as error:
        raise wrong(expectation, where, str(error)) from error
    looked_at = row_condition_sql(expectation, where)
    return f"coalesce({broken if looked_at is None else f'({looked_at}) AND ({broken})'}, FALSE)"


def _number(value: object) -> str:
    """A bound as Great Expectations compares it: numbers as DOUBLE, texts that are dates as dates.

    Its models turn every number into a float and every ISO date into a date.
    """
    return literal(float(value) if isinstance(value, int | float) else value)


def _within(subject: str, arguments: Arguments) -> str:
    """The condition that `subject` lies within `min_value` and `max_value`."""
    bounds = []
    if (low := arguments.get("min_value")) is not None:
        bounds.append(f"{subject} {'>' if arguments.get('strict_min') else '>='} {_number(low)}")
    if (high := arguments.get("max_value")) is not None:
        bounds.append(f"{subject} {'<' if arguments.get('strict_max') else '<='} {_number(high)}")
    if not bounds:
        message = "min_value or max_value is needed"
        raise ValueError(message)
    return " AND ".join(bounds)


def _column(arguments: Arguments) -> str:
    return identifier(arguments["column"])


def _in_set(arguments: Arguments) -> str:
    values = arguments["value_set"]
    if not isinstance(values, list | tuple):
        message = f"value_set is a list, not {values!r}"
        raise TypeError(message)
    listed = ", ".join(literal(value) for value in values if value is not None)
    return f"{_column(arguments)} IN ({listed})" if listed else "FALSE"


def _matches(arguments: Arguments) -> str:
    return f"regexp_matches({_column(arguments)}, {literal(arguments['regex'])})"


def _like(arguments: Arguments) -> str:
    return f"{_column(arguments)} LIKE {literal(arguments['like_pattern'])}"


def _length(arguments: Arguments) -> str:
    return f"length({_column(arguments)})"


def _pair(arguments: Arguments) -> tuple[str, str, str]:
    """Both columns, and the condition under which a pair is looked at."""
    first, second = identifier(arguments["column_A"]), identifier(arguments["column_B"])
    choice = arguments.get("ignore_row_if", _PAIR_CHOICES[0])
    if choice not in _PAIR_CHOICES:
        message = f"ignore_row_if is one of {', '.join(_PAIR_CHOICES)}, not {choice!r}"
        raise ValueError(message)
    word = {"both_values_are_missing": "OR", "either_value_is_missing": "AND"}.get(choice)
    looked_at = f"({first} IS NOT NULL {word} {second} IS NOT NULL)" if word else "TRUE"
    return first, second, looked_at


def _pair_not_greater(arguments: Arguments) -> str:
    first, second, looked_at = _pair(arguments)
    return f"{looked_at} AND NOT ({first} {'>=' if arguments.get('or_equal') else '>'} {second})"


def _pair_not_equal(arguments: Arguments) -> str:
    first, second, looked_at = _pair(arguments)
    return f"{looked_at} AND ({first} = {second}) IS NOT TRUE"


def _sum_differs(arguments: Arguments) -> str:
    total = " + ".join(identifier(name) for name in arguments["column_list"])
    return f"({total}) <> {_number(arguments['sum_total'])}"


@dataclass(frozen=True)
class _Rule:
    """How one kind of rule becomes the condition that a row breaks it."""

    build: Callable[[Arguments], str]
    required: frozenset[str] = frozenset({"column"})
    optional: frozenset[str] = frozenset()


def _rule(build: Callable[[Arguments], str], required: str, optional: str = "") -> _Rule:
    return _Rule(build, frozenset(required.split()), frozenset(optional.split()))


_BOUNDS = "min_value max_value strict_min strict_max"
_RULES: dict[str, _Rule] = {
    "expect_column_values_to_not_be_null": _rule(lambda a: f"{_column(a)} IS NULL", "column"),
    "expect_column_values_to_be_null": _rule(lambda a: f"{_column(a)} IS NOT NULL", "column"),
    "expect_column_values_to_be_in_set": _rule(
        lambda a: f"{_column(a)} IS NOT NULL AND NOT ({_in_set(a)})", "column value_set"
    ),
    "expect_column_values_to_not_be_in_set": _rule(_in_set, "column value_set"),
    "expect_column_values_to_be_between": _rule(
        lambda a: f"NOT ({_within(_column(a), a)})", "column", _BOUNDS
    ),
    "expect_column_values_to_match_regex": _rule(lambda a: f"NOT {_matches(a)}", "column regex"),
    "expect_column_values_to_not_match_regex": _rule(_matches, "column regex"),
    "expect_column_values_to_match_like_pattern": _rule(
        lambda a: f"NOT ({_like(a)})", "column like_pattern"
    ),
    "expect_column_values_to_not_match_like_pattern": _rule(_like, "column like_pattern"),
    "expect_column_value_lengths_to_be_between": _rule(
        lambda a: f"NOT ({_within(_length(a), a)})", "column", _BOUNDS
    ),
    "expect_column_value_lengths_to_equal": _rule(
        lambda a: f"{_length(a)} <> {_number(a['value'])}", "column value"
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": _rule(
        _pair_not_greater, "column_A column_B", "or_equal ignore_row_if"
    ),
    "expect_column_pair_values_to_be_equal": _rule(
        _pair_not_equal, "column_A column_B", "ignore_row_if"
    ),
    "expect_multicolumn_sum_to_equal": _rule(
        _sum_differs, "column_list sum_total", "ignore_row_if"
    ),
    "unexpected_rows_expectation": _rule(
        lambda a: f"({a['condition']}\n)", "condition", "description"
    ),
}
