"""Stratified and clustered rates against published examples and a survey library."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import numpy as np
import polars as pl
import pytest
import svy
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.statistics.inputs import StatisticsError
from assets.statistics.intervals import clopper_pearson, wilson
from assets.statistics.stratified import clustered_rate, collapse, stratified_rate


def strata(
    weights: Sequence[object], successes: list[int], trials: list[int], **more: Sequence[object]
) -> pl.DataFrame:
    names = [f"C{13 + place}" for place in range(len(weights))]
    return pl.DataFrame(
        {"stratum": names, "weight": weights, "successes": successes, "trials": trials, **more}
    )


GOLDEN = strata([Decimal("0.30"), Decimal("0.45"), Decimal("0.25")], [46, 96, 36], [50, 100, 40])


def samples(table: pl.DataFrame, *keep: str) -> pl.DataFrame:
    """One row a sample, as the survey library wants it."""
    return (
        table.with_columns(place=pl.int_ranges(0, pl.col("trials")))
        .explode("place")
        .select(*keep, passed=(pl.col("place") < pl.col("successes")).cast(pl.Int64))
    )


def surveyed(
    table: pl.DataFrame,
    interval: Literal["korn-graubard", "wilson"],
    stratum: str,
    weight: str,
    *,
    firm: str | None = None,
    population: str | None = None,
) -> dict[str, float]:
    """The survey library's estimate of the share that passed."""
    design = svy.Design(stratum=stratum, wgt=weight, psu=firm, pop_size=population)
    sample = svy.Sample(data=table, design=design)
    estimate = sample.estimation.prop("passed", ci_method=interval)
    assert isinstance(estimate, svy.Estimate)
    passed = pl.col("passed").cast(pl.Int64) == 1
    return estimate.to_polars().filter(passed).row(0, named=True)


def test_golden_example() -> None:
    found = stratified_rate(GOLDEN)
    assert found.exact_value == Fraction(933, 1000)
    assert found.standard_error == pytest.approx(0.018920, abs=5e-7)
    assert found.effective_samples == pytest.approx(174.6, abs=0.05)
    assert found.samples == 190
    assert found.covered_share == 1
    assert found.collapsed == ()
    by_hand = sum(
        w**2 * p * (1 - p) / (n - 1)
        for w, p, n in ((0.30, 0.92, 50), (0.45, 0.96, 100), (0.25, 0.90, 40))
    )
    assert found.standard_error**2 == pytest.approx(by_hand, rel=1e-12)
    raw = pl.Series([46, 96, 36]).sum() / 190
    assert raw == pytest.approx(0.936842, abs=5e-7)  # unweighted: another figure


def test_published_example_of_seven_strata() -> None:
    # Lohr, Sampling: Design and Analysis, example 3.4 (learned societies, share of women):
    # estimate 0.2465 with standard error 0.0071; the shares are printed as whole percentages.
    population = [9100, 1950, 5500, 10850, 2100, 5500, 9000]
    returned = [636, 451, 481, 611, 493, 575, 588]
    percent = [38, 27, 18, 19, 36, 13, 26]
    women = [round(n * share / 100) for n, share in zip(returned, percent, strict=True)]
    found = stratified_rate(strata(population, women, returned, population=population))
    assert found.value == pytest.approx(0.2465, abs=5e-4)
    assert found.standard_error == pytest.approx(0.0071, abs=5e-5)


@pytest.mark.parametrize("population", ["population", None])
def test_survey_library_agrees(population: str | None) -> None:
    units = [300, 4_500, 2_500, 90]
    table = strata(units, [46, 96, 36, 30], [50, 100, 40, 31], population=units)
    used = table if population else table.drop("population")
    expanded = samples(
        table.with_columns(each=pl.col("weight") / pl.col("trials")),
        "stratum",
        "each",
        "population",
    )
    found = stratified_rate(used)
    other = surveyed(expanded, "korn-graubard", "stratum", "each", population=population)
    assert found.value == pytest.approx(other["est"], rel=1e-10)
    assert found.standard_error == pytest.approx(other["se"], rel=1e-9)
    assert found.degrees_of_freedom == other["df"]
    assert (found.lower, found.upper) == pytest.approx((other["lci"], other["uci"]), rel=1e-8)
    # For Wilson the library takes Student's quantile in the formula too: a hair wider.
    found = stratified_rate(used, method="wilson")
    other = surveyed(expanded, "wilson", "stratum", "each", population=population)
    assert (found.lower, found.upper) == pytest.approx((other["lci"], other["uci"]), abs=5e-4)


def test_collapsed_strata_agree_with_the_survey_library() -> None:
    table = strata([100, 200, 300, 150, 250], [1, 18, 0, 28, 1], [1, 20, 1, 30, 1])
    found = stratified_rate(table)
    assert found.collapsed == ("C13", "C15", "C17")
    joined = table.with_columns(
        joined=pl.Series(["a", "a", "b", "b", "b"]), each=pl.col("weight") / pl.col("trials")
    )
    other = surveyed(samples(joined, "joined", "each"), "korn-graubard", "joined", "each")
    assert found.value == pytest.approx(other["est"], rel=1e-10)
    assert found.standard_error == pytest.approx(other["se"], rel=1e-9)
    assert (found.lower, found.upper) == pytest.approx((other["lci"], other["uci"]), rel=1e-8)


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([5, 5, 5], [0, 1, 2]),
        ([1, 5, 5], [0, 0, 1]),
        ([5, 1, 1, 5], [0, 1, 1, 1]),
        ([5, 5, 1], [0, 1, 1]),
        ([1, 1, 1], [0, 0, 0]),
        ([1], [0]),
    ],
)
def test_rule_of_joining(sizes: list[int], groups: list[int]) -> None:
    assert collapse(np.array(sizes)).tolist() == groups


def test_unsampled_industries_leave_the_weights() -> None:
    table = strata([40, 40, 20], [9, 0, 20], [10, 0, 20])
    found = stratified_rate(table)
    assert found.exact_value == Fraction(40, 60) * Fraction(9, 10) + Fraction(20, 60)
    assert found.covered_share == pytest.approx(0.6)


def test_all_passed_is_not_certainty() -> None:
    found = stratified_rate(strata([50, 50], [50, 100], [50, 100]))
    assert found.value == 1
    assert found.upper == 1
    assert found.effective_samples == pytest.approx(1 / (0.25 / 50 + 0.25 / 100))
    few, many = clopper_pearson(133, 133), clopper_pearson(150, 150)
    assert float(few.lower) - 0.001 < found.lower < float(many.lower)
    score = stratified_rate(strata([50, 50], [50, 100], [50, 100]), method="wilson")
    assert float(wilson(133, 133).lower) - 0.001 < score.lower < float(wilson(150, 150).lower)


def test_strata_all_good_or_all_bad_are_not_certainty() -> None:
    found = stratified_rate(strata([50, 50], [20, 0], [20, 20]))
    assert found.standard_error == 0
    assert found.effective_samples == pytest.approx(40)
    assert found.lower < 0.5 < found.upper


def test_every_unit_tested_leaves_no_sampling_error() -> None:
    found = stratified_rate(strata([7, 3], [6, 3], [7, 3], population=[7, 3]))
    assert (found.lower, found.upper, found.standard_error) == (0.9, 0.9, 0.0)
    part = stratified_rate(strata([7, 30], [6, 28], [7, 30], population=[7, None]))
    whole = stratified_rate(strata([7, 30], [6, 28], [7, 30]))
    assert 0 < part.standard_error < whole.standard_error


def test_one_stratum_is_a_simple_random_sample() -> None:
    found = stratified_rate(strata([3], [492], [500]))
    plain = clopper_pearson(492, 500)
    assert found.value == 0.984
    assert found.effective_samples == pytest.approx(499)
    assert found.lower == pytest.approx(float(plain.lower), abs=2e-4)
    assert found.upper == pytest.approx(float(plain.upper), abs=2e-4)


def test_nothing_and_next_to_nothing() -> None:
    nothing = stratified_rate(strata([1, 2], [0, 0], [0, 0]))
    assert nothing.exact_value is None
    assert np.isnan([nothing.value, nothing.lower, nothing.one_sided_upper]).all()
    assert nothing.covered_share == 0
    one = stratified_rate(strata([1], [1], [1]))
    assert np.isnan(one.standard_error)
    assert (one.lower, one.upper) == pytest.approx((0.025, 1.0))


CLUSTERS = pl.DataFrame(
    {
        "stratum": ["a"] * 5 + ["b"] * 4,
        "cluster": [f"firm {n}" for n in range(9)],
        "weight": [Decimal("1.5")] * 5 + [Decimal(3)] * 4,
        "successes": [4, 9, 1, 12, 0, 7, 7, 2, 5],
        "trials": [5, 9, 4, 12, 3, 8, 7, 2, 9],
    }
)


def test_clusters_agree_with_the_survey_library() -> None:
    found = clustered_rate(CLUSTERS)
    expanded = samples(
        CLUSTERS.with_columns(pl.col("weight").cast(pl.Float64)), "stratum", "cluster", "weight"
    )
    other = surveyed(expanded, "wilson", "stratum", "weight", firm="cluster")
    assert found.value == pytest.approx(other["est"], rel=1e-10)
    assert found.standard_error == pytest.approx(other["se"], rel=1e-9)
    assert found.degrees_of_freedom == other["df"] == 7
    assert found.effective_samples < found.samples == 59


def test_one_sample_from_each_firm_is_a_simple_random_sample() -> None:
    passed = [1] * 57 + [0] * 3
    firms = pl.DataFrame(
        {"cluster": [str(n) for n in range(60)], "successes": passed, "trials": [1] * 60}
    )
    alone = stratified_rate(strata([1], [57], [60]))
    found = clustered_rate(firms)
    assert found.standard_error == pytest.approx(alone.standard_error, rel=1e-12)
    assert found.lower == pytest.approx(alone.lower, rel=1e-9)


def test_firms_alike_within_count_as_one_sample_each() -> None:
    firms = pl.DataFrame({"cluster": ["x", "y", "z"], "successes": [50] * 3, "trials": [50] * 3})
    found = clustered_rate(firms)
    assert found.effective_samples == pytest.approx(3)
    assert found.lower == pytest.approx(float(clopper_pearson(3, 3).lower))


@pytest.mark.parametrize("population", [9, 40, None])
def test_a_domain_agrees_with_the_survey_library(population: int | None) -> None:
    """Firms drawn from three strata, of which a part is in the domain, with unequal weights."""
    chance = np.random.default_rng(7)
    firms = pl.DataFrame(
        {
            "stratum": ["a"] * 8 + ["b"] * 6 + ["c"] * 9,
            "cluster": [str(n) for n in range(23)],
            "weight": [2.5] * 8 + [10.0] * 6 + [float(n) for n in range(4, 13)],
            "trials": chance.integers(0, 2, 23),
            "passed": chance.integers(0, 2, 23),
            "population": pl.Series([population] * 23, dtype=pl.Int64),
        }
    ).with_columns(successes=pl.col("trials") * pl.col("passed"))
    known = None if population is None else "population"
    design = svy.Design(stratum="stratum", wgt="weight", psu="cluster", pop_size=known)
    by_domain = svy.Sample(data=firms, design=design).estimation.mean("passed", by="trials")
    assert isinstance(by_domain, svy.Estimate)
    other = by_domain.to_polars().filter(pl.col("trials").cast(pl.String) == "1").row(0, named=True)

    found = clustered_rate(firms)

    assert 0 < found.value < 1
    assert found.value == pytest.approx(other["est"], rel=1e-10)
    assert found.standard_error == pytest.approx(other["se"], rel=1e-9)
    assert found.samples == firms["trials"].sum()


def test_where_every_firm_was_drawn_no_error_is_left() -> None:
    sizes = CLUSTERS.with_columns(population=pl.len().over("stratum"))
    assert clustered_rate(sizes).standard_error == 0
    more = sizes.with_columns(pl.col("population") + 1)
    assert 0 < clustered_rate(more).standard_error < clustered_rate(CLUSTERS).standard_error


def test_strata_without_the_domain_are_left_out_and_lonely_ones_joined() -> None:
    table = CLUSTERS.with_columns(
        stratum=pl.when(pl.col("cluster") == "firm 8").then(pl.lit("c")).otherwise("stratum"),
    )
    none = pl.lit(0, pl.Int64)
    elsewhere = CLUSTERS.with_columns(stratum=pl.lit("d"), trials=none, successes=none)
    found = clustered_rate(pl.concat([table, elsewhere]))
    assert found == clustered_rate(table)
    assert found.collapsed == ("c",)
    assert found.degrees_of_freedom == 9 - 2
    empty = clustered_rate(CLUSTERS.head(0))
    assert empty.exact_value is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (GOLDEN.drop("weight"), "lacks weight"),
        (strata([1, -1], [1, 1], [1, 1]), "weights must be above 0"),
        (strata([1, None], [1, 1], [1, 1]), "missing in weight"),
        (strata([1], [2], [1]), "more successes than trials"),
        (strata([1], [4], [9], population=[8]), "more samples than units"),
    ],
)
def test_impossible_strata_are_refused(table: pl.DataFrame, message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        stratified_rate(table)


def test_impossible_clusters_and_levels_are_refused() -> None:
    with pytest.raises(StatisticsError, match="more than one row"):
        clustered_rate(pl.concat([CLUSTERS, CLUSTERS.head(1)]))
    with pytest.raises(StatisticsError, match="confidence must lie between"):
        stratified_rate(GOLDEN, confidence=0.5)


ROWS = st.lists(
    st.integers(1, 60).flatmap(
        lambda n: st.tuples(st.integers(1, 10**6), st.integers(0, n), st.just(n))
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60)
@given(ROWS, st.integers(2, 50))
def test_laws_of_strata(rows: list[tuple[int, int, int]], factor: int) -> None:
    weights, passed, tested = (list(column) for column in zip(*rows, strict=True))
    found = stratified_rate(strata(weights, passed, tested))
    assert 0 <= found.lower <= found.value + 1e-12
    assert found.value - 1e-12 <= found.upper <= 1
    assert found.lower <= found.one_sided_lower + 1e-12
    assert found.one_sided_upper <= found.upper + 1e-12
    scaled = stratified_rate(strata([weight * factor for weight in weights], passed, tested))
    assert scaled.exact_value == found.exact_value
    assert scaled.lower == pytest.approx(found.lower, abs=1e-9)
    failed = [n - x for x, n in zip(passed, tested, strict=True)]
    mirrored = stratified_rate(strata(weights, failed, tested))
    assert mirrored.lower == pytest.approx(1 - found.upper, abs=1e-7)
