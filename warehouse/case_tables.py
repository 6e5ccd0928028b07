"""Case types, clocks and the calendar as rows of the tables that SQL models join."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from warehouse.case_type import (
    ALWAYS,
    CaseType,
    Deadline,
    Step,
    load_case_types,
    load_deadlines,
)
from warehouse.working_calendar import calendar_days

Row = dict[str, Any]
# Stands for "nothing before it" where a case may open.
OPENING = ""


def case_rows(
    case_types: Mapping[str, CaseType] | None = None, deadlines: Iterable[Deadline] | None = None
) -> dict[str, pl.DataFrame]:
    """The tables that case types and clocks become, by name; columns as in their contracts.

    Args:
        case_types: by id; those of `warehouse/reference/cases` by default.
        deadlines: those of `deadlines.csv` by default.
    """
    types = (load_case_types() if case_types is None else case_types).values()
    clocks = tuple(load_deadlines() if deadlines is None else deadlines)
    return {
        "ref.calendar_day": calendar_days(),
        "ref.case_step": _frame(
            _step(each, step, position)
            for each in types
            for position, step in enumerate(each.steps, start=1)
        ),
        "ref.case_transition": _frame(
            {"case_type": each.id, "from_event": before, "event_type": step.event}
            for each in types
            for step in each.steps
            for before in _before(each, step)
        ),
        "ref.deadline": _frame(_deadline(clock) for clock in clocks),
        "ref.deadline_stop": _frame(
            {
                "clock_id": clock.clock_id,
                "valid_from": clock.valid_from or ALWAYS,
                "event_type": event,
            }
            for clock in clocks
            for event in clock.stop_events
        ),
    }


def _frame(rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), infer_schema_length=None)


def _before(case_type: CaseType, step: Step) -> Iterator[str]:
    if case_type.may_open(step):
        yield OPENING
    yield from case_type.predecessors(step)


def _step(case_type: CaseType, step: Step, position: int) -> Row:
    return {
        "case_type": case_type.id,
        "event_type": step.event,
        "position": position,
        "track": step.track,
        "moves_state": step.moves,
        "is_optional": step.optional,
        "ends_case": step.ends,
        "leaves_rates": step.leaves,
        "source": case_type.source,
    }


def _deadline(clock: Deadline) -> Row:
    told = clock.model_dump(exclude={"stop_events"})
    return {
        **told,
        "stop_events": "|".join(clock.stop_events) or None,
        "valid_from": clock.valid_from or ALWAYS,
        "is_verified": clock.is_verified,
    }
