"""A failure budget in one sentence, in English and Chinese."""

import polars as pl


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


def _if(condition: pl.Expr, words: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(words).otherwise(pl.lit(""))


SIZE = pl.max_horizontal("planned", pl.col("denominator") + pl.col("outstanding")).cast(pl.String)
OVER = (-pl.col("remaining")).cast(pl.String)
NOTHING = pl.col("denominator") == 0
PLANNED = pl.col("planned").is_not_null()
STILL_OPEN = pl.col("outstanding") > 0
AWAITED = ~pl.col("period_over") & (pl.col("as_of") >= pl.col("period_end"))


def sentence_en() -> pl.Expr:
    """The budget in English, from the columns of ``mart.failure_budget`` and `counted_en`."""
    unit = pl.col("counted_en").fill_null("units")
    counted = (_number("failures"), _number("denominator"), unit)
    spent = pl.col("state") == "exceeded"
    budget = (
        pl.when(pl.col("period_over") & NOTHING)
        .then(pl.lit("The period is over, and nothing was tested."))
        .when(pl.col("state") == "no_plan", NOTHING)
        .then(pl.lit("Nothing tested yet; without a planned number there is no budget."))
        .when(pl.col("state") == "no_plan")
        .then(
            pl.format("{} of {} {} failed; without a planned number there is no budget.", *counted)
        )
        .when(pl.col("state") == "impossible")
        .then(pl.lit("Not even a period without failures would meet this target."))
        .when("period_over")
        .then(
            pl.format(
                "The period is over: {} of {} {} failed, {} were allowed; {}.",
                *counted,
                _number("allowed"),
                pl.when(spent)
                .then(pl.format("exceeded by {}", OVER))
                .otherwise(pl.format("left: {}", _number("remaining"))),
            )
        )
        .when(NOTHING & PLANNED)
        .then(
            pl.format(
                "Nothing tested yet: of {} planned {}, {} may fail.", SIZE, unit, _number("allowed")
            )
        )
        .when(NOTHING)
        .then(pl.lit("Nothing tested yet; a target of 100 % allows no failure."))
        .when(~PLANNED)
        .then(pl.format("{} of {} {} failed so far; a target of 100 % allows none.", *counted))
        .when(spent)
        .then(
            pl.format(
                "{} failures, and {} planned {} allow {}: the budget is exceeded by {}.",
                _number("failures"),
                SIZE,
                unit,
                _number("allowed"),
                OVER,
            )
        )
        .otherwise(
            pl.format(
                "{} of {} allowed failures are used after {} of {} planned {}; left: {}. "
                "The period ends on target with a probability of {} %{}.",
                _number("failures"),
                _number("allowed"),
                _number("denominator"),
                SIZE,
                unit,
                _number("remaining"),
                _percent("probability_on_target"),
                _if(
                    pl.col("runs_out_on").is_not_null(),
                    pl.format(
                        "; at this pace the last allowed failure comes on {}", _day("runs_out_on")
                    ),
                ),
            )
        )
    )
    return (
        budget
        + _if(STILL_OPEN, pl.format(" Still open: {} {}.", _number("outstanding"), unit))
        + _if(
            AWAITED,
            pl.format(
                " The last day is past; deliveries are expected until {}.", _day("reported_by")
            ),
        )
    )


def sentence_zh() -> pl.Expr:
    """The budget in Chinese, from the columns of ``mart.failure_budget`` and `counted_zh`."""
    unit = pl.col("counted_zh").fill_null("")
    counted = (_number("denominator"), unit, _number("failures"))
    spent = pl.col("state") == "exceeded"
    budget = (
        pl.when(pl.col("period_over") & NOTHING)
        .then(pl.lit("本期已结束，无检验结果。"))
        .when(pl.col("state") == "no_plan", NOTHING)
        .then(pl.lit("尚无检验结果；未定计划数，无法给出不合格额度。"))
        .when(pl.col("state") == "no_plan")
        .then(pl.format("已检{}{}，不合格{}；未定计划数，无法给出不合格额度。", *counted))
        .when(pl.col("state") == "impossible")
        .then(pl.lit("即使全部合格也无法达到该目标。"))
        .when("period_over")
        .then(
            pl.format(
                "本期已结束：共检{}{}，不合格{}，允许不合格{}，{}。",
                *counted,
                _number("allowed"),
                pl.when(spent)
                .then(pl.format("超出{}", OVER))
                .otherwise(pl.format("剩余{}", _number("remaining"))),
            )
        )
        .when(NOTHING & PLANNED)
        .then(pl.format("尚无检验结果；计划{}{}，允许不合格{}。", SIZE, unit, _number("allowed")))
        .when(NOTHING)
        .then(pl.lit("尚无检验结果；目标为100%，不允许不合格。"))
        .when(~PLANNED)
        .then(pl.format("已检{}{}，不合格{}；目标为100%，不允许不合格。", *counted))
        .when(spent)
        .then(
            pl.format(
                "计划{}{}，允许不合格{}，已有不合格{}，超出{}。",
                SIZE,
                unit,
                _number("allowed"),
                _number("failures"),
                OVER,
            )
        )
        .otherwise(
            pl.format(
                "计划{}{}，已检{}；允许不合格{}，已用{}，剩余{}；期末达标概率{}%{}。",
                SIZE,
                unit,
                *counted[:1],
                _number("allowed"),
                _number("failures"),
                _number("remaining"),
                _percent("probability_on_target"),
                _if(
                    pl.col("runs_out_on").is_not_null(),
                    pl.format("；按目前速度，额度将于{}用完", _day("runs_out_on")),
                ),
            )
        )
    )
    return (
        budget
        + _if(STILL_OPEN, pl.format("另有{}{}待定。", _number("outstanding"), unit))
        + _if(AWAITED, pl.format("期末日已过，预计{}前仍有报送。", _day("reported_by")))
    )


def _day(name: str) -> pl.Expr:
    return pl.col(name).dt.strftime("%Y-%m-%d")
