"""Rechecks of disputed food samples, which arrive weeks after the bulletin."""

from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import date_text, shares
from assets.demo.files import write_csv
from assets.demo.ledger import Layout
from assets.demo.lists import calendar, settings
from assets.demo.source_year import DemoSource, Drawn, SourceYear

SOURCE_ID = "demo_recheck"
COLUMNS = (
    "复检编号",
    "原抽样编号",
    "食品名称",
    "任务来源",
    "复检项目",
    "复检结果",
    "标准值",
    "复检结论",
    "复检日期",
    "复检机构",
    "备注",
)
_DISPUTED, _OVERTURNED = 0.4, 0.4
_UPHELD_WORDS = ["不合格", "维持原结论"]
_LAB = "浙江省食品检验研究院"


def recheck_source(food: SourceYear) -> DemoSource:
    """Rechecks of samples that one year of food bulletins reported as failing."""

    def draw(rng: np.random.Generator, _scale: float) -> Drawn:
        return _draw(rng, food)

    return DemoSource(
        source_id=SOURCE_ID,
        unit_kind="sample",
        layout=Layout(columns=COLUMNS),
        draw=draw,
        correct=lambda units: units,
        correct_results=lambda results, _corrected: results,
        render=render,
        write=write,
    )


def _draw(rng: np.random.Generator, food: SourceYear) -> Drawn:
    """A share of the failing samples is disputed; of these, a share is overturned.

    Microbial failures are not rechecked. A sample whose bulletin row was rejected every time is
    disputed all the same: its firm has the report in hand.
    """
    items = food.results.group_by("unit_id").agg(
        pl.col("microbial").any(),
        pl.col("parameter", "limit_text").sort_by("line").first(),
    )
    failing = pl.concat(
        [
            food.contents.filter("latest"),
            food.never_accepted.with_columns(first_received_on="received_on"),
        ],
        how="diagonal",
    ).filter("failed")
    known = settings(SOURCE_ID)
    last = calendar(SOURCE_ID)["received_on"].max()
    chance = pl.Series(rng.random(failing.height))
    lag = rng.integers(int(known["lag_low"]), int(known["lag_high"]) + 1, failing.height)
    disputed = (
        failing.with_columns(
            chance=chance,
            ready_on=pl.col("first_received_on") + pl.duration(days=pl.lit(pl.Series(lag))),
        )
        .join(items, on="unit_id", how="inner", maintain_order="left")
        .filter(
            ~pl.col("microbial"),
            (pl.col("chance") < _DISPUTED) | pl.col("version").is_null(),
            pl.col("ready_on") <= last,
        )
        .sort("ready_on", "unit_id")
    )
    size = disputed.height
    units = disputed.select(
        "domain",
        "programme",
        "programme_text",
        "product",
        "parameter",
        "limit_text",
        "ready_on",
        "category",
        "division_code",
        "month",
        unit_id=pl.int_range(pl.len(), dtype=pl.Int64),
        original_unit_id="unit_id",
        original_sample_no="sample_no",
        sample_no=pl.format("FJ2024{}", (pl.int_range(pl.len()) + 1).cast(pl.String).str.zfill(6)),
        stream=pl.lit("recheck"),
        sampling_basis=pl.lit("recheck"),
        failed=pl.Series(rng.random(size) >= _OVERTURNED, dtype=pl.Boolean),
        sampled_on=pl.col("ready_on") - pl.duration(days=4),
        date_style=pl.Series(shares(rng, size, 0.5, 0.2, 0.1, 0.2)),
        upheld_word=pl.Series(_UPHELD_WORDS).gather(shares(rng, size, 0.6, 0.4)),
    )
    results = units.select(
        "unit_id", line=pl.lit(1, pl.Int64), nonconforming=pl.col("failed").cast(pl.Int64)
    )
    return Drawn(units, results)


def render(contents: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """One row of text per recheck: the disputed item and the conclusion."""
    word = pl.when("failed").then("upheld_word").otherwise(pl.lit("合格"))
    return contents.join(
        results.select("content_id", "nonconforming"), on="content_id", maintain_order="left"
    ).select(
        "content_id",
        "sampled_on",
        "nonconforming",
        sheet=pl.lit(""),
        sheet_order=pl.lit(0, pl.Int64),
        line=pl.lit(1, pl.Int64),
        has_result=pl.lit(value=True),
        results=pl.lit(1, pl.Int64),
        复检编号="sample_no",
        原抽样编号="original_sample_no",
        食品名称="product",
        任务来源="programme_text",
        复检项目="parameter",
        复检结果=pl.when("failed").then(pl.lit("不符合")).otherwise(pl.lit("符合")),
        标准值="limit_text",
        复检结论=word,
        复检日期=date_text("sampled_on", "date_style"),
        复检机构=pl.lit(_LAB),
        备注=pl.lit(None, pl.String),
    )


def write(path: Path, rows: pl.DataFrame) -> None:
    """One table in UTF-8 with the mark that spreadsheets put in front."""
    write_csv(path, rows.select(COLUMNS), "utf-8-sig")
