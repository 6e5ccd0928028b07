"""Means of surveys with their design-based interval: strata, clusters, weights.

Linearised (Taylor) variance of a weighted sum of ratio means, in two stages: primary sampling units
within strata, and respondents within them. Where the number of units in the stratum is not known
they are taken as drawn with replacement, and the spread between them holds that of both stages
(Woodruff 1971, JASA 66; Cochran 1977, *Sampling Techniques*, 11; Särndal, Swensson and Wretman
1992, *Model Assisted Survey Sampling*, 4.3 and 5; Lumley 2010, *Complex Surveys*, 2).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats
from scipy.special import stdtr

from assets.statistics.inputs import Floats, StatisticsError

CONFIDENCE = 0.95


@dataclass(frozen=True)
class SurveyMean:
    """A weighted mean and what the design of the sample says of it.

    Attributes:
        value: the mean, in the unit of the scores.
        standard_error: NaN where nothing can be said of it: one primary sampling unit in all.
        lower, upper: two-sided 95 % interval, clipped to 0..100.
        one_sided_lower, one_sided_upper: one-sided 95 % bounds, clipped likewise.
        respondents: respondents with a score.
        clusters: primary sampling units.
        strata: strata.
        degrees_of_freedom: clusters less strata.
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    one_sided_lower: float
    one_sided_upper: float
    respondents: int
    clusters: int
    strata: int
    degrees_of_freedom: int


def composite_mean(answers: pl.DataFrame) -> SurveyMean:
    """The weighted sum of the domains' means.

    Domain means are ratio means: sum of weight times score over sum of weight, among those who
    answered in the domain. A stratum of one primary sampling unit takes the mean of all as its own,
    which errs on the safe side.

    Args:
        answers: respondent, domain, domain_weight (> 0), score (0..100), weight (> 0), stratum,
            cluster, population (primary sampling units in the stratum, or null), cluster_population
            (people in the primary sampling unit, or null; 1 where respondents were drawn one by
            one); one row per respondent and domain answered.

    Returns:
        The mean and its interval (Student t, clusters less strata degrees of freedom).

    Raises:
        StatisticsError: no answers, or a weight that is not above 0.
    """
    if answers.is_empty():
        raise StatisticsError("a survey without answers has no mean")
    if not answers.filter((pl.col("weight") <= 0) | (pl.col("domain_weight") <= 0)).is_empty():
        raise StatisticsError("weights of respondents and domains must be above 0")
    share = pl.col("domain_weight") / answers.unique("domain")["domain_weight"].sum()
    scored = answers.with_columns(
        total=pl.col("weight").sum().over("domain"),
        mean=(pl.col("weight") * pl.col("score")).sum().over("domain")
        / pl.col("weight").sum().over("domain"),
    )
    value = float(
        scored.unique("domain").sort("domain").select((share * pl.col("mean")).sum()).item()
    )
    # What a respondent adds to the linearised estimate, then added up by primary sampling unit.
    influence = pl.col("weight") * share * (pl.col("score") - pl.col("mean")) / pl.col("total")
    clusters = _clusters(scored.with_columns(influence=influence))
    strata = clusters["stratum"].n_unique()
    freedom = clusters.height - strata
    variance = _variance(clusters) if clusters.height > 1 else float("nan")
    error = float(np.sqrt(variance))
    freedom_used = max(freedom, 1)
    two_sided = stats.t.ppf((1 + CONFIDENCE) / 2, freedom_used) * error
    one_sided = stats.t.ppf(CONFIDENCE, freedom_used) * error
    bounds = np.clip(
        [value - two_sided, value + two_sided, value - one_sided, value + one_sided], 0, 100
    )
    lower, upper, one_sided_lower, one_sided_upper = (float(bound) for bound in bounds)
    return SurveyMean(
        value=value,
        standard_error=error,
        lower=lower,
        upper=upper,
        one_sided_lower=one_sided_lower,
        one_sided_upper=one_sided_upper,
        respondents=scored["respondent"].n_unique(),
        clusters=clusters.height,
        strata=strata,
        degrees_of_freedom=freedom,
    )


def _clusters(scored: pl.DataFrame) -> pl.DataFrame:
    """Primary sampling units: what they add to the estimate, and how their respondents differ."""
    return (
        scored.group_by("stratum", "cluster", "respondent", maintain_order=True)
        .agg(pl.col("influence").sum(), pl.col("population", "cluster_population").first())
        .group_by("stratum", "cluster", maintain_order=True)
        .agg(
            pl.col("influence").sum(),
            within=((pl.col("influence") - pl.col("influence").mean()) ** 2).sum(),
            asked=pl.len(),
            population=pl.col("population").first(),
            people=pl.col("cluster_population").first(),
        )
        .with_columns(drawn=pl.len().over("stratum"))
    )


def _variance(clusters: pl.DataFrame) -> float:
    """Variance of both stages, added up over strata.

    (1 - f) n/(n - 1) sum (U - mean U)^2 + f sum (1 - g) m/(m - 1) sum (u - mean u)^2 with u what a
    respondent adds to the estimate, U the sum of a primary sampling unit, n of N units drawn,
    f = n/N, m of M people asked in a unit, g = m/M. Source: Särndal, Swensson and Wretman (1992),
    result 4.3.1 with simple random samples at both stages; Cochran (1977), 11.

    f is 0 where N is not known, which brings in all of the spread between units; and where a unit
    has one respondent only although more people live there, as nothing is known of their spread.
    g is 0 where M is not known. All err on the safe side.
    """
    lonely = pl.col("drawn") == 1
    centre = (
        pl.when(lonely)
        .then(pl.col("influence").mean())
        .otherwise(pl.col("influence").mean().over("stratum"))
    )
    unknown = (pl.col("asked") == 1) & (pl.col("people").fill_null(2) > 1)
    between = _inflation("drawn") * (pl.col("influence") - centre) ** 2
    left = 1 - (pl.col("asked") / pl.col("people")).fill_null(0).clip(0, 1)
    within = left * _inflation("asked") * pl.col("within")
    fraction = (
        pl.when(unknown.any().over("stratum"))
        .then(0.0)
        .otherwise((pl.col("drawn") / pl.col("population")).fill_null(0).clip(0, 1))
    )
    return float(clusters.select(((1 - fraction) * between + fraction * within).sum()).item())


def _inflation(size: str) -> pl.Expr:
    """n/(n - 1), and 1 where n is 1."""
    number = pl.col(size)
    return pl.when(number == 1).then(1.0).otherwise(number / (number - 1))


def probability_of_mean(
    value: npt.ArrayLike, standard_error: npt.ArrayLike, freedom: npt.ArrayLike, target: Floats
) -> Floats:
    """Approximate probability that the true mean is at or above the target, given the sample.

    The posterior under a flat prior is a Student t about the estimate, with the degrees of freedom
    of the design. Source: Gelman et al. (2013), Bayesian Data Analysis, 3.2.

    Args:
        value: estimated means; NaN where there is none.
        standard_error: their standard errors, above 0; NaN where unknown.
        freedom: degrees of freedom, from 1.
        target: targets in the unit of the mean.

    Returns:
        Probabilities, 0 to 1; NaN where the standard error is not known or 0.
    """
    mean, error = np.asarray(value, np.float64), np.asarray(standard_error, np.float64)
    known = error > 0
    distance = (mean - target) / np.where(known, error, 1.0)
    return np.where(known, stdtr(np.asarray(freedom, np.float64), distance), np.nan)


def respondents_still_needed(
    respondents: npt.ArrayLike,
    value: npt.ArrayLike,
    one_sided_lower: npt.ArrayLike,
    target: Floats,
) -> Floats:
    """How many more respondents of the same design would demonstrate a target at the present mean.

    The standard error falls with the root of their number, so that n (t s / (mean - target))^2 are
    needed in all (Cochran 1977, 4.7), t s being the distance of the mean to its lower bound.

    Args:
        respondents: n numbers so far.
        value: estimated means.
        one_sided_lower: their one-sided lower bounds; NaN where unknown.
        target: targets in the unit of the mean.

    Returns:
        Whole numbers, 0 where demonstrated; NaN where no number suffices (the mean is not above the
        target) or the bound is not known.
    """
    size, mean = np.asarray(respondents, np.float64), np.asarray(value, np.float64)
    reach, gap = mean - np.asarray(one_sided_lower, np.float64), mean - target
    above = gap > 0
    further = size * ((reach / np.where(above, gap, 1.0)) ** 2 - 1)
    return np.where(above, np.maximum(np.ceil(further - 1e-9), 0.0), np.nan)
