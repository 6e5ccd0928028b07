"""Lint of SQL models: the subset of DuckDB's SQL that means the same elsewhere, and house style.

The subset was found by running the same models on DuckDB and on Spark. Some constructs fail there,
which is a nuisance; others silently give different numbers, which is worse. Rules about division
and rounding look at types, so the tree is typed from the contracts before it is checked.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from warehouse.contract import record_contracts
from warehouse.engine.lint_sums import sum_findings
from warehouse.engine.model import (
    SqlModel,
    is_import,
    load_computed,
    ordered,
    parse_select,
    provided_contracts,
    tables_outside_steps,
)
from warehouse.engine.since import counted_tables
from warehouse.engine.views import views_of
from warehouse.reference_lists import code_list, code_lists
from warehouse.reference_tables import reference_table_contracts

DIALECT = "duckdb"


@dataclass(frozen=True)
class Finding:
    """One construct to rewrite: where it stands and what to write instead."""

    file: str
    line: int
    construct: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.construct}: {self.instead}"


Problem = tuple[str, str]  # construct, what to write instead
Rule = Callable[[exp.Expr], Problem | None]

# Each of these depends on the order of its window; Spark refuses most of them without one.
_ORDERED = (
    *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue),
)
# Functions known to mean the same. A function that is not here is a finding until someone has
# compared it on both engines and adds it.
PORTABLE_FUNCTIONS: tuple[type[exp.Expr], ...] = (
    *(exp.Count, exp.CountIf, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Median, exp.PercentileCont),
    *_ORDERED,
    *(exp.Coalesce, exp.Nullif, exp.Case, exp.If, exp.Exists, exp.Cast, exp.TryCast),
    *(exp.And, exp.Or, exp.Like, exp.RegexpLike, exp.RegexpReplace, exp.Grouping),
    *(exp.Extract, exp.DateTrunc, exp.TimestampTrunc, exp.DateDiff, exp.Date),
    *(exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sqrt, exp.Pow, exp.Ln, exp.Exp, exp.Least),
    *(exp.Greatest, exp.Upper, exp.Lower, exp.Trim, exp.Length, exp.Substring, exp.Pad),
    *(exp.Replace, exp.SplitPart, exp.ArraySort, exp.ArrayAgg, exp.ArraySize),
    *(exp.ArrayToString, exp.Struct, exp.Explode, exp.Unnest, exp.Array, exp.PercentileDisc),
    *(exp.StddevSamp, exp.VariancePop, exp.LogicalOr, exp.LogicalAnd, exp.RegexpExtract),
)
_SAY_WHICH = "use min() or max(), or take row_number() = 1 over a total order"
_AS_OF = "use as_of of meta.build, so that the past can be built again"
FORBIDDEN_FUNCTIONS: Mapping[str, str] = {
    "MODE": "count per value and take row_number() = 1 over a total order",
    "FIRST": _SAY_WHICH,
    "LAST": _SAY_WHICH,
    "ANY_VALUE": _SAY_WHICH,
    "APPROX_DISTINCT": "use count(distinct …)",
    "APPROX_COUNT_DISTINCT": "use count(distinct …)",
    "APPROX_QUANTILE": "use quantile_cont(…)",
    "HASH": "hashes differ between engines; compare the columns themselves",
    "RAND": "a build must give the same result twice",
    "RANDOM": "a build must give the same result twice",
    "UUID": "a build must give the same result twice",
    "NOW": _AS_OF,
    "TODAY": _AS_OF,
    "CURRENT_DATE": _AS_OF,
    "CURRENT_TIMESTAMP": _AS_OF,
    "LOG": "use ln(x), divided by ln(10) where base 10 is meant",
    "CONCAT": "use ||: concat skips NULL here and not there",
    "LEN": "use array_length(…) for lists and length(…) for text",
}
PORTABLE_PARTS = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE"})
_WHOLE = (exp.Round, exp.Floor, exp.Ceil)


def lint_models(models: Mapping[str, SqlModel]) -> list[Finding]:
    """All findings in all models, in the order of files and lines; empty when all is well."""
    schema = _schema(models)
    found = [finding for model in ordered(models) for finding in lint_model(model, schema)]
    return sorted(found, key=lambda finding: (finding.file, finding.line, finding.construct))


def lint_model(model: SqlModel, schema: MappingSchema) -> list[Finding]:
    """Findings in one model; `schema` holds the tables that it may read, with their types."""
    tree = parse_select(model.sql, model.file)
    found = [*_style(tree, model.sql), *_checked(tree, _UNTYPED_RULES)]
    if model.adds_up is not None:
        views = {each.table for each in views_of(model)}
        sums = sum_findings(tree, {*counted_tables(model), *views})
        found += [(_line(node), construct, instead) for node, construct, instead in sums]
    try:
        typed = qualify(tree.copy(), schema=schema, dialect=DIALECT, quote_identifiers=False)
        found += _checked(annotate_types(typed, schema, dialect=DIALECT), _TYPED_RULES)
    except SqlglotError as error:
        found.append((1, "names that do not resolve", str(error).splitlines()[0]))
    return [Finding(model.file, *each) for each in dict.fromkeys(found)]


def _schema(models: Mapping[str, SqlModel]) -> MappingSchema:
    contracts = [*record_contracts().values(), *provided_contracts().values()]
    contracts += [model.contract for model in models.values()]
    contracts += [table.contract for table in load_computed().values()]
    contracts += reference_table_contracts().values()
    tables: dict[str, Any] = {"ref": {}}
    for contract in contracts:
        columns = {column.name: column.duckdb_type for column in contract.columns}
        tables.setdefault(contract.schema_name, {})[contract.name] = columns
    for name in code_lists():
        tables["ref"][name] = dict.fromkeys(code_list(name).columns, "VARCHAR")
    return MappingSchema(tables, dialect=DIALECT)


def _checked(tree: exp.Expr, rules: Iterable[Rule]) -> Iterator[tuple[int, str, str]]:
    for node in tree.walk():
        for rule in rules:
            if problem := rule(node):
                yield (_line(node), *problem)


def _line(node: exp.Expr) -> int:
    """Line of a node: its own, else that of the first thing inside or around it that has one."""
    around: exp.Expr | None = node
    while around is not None:
        lines = (inner.meta.get("line") for inner in around.walk())
        if line := next((number for number in lines if number), None):
            return int(line)
        around = around.parent
    return 1


# -- rules that need no types


def _function(node: exp.Expr) -> Problem | None:
    if not isinstance(node, exp.Func):
        return None
    name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).upper()
    if name in FORBIDDEN_FUNCTIONS:
        return f"{name.lower()}()", FORBIDDEN_FUNCTIONS[name]
    if isinstance(node, PORTABLE_FUNCTIONS):
        return None
    return (
        f"{name.lower()}()",
        "not known to mean the same elsewhere; compare it there first",
    )


def _join(node: exp.Expr) -> Problem | None:
    if not isinstance(node, exp.Join):
        return None
    method = (node.method or "").upper()
    if method == "ASOF":
        return "asof join", "make [valid_from, valid_to) with lead() and join on the range"
    if method in ("POSITIONAL", "NATURAL"):
        return f"{method.lower()} join", "join on named columns"
    if node.side == "LEFT" and isinstance(condition := node.args.get("on"), exp.Expr):
        for part in condition.flatten() if isinstance(condition, exp.And) else [condition]:
            tables = {column.table for column in part.find_all(exp.Column)}
            if "" not in tables and node.this.alias_or_name not in tables:
                # DuckDB then compares every row with every other.
                instead = "join on a column that is empty where it does not hold"
                return f"left join on {part.sql(DIALECT)}, which looks at one side", instead
    return None


def _selection(node: exp.Expr) -> Problem | None:
    if isinstance(node, exp.Distinct) and node.args.get("on"):
        return "distinct on", "use qualify row_number() over (…) = 1"
    if isinstance(node, exp.Select) and node.args.get("qualify") and node.is_star:
        return "select * with qualify", "list the columns"
    if isinstance(node, exp.Star) and any(node.args.values()):
        return "* with exclude, replace or rename", "list the columns"
    if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
        return "union by name", "list the columns in the same order"
    return None


def _shape(node: exp.Expr) -> Problem | None:
    if isinstance(node, exp.Pivot):
        return "pivot", "use aggregates with filter (where …)"
    if isinstance(node, exp.TableSample):
        return "sample", "a build must give the same result twice"
    if isinstance(node, exp.Grouping) and len(node.expressions) > 1:
        return "grouping() of several columns", "call grouping() once per column"
    if isinstance(node, exp.Slice):
        return "list slice", "unnest the list"
    if isinstance(node, exp.Lambda):
        return "lambda", "unnest the list"
    return None


def _list(node: exp.Expr) -> Problem | None:
    if not isinstance(node, exp.ArrayAgg):
        return None
    if node.find(exp.Order):
        return "list(… order by …)", "use list_sort(list(…))"
    outer = node.parent
    if not isinstance(outer, exp.Filter) or not outer.expression.find(exp.Null):
        return "list() that may hold NULL", "use list(x) filter (where x is not null)"
    if not isinstance(outer.parent, exp.ArraySort):
        return "list() in no order", "use list_sort(list(…))"
    return None


def _date(node: exp.Expr) -> Problem | None:
    if isinstance(node, exp.DateDiff) and (node.unit is None or node.unit.name.upper() != "DAY"):
        return "date_diff in other units than day", "use date_diff('day', …)"
    if isinstance(node, exp.Extract) and node.name.upper() not in PORTABLE_PARTS:
        return f"extract({node.name.lower()} …)", "use year, quarter, month, day, hour or minute"
    return None


def _replacement(node: exp.Expr) -> Problem | None:
    if not isinstance(node, exp.RegexpReplace) or "g" in str(node.args.get("modifiers") or ""):
        return None
    return "regexp_replace without 'g'", "add 'g' as its fourth argument"


def _divisor(node: exp.Expr) -> Problem | None:
    if not isinstance(node, exp.Div | exp.Mod):
        return None
    divisor = node.expression.unnest()
    if isinstance(divisor, exp.Nullif):
        return None
    if isinstance(divisor, exp.Literal) and divisor.name.strip("0.") != "":
        return None
    return f"division by {divisor.sql(DIALECT)}", "wrap the divisor in nullif(…, 0)"


def _hint(node: exp.Expr) -> Problem | None:
    if not isinstance(node, exp.CTE) or node.args.get("materialized") is None:
        return None
    hint = "materialized" if node.args["materialized"] else "not materialized"
    return f"{node.alias} as {hint}", "name steps to be read anew under read_in_place in the YAML"


def _order(node: exp.Expr) -> Problem | None:
    if not isinstance(node, exp.Window) or (function := node.find(*_ORDERED)) is None:
        return None
    # The order may stand in a named window, which may take it from another one.
    select = node.find_ancestor(exp.Select)
    named = {window.name: window for window in (select and select.args.get("windows")) or ()}
    window: exp.Expr | None = node
    while window is not None:
        if (order := window.args.get("order")) and order.find(exp.Column):
            return None
        window = named.pop(str(window.args.get("alias") or ""), None)
    return f"{function.sql_name().lower()}() in no order", "order by columns that tell rows apart"


_UNTYPED_RULES: tuple[Rule, ...] = (
    *(_function, _join, _selection, _shape, _list, _date, _replacement, _divisor, _hint, _order),
)


# -- rules about types


def _decimal_arithmetic(node: exp.Expr) -> Problem | None:
    if isinstance(node, exp.Div) and any(
        side.is_type(exp.DataType.Type.DECIMAL) for side in (node.this, node.expression)
    ):
        return f"decimal division {node.sql(DIALECT)}", "cast both sides to double"
    if isinstance(node, exp.Avg | exp.Median) and node.this.is_type(exp.DataType.Type.DECIMAL):
        return f"{node.sql_name().lower()}() of decimals", "cast to double first"
    return None


def _rounding_cast(node: exp.Expr) -> Problem | None:
    if not isinstance(node, exp.Cast) or node.to.this not in exp.DataType.INTEGER_TYPES:
        return None
    source = node.this
    fraction = source.is_type(*exp.DataType.REAL_TYPES)
    if not fraction or isinstance(source.unnest(), _WHOLE):
        return None
    return f"cast of a fraction to {node.to.sql(DIALECT).lower()}", "use round() or floor() first"


def _list_length(node: exp.Expr) -> Problem | None:
    if isinstance(node, exp.Length) and node.this.is_type(exp.DataType.Type.ARRAY):
        return "length of a list", "use array_length(…)"
    return None


_TYPED_RULES: tuple[Rule, ...] = (_decimal_arithmetic, _rounding_cast, _list_length)


# -- house style: imports, named steps, one final select


def _style(tree: exp.Query, sql: str) -> Iterator[tuple[int, str, str]]:
    if not sql.startswith("-- "):
        yield 1, "no comment on top", "say in the first lines what one row is"
    if not tree.ctes:
        yield 1, "no named steps", "write with … as (…), then select from the last step"
        return
    if not _is_plain(tree) or tables_outside_steps(tree) != [tree.ctes[-1].alias]:
        yield (
            _line(tree.args.get("from_") or tree),
            "final select",
            f"end with: select * from {tree.ctes[-1].alias}",
        )
    for cte in tree.ctes:
        if any("." in table for table in tables_outside_steps(cte.this)) and not is_import(
            cte.this
        ):
            yield _line(cte), f"{cte.alias} reads a table", "read each table in an import step"
    read = [table.name for table in tree.find_all(exp.Table) if not table.db]
    for cte in tree.ctes:
        if cte.alias not in read:
            yield _line(cte), f"{cte.alias} is read by nothing", "leave the step out"


def _is_plain(query: exp.Expr) -> bool:
    parts = {name for name, value in query.args.items() if value}
    return isinstance(query, exp.Select) and parts <= {"with_", "expressions", "from_"}
