"""What a rule expects and what a check found, in words for people."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from warehouse.contract import Expectation

Arguments = Mapping[str, Any]


def _bounds(arguments: Arguments) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    parts = []
    if low is not None:
        parts.append(f"{'above' if arguments.get('strict_min') else 'at least'} {low}")
    if high is not None:
        parts.append(f"{'below' if arguments.get('strict_max') else 'at most'} {high}")
    return " and ".join(parts)


def _set(arguments: Arguments) -> str:
    if "reference" in arguments:
        return f"the codes of list '{arguments['reference']}'"
    return ", ".join(str(value) for value in arguments["value_set"])


def _pair(arguments: Arguments) -> str:
    at_least = "on or above" if arguments.get("or_equal") else "above"
    return f"{arguments['column_A']} is {at_least} {arguments['column_B']}"


_WORDS: dict[str, Callable[[Arguments], str]] = {
    "expect_column_values_to_not_be_null": lambda a: f"{a['column']} is filled",
    "expect_column_values_to_be_null": lambda a: f"{a['column']} is empty",
    "expect_column_values_to_be_unique": lambda a: f"{a['column']} does not repeat",
    "expect_column_values_to_be_in_set": lambda a: f"{a['column']} is one of {_set(a)}",
    "expect_column_values_to_not_be_in_set": lambda a: f"{a['column']} is none of {_set(a)}",
    "expect_column_values_to_be_between": lambda a: f"{a['column']} is {_bounds(a)}",
    "expect_column_values_to_match_regex": lambda a: f"{a['column']} matches {a['regex']}",
    "expect_column_values_to_not_match_regex": lambda a: (
        f"{a['column']} does not match {a['regex']}"
    ),
    "expect_column_values_to_match_like_pattern": lambda a: (
        f"{a['column']} is like {a['like_pattern']}"
    ),
    "expect_column_value_lengths_to_be_between": lambda a: (
        f"{a['column']} has {_bounds(a)} characters"
    ),
    "expect_column_value_lengths_to_equal": lambda a: f"{a['column']} has {a['value']} characters",
    "expect_column_pair_values_a_to_be_greater_than_b": _pair,
    "expect_column_pair_values_to_be_equal": lambda a: f"{a['column_A']} equals {a['column_B']}",
    "expect_multicolumn_sum_to_equal": lambda a: (
        f"{' + '.join(a['column_list'])} is {a['sum_total']}"
    ),
    "expect_compound_columns_to_be_unique": lambda a: (
        f"{', '.join(a['column_list'])} together do not repeat"
    ),
    "expect_table_row_count_to_be_between": lambda a: f"the table has {_bounds(a)} rows",
    "expect_table_row_count_to_equal": lambda a: f"the table has {a['value']} rows",
    "unexpected_rows_expectation": lambda a: a.get("description", f"no row where {a['condition']}"),
}


def expected(expectation: Expectation) -> str:
    """What the rule expects: ``sampled_on is on or above produced_on``.

    For kinds without words of their own, the expectation's name and arguments.
    """
    arguments = expectation.arguments
    words = _WORDS.get(expectation.name)
    if words is None:
        return f"{expectation.name.replace('_', ' ')} {as_json(arguments)}"
    said = words(arguments)
    if condition := arguments.get("row_condition"):
        said = f"{said}, where {condition}"
    if (mostly := arguments.get("mostly", 1)) != 1:
        said = f"{said}, in at least {mostly:.4g} of the rows"
    return said


def observed(rows_failed: int | None, rows_checked: int | None, value: Any) -> str:
    """What was found.

    Args:
        rows_failed: rows that broke the rule; None for a rule that is not about rows.
        rows_checked: rows that the check looked at, where known.
        value: what Great Expectations observed, for rules that are not about rows.
    """
    if rows_failed is None:
        return "nothing to observe" if value is None else as_json(value)
    if rows_checked is None:
        return f"{rows_failed:,} rows fail"
    share = f" ({rows_failed / rows_checked:.2%})" if rows_failed else ""
    return f"{rows_failed:,} of {rows_checked:,} rows fail{share}"


def as_json(value: Any) -> str:
    """JSON text; what JSON has no form for (dates, decimals) as plain text."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    # decimals come with the scale of their column: 0.0540000000
    text = f"{value:f}" if hasattr(value, "as_tuple") else str(value)
    return text.rstrip("0").rstrip(".") if hasattr(value, "as_tuple") and "." in text else text
