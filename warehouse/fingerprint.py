"""Fingerprints: of the code, of a source's declarations and of a table's content."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import duckdb

from warehouse.contract import Contract, record_contracts
from warehouse.plans_folder import PLANS_DIR, plans_folder
from warehouse.reference_lists import CODES_DIR
from warehouse.reference_tables import listed_codes, reference_table_contracts
from warehouse.source import Source
from warehouse.sql import identifier, qualified

PROJECT = Path(__file__).parent.parent
CODE_FOLDERS = ("pipelines", "assets", "expectations", "warehouse", "dbt_like_sql")
CODE_SUFFIXES = frozenset({".py", ".sql", ".yml", ".csv"})

# Columns that differ between two builds of the same content. They are left out of fingerprints
# and comparisons; nothing else is.
RUN_DEPENDENT_COLUMNS: dict[str, frozenset[str]] = {
    "meta.release": frozenset({"release_id", "built_at"}),
    "meta.alert": frozenset({"raised_at", "raised_on", "is_same_day"}),
}


def code_version() -> str:
    """Version of the package and fingerprint of its files, e.g. ``0.1.0+3f2a9c01d4e5``.

    Covers Python, SQL, YAML and CSV of the code folders by relative path and bytes, so it is the
    same on every machine and changes with any declaration. So are plans, wherever they lie. Data
    under ``warehouse/data`` does not count.
    """
    return f"{version('samplehouse')}+{_files_fingerprint(PROJECT, plans_folder())}"


def _files_fingerprint(project: Path, plans: Path = PLANS_DIR) -> str:
    files = {path.relative_to(project).as_posix(): path for path in _code_files(project)}
    if plans != PLANS_DIR:
        files |= {
            f"plans/{path.relative_to(plans).as_posix()}": path
            for path in plans.glob("*/*")
            if path.suffix in CODE_SUFFIXES
        }
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()[:12]


def _code_files(project: Path) -> Iterator[Path]:
    data = project / "warehouse" / "data"
    for folder in CODE_FOLDERS:
        for place, folders, names in os.walk(project / folder):
            folders[:] = [
                name
                for name in folders
                if name != "__pycache__" and not name.startswith(".") and Path(place, name) != data
            ]
            yield from (Path(place, name) for name in names if Path(name).suffix in CODE_SUFFIXES)


def source_version(source: Source) -> str:
    """Fingerprint of what decides how a source's rows become records.

    Covers the source's declaration, the contracts of the record tables (`core.*`), the code lists,
    and the ids of definitions that rules name, such as the targets of plans. Equal declarations
    give equal versions, however their YAML is laid out.
    """
    digest = hashlib.sha256(source.model_dump_json(by_alias=True).encode())
    for table, contract in sorted(record_contracts().items()):
        if contract.schema_name == "core":
            digest.update(f"{table} {contract.model_dump_json()}\n".encode())
            named = {str(rule.arguments.get("reference")) for rule in contract.expectations}
            for name in sorted(named & _definitions()):
                digest.update(f"{name} {listed_codes(name)}\n".encode())
    for path in sorted(CODES_DIR.glob("*.csv")):
        digest.update(f"{path.name} ".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _definitions() -> set[str]:
    return {contract.name for contract in reference_table_contracts().values()}


class RowSum(NamedTuple):
    """What adds up over the rows of a table: their number, and the sum of their hashes."""

    rows: int = 0
    hashes: int = 0

    def __add__(self, other: object) -> "RowSum":
        if not isinstance(other, RowSum):
            return NotImplemented
        return RowSum(self.rows + other.rows, self.hashes + other.hashes)

    def __sub__(self, other: "RowSum") -> "RowSum":
        return RowSum(self.rows - other.rows, self.hashes - other.hashes)


def table_fingerprint(
    con: duckdb.DuckDBPyConnection, table: str, *, catalog: str | None = None
) -> str:
    """Fingerprint of a table's columns and rows, whatever the order of its rows.

    DuckDB's 64-bit hashes of the rows, typed values as they are, are summed in 128 bits beside the
    number of rows: the sum does not depend on order, and a repeated row counts twice. Run-dependent
    columns are left out.

    Args:
        con: connection that sees the table.
        table: ``schema.name``.
        catalog: attached database that holds it, when not the connection's own.

    Returns:
        32 hexadecimal digits, equal in every process and on every machine with one version of
        DuckDB (which `meta.release` names); another version may hash otherwise.
    """
    rows = con.sql(f"FROM {qualified(table, catalog)}")
    return fingerprint_of(comparable_columns(con, table, catalog=catalog), row_sum(rows, table))


def row_sum(rows: duckdb.DuckDBPyRelation, table: str) -> RowSum:
    """The sum over some rows of a table: sums of parts that share no row add up to the whole's."""
    columns = ", ".join(map(identifier, _comparable(rows, table)))
    found = rows.aggregate(f"count(*), coalesce(sum(CAST(hash({columns}) AS HUGEINT)), 0)")
    return RowSum(*found.fetchall()[0])


def fingerprint_of(columns: Mapping[str, str], found: RowSum) -> str:
    """The fingerprint of a table with these `comparable_columns` and this sum of rows."""
    hashes = found.hashes if found.rows else None
    return hashlib.sha256(f"{columns}|{found.rows}|{hashes}".encode()).hexdigest()[:32]


def declared_columns(contract: Contract) -> dict[str, str]:
    """The `comparable_columns` of a table that is as its contract says."""
    skipped = RUN_DEPENDENT_COLUMNS.get(contract.table, frozenset())
    return {c.name: c.duckdb_type for c in contract.columns if c.name not in skipped}


def comparable_columns(
    con: duckdb.DuckDBPyConnection, table: str, *, catalog: str | None = None
) -> dict[str, str]:
    """Column → DuckDB type of a table in its order, without run-dependent columns."""
    return _comparable(con.sql(f"FROM {qualified(table, catalog)}"), table)


def _comparable(rows: duckdb.DuckDBPyRelation, table: str) -> dict[str, str]:
    skipped = RUN_DEPENDENT_COLUMNS.get(table, frozenset())
    columns = zip(rows.columns, rows.types, strict=True)
    return {name: str(kind) for name, kind in columns if name not in skipped}
