"""Questionnaires as data: `warehouse/reference/instruments`, one YAML for each version of one."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import Field, model_validator

from warehouse.contract import Model, read_named
from warehouse.indicator import Words

INSTRUMENTS_DIR = Path(__file__).parent / "reference" / "instruments"


class Scale(Model):
    """The ends of the scale on which questions are answered; the higher the better."""

    lowest: int
    highest: int

    @model_validator(mode="after")
    def _in_order(self) -> "Scale":
        if self.highest <= self.lowest:
            message = f"{self.highest} is not above {self.lowest}"
            raise ValueError(message)
        return self


class SurveyDomain(Model):
    """A field of service, its weight in the score and its questions."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Words
    weight: int = Field(gt=0, description="weights are renormalised over the domains answered")
    questions: tuple[str, ...] = Field(min_length=1)


class Instrument(Model):
    """One version of a questionnaire."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Words
    source: str = Field(min_length=8)
    verified: bool = Field(description="whether the owner has settled questions, scale and weights")
    scale: Scale
    domains: tuple[SurveyDomain, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_once(self) -> "Instrument":
        for names in (
            [domain.code for domain in self.domains],
            [question for domain in self.domains for question in domain.questions],
        ):
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                message = f"stands twice: {', '.join(repeated)}"
                raise ValueError(message)
        return self


@cache
def load_instruments(folder: Path = INSTRUMENTS_DIR) -> Mapping[str, Instrument]:
    """Every questionnaire of a folder, by id; the file is named after it.

    Raises:
        ConfigurationError: with one line per mistake.
    """
    return read_named(Instrument, folder)


def instrument_rows(instruments: Iterable[Instrument] | None = None) -> dict[str, pl.DataFrame]:
    """The tables that questionnaires become, by name; columns as in their contracts."""
    known = tuple(load_instruments().values() if instruments is None else instruments)
    questions: list[dict[str, Any]] = [
        {
            "instrument_id": each.id,
            "question_code": question,
            "survey_domain": domain.code,
            "domain_name_en": domain.name.en,
            "domain_name_zh": domain.name.zh,
            "domain_weight": domain.weight,
        }
        for each in known
        for domain in each.domains
        for question in domain.questions
    ]
    heads: list[dict[str, Any]] = [
        {
            "instrument_id": each.id,
            "name_en": each.name.en,
            "name_zh": each.name.zh,
            "scale_lowest": each.scale.lowest,
            "scale_highest": each.scale.highest,
            "source": each.source,
            "is_verified": each.verified,
        }
        for each in known
    ]
    return {
        "ref.survey_instrument": pl.DataFrame(heads),
        "ref.survey_question": pl.DataFrame(questions),
    }
