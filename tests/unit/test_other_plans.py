"""Another city, and a second year of it: other files, and figures of that city alone."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.build import models_behind
from assets.computed import compute
from warehouse.connection import connect
from warehouse.engine.model import ComputedTable
from warehouse.engine.run import attach_dependencies, run_model
from warehouse.home import Home
from warehouse.tables import write_parquet

SMALL = Path(__file__).parent / "plans" / "quzhou_2025"
FOOD = {"indicator_id": "food_pass_rate", "variant_id": "evaluative"}
ASKED = ("mart.scorecard", "mart.indicator_exclusion")
VERDICT = {
    "unit_kind": "sample",
    "source_id": "market",
    "domain": "food",
    "programme": "evaluative",
    "sampling_basis": "random",
    "coverage": "complete",
    "product_category": "tea",
    "is_recheck": False,
    "verdict_basis": "reported",
}
KECHENG, QUJIANG, YIWU = "330802001", "330803100", "330782105"
# Place, year, verdict and number of samples. Those of Yiwu would make the figures worse.
DELIVERED = (
    (KECHENG, 2024, "pass", 30),
    (KECHENG, 2025, "pass", 60),
    (QUJIANG, 2024, "pass", 40),
    (QUJIANG, 2025, "fail", 1),
    (QUJIANG, 2025, "pass", 38),
    ("UNKNOWN", 2025, "pass", 1),
    (YIWU, 2024, "fail", 5),
    (YIWU, 2025, "fail", 7),
)


def test_another_city_has_its_own_figures_in_each_of_its_years(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, both = tmp_path / "one", tmp_path / "both"
    shutil.copytree(SMALL, one / "quzhou_2025")
    monkeypatch.setenv("SAMPLEHOUSE_PLANS", str(one))

    build(home)

    assert food_on_scorecard(home) == [("quzhou_2025", 99, 100, 99.0, "met", "records")]
    assert pilots(home, "2025") == {"pilot": (60, 60), "rest": (38, 39), "UNKNOWN": (1, 1)}
    assert pilots(home, "2024") == {"rest": (70, 70)}  # no plan says otherwise
    assert outside(home) == [("2024", 5), ("2025", 7)]

    # With a plan of the year before, of another pilot and another target.
    shutil.copytree(SMALL, both / "quzhou_2025")
    shutil.copytree(SMALL, both / "quzhou_2024")
    for name, before, after in (
        ("plan.yml", "2025", "2024"),
        ("plan.yml", "330802", "330803"),
        ("targets.csv", "98.5", "99.5"),
        ("targets.csv", ">=,99.5", "=,99.5"),
    ):
        path = both / "quzhou_2024" / name
        path.write_text(path.read_text("utf-8").replace(before, after), "utf-8")
    monkeypatch.setenv("SAMPLEHOUSE_PLANS", str(both))

    build(home)

    assert food_on_scorecard(home) == [
        ("quzhou_2024", 70, 70, 100.0, "not_met", "records"),
        ("quzhou_2025", 99, 100, 99.0, "met", "records"),
    ]
    assert pilots(home, "2024") == {"pilot": (40, 40), "rest": (30, 30)}
    assert pilots(home, "2025") == {"pilot": (60, 60), "rest": (38, 39), "UNKNOWN": (1, 1)}
    assert outside(home) == [("2024", 5), ("2025", 7)]


def build(home: Home) -> None:
    """Units and figures from verdicts; nothing else is on record."""
    with connect() as con:
        for model in models_behind(ASKED):
            if model.contract.is_view:
                continue
            if isinstance(model, ComputedTable):
                write_parquet(compute(con, model, home), home.model_file(model.table))
            elif model.table == "fact.unit" or model.table.startswith(("mart.", "counts.")):
                attach_dependencies(con, model, home)
                run_model(con, model, home)
            else:
                found = verdicts() if model.table == "fact.verdict" else []
                frame = pl.DataFrame(found, schema=model.contract.polars_schema())
                write_parquet(frame, home.model_file(model.table))


def verdicts() -> list[dict[str, Any]]:
    return [
        {
            **VERDICT,
            "unit_no": f"{place}-{year}-{verdict}-{number}",
            "division_code": place,
            "counted_on": dt.date(year, 5, 6),
            "final_verdict": verdict,
        }
        for place, year, verdict, count in DELIVERED
        for number in range(count)
    ]


def rows(home: Home, table: str, **where: str) -> pl.DataFrame:
    return pl.read_parquet(home.model_file(table)).filter(**where)


def food_on_scorecard(home: Home) -> list[tuple[Any, ...]]:
    found = rows(home, "mart.scorecard")
    assert found.height == 4 * found["plan_id"].n_unique()  # three targets and a milestone
    columns = ("plan_id", "numerator", "denominator", "value", "official_status", "figure_source")
    return found.filter(target_id="food_pass_rate").select(columns).sort("plan_id").rows()


def pilots(home: Home, year: str) -> dict[str, tuple[int, int]]:
    found = rows(home, "mart.indicator_count", **FOOD, slice_type="pilot", period=year)
    counted = found.filter(pl.col("denominator") > 0)
    counts = counted.select("slice", "numerator", "denominator").rows()
    return {name: (numerator, denominator) for name, numerator, denominator in counts}


def outside(home: Home) -> list[tuple[str, int]]:
    found = rows(home, "mart.indicator_exclusion", **FOOD, period_type="year")
    left_out = found.filter(exclusion_reason="outside_city")
    assert left_out["words_zh"].unique().to_list() == ["不在方案所属城市辖区内"]
    return left_out.select("period", "units").sort("period").rows()
