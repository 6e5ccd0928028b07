"""Where every row ends: used, rejected, duplicate, unchanged or ignored; and which version it is.

All of it is SQL over the relations of one batch (`stage.load_staged`), in named steps. Rows are
told apart by `row_id` (see `place`), so that wide rows are read when they are typed and when they
are written, and only numbers in between:

    candidate_<n>     typed candidates of one record map
    failing_<n>       those of them that break a rejecting rule
    broken            row × rule that it breaks
    source_row        one row per staged source row, with a hash of its cells
    duplicate_row     repeats of an earlier row of the same delivery
    held              deliveries with more rejected rows than their source allows
    record_<family>   accepted records, and where their columns stand
    arrival_<family>  the same with content hash, version and whether it changed
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


@dataclass(frozen=True)
class Candidate:
    """One record map of one table, compiled, and the relation that holds its rows."""

    relation: str
    table_name: str
    table: Table
    record: CompiledRecord
    row_count: int

    @property
    def located(self) -> str:
        """The same rows with the columns that say where they stand, see `place.LOCATED`."""
        return f"located_{self.relation}"

    @property
    def failing(self) -> str:
        """Those rows that break a rejecting rule, with the columns that say where they stand."""
        return f"failing_{self.relation}"

    @property
    def rejecting(self) -> tuple[Expectation, ...]:
        """Rules for which a row is rejected."""
        return tuple(rule for rule in self.record.rules if rule.action == "reject")

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


def find_failing(con: duckdb.DuckDBPyConnection, candidates: Sequence[Candidate]) -> None:
    """Create `failing_…`, so that all rows are looked at once, and only these few rule by rule."""
    for each in candidates:
        anything = " OR ".join(failing_condition(rule) for rule in each.rejecting) or "FALSE"
        con.execute(
            f"CREATE TABLE {identifier(each.failing)} AS "
            f"FROM {identifier(each.located)} WHERE {anything}"
        )


def find_broken(con: duckdb.DuckDBPyConnection, candidates: Sequence[Candidate]) -> None:
    """Create `broken`: every row that breaks a rejecting rule, with the text it was found in."""
    con.execute(
        "CREATE TABLE broken AS SELECT row_id, rule_id, column_name, value_text, message "
        "FROM structural"
    )
    for candidate in candidates:
        if not candidate.rejecting:
            continue
        cases = ", ".join(_broken_case(candidate.record, rule) for rule in candidate.rejecting)
        con.execute(
            "INSERT INTO broken SELECT DISTINCT row_id, b.rule_id, b.column_name, b.value_text, "
            f"b.message FROM (SELECT row_id, unnest(list_filter([{cases}], "
            f"lambda x: x IS NOT NULL)) AS b FROM {identifier(candidate.failing)})"
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


def one_record_each(table: Table) -> bool:
    """Whether every staged row of a table is exactly one candidate."""
    maps = list(table.records.values())
    return len(maps) == 1 and not (maps[0].when or multiplies(table) or table.lookup)


def find_source_rows(
    con: duckdb.DuckDBPyConnection, source: Source, candidates: Sequence[Candidate]
) -> None:
    """Create `source_row` (table_no, row_id, content) and `duplicate_row`.

    Rows with a hash of their own repeat nothing; the cells of the others are compared.
    """
    names = list(source.tables)
    relations = {each.table_name: each for each in candidates}
    parts = []
    for number, (name, table) in enumerate(source.tables.items()):
        if one_record_each(table):
            rows = (
                f"SELECT row_id, row_content AS content FROM {identifier(relations[name].relation)}"
            )
            if "test_result" in table.records:
                rows += " WHERE result_part = 1"  # one cell may hold several results
        else:
            columns = ", ".join(map(identifier, needed_columns(source, name))) or "NULL"
            rows = _cells_by_row(name, table, f"hash({columns})", "hash")
        parts.append(f"SELECT {number} AS table_no, * FROM ({rows})")
    con.execute(f"CREATE TABLE source_row AS {' UNION ALL '.join(parts)}")
    con.execute(
        """
        CREATE TEMP TABLE suspect AS
        WITH repeated AS (
            SELECT delivery_of(row_id) AS delivery_no, table_no, content FROM source_row
            GROUP BY ALL HAVING count(*) > 1
        )
        SELECT row_id, table_no FROM source_row AS s SEMI JOIN repeated AS r
            ON r.delivery_no = delivery_of(s.row_id) AND r.table_no = s.table_no
            AND r.content = s.content
        """
    )
    suspects = {row[0] for row in con.sql("SELECT DISTINCT table_no FROM suspect").fetchall()}
    con.execute("CREATE TABLE duplicate_row (row_id BIGINT)")
    for number in sorted(suspects):
        name = names[number]
        if one_record_each(source.tables[name]):
            # With one hash and one meaning: reading the cells of all rows again would be slow.
            rows, same = identifier(relations[name].relation), _columns(relations[name])
        else:
            cells = [f"coalesce({identifier(c)}, chr(30))" for c in needed_columns(source, name)]
            text = f"concat_ws(chr(31), {', '.join(cells)})" if cells else "''"
            rows, same = f"({_cells_by_row(name, source.tables[name], text, '')})", "content"
        con.execute(
            f"""
            INSERT INTO duplicate_row
            SELECT DISTINCT row_id FROM {rows} SEMI JOIN suspect USING (row_id)
            QUALIFY rank() OVER (PARTITION BY delivery_of(row_id), {same} ORDER BY row_id) > 1
            """
        )


def _columns(candidate: Candidate) -> str:
    """Columns in which two rows of one record each must be alike to say the same."""
    part = ("result_part",) if candidate.record.target == "test_result" else ()
    names = ("row_content", *part, *candidate.record.columns)
    return ", ".join(map(identifier, names))


def _cells_by_row(name: str, table: Table, content: str, wrap: str) -> str:
    """SELECT of row_id and content of the source rows of a table."""
    staged = identifier(f"staged_{name}")
    if not multiplies(table):
        return f"SELECT row_id, {content} AS content FROM {staged}"
    several = f"string_agg(CAST({content} AS VARCHAR), chr(29) ORDER BY part)"
    return f"SELECT row_id, {wrap}({several}) AS content FROM {staged} GROUP BY row_id"


def reject_rows_without_record(
    con: duckdb.DuckDBPyConnection, source: Source, candidates: Sequence[Candidate]
) -> None:
    """A staged row for which no record map's condition holds is rejected, not forgotten."""
    tables = [
        number
        for number, table in enumerate(source.tables.values())
        if table.records and not one_record_each(table)
    ]
    if not tables:
        return
    with_records = [f"SELECT row_id FROM {identifier(each.relation)}" for each in candidates]
    con.execute(
        f"""
        INSERT INTO broken
        SELECT row_id, 'row_without_record', NULL, NULL,
            'no record of the source''s YAML has a condition (`when`) that this row meets'
        FROM source_row ANTI JOIN ({" UNION ".join(with_records)}) USING (row_id)
        WHERE table_no IN ({", ".join(map(str, tables))})
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
        f"SELECT row_id, {key} FROM {identifier(each.relation)}" for each in candidates
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE conflict AS
        WITH row_of_key AS (SELECT delivery_of(row_id) AS delivery_no, * FROM ({rows})),
        shared AS (SELECT delivery_no, {key} FROM row_of_key GROUP BY ALL HAVING count(*) > 1),
        standing AS (
            SELECT DISTINCT * FROM row_of_key SEMI JOIN shared USING (delivery_no, {key})
            ANTI JOIN broken USING (row_id) ANTI JOIN duplicate_row USING (row_id)
        ),
        contested AS (
            SELECT delivery_no, {key} FROM standing GROUP BY ALL HAVING count(*) > 1
        )
        SELECT row_id, concat_ws(' / ', {key}) AS key_text, row_number() OVER (
                PARTITION BY delivery_no, {key} ORDER BY row_id DESC
            ) AS from_the_end
        FROM standing SEMI JOIN contested USING (delivery_no, {key})
        """
    )
    if any(each.map.on_conflict == "last" for each in candidates):
        con.execute("INSERT INTO duplicate_row SELECT row_id FROM conflict WHERE from_the_end > 1")
        return
    con.execute(
        f"""
        INSERT INTO broken
        SELECT row_id, 'conflicting_versions', {literal(", ".join(first.record.key))}, key_text,
            'the file holds this record more than once with different content; keep one row'
        FROM conflict
        """
    )


def hold_deliveries(con: duckdb.DuckDBPyConnection, hold_above: float) -> None:
    """Create `held`, and reject what is left of a held delivery so that nothing of it counts."""
    con.execute(
        """
        CREATE TABLE held AS
        WITH rejected AS (
            SELECT delivery_of(row_id) AS delivery_no, count(DISTINCT row_id) AS n
            FROM broken GROUP BY 1
        ),
        without_record AS (
            SELECT DISTINCT row_id FROM structural ANTI JOIN source_row USING (row_id)
        ),
        data_rows AS (
            SELECT delivery_of(row_id) AS delivery_no, count(*) AS n
            FROM (SELECT row_id FROM source_row UNION ALL SELECT row_id FROM without_record)
            GROUP BY 1
        )
        SELECT delivery_no, r.n AS rejected, d.n AS data_rows
        FROM rejected AS r JOIN data_rows AS d USING (delivery_no)
        WHERE r.n > $hold_above * d.n
        """,
        {"hold_above": hold_above},
    )
    con.execute(
        """
        INSERT INTO broken
        SELECT DISTINCT row_id, 'delivery_held', NULL, NULL,
            'this row breaks no rule itself; its delivery is held because too many others do'
        FROM source_row SEMI JOIN held ON held.delivery_no = delivery_of(source_row.row_id)
        ANTI JOIN broken USING (row_id)
        """
    )
    con.execute("CREATE TABLE rejected_row AS SELECT DISTINCT row_id FROM broken")
