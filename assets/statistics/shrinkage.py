"""Small areas: rates of towns, drawn towards the city's by a beta-binomial model.

A town with 8 samples and one failure has not a rate of 87.5 %; what its samples say is
weighed against what the other towns show. For display with its interval; never for a target.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, digamma, expit, logit

from assets.statistics.inputs import (
    Floats,
    Integers,
    counts,
    inner_proportion,
    require_columns,
)

FEWEST_AREAS = 3
SMALLEST_STRENGTH = 0.5


@dataclass(frozen=True)
class Prior:
    """The distribution of the areas' true rates, Beta(mean * strength, (1 - mean) * strength).

    Attributes:
        mean: centre of the areas' rates, 0 to 1.
        strength: how many samples of its own an area needs to weigh as much as the others do.
        method: empirical_bayes, or jeffreys (Beta(1/2, 1/2), no borrowing) where there is
            nothing to learn from: fewer than 3 areas with data, or no failure or no pass at all.
    """

    mean: float
    strength: float
    method: Literal["empirical_bayes", "jeffreys"]


def fit_prior(successes: npt.ArrayLike, trials: npt.ArrayLike) -> Prior:
    """The beta prior under which the areas' counts are most probable (marginal likelihood).

    Maximises sum log B(x + a, n - x + b)/B(a, b) over the mean a/(a + b) and the strength
    a + b. The strength is at most the number of all samples: what was learned from
    N samples cannot weigh more than N samples, even where the areas do not differ visibly.
    Source: Casella (1985), The American Statistician 39, 83-87; Carlin and Louis (2008), Bayesian
    Methods for Data Analysis, 5.2-5.4; the beta-binomial of Skellam (1948).

    Args:
        successes: n numbers of passes, one an area.
        trials: n numbers tested.

    Returns:
        The prior.

    Raises:
        StatisticsError: if the counts are impossible.
    """
    passed, tested = counts(successes, trials)
    passed, tested = passed[tested > 0], tested[tested > 0]
    total, good = int(tested.sum()), int(passed.sum())
    if len(tested) < FEWEST_AREAS or good in (0, total):
        return Prior(0.5, 1.0, "jeffreys")
    bounds = (
        (float(logit(0.5 / (total + 1))), float(logit(1 - 0.5 / (total + 1)))),
        (float(np.log(SMALLEST_STRENGTH)), float(np.log(total))),
    )
    # The likelihood may be flat for a large strength: start from three, keep the best.
    starts = [(float(logit(good / total)), float(np.log(s))) for s in (2.0, total**0.5, total)]
    fits = [
        minimize(_cost, start, args=(passed, tested), method="L-BFGS-B", jac=True, bounds=bounds)
        for start in starts
    ]
    best = min(fits, key=lambda fit: float(fit.fun))
    return Prior(float(expit(best.x[0])), float(np.exp(best.x[1])), "empirical_bayes")


def _cost(parameters: Floats, passed: Integers, tested: Integers) -> tuple[float, Floats]:
    """Negative log marginal likelihood per area, without binomial coefficients, and its slope.

    The parameters are logit(mean) and log(strength).
    """
    mean, strength = expit(parameters[0]), np.exp(parameters[1])
    a, b = strength * mean, strength * expit(-parameters[0])
    likelihood = betaln(passed + a, tested - passed + b) - betaln(a, b)
    shared = digamma(strength) - digamma(tested + strength)
    by_a = np.mean(digamma(passed + a) - digamma(a) + shared)
    by_b = np.mean(digamma(tested - passed + b) - digamma(b) + shared)
    slope = np.array([(by_a - by_b) * strength * mean * (1 - mean), by_a * a + by_b * b])
    return -float(np.mean(likelihood)), -slope


def shrunk_rates(
    areas: pl.DataFrame,
    prior: Prior | None = None,
    confidence: float = 0.95,
    minimum: int = 30,
) -> pl.DataFrame:
    """Posterior rates of areas, with intervals, and the mark for too few samples.

    The posterior of an area is Beta(x + a, n - x + b). The intervals take the prior as known
    (naive empirical Bayes: Carlin and Louis 2008, 5.4), so that they are a little too narrow
    when areas are few.

    Args:
        areas: `successes`, `trials` (integers), one row an area; other columns are kept.
        prior: the prior; None fits it to these areas.
        confidence: of the equal-tailed interval.
        minimum: fewer samples than this and the area's raw rate is not to be published.

    Returns:
        The table with `raw_rate` (null without samples), `shrunk_rate`, `shrunk_lower`,
        `shrunk_upper` (0 to 1), `own_weight` (n / (n + strength): share of the estimate that is
        the area's own) and `suppressed`. An area without samples gets the prior itself.

    Raises:
        StatisticsError: if a column is missing or holds impossible values.
    """
    require_columns(areas, "successes", "trials")
    passed, tested = counts(areas["successes"].to_numpy(), areas["trials"].to_numpy())
    known = fit_prior(passed, tested) if prior is None else prior
    a = passed + known.mean * known.strength
    b = tested - passed + (1 - known.mean) * known.strength
    tail = (1 - inner_proportion(confidence, "confidence")) / 2
    raw = passed / np.where(tested > 0, tested, np.nan)
    return areas.with_columns(
        raw_rate=pl.Series(raw, dtype=pl.Float64).fill_nan(None),
        shrunk_rate=pl.Series(a / (a + b)),
        shrunk_lower=pl.Series(betaincinv(a, b, tail)),
        shrunk_upper=pl.Series(betaincinv(a, b, 1 - tail)),
        own_weight=pl.Series(tested / (tested + known.strength)),
        suppressed=pl.Series(tested < minimum),
    )
