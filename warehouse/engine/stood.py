"""Rows of a whole that stand no more: looked up once a night, for all that count or follow them.

To find the few rows of touched samples in a whole, the columns that name the sample are read from
the first row to the last. What is found is kept beside the rows that stand instead, in those
columns that models read which add up (`engine.sums`) or follow firms (`engine.firms`).
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import duckdb
from sqlglot import exp

from warehouse.engine.model import SqlModel, load_models, parse_select
from warehouse.engine.since import PLACE, new_file, rows_of_touched
from warehouse.engine.views import inputs, views_of
from warehouse.home import Home
from warehouse.sql import identifier
from warehouse.tables import write_relation


def write_stood(con: duckdb.DuckDBPyConnection, home: Home, model: SqlModel, touched: Path) -> Path:
    """Write the rows of a result's whole that belong to what was touched, or to no sample.

    Args:
        con: connection to work with.
        home: where the result lies.
        model: its model.
        touched: file of the samples, firms or groups.

    Returns:
        The file: the place of each in the file of the whole, and of groups all columns, else
        `followed_columns`.
    """
    whole = con.read_parquet(str(home.model_file(model.table)), file_row_number=True)
    rows = rows_of_touched(whole, con.read_parquet(str(touched)), model.table)
    path = new_file(home, model.table, "stood")
    wanted = model.contract.column_names if model.adds_up else followed_columns(model.table)
    names = ", ".join(map(identifier, (*wanted, PLACE)))
    write_relation(rows.project(names), path)
    return path


@cache
def followed_columns(table: str) -> tuple[str, ...]:
    """Columns of a result that models read which follow firms or add up, and those of its key."""
    counting = [model for model in _readers(table) if model.by_firm or model.adds_up]
    return _in_order(table, _names(_trees(counting)) | set(load_models()[table].contract.key))


@cache
def firm_columns(table: str) -> tuple[str, ...]:
    """Columns of a result that models read which follow firms.

    Rows of one firm may be alike in all of them: they are not told apart by their key, of which
    the numbers of samples are as many as rows and take longer to read than everything else. Where a
    model leaves out rows that are alike, the key is read, so that these are those of the table.
    """
    following = [(model, model.by_firm) for model in _readers(table) if model.by_firm]
    trees = _trees(model for model, _ in following)
    wanted = _names(trees)
    wanted |= {by_firm.inputs[table] for _, by_firm in following if table in by_firm.inputs}
    if any(map(leaves_out_rows, trees)):
        wanted |= set(load_models()[table].contract.key)
    return _in_order(table, wanted)


def leaves_out_rows(tree: exp.Query) -> bool:
    """Whether rows that are alike may become one: by DISTINCT, or a UNION without ALL."""
    together = tree.find_all(exp.SetOperation)
    return tree.find(exp.Distinct) is not None or any(each.args["distinct"] for each in together)


def _readers(table: str) -> list[SqlModel]:
    return [model for model in load_models().values() if table in inputs(model)]


def _trees(models: Iterable[SqlModel]) -> list[exp.Query]:
    """SQL of models, and of views that they read."""
    texts = [each for model in models for each in (model, *views_of(model))]
    return [parse_select(each.sql, each.file) for each in texts]


def _names(trees: Sequence[exp.Query]) -> set[str]:
    """Names of columns that are written anywhere, those by which tables are joined too."""
    named = {column.name for tree in trees for column in tree.find_all(exp.Column)}
    joins = [join for tree in trees for join in tree.find_all(exp.Join)]
    return named | {name.name for join in joins for name in join.args.get("using") or ()}


def _in_order(table: str, wanted: set[str]) -> tuple[str, ...]:
    return tuple(name for name in load_models()[table].contract.column_names if name in wanted)
