"""The plan of a draw and the rosters it draws from, frozen as the bytes that are hashed.

The frozen file is the canonical form itself: UTF-8, one line per entry, fields separated by one
tab, every line ended by one line feed. First the fields of the plan in the order of `FIELDS`, then
the objects sorted by `unit_id`, then the inspectors sorted by `inspector_id`, each followed by the
objects that the inspector must not visit. `sha256sum` of the file is the roster hash.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from assets.ingest.macros import install
from warehouse.connection import connect
from warehouse.contract import Model, validated
from warehouse.errors import SamplehouseError

MAGIC = "samplehouse-draw\t1"
OBJECT = ("unit_id", "risk_class", "category", "division_code")
ALL = "ALL"
PARTS = "|"  # joins the values of a stratum
LIST = ";"  # joins the values of a field


class DrawPlan(Model):
    """What is decided before the public number is known; every field is part of the hash.

    The first fields are those of the item list that offices publish (抽查事项清单).
    """

    draw_no: str = Field(min_length=1, description="identifies the draw; part of its seed")
    title: str = Field(min_length=2)
    item_name: str = Field(min_length=2, description="抽查事项名称")
    legal_basis: str = Field(min_length=2, description="依据")
    authority: str = Field(min_length=2, description="主体")
    object_kind: str = Field(min_length=2, description="对象")
    times: str = Field(min_length=1, description="次数")
    method: str = Field(min_length=2, description="方式")
    content: str = Field(min_length=2, description="内容及要求")
    remark: str = Field(default="", description="备注")
    frozen_on: dt.date
    number_source: str = Field(min_length=4, description="which public number is awaited")
    number_due_on: dt.date = Field(description="day on which that number is published")
    strata: tuple[Literal["risk_class", "category", "division_code"], ...] = ()
    shares: dict[str, Decimal] = Field(
        min_length=1, description="risk class, or ALL → share of a stratum that is drawn"
    )
    weights: dict[str, Decimal] = Field(
        default_factory=dict, description="risk class → weight; none: all objects are alike"
    )
    minimum_per_stratum: int = Field(default=1, ge=0)
    inspectors_per_object: int = Field(default=2, ge=2)
    most_objects: int = Field(ge=1, description="objects that one inspector may be given")
    most_pairings: int = Field(ge=1, description="objects that the same two may be given")

    @field_validator("*", mode="after")
    @classmethod
    def _on_one_line(cls, value: Any) -> Any:
        parts = [value] if isinstance(value, str) else value if isinstance(value, dict) else ()
        if any(not part.isprintable() for part in parts):
            message = "line breaks, tabs and other control characters cannot be hashed by hand"
            raise ValueError(message)
        return value

    @field_validator("shares", "weights", mode="after")
    @classmethod
    def _written_one_way(cls, value: dict[str, Decimal]) -> dict[str, Decimal]:
        """0.10 is 0.1: equal numbers have one text."""
        return {name: number.normalize() for name, number in value.items()}

    @model_validator(mode="after")
    def _draws_fairly(self) -> "DrawPlan":
        problems = []
        if self.number_due_on <= self.frozen_on:
            problems.append("the public number must be published after the roster is frozen")
        if len(set(self.strata)) < len(self.strata):
            problems.append("a column makes strata once")
        if "risk_class" not in self.strata and set(self.shares) != {ALL}:
            problems.append(f"without strata by risk class there is one share, {ALL}")
        if any(not 0 < share <= 1 for share in self.shares.values()):
            problems.append("a share is above 0 and at most 1")
        if any(not weight > 0 for weight in self.weights.values()):
            problems.append("a weight is above 0")
        if any(set(name) & set(f"={LIST}{PARTS}") for name in (*self.shares, *self.weights)):
            problems.append("a risk class has none of = ; |")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def sampling_basis(self) -> str:
        """How the objects are chosen, a code of the list `sampling_basis`."""
        return "stratified_random" if self.strata else "random"


FIELDS = tuple(DrawPlan.model_fields)


@dataclass(frozen=True)
class Frozen:
    """A plan with its rosters.

    Attributes:
        plan: the plan.
        objects: unit_id, risk_class, category, division_code; sorted by unit_id.
        inspectors: inspector_id, conflicts (unit_ids joined by `;`, sorted, "" for none); sorted
            by inspector_id.
    """

    plan: DrawPlan
    objects: pl.DataFrame
    inspectors: pl.DataFrame

    def __post_init__(self) -> None:
        """Refuse rosters that are no rosters of this plan, however they came about."""
        for rows, key in ((self.objects, "unit_id"), (self.inspectors, "inspector_id")):
            if rows[key].to_list() != sorted(set(rows[key])):
                raise SamplehouseError(f"rosters are sorted by {key} and name each once")
        classes, plan = set(self.objects["risk_class"]), self.plan
        shared = classes if ALL in plan.shares else set(plan.shares)
        if unknown := classes - (shared & set(plan.weights) if plan.weights else shared):
            raise SamplehouseError(
                f"no share or weight for the risk classes {', '.join(sorted(unknown))}; give one "
                "in the plan"
            )

    @property
    def text(self) -> str:
        """The canonical text."""
        fields = [f"{name}\t{text}" for name, text in plan_texts(self.plan).items()]
        objects = self.objects.select(pl.concat_str(pl.lit("object"), *OBJECT, separator="\t"))
        conflicts = pl.col("conflicts").str.replace_all(LIST, "\t", literal=True)
        barred = pl.when(conflicts == "").then(pl.lit("")).otherwise("\t" + conflicts)
        inspectors = self.inspectors.select(
            pl.concat_str(pl.lit("inspector\t"), "inspector_id", barred)
        )
        lines = [MAGIC, *fields, *objects.to_series(), *inspectors.to_series()]
        return "\n".join(lines) + "\n"

    @property
    def roster_hash(self) -> str:
        """SHA-256 of the canonical bytes, in lower-case hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def plan_texts(plan: DrawPlan) -> dict[str, str]:
    """Every field of a plan as the text that is hashed, in the order of `FIELDS`."""
    return {name: _as_text(getattr(plan, name)) for name in FIELDS}


def _as_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return LIST.join(f"{name}={value[name]:f}" for name in sorted(value))
    return LIST.join(value) if isinstance(value, tuple) else str(value)


def plan_of_texts(texts: Mapping[str, str | None], where: str) -> DrawPlan:
    """The plan that `plan_texts` wrote.

    Raises:
        ConfigurationError: one line per field that is not as it should be.
    """
    given: dict[str, Any] = {name: texts.get(name) or "" for name in FIELDS}
    given["strata"] = tuple(filter(None, given["strata"].split(LIST)))
    for name in ("shares", "weights"):
        pairs = (part.partition("=") for part in given[name].split(LIST) if part)
        given[name] = {key: value for key, _, value in pairs}
    return validated(DrawPlan, given, where)


def freeze(
    plan: Mapping[str, Any],
    objects: pl.DataFrame,
    inspectors: pl.DataFrame,
    conflicts: pl.DataFrame,
) -> Frozen:
    """Check and sort plan and rosters.

    Texts are cleaned as those of records are (half-width, no blanks at the ends), so that what is
    hashed is what the warehouse holds.

    Args:
        plan: the fields of `DrawPlan`.
        objects: unit_id, risk_class, category, division_code and whatever else, as text.
        inspectors: inspector_id and whatever else, as text.
        conflicts: inspector_id, unit_id: who must not visit what.

    Raises:
        ConfigurationError: the plan is wrong.
        SamplehouseError: a roster is; the message names the first places.
    """
    checked = validated(DrawPlan, _cleaned_plan(plan), "plan")
    of_objects = _roster(objects, OBJECT, "unit_id", "objects")
    of_inspectors = _roster(inspectors, ("inspector_id",), "inspector_id", "inspectors")
    pairs = _columns(conflicts, ("inspector_id", "unit_id"), "conflicts").unique()
    for name, known in (("unit_id", of_objects), ("inspector_id", of_inspectors)):
        strange = pairs.join(known, on=name, how="anti")[name].unique().sort()
        _none(strange, f"conflicts: {name} that is on no roster")
    barred = pairs.group_by("inspector_id").agg(conflicts=pl.col("unit_id").sort().str.join(LIST))
    joined = of_inspectors.join(barred, on="inspector_id", how="left", maintain_order="left")
    return Frozen(checked, of_objects, joined.with_columns(pl.col("conflicts").fill_null("")))


def _cleaned_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: value for name, value in plan.items() if isinstance(value, str)}
    cleaned = _clean(pl.DataFrame([texts])) if texts else pl.DataFrame()
    return {**plan, **{name: text for name, text in cleaned.row(0, named=True).items() if text}}


def _clean(rows: pl.DataFrame) -> pl.DataFrame:
    with connect() as con:
        install(con)
        con.register("given", rows)
        return con.sql("SELECT clean_text(COLUMNS(*)) FROM given").pl()


def _columns(rows: pl.DataFrame, names: Sequence[str], roster: str) -> pl.DataFrame:
    if missing := [name for name in names if name not in rows.columns]:
        raise SamplehouseError(
            f"{roster}: no column {', '.join(missing)}; found {', '.join(rows.columns) or 'none'}"
        )
    return _clean(rows.select(pl.col(names).cast(pl.String)))


def _roster(rows: pl.DataFrame, names: Sequence[str], key: str, roster: str) -> pl.DataFrame:
    cleaned = _columns(rows, names, roster)
    if cleaned.is_empty():
        raise SamplehouseError(f"{roster}: the roster is empty")
    numbered = cleaned.with_row_index("row", offset=2)
    blank = numbered.filter(pl.any_horizontal(pl.col(names).is_null()))
    _none(blank["row"].cast(pl.String), f"{roster}: a cell of {', '.join(names)} is blank in row")
    odd = pl.any_horizontal(pl.col(names).str.contains(r"[\p{C}|;=]"))
    _none(
        numbered.filter(odd)["row"].cast(pl.String),
        f"{roster}: | ; = or a control character in row",
    )
    _none(cleaned.filter(pl.col(key).is_duplicated())[key].unique().sort(), f"{roster}: twice")
    # By bytes of UTF-8, which is how Polars orders text.
    return cleaned.sort(key)


def _none(found: pl.Series, complaint: str) -> None:
    if not found.is_empty():
        some = ", ".join(found.head(5).to_list())
        raise SamplehouseError(f"{complaint}: {some}" + (" …" if found.len() > 5 else ""))  # noqa: PLR2004 - as many as are named


def read_frozen(text: str, where: str) -> Frozen:
    """The plan and rosters of a frozen file.

    Raises:
        SamplehouseError: the text is not canonical, so its hash proves nothing.
    """
    if not text.startswith(f"{MAGIC}\n"):
        raise SamplehouseError(f"{where} is no frozen file as `samplehouse draw plan` writes it")
    lines = [line.split("\t") for line in text.removesuffix("\n").split("\n")]
    by_tag = {
        tag: [line[1:] for line in lines if line[0] == tag] for tag in ("object", "inspector")
    }
    fields = {line[0]: line[1] for line in lines if line[0] in FIELDS and len(line) > 1}
    if any(len(line) != len(OBJECT) for line in by_tag["object"]) or not all(by_tag["inspector"]):
        raise SamplehouseError(f"{where}: an object has {len(OBJECT)} fields, an inspector an id")
    schema = dict.fromkeys(OBJECT, pl.String)
    found = Frozen(
        plan_of_texts(fields, where),
        pl.DataFrame(by_tag["object"], schema=schema, orient="row"),
        pl.DataFrame(
            [(line[0], LIST.join(line[1:])) for line in by_tag["inspector"]],
            schema={"inspector_id": pl.String, "conflicts": pl.String},
            orient="row",
        ),
    )
    if found.text != text:
        raise SamplehouseError(
            f"{where} is not as `samplehouse draw plan` writes it (order, blanks or line ends were "
            "changed), so its hash proves nothing; take the file as it was published"
        )
    return found
