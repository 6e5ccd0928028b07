"""Indicators as data: what a rate counts, over whom, what is left out and why.

One YAML in `warehouse/reference/indicators` for each indicator, with its variants side by side.
They become the tables `ref.indicator*`, which the SQL models join; no model holds a definition.
Which variant is official is no matter of definition: the plan says so.
"""

import datetime as dt
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field, model_validator

from warehouse.contract import Model, read_named
from warehouse.errors import ConfigurationError
from warehouse.reference_lists import code_list, codes

INDICATORS_DIR = Path(__file__).parent / "reference" / "indicators"
WEIGHTS_DIR = Path(__file__).parent / "reference" / "weights"

# The weighting of a stratified sample: 1 / inclusion probability, from the records themselves.
BY_DESIGN = "inclusion_probability"

Identifier = Field(pattern=r"^[a-z][a-z0-9_]*$")

# What `when` of an exclusion may look at; fact.unit and fact.indicator_unit know these by name.
ConditionColumn = Literal[
    "source_id",
    "programme",
    "sampling_basis",
    "coverage",
    "link",
    "division_code",
    "product_category",
    "industry_division",
    "supervised",
    "is_recheck",
    "verdict_basis",
    "final_verdict",
    "trait",
    "attempt",
]
# Stands between the values of a profile of fact.unit, so no value that is looked for holds it.
SEPARATOR = "|"
SliceType = Literal[
    "division",
    "pilot",
    "link",
    "category",
    "industry",
    "chain",
    "firm_class",
    "subject_type",
    "stratum",
    "firm",
]
# The plan asks for these slices of every figure that comes from records of inspections.
PLAN_SLICES = ("division", "pilot", "chain", "industry", "link", "category", "firm_class")
INSPECTED_UNITS = ("sample", "acceptance", "roster_topic")
Estimates = Literal["population", "operational", "census"]


class Words(Model):
    """The same words in English and Chinese."""

    en: str = Field(min_length=3)
    zh: str = Field(min_length=2)


class Condition(Model):
    """A condition on one column of a unit; a missing value is in no list.

    In YAML: ``{column: link, in: [online]}``, or `not_in`.
    """

    column: ConditionColumn
    is_in: tuple[str, ...] | None = Field(default=None, alias="in")
    not_in: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_list(self) -> "Condition":
        if (self.is_in is None) == (self.not_in is None):
            message = "a condition has one list, `in` or `not_in`"
            raise ValueError(message)
        if unfit := [value for value in self.values if value == "" or SEPARATOR in value]:
            message = f"a condition names {unfit}; a value is not empty and has no {SEPARATOR}"
            raise ValueError(message)
        return self

    @property
    def operator(self) -> Literal["in", "not_in"]:
        """Whether units on the list are meant, or those not on it."""
        return "not_in" if self.is_in is None else "in"

    @property
    def values(self) -> tuple[str, ...]:
        """The list."""
        return self.not_in or self.is_in or ()


class Exclusion(Model):
    """Units that do not count although one might think so, and why."""

    reason: str = Identifier
    words: Words
    when: Condition


class NotSliced(Model):
    """A kind of slice that an indicator has not, and why not."""

    slice: SliceType
    words: Words


class Rounding(Model):
    """Rounding of the percentage before it is compared with a target."""

    digits: int = Field(ge=0, le=6)
    mode: Literal["half_even", "half_up"] = "half_even"


class Variant(Model):
    """One way to count an indicator.

    `estimates` says what the figure speaks for: `population`, every unit that could have been
    sampled, so only random samples; `operational`, the units of the programme and nobody else;
    `census`, all units, each of which was inspected.
    """

    id: str = Identifier
    name: Words
    estimates: Estimates
    programmes: tuple[str, ...] = Field(min_length=1)
    sampling_bases: tuple[str, ...] = Field(min_length=1)
    coverages: tuple[str, ...] = Field(min_length=1)
    counted_verdicts: tuple[str, ...] = Field(min_length=1)
    passing_verdicts: tuple[str, ...] = Field(min_length=1)
    numerator: Words
    denominator: Words
    exclusions: tuple[Exclusion, ...] = ()
    rounding: Rounding | None = Field(default=None, description="none: the full value is compared")
    measure: Literal["units", "size"] = Field(
        default="units", description="size: units count by their size, such as a volume"
    )
    weighting: str | None = Field(
        default=None,
        description="list of warehouse/reference/weights, or `inclusion_probability`: every unit "
        "for as many as it stands for, by the strata of its sampling plan",
    )
    valid_from: dt.date
    valid_to: dt.date | None = Field(default=None, description="first day no longer counted")

    @model_validator(mode="after")
    def _codes_exist(self) -> "Variant":
        for name, used in (
            ("programme", self.programmes),
            ("sampling_basis", self.sampling_bases),
            ("coverage", self.coverages),
            ("verdict", (*self.counted_verdicts, *self.passing_verdicts)),
        ):
            if unknown := sorted(set(used) - set(codes(name))):
                message = f"not on the list {name}: {', '.join(unknown)}"
                raise ValueError(message)
        if odd := sorted(set(self.passing_verdicts) - set(self.counted_verdicts)):
            message = f"verdicts that pass but are not counted: {', '.join(odd)}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _reasons_are_its_own(self) -> "Variant":
        reasons = [exclusion.reason for exclusion in self.exclusions]
        taken = [*codes("exclusion_reason"), *reasons]
        if repeated := sorted({reason for reason in reasons if taken.count(reason) > 1}):
            message = f"reasons named twice, or like one of every indicator: {', '.join(repeated)}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _pools_nothing(self) -> "Variant":
        """A rate that speaks for a population is made of random samples, published in full."""
        if problem := self.pooling:
            raise ValueError(problem)
        return self

    @property
    def pooling(self) -> str | None:
        """What a population or census rate of this variant would wrongly add up, in words."""
        programmes = ", ".join(self.programmes)
        if self.estimates == "operational":
            at_random = sorted(set(self.sampling_bases) & _random_bases())
            others = sorted(set(self.sampling_bases) - _random_bases())
            if at_random and others:
                return (
                    f"{', '.join(at_random)} and {', '.join(others)} samples of the programmes "
                    f"{programmes} are never added up; make a variant of each"
                )
            return None
        allowed = {"census"} if self.estimates == "census" else _random_bases()
        if foreign := sorted(set(self.sampling_bases) - allowed):
            return (
                f"a {self.estimates} rate takes units chosen as {', '.join(sorted(allowed))}; "
                f"{', '.join(foreign)} samples of the programmes {programmes} are never pooled "
                "with them; leave them out, or make another variant of them, with "
                "`estimates: operational`"
            )
        if foreign := sorted(set(self.coverages) - {"complete"}):
            return (
                f"a {self.estimates} rate needs all units of a programme; {programmes} with the "
                f"coverage {', '.join(foreign)} holds a part of them"
            )
        return None


def _random_bases() -> set[str]:
    bases = code_list("sampling_basis").filter(pl.col("estimates_population") == "true")
    return set(bases["code"]) - {"census"}


class Indicator(Model):
    """An indicator: what its units are, and the variants in which it is counted."""

    id: str = Identifier
    name: Words
    kind: Literal["rate", "coverage", "count", "score"]
    unit: str = Field(min_length=1)
    unit_kind: str = Field(description="code of the list unit_kind")
    domains: tuple[str, ...] = Field(min_length=1)
    source: Words = Field(description="where the definition is laid down")
    notes: Words | None = None
    suppress_below: int = Field(ge=0, description="rates of slices with fewer units are not shown")
    slices: tuple[SliceType, ...]
    not_sliced: tuple[NotSliced, ...] = Field(
        default=(), description="kinds of slices that the figure is not made for, and why not"
    )
    variants: tuple[Variant, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_once(self) -> "Indicator":
        ids = [variant.id for variant in self.variants]
        if repeated := sorted({name for name in ids if ids.count(name) > 1}):
            message = f"variants declared twice: {', '.join(repeated)}"
            raise ValueError(message)
        if "stratum" not in self.slices and any(
            variant.weighting == BY_DESIGN for variant in self.variants
        ):
            message = f"what is weighted by {BY_DESIGN} needs the slice stratum"
            raise ValueError(message)
        known = [*self.slices, *(each.slice for each in self.not_sliced)]
        if len(set(known)) < len(known):
            message = "slices declared twice"
            raise ValueError(message)
        for name, used in (("domain", self.domains), ("unit_kind", (self.unit_kind,))):
            if unknown := sorted(set(used) - set(codes(name))):
                message = f"not on the list {name}: {', '.join(unknown)}"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _counts_alike(self) -> "Indicator":
        """What was drawn with unequal probability is weighted, or not counted."""
        for variant in self.variants:
            if (
                self.kind == "rate"
                and variant.estimates == "population"
                and variant.weighting is None
                and "stratified_random" in variant.sampling_bases
            ):
                message = (
                    f"variant {variant.id}: samples of a stratified design are drawn with unequal "
                    f"probability and not added up unweighted; give it `weighting: {BY_DESIGN}`, "
                    "or take stratified_random out of sampling_bases"
                )
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _says_how_it_is_sliced(self) -> "Indicator":
        """What comes from records of inspections is divided in every way, or says why not."""
        said = {*self.slices, *(each.slice for each in self.not_sliced)}
        if self.unit_kind in INSPECTED_UNITS and (open_ := sorted(set(PLAN_SLICES) - said)):
            message = f"divide it by {', '.join(open_)}, or say under not_sliced why not"
            raise ValueError(message)
        return self


@cache
def load_indicators(folder: Path = INDICATORS_DIR) -> Mapping[str, Indicator]:
    """Every indicator of a folder, by id; the file is named after it.

    Raises:
        ConfigurationError: with one line per mistake.
    """
    found = read_named(Indicator, folder)
    for indicator in found.values():
        for variant in indicator.variants:
            if variant.weighting is not None and variant.weighting != BY_DESIGN:
                weights(variant.weighting)
    return found


@cache
def weights(name: str) -> pl.DataFrame:
    """A list of weights, all as text but the weight, which is above 0.

    Columns: slice_type, slice, weight, name_zh, source_en, source_zh.

    Raises:
        ConfigurationError: no such list, a slice twice, or a weight that is not above 0.
    """
    path = WEIGHTS_DIR / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(item.stem for item in WEIGHTS_DIR.glob("*.csv")))
        raise ConfigurationError(f"there is no list of weights '{name}'; known lists: {known}")
    rows = pl.read_csv(path, infer_schema=False)
    rows = rows.with_columns(pl.col("weight").cast(pl.Float64, strict=False))
    wrong = rows.filter(
        pl.struct("slice_type", "slice").is_duplicated()
        | pl.col("weight").is_null()
        | (pl.col("weight") <= 0)
    )
    if not wrong.is_empty():
        places = ", ".join(
            f"{row[0]} {row[1]}" for row in wrong.select("slice_type", "slice").rows()
        )
        raise ConfigurationError(f"{path.name}: {places}: each slice once, with a weight above 0")
    return rows
