"""Manufactured goods: workbooks with one sheet for each industry of GB/T 4754."""

from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import drawn_values, failing, pick_row, pick_within, shares, taken
from assets.demo.files import Sheet, write_workbook
from assets.demo.firms import CITY_CODE, draw_firms, visit
from assets.demo.identifiers import sampling_numbers
from assets.demo.ledger import Layout
from assets.demo.lists import demo_list, numbered, settings
from assets.demo.sampling import corrected_samples, draw_samples
from assets.demo.source_year import DemoSource, Drawn

SOURCE_ID = "demo_manufactured"
SUMMARY = "汇总"
BETWEEN = "；"
COLUMNS = (
    "序号",
    "样品编号",
    "产品名称",
    "规格型号",
    "商标",
    "生产企业名称",
    "统一社会信用代码",
    "所在镇街",
    "生产日期",
    "抽样日期",
    "报告日期",
    "不合格项目",
    "实测值",
    "标准要求",
    "检验结论",
    "任务名称",
    "检验机构",
    "备注",
)
_GROUPS = ((5, 7, "生产企业"), (8, 10, "日期"), (11, 14, "检验情况"))
_DATES = ("生产日期", "抽样日期", "报告日期")
_SUMMARY_LABELS = ("行业", "抽样批次")


def draw(rng: np.random.Generator, scale: float) -> Drawn:
    """Samples by industry, and what the failing ones fail in."""
    samples = draw_samples(rng, SOURCE_ID, scale)
    size = samples.height
    industries = pick_row(rng, numbered("industries", "weight", "risk"), size).select(
        "code", industry_risk="risk", category="name"
    )
    products = pick_within(rng, demo_list("manufactured_products"), industries["code"], by="code")
    firms = draw_firms(rng, ("factory",), size)
    makers = visit(rng, firms, pl.Series(["factory"]).new_from_index(0, size))
    samples = pl.concat(
        [samples, industries, products.drop("code"), makers.drop("kind", "weight")],
        how="horizontal",
    )
    words, labs = demo_list("firm_words"), demo_list("labs")
    labs = labs.filter(pl.col("domain") == "manufactured")
    samples = samples.with_columns(
        failed=failing(rng, samples, "programme_text", "fail_share", pl.col("industry_risk")),
        sample_no=sampling_numbers("prefix", "sampled_on", CITY_CODE, 40001),
        domain=pl.lit("manufactured"),
        brand=taken(words, rng.integers(0, words.height, size))["second"] + "牌",
        lab_name=taken(labs, rng.integers(0, labs.height, size))["name"],
        produced_on=_days_off(-rng.integers(1, 120, size)),
        reported_on=_days_off(rng.integers(8, 19, size)),
    )
    return Drawn(samples, _failing_items(rng, samples))


def _days_off(days: np.ndarray) -> pl.Expr:
    return pl.col("sampled_on") + pl.duration(days=pl.lit(pl.Series(days)))


def _failing_items(rng: np.random.Generator, samples: pl.DataFrame) -> pl.DataFrame:
    """One item, or both items of the industry, for each failing sample."""
    parameters = numbered("manufactured_parameters", "low", "high", "decimals")
    failed = samples.filter("failed").select("unit_id", "code")
    chosen = failed.with_columns(which=pl.Series(shares(rng, failed.height, 0.45, 0.45, 0.1)))
    items = (
        chosen.join(
            parameters.with_columns(place=pl.int_range(pl.len()).over("code")),
            on="code",
            how="left",
            maintain_order="left_right",
        )
        .filter((pl.col("which") == 2) | (pl.col("which") == pl.col("place")))  # noqa: PLR2004 - both
        .with_columns(line=pl.col("place").rank("ordinal").over("unit_id").cast(pl.Int64))
    )
    values = drawn_values(rng, items["low"], items["high"], items["decimals"])
    unit = pl.col("unit").fill_null("")
    return items.select(
        "unit_id",
        "line",
        "parameter",
        result_text=values,
        limit_text=pl.concat_str("limit_text", unit),
        nonconforming=pl.lit(1, pl.Int64),
    )


def correct(units: pl.DataFrame) -> pl.DataFrame:
    """Corrections of the specification, and withdrawn verdicts.

    The industry stays: it is the name of the sheet.
    """
    return corrected_samples(units, (), "specification")


def correct_results(results: pl.DataFrame, corrected: pl.DataFrame) -> pl.DataFrame:
    """A sample that turned out to conform has no failing items."""
    return results.join(corrected.filter("failed"), on="unit_id", how="semi", maintain_order="left")


def render(contents: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """One row of text per content; several items stand in step in three cells."""
    joined = {"parameter": "不合格项目", "result_text": "实测值", "limit_text": "标准要求"}
    items = (
        results.sort("content_id", "line")
        .group_by("content_id", maintain_order=True)
        .agg(
            *(pl.col(name).str.join(BETWEEN).alias(label) for name, label in joined.items()),
            results=pl.len().cast(pl.Int64),
            nonconforming=pl.col("nonconforming").sum(),
        )
    )
    codes = demo_list("industries")["code"]
    return contents.join(items, on="content_id", how="left", maintain_order="left").select(
        "content_id",
        "sampled_on",
        sheet=pl.concat_str("code", pl.lit(" "), "category"),
        sheet_order=pl.col("code").replace_strict(codes, pl.int_range(codes.len(), eager=True)),
        line=pl.lit(1, pl.Int64),
        has_result=pl.col("results").is_not_null(),
        results=pl.col("results").fill_null(0),
        nonconforming=pl.col("nonconforming").fill_null(0),
        样品编号="sample_no",
        产品名称="product",
        规格型号="specification",
        商标="brand",
        生产企业名称="firm_name",
        统一社会信用代码="uscc",
        所在镇街="division_name",
        生产日期=pl.col("produced_on").dt.strftime("%Y-%m-%d"),
        抽样日期=pl.col("sampled_on").dt.strftime("%Y-%m-%d"),
        报告日期=pl.col("reported_on").dt.strftime("%Y-%m-%d"),
        不合格项目="不合格项目",
        实测值="实测值",
        标准要求="标准要求",
        检验结论=pl.when("failed").then(pl.lit("不合格")).otherwise(pl.lit("合格")),
        任务名称="programme_text",
        检验机构="lab_name",
        备注=pl.lit(None, pl.String),
    )


def write(path: Path, rows: pl.DataFrame) -> None:
    """One workbook: a summary, and a sheet for each industry that was sampled."""
    title = settings(SOURCE_ID)["title"]
    parts = rows.partition_by("sheet", as_dict=True, maintain_order=True)
    counts = pl.DataFrame(
        {
            "行业": [str(name) for (name,) in parts],
            "抽样批次": [
                str(part.filter(pl.col("status") != "ignored").height) for part in parts.values()
            ],
        }
    )
    pages = [
        Sheet(name=str(name), title=f"{title}（{name}）", rows=part.select(COLUMNS), groups=_GROUPS)
        for (name,), part in parts.items()
    ]
    write_workbook(
        path,
        [Sheet(name=SUMMARY, title=title, rows=counts), *pages],
        dates=_DATES,
        numbers=("序号", "实测值", "抽样批次"),
    )


def manufactured_source() -> DemoSource:
    """The statistical sampling of manufactured goods."""
    return DemoSource(
        source_id=SOURCE_ID,
        unit_kind="sample",
        layout=Layout(columns=COLUMNS, rows_per_sheet=3, summary_rows=2),
        draw=draw,
        correct=correct,
        correct_results=correct_results,
        render=render,
        write=write,
    )
