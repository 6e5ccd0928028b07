"""Versions: one record as each delivery brings it, compared with what is known of it.

A family is a record table whose records are versioned together: `sample` with the results that
come in the same rows, `site_inspection` with its findings, `acceptance`, `ledger_entry`; and
results or findings that are delivered in files of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assets.ingest.classify import ORDINAL, Candidate
from assets.ingest.place import LOCATED
from warehouse.contract import Column, Contract, record_contracts
from warehouse.source import PARENT, record_tables
from warehouse.sql import identifier, literal

# The worst verdict of a sample's rows is the sample's: one failing item fails the batch.
# A wording that no code knows may mean anything: it leaves the verdict open, unless one row fails.
RANKED = "['pass', 'conditional', 'method_inadequate', 'fail']"
WORST_VERDICT = (
    f"CASE WHEN bool_or(verdict = 'fail') THEN 'fail' "
    f"WHEN bool_or(NOT list_contains({RANKED}, verdict)) THEN NULL "
    f"ELSE {RANKED}[max(list_position({RANKED}, verdict))] END"
)

# What each of a record's rows says for itself.
EACH_ROWS_OWN = ("verdict", "verdict_text")


@dataclass(frozen=True)
class Family:
    """A record table with the candidates that fill it, and the family that versions it."""

    target: str
    candidates: tuple[Candidate, ...]
    follows: str | None

    @property
    def contract(self) -> Contract:
        """The contract of the record table."""
        return record_contracts()[f"core.{self.target}"]

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that identify a record within its source."""
        return self.candidates[0].record.key

    @property
    def parent_key(self) -> tuple[str, ...]:
        """Columns that identify the record that versions this one: its parent, or itself."""
        if self.follows is None:
            return self.key
        parent = record_contracts()[f"core.{self.follows}"]
        return tuple(name for name in parent.key if name not in ("source_id", "version"))

    @property
    def is_gathered(self) -> bool:
        """Whether one record is gathered from several rows."""
        return self.target not in PARENT and any(each.many_rows for each in self.candidates)

    @property
    def given(self) -> tuple[str, ...]:
        """Columns that any of its maps gives or derives, in the contract's order."""
        given = {name for each in self.candidates for name in each.record.columns}
        return tuple(name for name in self.contract.column_names if name in given)

    @property
    def content_columns(self) -> tuple[str, ...]:
        """Columns that any of its maps gives, in the contract's order."""
        given = {name for each in self.candidates for name in each.record.content_columns}
        return tuple(name for name in self.contract.column_names if name in given)


def families(candidates: Sequence[Candidate]) -> list[Family]:
    """Group candidates by record table; parents come before those that follow them.

    Results follow the sample when one table maps both.
    """
    found = []
    for target in record_tables():
        own = tuple(each for each in candidates if each.record.target == target)
        parent = PARENT.get(target)
        together = {each.table_name for each in candidates if each.record.target == parent}
        following = tuple(each for each in own if each.table_name in together)
        alone = tuple(each for each in own if each.table_name not in together)
        if following:
            found.append(Family(target, following, parent))
        if alone:
            found.append(Family(target, alone, None))
    return found


def collect_records(con: duckdb.DuckDBPyConnection, family: Family) -> str:
    """Create the family's `record_…` relation: accepted records, one row per delivery and key.

    It holds row_id, delivery_no, the key and `own_hash`; and the candidate and its row where the
    other columns stand, or these columns themselves where a record is gathered from several rows.
    """
    relation = f"record_{family.target}_{family.follows or 'alone'}"
    if family.is_gathered:
        accepted = [_gathered_rows(each, family) for each in family.candidates]
        rows = " UNION ALL BY NAME ".join(accepted)
        con.execute(_differing(rows, family))
        rows = _gathered(rows, family)
        rows = f"SELECT *, {_hash(family)} FROM ({rows}) ORDER BY row_id"
    else:
        accepted = [_accepted(n, each, family) for n, each in enumerate(family.candidates)]
        rows = _with_ordinals(" UNION ALL BY NAME ".join(f"({part})" for part in accepted), family)
    con.execute(f"CREATE TABLE {identifier(relation)} AS {rows}")
    return relation


def _accepted(number: int, candidate: Candidate, family: Family) -> str:
    part = "result_part" if family.target == "test_result" else "1 AS result_part"
    ordinal = ORDINAL.get(family.target)
    key = [name for name in family.key if name != ordinal or name in candidate.record.columns]
    return (
        f"SELECT row_id, delivery_of(row_id) AS delivery_no, part, {part}, "
        f"{number} AS candidate_no, rowid AS candidate_row, "
        f"{''.join(f'{identifier(name)}, ' for name in key)}{_hash(family, candidate)} "
        f"FROM {identifier(candidate.relation)} "
        "ANTI JOIN rejected_row USING (row_id) ANTI JOIN duplicate_row USING (row_id)"
    )


def _with_ordinals(rows: str, family: Family) -> str:
    """Number what has no number of its own in the order in which it stands."""
    ordinal = ORDINAL.get(family.target)
    if ordinal is None or ordinal in family.content_columns:
        return rows
    groups = ", ".join(identifier(name) for name in family.key if name != ordinal)
    kind = family.contract.column(ordinal).duckdb_type
    return (
        f"WITH accepted AS ({rows}), "
        f"several AS (SELECT delivery_no, {groups} FROM accepted GROUP BY ALL HAVING count(*) > 1) "
        f"SELECT *, CAST(1 AS {kind}) AS {identifier(ordinal)} FROM accepted "
        f"ANTI JOIN several USING (delivery_no, {groups}) UNION ALL "
        f"SELECT *, CAST(row_number() OVER (PARTITION BY delivery_no, {groups} "
        f"ORDER BY row_id, part, result_part) AS {kind}) FROM accepted "
        f"SEMI JOIN several USING (delivery_no, {groups})"
    )


def _gathered_rows(candidate: Candidate, family: Family) -> str:
    """Accepted rows of a candidate; of rejected ones the verdict, which losing a row keeps."""
    columns = ", ".join(map(identifier, candidate.record.columns))
    rows = (
        f"SELECT row_id, delivery_of(row_id) AS delivery_no, part, row_id AS accepted, {columns} "
        f"FROM {identifier(candidate.relation)} "
        "ANTI JOIN rejected_row USING (row_id) ANTI JOIN duplicate_row USING (row_id)"
    )
    if "verdict" not in candidate.record.content_columns:
        return f"({rows})"
    key = ", ".join(map(identifier, family.key))
    return (
        f"({rows}) UNION ALL BY NAME (SELECT delivery_of(row_id) AS delivery_no, {key}, verdict "
        f"FROM {identifier(candidate.relation)} SEMI JOIN rejected_row USING (row_id) "
        "WHERE verdict IS NOT NULL)"
    )


def _gathered(rows: str, family: Family) -> str:
    """One record from its several rows: what the first row says, and the worst verdict.

    Rejected rows come with their verdict only; a record of nothing but those is none.
    """
    key = ", ".join(map(identifier, family.key))
    first = [name for name in family.given if name not in (*family.key, "verdict")]
    columns = [
        f"arg_min({identifier(name)}, row(row_id, part)) AS {identifier(name)}" for name in first
    ]
    if "verdict" in family.content_columns:
        columns.append(f"{WORST_VERDICT} AS verdict")
    return (
        f"SELECT {', '.join(['delivery_no', key, 'min(row_id) AS row_id', *columns])} "
        f"FROM ({rows}) GROUP BY delivery_no, {key} HAVING count(accepted) > 0"
    )


def _differing(rows: str, family: Family) -> str:
    """Note in `differing` the columns in which rows of one record say different things."""
    key = ", ".join(map(identifier, family.key))
    told = [name for name in family.content_columns if name not in (*family.key, *EACH_ROWS_OWN)]
    cases = ", ".join(
        f"CASE WHEN min({identifier(name)}) <> max({identifier(name)}) THEN {literal(name)} END"
        for name in told
    )
    return f"""
        INSERT INTO differing
        WITH record AS (
            SELECT delivery_no, CAST([{cases}] AS VARCHAR[]) AS names
            FROM ({rows}) WHERE accepted IS NOT NULL GROUP BY delivery_no, {key}
        ),
        named AS (SELECT delivery_no, unnest(names) AS column_name FROM record)
        SELECT delivery_no, column_name, count(*) FROM named
        WHERE column_name IS NOT NULL GROUP BY ALL
    """


def _hash(family: Family, candidate: Candidate | None = None) -> str:
    """Hash of a record's content; columns that a candidate does not give are empty."""
    given = family.content_columns if candidate is None else candidate.record.content_columns
    cells = ", ".join(
        f"coalesce({_cell_text(family.contract.column(name))}, chr(30))"
        if name in given
        else "chr(30)"
        for name in family.content_columns
    )
    return f"{_digest(f'concat_ws(chr(31), {cells})')} AS own_hash"


def _digest(text: str) -> str:
    """63 bits of the MD5 of a text, as a whole number.

    Only versions of one record are compared, of which two would be taken for one once in 10^19
    times; 32 random letters a row were a third of what was stored of samples.
    """
    return f"CAST(md5_number_lower({text}) >> 1 AS BIGINT)"


def _cell_text(column: Column) -> str:
    """A column's text in the hash of its record; of decimals by a short way, where one holds it.

    DuckDB writes a number of 128 bits ten times as slowly as one of 64, in the same digits.
    """
    text = f"CAST({identifier(column.name)} AS VARCHAR)"
    if column.type != "decimal":
        return text
    return f"CAST(TRY_CAST({identifier(column.name)} AS DECIMAL(18, 10)) AS VARCHAR), {text}"


def number_versions(
    con: duckdb.DuckDBPyConnection,
    family: Family,
    relation: str,
    children: Sequence[tuple[Family, str]],
    earlier: Sequence[Path],
) -> str:
    """Create the family's `arrival_…` relation: its records with content hash and version.

    Most records come once in a batch; only those that come again are compared in their order.

    Args:
        con: holds the batch.
        family: a family that versions itself.
        relation: its records.
        children: families that follow it, with their records; their content counts with it.
        earlier: core partitions of the source received before the batch.

    Returns:
        Name of the relation: the columns of `relation`, content_hash, version, changed.
    """
    arrival = relation.replace("record_", "arrival_", 1)
    key = ", ".join(map(identifier, family.key))
    con.execute(f"CREATE OR REPLACE TEMP TABLE known AS {_known_sql(family, relation, earlier)}")
    con.execute(
        f"""
        CREATE TABLE {identifier(arrival)} AS
        WITH content AS ({_content_sql(family, relation, children)}),
        compared AS (
            SELECT content.*, coalesce(known.version, 0) AS known_version, known.known_hash
            FROM content LEFT JOIN known USING ({key})
        ),
        several AS (SELECT {key} FROM content GROUP BY ALL HAVING count(*) > 1),
        once AS (
            SELECT * EXCLUDE (known_version, known_hash),
                content_hash IS DISTINCT FROM known_hash AS changed,
                known_version + CAST(content_hash IS DISTINCT FROM known_hash AS BIGINT) AS version
            FROM compared ANTI JOIN several USING ({key})
        ),
        in_order AS (
            SELECT *, content_hash IS DISTINCT FROM coalesce(
                    lag(content_hash) OVER (PARTITION BY {key} ORDER BY delivery_no), known_hash
                ) AS changed
            FROM compared SEMI JOIN several USING ({key})
        ),
        again AS (
            SELECT * EXCLUDE (known_version, known_hash),
                known_version + CAST(count(*) FILTER (WHERE changed) OVER (
                    PARTITION BY {key} ORDER BY delivery_no
                ) AS BIGINT) AS version
            FROM in_order
        )
        FROM once UNION ALL FROM again
        """
    )
    return arrival


def _content_sql(family: Family, relation: str, children: Sequence[tuple[Family, str]]) -> str:
    """Each record's content hash: its own, and those of the records that follow it."""
    key = ", ".join(map(identifier, family.key))
    joins, hashes = "", "own_hash"
    for number, (child, child_relation) in enumerate(children):
        name = f"child_{number}"
        child_key = ", ".join(map(identifier, child.parent_key))
        order = ", ".join(map(identifier, child.key))
        joins += (
            f" LEFT JOIN (SELECT delivery_no, {child_key}, "
            f"string_agg(CAST(own_hash AS VARCHAR), ' ' ORDER BY {order}) AS child_hashes "
            f"FROM {identifier(child_relation)} GROUP BY ALL) AS {name} USING (delivery_no, {key})"
        )
        hashes += f", coalesce({name}.child_hashes, '')"
    content = "own_hash" if not children else _digest(f"concat_ws(chr(31), {hashes})")
    return f"SELECT r.*, {content} AS content_hash FROM {identifier(relation)} AS r{joins}"


def _known_sql(family: Family, relation: str, earlier: Sequence[Path]) -> str:
    """Latest version and hash of those records of the batch that were received before it."""
    contract = family.contract
    key = ", ".join(map(identifier, family.key))
    if not earlier:
        columns = ", ".join(
            f"CAST(NULL AS {contract.column(name).duckdb_type}) AS {identifier(name)}"
            for name in family.key
        )
        return f"SELECT {columns}, 0 AS version, 0 AS known_hash LIMIT 0"
    files = ", ".join(literal(str(path)) for path in earlier)
    return (
        f"SELECT {key}, max(version) AS version, arg_max(content_hash, version) AS known_hash "
        f"FROM read_parquet([{files}], hive_partitioning = false, union_by_name = true) "
        f"SEMI JOIN {identifier(relation)} USING ({key}) GROUP BY ALL"
    )


def versioned_sql(family: Family, relation: str, arrival: str, source_id: str) -> str:
    """SELECT of a family's new versions `in_span`, with all columns of its contract.

    Args:
        family: the records.
        relation: its records; its own `arrival_…` where it versions itself.
        arrival: the `arrival_…` of the family that versions it: its parent, or itself.
        source_id: the source.
    """
    if family.is_gathered:
        return _versions_of(family, relation, arrival, source_id, None)
    selects = [
        _versions_of(family, relation, arrival, source_id, number)
        for number in range(len(family.candidates))
    ]
    return " UNION ALL ".join(selects)


def _versions_of(
    family: Family, relation: str, arrival: str, source_id: str, number: int | None
) -> str:
    """The new versions whose columns stand in one candidate, or in the records themselves."""
    if number is None:
        given, columns_in = set(family.given), "r"
    else:
        given, columns_in = set(family.candidates[number].record.columns), "c"
    numbered = "r" if arrival == relation else "a"
    columns = []
    for column in family.contract.columns:
        name = identifier(column.name)
        if column.name == "source_id":
            expression = literal(source_id)
        elif column.name in ("version", "content_hash"):
            expression = f"{numbered}.{name}"
        elif column.name in LOCATED:
            expression = LOCATED[column.name].replace("row_id", "r.row_id")
        elif column.name in given:
            expression = f"{columns_in}.{name}"
        else:
            expression = f"r.{name}" if column.name in family.key else "NULL"
        columns.append(f"CAST({expression} AS {column.duckdb_type}) AS {name}")
    rows = f"{identifier(relation)} AS r"
    if number is not None:
        candidate = identifier(family.candidates[number].relation)
        rows = (
            f"{candidate} AS c JOIN {rows} ON r.candidate_row = c.rowid "
            f"AND r.candidate_no = {number}"
        )
    if arrival != relation:
        names = ["delivery_no", *map(identifier, family.parent_key)]
        same = " AND ".join(f"a.{name} = r.{name}" for name in names)
        rows += (
            f" JOIN (SELECT {', '.join(names)}, version, content_hash, changed "
            f"FROM {identifier(arrival)}) AS a "
            f"ON {same}"
        )
    # Said of both, so that neither is read where the span does not lie.
    seen = " AND ".join(f"in_span({each}.row_id)" for each in dict.fromkeys(("r", columns_in)))
    return f"SELECT {', '.join(columns)} FROM {rows} WHERE {numbered}.changed AND {seen}"
