"""Reference tables that definitions become: published as `ref.…` and joined by SQL models.

Code lists are files already (`warehouse.reference_lists`). Definitions are YAML with a structure;
here each of them becomes flat, typed tables, whose contracts are `warehouse/reference/tables`.
Tables of numbers, such as limits of a standard, are CSV files of `warehouse/reference/values`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from warehouse.case_tables import case_rows
from warehouse.contract import Column, Contract, parse_contract, read_yaml
from warehouse.errors import ConfigurationError
from warehouse.indicator_rows import indicator_rows
from warehouse.instrument import instrument_rows
from warehouse.plan_tables import plan_rows
from warehouse.plans_folder import plans_folder
from warehouse.reference_lists import code_list, code_lists, codes

TABLES_DIR = Path(__file__).parent / "reference" / "tables"
VALUES_DIR = Path(__file__).parent / "reference" / "values"


@dataclass(frozen=True)
class ReferenceTable:
    """A typed table of reference: its contract, and its rows in the contract's columns."""

    contract: Contract
    rows: pl.DataFrame


def definition_tables() -> Mapping[str, ReferenceTable]:
    """Every typed table of reference, by name such as ``ref.indicator_variant``.

    Raises:
        ConfigurationError: a definition is wrong, a table has no contract or a contract no table.
    """
    return _definition_tables(plans_folder())


@cache
def _definition_tables(_plans: Path) -> Mapping[str, ReferenceTable]:
    contracts = reference_table_contracts()
    values = {f"ref.{path.stem}": path for path in sorted(VALUES_DIR.glob("*.csv"))}
    rows = {**indicator_rows(), **plan_rows(), **case_rows(), **instrument_rows()}
    if odd := sorted((rows.keys() | values.keys()) ^ contracts.keys()):
        raise ConfigurationError(
            f"{', '.join(odd)}: every table of definitions or values needs a contract in "
            "warehouse/reference/tables, and every contract there a table"
        )
    rows |= {name: read_values(path, contracts[name]) for name, path in values.items()}
    return {name: _table(contracts[name], rows[name]) for name in sorted(rows)}


@cache
def reference_table_contracts() -> Mapping[str, Contract]:
    """Contracts of `warehouse/reference/tables`, by table name."""
    paths = sorted(TABLES_DIR.glob("*.yml"))
    contracts = [parse_contract(read_yaml(path), path.name) for path in paths]
    return {contract.table: contract for contract in contracts}


def reference_table_names() -> tuple[str, ...]:
    """Everything that models may read as ``ref.…``: code lists and tables of definitions."""
    return (*(f"ref.{name}" for name in code_lists()), *reference_table_contracts())


def reference_rows(table: str) -> pl.DataFrame:
    """Rows of ``ref.<name>``: a code list, all columns text, or a typed table of definitions."""
    if table in reference_table_contracts():
        return definition_tables()[table].rows
    return code_list(table.removeprefix("ref."))


def listed_codes(name: str) -> tuple[str, ...]:
    """What a column may hold that refers to ``ref.<name>``.

    The codes of a code list, or what stands in the last key column of a table of definitions, such
    as every target of every plan.

    Raises:
        ConfigurationError: there is no such list or table.
    """
    table = f"ref.{name}"
    if table not in reference_table_contracts():
        return codes(name)
    defined = definition_tables()[table]
    return tuple(defined.rows[defined.contract.key[-1]].unique(maintain_order=True).to_list())


def read_values(path: Path, contract: Contract) -> pl.DataFrame:
    """A CSV of values in the columns and types of its contract; what is left blank is null.

    Raises:
        ConfigurationError: a column is missing or unknown, a text is no value of its type, or a key
            stands there twice; names the file and the line.
    """
    texts = pl.read_csv(path, infer_schema=False)
    if odd := sorted(set(texts.columns) ^ set(contract.column_names)):
        raise ConfigurationError(f"{path.name}: its contract and its header differ in {odd}")
    typed = texts.select(_typed(column) for column in contract.columns)
    for name in contract.column_names:
        lost = texts[name].is_not_null() & typed[name].is_null()
        if lost.any():
            line = (lost.arg_true()[0] or 0) + 2
            raise ConfigurationError(
                f"{path.name}, line {line}: {name} {texts[name][line - 2]!r} is no "
                f"{contract.column(name).type}"
            )
    repeated = typed.select(contract.key).is_duplicated()
    if repeated.any():
        line = (repeated.arg_true()[0] or 0) + 2
        raise ConfigurationError(f"{path.name}, line {line}: its key stands there twice")
    return typed


def _typed(column: Column) -> pl.Expr:
    text = pl.col(column.name)
    if column.type == "boolean":
        return text.replace_strict({"true": True, "false": False}, default=None).cast(pl.Boolean)
    if column.type == "date":
        return text.str.to_date("%Y-%m-%d", strict=False)
    return text.cast(column.polars_type, strict=False)


def _table(contract: Contract, rows: pl.DataFrame) -> ReferenceTable:
    if rows.width == 0:  # a table in which nothing is declared
        return ReferenceTable(contract, pl.DataFrame(schema=contract.polars_schema()))
    if unknown := sorted(set(rows.columns) ^ set(contract.column_names)):
        raise ConfigurationError(
            f"{contract.table}: its contract and its rows differ in {', '.join(unknown)}"
        )
    schema = contract.polars_schema()
    return ReferenceTable(contract, rows.select(pl.col(n).cast(k) for n, k in schema.items()))
