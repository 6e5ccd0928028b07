"""Where every row ends: used, rejected, duplicate, unchanged or ignored; and which version it is.

All of it is SQL over the relations of one batch (`stage.load_staged`), in named steps:

    candidate_<n>     typed candidates of one record map
    broken            row × rule that it breaks
    source_row        one row per staged source row, with the hash of its content
    duplicate_row     repeats of an earlier row of the same delivery
    held              deliveries with more rejected rows than their source allows
    arrival_<family>  one record as one delivery brings it, with content hash, version and `changed`
    row_outcome       source row → outcome
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from assets.ingest.mapping import CompiledRecord
from assets.ingest.stage import needed_columns
from expectations.predicate import failing_condition
from warehouse.contract import Expectation
from warehouse.source import RecordMap, Source, Table
from warehouse.sql import identifier, literal

# Numbers that the pipeline gives where the source gives none: order of appearance.
ORDINAL = {"test_result": "seq", "inspection_finding": "finding_no"}
ROW = "delivery_id, source_sheet, source_row"


@dataclass(frozen=True)
class Candidate:
    """One record map of one table, compiled, and the relation that holds its rows."""

    relation: str
    table_name: str
    table: Table
    record: CompiledRecord

    @property
    def map(self) -> RecordMap:
        """The record map that was compiled."""
        return self.table.records[self.record.target]

    @property
    def many_rows(self) -> bool:
        """Whether one record may stand on several rows, or one row be split into several parts."""
        return self.map.rows == "many" or multiplies(self.table)


def multiplies(table: Table) -> bool:
    """Whether one source row may become several staged rows."""
    return any(step.split or step.unpivot for step in table.reshape)


def find_broken(con: duckdb.DuckDBPyConnection, candidates: Sequence[Candidate]) -> None:
    """Create `broken`: every row that breaks a rejecting rule, with the text it was found in."""
    con.execute(
        "CREATE TABLE broken AS SELECT delivery_id, source_sheet, source_row, rule_id, "
        "column_name, value_text, message FROM structural"
    )
    for candidate in candidates:
        rules = [rule for rule in candidate.record.rules if rule.action == "reject"]
        if not rules:
            continue
        cases = ", ".join(_broken_case(candidate.record, rule) for rule in rules)
        anything = " OR ".join(f"({failing_condition(rule)})" for rule in rules)
        con.execute(
            f"INSERT INTO broken SELECT DISTINCT {ROW}, b.rule_id, b.column_name, b.value_text, "
            f"b.message FROM (SELECT {ROW}, unnest(list_filter([{cases}], "
            "lambda x: x IS NOT NULL)) AS b "
            f"FROM {identifier(candidate.relation)} WHERE {anything})"
        )


def _broken_case(record: CompiledRecord, rule: Expectation) -> str:
    columns = rule.columns
    raw = [f"{name}__text" for name in columns]
    texts = [
        f"CAST({identifier(text if text in _text_columns(record) else name)} AS VARCHAR)"
        for name, text in zip(columns, raw, strict=True)
    ]
    value = f"concat_ws(' / ', {', '.join(texts)})" if texts else "NULL"
    origin = "; ".join(dict.fromkeys(record.sources.get(name, name) for name in columns))
    message = rule.message or f"expected {rule.name.removeprefix('expect_').replace('_', ' ')}"
    return (
        f"CASE WHEN {failing_condition(rule)} THEN {{'rule_id': {literal(rule.rule)}, "
        f"'column_name': {literal(origin)}, 'value_text': {value}, "
        f"'message': {literal(message)}}} END"
    )


def _text_columns(record: CompiledRecord) -> frozenset[str]:
    typed = (column for column in record.contract.columns if column.type != "text")
    return frozenset(f"{c.name}__text" for c in typed if c.name in record.sources)


def find_source_rows(con: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Create `source_row` and `duplicate_row`, and reject rows that hold no record at all."""
    selects = [_rows_of_table(source, name, table) for name, table in source.tables.items()]
    con.execute(f"CREATE TABLE source_row AS {' UNION ALL '.join(selects)}")
    con.execute(
        f"""
        CREATE TABLE duplicate_row AS
        WITH repeated AS (
            SELECT delivery_id, table_name, content FROM source_row
            GROUP BY ALL HAVING count(*) > 1
        ),
        numbered AS (
            SELECT {ROW}, row_number() OVER (
                PARTITION BY delivery_id, table_name, content ORDER BY source_sheet, source_row
            ) AS appearance
            FROM source_row SEMI JOIN repeated USING (delivery_id, table_name, content)
        )
        SELECT {ROW} FROM numbered WHERE appearance > 1
        """
    )


def _rows_of_table(source: Source, name: str, table: Table) -> str:
    cells = [f"coalesce({identifier(column)}, chr(30))" for column in needed_columns(source, name)]
    content = f"md5(concat_ws(chr(31), {', '.join(cells)}))" if cells else "''"
    staged = identifier(f"staged_{name}")
    if not multiplies(table):
        return f"SELECT {literal(name)} AS table_name, {ROW}, {content} AS content FROM {staged}"
    return (
        f"SELECT {literal(name)} AS table_name, {ROW}, "
        f"md5(string_agg({content}, '' ORDER BY part)) AS content FROM {staged} GROUP BY {ROW}"
    )


def reject_rows_without_record(
    con: duckdb.DuckDBPyConnection, source: Source, candidates: Sequence[Candidate]
) -> None:
    """A staged row for which no record map's condition holds is rejected, not forgotten."""
    tables = [name for name, table in source.tables.items() if table.records]
    with_records = [
        f"SELECT {ROW} FROM {identifier(candidate.relation)}" for candidate in candidates
    ]
    if not with_records:
        return
    con.execute(
        f"""
        INSERT INTO broken
        SELECT {ROW}, 'row_without_record', NULL, NULL,
            'no record of the source''s YAML has a condition (`when`) that this row meets'
        FROM source_row ANTI JOIN ({" UNION ".join(with_records)}) USING ({ROW})
        WHERE table_name IN ({", ".join(map(literal, tables))})
        """
    )


def find_conflicts(con: duckdb.DuckDBPyConnection, candidates: Sequence[Candidate]) -> None:
    """Two contents of one record in one file: which is right cannot be known.

    `on_conflict: reject` rejects all of them; `last` lets the last row stand and counts the
    earlier ones as duplicates. Records that may stand on many rows have no conflicts.

    Args:
        con: holds the batch.
        candidates: all that fill one record table.
    """
    first = candidates[0]
    ordinal = ORDINAL.get(first.record.target)
    if any(
        each.map.rows == "many" or (ordinal and ordinal not in each.record.columns)
        for each in candidates
    ):
        return
    key = ", ".join(map(identifier, first.record.key))
    rows = " UNION ALL ".join(
        f"SELECT {ROW}, {key} FROM {identifier(each.relation)}" for each in candidates
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE conflict AS
        WITH standing AS (
            SELECT DISTINCT {ROW}, {key} FROM ({rows})
            ANTI JOIN broken USING ({ROW}) ANTI JOIN duplicate_row USING ({ROW})
        ),
        contested AS (
            SELECT delivery_id, {key} FROM standing GROUP BY ALL HAVING count(*) > 1
        )
        SELECT {ROW}, concat_ws(' / ', {key}) AS key_text, row_number() OVER (
                PARTITION BY delivery_id, {key} ORDER BY source_sheet DESC, source_row DESC
            ) AS from_the_end
        FROM standing SEMI JOIN contested USING (delivery_id, {key})
        """
    )
    if any(each.map.on_conflict == "last" for each in candidates):
        con.execute(f"INSERT INTO duplicate_row SELECT {ROW} FROM conflict WHERE from_the_end > 1")
        return
    con.execute(
        f"""
        INSERT INTO broken
        SELECT {ROW}, 'conflicting_versions', {literal(", ".join(first.record.key))}, key_text,
            'the file holds this record more than once with different content; keep one row'
        FROM conflict
        """
    )


def hold_deliveries(con: duckdb.DuckDBPyConnection, hold_above: float) -> None:
    """Create `held`, and reject what is left of a held delivery so that nothing of it counts."""
    con.execute(
        f"""
        CREATE TABLE held AS
        WITH rejected AS (
            SELECT delivery_id, count(*) AS n FROM (SELECT DISTINCT {ROW} FROM broken) GROUP BY 1
        ),
        data_rows AS (
            SELECT delivery_id, count(*) AS n
            FROM (SELECT {ROW} FROM source_row UNION SELECT {ROW} FROM structural)
            GROUP BY 1
        )
        SELECT delivery_id, r.n AS rejected, d.n AS data_rows
        FROM rejected AS r JOIN data_rows AS d USING (delivery_id)
        WHERE r.n > $hold_above * d.n
        """,
        {"hold_above": hold_above},
    )
    con.execute(
        f"""
        INSERT INTO broken
        SELECT {ROW}, 'delivery_held', NULL, NULL,
            'this row breaks no rule itself; its delivery is held because too many others do'
        FROM (SELECT DISTINCT {ROW} FROM source_row) SEMI JOIN held USING (delivery_id)
        ANTI JOIN broken USING ({ROW})
        """
    )
    con.execute(f"CREATE TABLE rejected_row AS SELECT DISTINCT {ROW} FROM broken")
