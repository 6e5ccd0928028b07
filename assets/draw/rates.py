"""Rates of random draws with their intervals: ``mart.draw_rate``."""

from collections.abc import Iterator, Mapping

import polars as pl

from assets.statistics.stratified import clustered_rate

Tables = Mapping[str, pl.DataFrame]

DRAW = ("source_id", "draw_no")
OBJECT = (*DRAW, "unit_id")
STRATUM = (*DRAW, "stratum")
PERIODS = {
    "year": pl.col("drawn_on").dt.strftime("%Y"),
    "quarter": pl.format("{}Q{}", pl.col("drawn_on").dt.year(), pl.col("drawn_on").dt.quarter()),
}
ALL = "ALL"
UNSTATED = "UNSTATED"
# Measures that speak for more objects than were visited: who is asked, and of which it holds.
SAMPLED = {
    "refused": (
        pl.col("inspected_on").is_not_null() | pl.col("replacement_reason").is_not_null(),
        (pl.col("replacement_reason") == "refused").fill_null(value=False)
        | (pl.col("finding") == "refused").fill_null(value=False),
    ),
    "discovered": (
        pl.col("finding").is_in(["none", "problem"]).fill_null(value=False),
        (pl.col("finding") == "problem").fill_null(value=False),
    ),
}
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
    "covered_share": pl.Float64(),
    "estimated_by": pl.String(),
    "clock_is_verified": pl.Boolean(),
    "as_of": pl.Date(),
}


def draw_rate(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.draw_rate``: counts divided; refusals and discoveries weighed.

    What is done to objects (two inspectors, published in time) is a share of what was done.
    Refusals and discoveries speak for the roster, and its objects were drawn with different
    probabilities: from class to class, and within a class from draw to draw. See `_weighed`.

    Args:
        tables: ``mart.draw_count``, ``fact.draw_visit``, ``fact.draw_check``,
            ``fact.draw_object_firm``, ``latest.draw_object`` and ``meta.build``.
    """
    as_of = tables["meta.build"]["as_of"][0]
    counts = pl.concat(
        [
            tables["mart.draw_count"].filter(~pl.col("measure").is_in(list(SAMPLED))).select(COUNT),
            *(_reproducible(tables["fact.draw_check"], name) for name in PERIODS),
        ]
    )
    of_clock = pl.col("measure") == "published_on_time"
    verified = tables["fact.draw_visit"]["publication_clock_is_verified"].all()
    shares = counts.with_columns(
        rate=pl.col("numerator") / pl.col("denominator"),
        low=None,
        high=None,
        covered_share=None,
        estimated_by=pl.lit("share"),
        clock_is_verified=pl.when(of_clock).then(pl.lit(verified)),
        as_of=pl.lit(as_of),
    )
    classes = tables["fact.draw_object_firm"].select(*OBJECT, "credit_class")
    stated = pl.col("risk_class").fill_null(UNSTATED)
    roster = (
        tables["latest.draw_object"]
        .join(classes, on=OBJECT, how="left", validate="1:1")
        .with_columns(stated, pl.col("credit_class").fill_null("UNKNOWN"))
    )
    visits = tables["fact.draw_visit"].filter("is_random").with_columns(stated)
    rows = [
        {**row, "period_type": name, "period": own["period"][0], "as_of": as_of}
        for name, period in PERIODS.items()
        for own in visits.with_columns(period=period).sort("period").partition_by("period")
        for measure in SAMPLED
        for row in _of_period(own, roster.join(own, on=DRAW, how="semi"), measure)
    ]
    return pl.concat(
        [
            shares.select(pl.col(name).cast(kind) for name, kind in RATE.items()),
            pl.DataFrame(rows, schema=RATE),
        ]
    )


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


def _of_period(
    visits: pl.DataFrame, roster: pl.DataFrame, measure: str
) -> Iterator[dict[str, object]]:
    """Rates of all objects, by risk class and by credit class, where any was asked."""
    asked = _weights(visits, roster, measure)
    for name in (None, "risk_class", "credit_class"):
        values = [ALL] if name is None else asked[name].unique().sort()
        for value in values if asked.height else ():
            own = pl.lit(value=True) if name is None else pl.col(name) == value
            shown = {"risk_class": ALL, "credit_class": ALL} | ({name: value} if name else {})
            yield {"measure": measure, **shown, **_weighed(asked, roster, own)}


def _weights(visits: pl.DataFrame, roster: pl.DataFrame, measure: str) -> pl.DataFrame:
    """Objects that were asked, with how many of their stratum each stands for.

    The weight is 1/inclusion probability, brought up to the size of the stratum, since some that
    were drawn gave no answer and others came in their place (Särndal, Swensson and Wretman 1992,
    15.6). Objects whose probability is not known stand for nobody.
    """
    was_asked, is_met = SAMPLED[measure]
    probability = pl.col("inclusion_probability")
    raw = 1 / probability
    # Drawn with unequal probability, they are taken as drawn with replacement, on the safe side.
    is_alike = probability.n_unique().over(STRATUM) == 1
    sizes = roster.group_by(STRATUM).agg(size=pl.len().cast(pl.Int64))
    return (
        visits.filter(was_asked, probability > 0)
        .join(sizes, on=STRATUM)
        .with_columns(
            is_met=is_met,
            weight=raw * pl.col("size") / raw.sum().over(STRATUM),
            population=pl.when(is_alike).then("size"),
        )
    )


def _weighed(asked: pl.DataFrame, roster: pl.DataFrame, own: pl.Expr) -> dict[str, object]:
    """The estimated rate among objects of the roster, Hajek's mean of a domain, with its interval.

    Args:
        asked: objects asked in the draws of a period, of all classes, with their weights.
        roster: all objects of these draws, drawn or not.
        own: which objects are meant.

    Returns:
        Rate, interval, counts without weights, and the share of the objects meant that are in a
        stratum in which at least one of them was asked.
    """
    found = clustered_rate(
        asked.select(
            "weight",
            "population",
            stratum=pl.concat_str(STRATUM, separator="\t"),
            cluster="unit_id",
            successes=(own & pl.col("is_met")).cast(pl.Int64),
            trials=own.cast(pl.Int64),
        )
    )
    meant, answers = roster.filter(own), asked.filter(own)
    covered = meant.join(answers, on=STRATUM, how="semi")
    return {
        "numerator": answers["is_met"].sum(),
        "denominator": answers.height,
        "rate": found.value,
        "low": found.lower,
        "high": found.upper,
        "covered_share": covered.height / meant.height,
        "estimated_by": "weighted",
    }
