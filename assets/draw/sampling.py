"""The draw of objects: seed, keys, sizes by stratum, order, and probabilities of inclusion.

Everything follows from the frozen roster and one public number that nobody could know when the
roster was frozen, so anyone can draw again and must find the same objects.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np
import polars as pl
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import binom

from assets.draw.plan import ALL, PARTS, DrawPlan, Frozen
from warehouse.connection import connect

# Hexadecimal digits of a key that a double holds without loss.
HEX_DIGITS = 13
EXACT_DIGITS = 120
ROUNDING = 4 * np.finfo(np.float64).eps


def seed_of(roster_hash: str, draw_no: str, public_number: str) -> str:
    """SHA-256 of roster hash, number of the draw and public number, joined by tabs."""
    return hashlib.sha256(f"{roster_hash}\t{draw_no}\t{public_number}".encode()).hexdigest()


def keys(seed: str, labels: pl.DataFrame) -> pl.Series:
    """SHA-256 of the seed and the columns of each row, joined by tabs, in hexadecimal."""
    texts = labels.select(pl.int_range(pl.len()).alias("place"), text=_joined(seed, labels.columns))
    with connect() as con:
        con.register("given", texts)
        return con.sql("SELECT sha256(text) AS key FROM given ORDER BY place").pl()["key"]


def _joined(seed: str, columns: Sequence[str]) -> pl.Expr:
    return pl.concat_str(pl.lit(seed), *map(pl.col, columns), separator="\t")


def draw_objects(frozen: Frozen, seed: str) -> pl.DataFrame:
    """Every object of the roster with its key and its place in the order of its stratum.

    Without weights the smallest keys come first. With weights the largest u^(1/w) do, u being the
    key divided by 2^256 (Efraimidis and Spirakis, 2006): risk raises the chance, and nothing else.

    Returns:
        unit_id, risk_class, category, division_code, stratum (values joined by `|`, ALL without
        strata), weight (as written, NULL without weights), stratum_size (N_h), stratum_drawn (n_h),
        inclusion_probability (10 decimals), key, draw_rank (1…N_h within the stratum); sorted by
        unit_id. The first n_h of each stratum are drawn.
    """
    plan = frozen.plan
    stratum = pl.concat_str(*plan.strata, separator=PARTS) if plan.strata else pl.lit(ALL)
    weights = {name: f"{weight:f}" for name, weight in plan.weights.items()}
    rows = frozen.objects.with_columns(
        stratum=stratum,
        weight=pl.col("risk_class").replace_strict(weights, default=None, return_dtype=pl.String),
    )
    rows = rows.with_columns(key=keys(seed, rows.select("stratum", "unit_id")))
    sizes = _sizes(plan, rows)
    order = _weighted_order(rows) if plan.weights else pl.col("key").rank("ordinal")
    ranked = (
        rows.join(sizes, on="stratum", how="left", maintain_order="left")
        .with_columns(order=order)
        .with_columns(draw_rank=pl.col("order").rank("ordinal").over("stratum").cast(pl.Int64))
    )
    chances = _probabilities(ranked)
    return (
        ranked.join(chances, on=("stratum", "weight"), nulls_equal=True, maintain_order="left")
        .select(
            *frozen.objects.columns,
            "stratum",
            "weight",
            "stratum_size",
            "stratum_drawn",
            "inclusion_probability",
            "key",
            "draw_rank",
        )
        .sort("unit_id")
    )


def _sizes(plan: DrawPlan, rows: pl.DataFrame) -> pl.DataFrame:
    """N_h and n_h: the share of the stratum, rounded up, at least the minimum, at most all."""
    strata = rows.group_by("stratum").agg(
        stratum_size=pl.len().cast(pl.Int64), risk_class=pl.col("risk_class").first()
    )
    drawn = [
        min(size, max(plan.minimum_per_stratum, math.ceil(_share(plan, risk_class) * size)))
        for size, risk_class in strata.select("stratum_size", "risk_class").rows()
    ]
    return strata.select(
        "stratum", "stratum_size", stratum_drawn=pl.Series(drawn, dtype=pl.Int64)
    ).sort("stratum")


def _share(plan: DrawPlan, risk_class: str) -> Decimal:
    return plan.shares[risk_class] if risk_class in plan.shares else plan.shares[ALL]


# -- the order of weighted draws


def _weighted_order(rows: pl.DataFrame) -> pl.Series:
    """Place of each row by decreasing u^(1/w), that is by increasing -ln(u)/w.

    The first digits of the keys settle it, up to rounding; rows that they leave undecided are
    settled with as many digits as there are.
    """
    digits = rows["key"].str.slice(0, HEX_DIGITS).str.to_integer(base=16).to_numpy()
    weight = rows["weight"].cast(pl.Float64).to_numpy()
    scale = 16.0**HEX_DIGITS
    with np.errstate(divide="ignore"):
        high = -np.log(digits / scale) / weight * (1 + ROUNDING)
        low = -np.log((digits + 1) / scale) / weight * (1 - ROUNDING)
    order = np.argsort(low, kind="stable")
    undecided = np.maximum.accumulate(high[order])[:-1] >= low[order][1:]
    if undecided.any():
        pairs = zip(rows["key"], rows["weight"], strict=True)
        exact = [_exact_score(key, weight) for key, weight in pairs]  # seldom, and then all
        order = np.array(sorted(range(rows.height), key=lambda place: (exact[place], place)))
    places = np.empty(rows.height, dtype=np.int64)
    places[order] = np.arange(rows.height)
    return pl.Series(places)


def _exact_score(key: str, weight: str) -> Decimal:
    """-ln(key / 2^256) / weight to `EXACT_DIGITS` digits."""
    with localcontext(prec=EXACT_DIGITS):
        number = int(key, 16)
        if number == 0:
            return Decimal("Infinity")
        return -(Decimal(number) / Decimal(2**256)).ln() / Decimal(weight)


# -- probabilities of inclusion


def _probabilities(ranked: pl.DataFrame) -> pl.DataFrame:
    """Probability of inclusion by stratum and weight: n_h/N_h, and for weights its integral."""
    classes = ranked.group_by("stratum", "weight").agg(
        pl.len().alias("units"), pl.col("stratum_size", "stratum_drawn").first()
    )
    plain = classes.with_columns(
        inclusion_probability=(pl.col("stratum_drawn") / pl.col("stratum_size")).round(10)
    )
    parts = [
        part
        if part.height == 1
        else part.with_columns(
            inclusion_probability=pl.Series(
                inclusion_probabilities(
                    dict(zip(part["weight"].cast(pl.Float64), part["units"], strict=True)),
                    part["stratum_drawn"][0],
                )
            )
        )
        for part in plain.sort("stratum", "weight").partition_by("stratum")
    ]
    return pl.concat(parts).select("stratum", "weight", "inclusion_probability")


def inclusion_probabilities(units: Mapping[float, int], drawn: int) -> Sequence[float]:
    """Probabilities with which objects of each weight are among the `drawn` first.

    Of all -ln(u)/w, which are exponential with rate w, the `drawn` smallest are taken. An object of
    weight w whose value is t is among them when fewer than `drawn` others are below t; others
    of weight v are with probability 1-exp(-vt), each by itself. So the probability is the
    integral of w exp(-wt) P(fewer than `drawn` others below t) over t (Rosén 1997, order sampling,
    for the exponential case).

    Args:
        units: weight → number of objects in the stratum.
        drawn: number of objects drawn from it.

    Returns:
        A probability for each weight, in the order of `units`, rounded to 10 decimals.
    """
    return _probabilities_of(tuple(units.items()), drawn)


@lru_cache(maxsize=1024)  # a draw is drawn again whenever it is verified
def _probabilities_of(classes: tuple[tuple[float, int], ...], drawn: int) -> Sequence[float]:
    units = dict(classes)
    total = sum(units.values())
    if drawn >= total:
        return (1.0,) * len(units)
    if drawn == 0:
        return (0.0,) * len(units)

    def expected(t: float) -> float:
        return sum(-n * math.expm1(-weight * t) for weight, n in units.items()) - drawn

    most = 1.0
    while expected(most) < 0:
        most *= 2
    middle = float(brentq(expected, 0.0, most))
    return tuple(_probability(units, drawn, weight, middle) for weight in units)


def _probability(units: Mapping[float, int], drawn: int, weight: float, middle: float) -> float:
    others = {v: n - (v == weight) for v, n in units.items()}

    def integrand(x: float) -> float:
        t = math.exp(x)
        counts = np.ones(1)
        for v, n in others.items():
            below = binom.pmf(np.arange(min(n, drawn - 1) + 1), n, -math.expm1(-v * t))
            counts = np.convolve(counts, below)[:drawn]
        return float(counts.sum()) * weight * t * math.exp(-weight * t)

    # Over x = ln t the integrand is smooth, and below 1e-15 outside of these bounds.
    low, high = math.log(1e-15 / weight), math.log(40 / weight)
    edge = min(max(math.log(middle), low), high)
    parts = [
        quad(integrand, a, b, epsabs=1e-12, epsrel=1e-12, limit=200)[0]
        for a, b in ((low, edge), (edge, high))
    ]
    return round(min(1.0, float(sum(parts))), 10)
