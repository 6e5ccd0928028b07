"""The same rule, counted by Great Expectations and by the predicate of the quarantine."""

import datetime as dt
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from expectations.predicate import failing_condition, row_rule_names
from expectations.runner import validate
from warehouse.contract import Expectation

SCHEMA = {
    "a": pl.Int64(),
    "b": pl.Int64(),
    "t": pl.String(),
    "u": pl.String(),
    "d": pl.Date(),
    "e": pl.Date(),
    "v": pl.Decimal(28, 10),
    "x": pl.Float64(),
    "ok": pl.Boolean(),
}


def rule(name: str, arguments: dict[str, Any], **keys: Any) -> Expectation:
    """An expectation in the form in which contracts write it."""
    given_keys = {"rule": "rule_under_test", "action": "block", **keys}
    return Expectation.model_validate({name: arguments, **given_keys})


INTEGERS = st.sampled_from([-1, 0, 1, 2, 3, 2**53, 2**53 + 1])
TEXTS = st.text(alphabet="ab'\"%_:{}$1\\ 中", max_size=4)
DATES = st.dates(dt.date(2024, 2, 27), dt.date(2024, 3, 2))
DECIMALS = st.sampled_from(
    [Decimal(text) for text in ("-0.1", "0", "0.05", "0.054", "0.0500000001", "900719.9254740993")]
)
FLOATS = st.sampled_from([-0.5, 0.0, 0.05, 1e18, float("inf"), float("nan")])
BOUNDS = st.sampled_from([-1, 0, 0.05, 0.054, 2, 2**53])
PATTERNS = st.sampled_from(["^a", "b$", "a{2}", "'", ":a", "[%_]", "^$", "中", r"\\", '"'])
LIKES = st.sampled_from(["a%", "_", "%'%", "%:a%", "", "%中", "%%", '%"%'])
ROWS = st.lists(
    st.tuples(
        *(
            st.none() | values
            for values in (
                INTEGERS, INTEGERS, TEXTS, TEXTS, DATES, DATES, DECIMALS, FLOATS, st.booleans()
            )
        )
    ),
    max_size=8,
)  # fmt: skip
ROW_CONDITIONS = st.sampled_from(
    [
        "t IS NOT NULL",
        "a IS NULL",
        "a > 0 AND b <> 2 AND t IS NOT NULL",
        "a = -1 OR d >= DATE '2024-02-29'",
        "u IN ('a', 'it''s', ':x', '{y}')",
        "a NOT IN (1, 2)",
        "v <= 0.05 OR x > 1.5",
        "ok = TRUE",
        "NOT t IS NULL",
    ]
)
CONDITIONS = st.sampled_from(
    [
        "a > b",
        "t = ':a' OR t LIKE '%{%'",
        "regexp_matches(t, '^a{1,2}$')",
        "NOT ok",
        "a + b IS DISTINCT FROM 2",
        "d::VARCHAR = '2024-02-29' -- a comment",
        "CASE WHEN x = 0 THEN NULL ELSE v / nullif(x, 0) > 1 END",
    ]
)


@st.composite
def bounds(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Arguments of a between: at least one bound, in order, each strict or not."""
    low, high = sorted([draw(values), draw(values)])
    chosen = {"min_value": low, "max_value": high}
    left_out = draw(st.sampled_from([None, *chosen]))
    chosen = {key: value for key, value in chosen.items() if key != left_out}
    return {**chosen, "strict_min": draw(st.booleans()), "strict_max": draw(st.booleans())}


def one_of_each(draw: st.DrawFn, missing: st.SearchStrategy[str]) -> dict[str, dict[str, Any]]:
    """Arguments for every kind of row rule."""
    subject = draw(st.sampled_from(["a", "v", "x", "d"]))
    limits = draw(bounds(DATES if subject == "d" else BOUNDS))
    any_column = draw(st.sampled_from(list(SCHEMA)))
    column, values = draw(
        st.sampled_from([("t", TEXTS), ("a", INTEGERS), ("d", DATES), ("x", BOUNDS)])
    )
    listed = {"column": column, "value_set": draw(st.lists(values, max_size=3))}
    pair = dict(
        zip(("column_A", "column_B"), draw(st.permutations(draw(PAIRS))), strict=True),
        ignore_row_if=draw(missing),
    )
    lengths = draw(bounds(st.integers(0, 4)))
    like = {"column": "t", "like_pattern": draw(LIKES)}
    regex = {"column": "t", "regex": draw(PATTERNS)}
    return {
        "expect_column_values_to_not_be_null": {"column": any_column},
        "expect_column_values_to_be_null": {"column": any_column},
        "expect_column_values_to_be_in_set": listed,
        "expect_column_values_to_not_be_in_set": listed,
        "expect_column_values_to_be_between": {"column": subject, **limits},
        "expect_column_values_to_match_regex": regex,
        "expect_column_values_to_not_match_regex": regex,
        "expect_column_values_to_match_like_pattern": like,
        "expect_column_values_to_not_match_like_pattern": like,
        "expect_column_value_lengths_to_be_between": {"column": "t", **lengths},
        "expect_column_value_lengths_to_equal": {"column": "t", "value": draw(st.integers(0, 4))},
        "expect_column_pair_values_a_to_be_greater_than_b": {
            **pair,
            "or_equal": draw(st.booleans()),
        },
        "expect_column_pair_values_to_be_equal": pair,
        "expect_multicolumn_sum_to_equal": {
            "column_list": draw(st.sampled_from([["a", "b"], ["a", "v"], ["v", "x", "a"]])),
            "sum_total": draw(BOUNDS),
        },
        "unexpected_rows_expectation": {"condition": draw(CONDITIONS)},
    }


SOME_MISSING = st.sampled_from(["both_values_are_missing", "either_value_is_missing"])
PAIRS = st.sampled_from([("a", "b"), ("d", "e"), ("t", "u"), ("v", "x"), ("a", "v")])


@st.composite
def row_rules(draw: st.DrawFn) -> list[Expectation]:
    """Each kind of row rule once without and once with a row condition."""
    plain = one_of_each(draw, SOME_MISSING | st.just("neither"))
    narrowed = {
        name: {**arguments, "row_condition": draw(ROW_CONDITIONS)}
        for name, arguments in one_of_each(draw, SOME_MISSING).items()
        if name != "unexpected_rows_expectation"  # its condition says it all
    }
    return [
        rule(name, arguments, rule=f"rule_{number}")
        for number, (name, arguments) in enumerate([*plain.items(), *narrowed.items()])
    ]


@given(rows=ROWS, rules=row_rules())
@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.too_slow],
    # An example takes a third of a second, and shrinking tries thousands.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_predicate_and_great_expectations_count_alike(
    rows: list[tuple[Any, ...]], rules: list[Expectation]
) -> None:
    assert {item.name for item in rules} == set(row_rule_names())
    with duckdb.connect() as con:
        con.register("batch", pl.DataFrame(rows, schema=SCHEMA, orient="row"))
        counted = validate(con, "batch", rules, scope="test")
        assert [(r.rule_id, r.observed) for r in counted if r.outcome == "error"] == []
        conditions = [failing_condition(item) for item in rules]
        select = ", ".join(
            f"count(*) FILTER ({condition}), count(*) FILTER (({condition}) IS NULL)"
            for condition in conditions
        )
        numbers = con.sql(f"SELECT {select} FROM batch").fetchall()[0]
    differing = [
        (item.name, item.arguments, result.rows_failed, number)
        for item, result, number in zip(rules, counted, numbers[::2], strict=True)
        if result.rows_failed != number
    ]
    assert differing == []
    assert sum(numbers[1::2]) == 0, "a predicate was NULL"
    assert [r.outcome for r in counted] == ["failed" if n else "passed" for n in numbers[::2]]
