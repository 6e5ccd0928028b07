"""Means of surveys against another implementation: strata, clusters, weights, domains."""

from typing import Any

import numpy as np
import polars as pl
import pytest
import svy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assets.statistics.inputs import StatisticsError
from assets.statistics.survey import (
    SurveyMean,
    composite_mean,
    probability_of_mean,
    respondents_still_needed,
)

SCHEMA = {
    "respondent": pl.String,
    "domain": pl.String,
    "domain_weight": pl.Int64,
    "score": pl.Float64,
    "weight": pl.Float64,
    "stratum": pl.String,
    "cluster": pl.String,
    "population": pl.Int64,
    "cluster_population": pl.Int64,
}


def sample(
    seed: int, domains: int = 1, population: int | None = None, people: int | None = None
) -> pl.DataFrame:
    """Four strata of three to six clusters of two to five respondents, with unequal weights."""
    chance = np.random.default_rng(seed)
    rows = []
    for stratum in range(4):
        for cluster in range(int(chance.integers(3, 7))):
            for person in range(int(chance.integers(2, 6))):
                name = f"{stratum}/{cluster}/{person}"
                weight = float(chance.integers(5, 40))
                rows += [
                    (
                        *(name, f"d{domain}", domain + 1, 25.0 * int(chance.integers(0, 5))),
                        *(weight, f"s{stratum}", f"{stratum}/{cluster}", population, people),
                    )
                    for domain in range(domains)
                ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def by_svy(
    scores: pl.DataFrame, population: int | None = None, people: int | None = None
) -> svy.Estimate:
    """The mean of one score per respondent by the package svy."""
    stages: dict[str, Any] = {}
    if population is not None:
        known = svy.PopSize("population", "cluster_population" if people else None)
        stages = {"ssu": "respondent", "pop_size": known}
    design = svy.Design(stratum="stratum", wgt="weight", psu="cluster", **stages)
    estimate = svy.Sample(data=scores, design=design).estimation.mean("score")
    assert isinstance(estimate, svy.Estimate)
    return estimate


def compare(found: SurveyMean, estimate: svy.Estimate) -> None:
    (expected,) = estimate.estimates
    assert found.value == pytest.approx(expected.est, rel=1e-10)
    assert found.standard_error == pytest.approx(expected.se, rel=1e-8)
    assert (found.lower, found.upper) == pytest.approx((expected.lci, expected.uci), rel=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_strata_clusters_and_weights(seed: int) -> None:
    scores = sample(seed)

    compare(composite_mean(scores), by_svy(scores))


@pytest.mark.parametrize("seed", range(3))
def test_weighted_domains_that_everybody_answered_are_one_score(seed: int) -> None:
    answers = sample(seed, domains=3)
    together = (
        answers.with_columns(part=pl.col("score") * pl.col("domain_weight") / 6)
        .group_by("respondent", maintain_order=True)
        .agg(pl.col("part").sum().alias("score"), pl.col("weight", "stratum", "cluster").first())
    )

    compare(composite_mean(answers), by_svy(together))


@pytest.mark.parametrize("population", [6, 12, 400])
@pytest.mark.parametrize("people", [5, 30, 1_000_000])
def test_both_stages_count(population: int, people: int) -> None:
    scores = sample(1, population=population, people=people)

    compare(composite_mean(scores), by_svy(scores, population, people))


def test_clusters_of_unknown_size_are_large() -> None:
    of_many = composite_mean(sample(1, population=8, people=10**9)).standard_error

    assert composite_mean(sample(1, population=8)).standard_error == pytest.approx(of_many)


def test_who_answered_in_no_domain_counts_in_the_others_only() -> None:
    answers = sample(2, domains=2)
    kept = answers.filter((pl.col("domain") == "d0") | ~pl.col("respondent").str.starts_with("0/"))
    by_domain = [
        composite_mean(kept.filter(pl.col("domain") == name)).value for name in ("d0", "d1")
    ]

    found = composite_mean(kept)

    assert found.value == pytest.approx((by_domain[0] + 2 * by_domain[1]) / 3)
    assert found.respondents == answers["respondent"].n_unique()


def census_of_clusters(people: int | None) -> pl.DataFrame:
    every = sample(3, people=people)
    return every.with_columns(population=pl.col("cluster").n_unique().over("stratum"))


@pytest.mark.parametrize("people", [None, 40])
def test_where_only_some_are_asked_every_cluster_does_not_mean_every_person(
    people: int | None,
) -> None:
    """With all clusters drawn they are strata, and their respondents a stratified sample."""
    scores = census_of_clusters(people)
    design = svy.Design(
        stratum="cluster",
        wgt="weight",
        psu="respondent",
        pop_size="cluster_population" if people else None,
    )
    estimate = svy.Sample(data=scores, design=design).estimation.mean("score")
    assert isinstance(estimate, svy.Estimate)

    found = composite_mean(scores)

    assert found.standard_error == pytest.approx(estimate.estimates[0].se, rel=1e-8)
    assert found.standard_error > 0


def test_where_everybody_is_asked_no_sampling_error_is_left() -> None:
    everybody = census_of_clusters(1).with_columns(
        cluster_population=pl.col("respondent").n_unique().over("cluster")
    )

    found = composite_mean(everybody)

    assert found.standard_error == 0
    assert (found.lower, found.upper) == (found.value, found.value)


def test_people_drawn_one_by_one_have_one_stage() -> None:
    alone = sample(2, population=50).with_columns(cluster="respondent", cluster_population=1)
    design = svy.Design(stratum="stratum", wgt="weight", psu="cluster", pop_size="population")
    estimate = svy.Sample(data=alone, design=design).estimation.mean("score")
    assert isinstance(estimate, svy.Estimate)

    compare(composite_mean(alone), estimate)


def test_one_person_asked_in_a_cluster_of_many_leaves_out_the_correction() -> None:
    scores = sample(2, population=6, people=30)
    one = scores.filter((pl.col("cluster") != "0/0") | (pl.col("respondent") == "0/0/0"))
    free = one.with_columns(
        population=pl.when(pl.col("stratum") != "s0").then(pl.col("population"))
    )

    assert composite_mean(one).standard_error == composite_mean(free).standard_error


@pytest.mark.parametrize("drawn", [6, 4])
def test_19_of_20_intervals_hold_the_truth_where_few_people_per_community_are_asked(
    drawn: int,
) -> None:
    """Six communities of 50 people, some or all of the communities drawn, 8 people in each."""
    chance = np.random.default_rng(20_241)
    levels = chance.normal(80, 3, 6)
    town = np.clip(chance.normal(levels[:, None], 8, (6, 50)), 0, 100)
    held = 0
    for _ in range(200):
        communities = chance.choice(6, drawn, replace=False)
        people = chance.permuted(np.tile(np.arange(50), (drawn, 1)), axis=1)[:, :8]
        scores = pl.DataFrame(
            {
                "cluster": np.repeat(communities, 8).astype(str),
                "person": people.ravel(),
                "score": town[communities[:, None], people].ravel(),
            }
        ).with_columns(
            respondent=pl.format("{}/{}", "cluster", "person"),
            domain=pl.lit("d"),
            domain_weight=pl.lit(1),
            weight=pl.lit(50 / 8 * 6 / drawn),
            stratum=pl.lit("s"),
            population=pl.lit(6),
            cluster_population=pl.lit(50),
        )
        found = composite_mean(scores)
        held += found.lower <= town.mean() <= found.upper
    # 190 expected of 200; fewer than 180, or all of them, are not by chance.
    assert 180 <= held < 200


def test_one_cluster_alone_says_nothing_of_its_error() -> None:
    one = sample(0).filter(pl.col("cluster") == "0/0")

    found = composite_mean(one)

    assert np.isnan(found.standard_error)
    assert found.clusters == 1


def test_a_stratum_of_one_cluster_adds_to_the_error() -> None:
    scores = sample(4)
    lonely = scores.filter((pl.col("stratum") != "s0") | (pl.col("cluster") == "0/0"))

    found = composite_mean(lonely)

    assert found.standard_error > 0
    assert found.degrees_of_freedom == found.clusters - 4


@pytest.mark.parametrize("change", [{"weight": 0.0}, {"domain_weight": 0}])
def test_weights_are_above_0(change: dict[str, Any]) -> None:
    wrong = sample(0).with_columns(pl.lit(value).alias(name) for name, value in change.items())
    with pytest.raises(StatisticsError, match="above 0"):
        composite_mean(wrong)


def test_no_answers_no_mean() -> None:
    with pytest.raises(StatisticsError, match="without answers"):
        composite_mean(pl.DataFrame(schema=SCHEMA))


@given(seed=st.integers(0, 10_000), domains=st.integers(1, 4))
@settings(max_examples=25)
def test_the_interval_holds_the_score_and_both_stay_on_the_scale(seed: int, domains: int) -> None:
    found = composite_mean(sample(seed, domains))

    assert 0 <= found.lower <= found.one_sided_lower <= found.value
    assert found.value <= found.one_sided_upper <= found.upper <= 100


def test_the_probability_of_a_mean_is_a_student_t() -> None:
    target = np.array([89.0, 89.0, 89.0])
    found = probability_of_mean([89, 90, 90], [0.5, 0.5, np.nan], [20, 20, 20], target)

    assert found[:2] == pytest.approx([0.5, stats.t(20, loc=90, scale=0.5).sf(89)])
    assert np.isnan(found[2])


def test_so_many_respondents_bring_the_lower_bound_to_the_target() -> None:
    target = np.array([89.0, 89.0, 89.0])
    found = respondents_still_needed([100, 100, 100], [90, 91, 88], [88, 90, 87], target)

    # Four times as many halve the distance of 2 to the bound; 91 is demonstrated; 88 is below.
    assert found[:2].tolist() == [300, 0]
    assert np.isnan(found[2])
