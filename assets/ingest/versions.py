"""Versions: one record as each delivery brings it, compared with what is known of it.

A family is a record table whose records are versioned together: `sample` with the results that
come in the same rows, `site_inspection` with its findings, `acceptance`, `ledger_entry`; and
results or findings that are delivered in files of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assets.ingest.classify import ORDINAL, ROW, Candidate
from warehouse.contract import Contract, record_contracts
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
    """Create the family's `record_…` relation: accepted records, one row per delivery and key."""
    relation = f"record_{family.target}_{family.follows or 'alone'}"
    parts = [_accepted(each, family) for each in family.candidates]
    rows = " UNION ALL BY NAME ".join(f"({part})" for part in parts)
    ordinal = ORDINAL.get(family.target)
    if ordinal and ordinal not in family.content_columns:
        groups = [name for name in family.key if name != ordinal]
        kind = family.contract.column(ordinal).duckdb_type
        rows = (
            f"SELECT *, CAST(row_number() OVER (PARTITION BY delivery_id, "
            f"{', '.join(map(identifier, groups))} ORDER BY source_sheet, source_row, part, "
            f"result_part) AS {kind}) AS {identifier(ordinal)} FROM ({rows})"
        )
    if family.target not in PARENT and any(each.many_rows for each in family.candidates):
        turned_away = [_turned_away_verdicts(each, family) for each in family.candidates]
        rows = _gathered(" UNION ALL BY NAME ".join([rows, *filter(None, turned_away)]), family)
    con.execute(f"CREATE TABLE {identifier(relation)} AS SELECT *, {_hash(family)} FROM ({rows})")
    return relation


def _accepted(candidate: Candidate, family: Family) -> str:
    part = "result_part" if family.target == "test_result" else "1 AS result_part"
    names = [*candidate.record.content_columns, *_derived(candidate)]
    columns = ", ".join(map(identifier, dict.fromkeys(names)))
    return (
        f"SELECT {ROW}, received_on, sequence, part, {part}, {columns} "
        f"FROM {identifier(candidate.relation)} "
        f"ANTI JOIN rejected_row USING ({ROW}) ANTI JOIN duplicate_row USING ({ROW})"
    )


def _derived(candidate: Candidate) -> list[str]:
    content = set(candidate.record.content_columns)
    return [name for name in candidate.record.columns if name not in content]


def _turned_away_verdicts(candidate: Candidate, family: Family) -> str | None:
    """Verdicts of rejected rows by key: losing a row must not make its sample better."""
    if "verdict" not in candidate.record.content_columns:
        return None
    key = ", ".join(map(identifier, family.key))
    return (
        f"(SELECT delivery_id, {key}, verdict FROM {identifier(candidate.relation)} "
        f"SEMI JOIN rejected_row USING ({ROW}) WHERE verdict IS NOT NULL)"
    )


def _gathered(rows: str, family: Family) -> str:
    """One record from its several rows: what the first row says, and the worst verdict.

    Rejected rows come with their verdict only; a record of nothing but those is none.
    """
    key = ", ".join(map(identifier, family.key))
    order = "row(source_sheet, source_row, part)"
    derived = dict.fromkeys(name for each in family.candidates for name in _derived(each))
    told = (*family.content_columns, *derived)
    first = [name for name in told if name not in (*family.key, "verdict")]
    first += ["received_on", "sequence", "source_sheet", "source_row"]
    columns = [f"arg_min({identifier(name)}, {order}) AS {identifier(name)}" for name in first]
    if "verdict" in family.content_columns:
        columns.append(f"{WORST_VERDICT} AS verdict")
    return (
        f"SELECT delivery_id, {key}, {', '.join(columns)}, 1 AS part FROM ({rows}) "
        f"GROUP BY delivery_id, {key} HAVING count(source_row) > 0"
    )


def _hash(family: Family) -> str:
    cells = ", ".join(
        f"coalesce(CAST({identifier(name)} AS VARCHAR), chr(30))" for name in family.content_columns
    )
    return f"md5(concat_ws(chr(31), {cells})) AS own_hash"


def number_versions(
    con: duckdb.DuckDBPyConnection,
    family: Family,
    relation: str,
    children: Sequence[tuple[Family, str]],
    earlier: Sequence[Path],
) -> str:
    """Create the family's `arrival_…` relation: content hash, version and whether it changed.

    Args:
        con: holds the batch.
        family: a family that versions itself.
        relation: its records.
        children: families that follow it, with their records; their content counts with it.
        earlier: core partitions of the source received before the batch.

    Returns:
        Name of the relation: delivery_id, key, content_hash, version, changed.
    """
    arrival = relation.replace("record_", "arrival_", 1)
    key = ", ".join(map(identifier, family.key))
    content = _content_sql(family, relation, children)
    con.execute(f"CREATE OR REPLACE TEMP VIEW known AS {_known_sql(con, family, earlier)}")
    con.execute(
        f"""
        CREATE TABLE {identifier(arrival)} AS
        WITH content AS ({content}),
        compared AS (
            SELECT content.*, coalesce(known.version, 0) AS known_version,
                content_hash IS DISTINCT FROM coalesce(
                    lag(content_hash) OVER (
                        PARTITION BY {key} ORDER BY content.received_on, content.sequence
                    ),
                    known.known_hash
                ) AS changed
            FROM content LEFT JOIN known USING ({key})
        )
        SELECT delivery_id, received_on, {key}, content_hash, changed,
            known_version + CAST(count(*) FILTER (WHERE changed) OVER (
                PARTITION BY {key} ORDER BY received_on, sequence
            ) AS BIGINT) AS version
        FROM compared
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
            f" LEFT JOIN (SELECT delivery_id, {child_key}, "
            f"md5(string_agg(own_hash, '' ORDER BY {order})) AS child_hash "
            f"FROM {identifier(child_relation)} GROUP BY ALL) AS {name} USING (delivery_id, {key})"
        )
        hashes += f" || coalesce({name}.child_hash, '')"
    content = "own_hash" if not children else f"md5({hashes})"
    return (
        f"SELECT delivery_id, received_on, sequence, {key}, {content} AS content_hash "
        f"FROM {identifier(relation)}{joins}"
    )


def _known_sql(con: duckdb.DuckDBPyConnection, family: Family, earlier: Sequence[Path]) -> str:
    """Latest version and hash of each record received before the batch."""
    contract = family.contract
    key = ", ".join(map(identifier, family.key))
    if not earlier:
        columns = ", ".join(
            f"CAST(NULL AS {contract.column(name).duckdb_type}) AS {identifier(name)}"
            for name in family.key
        )
        return f"SELECT {columns}, 0 AS version, '' AS known_hash LIMIT 0"
    con.read_parquet([str(path) for path in earlier], hive_partitioning=False).create_view(
        f"earlier_{family.target}", replace=True
    )
    return (
        f"SELECT {key}, max(version) AS version, arg_max(content_hash, version) AS known_hash "
        f"FROM {identifier(f'earlier_{family.target}')} GROUP BY ALL"
    )


def versioned_sql(family: Family, relation: str, arrival: str, source_id: str) -> str:
    """SELECT of a family's new versions with all columns of its contract."""
    keys = ", ".join(map(identifier, family.parent_key))
    given = {*family.content_columns, *family.key, *_assigned()}
    given.update(name for each in family.candidates for name in _derived(each))
    columns = []
    for column in family.contract.columns:
        name = identifier(column.name)
        if column.name == "source_id":
            expression = literal(source_id)
        elif column.name in ("version", "content_hash"):
            expression = f"a.{name}"
        elif column.name == "source_sheet":
            expression = "r.source_sheet"
        else:
            expression = f"r.{name}" if column.name in given else "NULL"
        columns.append(f"CAST({expression} AS {column.duckdb_type}) AS {name}")
    return (
        f"SELECT {', '.join(columns)} FROM {identifier(relation)} AS r "
        f"JOIN (SELECT delivery_id, {keys}, version, content_hash "
        f"FROM {identifier(arrival)} WHERE changed) AS a USING (delivery_id, {keys})"
    )


def _assigned() -> frozenset[str]:
    return frozenset({"delivery_id", "received_on", "source_sheet", "source_row"})
