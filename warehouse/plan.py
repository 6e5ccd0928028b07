"""Plans as data: what a city has set itself for a year, one folder of files for each plan.

`<plan_id>/` in the folder of plans (`warehouse.plans_folder`) holds `plan.yml` (city, year, period,
what its owner has decided) and a CSV each of targets, milestones, mechanisms and parameters. Every
phrase is verbatim. All plans of a warehouse are of one city, each of another year. They become
the tables `ref.plan*`, which the SQL models join; nothing here knows a city.
"""

import datetime as dt
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from warehouse.contract import Model
from warehouse.errors import ConfigurationError
from warehouse.indicator import Rounding, Words
from warehouse.reference_lists import codes

HUNDRED_PERCENT = 100
# What plan.yml says of single targets.
DECISIONS = (
    *("official", "rounding", "planned_samples", "counts_from", "least_amount"),
    "open_questions",
)

Comparator = Literal[">=", ">", "<=", "<", "=", "~"]
Kind = Literal["count", "rate", "share", "coverage", "score", "area"]
Commitment = Literal["firm", "aspirational"]
Role = Literal["filter", "roster", "enumeration", "duration", "base", "name", "document", "wording"]

# Kinds that no sum of entries gives: somebody else has made the figure, the ledger holds its level.
RATIOS = ("rate", "share", "coverage", "score")

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Phrase = Annotated[str, Field(min_length=2, description="verbatim words of the plan")]


def _exact(value: Any) -> Any:
    """A decimal from its text, digit by digit; a float has lost them already."""
    if isinstance(value, str) and not re.fullmatch(r"\d+(\.\d+)?", value):
        message = f"'{value}' is no decimal number such as 96 or 2.07"
        raise ValueError(message)
    return value


Exact = Annotated[Decimal, BeforeValidator(_exact)]


class Item(Model):
    """What every line of a plan's CSV files has."""

    section: str = Field(min_length=1, description="where in the plan it stands, such as 二(三)8")
    phrase_zh: Phrase
    name_en: str = Field(min_length=3)
    note: str | None = None


class _Measured(Item):
    """Something whose state can be told, and from what."""

    domain: str = Field(min_length=2, description="field of work, in the plan's own division")
    measured_by: str = Field(description="code of the list measured_by")

    @model_validator(mode="after")
    def _measure_exists(self) -> "_Measured":
        _known("measured_by", self.measured_by)
        return self


class Target(_Measured):
    """A number that the plan promises, with the way in which its figure is made."""

    target_id: Identifier
    comparator: Comparator = Field(description="~ is approaching: no threshold, so no pass or fail")
    value: Exact
    unit: str = Field(min_length=1)
    unit_zh: str = Field(min_length=1, description="unit in which offices report it")
    kind: Kind
    accumulation: str = Field(description="code of the list accumulation")
    commitment: Commitment
    indicator_id: Identifier | None = Field(
        default=None, description="indicator that gives the figure, where data can give it"
    )
    entry_rule: str = Field(description="code of the list ledger_rule")

    @model_validator(mode="after")
    def _hangs_together(self) -> "Target":
        _known("accumulation", self.accumulation)
        _known("ledger_rule", self.entry_rule)
        if self.unit == "%" and self.value > HUNDRED_PERCENT:
            message = f"{self.value} is more than 100 %"
            raise ValueError(message)
        if self.entry_rule == "done":
            message = "entry_rule 'done' is that of milestones; a target has a number"
            raise ValueError(message)
        if self.kind in RATIOS and self.entry_rule != "level":
            message = f"a {self.kind} is reported as a level, so its entry_rule is 'level'"
            raise ValueError(message)
        return self


class Milestone(_Measured):
    """Something that is done by the end of the plan's year, or not."""

    milestone_id: Identifier
    commitment: Commitment


class Mechanism(_Measured):
    """Work without a number that the plan names, and what is kept of it here."""

    mechanism_id: Identifier


class Parameter(Item):
    """A number in the plan's text that is no target: a filter, a roster's size, part of a name."""

    parameter_id: Identifier
    value: Exact | None = None
    unit: str | None = None
    role: Role


class Place(Model):
    """The city, by the code of its division."""

    code: str = Field(pattern=r"^\d{6}$")
    name: Words

    @property
    def prefix(self) -> str:
        """What the codes of all its divisions begin with: 330782, 3308 of 330800 (GB/T 2260)."""
        return re.sub(r"(00){1,2}$", "", self.code)


class Period(Model):
    """First and last day that count for what is added within the year."""

    start: dt.date
    end: dt.date

    @model_validator(mode="after")
    def _in_order(self) -> "Period":
        if self.end < self.start:
            message = f"{self.end} is before {self.start}"
            raise ValueError(message)
        return self


class Official(Model):
    """Which variant of an indicator is signed, and whether its owner has decided so."""

    variant: Identifier
    awaiting_decision: bool = False
    note: Words | None = None


class PlannedSamples(Model):
    """How many units a target's programme takes in the year: the size of its failure budget.

    `quarters` instead of `year` where the target is to be kept all the time.
    """

    year: int | None = Field(default=None, ge=1)
    quarters: tuple[int, int, int, int] | None = None
    awaiting_decision: bool = False
    note: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "PlannedSamples":
        if (self.year is None) == (self.quarters is None):
            message = "planned samples are those of the `year`, or of its four `quarters`"
            raise ValueError(message)
        if self.quarters is not None and min(self.quarters) < 0:
            message = "no quarter has fewer than 0 planned samples"
            raise ValueError(message)
        return self

    @property
    def size(self) -> int:
        """Planned units of the whole year."""
        return sum(self.quarters) if self.quarters else self.year or 0


class LeastAmount(Model):
    """From what amount on an entry of the ledger counts, by a parameter of the plan."""

    parameter: Identifier
    unit_zh: str = Field(min_length=1, description="unit in which offices report the amount")


class Reporting(Model):
    """How long after a period's last day its deliveries still come; then its figures are final."""

    days: int = Field(default=31, ge=0, description="a month; no source lays it down")
    targets: dict[Identifier, int] = Field(default_factory=dict, description="days of single ones")
    awaiting_decision: bool = True
    note: str = "unverified: a month for the deliveries of the last days; awaiting the owner's word"

    def days_of(self, item: str) -> int:
        """Days that the deliveries of a target or milestone take."""
        return self.targets.get(item, self.days)


class PlanHead(Model):
    """`plan.yml`: the plan as a whole, and what its owner has decided."""

    plan_id: Identifier
    city: Place
    year: int = Field(ge=1990, le=2100)
    title: Words
    issuer: str = Field(min_length=2)
    index_no: str | None = None
    signed_on: dt.date | None = None
    published_on: dt.date
    period: Period
    divisions: str | None = Field(default=None, description="code list of the city's divisions")
    pilot_divisions: tuple[str, ...] = ()
    official: dict[Identifier, Official] = Field(default_factory=dict)
    rounding: dict[Identifier, Rounding] = Field(default_factory=dict)
    planned_samples: dict[Identifier, PlannedSamples] = Field(default_factory=dict)
    reporting: Reporting = Field(default_factory=Reporting)
    counts_from: dict[Identifier, dt.date] = Field(default_factory=dict)
    least_amount: dict[Identifier, LeastAmount] = Field(default_factory=dict)
    open_questions: dict[Identifier, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _divisions_exist(self) -> "PlanHead":
        within = re.compile(rf"(?=\d{{6}}(\d{{3}}){{0,2}}$){self.city.prefix}")
        if elsewhere := [code for code in self.pilot_divisions if not within.match(code)]:
            message = (
                f"pilot_divisions: no division of {self.city.code}: {', '.join(elsewhere)}; a "
                f"code has 6, 9 or 12 digits and begins with {self.city.prefix}"
            )
            raise ValueError(message)
        if self.divisions is None:
            return self
        try:
            known = codes(self.divisions)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        if unknown := sorted(set(self.pilot_divisions) - set(known)):
            message = f"not on the list {self.divisions}: {', '.join(unknown)}"
            raise ValueError(message)
        return self


class Plan(Model):
    """One plan with everything that it promises and names."""

    head: PlanHead
    targets: tuple[Target, ...]
    milestones: tuple[Milestone, ...]
    mechanisms: tuple[Mechanism, ...]
    parameters: tuple[Parameter, ...]

    @property
    def plan_id(self) -> str:
        """Name of the plan's folder."""
        return self.head.plan_id

    def least_amount_of(self, target_id: str) -> Decimal | None:
        """Amount from which an entry of a target counts; nothing where each counts."""
        least = self.head.least_amount.get(target_id)
        values = {each.parameter_id: each.value for each in self.parameters}
        return values[least.parameter] if least else None

    @property
    def items(self) -> tuple[Target | Milestone, ...]:
        """Everything that the plan promises, targets before milestones."""
        return (*self.targets, *self.milestones)

    @model_validator(mode="after")
    def _decisions_are_about_targets(self) -> "Plan":
        targets = {target.target_id: target for target in self.targets}
        problems = [
            f"plan.yml: {key}: there is no target '{name}'"
            for key in DECISIONS
            for name in getattr(self.head, key)
            if name not in targets
        ]
        items = {item_id(item) for item in self.items}
        problems += [
            f"plan.yml: reporting: there is no target or milestone '{name}'"
            for name in self.head.reporting.targets
            if name not in items
        ]
        problems += [
            f"plan.yml: {key}: '{name}' has no indicator, so no {what} either"
            for key, what in (("official", "variant"), ("planned_samples", "samples"))
            for name in getattr(self.head, key)
            if name in targets and targets[name].indicator_id is None
        ]
        problems += [
            f"plan.yml: counts_from: '{name}' counts within the plan's period only"
            for name in self.head.counts_from
            if name in targets and targets[name].accumulation not in ("cumulative", "stock")
        ]
        numbers = {each.parameter_id for each in self.parameters if each.value is not None}
        problems += [
            f"plan.yml: least_amount: '{name}': no parameter '{least.parameter}' with a value"
            for name, least in self.head.least_amount.items()
            if least.parameter not in numbers
        ]
        problems += [
            f"plan.yml: least_amount: '{name}' sums up amounts, or states a level; what is counted "
            "one by one has a least amount"
            for name in self.head.least_amount
            if name in targets and targets[name].entry_rule in ("quantity", "level")
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def _known(name: str, code: str) -> None:
    if code not in codes(name):
        message = f"'{code}' is not on the list {name}: {', '.join(codes(name))}"
        raise ValueError(message)


def item_id(item: Item) -> str:
    """The id of a target, milestone, mechanism or parameter."""
    name = next(name for name in _IDS if name in type(item).model_fields)
    identity: str = getattr(item, name)
    return identity


_IDS = ("target_id", "milestone_id", "mechanism_id", "parameter_id")
