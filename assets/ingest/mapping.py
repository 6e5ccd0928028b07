"""Column maps compiled to DuckDB: named text columns in, typed record candidates out.

A candidate has the columns of its contract that a source can give, plus its place (see `place`),
`part` and `row_content`, a hash of the cells that it is made of. Text that a type could not hold
stays beside it in `<column>__text`, for a rule to reject it by name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from assets.ingest.macros import folded
from expectations.conditions import column_names
from warehouse.contract import Column, Contract, Expectation, decimal_type, record_contracts
from warehouse.reference_lists import wordings
from warehouse.source import ASSIGNED, DERIVED_RESULT, ColumnMap, RecordMap, RecordTable
from warehouse.sql import identifier, literal

# Columns that every staged row and every candidate has.
PROVENANCE = ("row_id", "part")
NO_TEXT = "CAST(NULL AS VARCHAR)"

_TYPED = {
    "date": "parse_date({text}, '{order}')",
    "timestamp": "parse_timestamp({text}, '{order}')",
    "decimal": "{number}",
    "number": "CAST({number} AS DOUBLE)",
    # A macro that is mentioned twice is bound twice, which of a small delivery takes longest.
    "integer": "list_transform([parse_number({text})], "
    "lambda n: CASE WHEN n % 1 = 0 THEN TRY_CAST(n AS BIGINT) END)[1]",
    "boolean": "CASE WHEN lower(trim({text})) IN ('true', '1', 'yes', 'y', '是', '有') THEN TRUE "
    "WHEN lower(trim({text})) IN ('false', '0', 'no', 'n', '否', '无') THEN FALSE END",
}


@dataclass(frozen=True)
class CompiledRecord:
    """The SQL of one record map, and the row rules that go with it."""

    target: RecordTable
    contract: Contract
    columns: tuple[str, ...]
    sql: str
    rules: tuple[Expectation, ...]
    sources: Mapping[str, str]

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that identify the record within its source."""
        return tuple(name for name in self.contract.key if name not in ("source_id", "version"))

    @property
    def content_columns(self) -> tuple[str, ...]:
        """Columns whose content makes two versions differ: what the source says.

        What the pipeline derives from it is left out, so that a better parser makes no new version.
        """
        left_out = ASSIGNED.union(DERIVED_RESULT)
        return tuple(name for name in self.columns if name not in left_out)


def referenced_columns(record: RecordMap) -> Iterator[str]:
    """Delivered columns that a record map reads, with repeats."""
    yield from record.when
    for column in record.columns.values():
        yield from _origin(column)
        if column.year_from is not None:
            yield column.year_from


def compile_record(
    target: RecordTable, record: RecordMap, staged: str, actions: Mapping[str, str]
) -> CompiledRecord:
    """Compile one record map to a SELECT over the staged rows.

    Args:
        target: record table, such as ``sample``.
        record: its column map.
        staged: name of the relation with the staged rows (text columns and `PROVENANCE`).
        actions: rule → action where the source differs from the contract.
    """
    contract = record_contracts()[f"core.{target}"]
    mapped = [column for column in contract.columns if column.name in record.columns]
    texts = [f"{_text(c.name, record.columns[c.name])} AS {identifier(c.name)}" for c in mapped]
    # Once each: in a CASE, every WHEN would mention it again.
    folds = "".join(
        f", lower(clean_text({_wording(record.columns[c.name])})) AS {identifier(_folded(c.name))}"
        for c in mapped
        if _is_coded(record.columns[c.name])
    )
    typed = [_typed_column(column, record.columns[column.name]) for column in mapped]
    provenance = ", ".join(PROVENANCE)
    cells = ", ".join(map(identifier, dict.fromkeys(referenced_columns(record)))) or "NULL"
    conditions = [
        f"regexp_matches(coalesce({identifier(name)}, ''), {literal(pattern)})"
        for name, pattern in record.when.items()
    ]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = (
        f"SELECT {provenance}, row_content, {', '.join(part for parts in typed for part in parts)} "
        f"FROM (SELECT {provenance}, hash({cells}) AS row_content, {', '.join(texts)} "
        f"FROM (SELECT *{folds} FROM {identifier(staged)}{where}))"
    )
    names = tuple(column.name for column in mapped)
    if target == "test_result":
        sql, names = _with_results(sql, names)
    elif target == "water_measurement":
        sql, names = _with_measurements(sql, names)
    # Columns of a rule that this source does not give are nulls, which no rule but not_null minds.
    rules = tuple(_acting(rule, actions) for rule in _row_rules(contract, record, mapped))
    read = {name for rule in rules for name in column_names(rule, contract.table)}
    missing = read - set(names) - ASSIGNED
    if missing:
        nulls = ", ".join(
            f"CAST(NULL AS {contract.column(name).duckdb_type}) AS {identifier(name)}"
            for name in contract.column_names
            if name in missing
        )
        sql = f"SELECT *, {nulls} FROM ({sql})"
    sources = {name: ", ".join(_origin(record.columns[name])) for name in record.columns}
    return CompiledRecord(target, contract, names, sql, rules, sources)


def _origin(column: ColumnMap) -> tuple[str, ...]:
    return (*column.source, *column.digest, *chain.from_iterable(column.join))


def _text(name: str, column: ColumnMap) -> str:
    """The expression that gives a column's text, before it is typed."""
    text = _wording(column)
    if _is_coded(column):
        known = column.codes or {}
        text = _coded(_folded(name), text, wordings(known) if isinstance(known, str) else known)
    if column.source and column.default is not None:
        text = f"coalesce({text}, {literal(str(column.default))})"
    return text


def _wording(column: ColumnMap) -> str:
    """The expression that gives a column's text as it was delivered."""
    if column.value is not None:
        return literal(str(column.value))
    if column.digest:
        cells = ", ".join(f"coalesce({identifier(name)}, '')" for name in column.digest)
        return f"substr(md5(concat_ws(chr(31), {cells})), 1, 16)"
    if column.join:
        cells = ", ".join(_first(tuple(map(identifier, names))) for names in column.join)
        return f"nullif(concat_ws({literal(column.separator)}, {cells}), '')"
    text = _first(tuple(map(identifier, column.source)))  # staged text is trimmed, or NULL
    if column.pattern is not None:
        text = f"nullif(regexp_extract({text}, {literal(column.pattern)}, 1), '')"
    if column.year_from is not None:
        text = f"with_year({text}, {identifier(column.year_from)})"
    return text


def _first(expressions: tuple[str, ...]) -> str:
    return expressions[0] if len(expressions) == 1 else f"coalesce({', '.join(expressions)})"


def _is_coded(column: ColumnMap) -> bool:
    return bool(column.source) and column.codes is not None


def _folded(name: str) -> str:
    """Name of a column's wording without its case and width."""
    return f"{name}__folded"


def _coded(folded_text: str, text: str, known: Mapping[str, str]) -> str:
    """Wording → code, whatever its case and width; unknown wording stays, for a rule to reject."""
    cases = " ".join(
        f"WHEN {literal(wording)} THEN {literal(code or None)}"
        for wording, code in zip(folded(tuple(known)), known.values(), strict=True)
    )
    return f"CASE {identifier(folded_text)} {cases} ELSE {text} END"


def _typed_column(column: Column, source: ColumnMap) -> tuple[str, ...]:
    """The typed column and, where typing can fail, the text beside it."""
    name = identifier(column.name)
    if column.type == "text":
        return (f"lower(clean_text({name})) AS {name}" if source.parse == "code" else name,)
    # parse_date and parse_number clean their text themselves.
    number = f"parse_number({name})"
    if source.factor is not None:
        number = f"CAST({number} * {source.factor} AS {decimal_type()})"
    typed = _TYPED[column.type].format(text=name, number=number, order=source.date_order)
    return (f"{typed} AS {name}", f"{name} AS {identifier(_raw(column))}")


def _raw(column: Column) -> str:
    return f"{column.name}__text"


def _row_rules(
    contract: Contract, record: RecordMap, mapped: list[Column]
) -> Iterator[Expectation]:
    """The contract's rules on rows, the source's own, and one for each column that is typed."""
    yield from (rule for rule in contract.expectations if rule.action != "block")
    yield from record.rules
    yield from (unparsed_rule(column) for column in mapped if column.type != "text")


def unparsed_rule(column: Column) -> Expectation:
    """The rule that rejects a row whose text is no value of the column's type."""
    return Expectation(
        name="expect_column_values_to_not_be_null",
        arguments={
            "column": column.name,
            "row_condition": f"{identifier(_raw(column))} IS NOT NULL",
        },
        rule=f"unparsed_{column.name}",
        action="reject",
        message=f"this is no {column.type}; correct it, or name its spelling in the source's YAML",
    )


def _acting(rule: Expectation, actions: Mapping[str, str]) -> Expectation:
    return rule.model_copy(update={"action": actions.get(rule.rule, rule.action)})


def _with_results(sql: str, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Understand result and limit texts, and derive the verdict that follows from them.

    All of it follows from three texts, of which most combinations stand on many rows: each is
    understood once. A cell with several results (①…②…) gives one row each, in order; the many cells
    without such marks take the short way.
    """
    unit, limit = (f"e.{name}" if name in names else NO_TEXT for name in ("unit", "limit_text"))
    texts = (
        f"SELECT DISTINCT one_result AS result_words, {unit} AS unit_words, {limit} AS limit_words "
        "FROM each_result AS e"
    )
    parsed = (
        f"SELECT *, parse_result(result_words) AS r, parse_limit(limit_words) AS l FROM ({texts})"
    )
    understood = (
        "SELECT result_words, unit_words, limit_words, r.qualifier AS qualifier, r.value AS value, "
        "coalesce(unit_words, r.unit, l.unit) AS unit, l.comparator AS limit_comparator, "
        "l.low AS limit_low, l.high AS limit_high, derive_verdict(r.qualifier, r.value, "
        "coalesce(unit_words, r.unit), l.comparator, l.low, l.high, coalesce(l.unit, unit_words)) "
        f"AS derived_verdict FROM ({parsed})"
    )
    sql = (
        f"WITH mapped AS NOT MATERIALIZED ({sql}), "
        f"each_result AS NOT MATERIALIZED ({_each_result(names)}), "
        f"understood AS ({understood}) SELECT e.* EXCLUDE ({_replaced(names)}), "
        f"{'one_result AS result_text, ' if 'result_text' in names else ''}"
        "u.* EXCLUDE (result_words, unit_words, limit_words) FROM each_result AS e "
        "JOIN understood AS u ON e.one_result IS NOT DISTINCT FROM u.result_words "
        f"AND {unit} IS NOT DISTINCT FROM u.unit_words "
        f"AND {limit} IS NOT DISTINCT FROM u.limit_words"
    )
    added = tuple(name for name in (*DERIVED_RESULT, "unit") if name not in names)
    return sql, (*names, *added)


def _each_result(names: tuple[str, ...]) -> str:
    """The rows of `mapped` with `one_result` of their text, and its number: `result_part`."""
    if "result_text" not in names:
        return f"SELECT *, {NO_TEXT} AS one_result, 1 AS result_part FROM mapped"
    return (
        "SELECT *, result_text AS one_result, 1 AS result_part "
        "FROM mapped WHERE NOT contains(coalesce(result_text, ''), '①') UNION ALL "
        "SELECT * EXCLUDE (parts), unnest(parts), unnest(range(1, len(parts) + 1)) FROM ("
        # Marks without a result between them are a text that is not understood.
        "SELECT *, coalesce(nullif(split_results(result_text), []), [result_text]) AS parts "
        "FROM mapped WHERE contains(result_text, '①'))"
    )


def _with_measurements(sql: str, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Understand the results of water, which have no limit of their own and no verdict."""
    if "result_text" not in names:
        return sql, names
    others = f"* EXCLUDE (r{', unit' if 'unit' in names else ''})"
    unit = "coalesce(unit, r.unit)" if "unit" in names else "r.unit"
    sql = (
        f"SELECT {others}, {unit} AS unit, r.qualifier AS qualifier, r.value AS value "
        f"FROM (SELECT *, parse_water_result(result_text) AS r FROM ({sql}))"
    )
    return sql, (*names, *(name for name in ("unit", "qualifier", "value") if name not in names))


def _replaced(names: tuple[str, ...]) -> str:
    return ", ".join(("one_result", *(name for name in ("result_text", "unit") if name in names)))
