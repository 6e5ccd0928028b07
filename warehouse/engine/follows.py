"""What rows of a result belong to, so that a night makes only those which deliveries have touched.

A model's YAML says it: `by_sample` (see `engine.since`), `by_firm` (`engine.firms`) or `adds_up`
(`engine.sums`). What is said wrongly is refused when models are loaded.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from warehouse.contract import Model
from warehouse.errors import ConfigurationError
from warehouse.sql import identifier

if TYPE_CHECKING:
    from warehouse.engine.model import SqlModel

# The record tables whose rows belong to samples: each has source_id and sample_no.
SAMPLE_RECORDS = ("core.sample", "core.test_result")
# Schemas of what a view may read: what a release holds under the same name.
VIEWS_READ = ("fact", "mart", "ref")


class BySample(Model):
    """Each row of a sample is made from that sample alone, its rechecks and what seldom changes.

    Such a result is made anew for the samples that deliveries touched, see `engine.since`.
    """

    number: Literal["sample_no", "unit_no"] = Field(
        default="sample_no", description="column that holds the number of the sample"
    )
    beside: tuple[str, ...] = Field(
        default=(),
        description="tables whose changes leave the rows of untouched samples as they are: what "
        "rows of other kinds are made from, and what only ever grows",
    )

    @property
    def has_other_kinds(self) -> bool:
        """Whether there are rows that belong to no sample; `unit_kind` says which do."""
        return self.number == "unit_no"

    @property
    def columns(self) -> Mapping[str, str]:
        """Column of touched samples → column of the result."""
        return {"source_id": "source_id", "sample_no": self.number}


class Partners(Model):
    """Firms that have to do with others: what changed upstream touches the firms downstream."""

    of: str = Field(description="input whose changed rows touch the partners of their firms too")
    links: str = Field(description="input of which each row links a firm with a partner")
    column: str = Field(
        description="its column that holds the firm; that of the input, the partner"
    )


class ByFirm(Model):
    """Each row of a firm is made from rows that name the firm, and what seldom changes.

    Such a result is made anew for the firms of rows that came, went or changed, see `engine.firms`.
    """

    column: str = Field(description="column of the result that holds the firm")
    inputs: dict[str, str] = Field(
        min_length=1,
        description="tables that follow samples or firms themselves, each with its column that "
        "holds the firm; only rows of touched firms are read",
    )
    partners: Partners | None = None
    in_full: tuple[str, ...] = Field(
        default=(), description="of these inputs, what is read in full, for rows of those others"
    )

    @property
    def has_other_kinds(self) -> bool:
        """No row is without a firm."""
        return False

    @property
    def columns(self) -> Mapping[str, str]:
        """Column of touched firms → column of the result."""
        return {"firm_uscc": self.column}


class ByGroup(Model):
    """Each row is a group of a result that adds up, told by its key, see `engine.sums`."""

    key: tuple[str, ...]

    @property
    def has_other_kinds(self) -> bool:
        """No row is without a group."""
        return False

    @property
    def columns(self) -> Mapping[str, str]:
        """Column of touched groups → column of the result."""
        return {name: name for name in self.key}


Follows = BySample | ByFirm | ByGroup


def of_touched(alias: str, follows: Follows, touched: str = "touched") -> str:
    """Condition that a row belongs to a sample, firm or group of the relation that tells them."""
    same = "IS NOT DISTINCT FROM" if isinstance(follows, ByGroup) else "="
    return " AND ".join(
        f"{alias}.{identifier(column)} {same} {touched}.{identifier(name)}"
        for name, column in follows.columns.items()
    )


def check_follows(model: "SqlModel", models: Mapping[str, "SqlModel"]) -> None:
    """Refuse what cannot hold of a model, by what its contract and SQL say (ConfigurationError)."""
    _check_view(model, models)
    _check_by_sample(model)
    _check_adds_up(model, models)
    _check_by_firm(model, models)


def _check_view(model: "SqlModel", models: Mapping[str, "SqlModel"]) -> None:
    if not model.contract.is_published_as_view:
        return
    read = {name: models[name] for name in model.depends_on if name in models}
    views = {name for name, each in read.items() if each.contract.is_published_as_view}
    elsewhere = {name for name in model.depends_on if name.split(".")[0] not in VIEWS_READ}
    if unfit := sorted(views | elsewhere):
        raise ConfigurationError(
            f"{model.file}: a view reads {', '.join(unfit)}; it may read what a release holds "
            f"under the same name, tables of {', '.join(VIEWS_READ)} that are no views"
        )
    if not model.contract.is_view:
        return
    if model.adds_up is not None or model.by_firm is not None:
        raise ConfigurationError(f"{model.file}: a view is kept nowhere: no adds_up, no by_firm")
    if model.by_sample is None and any(each.follows for each in read.values()):
        raise ConfigurationError(
            f"{model.file}: a view of what follows samples must follow them too, by_sample"
        )


def _check_by_sample(model: "SqlModel") -> None:
    if model.by_sample is None:
        return
    wanted = {"source_id", model.by_sample.number}
    wanted |= {"unit_kind"} if model.by_sample.has_other_kinds else set()
    if missing := sorted(wanted - set(model.contract.key)):
        raise ConfigurationError(
            f"{model.file}: by_sample, but its key has no {', '.join(missing)}; rows of one sample "
            "must be told from those of another"
        )
    if unread := sorted(set(model.by_sample.beside) - model.depends_on):
        raise ConfigurationError(
            f"{model.file}: by_sample.beside names {', '.join(unread)}, which the SQL does not read"
        )


def _check_adds_up(model: "SqlModel", models: Mapping[str, "SqlModel"]) -> None:
    if model.adds_up is None:
        return
    values = [column for column in model.contract.columns if column.name not in model.contract.key]
    if wrong := [column.name for column in values if column.type != "integer"]:
        raise ConfigurationError(
            f"{model.file}: adds_up, but {', '.join(wrong)} is no whole number; what is not summed "
            "belongs to the key, and what is divided to the model that reads this one"
        )
    if model.adds_up not in [column.name for column in values]:
        raise ConfigurationError(
            f"{model.file}: adds_up names {model.adds_up}, which must be a column outside the key"
        )
    read = [models[name] for name in sorted(model.depends_on) if name in models]
    by_sample = [each.table for each in read if each.by_sample]
    by_firm = [each.table for each in read if each.by_firm]
    if bool(by_sample) == bool(by_firm) or len(by_firm) > 1 or model.by_sample or model.by_firm:
        raise ConfigurationError(
            f"{model.file}: adds_up is for what counts results that say by_sample, or one that "
            "says by_firm, and reads none, or both, or says so itself"
        )
    if unfit := sorted(model.depends_on & {*SAMPLE_RECORDS, "meta.build"}):
        raise ConfigurationError(
            f"{model.file}: adds_up, but it reads {', '.join(unfit)}, which is another every night"
        )


def _check_by_firm(model: "SqlModel", models: Mapping[str, "SqlModel"]) -> None:
    if model.by_firm is None:
        return
    asked = model.by_firm
    if asked.column not in model.contract.key or model.by_sample is not None:
        raise ConfigurationError(
            f"{model.file}: by_firm.column is a column of the key, of a model that is not by_sample"
        )
    partners = asked.partners
    named = [*asked.inputs.items(), *([(partners.links, partners.column)] if partners else [])]
    for table, column in named:
        read = models.get(table)
        if table not in model.depends_on or read is None or read.follows is None:
            raise ConfigurationError(
                f"{model.file}: by_firm names {table}, which the SQL does not read, or which is "
                "neither by_sample nor by_firm itself"
            )
        if read.contract.is_view:
            raise ConfigurationError(f"{model.file}: by_firm names {table}, which is a view")
        if column not in read.contract.column_names or read.follows.has_other_kinds:
            raise ConfigurationError(
                f"{model.file}: by_firm names {table}.{column}, which there is not, or of a table "
                "with rows of other units than samples"
            )
    others = {*asked.in_full, *((partners.of, partners.links) if partners else ())}
    if unknown := sorted(others - asked.inputs.keys()):
        raise ConfigurationError(f"{model.file}: {', '.join(unknown)} is no input of by_firm")
