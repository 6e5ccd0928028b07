"""Small tables of figures and plans, and the scorecard and failure budgets made of them."""

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl

from assets.computed import in_contract
from assets.failure_budget import failure_budget
from assets.scorecard import scorecard
from warehouse.engine.model import contract_of, load_computed, load_models, provided_contracts
from warehouse.reference_lists import code_list
from warehouse.reference_tables import definition_tables

SCORECARD, BUDGET = (load_computed()[f"mart.{name}"] for name in ("scorecard", "failure_budget"))
VALUE: dict[str, Any] = {
    "indicator_id": "food_pass_rate",
    "variant_id": "supervision",
    "period_type": "year",
    "period": "2024",
    "slice_type": "all",
    "slice": "all",
    "plan_id": "yiwu_2024",
    "target_id": "food_pass_rate",
    "is_official": True,
    "is_weighted": False,
}
PLAN = {"plan_id": "yiwu_2024"}
MIDDLE, END = dt.date(2024, 6, 30), dt.date(2025, 1, 20)


def rows(table: str, *found: dict[str, Any]) -> pl.DataFrame:
    contracts = {**provided_contracts()}
    contract = contracts.get(table) or contract_of(table, load_models())
    return pl.DataFrame(list(found), schema=contract.polars_schema())


def given(as_of: dt.date | None = MIDDLE, **changes: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The project's definitions; nothing counted or reported unless given."""
    tables = {name: table.rows for name, table in definition_tables().items()}
    empty = (
        "mart.indicator_count",
        "mart.indicator_value",
        "mart.indicator_composition",
        "mart.ledger_value",
    )
    tables |= {name: rows(name) for name in empty}
    tables["ref.unit_kind"] = code_list("unit_kind")
    tables["meta.build"] = rows("meta.build", {"as_of": as_of})
    tables |= {name.replace("__", "."): frame for name, frame in changes.items()}
    return tables


def budgets(tables: dict[str, pl.DataFrame]) -> dict[tuple[str, str], dict[str, Any]]:
    found = in_contract(failure_budget(tables), BUDGET.contract)
    return {(row["target_id"], row["period"]): row for row in found.to_dicts()}


def card(tables: dict[str, pl.DataFrame]) -> dict[str, dict[str, Any]]:
    return {row["target_id"]: row for row in scorecard_of(tables).to_dicts()}


def scorecard_of(tables: dict[str, pl.DataFrame], *targets: str) -> pl.DataFrame:
    """The scorecard, or the rows of some targets."""
    tables["mart.failure_budget"] = in_contract(failure_budget(tables), BUDGET.contract)
    found = in_contract(scorecard(tables), SCORECARD.contract)
    assert found.height == tables["ref.plan_item"].height
    return found.filter(pl.col("target_id").is_in(targets)) if targets else found


def counted(numerator: int, denominator: int, **changes: Any) -> dict[str, Any]:
    row = {**VALUE, "numerator": numerator, "denominator": denominator, **changes}
    return {"value": 100 * numerator / denominator, **row}


def reported(figures: dict[str, str]) -> pl.DataFrame:
    return rows(
        "mart.ledger_value",
        *(
            {**PLAN, "target_id": name, "value": Decimal(value), "reported": True}
            for name, value in figures.items()
        ),
    )


def rounded(target_id: str, digits: int) -> pl.DataFrame:
    targets = definition_tables()["ref.plan_target"].rows
    one = pl.col("target_id") == target_id
    return targets.with_columns(
        rounding_digits=pl.when(one).then(digits).otherwise("rounding_digits"),
        rounding_mode=pl.when(one).then(pl.lit("half_even")).otherwise("rounding_mode"),
    )
