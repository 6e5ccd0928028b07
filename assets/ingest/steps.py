"""Reshaping steps: each takes the rows of a table and says what became of those it removes."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import polars as pl

from warehouse.contract import Model
from warehouse.errors import ConfigurationError, DeliveryError
from warehouse.source_steps import Extract, FillDown, Ignore, Join, Section, Split, Unpivot

PLACE = ("source_sheet", "source_row")
EXTRA = "__extra_cells"

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Rows:
    """Rows of a table on their way through the steps.

    Attributes:
        frame: named text columns beside `source_sheet` and `source_row`.
        file_name: name of the delivered file, which `$file` stands for.
        lookups: tables that others join, by name.
        missing_texts: texts that mean no value.
        sections: columns that section headings went into.
        ignored: frames of source_sheet, source_row, reason.
        rejected: frames of source_sheet, source_row, rule_id, column_name, value_text, message.
        numbered: whether one source row may stand on several rows by now.
    """

    frame: pl.LazyFrame
    file_name: str
    lookups: Mapping[str, pl.LazyFrame]
    missing_texts: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    ignored: tuple[pl.LazyFrame, ...] = ()
    rejected: tuple[pl.LazyFrame, ...] = ()
    numbered: bool = False

    @property
    def names(self) -> list[str]:
        """Columns of the frame, without those that say where a row stands."""
        return [name for name in self.frame.collect_schema().names() if name not in PLACE]

    def without(self, condition: pl.Expr, reason: str) -> "Rows":
        """Leave out the rows that meet a condition, for a stated reason."""
        marked = condition.fill_null(value=False)
        left_out = self.frame.filter(marked).select(*PLACE, reason=pl.lit(reason))
        return replace(self, frame=self.frame.filter(~marked), ignored=(*self.ignored, left_out))


def missing_as_null(text: pl.Expr, missing: Sequence[str]) -> pl.Expr:
    """Text without blanks around it; null where nothing is left, or a text that means no value."""
    stripped = text.str.strip_chars()
    return pl.when(~stripped.is_in(list({"", *missing}))).then(stripped)


@cache
def checked_pattern(pattern: str) -> str:
    """A regular expression that the engine understands.

    Raises:
        ConfigurationError: it does not.
    """
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.ComputeError as error:
        raise ConfigurationError(
            f"the pattern {pattern!r} is no regular expression of RE2 syntax: {error}"
        ) from error
    return pattern


def named_groups(pattern: str) -> dict[str, int]:
    """Names of the groups ``(?P<name>…)`` of a pattern, and their numbers.

    Raises:
        ConfigurationError: the pattern is wrong, or names no group.
    """
    try:
        groups = re.compile(checked_pattern(pattern)).groupindex
    except re.error as error:
        raise ConfigurationError(f"the pattern {pattern!r} is wrong: {error}") from error
    if not groups:
        raise ConfigurationError(f"the pattern {pattern!r} names no group (?P<name>…)")
    return dict(groups)


def apply_step(rows: Rows, action: Model) -> Rows:
    """Run one step of a table's `reshape`."""
    return _STEPS[type(action)](rows, action)


def _ignore(rows: Rows, step: Ignore) -> Rows:
    conditions = [
        pl.col(name).is_null()
        if not pattern
        else pl.col(name).fill_null("").str.contains(checked_pattern(pattern))
        for name, pattern in step.where.items()
    ]
    return rows.without(pl.all_horizontal(conditions), step.reason)


def _section(rows: Rows, step: Section) -> Rows:
    others = [name for name in rows.names if name not in {step.column, *rows.sections}]
    heading = pl.col(step.column).is_not_null() & pl.all_horizontal(pl.col(others).is_null())
    headed = rows.frame.with_columns(
        pl.when(heading)
        .then(pl.col(step.column))
        .forward_fill()
        .over("source_sheet")
        .alias(step.into)
    )
    marked = replace(rows, frame=headed, sections=(*rows.sections, step.into))
    return marked.without(heading, "section_heading")


def _fill_down(rows: Rows, step: FillDown) -> Rows:
    starts = pl.col(step.where_blank).is_not_null()
    group = "__group"
    within = ["source_sheet", *rows.sections, group]
    filled = (
        rows.frame.with_columns(starts.cum_sum().over("source_sheet").alias(group))
        .with_columns(pl.col(*step.columns).forward_fill().over(within))
        .drop(group)
    )
    return replace(rows, frame=filled)


def _split(rows: Rows, step: Split) -> Rows:
    """Cells in step: the first part of each column is one record, the second another.

    A blank cell states nothing for any part; other cells have as many parts as the rest. Parts
    that are blank in every column (a separator at the end) are dropped, but for the first.
    """
    columns = list(step.columns)
    marks = [_SEPARATOR] * len(step.on)
    marked = {name: pl.col(name).str.replace_many(list(step.on), marks) for name in columns}
    counts = [text.str.count_matches(_SEPARATOR, literal=True) + 1 for text in marked.values()]
    uneven = (pl.max_horizontal(counts) != pl.min_horizontal(counts)).fill_null(value=False)
    rejected = rows.frame.filter(uneven).select(
        *PLACE,
        rule_id=pl.lit("uneven_split"),
        column_name=pl.lit(", ".join(columns)),
        value_text=pl.concat_str(columns, separator=" | ", ignore_nulls=True),
        message=pl.lit(
            "these cells hold different numbers of values, so nobody knows which belong together; "
            "give each the same number"
        ),
    )
    count = pl.max_horizontal(counts).fill_null(1)
    blank = pl.lit(None, dtype=pl.String).repeat_by(count)
    number = "__number"
    parts = (
        rows.frame.filter(~uneven)
        .with_columns(
            *(
                pl.when(pl.col(name).is_null())
                .then(blank)
                .otherwise(text.str.split(_SEPARATOR))
                .alias(name)
                for name, text in marked.items()
            ),
            pl.int_ranges(0, count).alias(number),
        )
        .explode(*columns, number)
        .with_columns(missing_as_null(pl.col(*columns), rows.missing_texts))
        .filter((pl.col(number) == 0) | pl.any_horizontal(pl.col(*columns).is_not_null()))
        .drop(number)
    )
    return replace(
        rows, frame=parts, rejected=(*rows.rejected, rejected.unique(PLACE)), numbered=True
    )


def _unpivot(rows: Rows, step: Unpivot) -> Rows:
    """Parameters as rows; a row whose parameters are all blank stays once, with none."""
    pattern = re.compile(step.matching) if step.matching else None
    matching = [name for name in rows.names if pattern and pattern.search(name)]
    columns = list(dict.fromkeys([*step.columns, *matching]))
    if not columns:
        raise DeliveryError(
            f"no column is named by the pattern {step.matching!r}; found: {', '.join(rows.names)}"
        )
    pairs = pl.concat_list(
        pl.struct(pl.lit(name).alias(step.name), pl.col(name).alias(step.value)) for name in columns
    )
    if step.drop_blank:
        pairs = pairs.list.filter(pl.element().struct.field(step.value).is_not_null())
    cell = "__pair"
    frame = (
        rows.frame.with_columns(pairs.alias(cell))
        .drop(columns)
        .explode(cell, empty_as_null=True)
        .unnest(cell)
    )
    return replace(rows, frame=frame, numbered=True)


def _extract(rows: Rows, step: Extract) -> Rows:
    """Groups of a pattern; where it does not match, a column that was there keeps its text."""
    special = {"$file": pl.lit(rows.file_name), "$sheet": pl.col("source_sheet")}
    source = special.get(step.source, pl.col(step.source))
    present = set(rows.names)
    columns = []
    for name, number in named_groups(step.pattern).items():
        text = missing_as_null(source.str.extract(step.pattern, number), rows.missing_texts)
        columns.append((pl.coalesce(text, name) if name in present else text).alias(name))
    return replace(rows, frame=rows.frame.with_columns(columns))


def _join(rows: Rows, step: Join) -> Rows:
    """Columns of a lookup table; its last row counts where several have one key."""
    needed = {*step.on.values(), *step.columns}
    there = rows.lookups.get(step.table, pl.LazyFrame()).collect_schema().names()
    if needed - set(there):
        nulls = [pl.lit(None, dtype=pl.String).alias(name) for name in step.columns]
        return replace(rows, frame=rows.frame.with_columns(nulls))
    keys = {f"__key_{number}": name for number, name in enumerate(step.on.values())}
    other = (
        rows.lookups[step.table]
        .select(*(pl.col(name).alias(key) for key, name in keys.items()), *step.columns)
        .unique(list(keys), keep="last", maintain_order=True)
    )
    replaced = [name for name in step.columns if name in rows.names and name not in step.on]
    frame = rows.frame.drop(replaced).join(
        other, left_on=list(step.on), right_on=list(keys), how="left", maintain_order="left"
    )
    return replace(rows, frame=frame)


_STEPS: dict[type[Model], Callable[[Rows, Any], Rows]] = {
    Ignore: _ignore,
    Section: _section,
    FillDown: _fill_down,
    Split: _split,
    Unpivot: _unpivot,
    Extract: _extract,
    Join: _join,
}


# -- what a step needs of the file


def reads(step: Model) -> Iterator[str]:
    """Columns that a step reads, `$sheet` and `$file` among them."""
    match step:
        case Ignore():
            yield from step.where
        case Section():
            yield step.column
        case FillDown():
            yield from (*step.columns, step.where_blank)
        case Split() | Unpivot():
            yield from step.columns
        case Extract():
            yield step.source
        case Join():
            yield from step.on


def makes(step: Model) -> tuple[str, ...]:
    """Columns that a step adds."""
    match step:
        case Section():
            return (step.into,)
        case Unpivot():
            return (step.name, step.value)
        case Extract():
            return tuple(named_groups(step.pattern))
        case Join():
            return step.columns
        case _:
            return ()
