"""Scores of surveys: answers on a scale become means of 0 to 100 with a design-based interval."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

import polars as pl

from assets.statistics.survey import SurveyMean, composite_mean

Tables = Mapping[str, pl.DataFrame]

WAVE = ("indicator_id", "variant_id", "instrument_id", "wave")
HUNDRED = 100
ALL = "all"


def survey_score(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.survey_score``: each wave as a whole, and each of its domains.

    Args:
        tables: ``fact.survey_domain``, ``fact.indicator_unit`` of the score's indicators and the
            questionnaires, as its YAML names them.
    """
    answers = _answers(tables)
    parts = [
        row for part in answers.sort(*WAVE).partition_by(*WAVE) for row in _scores_of_wave(part)
    ]
    as_of = tables["meta.build"]["as_of"].item()
    return pl.DataFrame(parts, schema=SCORE, orient="row").with_columns(
        as_of=pl.lit(as_of, pl.Date)
    )


SCORE: dict[str, pl.DataType] = {
    **dict.fromkeys((*WAVE, "survey_domain", "period_type", "period"), pl.String()),
    "is_last_wave": pl.Boolean(),
    **dict.fromkeys(("respondents", "clusters", "strata", "degrees_of_freedom"), pl.Int64()),
    "value": pl.Float64(),
    "exact": pl.String(),
    **dict.fromkeys(
        ("standard_error", "lower", "upper", "one_sided_lower", "one_sided_upper"), pl.Float64()
    ),
    "last_answered_on": pl.Date(),
}


def _answers(tables: Tables) -> pl.DataFrame:
    """Scores of respondents in domains, for every variant that counts them or would in its wave."""
    units = tables["fact.indicator_unit"].filter(
        pl.col("is_counted")
        | ((pl.col("exclusion_reason") == "earlier_wave") & pl.col("is_random")),
        pl.col("unit_kind") == "survey_response",
    )
    weights = tables["ref.survey_question"].unique(("instrument_id", "survey_domain"))
    span = pl.col("scale_highest") - pl.col("scale_lowest")
    respondents = tables["fact.survey_domain"].filter(pl.col("answered") > 0)
    return (
        respondents.with_columns(
            unit_no=pl.concat_str("instrument_id", "wave", "response_no", separator="/")
        )
        .join(
            units.select("indicator_id", "variant_id", "source_id", "unit_no", "is_counted"),
            on=("source_id", "unit_no"),
        )
        .join(
            weights.select("instrument_id", "survey_domain", "domain_weight"),
            on=("instrument_id", "survey_domain"),
        )
        .with_columns(
            respondent=pl.concat_str("source_id", "unit_no", separator="/"),
            points=pl.col("answer_sum") - pl.col("answered") * pl.col("scale_lowest"),
            most=pl.col("answered") * span,
            weight=pl.col("design_weight").fill_null(1),
        )
        .with_columns(
            score=HUNDRED * pl.col("points") / pl.col("most"),
            cluster=pl.coalesce(
                pl.concat_str(pl.lit("cluster"), "cluster_no", separator=" "), "respondent"
            ),
            # Who was drawn one by one is a primary sampling unit of one person.
            cluster_population=pl.when(pl.col("cluster_no").is_null())
            .then(1)
            .otherwise(pl.col("cluster_population")),
        )
    )


def _scores_of_wave(answers: pl.DataFrame) -> Iterator[tuple[object, ...]]:
    yield _score(answers, ALL)
    for part in answers.sort("survey_domain").partition_by("survey_domain"):
        yield _score(part, part["survey_domain"][0])


def _score(answers: pl.DataFrame, survey_domain: str) -> tuple[object, ...]:
    found: SurveyMean = composite_mean(
        answers.select(
            "respondent",
            "domain_weight",
            "score",
            "stratum",
            "cluster",
            "cluster_population",
            domain="survey_domain",
            weight=pl.col("weight").cast(pl.Float64),
            population="stratum_population",
        )
    )
    wave = answers.row(0, named=True)
    exact = _exact(answers)
    return (
        *(wave[name] for name in WAVE),
        survey_domain,
        "year",
        wave["wave"][:4],
        wave["is_counted"],
        found.respondents,
        found.clusters,
        found.strata,
        found.degrees_of_freedom,
        float(exact),
        str(exact),
        *(
            None if value != value else value  # noqa: PLR0124 - NaN
            for value in (
                found.standard_error,
                found.lower,
                found.upper,
                found.one_sided_lower,
                found.one_sided_upper,
            )
        ),
        answers["answered_on"].max(),
    )


def _exact(answers: pl.DataFrame) -> Fraction:
    """The score as a fraction, so that 89 is 89 when it is compared; from a few grouped sums."""
    sums = answers.group_by("survey_domain", "domain_weight", "most", "weight").agg(
        points=pl.col("points").sum(), respondents=pl.len()
    )
    above: dict[str, Fraction] = {}
    below: dict[str, Fraction] = {}
    weights: dict[str, int] = {}
    for domain, domain_weight, most, weight, points, respondents in sums.iter_rows():
        weights[domain] = domain_weight
        above[domain] = above.get(domain, Fraction()) + Fraction(weight) * points / most
        below[domain] = below.get(domain, Fraction()) + Fraction(weight) * respondents
    total = sum(weights.values())
    return HUNDRED * sum(
        (Fraction(weights[name], total) * above[name] / below[name] for name in weights), Fraction()
    )
