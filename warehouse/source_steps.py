"""Reshaping steps that a source may state for a table, and the models of what each is told."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from warehouse.contract import Model


def listed(value: Any) -> Any:
    """A bare text as the list of one that it is short for."""
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(listed)]


class Ignore(Model):
    """Rows that carry no record: those where every named column matches its pattern."""

    where: dict[str, str] = Field(
        min_length=1, description="column → regular expression; '' = blank"
    )
    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")


class Section(Model):
    """Rows whose only filled cell is in `column` are headings of the rows below them."""

    column: str
    into: str


class FillDown(Model):
    """Blank cells of `columns` continue the row above, in rows where `where_blank` is blank."""

    columns: Names
    where_blank: str


class Split(Model):
    """Cells of `columns` hold several values; each becomes a record of its own, in step."""

    columns: Names
    on: Names = ("║", "‖", "\n")


class Unpivot(Model):
    """Columns that are parameters become rows: their name in `name`, their cell in `value`."""

    columns: Names = ()
    matching: str | None = Field(default=None, description="regular expression for column names")
    name: str
    value: str
    drop_blank: bool = True


class Extract(Model):
    """Named groups of `pattern` in column `source` become columns; `$sheet` and `$file` too."""

    source: str = Field(alias="from")
    pattern: str


class Join(Model):
    """Columns of a sibling table of the same source, by key; its latest delivery counts."""

    table: str
    on: dict[str, str] = Field(min_length=1, description="column here → column there")
    columns: Names = Field(min_length=1)


class Step(Model):
    """One reshaping step; steps run in the order in which they stand."""

    ignore: Ignore | None = None
    section: Section | None = None
    fill_down: FillDown | None = None
    split: Split | None = None
    unpivot: Unpivot | None = None
    extract: Extract | None = None
    join: Join | None = None

    @model_validator(mode="after")
    def _one_step(self) -> "Step":
        if len(self.model_fields_set) != 1:
            message = f"a step is exactly one of {', '.join(type(self).model_fields)}"
            raise ValueError(message)
        return self

    @property
    def action(self) -> Model:
        """The one step that is set."""
        step: Model = getattr(self, next(iter(self.model_fields_set)))
        return step
