"""The words of the release: comments in the file, its data dictionary, and the same as a page.

python -m warehouse.dictionary            writes docs/data_dictionary.md
python -m warehouse.dictionary --check    fails where that page is not current
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from warehouse.contract import Column, Contract, parse_contract, read_yaml, record_contracts
from warehouse.engine.model import load_computed, load_models
from warehouse.errors import ConfigurationError
from warehouse.page import write_or_check
from warehouse.reference_lists import CODES_DIR, code_list
from warehouse.reference_tables import reference_table_contracts
from warehouse.sql import literal

PAGE = Path(__file__).parent.parent / "docs" / "data_dictionary.md"
CODE_LISTS_FILE = CODES_DIR.parent / "code_lists.yml"

# Schema of a SQL model → schema under which analysts see it. The latest versions of records are
# what the world calls the records; models of other schemas are steps on the way.
PUBLISHED_SCHEMAS = {"latest": "core", "fact": "fact", "mart": "mart"}

A_VIEW = "A view: its rows are computed from other tables when it is read."

# Tables of the lake that are published as they are, beside the models.
PUBLISHED_RECORD_TABLES = (
    "core.rejected_record",
    "meta.alert",
    "meta.delivery",
    "meta.ignored_rows",
    "meta.control_total",
    "meta.check_result",
)
# Tables that the release writes about itself.
RELEASE_TABLES = (
    "meta.data_dictionary",
    "meta.release",
    "meta.release_input",
    "meta.release_table",
)


def published_contract(contract: Contract) -> Contract | None:
    """A model's contract under its published name, e.g. ``core.sample`` for ``latest.sample``.

    None for a model that is not published; that of a view for what is published as one.
    """
    schema = PUBLISHED_SCHEMAS.get(contract.schema_name)
    if schema is None:
        return None
    kind = "view" if contract.is_published_as_view else "table"
    changes = {"table": f"{schema}.{contract.name}", "materialized": kind}
    return contract.model_copy(update=changes)


def reference_contracts(
    described: Mapping[str, Any] | None = None, names: Sequence[str] | None = None
) -> list[Contract]:
    """Contracts of the code lists as ``ref.<list>``, with the words of code_lists.yml.

    Args:
        described: content of code_lists.yml, when not the project's own.
        names: lists to describe; all there are by default.

    Raises:
        ConfigurationError: a list, or a column of it, is not described.
    """
    words = described if described is not None else read_yaml(CODE_LISTS_FILE)
    found = names if names is not None else sorted(path.stem for path in CODES_DIR.glob("*.csv"))
    return [_reference_contract(name, words) for name in found]


def _reference_contract(name: str, words: Mapping[str, Any]) -> Contract:
    where = CODE_LISTS_FILE.name
    if name not in words["lists"]:
        raise ConfigurationError(
            f"{where}: the code list '{name}' is not described; say what it holds under `lists`"
        )
    entry = words["lists"][name]
    columns = {**words["columns"], **entry.get("columns", {})}
    if unknown := [column for column in code_list(name).columns if column not in columns]:
        raise ConfigurationError(
            f"{where}: the code list '{name}' has columns that are not described: "
            f"{', '.join(unknown)}; describe them under `lists: {name}: columns`"
        )
    contract = {
        "table": f"ref.{name}",
        "description": entry["description"],
        "grain": "one code of the list",
        "key": ["code"],
        "columns": [{"name": column, **columns[column]} for column in code_list(name).columns],
    }
    return parse_contract(contract, f"{where}: lists.{name}")


def project_contracts() -> list[Contract]:
    """Contracts of every table that this project's models and records publish."""
    models = [model.contract for model in load_models().values()]
    computed = [table.contract for table in load_computed().values()]
    return published_contracts([*models, *computed])


def published_contracts(models: Iterable[Contract]) -> list[Contract]:
    """Contracts of every table of a release, by table name.

    Args:
        models: contracts of the SQL models, under their own names (``latest.sample``).

    Raises:
        ConfigurationError: two tables would be published under one name.
    """
    records = record_contracts()
    contracts = [
        *(published for model in models if (published := published_contract(model))),
        *(records[table] for table in (*PUBLISHED_RECORD_TABLES, *RELEASE_TABLES)),
        *reference_contracts(),
        *reference_table_contracts().values(),
    ]
    names = [contract.table for contract in contracts]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(
            f"several tables would be published under one name: {', '.join(repeated)}; rename one"
        )
    return sorted(contracts, key=lambda contract: contract.table)


def table_comment(contract: Contract) -> str:
    """What a table or view holds and what one row of it is, for `COMMENT ON`."""
    key = f" Key: {', '.join(contract.key)}." if contract.key else ""
    return f"{_description(contract)} One row: {contract.grain}.{key}"


def _description(contract: Contract) -> str:
    return contract.description + (f" {A_VIEW}" if contract.is_view else "")


def column_comment(column: Column) -> str:
    """What a column means, for `COMMENT ON COLUMN`: words, unit, Chinese term, codes, standard."""
    parts = [
        column.description,
        f"unit: {column.unit}" if column.unit else "",
        column.term_zh,
        f"codes: ref.{column.reference}" if column.reference else "",
        f"standard: {column.standard}" if column.standard else "",
    ]
    return " | ".join(part for part in parts if part)


def comment_statements(contract: Contract) -> list[str]:
    """`COMMENT ON` statements for a table and each of its columns."""
    table = f'"{contract.schema_name}"."{contract.name}"'
    kind = "VIEW" if contract.is_view else "TABLE"
    return [
        f"COMMENT ON {kind} {table} IS {literal(table_comment(contract))}",
        *(
            f'COMMENT ON COLUMN {table}."{column.name}" IS {literal(column_comment(column))}'
            for column in contract.columns
        ),
    ]


def dictionary_frame(contracts: Iterable[Contract]) -> pl.DataFrame:
    """Rows of `meta.data_dictionary`: one per column of every table."""
    rows = [
        (
            contract.table,
            position,
            column.name,
            column.duckdb_type,
            column.name in contract.key,
            column.unit,
            column.description,
            column.term_zh,
            f"ref.{column.reference}" if column.reference else None,
            column.standard,
            contract.grain,
            _description(contract),
        )
        for contract in contracts
        for position, column in enumerate(contract.columns, start=1)
    ]
    schema = record_contracts()["meta.data_dictionary"].polars_schema()
    return pl.DataFrame(rows, schema=schema, orient="row")


def render_dictionary(contracts: Iterable[Contract]) -> str:
    """The data dictionary as a Markdown page, tables by schema and name."""
    ordered = sorted(contracts, key=lambda contract: contract.table)
    lines = [
        "# Data dictionary",
        "",
        "Every table and column of a release. Written from the contracts by `make dictionary`;",
        "the same words stand in the file itself as comments and in `meta.data_dictionary`.",
    ]
    for schema, tables in groupby(ordered, key=lambda contract: contract.schema_name):
        lines += ["", f"## {schema}"]
        for contract in tables:
            lines += ["", *_table_lines(contract)]
    return "\n".join(lines) + "\n"


def _table_lines(contract: Contract) -> list[str]:
    key = ", ".join(f"`{name}`" for name in contract.key)
    return [
        f"### {contract.table}",
        "",
        _description(contract),
        "",
        f"One row: {contract.grain}." + (f" Key: {key}." if key else ""),
        "",
        "| column | type | unit | meaning | term | codes | standard |",
        "|---|---|---|---|---|---|---|",
        *(_column_line(column) for column in contract.columns),
    ]


def _column_line(column: Column) -> str:
    reference = f"`ref.{column.reference}`" if column.reference else ""
    cells = [
        f"`{column.name}`",
        column.duckdb_type,
        column.unit or "",
        column.description,
        column.term_zh,
        reference,
        column.standard or "",
    ]
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; returns the exit code."""
    return write_or_check(
        PAGE, lambda: render_dictionary(project_contracts()), "dictionary", arguments
    )


if __name__ == "__main__":
    sys.exit(main())
