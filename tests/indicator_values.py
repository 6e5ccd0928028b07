"""Small counts of indicators, and the values made of them."""

import datetime as dt
from typing import Any

import polars as pl

from assets.computed import in_contract
from assets.evidence import indicator_value
from warehouse.engine.model import contract_of, load_computed, load_models
from warehouse.reference_tables import definition_tables

TABLE = load_computed()["mart.indicator_value"]
COUNTS = contract_of("mart.indicator_count", load_models()).polars_schema()
CELL: dict[str, Any] = {
    "indicator_id": "food_pass_rate",
    "variant_id": "evaluative",
    "estimates": "population",
    "period_type": "year",
    "period": "2024",
    "slice_type": "all",
    "slice": "all",
    "excluded": 0,
    "as_of": dt.date(2024, 12, 31),
}
WEIGHTED = {"indicator_id": "manufacturing_pass_rate", "variant_id": "output_weighted"}


def counted(numerator: int, denominator: int, **changes: Any) -> dict[str, Any]:
    return {**CELL, **changes, "numerator": numerator, "denominator": denominator}


def values(*rows: dict[str, Any], **tables: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of the table for some counts, with the project's definitions unless given others."""
    definitions = {name: table.rows for name, table in definition_tables().items()}
    given_tables = {f"ref.{name}": frame for name, frame in tables.items()}
    counts = pl.DataFrame(list(rows), schema=COUNTS)
    scores = pl.DataFrame(schema=load_computed()["mart.survey_score"].contract.polars_schema())
    made = {"mart.indicator_count": counts, "mart.survey_score": scores}
    found = indicator_value({**definitions, **made, **given_tables})
    return in_contract(found, TABLE.contract).to_dicts()


def industries(**counts: tuple[int, int]) -> list[dict[str, Any]]:
    """The whole and its industries: `i17=(46, 50)`."""
    slices = [
        counted(x, n, **WEIGHTED, slice_type="industry", slice=name[1:])
        for name, (x, n) in counts.items()
    ]
    passed, tested = (sum(pair[i] for pair in counts.values()) for i in (0, 1))
    return [counted(passed, tested, **WEIGHTED), *slices]
