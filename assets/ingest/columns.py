"""Columns: which ones a table needs of a file, and which of the file's they are."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from assets.ingest.header import FoundHeader, label_key
from assets.ingest.mapping import referenced_columns
from assets.ingest.readers.grid import cell_names
from assets.ingest.steps import makes, reads
from warehouse.errors import DeliveryError
from warehouse.source import Source, Table
from warehouse.source_steps import Join


@dataclass(frozen=True)
class NamedColumns:
    """Names for the columns of a grid.

    Attributes:
        names: cell column (`c1`) → name, in the order of the file.
        unmapped: names that the source says nothing of.
        absent: wanted names that this part lacks and may lack.
    """

    names: Mapping[str, str]
    unmapped: tuple[str, ...]
    absent: tuple[str, ...]


def wanted_columns(source: Source, table_name: str) -> list[str]:
    """Columns that mappings, steps and joins read from the file, in the order of their mention."""
    table = source.tables[table_name]
    wanted: list[str] = []
    made: set[str] = set()
    for step in table.reshape:
        wanted += [name for name in reads(step.action) if name not in made]
        made.update(makes(step.action))
    for record in table.records.values():
        wanted += [name for name in referenced_columns(record) if name not in made]
    wanted += table.lookup
    joins = (s.action for other in source.tables.values() for s in other.reshape)
    for join in joins:
        if isinstance(join, Join) and join.table == table_name:
            wanted += [*join.on.values(), *join.columns]
    return [name for name in dict.fromkeys(wanted) if not name.startswith("$")]


def name_columns(
    found: FoundHeader, table: Table, wanted: Sequence[str], width: int, where: str
) -> NamedColumns:
    """Match labels to the names that a table wants.

    Args:
        found: the header.
        table: says what is renamed, optional and unused.
        wanted: names that mappings and steps read from the file.
        width: cell columns of the grid.
        where: file and sheet for messages.

    Raises:
        DeliveryError: a wanted column is missing, or there twice.
    """
    known = {label_key(name): name for name in (*wanted, *table.optional, *table.unused)}
    known |= {label_key(label): name for label, name in table.rename.items()}
    labels = found.labels[:width]
    names = [
        known.get(label_key(label), label) if label else f"column_{number}"
        for number, label in enumerate(labels, start=1)
    ]
    _refuse_duplicates(names, set(wanted), where)
    missing = [name for name in dict.fromkeys((*wanted, *table.optional)) if name not in names]
    if required := [name for name in missing if name not in table.optional]:
        raise DeliveryError(_missing_message(required, labels, where))
    spoken_of = {*wanted, *table.optional, *table.unused, *table.rename.values()}
    unmapped = tuple(name for name in names if not _is_meant(name, spoken_of, table))
    return NamedColumns(
        dict(zip(cell_names(len(names)), _distinct(names), strict=True)), unmapped, tuple(missing)
    )


def _is_meant(name: str, spoken_of: Collection[str], table: Table) -> bool:
    """Whether the table names a column, or a pattern of it that columns become rows by."""
    patterns = (step.unpivot.matching for step in table.reshape if step.unpivot)
    return (
        "*" in table.unused
        or name in spoken_of
        or any(pattern and re.search(pattern, name) for pattern in patterns)
    )


def _refuse_duplicates(names: Sequence[str], wanted: set[str], where: str) -> None:
    """Two columns of one name are an error where the name is wanted."""
    counts = Counter(names)
    problems = [
        f"'{name}' in columns {', '.join(str(i) for i, n in enumerate(names, 1) if n == name)}"
        for name in counts
        if counts[name] > 1 and name in wanted
    ]
    if problems:
        raise DeliveryError(
            f"{where}: the header names columns twice: {'; '.join(problems)}; rename or remove "
            "one of each in the file, or tell them apart with `rename` in the source"
        )


def _distinct(names: Sequence[str]) -> list[str]:
    """Later columns of a name that nobody wants get a number."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return distinct


def _missing_message(missing: Sequence[str], labels: Sequence[str | None], where: str) -> str:
    found = [label for label in labels if label]
    hints = [
        f"'{close[0]}' may be '{name}'"
        for name in missing
        if (close := get_close_matches(name, found, n=1, cutoff=0.6))
    ]
    likely = f" ({'; '.join(hints)})" if hints else ""
    return (
        f"{where}: missing columns {', '.join(missing)}{likely}; found: {', '.join(found)}. If a "
        "column was renamed, add it to `rename` of the table in the source; if files may lack it, "
        "to `optional`"
    )
