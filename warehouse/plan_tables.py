"""Plans as tables: `ref.plan*`, which models join instead of holding a target themselves."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from warehouse.contract import DECIMAL_PRECISION, DECIMAL_SCALE
from warehouse.plan import Milestone, Plan, Target, item_id
from warehouse.plan_coverage import coverage_rows
from warehouse.plan_files import load_plans

Row = dict[str, Any]

# Kinds of targets that allow failures among units; counts and scores do not.
BUDGETED = ("rate", "coverage")


def plan_rows(plans: Mapping[str, Plan] | None = None) -> dict[str, pl.DataFrame]:
    """The tables that plans become, by name; columns as in their contracts.

    Args:
        plans: by id; those of the warehouse by default.
    """
    known = (load_plans() if plans is None else plans).values()
    return {
        "ref.plan": _frame(_head(plan) for plan in known),
        "ref.plan_pilot_division": _frame(
            {"plan_id": plan.plan_id, "division_code": code}
            for plan in known
            for code in plan.head.pilot_divisions
        ),
        "ref.plan_item": _frame(
            _item(plan, item, position)
            for plan in known
            for position, item in enumerate(plan.items, start=1)
        ),
        "ref.plan_target": _frame(_target(plan, each) for plan in known for each in plan.targets),
        "ref.plan_budget": _frame(
            row for plan in known for each in plan.targets for row in _budgets(plan, each)
        ),
        "ref.plan_milestone": _frame(
            {"plan_id": plan.plan_id, **each.model_dump(), "due_on": plan.head.period.end}
            for plan in known
            for each in plan.milestones
        ),
        "ref.plan_mechanism": _frame(
            {"plan_id": plan.plan_id, **each.model_dump()}
            for plan in known
            for each in plan.mechanisms
        ),
        "ref.plan_coverage": _frame(row for plan in known for row in coverage_rows(plan)),
        "ref.plan_parameter": _frame(
            {"plan_id": plan.plan_id, **each.model_dump()}
            for plan in known
            for each in plan.parameters
        ),
    }


def _frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as a frame; decimals keep the contracts' digits, whichever come first."""
    found = list(rows)
    decimal = pl.Decimal(DECIMAL_PRECISION, DECIMAL_SCALE)
    exact = {"value": decimal, "least_amount": decimal} if found else None
    return pl.DataFrame(found, infer_schema_length=None, schema_overrides=exact)


def _head(plan: Plan) -> Row:
    head = plan.head
    return {
        "plan_id": plan.plan_id,
        "city_code": head.city.code,
        "city_prefix": head.city.prefix,
        "city_name_en": head.city.name.en,
        "city_name_zh": head.city.name.zh,
        "year": head.year,
        "title_en": head.title.en,
        "title_zh": head.title.zh,
        "issuer": head.issuer,
        "index_no": head.index_no,
        "signed_on": head.signed_on,
        "published_on": head.published_on,
        "period_start": head.period.start,
        "period_end": head.period.end,
        "reporting_days": head.reporting.days,
        "reporting_awaits_decision": head.reporting.awaiting_decision,
        "reporting_note": head.reporting.note,
    }


def _item(plan: Plan, item: Target | Milestone, position: int) -> Row:
    """A target or milestone with what the ledger needs of it."""
    shared = {
        "plan_id": plan.plan_id,
        "position": position,
        "section": item.section,
        "phrase_zh": item.phrase_zh,
        "name_en": item.name_en,
        "commitment": item.commitment,
        "domain": item.domain,
        "measured_by": item.measured_by,
        "note": item.note,
        "reported_by": _reported_by(plan, item_id(item), plan.head.period.end),
    }
    if isinstance(item, Milestone):
        return {
            **shared,
            "target_id": item.milestone_id,
            "item_kind": "milestone",
            "unit_zh": None,
            "accumulation": "by_year_end",
            "entry_rule": "done",
            **dict.fromkeys(("counts_from", "least_amount", "amount_unit_zh")),
        }
    least = plan.head.least_amount.get(item.target_id)
    return {
        **shared,
        "target_id": item.target_id,
        "item_kind": "target",
        "unit_zh": item.unit_zh,
        "accumulation": item.accumulation,
        "entry_rule": item.entry_rule,
        "counts_from": plan.head.counts_from.get(item.target_id),
        "least_amount": plan.least_amount_of(item.target_id),
        "amount_unit_zh": least.unit_zh if least else None,
    }


def _target(plan: Plan, target: Target) -> Row:
    """A target with what its owner has decided about it, and has not."""
    head = plan.head
    official = head.official.get(target.target_id)
    rounding = head.rounding.get(target.target_id)
    return {
        "plan_id": plan.plan_id,
        **target.model_dump(),
        "counts_from": head.counts_from.get(target.target_id),
        "official_variant": official.variant if official else None,
        "awaiting_decision": bool(official and official.awaiting_decision),
        "official_note_en": official.note.en if official and official.note else None,
        "official_note_zh": official.note.zh if official and official.note else None,
        "rounding_digits": rounding.digits if rounding else None,
        "rounding_mode": rounding.mode if rounding else None,
        "open_question": head.open_questions.get(target.target_id),
    }


def _reported_by(plan: Plan, item: str, last: dt.date) -> dt.date:
    """The day by which the deliveries of a period that ends on `last` are in."""
    return last + dt.timedelta(days=plan.head.reporting.days_of(item))


def _budgets(plan: Plan, target: Target) -> Iterator[Row]:
    """The periods for which a target of an indicator has a failure budget; the year always."""
    if target.target_id not in plan.head.official or target.kind not in BUDGETED:
        return
    planned = plan.head.planned_samples.get(target.target_id)
    shared = {
        "plan_id": plan.plan_id,
        "target_id": target.target_id,
        "awaiting_decision": bool(planned and planned.awaiting_decision),
        "planned_note": planned.note if planned else None,
    }
    period, year = plan.head.period, plan.head.year
    yield {
        **shared,
        "period_type": "year",
        "period": str(year),
        "period_start": period.start,
        "period_end": period.end,
        "reported_by": _reported_by(plan, target.target_id, period.end),
        "planned": planned.size if planned else None,
    }
    for number, size in enumerate((planned and planned.quarters) or (), start=1):
        after = dt.date(year + number // 4, number % 4 * 3 + 1, 1)
        yield {
            **shared,
            "period_type": "quarter",
            "period": f"{year}Q{number}",
            "period_start": dt.date(year, number * 3 - 2, 1),
            "period_end": (last := after - dt.timedelta(days=1)),
            "reported_by": _reported_by(plan, target.target_id, last),
            "planned": size,
        }
