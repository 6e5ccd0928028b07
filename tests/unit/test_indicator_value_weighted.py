"""Values of weighted indicators: by output of industries, and by strata of a sample."""

from typing import Any

import polars as pl
import pytest
from scipy.stats import beta

from assets.statistics.sample_size import samples_still_needed
from assets.statistics.stratified import stratified_rate
from tests.indicator_values import counted, industries, values
from warehouse.reference_tables import definition_tables


def weights(**shares: float) -> pl.DataFrame:
    """The list of output weights, with other industries; `i17=0.3` is the weight of industry 17."""
    rows = [("manufacturing_output", "industry", k[1:], v, "", "", "") for k, v in shares.items()]
    contract = definition_tables()["ref.indicator_weight"].contract
    return pl.DataFrame(rows, schema=contract.polars_schema(), orient="row")


def whole(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(row for row in rows if row["slice_type"] == "all")


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


def test_the_weighted_figure_is_that_of_the_stratified_estimate() -> None:
    counts = {"i17": (46, 50), "i18": (96, 100)}
    row = whole(values(*industries(**counts), indicator_weight=weights(i17=2, i18=1)))
    strata = pl.DataFrame(
        {"stratum": ["17", "18"], "weight": [2, 1], "successes": [46, 96], "trials": [50, 100]}
    )
    estimate = stratified_rate(strata)

    assert row["lower"] == pytest.approx(100 * estimate.lower)
    assert row["upper"] == pytest.approx(100 * estimate.upper)
