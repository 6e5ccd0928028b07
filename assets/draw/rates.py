"""Rates of random draws with their intervals: ``mart.draw_rate``."""

import datetime as dt
from collections.abc import Mapping

import polars as pl

from assets.statistics.intervals import wilson
from assets.statistics.stratified import stratified_rate

Tables = Mapping[str, pl.DataFrame]

# Objects of one draw that had the same probability and stand for each other.
OBJECT = ("source_id", "draw_no", "unit_id")
CELL = ("source_id", "draw_no", "stratum", "inclusion_probability")
SAMPLED = ("refused", "discovered")  # measures that speak for more objects than were visited
PERIODS = {
    "year": pl.col("drawn_on").dt.strftime("%Y"),
    "quarter": pl.format("{}Q{}", pl.col("drawn_on").dt.year(), pl.col("drawn_on").dt.quarter()),
}
ALL = "ALL"
COUNT = (
    *("measure", "period_type", "period", "risk_class", "credit_class"),
    *("numerator", "denominator"),
)
RATE = {
    "measure": pl.String(),
    "period_type": pl.String(),
    "period": pl.String(),
    "risk_class": pl.String(),
    "credit_class": pl.String(),
    "numerator": pl.Int64(),
    "denominator": pl.Int64(),
    "rate": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "estimated_by": pl.String(),
    "clock_is_verified": pl.Boolean(),
    "as_of": pl.Date(),
}


def draw_rate(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.draw_rate``: every count divided, and discoveries of all risk classes weighed.

    Risk classes are drawn with different probabilities, so the discoveries of all of them together
    are estimated as a stratified rate: the objects of a stratum that had the same probability stand
    for all such objects on the roster (of a weighted draw: by weight, after stratification). So
    they are within each credit class, whose objects on the roster are known.

    Args:
        tables: ``mart.draw_count``, ``fact.draw_visit``, ``fact.draw_check``,
            ``fact.draw_object_firm``, ``latest.draw_object`` and ``meta.build``.
    """
    as_of = tables["meta.build"]["as_of"][0]
    counts = pl.concat(
        [
            tables["mart.draw_count"].select(COUNT),
            *(_reproducible(tables["fact.draw_check"], name) for name in PERIODS),
        ]
    )
    bounds = wilson(counts["numerator"].to_numpy(), counts["denominator"].to_numpy())
    # Of all classes together the units were drawn with different probabilities.
    is_sampled = pl.col("measure").is_in(SAMPLED) & (pl.col("risk_class") != ALL)
    rates = counts.with_columns(
        rate=pl.col("numerator") / pl.col("denominator"),
        low=pl.when(is_sampled).then(pl.Series(bounds.lower, dtype=pl.Float64)),
        high=pl.when(is_sampled).then(pl.Series(bounds.upper, dtype=pl.Float64)),
        estimated_by=pl.lit("share"),
        as_of=pl.lit(as_of),
    )
    of_clock = pl.col("measure") == "published_on_time"
    verified = tables["fact.draw_visit"]["publication_clock_is_verified"].all()
    rates = rates.with_columns(clock_is_verified=pl.when(of_clock).then(pl.lit(verified)))
    parts = [rates.select(pl.col(name).cast(kind) for name, kind in RATE.items())]
    visits = tables["fact.draw_visit"].filter("is_random")
    classes = tables["fact.draw_object_firm"].select(*OBJECT, "credit_class")
    roster = tables["latest.draw_object"].join(classes, on=OBJECT, how="left", validate="1:1")
    for name, period in PERIODS.items():
        dated = visits.with_columns(period=period)
        for rows in dated.partition_by("period"):
            parts.append(_discovered(rows, roster, name, ALL, as_of))
            parts += [
                _discovered(
                    own, roster.filter(credit_class=credit_class), name, credit_class, as_of
                )
                for (credit_class,), own in rows.partition_by(
                    "credit_class", as_dict=True, maintain_order=True
                ).items()
            ]
    return pl.concat(parts)


def _reproducible(checks: pl.DataFrame, period_type: str) -> pl.DataFrame:
    """Draws and those that come out the same again, by period."""
    return (
        checks.group_by(period=PERIODS[period_type])
        .agg(
            numerator=pl.col("is_reproducible").sum().cast(pl.Int64),
            denominator=pl.len().cast(pl.Int64),
        )
        .with_columns(
            measure=pl.lit("draws_reproducible"),
            period_type=pl.lit(period_type),
            risk_class=pl.lit(ALL),
            credit_class=pl.lit(ALL),
        )
        .select(COUNT)
    )


def _discovered(
    visits: pl.DataFrame,
    roster: pl.DataFrame,
    period_type: str,
    credit_class: str,
    as_of: dt.date,
) -> pl.DataFrame:
    """The stratified rate of discoveries of one period; no row where nothing was checked.

    Args:
        visits: random visits of the period, of one credit class or of all.
        roster: objects that could have been drawn, of the same.
        period_type: quarter or year.
        credit_class: whose visits they are, or ALL.
        as_of: day of the build.
    """
    judged = pl.col("finding").is_in(["none", "problem"])
    strata = (
        visits.group_by(CELL)
        .agg(successes=(pl.col("finding") == "problem").sum(), trials=judged.sum())
        .join(roster.group_by(CELL).agg(population=pl.len().cast(pl.Int64)), on=CELL)
        .sort(CELL)
        .with_columns(
            weight=pl.col("population"),
            stratum=pl.concat_str(pl.col(CELL).cast(pl.String), separator=" "),
        )
    )
    if strata["trials"].sum() == 0:
        return pl.DataFrame(schema=RATE)
    found = stratified_rate(strata)
    row = pl.DataFrame(
        {
            "measure": ["discovered"],
            "period_type": [period_type],
            "period": [visits["period"][0]],
            "risk_class": [ALL],
            "credit_class": [credit_class],
            "numerator": [strata["successes"].sum()],
            "denominator": [strata["trials"].sum()],
            "rate": [found.value],
            "low": [found.lower],
            "high": [found.upper],
            "estimated_by": ["stratified"],
            "clock_is_verified": [None],
            "as_of": [as_of],
        }
    )
    return row.select(pl.col(name).cast(kind) for name, kind in RATE.items())
