"""How an indicator moves: control charts by week, and why a rate changed from period to period."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

import polars as pl

from assets.statistics.change import Change, decompose, decompose_counts
from assets.statistics.control_charts import SIGNALS, Chart, p_chart, u_chart
from warehouse.indicator import BY_DESIGN

Tables = Mapping[str, pl.DataFrame]

VARIANT = ("indicator_id", "variant_id")
FAMILY = ("domain", "product_category", "programme", "sampling_basis", "coverage")
PERCENT = 100
COMPARED_SLICES = ("division", "link", "category", "industry", "chain", "firm_class")
COMPARED_PERIODS = ("quarter", "year")
CELL = (*VARIANT, "period_type", "period", "slice_type", "slice")
# What would tell the rate of a slice.
SUPPRESSED = ("passed_before", "passed_after", "mix_effect", "rate_effect", "change")

POINT: dict[str, pl.DataType] = {
    "week_start": pl.Date(),
    "failures": pl.Int64(),
    "denominator": pl.Int64(),
    "state": pl.String(),
    "method": pl.String(),
    "limits": pl.String(),
    "sigma_z": pl.Float64(),
    "value": pl.Float64(),
    "centre": pl.Float64(),
    "lower": pl.Float64(),
    "upper": pl.Float64(),
    **dict.fromkeys(SIGNALS, pl.Boolean()),
    "as_of": pl.Date(),
}
CHART: dict[str, pl.DataType] = {
    **dict.fromkeys((*VARIANT, "estimates", "chart"), pl.String()),
    "ignores_weights": pl.Boolean(),
    **POINT,
}
FAMILY_CHART = dict.fromkeys(FAMILY, pl.String()) | POINT
CHANGE: dict[str, pl.DataType] = {
    "indicator_id": pl.String(),
    "variant_id": pl.String(),
    "period_type": pl.String(),
    "period": pl.String(),
    "period_before": pl.String(),
    "slice_type": pl.String(),
    "slice": pl.String(),
    "units_before": pl.Int64(),
    "units_after": pl.Int64(),
    "passed_before": pl.Int64(),
    "passed_after": pl.Int64(),
    "is_suppressed": pl.Boolean(),
    "mix_effect": pl.Float64(),
    "rate_effect": pl.Float64(),
    "change": pl.Float64(),
    "as_of": pl.Date(),
}


def indicator_chart(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.indicator_chart``: a p-chart of each variant, and a u-chart of samples.

    Charts rest on plain counts, also those of a variant whose rate is weighted.

    Args:
        tables: ``mart.indicator_week`` and ``ref.indicator_variant``.
    """
    weighted = tables["ref.indicator_variant"].select(
        *VARIANT, ignores_weights=pl.col("weighting").is_not_null()
    )
    weeks = tables["mart.indicator_week"].join(weighted, on=VARIANT, how="left", validate="m:1")
    shares = weeks.with_columns(
        chart=pl.lit("p"), failures=pl.col("denominator") - pl.col("numerator")
    )
    found = weeks.filter(pl.col("nonconformities").is_not_null()).with_columns(
        chart=pl.lit("u"), failures="nonconformities"
    )
    return pl.concat(
        [_charts(shares, VARIANT, CHART, p_chart), _charts(found, VARIANT, CHART, u_chart)]
    )


def product_family_chart(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.product_family_chart``: a chart of each family in each programme and basis.

    Args:
        tables: ``mart.product_family_week``.
    """
    return _charts(tables["mart.product_family_week"], FAMILY, FAMILY_CHART, p_chart)


def _charts(
    weeks: pl.DataFrame,
    series: tuple[str, ...],
    schema: Mapping[str, pl.DataType],
    made: Callable[[pl.DataFrame], Chart],
) -> pl.DataFrame:
    """A chart of each series; `weeks` has week_start, failures and denominator."""
    ordered = weeks.with_columns(
        trials="denominator", units="denominator", defects="failures"
    ).sort("week_start")
    charts = [made(part) for part in ordered.partition_by(*series)]
    if not charts:
        return pl.DataFrame(schema=dict(schema))
    points = pl.concat([chart.points for chart in charts])
    # What is said of a whole chart stands in each of its rows.
    rows = pl.Series([chart.points.height for chart in charts])
    told = pl.DataFrame(
        {
            "state": [chart.state for chart in charts],
            "method": [chart.method for chart in charts],
            "sigma_z": pl.Series([chart.sigma_z for chart in charts], dtype=pl.Float64),
        }
    ).select(pl.all().repeat_by(rows).explode())
    shown = points.with_columns(
        *told, *(pl.col(name) * PERCENT for name in ("value", "centre", "lower", "upper"))
    )
    return shown.select(pl.col(name).cast(kind) for name, kind in schema.items())


def indicator_change(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.indicator_change``: consecutive quarters and years, by slice and in sum.

    Unweighted variants are divided in every way, each unit weighing the same. A weighted one is
    divided by the slices that carry its weights, with these weights: its mix changes where other
    slices were sampled, or where a stratum stands for another number of units. Of a slice that
    ``mart.indicator_value`` does not show in one of the two periods, only the units are shown.

    Args:
        tables: ``mart.indicator_count``, ``mart.indicator_value`` (for what it does not show),
            ``ref.indicator_variant`` and ``ref.indicator_weight``.
    """
    variants = tables["ref.indicator_variant"].select(*VARIANT, "weighting")
    counts = (
        tables["mart.indicator_count"]
        .filter(pl.col("period_type").is_in(COMPARED_PERIODS), pl.col("denominator") > 0)
        .join(variants, on=VARIANT)
        .join(
            tables["ref.indicator_weight"].select("weighting", "slice_type", "slice", "weight"),
            on=("weighting", "slice_type", "slice"),
            how="left",
        )
        .with_columns(
            weight=pl.when(pl.col("weighting").is_null())
            .then(pl.col("denominator").cast(pl.Float64))
            .when((pl.col("weighting") == BY_DESIGN) & (pl.col("slice_type") == "stratum"))
            .then(pl.col("denominator") / pl.col("inclusion_probability"))
            .otherwise("weight")
        )
    )
    parts = [pl.DataFrame(schema=CHANGE)]
    cells = counts.filter(
        pl.col("weight").is_not_null(),
        pl.col("slice_type").is_in(COMPARED_SLICES) | pl.col("weighting").is_not_null(),
    ).sort("period", "slice")
    for series in cells.partition_by(*VARIANT, "period_type", "slice_type"):
        periods = series["period"].unique().sort().to_list()
        parts += [
            _change(series, before, after)
            for before, after in itertools.pairwise(periods)
            if _follows(before, after)
        ]
    hidden = tables["mart.indicator_value"].filter("is_suppressed").select(*CELL)
    return _without_hidden(pl.concat(parts), hidden)


def _without_hidden(changes: pl.DataFrame, hidden: pl.DataFrame) -> pl.DataFrame:
    """The changes without what would tell a rate that is not shown in either period."""
    cells = pl.struct(CELL)
    before = pl.struct(*(pl.col("period_before" if n == "period" else n).alias(n) for n in CELL))
    known = hidden.select(cells.alias("cell"))["cell"].implode()
    is_suppressed = cells.is_in(known) | before.is_in(known)
    return changes.with_columns(is_suppressed=is_suppressed).with_columns(
        pl.when(~pl.col("is_suppressed")).then(name).alias(name) for name in SUPPRESSED
    )


def _follows(before: str, after: str) -> bool:
    """Whether a quarter or year comes right after another, with none in between."""
    return _ordinal(after) - _ordinal(before) == 1


def _ordinal(period: str) -> int:
    year, _, quarter = period.partition("Q")
    return int(year) * 4 + int(quarter) if quarter else int(year)


def _change(series: pl.DataFrame, before: str, after: str) -> pl.DataFrame:
    """Effects of every slice and their sum, from one period to the next."""
    names = ("numerator", "denominator", "weight")
    first, second = (
        series.filter(pl.col("period") == period).select("slice", *names)
        for period in (before, after)
    )
    groups = (
        first.join(second, on="slice", how="full", coalesce=True, suffix="_after")
        .sort("slice")
        .select(
            "slice",
            passed_before=pl.col("numerator").fill_null(0),
            units_before=pl.col("denominator").fill_null(0),
            passed_after=pl.col("numerator_after").fill_null(0),
            units_after=pl.col("denominator_after").fill_null(0),
            weight_before=pl.col("weight").fill_null(0),
            weight_after=pl.col("weight_after").fill_null(0),
        )
    )
    found = _effects(groups, weighted=series["weighting"][0] is not None)
    slices = found.groups.drop("weight_before", "weight_after")
    whole = slices.select(pl.lit("all").alias("slice"), pl.exclude("slice").sum()).with_columns(
        mix_effect=pl.lit(float(found.mix)), rate_effect=pl.lit(float(found.rate))
    )
    rows = pl.concat([whole.select(slices.columns), slices]).with_columns(
        pl.col("mix_effect") * PERCENT, pl.col("rate_effect") * PERCENT
    )
    head = series.head(1).select(*VARIANT, "period_type", "slice_type", "as_of")
    return (
        rows.with_columns(
            change=pl.col("mix_effect") + pl.col("rate_effect"),
            period=pl.lit(after),
            period_before=pl.lit(before),
            is_suppressed=pl.lit(value=False),
        )
        .join(head, how="cross")
        .select(pl.col(name).cast(kind) for name, kind in CHANGE.items())
    )


def _effects(groups: pl.DataFrame, *, weighted: bool) -> Change:
    """Effects of groups by their counts, or by weights of their own."""
    sides = ("before", "after")
    if not weighted:
        named = {
            f"{name}_{side}": f"{term}_{side}"
            for name, term in (("passed", "successes"), ("units", "trials"))
            for side in sides
        }
        found = decompose_counts(groups.rename(named))
        return replace(found, groups=found.groups.rename({v: k for k, v in named.items()}))
    rates = [f"rate_{side}" for side in sides]
    found = decompose(
        groups.with_columns(
            pl.when(pl.col(f"units_{side}") > 0)
            .then(pl.col(f"passed_{side}") / pl.col(f"units_{side}"))
            .alias(f"rate_{side}")
            for side in sides
        )
    )
    return replace(found, groups=found.groups.drop(rates))
