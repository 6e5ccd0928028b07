"""Releases of a few units, with the tables that a comparison of their figures reads."""

from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse.contract import record_contracts
from warehouse.engine.model import contract_of, load_models

UNIT: dict[str, Any] = {
    "indicator_id": "i",
    "variant_id": "v",
    "unit_kind": "sample",
    "source_id": "s",
    "is_counted": True,
    "numerator": 0,
    "denominator": 1,
    "counted_on": "2024-05-20",
    "delivery_id": "d1",
}
VALUE: dict[str, Any] = {
    "indicator_id": "i",
    "variant_id": "v",
    "period_type": "year",
    "period": "2024",
    "slice_type": "all",
    "slice": "all",
}
DELIVERIES = [
    {"delivery_id": "d1", "source_id": "s", "received_on": "2024-06-01", "file_name": "may.csv"},
    {"delivery_id": "d2", "source_id": "s", "received_on": "2024-07-01", "file_name": "june.csv"},
]
BEFORE = [
    {"delivery_id": "d0", "source_id": "s", "received_on": "2024-05-30", "file_name": "wrong.csv"},
    DELIVERIES[0],
]
RECHECK = {
    "sample_no": "R1",
    "sampling_basis": "recheck",
    "delivery_id": "d2",
    "received_on": "2024-07-01",
}


def release(path: Path, **tables: list[dict[str, Any]]) -> Path:
    """A release with the tables that a comparison reads; `fact__indicator_unit=[…]`."""
    models = load_models()
    contracts = [
        contract_of(name, models)
        for name in ("mart.indicator_value", "mart.indicator_count", "mart.ledger_value")
    ]
    contracts += [contract_of(f"fact.{name}", models) for name in ("indicator_unit", "ledger_use")]
    contracts += [record_contracts()[name] for name in ("core.sample", "meta.delivery")]
    given = {"meta__delivery": DELIVERIES, "core__sample": [RECHECK], **tables}
    made = {contract.table for contract in contracts}
    wanted = {name.replace("__", ".") for name in given}
    contracts += [contract_of(name, models) for name in sorted(wanted - made)]
    with duckdb.connect(str(path)) as con:
        for contract in contracts:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {contract.schema_name}")
            con.execute(contract.empty_table_sql())
            for row in given.get(contract.table.replace(".", "__"), ()):
                frame = pl.DataFrame([row]).to_arrow()
                con.from_arrow(frame).create_view("row", replace=True)
                con.execute(f"INSERT INTO {contract.table} BY NAME FROM row")
    return path


def value(numerator: int, denominator: int, status: str, **changes: Any) -> dict[str, Any]:
    figure = {"numerator": numerator, "denominator": denominator, "official_status": status}
    return {**VALUE, **figure, "value": 100 * numerator / denominator, **changes}
