"""What serves each item of a plan: source, table, model and the command that shows it.

The ledger serves every target and milestone that only offices can report. All others stand in the
plan's `coverage.csv`; an item that stands nowhere is not served, and the page says so.

python -m warehouse.plan_coverage            writes docs/coverage.md
python -m warehouse.plan_coverage --check    fails where that page is not current
"""

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from warehouse.errors import ConfigurationError
from warehouse.indicator import load_indicators
from warehouse.page import write_or_check
from warehouse.plan import Mechanism, Milestone, Plan, Target
from warehouse.plan_files import load_plans
from warehouse.plans_folder import plans_folder

PAGE = Path(__file__).parent.parent / "docs" / "coverage.md"
FILE = "coverage.csv"
COLUMNS = ("item_id", "sources", "record_table", "model", "filter", "note")
LEDGER, FIGURES = "L", "mart.indicator_value"
HEADINGS = {"target": "Targets", "milestone": "Milestones", "mechanism": "Mechanisms"}

Row = dict[str, Any]
Item = Target | Milestone | Mechanism


def coverage_rows(plan: Plan, folder: Path | None = None) -> list[Row]:
    """Rows of ``ref.plan_coverage`` for one plan, in the plan's order.

    Raises:
        ConfigurationError: a line of `coverage.csv` is about no item, or two are about one.
    """
    stated = _stated((folder or plans_folder()) / plan.plan_id / FILE)
    items = list(_items(plan))
    if unknown := sorted(stated.keys() - {name for _, name, _ in items}):
        raise ConfigurationError(f"{plan.plan_id}/{FILE}: no such item: {', '.join(unknown)}")
    return [
        {
            "plan_id": plan.plan_id,
            "item_id": name,
            "item_kind": kind,
            "position": position,
            "name_en": item.name_en,
            "measured_by": item.measured_by,
            **_served_by(
                item, _with_figures(item, stated.get(name) or _by_ledger(kind, name, item))
            ),
        }
        for position, (kind, name, item) in enumerate(items, start=1)
    ]


def _items(plan: Plan) -> Iterator[tuple[str, str, Item]]:
    for target in plan.targets:
        yield "target", target.target_id, target
    for milestone in plan.milestones:
        yield "milestone", milestone.milestone_id, milestone
    for mechanism in plan.mechanisms:
        yield "mechanism", mechanism.mechanism_id, mechanism


def _stated(path: Path) -> dict[str, Row]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    ids = [row["item_id"] for row in rows]
    if repeated := sorted({name for name in ids if ids.count(name) > 1}):
        raise ConfigurationError(f"{path.name}: two lines about {', '.join(repeated)}")
    return {row["item_id"]: {name: row[name] or None for name in COLUMNS} for row in rows}


def _with_figures(item: Item, stated: Row) -> Row:
    """A target whose indicator is defined has its figures there, unless another table is named."""
    if not isinstance(item, Target) or item.indicator_id not in load_indicators():
        return stated
    if stated["model"] is not None:
        return stated
    return stated | {"model": FIGURES, "filter": f"indicator_id={item.indicator_id}"}


def _by_ledger(kind: str, name: str, item: Item) -> Row:
    """What serves an item that offices report; nothing for others."""
    nothing = dict.fromkeys(COLUMNS)
    if item.measured_by != LEDGER or kind == "mechanism":
        return nothing
    return nothing | {
        "sources": "ledger",
        "record_table": "core.ledger_entry",
        "model": "mart.ledger_value",
        "filter": f"target_id={name}",
    }


def _served_by(item: Item, stated: Row) -> Row:
    served = stated["model"] is not None
    return {
        "state": "served" if served else "not_served",
        "sources": (stated["sources"] or "").replace("|", ", ") or None,
        "record_table": stated["record_table"],
        "model": stated["model"],
        "filter": stated["filter"],
        "command": _command(item, stated) if served else None,
        "note": stated["note"] or (None if served else _missing(item)),
    }


def _missing(item: Item) -> str | None:
    """What a target lacks that is to be computed; other items say it themselves."""
    if not isinstance(item, Target):
        return None
    return f"the indicator {item.indicator_id} is not defined, so that no figure is made of records"


def _command(item: Item, stated: Row) -> str:
    """A target of an indicator is explained; everything else is a table to look at."""
    if isinstance(item, Target) and item.indicator_id and stated["model"] == FIGURES:
        return f"samplehouse explain {item.indicator_id}"
    where = f" --where {stated['filter']}" if stated["filter"] else ""
    return f"samplehouse table {stated['model']}{where}"


def render(plans: Mapping[str, Plan] | None = None) -> str:
    """The page: a table for each plan and kind of item, and what is not served."""
    known = load_plans() if plans is None else plans
    parts = [
        "# Coverage",
        "",
        "What serves each target, milestone and mechanism of a plan: the source that brings its",
        "data, the table of its records, the table of its figures and the command that shows it.",
        "Written from `coverage.csv` of each plan by `make coverage`; the same stands in a release",
        "as `ref.plan_coverage`, and `samplehouse coverage` says for which items that release",
        "holds rows. What the demo delivers is synthetic.",
    ]
    for plan in known.values():
        parts += _plan_part(plan, coverage_rows(plan))
    return "\n".join(parts) + "\n"


def _plan_part(plan: Plan, rows: list[Row]) -> Iterator[str]:
    served = sum(row["state"] == "served" for row in rows)
    yield from ("", f"## {plan.head.title.en} ({plan.plan_id})", "")
    yield f"{len(rows)} items: {served} served, {len(rows) - served} without data."
    for kind, heading in HEADINGS.items():
        own = [row for row in rows if row["item_kind"] == kind]
        yield from ("", f"### {heading}: {len(own)}", "")
        yield "| item | | by | source | records | figures | command | note |"
        yield "|---|---|---|---|---|---|---|---|"
        yield from (_line(row) for row in own)


def _line(row: Row) -> str:
    note = row["note"] or ""
    cells = [
        f"`{row['item_id']}`",
        row["name_en"],
        row["measured_by"],
        row["sources"] or "",
        f"`{row['record_table']}`" if row["record_table"] else "",
        f"`{row['model']}`" if row["model"] else "",
        f"`{row['command']}`" if row["command"] else "",
        note if row["state"] == "served" else f"**no data**: {note}",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; returns the exit code."""
    return write_or_check(PAGE, render, "coverage", arguments)


if __name__ == "__main__":
    sys.exit(main())
