"""From counts to what is signed: values, intervals, official status and evidence."""

import datetime as dt
import inspect
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from assets.computed import in_contract, maker
from assets.evidence import indicator_value
from assets.statistics.sample_size import samples_still_needed
from assets.statistics.stratified import stratified_rate
from warehouse.engine.model import ComputedTable, contract_of, load_computed, load_models
from warehouse.errors import ConfigurationError, SamplehouseError
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
RAW = {"indicator_id": "manufacturing_pass_rate", "variant_id": "raw"}
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


def targets(**changes: Any) -> pl.DataFrame:
    """The plan's targets with some columns of those of manufacturing changed."""
    rows = definition_tables()["ref.plan_target"].rows
    wanted = pl.col("indicator_id") == "manufacturing_pass_rate"
    return rows.with_columns(
        pl.when(wanted).then(pl.lit(value)).otherwise(name).cast(rows.schema[name]).alias(name)
        for name, value in changes.items()
    )


def weights(**shares: float) -> pl.DataFrame:
    """The list of output weights, with other industries; `i17=0.3` is the weight of industry 17."""
    rows = [("manufacturing_output", "industry", k[1:], v, "", "", "") for k, v in shares.items()]
    contract = definition_tables()["ref.indicator_weight"].contract
    return pl.DataFrame(rows, schema=contract.polars_schema(), orient="row")


def industries(**counts: tuple[int, int]) -> list[dict[str, Any]]:
    """The whole and its industries: `i17=(46, 50)`."""
    slices = [
        counted(x, n, **WEIGHTED, slice_type="industry", slice=name[1:])
        for name, (x, n) in counts.items()
    ]
    passed, tested = (sum(pair[i] for pair in counts.values()) for i in (0, 1))
    return [counted(passed, tested, **WEIGHTED), *slices]


def whole(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(row for row in rows if row["slice_type"] == "all")


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


def test_the_weighted_rate_of_a_worked_example() -> None:
    rows = values(
        *industries(i17=(46, 50), i18=(96, 100), i19=(36, 40)),
        indicator_weight=weights(i17=0.30, i18=0.45, i19=0.25),
    )
    row = whole(rows)

    assert (row["is_weighted"], row["interval_method"]) == (True, "korn_graubard")
    assert row["value"] == pytest.approx(93.30)
    assert row["effective_size"] == pytest.approx(174.6, abs=0.05)
    assert row["covered_share"] == pytest.approx(100)
    assert row["units_without_weight"] == 0
    assert (row["official_status"], row["evidence"]) == ("not_met", "inconclusive")
    assert row["lower"] < row["value"] < row["upper"]
    slices = [each for each in rows if each["slice_type"] == "industry"]
    assert [each["is_weighted"] for each in slices] == [False] * 3
    assert slices[0]["value"] == pytest.approx(92)


def test_weights_are_renormalised_over_what_was_sampled_and_the_rest_is_told() -> None:
    row = whole(
        values(
            *industries(i17=(40, 50), i18=(50, 50), i25=(0, 10), i20=(0, 0)),
            indicator_weight=weights(i17=1, i18=3, i19=4, i20=2),
        )
    )

    assert row["value"] == pytest.approx(100 * (1 * 0.8 + 3 * 1.0) / 4)
    assert row["covered_share"] == pytest.approx(40)
    assert row["units_without_weight"] == 10
    assert (row["numerator"], row["denominator"]) == (90, 110)


def test_a_weighted_rate_is_compared_exactly() -> None:
    """A third and two thirds of weight: 94 is reached exactly, which floats would miss."""
    rows = industries(i17=(92, 100), i18=(95, 100))
    row = whole(values(*rows, indicator_weight=weights(i17=1, i18=2)))

    assert row["official_status"] == "met"


def test_a_weighted_rate_without_samples_has_no_data() -> None:
    row = whole(values(*industries(i17=(0, 0)), indicator_weight=weights(i17=1)))

    assert (row["value"], row["lower"], row["is_weighted"]) == (None, None, True)
    assert (row["official_status"], row["evidence"]) == ("no_data", "no_data")
    assert row["covered_share"] == 0


def test_a_weighted_rate_of_one_part_is_judged_as_a_simple_sample_of_its_effective_size() -> None:
    """Variance p q / (n - 1): 2001 samples count as 2000, without a design effect to speak of."""
    row = whole(values(*industries(i17=(1921, 2001)), indicator_weight=weights(i17=1)))
    passed = 2000 * 1921 / 2001
    posterior = beta(passed + 0.5, 2000 - passed + 0.5)

    assert row["effective_size"] == pytest.approx(2000)
    assert row["probability"] == pytest.approx(posterior.sf(0.94))
    assert (row["evidence"], row["samples_needed"]) == ("demonstrated", 0)
    short = whole(values(*industries(i17=(476, 501)), indicator_weight=weights(i17=1)))
    plain = samples_still_needed(475, 500, 0.94)["if_all_pass"][0]
    assert short["evidence"] == "inconclusive"
    assert short["samples_needed"] == pytest.approx(plain, abs=3)
    assert short["samples_needed_at_rate"] > short["samples_needed"] > 0


def strata(*parts: tuple[float | None, int, int]) -> list[dict[str, Any]]:
    """The whole and the strata of a sample: inclusion probability, passes and samples of each."""
    variant = {"variant_id": "evaluative_stratified"}
    slices = [
        counted(
            x, n, **variant, slice_type="stratum", slice=f"h{place}", inclusion_probability=chance
        )
        for place, (chance, x, n) in enumerate(parts)
    ]
    passed, tested = (
        sum(counts) for counts in ([x for _, x, _ in parts], [n for _, _, n in parts])
    )
    return [counted(passed, tested, **variant), *slices]


def test_a_stratified_sample_is_weighted_by_its_design() -> None:
    """Lohr's kind of example: strata of 103 and 297 units, 9 and 30 of them drawn at random."""
    row = whole(values(*strata((9 / 103, 6, 9), (30 / 297, 27, 30))))

    # By hand: W = 103/400 and 297/400, p = W1 6/9 + W2 27/30,
    # variance W1^2 (1 - 9/103) p1 q1 / 8 + W2^2 (1 - 30/297) p2 q2 / 29.
    assert row["value"] == pytest.approx(100 * (103 / 400 * 6 / 9 + 297 / 400 * 0.9))
    variance = (103 / 400) ** 2 * (1 - 9 / 103) * (6 / 9 * 3 / 9) / 8
    variance += (297 / 400) ** 2 * (1 - 30 / 297) * 0.09 / 29
    assert row["standard_error"] == pytest.approx(100 * variance**0.5)
    assert row["effective_size"] == pytest.approx(
        row["value"] * (100 - row["value"]) / 1e4 / variance
    )
    assert (row["is_weighted"], row["interval_method"]) == (True, "korn_graubard")
    assert (row["covered_share"], row["units_without_weight"]) == (None, 0)
    assert row["collapsed_strata"] is None
    assert row["numerator"] == 33


def test_samples_of_no_known_probability_are_left_out_of_the_weighting_and_told() -> None:
    row = whole(values(*strata((0.1, 8, 10), (0.5, 1, 1), (None, 0, 4))))

    assert row["value"] == pytest.approx(100 * (100 * 0.8 + 2 * 1.0) / 102)
    assert row["units_without_weight"] == 4
    assert row["collapsed_strata"] == "h1"
    assert row["denominator"] == 15


def test_strata_that_all_pass_have_no_false_precision_unless_all_was_looked_at() -> None:
    sampled = whole(values(*strata((0.1, 10, 10), (0.2, 20, 20))))
    census = whole(values(*strata((1, 10, 10), (1, 20, 20))))

    assert (sampled["value"], sampled["standard_error"]) == (100, None)
    assert sampled["lower"] < 95
    assert (census["value"], census["standard_error"], census["lower"]) == (100, 0, 100)


def test_a_stratified_sample_without_probabilities_has_no_figure() -> None:
    row = whole(values(*strata((None, 4, 4))))

    assert (row["value"], row["evidence"], row["units_without_weight"]) == (None, "no_data", 4)


@settings(deadline=None, max_examples=40)
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


def test_the_weighted_figure_is_that_of_the_stratified_estimate() -> None:
    counts = {"i17": (46, 50), "i18": (96, 100)}
    row = whole(values(*industries(**counts), indicator_weight=weights(i17=2, i18=1)))
    strata = pl.DataFrame(
        {"stratum": ["17", "18"], "weight": [2, 1], "successes": [46, 96], "trials": [50, 100]}
    )
    estimate = stratified_rate(strata)

    assert row["lower"] == pytest.approx(100 * estimate.lower)
    assert row["upper"] == pytest.approx(100 * estimate.upper)


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
