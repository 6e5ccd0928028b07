"""What a source's YAML says, held against what it names: patterns, encodings, lists, rules.

The shape of a source is checked by its model; this finds the mistakes that a shape allows, before
any file is read, each with the key that it stands under.
"""

import codecs
import re
from collections.abc import Iterator

from warehouse.contract import Contract, record_contracts
from warehouse.errors import ConfigurationError
from warehouse.reference_lists import code_list
from warehouse.reference_tables import listed_codes
from warehouse.source import ColumnMap, RecordMap, Source, Table

# Rows that fit no rule of a contract are turned away under these.
STRUCTURAL_RULES = frozenset(
    {"row_without_record", "conflicting_versions", "too_many_cells", "uneven_split"}
    | {"unknown_sheet", "file_does_not_fit", "delivery_held"}
)


def source_problems(source: Source) -> Iterator[str]:
    """Mistakes of a source, each as ``key: what is wrong and what to do``."""
    for encoding in source.format.encodings:
        try:
            codecs.lookup(encoding)
        except LookupError:
            yield f"format.encodings: there is no encoding '{encoding}'; utf-8 and gb18030 are two"
    known = set(STRUCTURAL_RULES)
    for name, table in source.tables.items():
        yield from _table_problems(f"tables.{name}", table)
        for target, record in table.records.items():
            contract = record_contracts()[f"core.{target}"]
            known.update(rule.rule for rule in (*contract.expectations, *record.rules))
            known.update(f"unparsed_{column}" for column in record.columns)
            yield from _record_problems(f"tables.{name}.records.{target}", record, contract)
    for rule in source.actions:
        if rule not in known:
            yield f"actions.{rule}: no rule of this source has that name"


def _table_problems(key: str, table: Table) -> Iterator[str]:
    patterns = [("files", table.files), ("sheets", table.sheets)]
    patterns.append(("stated_rows", table.stated_rows))
    if (
        table.stated_rows is not None
        and not _problem(table.stated_rows)
        and "stated" not in re.compile(table.stated_rows).groupindex
    ):
        yield f"{key}.stated_rows: name the group (?P<stated>[0-9]+)"
    for number, step in enumerate(table.reshape, start=1):
        where = f"reshape[{number}]"
        if step.ignore is not None:
            patterns += [(f"{where}.ignore", pattern) for pattern in step.ignore.where.values()]
        if step.unpivot is not None:
            patterns.append((f"{where}.unpivot.matching", step.unpivot.matching))
        if step.extract is not None:
            patterns.append((f"{where}.extract.pattern", step.extract.pattern))
            if (
                not _problem(step.extract.pattern)
                and not re.compile(step.extract.pattern).groupindex
            ):
                yield f"{key}.{where}.extract.pattern: name a group, such as (?P<batch>[0-9]+)"
    for name, pattern in patterns:
        if pattern is not None and (problem := _problem(pattern)):
            yield f"{key}.{name}: {problem}"


def _record_problems(key: str, record: RecordMap, contract: Contract) -> Iterator[str]:
    for delivered, pattern in record.when.items():
        if problem := _problem(pattern):
            yield f"{key}.when.{delivered}: {problem}"
    for name, column in record.columns.items():
        yield from _column_problems(
            f"{key}.columns.{name}",
            column,
            kind=contract.column(name).type,
            reference=contract.column(name).reference,
        )
    for rule in record.rules:
        if unknown := sorted(set(rule.columns) - set(contract.column_names)):
            yield f"{key}.rules.{rule.rule}: no column {', '.join(unknown)} in {contract.table}"
    for rule in contract.expectations:
        needed = rule.name == "expect_column_values_to_not_be_null" and rule.action == "reject"
        if needed and rule.columns[0] not in record.columns:
            hint = f"; {rule.message}" if rule.message else ""
            missing = f"'{rule.columns[0]}' is not mapped, so every row breaks a rule"
            yield f"{key}.columns: {missing}{hint}"


def _column_problems(
    key: str, column: ColumnMap, *, kind: str, reference: str | None
) -> Iterator[str]:
    if column.pattern is not None:
        if problem := _problem(column.pattern):
            yield f"{key}.pattern: {problem}"
        elif not re.compile(column.pattern).groups:
            yield f"{key}.pattern: put the part that counts in parentheses"
    if column.factor is not None and kind not in ("decimal", "number"):
        yield f"{key}.factor: this column holds {kind}, not a measured number"
    if isinstance(column.codes, str):
        try:
            code_list(column.codes)
        except ConfigurationError as error:
            yield f"{key}.codes: {error}"
    if reference is None:
        return
    given = (
        [] if column.codes is None or isinstance(column.codes, str) else [*column.codes.values()]
    )
    given += [str(text) for text in (column.value, column.default) if text is not None]
    if unknown := sorted({code for code in given if code} - set(listed_codes(reference))):
        known = ", ".join(listed_codes(reference))
        yield f"{key}: no code {', '.join(unknown)} in the list '{reference}'; it has {known}"


def _problem(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} is no regular expression: {error}"
    return None
