"""Rates whose parts weigh differently: industries by output, strata by what they stand for."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from assets.statistics.stratified import Estimate, stratified_rate
from warehouse.indicator import BY_DESIGN

CELL = ("indicator_id", "variant_id", "period_type", "period")
PERCENT = 100
WHOLE = pl.col("slice_type") == "all"


def weighted_estimates(
    rates: pl.DataFrame, weights: pl.DataFrame
) -> dict[tuple[str, ...], Estimate]:
    """Weighted rates of the variants that have weights, by the values of `CELL`.

    Sum over slices of weight times rate; weights are renormalised over the slices that have
    samples (NBS and SAMR's method article on 制造业产品质量合格率). Or by the design of the sample:
    a stratum weighs as many units as its samples stand for, n / inclusion probability (Horvitz and
    Thompson 1952, JASA 47; Cochran 1977, 5A.2).

    Args:
        rates: counts with `weighting`.
        weights: ``ref.indicator_weight``.
    """
    found = {}
    wanted = rates.filter(WHOLE & pl.col("weighting").is_not_null())
    for row in wanted.select(*CELL, "weighting").iter_rows():
        cell, weighting = row[:-1], row[-1]
        if weighting == BY_DESIGN:
            by_design = stratified_rate(_design_strata(rates, cell))
            # Strata from which nothing was drawn are not known of.
            found[cell] = replace(by_design, covered_share=np.nan)
        else:
            found[cell] = stratified_rate(_strata(rates, cell, weights, weighting))
    return found


def exact_rates(
    counts: pl.DataFrame, variants: pl.DataFrame, weights: pl.DataFrame
) -> pl.DataFrame:
    """Weighted rates in full, for comparisons that no rounding may turn.

    Args:
        counts: rows of ``mart.indicator_count``, of each cell all slices.
        variants: ``ref.indicator_variant``.
        weights: ``ref.indicator_weight``.

    Returns:
        `CELL` and `exact_rate`, a proportion as text such as 47/50; no row where nothing was
        tested.
    """
    weighted = variants.filter(pl.col("weighting").is_not_null())
    wanted = weighted.select("indicator_id", "variant_id", "weighting")
    estimates = weighted_estimates(
        counts.join(wanted, on=("indicator_id", "variant_id"), validate="m:1"), weights
    )
    rows = [
        (*cell, str(estimate.exact_value))
        for cell, estimate in estimates.items()
        if estimate.exact_value is not None
    ]
    schema = {**dict.fromkeys(CELL, pl.String), "exact_rate": pl.String}
    return pl.DataFrame(rows, schema, orient="row")


def _design_strata(rates: pl.DataFrame, cell: tuple[str, ...]) -> pl.DataFrame:
    """Strata of the sampling plan with their counts in one cell, and the units they stand for."""
    stands_for = pl.col("denominator") / pl.col("inclusion_probability")
    return (
        rates.filter(*(pl.col(n) == v for n, v in zip(CELL, cell, strict=True)))
        .filter(
            pl.col("slice_type") == "stratum",
            pl.col("inclusion_probability").is_not_null(),
            pl.col("denominator") > 0,
        )
        .select(
            stratum="slice",
            weight=stands_for,
            successes="numerator",
            trials="denominator",
            population=stands_for.round().cast(pl.Int64),
        )
        .sort("stratum")
    )


def _strata(
    rates: pl.DataFrame, cell: tuple[str, ...], weights: pl.DataFrame, weighting: str
) -> pl.DataFrame:
    """Every slice of a list of weights with its counts in one cell, by code."""
    counted = rates.filter(*(pl.col(n) == v for n, v in zip(CELL, cell, strict=True)))
    return (
        weights.filter(pl.col("weighting") == weighting)
        .join(counted, on=("slice_type", "slice"), how="left")
        .select(
            "weight",
            stratum="slice",
            successes=pl.col("numerator").fill_null(0),
            trials=pl.col("denominator").fill_null(0),
        )
        .sort("stratum")
    )


def with_weighted(
    whole: pl.DataFrame, estimates: Mapping[tuple[str, ...], Estimate]
) -> pl.DataFrame:
    """Put weighted rates in the place of the others."""
    names = {**dict.fromkeys(CELL, pl.String), **_WEIGHTED}
    rows = pl.DataFrame(
        [(*cell, *_figures(estimate)) for cell, estimate in estimates.items()],
        schema=names,
        orient="row",
    ).fill_nan(None)
    joined = whole.join(rows, on=CELL, how="left", suffix="_weighted", validate="1:1")
    is_weighted = pl.col("weighted_size").is_not_null()
    return joined.with_columns(
        *(
            pl.when(is_weighted).then(f"weighted_{name}").otherwise(name).alias(name)
            for name in ("value", "lower", "upper")
        ),
        is_weighted=is_weighted,
        interval_method=pl.when(is_weighted & pl.col("weighted_value").is_not_null())
        .then(pl.lit("korn_graubard"))
        .when(is_weighted)
        .then(pl.lit("none"))
        .otherwise("interval_method"),
        units_without_weight=pl.col("denominator") - pl.col("weighted_size"),
    ).drop("weighted_value", "weighted_lower", "weighted_upper", "weighted_size")


_WEIGHTED = {
    "weighted_value": pl.Float64,
    "weighted_lower": pl.Float64,
    "weighted_upper": pl.Float64,
    "covered_share": pl.Float64,
    "effective_size": pl.Float64,
    "weighted_size": pl.Int64,
    "standard_error": pl.Float64,
    "collapsed_strata": pl.String,
}


def _figures(estimate: Estimate) -> tuple[float | int | str | None, ...]:
    # Strata that all pass have a variance of 0, which is false unless every unit was looked at.
    is_known = estimate.standard_error > 0 or np.isinf(estimate.effective_samples)
    return (
        PERCENT * estimate.value,
        PERCENT * estimate.lower,
        PERCENT * estimate.upper,
        PERCENT * estimate.covered_share,
        estimate.effective_samples,
        estimate.samples,
        PERCENT * estimate.standard_error if is_known else np.nan,
        ", ".join(estimate.collapsed) or None,
    )
