"""The indicators as they are signed and read: counts become values, intervals and evidence.

Small tables only. SQL has counted; what needs beta quantiles, exact fractions or weights is done
here, by the functions of `assets.statistics`. Nothing here knows an indicator or a plan.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from assets.figures import judged_figures, other_figures
from assets.statistics.intervals import jeffreys_probability_of_rate, wilson
from assets.statistics.multiplicity import below_p_value, benjamini_hochberg
from assets.statistics.sample_size import samples_still_needed, samples_still_needed_of_rate
from assets.statistics.shrinkage import shrunk_rates
from assets.statistics.status import AT_MOST, Rounding, assess, evidence, official_status
from assets.statistics.stratified import Estimate
from assets.weighting import CELL, PERCENT, WHOLE, weighted_estimates, with_weighted
from warehouse.errors import SamplehouseError

Tables = Mapping[str, pl.DataFrame]

KEY = (*CELL, "slice_type", "slice")
# Periods for which divisions are compared by shrinkage: shorter ones have too few samples.
COMPARED_PERIODS = ("year",)
EXACT_STATUS = ("no_data", "not_judged")
RATE = pl.col("kind").is_in(("rate", "coverage"))

# Columns that only some rows have, so that a table may come without them.
SOMETIMES: dict[str, pl.DataType] = {
    "official_status": pl.String(),
    "evidence": pl.String(),
    "probability": pl.Float64(),
    "samples_needed": pl.Int64(),
    "samples_needed_at_rate": pl.Int64(),
    "q_below": pl.Float64(),
    "shrunk_value": pl.Float64(),
    "shrunk_lower": pl.Float64(),
    "shrunk_upper": pl.Float64(),
}

SUPPRESSED = ("numerator", "value", "lower", "upper", "q_below")

POPULATION = pl.col("estimates") == "population"
CENSUS = pl.col("estimates") == "census"


def indicator_value(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.indicator_value``.

    Args:
        tables: ``mart.indicator_count`` and the definitions and plans that its YAML names.

    Returns:
        One row per given row of ``mart.indicator_count``; rates in percent.

    Raises:
        SamplehouseError: two targets want the figure of one indicator in one year.
    """
    counts = _counts(tables)
    rates = _with_rates(counts.filter(RATE))
    estimates = weighted_estimates(rates, tables["ref.indicator_weight"])
    whole = with_weighted(rates.filter(WHOLE), estimates)
    scores = tables["mart.survey_score"].filter("is_last_wave", pl.col("survey_domain") == "all")
    figures = other_figures(counts.filter(~RATE, WHOLE), scores, tables["ref.return_unit"])
    whole = pl.concat([whole, figures], how="diagonal_relaxed")
    held = _with_target(whole, tables["ref.plan"], tables["ref.plan_target"])
    judged = _judged(held, estimates)
    slices = _with_shrinkage(_with_q_values(rates))
    rows = pl.concat([judged, slices], how="diagonal").drop(
        *(
            "inclusion_probability",
            "weighting",
            "suppress_below",
            "rounding_digits",
            "rounding_mode",
            "is_census",
            "kind",
        ),
        *("exact", "one_sided_lower", "one_sided_upper", "degrees_of_freedom", "respondents"),
    )
    absent = {name: kind for name, kind in SOMETIMES.items() if name not in rows.columns}
    told = rows.with_columns(pl.lit(None, kind).alias(name) for name, kind in absent.items())
    # What is not shown is not told by its parts either.
    return told.with_columns(
        pl.when(~pl.col("is_suppressed")).then(name).alias(name) for name in SUPPRESSED
    )


def _counts(tables: Tables) -> pl.DataFrame:
    """The counts with what their definitions say of them."""
    indicators = tables["ref.indicator"].select("indicator_id", "kind", "unit", "suppress_below")
    variants = tables["ref.indicator_variant"].select(
        "indicator_id", "variant_id", "weighting", "rounding_digits", "rounding_mode"
    )
    return (
        tables["mart.indicator_count"]
        .join(indicators, on="indicator_id", how="left", validate="m:1")
        .join(variants, on=("indicator_id", "variant_id"), how="left", validate="m:1")
        .with_columns(is_census=CENSUS)
    )


def _with_rates(counts: pl.DataFrame) -> pl.DataFrame:
    """Value, Wilson interval and flags of every row, not weighted."""
    interval = wilson(counts["numerator"].to_numpy(), counts["denominator"].to_numpy())
    small = ~pl.col("is_census") & (pl.col("denominator") < pl.col("suppress_below"))
    known = ~pl.col("is_census") & (pl.col("denominator") > 0)
    return counts.with_columns(
        value=PERCENT * pl.col("numerator") / pl.col("denominator"),
        lower=PERCENT * pl.Series(interval.lower, dtype=pl.Float64),
        upper=PERCENT * pl.Series(interval.upper, dtype=pl.Float64),
        is_small=small,
        is_suppressed=small & ~WHOLE,
        is_weighted=pl.lit(value=False),
        interval_method=pl.when(known).then(pl.lit("wilson")).otherwise(pl.lit("none")),
    ).with_columns(
        value=pl.when((pl.col("denominator") > 0) & ~pl.col("is_suppressed")).then("value"),
        lower=pl.when(known).then("lower"),
        upper=pl.when(known).then("upper"),
    )


# -- the target


def _with_target(whole: pl.DataFrame, plans: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """The target of the plan in whose year the period lies; the plan's rounding goes first."""
    wanted = targets.filter(pl.col("indicator_id").is_not_null()).join(
        plans.select("plan_id", "year"), on="plan_id"
    )
    years = wanted.select("indicator_id", "year")
    if years.is_duplicated().any():
        names = wanted.filter(years.is_duplicated())["target_id"].unique().sort().to_list()
        raise SamplehouseError(
            "several targets of one year take their figure from one indicator: "
            f"{', '.join(names)}; leave indicator_id to one of them"
        )
    own = ("rounding_digits", "rounding_mode")
    joined = whole.with_columns(
        year=pl.col("period").str.slice(0, 4).cast(pl.Int64, strict=False)
    ).join(
        wanted.select(
            "indicator_id",
            "year",
            "plan_id",
            "target_id",
            "comparator",
            "official_variant",
            *(pl.col(name).alias(f"plan_{name}") for name in own),
            target="value",
        ),
        on=("indicator_id", "year"),
        how="left",
        validate="m:1",
    )
    return joined.with_columns(
        *(
            pl.when(pl.col("plan_rounding_digits").is_not_null())
            .then(f"plan_{name}")
            .otherwise(name)
            .alias(name)
            for name in own
        ),
        is_official=pl.when(pl.col("target").is_not_null()).then(
            (pl.col("official_variant") == pl.col("variant_id")).fill_null(value=False)
        ),
    ).drop("year", "official_variant", *(f"plan_{name}" for name in own))


def _judged(held: pl.DataFrame, estimates: Mapping[tuple[str, ...], Estimate]) -> pl.DataFrame:
    """Official status and evidence of the rows that have a target; the others stay."""
    with_target = held.filter(pl.col("target").is_not_null())
    parts = [held.filter(pl.col("target").is_null())]
    figures = with_target.filter(~RATE)
    parts += [
        judged_figures(part, _rounding(part))
        for part in figures.partition_by("rounding_digits", "rounding_mode")
    ]
    rates = with_target.filter(RATE)
    for part in rates.partition_by("rounding_digits", "rounding_mode", "is_weighted"):
        rounding = _rounding(part)
        weighted = bool(part["is_weighted"][0])
        parts.append(
            _judged_weighted(part, estimates, rounding) if weighted else _assessed(part, rounding)
        )
    judged = pl.concat(parts, how="diagonal")
    if with_target.is_empty():
        return judged
    return judged.with_columns(
        # What was not assessed may fail: the assessed part of a roster meets no target for it.
        official_status=pl.when((pl.col("official_status") == "met") & (pl.col("not_assessed") > 0))
        .then(pl.lit("not_judged"))
        .otherwise("official_status"),
        evidence=pl.when(pl.col("evidence").is_in(EXACT_STATUS) | POPULATION | CENSUS)
        .then("evidence")
        .when(pl.col("evidence").is_not_null())
        .then(pl.lit("operational")),
        probability=pl.when(POPULATION).then("probability"),
    )


def _rounding(part: pl.DataFrame) -> Rounding | None:
    digits, mode = part["rounding_digits"][0], part["rounding_mode"][0]
    return None if digits is None else Rounding(digits, mode)


def _assessed(part: pl.DataFrame, rounding: Rounding | None) -> pl.DataFrame:
    """Status, evidence, probability and samples still needed, from the counts."""
    figures = assess(
        part.select(
            successes="numerator",
            trials="denominator",
            target_percent="target",
            comparator="comparator",
            census="is_census",
        ),
        rounding,
    )
    needed = samples_still_needed(
        part["numerator"].to_numpy(),
        part["denominator"].to_numpy(),
        part["target"].cast(pl.Float64).to_numpy() / PERCENT,
    )
    sampled = POPULATION & pl.col("comparator").is_in((">=", ">", "="))
    return part.with_columns(
        figures["official_status"],
        figures["evidence"],
        figures["probability"],
        samples_needed=pl.when(sampled).then(needed["if_all_pass"]),
        samples_needed_at_rate=pl.when(sampled).then(needed["at_present_rate"]),
    )


def _judged_weighted(
    part: pl.DataFrame, estimates: Mapping[tuple[str, ...], Estimate], rounding: Rounding | None
) -> pl.DataFrame:
    """Status of the exact weighted rate; evidence and the rest on its effective size."""
    found = [estimates[cell] for cell in part.select(CELL).iter_rows()]
    status = official_status(
        [estimate.exact_value or 0 for estimate in found],
        [0 if estimate.exact_value is None else 1 for estimate in found],
        part["target"].to_list(),
        part["comparator"].to_list(),
        rounding,
    )
    shown = evidence(
        np.array([estimate.one_sided_lower for estimate in found]),
        np.array([estimate.one_sided_upper for estimate in found]),
        part["target"].cast(pl.Float64).to_numpy() / PERCENT,
        part["comparator"].to_list(),
    )
    rates = np.array([estimate.value for estimate in found])
    sizes = np.array([estimate.bound_samples for estimate in found])
    goals = part["target"].cast(pl.Float64).to_numpy() / PERCENT
    meets = jeffreys_probability_of_rate(rates, sizes, goals)
    needed = samples_still_needed_of_rate(
        rates, sizes, np.array([estimate.samples for estimate in found]), goals
    )
    kinds = part["comparator"]
    at_most = kinds.is_in(AT_MOST).to_numpy()
    sampled = POPULATION & kinds.is_in((">=", ">", "="))
    return part.with_columns(
        official_status=pl.Series(status.tolist(), dtype=pl.String),
        evidence=pl.Series(shown.tolist(), dtype=pl.String),
        probability=pl.Series(np.where(at_most, 1 - meets, meets)).fill_nan(None),
        samples_needed=pl.when(sampled).then(needed["if_all_pass"]),
        samples_needed_at_rate=pl.when(sampled).then(needed["at_present_rate"]),
    )


# -- slices side by side


def _with_q_values(rates: pl.DataFrame) -> pl.DataFrame:
    """Slices of one kind, period and variant against the rate of the whole, for samples."""
    whole = rates.filter(WHOLE, pl.col("denominator") > 0).select(
        *CELL, whole_rate=pl.col("numerator") / pl.col("denominator")
    )
    slices = rates.filter(~WHOLE).join(whole, on=CELL, how="left", validate="m:1")
    compared = slices.filter(pl.col("whole_rate").is_not_null(), ~pl.col("is_census"))
    left = slices.join(compared, on=KEY, how="anti")
    chance = below_p_value(
        compared["numerator"].to_numpy(),
        compared["denominator"].to_numpy(),
        compared["whole_rate"].to_numpy(),
    )
    parts = [
        part.with_columns(q_below=pl.Series(benjamini_hochberg(part["p_below"].to_numpy())))
        for part in compared.with_columns(p_below=pl.Series(chance)).partition_by(
            *CELL, "slice_type"
        )
    ]
    together = pl.concat([left, *parts], how="diagonal")
    if parts:
        together = together.with_columns(pl.col("q_below").fill_nan(None))
    return together.drop("whole_rate", "p_below", strict=False)


def _with_shrinkage(slices: pl.DataFrame) -> pl.DataFrame:
    """Divisions of one year, drawn towards each other."""
    wanted = (
        (pl.col("slice_type") == "division")
        & pl.col("period_type").is_in(COMPARED_PERIODS)
        & ~pl.col("is_census")
        & (pl.col("denominator") > 0)
    )
    parts = [slices.filter(~wanted), *_shrunk(slices.filter(wanted))]
    return pl.concat(parts, how="diagonal")


def _shrunk(divisions: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for part in divisions.partition_by(*CELL):
        figures: dict[str, Any] = shrunk_rates(
            part.select(successes="numerator", trials="denominator")
        ).to_dict()
        yield part.with_columns(
            shrunk_value=PERCENT * figures["shrunk_rate"],
            shrunk_lower=PERCENT * figures["shrunk_lower"],
            shrunk_upper=PERCENT * figures["shrunk_upper"],
        )
