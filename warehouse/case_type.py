"""Case types and their clocks, as data: `warehouse/reference/cases`.

A case type is one YAML: the events that a case can have, and after which of them each may come.
`deadlines.csv` holds the clocks: from which event to which, how long, and on what basis. Both
become tables (``ref.case_step``, ``ref.case_transition``, ``ref.deadline``, ``ref.deadline_stop``)
that the SQL models join; nothing here knows a case.
"""

import csv
import datetime as dt
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from warehouse.contract import Model, read_named
from warehouse.errors import ConfigurationError
from warehouse.reference_lists import codes

CASES_DIR = Path(__file__).parent / "reference" / "cases"
MAIN = "main"
# From when a clock counts whose basis has no known first day.
ALWAYS = dt.date(1900, 1, 1)
VERIFIED = "found"

Unit = Literal["working_day", "day", "month", "hour", "stated"]


class Step(Model):
    """An event that a case of this type can have.

    Attributes:
        event: code of the list case_event_type.
        after: events of its track, or of the main track where its own has none yet, that it may
            follow.
        after_any: it may follow every event of the main track that does not end the case.
        opens: it may be the first event of a case; so may the first step.
        track: what runs beside the main track has a name of its own, such as recheck.
        moves: whether the case is in another state afterwards.
        optional: a case may do without it.
        ends: the case is over with it.
        leaves: a case that ends with it leaves the rates.
    """

    event: str
    after: tuple[str, ...] = ()
    after_any: bool = False
    opens: bool = False
    track: str = Field(default=MAIN, pattern=r"^[a-z][a-z_]*$")
    moves: bool = True
    optional: bool = False
    ends: bool = False
    leaves: bool = False


class CaseType(Model):
    """One kind of case: its steps, in the order in which they usually come."""

    id: str
    source: str = Field(min_length=8, description="where the steps are laid down")
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> "CaseType":
        events = [step.event for step in self.steps]
        problems = []
        if self.id not in codes("case_type"):
            problems.append(f"'{self.id}' is not on the list case_type")
        repeated = sorted({name for name in events if events.count(name) > 1})
        problems += [f"the event {name} stands twice" for name in repeated]
        unlisted = sorted(set(events) - set(codes("case_event_type")))
        problems += [f"'{name}' is not on the list case_event_type" for name in unlisted]
        for step in self.steps:
            if unknown := sorted(set(step.after) - set(events)):
                problems.append(f"{step.event}: no step of this type: {', '.join(unknown)}")
            if step.leaves and not step.ends:
                problems.append(f"{step.event}: what leaves the rates ends the case")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def predecessors(self, step: Step) -> tuple[str, ...]:
        """Events that a step may follow."""
        if not step.after_any:
            return step.after
        return tuple(
            each.event for each in self.steps if each.track == MAIN and each.moves and not each.ends
        )

    def may_open(self, step: Step) -> bool:
        """Whether a case may begin with a step."""
        return step.opens or step is self.steps[0]


def _or_none(value: Any) -> Any:
    return None if value == "" else value


def _listed(value: Any) -> Any:
    return tuple(value.split("|")) if value else ()


Text = Annotated[str | None, BeforeValidator(_or_none)]
Number = Annotated[int | None, BeforeValidator(_or_none)]
Day = Annotated[dt.date | None, BeforeValidator(_or_none)]
Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Deadline(Model):
    """A clock, in one version of its basis.

    Attributes:
        case_type: cases that it runs for; none where something else than a case is timed.
        length: in `unit`; none where the case system states the due day (unit `stated`).
        direction: at_most, done by the due day; at_least, not before it.
        holder: duty of an office or firm, or right of a party, which may also be left unused.
        max_extension: the most that the basis lets be added, in `unit`; none where it says nothing.
        evidence: `found` where the basis was read; anything else makes the clock unverified.
        valid_from, valid_to: triggers that it runs for, the last day not included.
    """

    clock_id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    case_type: Text
    domain: Text
    case_class: Text
    trigger_event: Text
    stop_events: Listed
    reset_event: Text
    start_words: str = Field(min_length=3)
    stop_words: str = Field(min_length=3)
    length: Number = Field(ge=0)
    unit: Unit
    direction: Literal["at_most", "at_least"]
    holder: Literal["duty", "right"]
    max_extension: Number = Field(ge=0)
    basis: str = Field(min_length=3)
    evidence: str = Field(min_length=3)
    valid_from: Day
    valid_to: Day

    @model_validator(mode="after")
    def _hangs_together(self) -> "Deadline":
        if (self.length is None) != (self.unit == "stated"):
            message = "a clock has a length, or the unit `stated` for due days of the case system"
            raise ValueError(message)
        if self.case_type is None:
            return self
        known = load_case_types().get(self.case_type)
        steps = {step.event for step in known.steps} if known else set()
        named = {self.trigger_event, *self.stop_events, self.reset_event} - {None}
        if unknown := sorted(str(name) for name in named if name not in steps):
            message = f"no steps of the case type {self.case_type}: {', '.join(unknown)}"
            raise ValueError(message)
        if self.trigger_event is None or not self.stop_events:
            message = "a clock of cases has a trigger_event and stop_events"
            raise ValueError(message)
        if self.domain is not None and self.domain not in codes("domain"):
            message = f"'{self.domain}' is not on the list domain"
            raise ValueError(message)
        return self

    @property
    def is_verified(self) -> bool:
        """Whether the limit was read in its basis."""
        return self.evidence == VERIFIED


@cache
def load_case_types(folder: Path = CASES_DIR) -> Mapping[str, CaseType]:
    """Every case type of a folder, by id; the file is named after it.

    Raises:
        ConfigurationError: with one line per mistake.
    """
    return read_named(CaseType, folder)


@cache
def load_deadlines(path: Path = CASES_DIR / "deadlines.csv") -> tuple[Deadline, ...]:
    """Every clock, in the order of the file.

    Raises:
        ConfigurationError: with one line per mistake, or two versions of a clock that overlap.
    """
    found: list[Deadline] = []
    problems: list[str] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        for row in reader:
            try:
                found.append(Deadline.model_validate(row))
            except ValidationError as error:
                problems += [
                    f"{path.name}, line {reader.line_num}: "
                    f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
                    for each in error.errors()
                ]
    ordered = sorted(found, key=lambda each: (each.clock_id, each.valid_from or ALWAYS))
    problems += [
        f"{path.name}: {later.clock_id}: a version ends before the next one begins"
        for earlier, later in pairwise(ordered)
        if earlier.clock_id == later.clock_id
        and (earlier.valid_to is None or earlier.valid_to > (later.valid_from or ALWAYS))
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return tuple(found)
