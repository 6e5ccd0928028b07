"""SQL models: one SELECT per file under `dbt_like_sql`, the path is the table's name.

`dbt_like_sql/mart/pass_rate.sql` makes `mart.pass_rate`. The YAML beside it is the table's contract
plus given/expect tests. What a model reads is taken from its SQL and stated nowhere else.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import sqlglot
from pydantic import Field, model_validator
from sqlglot import exp

from warehouse.contract import (
    Contract,
    Model,
    parse_contract,
    read_yaml,
    record_contracts,
    validated,
)
from warehouse.engine.follows import ByFirm, ByGroup, BySample, Follows, check_follows
from warehouse.errors import ConfigurationError
from warehouse.reference_tables import reference_table_contracts, reference_table_names

DBT_DIR = Path(__file__).parents[2] / "dbt_like_sql"

Row = dict[str, Any]


class ModelTest(Model):
    """A few input rows and what the model must make of them.

    Instead of counts that the model reads (`adds_up`), or of what a view reads, what these are made
    from may be given.
    Columns that `given` leaves out take the model's `defaults`, else NULL; tables that it leaves
    out are empty. Only the columns that `expect` names are compared, in any order of rows.
    """

    name: str = Field(min_length=8, description="what is shown, as a sentence")
    given: dict[str, tuple[Row, ...]]
    where: Row = Field(default_factory=dict, description="only rows with these values are compared")
    expect: tuple[Row, ...] | None = None
    expect_rows: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _expects_something(self) -> "ModelTest":
        if self.expect is None and self.expect_rows is None:
            message = "a test needs expect or expect_rows"
            raise ValueError(message)
        if len({frozenset(row) for row in self.expect or ()}) > 1:
            message = "all rows of expect name the same columns"
            raise ValueError(message)
        return self


class ModelNotes(Model):
    """The keys of a model's YAML beside those of its contract."""

    columns_of: str | None = Field(
        default=None, description="record table whose columns the model has, instead of `columns`"
    )
    defaults: dict[str, Row] = Field(
        default_factory=dict, description="table → column → value, for rows of every test"
    )
    by_sample: BySample | None = None
    adds_up: str | None = Field(
        default=None, description="column that counts the rows of a group, see SqlModel.adds_up"
    )
    by_firm: ByFirm | None = None
    read_in_place: tuple[str, ...] = Field(
        default=(), description="steps of its SELECT, see SqlModel.read_in_place"
    )
    tests: tuple[ModelTest, ...] = ()


class ComputedNotes(Model):
    """The keys of a computed table's YAML beside those of its contract."""

    made_by: str = Field(pattern=r"^assets(\.[a-z_]+)+$", description="function of our own code")
    depends_on: tuple[str, ...] = Field(min_length=1)
    only: dict[str, str] = Field(
        default_factory=dict, description="table → condition in SQL: only such rows of it are read"
    )


@dataclass(frozen=True)
class SqlModel:
    """One model: its SELECT, the contract of what comes out, what it reads, its tests.

    Attributes:
        adds_up: column that counts the rows of a group, of a model that adds up: each row is one
            group, told by the key, and all other columns are sums or counts in whole numbers, such
            that those of some samples and those of other samples together are those of all of
            them. So its SQL looks at one sample at a time before it counts: it joins results that
            follow their samples on the sample only, and takes min, max, a rank or distinct values
            within one sample only. Of a model that counts a result by firm, the same holds of
            firms. It is brought up to date by `engine.sums`.
        read_in_place: steps whose rows are not kept for the steps that read them, but made anew
            for each: those with about as many wide rows as a whole table, and cheap to make. So
            the runner reads import steps unasked (`engine.run`); the result is the same.
    """

    table: str
    path: Path
    sql: str
    contract: Contract
    depends_on: frozenset[str]
    defaults: Mapping[str, Row]
    tests: tuple[ModelTest, ...]
    by_sample: BySample | None = None
    adds_up: str | None = None
    by_firm: ByFirm | None = None
    read_in_place: tuple[str, ...] = ()

    @property
    def follows(self) -> Follows | None:
        """What its rows belong to, where they follow it."""
        groups = ByGroup(key=self.contract.key) if self.adds_up else None
        return self.by_sample or self.by_firm or groups

    @property
    def file(self) -> str:
        """Path as people write it: ``dbt_like_sql/mart/pass_rate.sql``."""
        return "/".join(self.path.parts[-3:])


@dataclass(frozen=True)
class ComputedTable:
    """A small table that Python computes from other tables: its contract, inputs and function.

    Its YAML stands in `dbt_like_sql` like that of a SQL model, so that it is found, checked and
    published like one; `made_by` names the function, ``assets.evidence.indicator_value``.
    """

    table: str
    path: Path
    contract: Contract
    depends_on: frozenset[str]
    made_by: str
    only: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Path as people write it: ``dbt_like_sql/mart/indicator_value.yml``."""
        return "/".join(self.path.parts[-3:])


def load_computed(folder: Path = DBT_DIR) -> Mapping[str, ComputedTable]:
    """Every table of `folder` that Python computes, by name.

    Raises:
        ConfigurationError: the YAML is wrong.
    """
    return _computed_of(folder)


@cache
def _computed_of(folder: Path) -> Mapping[str, ComputedTable]:
    alone = (path for path in sorted(folder.glob("*/*.yml")) if not _is_beside_sql(path))
    found = [_load_computed(path) for path in alone]
    return {table.table: table for table in found if table is not None}


def _is_beside_sql(path: Path) -> bool:
    return path.with_suffix(".sql").is_file()


def _load_computed(path: Path) -> ComputedTable | None:
    data = read_yaml(path)
    if not isinstance(data, dict) or "made_by" not in data:
        return None
    where = f"dbt_like_sql/{path.parent.name}/{path.name}"
    notes = validated(
        ComputedNotes, {k: v for k, v in data.items() if k in ComputedNotes.model_fields}, where
    )
    table = f"{path.parent.name}.{path.stem}"
    keys = {k: v for k, v in data.items() if k not in ComputedNotes.model_fields}
    contract = parse_contract({**keys, "table": table}, where)
    depends_on = frozenset(notes.depends_on)
    if unread := sorted(notes.only.keys() - depends_on):
        raise ConfigurationError(f"{where}: only names {', '.join(unread)}, not in depends_on")
    return ComputedTable(table, path, contract, depends_on, notes.made_by, notes.only)


def load_models(folder: Path = DBT_DIR) -> dict[str, SqlModel]:
    """Every model below `folder`, by table name.

    Raises:
        ConfigurationError: SQL or YAML is wrong or missing, or a model reads an unknown table.
    """
    # What the project ships does not change while a process runs; parsing it takes a while.
    return dict(_house_models()) if folder == DBT_DIR else _models_of(folder)


@cache
def _house_models() -> Mapping[str, SqlModel]:
    return _models_of(DBT_DIR)


def _models_of(folder: Path) -> dict[str, SqlModel]:
    models = [_load_model(path) for path in sorted(folder.glob("*/*.sql"))]
    computed = {table.path for table in load_computed(folder).values()}
    for path in sorted(folder.glob("*/*.yml")):
        if path not in computed and not _is_beside_sql(path):
            raise ConfigurationError(f"{path}: there is no {path.stem}.sql beside it")
    by_table = {model.table: model for model in models}
    known = {
        *by_table,
        *load_computed(folder),
        *record_contracts(),
        *provided_contracts(),
        *reference_table_names(),
    }
    for model in models:
        if unknown := sorted(model.depends_on - known):
            raise ConfigurationError(
                f"{model.file}: reads {', '.join(unknown)}, which is neither a record table, "
                "a code list (ref.…) nor a model"
            )
        check_follows(model, by_table)
    return by_table


def ordered(models: Mapping[str, SqlModel]) -> list[SqlModel]:
    """Models in an order in which each comes after those that it reads.

    Raises:
        ConfigurationError: models read each other in a circle.
    """
    graph = {name: sorted(models[name].depends_on & set(models)) for name in sorted(models)}
    try:
        return [models[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = error.args[1]
        files = " → ".join(models[name].file for name in reversed(circle))
        raise ConfigurationError(f"models read each other in a circle: {files}") from error


def parse_select(sql: str, where: str) -> exp.Query:
    """Syntax tree of a file that holds exactly one SELECT.

    Raises:
        ConfigurationError: not SQL, or not one SELECT; names file, line and column.
    """
    try:
        statements = [item for item in sqlglot.parse(sql, dialect="duckdb") if item is not None]
    except sqlglot.errors.SqlglotError as error:
        raise ConfigurationError(f"{where}: {_place_of(error)}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ConfigurationError(f"{where}: a model is exactly one SELECT")
    return statements[0]


def is_import(query: exp.Expr) -> bool:
    """Whether a step only brings in one table: its columns, or all, perhaps some of its rows."""
    parts = {name for name, value in query.args.items() if value}
    return (
        isinstance(query, exp.Select)
        and parts <= {"expressions", "from_", "where"}
        and len(tables_outside_steps(query)) == 1
        and all(isinstance(column, exp.Column | exp.Star) for column in query.expressions)
    )


def tables_outside_steps(query: exp.Expr) -> list[str]:
    """Tables that a query reads outside its own named steps."""
    inside = {
        id(table) for cte in query.find_all(exp.CTE) for table in cte.this.find_all(exp.Table)
    }
    found = [table for table in query.find_all(exp.Table) if id(table) not in inside]
    return [f"{table.db}.{table.name}" if table.db else table.name for table in found]


def tables_read(tree: exp.Query, where: str) -> frozenset[str]:
    """Tables (``schema.name``) that a query reads; its own CTEs are not tables.

    Raises:
        ConfigurationError: a table has no schema and is no CTE.
    """
    steps = {cte.alias for cte in tree.find_all(exp.CTE)}
    tables = [table for table in tree.find_all(exp.Table) if table.db or table.name not in steps]
    if bare := sorted({table.name for table in tables if not table.db}):
        raise ConfigurationError(
            f"{where}: {', '.join(bare)} is no CTE of this file; write tables as schema.name"
        )
    return frozenset(f"{table.db}.{table.name}" for table in tables)


def _load_model(path: Path) -> SqlModel:
    sidecar = path.with_suffix(".yml")
    table = f"{path.parent.name}.{path.stem}"
    where = f"dbt_like_sql/{path.parent.name}/{path.stem}"
    if not sidecar.is_file():
        raise ConfigurationError(f"{where}.sql: its contract {path.stem}.yml is missing")
    data = read_yaml(sidecar)
    if not isinstance(data, dict) or "table" in data:
        raise ConfigurationError(
            f"{where}.yml: a mapping of keys, without 'table': the path already says {table}"
        )
    if "made_by" in data:
        raise ConfigurationError(f"{where}.yml: made_by and a .sql beside it; a table is made once")
    notes = validated(
        ModelNotes, {k: v for k, v in data.items() if k in ModelNotes.model_fields}, f"{where}.yml"
    )
    contract_keys = {k: v for k, v in data.items() if k not in ModelNotes.model_fields}
    columns = _columns(contract_keys.pop("columns", ()), notes.columns_of, f"{where}.yml")
    stated = {**contract_keys, "table": table, "columns": columns}
    contract = parse_contract(stated, f"{where}.yml", may_be_view=True)
    sql = path.read_text("utf-8").strip().removesuffix(";")
    tree = parse_select(sql, f"{where}.sql")
    if unknown := sorted({*notes.read_in_place} - {step.alias for step in tree.ctes}):
        raise ConfigurationError(
            f"{where}.yml: read_in_place names {', '.join(unknown)}, which is no step of the SELECT"
        )
    return SqlModel(
        table,
        path,
        sql,
        contract,
        tables_read(tree, f"{where}.sql"),
        notes.defaults,
        notes.tests,
        by_sample=notes.by_sample,
        adds_up=notes.adds_up,
        by_firm=notes.by_firm,
        read_in_place=notes.read_in_place,
    )


def _columns(entries: Collection[Any], columns_of: str | None, where: str) -> list[Any]:
    """Columns as `parse_contract` takes them: ``core.sample.verdict`` stands for that column."""
    if columns_of is not None:
        return [column.model_dump() for column in _record_contract(columns_of, where).columns]
    return [_column(entry, where) for entry in entries]


def _column(entry: Any, where: str) -> Any:
    if not isinstance(entry, str) or "." not in entry:
        return entry
    table, _, name = entry.rpartition(".")
    contract = _record_contract(table, where)
    if name not in contract.column_names:
        raise ConfigurationError(f"{where}: {table} has no column '{name}'")
    return contract.column(name).model_dump()


def _record_contract(table: str, where: str) -> Contract:
    try:
        return record_contracts()[table]
    except KeyError:
        raise ConfigurationError(f"{where}: '{table}' is no record table") from None


def _place_of(error: Exception) -> str:
    places = getattr(error, "errors", None)
    if not places:
        return str(error).splitlines()[0]
    first = places[0]
    return f"line {first['line']}, column {first['col']}: {first['description']}"


def contract_of(table: str, models: Mapping[str, SqlModel]) -> Contract:
    """Contract of a table that models read, code lists apart (KeyError for an unknown table)."""
    if table in models:
        return models[table].contract
    computed = {name: found.contract for name, found in load_computed().items()}
    known = {**record_contracts(), **provided_contracts(), **reference_table_contracts()}
    return {**known, **computed}[table]


@cache
def provided_contracts() -> dict[str, Contract]:
    """Tables that the runner provides to every model, by name such as ``meta.build``."""
    entries = read_yaml(Path(__file__).parent / "provided.yml")
    contracts = [parse_contract(entry, "provided.yml") for entry in entries]
    return {contract.table: contract for contract in contracts}
