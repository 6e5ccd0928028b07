"""Failure budgets of the plan's rates, from the counts of their official variants.

Small tables only; the arithmetic is that of `assets.statistics.budget`. Nothing here knows an
indicator or a plan: which periods have a budget stands in ``ref.plan_budget``.
"""

from collections.abc import Mapping
from fractions import Fraction

import polars as pl

from assets.budget_words import sentence_en, sentence_zh
from assets.statistics.budget import failure_budget as budget_of
from assets.statistics.status import AT_LEAST, Rounding
from assets.weighting import CELL, exact_rates

Tables = Mapping[str, pl.DataFrame]

PERIOD = ("plan_id", "target_id", "period_type", "period")
FULL = 100


def failure_budget(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.failure_budget``.

    Args:
        tables: ``mart.indicator_value``, ``mart.indicator_count`` and the plan's tables that its
            YAML names.

    Returns:
        One row per row of ``ref.plan_budget`` whose target is one of at least.
    """
    periods = _periods(tables)
    rules = ("rounding_digits", "rounding_mode")
    parts = [budget_of(part, _rounding(part)) for part in periods.partition_by(*rules)]
    # Without rows there are no parts; the columns that the budget adds are those of no rows.
    together = pl.concat(parts) if parts else budget_of(periods)
    return (
        together.rename({"trials": "denominator", "target_percent": "target"})
        .with_columns(
            sentence_en=sentence_en() + _if_weighted(" Failures are of average weight."),
            sentence_zh=sentence_zh() + _if_weighted("不合格数按平均权重折算。"),
        )
        .drop(*rules, "counted_en", "counted_zh", "open_until", "effective_share", "exact_failures")
    )


def _if_weighted(words: str) -> pl.Expr:
    return pl.when("is_weighted").then(pl.lit(words)).otherwise(pl.lit(""))


def _periods(tables: Tables) -> pl.DataFrame:
    """Every period with a budget, with its target and the counts so far."""
    at_least = pl.col("comparator").is_in(AT_LEAST)
    targets = tables["ref.plan_target"].filter(
        at_least | ((pl.col("comparator") == "=") & (pl.col("value") == FULL))
    )
    variants = tables["ref.indicator_variant"].select(
        "indicator_id", "variant_id", "rounding_digits", "rounding_mode"
    )
    own_rule = pl.col("rounding_digits").is_not_null()
    as_of = tables["meta.build"]["as_of"].item()
    words = tables["ref.unit_kind"].select(
        "counted_en", "counted_zh", "open_until", unit_kind="code"
    )
    kinds = tables["ref.indicator"].select("indicator_id", "unit_kind").join(words, on="unit_kind")
    budgets = (
        tables["ref.plan_budget"]
        .drop("planned_note")
        .join(
            targets.select(
                "plan_id",
                "target_id",
                "indicator_id",
                "comparator",
                "rounding_digits",
                "rounding_mode",
                variant_id="official_variant",
                target_percent="value",
            ),
            on=("plan_id", "target_id"),
            validate="m:1",
        )
        .join(variants, on=("indicator_id", "variant_id"), how="left", suffix="_of_variant")
        .join(kinds.drop("unit_kind"), on="indicator_id", how="left", validate="m:1")
        .with_columns(
            *(
                pl.when(own_rule).then(name).otherwise(f"{name}_of_variant").alias(name)
                for name in ("rounding_digits", "rounding_mode")
            ),
            # Before the first delivery nothing is known, not even of the first day.
            as_of=pl.lit(as_of, pl.Date).fill_null(pl.col("period_start").dt.offset_by("-1d")),
        )
        .drop("rounding_digits_of_variant", "rounding_mode_of_variant")
    )
    return _with_counts(budgets, tables).sort(PERIOD)


def _with_counts(budgets: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """The counts so far: of a unit that is still open neither pass nor failure, but to come."""
    counts = tables["mart.indicator_value"].filter(pl.col("slice_type") == "all")
    exact = exact_rates(
        tables["mart.indicator_count"].join(budgets, on=CELL, how="semi"),
        tables["ref.indicator_variant"],
        tables["ref.indicator_weight"],
    )
    joined = (
        budgets.join(
            counts.select(
                *CELL,
                "numerator",
                "denominator",
                "is_weighted",
                effective_share=pl.when(pl.col("effective_size").is_finite())
                .then(pl.col("effective_size") / pl.col("denominator"))
                .clip(0, 1),
            ),
            on=CELL,
            how="left",
            validate="m:1",
        )
        .join(exact, on=CELL, how="left", validate="m:1")
        .join(_open_by_quarter(budgets, counts), on=PERIOD, how="left", validate="1:1")
        .with_columns(
            pl.col("numerator", "denominator", "open_in_quarters").fill_null(0),
            pl.col("is_weighted").fill_null(value=False),
        )
    )
    runs = pl.col("as_of") < pl.col("reported_by")
    waiting = (
        pl.when((pl.col("open_until") == "period") & runs)
        .then("denominator")
        .when(pl.col("open_until") == "quarter")
        .then("open_in_quarters")
        .otherwise(0)
    )
    return (
        joined.with_columns(outstanding=waiting)
        .with_columns(
            trials=pl.col("denominator") - pl.col("outstanding"),
            failures=pl.when(pl.col("outstanding") < pl.col("denominator"))
            .then(pl.col("denominator") - pl.col("numerator") - pl.col("outstanding"))
            .otherwise(0),
            exact_failures=_average_failures(joined),
        )
        .drop("numerator", "denominator", "open_in_quarters", "exact_rate")
    )


def _open_by_quarter(budgets: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Units that have not passed yet, of the quarters of each period that still run.

    What is due by quarter (a project's inspection) is open until the deliveries of that quarter are
    in; the days that they take are those of the period.
    """
    year = pl.col("period").str.slice(0, 4).cast(pl.Int32)
    first_month = pl.col("period").str.slice(5, 1).cast(pl.Int8) * 3 - 2
    quarters = counts.filter(pl.col("period_type") == "quarter").select(
        "indicator_id",
        "variant_id",
        quarter_start=pl.date(year, first_month, 1),
        quarter_end=pl.date(year, first_month, 1).dt.offset_by("3mo").dt.offset_by("-1d"),
        not_passed=pl.col("denominator") - pl.col("numerator"),
    )
    days = pl.col("reported_by") - pl.col("period_end")
    return (
        budgets.join(quarters, on=("indicator_id", "variant_id"))
        .filter(
            pl.col("quarter_start").is_between("period_start", "period_end"),
            pl.col("as_of") < pl.col("quarter_end") + days,
        )
        .group_by(PERIOD)
        .agg(open_in_quarters=pl.col("not_passed").sum())
    )


def _average_failures(joined: pl.DataFrame) -> pl.Series:
    """Failures of average weight of a weighted rate, exactly, as text such as 47/3.

    A failure of a weighted rate costs as much as its stratum weighs, so that failures are not
    simply counted: n x (1 - rate).
    """
    rows = joined.select("denominator", "exact_rate").iter_rows()
    failures = [None if rate is None else str(size * (1 - Fraction(rate))) for size, rate in rows]
    return pl.Series(failures, dtype=pl.String)


def _rounding(part: pl.DataFrame) -> Rounding | None:
    digits, mode = part["rounding_digits"][0], part["rounding_mode"][0]
    return None if digits is None else Rounding(digits, mode)
