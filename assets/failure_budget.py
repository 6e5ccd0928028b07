"""Failure budgets of the plan's rates, from the counts of their official variants.

Small tables only; the arithmetic is that of `assets.statistics.budget`. Nothing here knows an
indicator or a plan: which periods have a budget stands in ``ref.plan_budget``.
"""

from collections.abc import Mapping

import polars as pl

from assets.statistics.budget import failure_budget as budget_of
from assets.statistics.status import AT_LEAST, Rounding

Tables = Mapping[str, pl.DataFrame]

COMPARATORS = (*AT_LEAST, "=")
PERIOD = ("plan_id", "target_id", "period_type", "period")


def failure_budget(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.failure_budget``.

    Args:
        tables: ``mart.indicator_value`` and the plan's tables that its YAML names.

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
        .with_columns(period_over=pl.col("as_of") >= pl.col("period_end"))
        .with_columns(
            sentence_en=_sentence_en() + _if_weighted(" Failures are of average weight."),
            sentence_zh=_sentence_zh() + _if_weighted("不合格数按平均权重折算。"),
        )
        .drop(*rules, "counted_en", "counted_zh", "effective_share")
    )


def _periods(tables: Tables) -> pl.DataFrame:
    """Every period with a budget, with its target and the counts so far."""
    targets = tables["ref.plan_target"].filter(pl.col("comparator").is_in(COMPARATORS))
    variants = tables["ref.indicator_variant"].select(
        "indicator_id", "variant_id", "rounding_digits", "rounding_mode"
    )
    counts = tables["mart.indicator_value"].filter(pl.col("slice_type") == "all")
    own_rule = pl.col("rounding_digits").is_not_null()
    as_of = tables["meta.build"]["as_of"].item()
    words = tables["ref.unit_kind"].select("counted_en", "counted_zh", unit_kind="code")
    kinds = tables["ref.indicator"].select("indicator_id", "unit_kind").join(words, on="unit_kind")
    return (
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
        .join(
            counts.select(
                "indicator_id",
                "variant_id",
                "period_type",
                "period",
                "denominator",
                "is_weighted",
                failures=_failures(),
                effective_share=pl.when(pl.col("effective_size").is_finite())
                .then(pl.col("effective_size") / pl.col("denominator"))
                .clip(0, 1),
            ),
            on=("indicator_id", "variant_id", "period_type", "period"),
            how="left",
            validate="m:1",
        )
        .with_columns(
            *(
                pl.when(own_rule).then(name).otherwise(f"{name}_of_variant").alias(name)
                for name in ("rounding_digits", "rounding_mode")
            ),
            pl.col("failures").fill_null(0),
            pl.col("is_weighted").fill_null(value=False),
            trials=pl.col("denominator").fill_null(0),
            # Before the first delivery nothing is known, not even of the first day.
            as_of=pl.lit(as_of, pl.Date).fill_null(pl.col("period_start").dt.offset_by("-1d")),
        )
        .drop("denominator", "rounding_digits_of_variant", "rounding_mode_of_variant")
        .sort(PERIOD)
    )


def _failures() -> pl.Expr:
    """Units that failed; of a weighted rate as many failures of average weight.

    A failure of a weighted rate costs as much as its stratum weighs, so that failures are not
    simply counted: n x (1 - rate), to the nearest whole number.
    """
    counted = pl.col("denominator") - pl.col("numerator")
    average = pl.col("denominator") * (1 - pl.col("value") / 100)
    return (
        pl.when(pl.col("is_weighted") & pl.col("value").is_not_null())
        .then((average + 0.5).floor().cast(pl.Int64))
        .otherwise(counted)
    )


def _rounding(part: pl.DataFrame) -> Rounding | None:
    digits, mode = part["rounding_digits"][0], part["rounding_mode"][0]
    return None if digits is None else Rounding(digits, mode)


# -- in words


def _if_weighted(words: str) -> pl.Expr:
    return pl.when("is_weighted").then(pl.lit(words)).otherwise(pl.lit(""))


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String)


def _percent(name: str) -> pl.Expr:
    """A probability in whole percent; certainty is only what is certain."""
    shown = (100 * pl.col(name)).round(0).cast(pl.Int64).cast(pl.String)
    return (
        pl.when(pl.col(name).is_between(0.995, 1, closed="left"))
        .then(pl.lit("> 99"))
        .when(pl.col(name).is_between(0, 0.005, closed="right") & (pl.col(name) > 0))
        .then(pl.lit("< 1"))
        .otherwise(shown)
    )


def _sentence_en() -> pl.Expr:
    unit = pl.col("counted_en").fill_null("units")
    counted = (_number("failures"), _number("denominator"), unit)
    size = pl.max_horizontal("planned", "denominator").cast(pl.String)
    over = (-pl.col("remaining")).cast(pl.String)
    return (
        pl.when(pl.col("state") == "no_plan")
        .then(
            pl.format(
                "{} of {} {} failed; without a planned number there is no budget.",
                *counted,
            )
        )
        .when(pl.col("state") == "impossible")
        .then(pl.lit("Not even a period without failures would meet this target."))
        .when("period_over")
        .then(
            pl.format(
                "The period is over: {} of {} {} failed, {} were allowed; {}.",
                *counted,
                _number("allowed"),
                pl.when(pl.col("state") == "exceeded")
                .then(pl.format("exceeded by {}", over))
                .otherwise(pl.format("left: {}", _number("remaining"))),
            )
        )
        .when(pl.col("planned").is_null())
        .then(
            pl.format(
                "{} of {} {} failed so far; a target of 100 % allows none.",
                *counted,
            )
        )
        .when(pl.col("state") == "exceeded")
        .then(
            pl.format(
                "{} failures, and {} planned {} allow {}: the budget is exceeded by {}.",
                _number("failures"),
                size,
                unit,
                _number("allowed"),
                over,
            )
        )
        .otherwise(
            pl.format(
                "{} of {} allowed failures are used after {} of {} planned {}; left: {}. "
                "The period ends on target with a probability of {} %{}.",
                _number("failures"),
                _number("allowed"),
                _number("denominator"),
                size,
                unit,
                _number("remaining"),
                _percent("probability_on_target"),
                pl.when(pl.col("runs_out_on").is_not_null())
                .then(
                    pl.format(
                        "; at this pace the last allowed failure comes on {}", _day("runs_out_on")
                    )
                )
                .otherwise(pl.lit("")),
            )
        )
    )


def _sentence_zh() -> pl.Expr:
    size = pl.max_horizontal("planned", "denominator").cast(pl.String)
    over = (-pl.col("remaining")).cast(pl.String)
    unit = pl.col("counted_zh").fill_null("")
    counted = (_number("denominator"), unit, _number("failures"))
    return (
        pl.when(pl.col("state") == "no_plan")
        .then(pl.format("已检{}{}，不合格{}；未定计划数，无法给出不合格额度。", *counted))
        .when(pl.col("state") == "impossible")
        .then(pl.lit("即使全部合格也无法达到该目标。"))
        .when("period_over")
        .then(
            pl.format(
                "本期已结束：共检{}{}，不合格{}，允许不合格{}，{}。",
                *counted,
                _number("allowed"),
                pl.when(pl.col("state") == "exceeded")
                .then(pl.format("超出{}", over))
                .otherwise(pl.format("剩余{}", _number("remaining"))),
            )
        )
        .when(pl.col("planned").is_null())
        .then(pl.format("已检{}{}，不合格{}；目标为100%，不允许不合格。", *counted))
        .when(pl.col("state") == "exceeded")
        .then(
            pl.format(
                "计划{}{}，允许不合格{}，已有不合格{}，超出{}。",
                size,
                unit,
                _number("allowed"),
                _number("failures"),
                over,
            )
        )
        .otherwise(
            pl.format(
                "计划{}{}，已检{}；允许不合格{}，已用{}，剩余{}；期末达标概率{}%{}。",
                size,
                unit,
                *counted[:1],
                _number("allowed"),
                _number("failures"),
                _number("remaining"),
                _percent("probability_on_target"),
                pl.when(pl.col("runs_out_on").is_not_null())
                .then(pl.format("；按目前速度，额度将于{}用完", _day("runs_out_on")))
                .otherwise(pl.lit("")),
            )
        )
    )


def _day(name: str) -> pl.Expr:
    return pl.col(name).dt.strftime("%Y-%m-%d")
