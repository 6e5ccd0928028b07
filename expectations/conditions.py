"""Conditions that contracts write as SQL text: read, checked and written again for two engines.

`row_condition` (which rows a rule looks at) and the `condition` of `unexpected_rows_expectation`
are DuckDB expressions. The first must also be said in Great Expectations' own terms, so it is
kept to comparisons of a column with a literal, joined by AND or OR.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import sqlglot
from sqlglot import exp

from warehouse.contract import Expectation
from warehouse.errors import ConfigurationError
from warehouse.reference_tables import listed_codes
from warehouse.sql import literal, qualified

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "==",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}

# The names after a colon that `sqlalchemy.text` would take for parameters (its own pattern).
_BIND_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w+(?!:))")


def wrong(expectation: Expectation, where: str, problem: str) -> ConfigurationError:
    """The error for a rule that cannot be compiled; `where` is the table or file it stands in."""
    return ConfigurationError(f"{where}, rule {expectation.rule}: {problem}")


def arguments_of(expectation: Expectation, where: str) -> dict[str, Any]:
    """The rule's arguments with `reference: list` replaced by `value_set: codes of that list`.

    Raises:
        ConfigurationError: there is no such list, or both are given.
    """
    arguments = dict(expectation.arguments)
    if "reference" not in arguments:
        return arguments
    if "value_set" in arguments:
        raise wrong(expectation, where, "give either reference or value_set, not both")
    try:
        arguments["value_set"] = list(listed_codes(arguments.pop("reference")))
    except ConfigurationError as error:
        raise wrong(expectation, where, str(error)) from error
    return arguments


def parse(text: object, expectation: Expectation, where: str) -> exp.Expr:
    """One boolean DuckDB expression.

    Raises:
        ConfigurationError: it is empty, not SQL, or more than an expression.
    """
    if not isinstance(text, str) or not text.strip():
        raise wrong(expectation, where, "a condition is a text with an SQL expression")
    try:
        # As the only expression of a SELECT, so that clauses and further statements are refused.
        tree = sqlglot.parse_one(f"SELECT {text}\n", read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        lines = str(error).splitlines()
        raise wrong(expectation, where, f"condition is not SQL: {text!r}: {lines[0]}") from error
    found = [key for key, value in tree.args.items() if value and key != "expressions"]
    if not isinstance(tree, exp.Select) or found or len(tree.expressions) != 1:
        raise wrong(expectation, where, f"condition is not one SQL expression: {text!r}")
    expression: exp.Expr = tree.expressions[0]
    return expression


def column_names(expectation: Expectation, where: str) -> tuple[str, ...]:
    """Columns that the rule reads, in its arguments and in its conditions; each once."""
    texts = [
        expectation.arguments[key]
        for key in ("condition", "row_condition")
        if key in expectation.arguments
    ]
    trees = [parse(text, expectation, where) for text in texts]
    named = [column.name for tree in trees for column in tree.find_all(exp.Column)]
    return tuple(dict.fromkeys((*expectation.columns, *named)))


def escaped_for_query(condition: str) -> str:
    """A condition as it must stand in a query of Great Expectations.

    Its queries are templates (`{batch}`), and then SQLAlchemy text with `:parameters`.
    """
    return _BIND_PARAMETER.sub(r"\\:", condition.replace("{", "{{").replace("}", "}}"))


def row_condition_sql(expectation: Expectation, where: str) -> str | None:
    """The `row_condition` as DuckDB SQL, comparing numbers as Great Expectations does."""
    if "row_condition" not in expectation.arguments:
        return None
    tree = parse(expectation.arguments["row_condition"], expectation, where)
    sql: str = translate(tree, _AS_SQL, expectation, where)
    return sql


class Target:
    """What the parts of a row condition become in some other language.

    Args:
        compare: column, operator (`==`, `!=`, …, `IN`, `NOT_IN`) and literal → condition.
        null: column and whether it must be NULL → condition.
        join: `AND` or `OR` and its two sides → condition.
    """

    def __init__(
        self,
        compare: Callable[[str, str, Any], Any],
        null: Callable[[str, bool], Any],
        join: Callable[[str, Any, Any], Any],
    ) -> None:
        self.compare, self.null, self.join = compare, null, join


def translate(node: exp.Expr, target: Target, rule: Expectation, where: str) -> Any:
    """A row condition in the language of `target`.

    Raises:
        ConfigurationError: the condition holds more than comparisons of columns with literals.
    """
    node = node.unnest()
    if isinstance(node, exp.And | exp.Or):
        if isinstance(node, exp.And) and node.find(exp.Or):
            raise wrong(rule, where, "in row_condition, OR may not stand inside AND")
        sides = [translate(side, target, rule, where) for side in (node.left, node.right)]
        return target.join("AND" if isinstance(node, exp.And) else "OR", *sides)
    negated = isinstance(node, exp.Not)
    inner = node.this.unnest() if negated else node
    if not isinstance(inner.this, exp.Column):
        raise _unsaid(node, rule, where)
    column = inner.this.name
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return target.null(column, not negated)
    if isinstance(inner, exp.In) and inner.expressions:
        values = [_python(value, rule, where) for value in inner.expressions]
        return target.compare(column, "NOT_IN" if negated else "IN", values)
    if type(inner) in COMPARISONS and not negated:
        value = _python(inner.expression, rule, where)
        return target.compare(column, COMPARISONS[type(inner)], value)
    raise _unsaid(node, rule, where)


def _unsaid(node: exp.Expr, rule: Expectation, where: str) -> ConfigurationError:
    return wrong(
        rule,
        where,
        f"row_condition cannot hold {node.sql('duckdb')!r}; it may compare columns with literals "
        "(=, <>, <, <=, >, >=, IN, IS NULL), joined by AND or OR. Write anything else as "
        "unexpected_rows_expectation",
    )


def _python(node: exp.Expr, rule: Expectation, where: str) -> Any:
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Neg):
        return -_python(node.this, rule, where)
    if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DATE:
        return dt.date.fromisoformat(node.this.name)
    if isinstance(node, exp.Literal):
        if node.is_string:
            return node.name
        return int(node.name) if node.name.isdigit() else float(node.name)
    raise _unsaid(node, rule, where)


def _compare_sql(column: str, operator: str, value: Any) -> str:
    if operator in ("IN", "NOT_IN"):
        listed = ", ".join(literal(item) for item in value)
        return f"{qualified(column)} {operator.replace('_', ' ')} ({listed})"
    return f"{qualified(column)} {operator.replace('==', '=')} {literal(value)}"


_AS_SQL = Target(
    compare=_compare_sql,
    null=lambda column, is_null: f"{qualified(column)} IS {'' if is_null else 'NOT '}NULL",
    join=lambda word, left, right: f"({left} {word} {right})",
)
