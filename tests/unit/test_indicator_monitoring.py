"""How an indicator moves: charts by week, and mix and rate effects from period to period."""

import datetime as dt
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.computed import in_contract
from assets.monitoring import indicator_change, indicator_chart, product_family_chart
from warehouse.engine.model import contract_of, load_computed, load_models
from warehouse.reference_tables import definition_tables

DEFINITIONS = ("ref.indicator_variant", "ref.indicator_weight")
FOOD = {"indicator_id": "food_pass_rate", "variant_id": "evaluative", "estimates": "population"}
MODELS = load_models()
COMPUTED = load_computed()
MONDAY = dt.date(2024, 1, 1)


def chart(
    *pairs: tuple[int, int], kind: Literal["p", "u"] = "p", **changes: Any
) -> list[dict[str, Any]]:
    """One chart of one variant's weeks: passes (in a u-chart nonconformities) and units of each."""
    rows = [
        {**FOOD, "week_start": MONDAY + dt.timedelta(weeks=n), "numerator": x, "denominator": size}
        | ({"nonconformities": x, "numerator": size - 1} if kind == "u" else {})
        for n, (x, size) in enumerate(pairs)
    ]
    schema = contract_of("mart.indicator_week", MODELS).polars_schema()
    weeks = pl.DataFrame([{**row, **changes} for row in rows], schema=schema)
    variants = definition_tables()["ref.indicator_variant"].rows
    found = indicator_chart({"mart.indicator_week": weeks, "ref.indicator_variant": variants})
    rows = in_contract(found, COMPUTED["mart.indicator_chart"].contract).to_dicts()
    return [row for row in rows if row["chart"] == kind]


def change(
    *cells: tuple[str, str, int, int], hidden: tuple[tuple[str, str], ...] = (), **changes: Any
) -> list[dict[str, Any]]:
    """The changes of one variant; a cell is period, category, passes and units.

    `hidden` are the cells, by period and category, whose rates are not shown.
    """
    schema = contract_of("mart.indicator_count", MODELS).polars_schema()
    rows = [
        {
            **FOOD,
            "period_type": "quarter" if "Q" in period else "year",
            "period": period,
            "slice_type": "category",
            "slice": slice_,
            "numerator": passed,
            "denominator": tested,
            **changes,
        }
        for period, slice_, passed, tested in cells
    ]
    values = [{**row, "is_suppressed": (row["period"], row["slice"]) in hidden} for row in rows]
    value_schema = COMPUTED["mart.indicator_value"].contract.polars_schema()
    tables = {
        "mart.indicator_count": pl.DataFrame(rows, schema=schema),
        "mart.indicator_value": pl.DataFrame(values, schema=value_schema),
        **{name: definition_tables()[name].rows for name in DEFINITIONS},
    }
    found = indicator_change(tables)
    return in_contract(found, COMPUTED["mart.indicator_change"].contract).to_dicts()


def test_a_week_unlike_the_others_gives_a_signal() -> None:
    rows = chart(*[(190, 200)] * 20, (150, 200), *[(190, 200)] * 3)

    assert [row["beyond_limits"] for row in rows].count(True) == 1
    assert rows[20]["beyond_limits"] is rows[20]["signal"] is True
    assert rows[20]["value"] == pytest.approx(25)
    assert rows[20]["value"] > rows[20]["upper"] > rows[20]["centre"] > rows[20]["lower"]
    assert rows[20]["failures"] == 50
    assert {row["state"] for row in rows} == {"ready"}


@pytest.mark.parametrize(("variant_id", "is_weighted"), [("raw", False), ("output_weighted", True)])
def test_the_chart_of_a_weighted_rate_says_that_it_charts_plain_counts(
    variant_id: str, *, is_weighted: bool
) -> None:
    rows = chart(*[(9, 10)] * 3, indicator_id="manufacturing_pass_rate", variant_id=variant_id)

    assert {row["ignores_weights"] for row in rows} == {is_weighted}


def test_nonconformities_per_sample_have_a_chart_of_their_own() -> None:
    rows = chart(*[(20, 200), (24, 200)] * 10, (60, 200), *[(22, 200)] * 3, kind="u")

    centre = (200 + 240 + 60 + 66) / (24 * 200)
    assert rows[0]["centre"] == pytest.approx(100 * centre)
    assert [row["beyond_limits"] for row in rows].count(True) == 1
    assert (rows[20]["failures"], rows[20]["value"]) == (60, pytest.approx(30))
    # Montgomery 7.3: centre + 3 sqrt(centre / n).
    assert (rows[0]["method"], rows[0]["limits"]) == ("plain", "plain")
    assert rows[0]["upper"] == pytest.approx(100 * (centre + 3 * (centre / 200) ** 0.5))
    assert chart(*[(190, 200)] * 24, kind="p")[0]["chart"] == "p"


def test_a_shift_gives_a_signal_in_the_ninth_week() -> None:
    rows = chart(*[(188, 200), (192, 200)] * 10, *[(187, 200)] * 9)

    assert [row["run_of_9"] for row in rows].index(True) == 28


def test_too_few_weeks_have_no_limits() -> None:
    rows = chart(*[(9, 10)] * 19)

    assert {row["state"] for row in rows} == {"no_baseline"}
    assert {row["upper"] for row in rows} == {None}
    assert rows[0]["value"] == pytest.approx(10)
    assert chart() == []


def test_the_change_of_a_worked_example() -> None:
    """Weights .5/.5 to .8/.2, rates .99/.93 to .985/.94: mix +1.575, rate +0.025, total +1.6."""
    rows = change(
        ("2024Q1", "a", 990, 1000),
        ("2024Q1", "b", 930, 1000),
        ("2024Q2", "a", 1576, 1600),
        ("2024Q2", "b", 376, 400),
    )
    whole = next(row for row in rows if row["slice"] == "all")

    assert (whole["period_before"], whole["period"]) == ("2024Q1", "2024Q2")
    assert whole["mix_effect"] == pytest.approx(1.575)
    assert whole["rate_effect"] == pytest.approx(0.025)
    assert whole["change"] == pytest.approx(1.6)
    assert (whole["units_before"], whole["units_after"]) == (2000, 2000)
    assert [row["slice"] for row in rows] == ["a", "all", "b"]


@pytest.mark.parametrize("period", ["2024Q1", "2024Q2"])
def test_a_rate_that_is_not_shown_is_not_told_by_its_change(period: str) -> None:
    rows = change(
        ("2024Q1", "a", 990, 1000),
        ("2024Q1", "b", 9, 12),
        ("2024Q2", "a", 1576, 1600),
        ("2024Q2", "b", 38, 40),
        hidden=((period, "b"),),
    )
    by_slice = {row["slice"]: row for row in rows}
    told = ("passed_before", "passed_after", "mix_effect", "rate_effect", "change")

    assert [by_slice[name]["is_suppressed"] for name in ("a", "all", "b")] == [False, False, True]
    assert {by_slice["b"][name] for name in told} == {None}
    assert (by_slice["b"]["units_before"], by_slice["b"]["units_after"]) == (12, 40)
    assert by_slice["a"]["passed_after"] == 1576


def test_a_weighted_rate_changes_by_its_weights_where_other_slices_were_sampled() -> None:
    """Output weights 2 and 2 of industries 13 and 14; only 13 was sampled in the first quarter."""
    weights = dict(
        definition_tables()["ref.indicator_weight"].rows.select("slice", "weight").iter_rows()
    )
    variant: dict[str, Any] = {
        "indicator_id": "manufacturing_pass_rate",
        "variant_id": "output_weighted",
        "slice_type": "industry",
    }
    rows = change(
        ("2024Q1", "13", 90, 100),
        ("2024Q2", "13", 190, 200),
        ("2024Q2", "14", 10, 20),
        **variant,
    )
    whole = next(row for row in rows if row["slice"] == "all")

    share = weights["13"] / (weights["13"] + weights["14"])
    assert whole["change"] == pytest.approx(100 * (share * 0.95 + (1 - share) * 0.5 - 0.9))
    # Kitagawa: 14 is taken at its later rate in both quarters, so its part is mix alone.
    assert whole["rate_effect"] == pytest.approx(100 * (0.95 - 0.9) * (1 + share) / 2)
    assert (whole["units_before"], whole["units_after"]) == (100, 220)


def test_a_stratified_rate_changes_by_the_units_that_its_strata_stand_for() -> None:
    rows = change(
        ("2024Q1", "h @ 0.1", 9, 10),
        ("2024Q2", "h @ 0.1", 9, 10),
        variant_id="evaluative_stratified",
        slice_type="stratum",
        inclusion_probability=0.1,
    )

    assert {row["change"] for row in rows} == {0}
    assert change(("2024Q1", "x", 9, 10), ("2024Q2", "x", 9, 10), variant_id="x") == []


def test_only_neighbouring_periods_are_compared() -> None:
    cells = [(period, "a", 9, 10) for period in ("2023Q3", "2023Q4", "2024Q1", "2024Q3", "2021")]
    rows = change(*cells, ("2023", "a", 9, 10))

    assert {(row["period_before"], row["period"]) for row in rows} == {
        ("2023Q3", "2023Q4"),
        ("2023Q4", "2024Q1"),
    }


COUNTS = st.tuples(st.integers(0, 50), st.integers(0, 50))


@settings(max_examples=40)
@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=5))
def test_effects_add_up_to_the_change_of_the_rate(
    groups: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    periods = ("2023", "2024")
    cells = [
        (period, f"s{number}", passed, passed + failed)
        for number, pair in enumerate(groups)
        for period, (passed, failed) in zip(periods, pair, strict=True)
    ]
    totals = [
        (sum(pair[i][0] for pair in groups), sum(sum(pair[i]) for pair in groups)) for i in (0, 1)
    ]
    rows = change(*cells)
    if not all(size for _, size in totals):
        assert rows == []
        return
    first, second = (100 * passed / size for passed, size in totals)
    whole = next(row for row in rows if row["slice"] == "all")
    parts = [row for row in rows if row["slice"] != "all"]

    assert whole["change"] == pytest.approx(second - first, abs=1e-9)
    for name in ("mix_effect", "rate_effect"):
        assert sum(row[name] for row in parts) == pytest.approx(whole[name], abs=1e-9)


# -- product families


def families(*weeks: tuple[str, int, int, int]) -> list[dict[str, Any]]:
    """Charts of product families: family, week, failures and samples."""
    contract = contract_of("mart.product_family_week", MODELS)
    shared = {
        "domain": "manufactured",
        "programme": "evaluative",
        "sampling_basis": "random",
        "coverage": "complete",
    }
    rows = [
        {
            **shared,
            "product_category": family,
            "week_start": MONDAY + dt.timedelta(weeks=week),
            "failures": failures,
            "denominator": size,
        }
        for family, week, failures, size in weeks
    ]
    frame = pl.DataFrame(rows, schema=contract.polars_schema())
    found = product_family_chart({"mart.product_family_week": frame})
    return in_contract(found, COMPUTED["mart.product_family_chart"].contract).to_dicts()


def test_a_family_is_held_against_its_own_past_and_not_against_that_of_others() -> None:
    """3 of 60 against 5 % of its own weeks is nothing; 12 is far beyond three standard errors."""
    toys = [("toys", week, 3, 60) for week in range(24)]
    lamps = [("lamps", week, 12 if week == 20 else 3, 60) for week in range(24)]
    few = [("kettles", week, 1, 10) for week in range(19)]

    points = families(*toys, *lamps, *few)

    signals = [(p["product_category"], p["week_start"]) for p in points if p["beyond_limits"]]
    assert signals == [("lamps", MONDAY + dt.timedelta(weeks=20))]
    states = {(p["product_category"], p["state"]) for p in points}
    assert states == {("toys", "ready"), ("lamps", "ready"), ("kettles", "no_baseline")}


def test_no_family_gives_no_chart() -> None:
    assert families() == []
