"""Table contracts: the one declaration from which a table's types, checks and words all come.

A contract states the grain, key, columns and expectations of one table. Record tables
(`core.*`, `meta.*`) are declared in `warehouse/contracts/*.yml`; SQL models in the YAML beside
their `.sql`. Columns that recur are declared once in `warehouse/contracts/fields.yml` and named.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import ConfigurationError

if TYPE_CHECKING:
    import polars as pl

CONTRACTS_DIR = Path(__file__).parent / "contracts"

M = TypeVar("M", bound=BaseModel)

_BOOLEAN = "tag:yaml.org,2002:bool"

ColumnType = Literal["text", "integer", "decimal", "number", "boolean", "date", "timestamp"]
Severity = Literal["error", "warning"]
Action = Literal["reject", "warn", "block"]

# Values are compared as exact decimals (DOMAIN: 0.054 against <= 0.05 fails): 18 digits before
# the point, 10 after, which holds dioxins in pg and colony counts in 10^12.
DECIMAL_PRECISION, DECIMAL_SCALE = 28, 10

_DUCKDB: dict[str, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "decimal": f"DECIMAL({DECIMAL_PRECISION},{DECIMAL_SCALE})",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


@cache
def _polars_types() -> "dict[str, pl.DataType]":
    import polars as pl  # noqa: PLC0415 - commands that only ask DuckDB need not wait for it

    return {
        "text": pl.String(),
        "integer": pl.Int64(),
        "decimal": pl.Decimal(DECIMAL_PRECISION, DECIMAL_SCALE),
        "number": pl.Float64(),
        "boolean": pl.Boolean(),
        "date": pl.Date(),
        "timestamp": pl.Datetime("us"),
    }


def decimal_type() -> str:
    """DuckDB's type of exact numbers."""
    return _DUCKDB["decimal"]


class Model(BaseModel):
    """Base of every declaration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Model):
    """One column: its type and what it means."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: ColumnType
    description: str = Field(min_length=8)
    term_zh: str = Field(min_length=1, description="the Chinese term that offices use")
    unit: str | None = None
    reference: str | None = Field(default=None, description="code list in warehouse/reference")
    standard: str | None = Field(default=None, description="term or clause in a standard")

    @property
    def duckdb_type(self) -> str:
        """DuckDB type name, e.g. ``DECIMAL(28,10)``."""
        return _DUCKDB[self.type]

    @property
    def polars_type(self) -> "pl.DataType":
        """Polars data type."""
        return _polars_types()[self.type]


class Expectation(Model):
    """One expectation in Great Expectations' own name and arguments.

    In YAML the expectation's name is the key and its arguments the value, beside our own keys::

        - expect_column_values_to_be_in_set: {column: programme, reference: programme}
          rule: unknown_programme
          action: reject

    `reference:` inside the arguments stands for `value_set:` with the codes of that list.
    """

    name: str = Field(pattern=r"^(expect_[a-z_]+|unexpected_rows_expectation)$")
    arguments: dict[str, Any]
    rule: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="rule_id in rejects and results")
    severity: Severity = "error"
    action: Action
    message: str | None = Field(default=None, description="what to do, for the person who reads it")

    @model_validator(mode="before")
    @classmethod
    def _from_gx_form(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "name" in data:
            return data
        named = [key for key in data if key.startswith(("expect_", "unexpected_rows"))]
        if len(named) != 1:
            message = f"an expectation needs exactly one expect_… key, found {named or 'none'}"
            raise ValueError(message)
        rest = {key: value for key, value in data.items() if key != named[0]}
        return {"name": named[0], "arguments": data[named[0]] or {}, **rest}

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the expectation reads, in the order of its arguments."""
        names = [
            self.arguments[key]
            for key in ("column", "column_A", "column_B")
            if key in self.arguments
        ]
        return (*names, *self.arguments.get("column_list", ()))


class Contract(Model):
    """A table: one row per `grain`, identified by `key`."""

    table: str = Field(pattern=r"^[a-z]+\.[a-z][a-z0-9_]*$", description="schema.name")
    description: str = Field(min_length=20)
    grain: str = Field(min_length=8)
    key: tuple[str, ...]
    columns: tuple[Column, ...] = Field(min_length=1)
    expectations: tuple[Expectation, ...] = ()
    materialized: Literal["table", "view"] = Field(
        default="table", description="view: a model of which no row is stored, see engine.views"
    )
    published: Literal["table", "view"] = Field(
        default="table",
        description="view: kept in the lake, for models that read it; a view of the file in a "
        "release, since its rows follow from what is published",
    )

    @model_validator(mode="after")
    def _names_exist(self) -> "Contract":
        names = [column.name for column in self.columns]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            message = f"columns declared twice: {', '.join(repeated)}"
            raise ValueError(message)
        wanted = [*self.key, *(c for e in self.expectations for c in e.columns)]
        if unknown := sorted(set(wanted) - set(names)):
            message = f"key or expectations name unknown columns: {', '.join(unknown)}"
            raise ValueError(message)
        rules = [expectation.rule for expectation in self.expectations]
        if repeated := sorted({rule for rule in rules if rules.count(rule) > 1}):
            message = f"rules declared twice: {', '.join(repeated)}"
            raise ValueError(message)
        return self

    @property
    def schema_name(self) -> str:
        """The part before the point: ``core`` of ``core.sample``."""
        return self.table.split(".")[0]

    @property
    def name(self) -> str:
        """The part after the point: ``sample`` of ``core.sample``."""
        return self.table.split(".")[1]

    @property
    def is_view(self) -> bool:
        """Whether its rows are computed when they are read."""
        return self.materialized == "view"

    @property
    def is_published_as_view(self) -> bool:
        """Whether its rows are computed when they are read in a release."""
        return "view" in (self.materialized, self.published)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in declared order, which is the order of the stored table."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name (KeyError when there is none)."""
        return next(column for column in self.columns if column.name == name)

    def polars_schema(self) -> "dict[str, pl.DataType]":
        """Column name → Polars type, in order."""
        return {column.name: column.polars_type for column in self.columns}

    def cast_sql(self) -> str:
        """Select list that casts every column to its declared type, in order."""
        return ", ".join(f'CAST("{c.name}" AS {c.duckdb_type}) AS "{c.name}"' for c in self.columns)

    def empty_table_sql(self) -> str:
        """``CREATE TABLE`` for an empty table of this contract (schema must exist)."""
        columns = ", ".join(f'"{c.name}" {c.duckdb_type}' for c in self.columns)
        return f'CREATE TABLE "{self.schema_name}"."{self.name}" ({columns})'


def read_yaml(path: Path) -> Any:
    """Parse one YAML file.

    Raises:
        ConfigurationError: not UTF-8, a syntax error, or a key that stands twice in one mapping, of
            which YAML would silently keep the last; names the file and the line.
    """
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path.name} is not UTF-8 in line {line}: {error}") from error
    loader = _loader()(text)
    try:
        node = loader.get_single_node()
        _refuse_repeated_keys(node, path.name)
        return None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path.name} is not valid YAML: {error}") from error
    finally:
        loader.dispose()


def _refuse_repeated_keys(root: yaml.Node | None, where: str) -> None:
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(id(node))  # an alias leads to a node that was there before
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value in lines:
                raise ConfigurationError(
                    f"{where}, line {line}: '{key.value}' stands in line {lines[key.value]} "
                    "already; of two, only the last would count, so remove one"
                )
            lines[str(key.value)] = line
            waiting.append(value)


@cache
def _loader() -> type[yaml.SafeLoader]:
    """The C loader, ten times faster, with the booleans of YAML 1.2: `on:` and `no:` are words."""
    fastest: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("Loader", (fastest,), {})
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
        for first, resolvers in fastest.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver(
        _BOOLEAN, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"
    )
    made: type[yaml.SafeLoader] = loader
    return made


def parse_contract(data: Mapping[str, Any], where: str, *, may_be_view: bool = False) -> Contract:
    """Build a contract from parsed YAML, filling named columns from fields.yml.

    Args:
        data: mapping with the keys of `Contract`; an entry of `columns` is a field's name, or a
            mapping whose `name` may be a known field (other keys then override it).
        where: file name for error messages.
        may_be_view: whether a query makes the rows, so that it may stand instead of them.

    Raises:
        ConfigurationError: with one line per mistake.
    """
    fields = shared_fields()

    def resolve(entry: Any) -> Any:
        if isinstance(entry, str):
            if entry not in fields:
                raise ConfigurationError(
                    f"{where}: column '{entry}' is neither in fields.yml nor declared here"
                )
            return {"name": entry, **fields[entry]}
        if isinstance(entry, dict) and entry.get("name") in fields:
            return {**fields[entry["name"]], **entry}
        return entry

    columns = [resolve(entry) for entry in data.get("columns", ())]
    contract = validated(Contract, {**data, "columns": columns}, where)
    if contract.is_published_as_view and not may_be_view:
        raise ConfigurationError(
            f"{where}: only a model with a SELECT of its own can be a view; remove materialized "
            "or published"
        )
    return contract


def validated(model: type[M], data: Any, where: str) -> M:
    """`model` from parsed YAML; a mistake becomes one line per place in the file."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = [
            f"{where}: {'.'.join(str(part) for part in problem['loc']) or 'top'}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise ConfigurationError("\n".join(lines)) from error


def read_named(model: type[M], folder: Path) -> dict[str, M]:
    """Every YAML of a folder as a model, by its `id`, after which its file is named.

    Raises:
        ConfigurationError: with one line per mistake, or a file that is named otherwise.
    """
    found = {}
    for path in sorted(folder.glob("*.yml")):
        found[path.stem] = validated(model, read_yaml(path), path.name)
        if (name := getattr(found[path.stem], "id")) != path.stem:  # noqa: B009 - of any model
            raise ConfigurationError(f"{path.name}: the file of {name} is {name}.yml")
    return found


@cache
def shared_fields() -> dict[str, dict[str, Any]]:
    """The recurring columns of `fields.yml`, by name."""
    data: dict[str, dict[str, Any]] = read_yaml(CONTRACTS_DIR / "fields.yml")
    return data


@cache
def record_contracts() -> dict[str, Contract]:
    """Every contract of `warehouse/contracts`, by table name such as ``core.sample``."""
    paths = sorted(path for path in CONTRACTS_DIR.glob("*.yml") if path.name != "fields.yml")
    contracts = [parse_contract(read_yaml(path), path.name) for path in paths]
    return {contract.table: contract for contract in contracts}
