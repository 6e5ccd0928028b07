"""Farm produce: monitoring results as GBK tables, one row per sample and parameter."""

from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import (
    date_text,
    drawn_values,
    failing,
    pick_row,
    pick_within,
    shares,
    taken,
)
from assets.demo.files import write_csv
from assets.demo.firms import CITY_CODE, draw_firms, visit
from assets.demo.identifiers import sampling_numbers
from assets.demo.ledger import Layout
from assets.demo.lists import demo_list, numbered
from assets.demo.sampling import corrected_samples, draw_samples
from assets.demo.source_year import DemoSource, Drawn

SOURCE_ID = "demo_agri_monitoring"
ENCODING = "gbk"
COLUMNS = (
    "样品编号",
    "任务类别",
    "抽样日期",
    "样品名称",
    "产品类别",
    "规格",
    "抽样环节",
    "被抽样单位",
    "统一社会信用代码",
    "行政区划代码",
    "检测项目",
    "检测结果",
    "单位",
    "限量值",
    "判定",
    "检测机构",
    "备注",
)
NOT_DETECTED = "未检出"
_WIDE = dict(zip("0123456789.", "０１２３４５６７８９．", strict=True))


def draw(rng: np.random.Generator, scale: float) -> Drawn:
    """Samples of both programmes, and the results of three or four parameters on each."""
    samples = draw_samples(rng, SOURCE_ID, scale)
    size = samples.height
    classes = pick_row(rng, numbered("agri_categories", "weight", "risk"), size).select(
        "category", category_risk="risk"
    )
    products = pick_within(rng, demo_list("agri_products"), classes["category"], by="category")
    samples = pl.concat(
        [samples, classes, products.drop("category"), _places(rng, size)], how="horizontal"
    )
    labs = demo_list("labs").filter(pl.col("domain") == "agri")
    samples = samples.with_columns(
        failed=failing(
            rng, samples, "programme_text", "fail_share", pl.col("risk") * pl.col("category_risk")
        ),
        sample_no=sampling_numbers("prefix", "sampled_on", CITY_CODE, 20001),
        domain=pl.lit("agri"),
        specification=pl.Series(["散装", "1kg", "2.5kg"]).gather(shares(rng, size, 0.7, 0.2, 0.1)),
        date_style=pl.Series(shares(rng, size, 0.6, 0.25, 0.1, 0.05)),
        lab_name=taken(labs, rng.integers(0, labs.height, size))["name"],
    )
    return Drawn(samples, _results(rng, samples))


def _places(rng: np.random.Generator, size: int) -> pl.DataFrame:
    links = numbered("links", "weight").filter(pl.col("source_id") == SOURCE_ID)
    drawn = pick_row(rng, links, size)
    firms = draw_firms(rng, ("farm", "seller", "online"), size)
    visited = visit(rng, firms, drawn["firm_kind"])
    # Farmers without a registration have no code; some lists leave the place out.
    coded, placed = pl.Series(rng.random(size) > 0.1), pl.Series(rng.random(size) > 0.01)  # noqa: PLR2004 - shares
    return visited.select(
        "firm_name",
        link_text=drawn["wording"],
        uscc=pl.when(coded).then("uscc").otherwise(pl.lit("/")),
        division_text=pl.when(placed).then("division_code"),
        division_code=pl.when(placed).then("division_code").otherwise(pl.lit("UNKNOWN")),
    )


def _results(rng: np.random.Generator, samples: pl.DataFrame) -> pl.DataFrame:
    """Different parameters for each sample, the failing ones first."""
    parameters = numbered(
        "agri_parameters", "pass_high", "fail_low", "fail_high", "decimals"
    ).with_columns(
        place=pl.int_range(pl.len()).over("category"),
        group_size=pl.len().over("category"),
    )
    sizes = parameters.group_by("category").agg(size=pl.col("group_size").first())
    count = samples.height
    lines = (
        samples.select("unit_id", "category", "failed")
        .with_columns(
            count=pl.Series(3 + shares(rng, count, 0.5, 0.5)),
            failures=pl.Series(1 + shares(rng, count, 0.85, 0.15)),
            start=pl.Series(rng.integers(0, 60, count)),
        )
        .with_columns(line=pl.int_ranges(1, pl.col("count") + 1))
        .explode("line")
        .join(sizes, on="category", how="left", maintain_order="left")
        .with_columns(place=((pl.col("start") + pl.col("line")) % pl.col("size")).cast(pl.Int64))
        .join(
            parameters.with_columns(pl.col("place").cast(pl.Int64)),
            on=("category", "place"),
            how="left",
            maintain_order="left",
        )
        .with_columns(above=pl.col("failed") & (pl.col("line") <= pl.col("failures")))
    )
    texts = _result_texts(rng, lines)
    return lines.select(
        "unit_id",
        pl.col("line").cast(pl.Int64),
        "parameter",
        "unit",
        "limit_text",
        result_text=texts,
        nonconforming=pl.col("above").cast(pl.Int64),
    )


def _result_texts(rng: np.random.Generator, lines: pl.DataFrame) -> pl.Series:
    """Not detected, below a bound, or a number; a few in full-width digits."""
    size = lines.height
    above = drawn_values(rng, lines["fail_low"], lines["fail_high"], lines["decimals"])
    least = (10.0 ** -lines["decimals"]).alias("least")
    below = drawn_values(rng, least, lines["pass_high"].fill_null(1.0), lines["decimals"])
    bound = drawn_values(rng, least, least, lines["decimals"])
    style = pl.Series(shares(rng, size, 0.6, 0.04, 0.14, 0.18, 0.04))
    # What is banned is not found where the sample conforms, however high its limit.
    never = (lines["limit_text"] == "不得检出") | (lines["banned"] == "true").fill_null(value=False)
    style = pl.select(pl.when(never).then(style.clip(0, 1)).otherwise(style)).to_series()
    wide = pl.lit(below).str.replace_many(list(_WIDE), list(_WIDE.values()))
    passing = (
        pl.when(style == 0)
        .then(pl.lit(NOT_DETECTED))
        .when(style == 1)
        .then(pl.lit("ND"))
        .when(style == 2)  # noqa: PLR2004 - the styles in the order of their shares above
        .then("＜" + pl.lit(bound))
        .when(style == 3)  # noqa: PLR2004 - as above
        .then(pl.lit(below))
        .otherwise(wide)
    )
    return pl.select(pl.when(lines["above"]).then(above).otherwise(passing)).to_series()


def correct(units: pl.DataFrame) -> pl.DataFrame:
    """Corrections of category or specification, and withdrawn verdicts."""
    return corrected_samples(
        units, demo_list("agri_categories")["category"].to_list(), "specification"
    )


def correct_results(results: pl.DataFrame, corrected: pl.DataFrame) -> pl.DataFrame:
    """Where a sample turned out to conform, what was above the limit was not there."""
    withdrawn = corrected.filter(~pl.col("failed"))["unit_id"]
    cleared = pl.col("unit_id").is_in(withdrawn.implode()) & (pl.col("nonconforming") == 1)
    return results.with_columns(
        result_text=pl.when(cleared).then(pl.lit(NOT_DETECTED)).otherwise("result_text"),
        nonconforming=pl.when(cleared).then(pl.lit(0)).otherwise("nonconforming"),
    )


def render(contents: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """One row of text per content and parameter."""
    return (
        results.drop("unit_id")
        .join(contents, on="content_id", how="inner", maintain_order="left")
        .select(
            "content_id",
            "sampled_on",
            "line",
            "nonconforming",
            sheet=pl.lit(""),
            sheet_order=pl.lit(0, pl.Int64),
            has_result=pl.lit(value=True),
            results=pl.lit(1, pl.Int64),
            样品编号="sample_no",
            任务类别="programme_text",
            抽样日期=date_text("sampled_on", "date_style"),
            样品名称="product",
            产品类别="category",
            规格="specification",
            抽样环节="link_text",
            被抽样单位="firm_name",
            统一社会信用代码="uscc",
            行政区划代码="division_text",
            检测项目="parameter",
            检测结果="result_text",
            单位="unit",
            限量值="limit_text",
            判定=pl.when(pl.col("nonconforming") == 1)
            .then(pl.lit("不合格"))
            .otherwise(pl.lit("合格")),
            检测机构="lab_name",
            备注=pl.lit(None, pl.String),
        )
    )


def write(path: Path, rows: pl.DataFrame) -> None:
    """One table in the encoding of the office's spreadsheet."""
    write_csv(path, rows.select(COLUMNS), ENCODING)


def agri_source() -> DemoSource:
    """The monitoring of farm produce."""
    return DemoSource(
        source_id=SOURCE_ID,
        unit_kind="sample",
        layout=Layout(columns=COLUMNS),
        draw=draw,
        correct=correct,
        correct_results=correct_results,
        render=render,
        write=write,
    )
