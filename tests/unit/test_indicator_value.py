"""From counts to what is signed: values, intervals, official status and evidence."""

import inspect
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.computed import in_contract, maker
from tests.indicator_values import TABLE, counted, industries, values
from warehouse.engine.model import ComputedTable, contract_of, load_computed, load_models
from warehouse.errors import ConfigurationError, SamplehouseError
from warehouse.reference_tables import definition_tables

RAW = {"indicator_id": "manufacturing_pass_rate", "variant_id": "raw"}


def targets(**changes: Any) -> pl.DataFrame:
    """The plan's targets with some columns of those of manufacturing changed."""
    rows = definition_tables()["ref.plan_target"].rows
    wanted = pl.col("indicator_id") == "manufacturing_pass_rate"
    return rows.with_columns(
        pl.when(wanted).then(pl.lit(value)).otherwise(name).cast(rows.schema[name]).alias(name)
        for name, value in changes.items()
    )


def test_met_by_the_point_is_not_yet_demonstrated() -> None:
    (row,) = values(counted(492, 500))

    assert (row["target_id"], row["comparator"], row["target"]) == (
        "food_pass_rate",
        ">=",
        Decimal(98),
    )
    assert (row["official_status"], row["evidence"]) == ("met", "inconclusive")
    assert row["value"] == pytest.approx(98.4)
    assert (row["lower"], row["upper"]) == pytest.approx((96.8749, 99.1871), abs=5e-5)
    assert row["probability"] == pytest.approx(0.728, abs=5e-4)
    assert row["samples_needed"] > 0
    assert row["is_official"] is False


def test_exactly_on_target_is_met() -> None:
    (row,) = values(
        counted(480, 500, indicator_id="agri_product_pass_rate", variant_id="routine_monitoring")
    )

    assert (row["official_status"], row["is_official"]) == ("met", True)
    assert row["probability"] == pytest.approx(0.486, abs=5e-4)


def test_what_prints_as_the_target_is_not_met_unless_the_plan_rounds_first() -> None:
    cell = counted(344, 366, **RAW)
    (full,) = values(cell)
    (rounded,) = values(cell, plan_target=targets(rounding_digits=1, rounding_mode="half_even"))

    assert full["value"] == pytest.approx(93.9891, abs=5e-5)
    assert (full["official_status"], rounded["official_status"]) == ("not_met", "met")


def test_demonstrated_missed_and_no_data() -> None:
    rows = values(
        counted(1188, 1200, period="2024Q1", period_type="quarter"),
        counted(940, 1000, period="2024Q2", period_type="quarter"),
        counted(0, 0, period="2024Q3", period_type="quarter"),
    )

    assert [row["evidence"] for row in rows] == ["demonstrated", "missed", "no_data"]
    assert [row["official_status"] for row in rows] == ["met", "not_met", "no_data"]
    assert [row["samples_needed"] for row in rows][::2] == [0, 149]
    assert rows[2]["value"] is None
    assert rows[2]["lower"] is None


def test_a_census_has_no_interval_and_an_operational_share_is_evidence_of_nothing() -> None:
    census = counted(
        393,
        394,
        indicator_id="supervised_first_acceptance_rate",
        variant_id="supervised_projects",
        estimates="census",
    )
    share = counted(2826, 2910, variant_id="supervision", estimates="operational")
    rows = {row["estimates"]: row for row in values(census, share)}

    assert rows["census"]["official_status"] == "not_met"
    assert rows["census"]["evidence"] == "census"
    assert rows["census"]["interval_method"] == "none"
    assert rows["census"]["upper"] is None
    assert rows["operational"]["official_status"] == "not_met"
    assert rows["operational"]["is_official"] is True
    assert rows["operational"]["evidence"] == "operational"
    for row in rows.values():
        assert row["probability"] is None
        assert row["samples_needed"] is None


@pytest.mark.parametrize(
    ("kept", "assessed", "not_assessed", "status"),
    [
        (4, 4, 1, "not_judged"),  # the fifth may fail
        (5, 5, 0, "met"),
        (3, 4, 1, "not_met"),  # whatever the fifth is
        (0, 0, 5, "no_data"),
    ],
)
def test_the_assessed_part_of_a_roster_meets_no_target_for_it(
    kept: int, assessed: int, not_assessed: int, status: str
) -> None:
    (row,) = values(
        counted(
            kept,
            assessed,
            indicator_id="surface_water_section_compliance",
            variant_id="functional_class",
            estimates="census",
            on_roster=assessed + not_assessed,
            not_assessed=not_assessed,
        )
    )

    assert row["value"] == (100 * kept / assessed if assessed else None)
    assert (row["official_status"], row["on_roster"], row["not_assessed"]) == (
        status,
        assessed + not_assessed,
        not_assessed,
    )


def test_a_period_outside_every_plan_has_no_target() -> None:
    (row,) = values(counted(98, 100, period="2023"))

    assert row["value"] == pytest.approx(98)
    assert row["target"] is None
    assert row["is_official"] is None
    assert row["official_status"] is None


def test_without_plans_and_without_counts_the_table_still_has_its_columns() -> None:
    definitions = definition_tables()
    no_plan = values(counted(98, 100), plan_target=definitions["ref.plan_target"].rows.clear())

    assert no_plan[0]["evidence"] is None
    assert values() == []


def test_one_indicator_cannot_serve_two_targets_of_a_year() -> None:
    plan = definition_tables()["ref.plan_target"].rows
    again = plan.filter(pl.col("indicator_id") == "food_pass_rate").with_columns(
        target_id=pl.lit("food_again")
    )

    with pytest.raises(SamplehouseError, match="food_again, food_pass_rate"):
        values(counted(1, 1), plan_target=pl.concat([plan, again]))


def test_small_slices_are_not_shown_and_a_small_whole_is_marked() -> None:
    def tested(size: int, **changes: Any) -> dict[str, Any]:
        return counted(size - 1, size, **changes)

    rows = values(
        tested(29),
        tested(29, slice_type="division", slice="330782105"),
        tested(30, slice_type="division", slice="330782106"),
        tested(
            3,
            indicator_id="engineering_first_acceptance_rate",
            variant_id="all_projects",
            estimates="census",
            slice_type="division",
            slice="330782105",
        ),
    )
    shown = {(row["indicator_id"][:4], row["slice"]): row for row in rows}

    assert shown["food", "all"]["is_small"] is True
    assert shown["food", "all"]["value"] is not None
    assert shown["food", "330782105"]["is_suppressed"] is True
    assert shown["food", "330782105"]["value"] is None
    told = ("numerator", "lower", "upper", "q_below")
    assert [shown["food", "330782105"][name] for name in told] == [None] * 4
    assert shown["food", "330782105"]["denominator"] == 29
    assert shown["food", "330782106"]["value"] is not None
    assert shown["engi", "330782105"]["is_suppressed"] is False
    assert all(row["target"] is None for row in rows if row["slice_type"] != "all")


def test_divisions_of_a_year_are_drawn_together() -> None:
    sizes = {"330782001": (90, 100), "330782002": (300, 300), "330782003": (4, 5)}
    divisions = [counted(x, n, slice_type="division", slice=code) for code, (x, n) in sizes.items()]
    monthly = counted(90, 100, slice_type="division", slice="330782001", period_type="month")
    found = values(counted(394, 405), *divisions, {**monthly, "period": "2024-05"})
    rows = {(row["period"], row["slice"]): row for row in found}
    small = rows["2024", "330782003"]

    assert small["value"] is None
    assert small["shrunk_lower"] < 80 < small["shrunk_value"] < small["shrunk_upper"]
    assert rows["2024", "all"]["shrunk_value"] is None
    assert rows["2024-05", "330782001"]["shrunk_value"] is None
    assert rows["2024", "330782001"]["q_below"] < 0.05 < rows["2024", "330782002"]["q_below"]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (pair[0], sum(pair))),
        min_size=1,
        max_size=4,
    )
)
def test_every_count_gives_one_row_within_its_bounds(pairs: list[tuple[int, int]]) -> None:
    names = {f"i{17 + number}": pair for number, pair in enumerate(pairs)}
    divisions = [
        counted(x, n, slice_type="division", slice=str(number))
        for number, (x, n) in enumerate(pairs)
    ]
    passed, tested = (sum(pair[i] for pair in pairs) for i in (0, 1))
    cells = [*industries(**names), counted(passed, tested), *divisions]
    rows = values(*cells)

    assert len(rows) == len(cells)
    for row in rows:
        if row["value"] is not None:
            assert 0 <= row["lower"] <= row["value"] + 1e-9
            assert row["value"] - 1e-9 <= row["upper"] <= 100
        assert (row["official_status"] is None) == (row["slice_type"] != "all")
    weighted = next(row for row in rows if row["is_weighted"])
    sampled = {name[1:]: pair for name, pair in names.items() if pair[1]}
    assert (weighted["value"] is None) == (not sampled)


@pytest.mark.parametrize("table", load_computed().values(), ids=load_computed().keys())
def test_every_computed_table_has_a_maker_and_reads_what_there_is(table: ComputedTable) -> None:
    assert list(inspect.signature(maker(table)).parameters) == ["tables"]
    for name in table.depends_on:
        if not name.startswith("ref."):
            assert contract_of(name, load_models()) is not None


def test_a_maker_that_is_not_there_is_named() -> None:
    lost = ComputedTable(
        TABLE.table, TABLE.path, TABLE.contract, TABLE.depends_on, "assets.evidence.nothing"
    )

    with pytest.raises(ConfigurationError, match=r"indicator_value.yml: made_by assets.evidence"):
        maker(lost)


def test_rows_that_are_not_in_the_contract_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"differ in .*colour"):
        in_contract(pl.DataFrame({"colour": ["red"]}), TABLE.contract)
