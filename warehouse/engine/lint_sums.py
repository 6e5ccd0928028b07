"""Lint of models that add up: what their SQL may not do, as far as can be told from it.

What a model counts over some samples and over others must add up to what it counts over all of
them (`SqlModel.adds_up`). Steps that read results which follow their samples, or steps that do,
may therefore take a minimum, a rank or distinct values only within one sample: grouped or
partitioned by source and number of the sample. A list of distinct values to look something up in
is allowed, since which rows it has changes no row that is looked up. Of a model that counts what
each firm has, a firm stands for a sample, and none of these is allowed. That results are joined on
the sample only cannot be told; the property test in tests/sql/test_since_at_once.py runs every such
model.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from sqlglot import exp

ADDING = (exp.Sum, exp.Count, exp.CountIf, exp.Grouping)
NUMBERS = {"sample_no", "unit_no"}

Found = tuple[exp.Expr, str, str]  # node, construct, what to write instead


def sum_findings(tree: exp.Query, followed: AbstractSet[str]) -> Iterator[Found]:
    """What in a model that adds up does not.

    Args:
        tree: its SQL.
        followed: what it counts: tables that follow their samples, or one that follows firms.
    """
    of_samples = set(followed)
    for step in tree.ctes:  # the final select only selects, see engine.lint
        read = (f"{each.db}.{each.name}".lstrip(".") for each in step.find_all(exp.Table))
        if of_samples.isdisjoint(read):
            continue
        of_samples.add(step.alias)
        yield from _findings(step)


def _findings(step: exp.Expr) -> Iterator[Found]:
    for node in step.find_all(exp.Limit, exp.Offset, exp.Except, exp.Intersect):
        yield node, f"{node.key} in what adds up", "count all rows; choose in the reader"
    for node in step.find_all(exp.Window):
        if not _within_a_sample(node.args.get("partition_by") or []):
            yield node, "window over samples in what adds up", "partition by source and sample"
    for each in step.find_all(exp.AggFunc):
        select = each.find_ancestor(exp.Select)
        if isinstance(each.parent, exp.Window) or select is None or _groups_by_sample(select):
            continue
        if not isinstance(each, ADDING):
            construct = f"{each.sql_name().lower()}() over samples in what adds up"
            yield each, construct, "make it a column of the key, and take it in the reader"
        elif each.find(exp.Distinct):
            yield each, "count(distinct …) in what adds up", "make it a column of the key"


def _groups_by_sample(select: exp.Select) -> bool:
    group = select.args.get("group")
    if group is None:
        return False
    named = [
        select.expressions[int(each.name) - 1] if isinstance(each, exp.Literal) else each
        for each in group.expressions
    ]
    return _within_a_sample(named)


def _within_a_sample(expressions: list[exp.Expr]) -> bool:
    names = {column.alias_or_name for column in expressions}
    return "source_id" in names and bool(names & NUMBERS)
