"""Food: sampling bulletins as workbooks, in the columns of the market regulators' notices."""

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
from assets.demo.files import Sheet, write_workbook
from assets.demo.firms import CITY_CODE, draw_firms, visit
from assets.demo.identifiers import sampling_numbers
from assets.demo.ledger import Layout
from assets.demo.lists import demo_list, numbered, settings
from assets.demo.sampling import corrected_samples, draw_samples
from assets.demo.source_year import DemoSource, Drawn

SOURCE_ID = "demo_food_bulletin"
FOOTNOTE = "注：排名不分先后；标称生产企业以食品标签为准。"
FAILING, PASSING, RISK = "不合格", "合格", "风险监测"
ITEMS = "不合格项目║检验结果║标准值"
COLUMNS = (
    "抽样编号",
    "序号",
    "标称生产企业名称",
    "标称生产企业地址",
    "被抽样单位名称",
    "被抽样单位地址",
    "被抽样单位统一社会信用代码",
    "食品名称",
    "规格型号",
    "商标",
    "生产日期/批号",
    "抽样日期",
    "环节",
    "行政区划",
    ITEMS,
    "分类",
    "公告号",
    "公告日期",
    "任务来源/项目名称",
    "检验机构",
    "备注",
    "抽样层",
    "入样概率",
)
DESIGN = ("抽样层", "入样概率")  # of stratified samples only; other bulletins lack the columns
_UNPACKED = ("食用农产品", "餐饮食品")  # without a label that names a producer
_MISSING_MARKS = ["/", "—", "不详"]


def draw(rng: np.random.Generator, scale: float) -> Drawn:
    """Food samples of all programmes, and the items in which the failing ones fail."""
    samples = draw_samples(rng, SOURCE_ID, scale)
    size = samples.height
    categories = numbered("food_categories", "weight", "risk")
    kinds = pick_row(rng, categories, size).rename({"risk": "category_risk"}).drop("weight")
    products = pick_within(rng, demo_list("food_products"), kinds["category"], by="category")
    samples = pl.concat(
        [samples, kinds, products.drop("category"), _places(rng, kinds["link"], size)],
        how="horizontal",
    ).drop("link")
    samples = samples.with_columns(
        failed=failing(
            rng, samples, "programme_text", "fail_share", pl.col("risk") * pl.col("category_risk")
        ),
        sample_no=sampling_numbers("prefix", "sampled_on", CITY_CODE, 30001),
        domain=pl.lit("food"),
        age=pl.Series(rng.integers(2, 150, size)),
        **_details(rng, size),
    )
    samples = samples.with_columns(
        produced_on=pl.col("sampled_on") - pl.duration(days="age"),
        unpacked=pl.col("category").is_in(_UNPACKED),
    )
    samples = _with_design(samples)
    return Drawn(samples, _failing_items(rng, samples))


def _with_design(samples: pl.DataFrame) -> pl.DataFrame:
    """Stratum and inclusion probability n/N of stratified samples: by link, as planned."""
    sizes = numbered("links", "population").filter(pl.col("source_id") == SOURCE_ID)
    stands_for = pl.col("link_text").replace_strict(
        dict(sizes.select("wording", "population").rows())
    )
    drawn = pl.len().over("sampling_basis", "link_text")
    by_design = pl.col("sampling_basis") == "stratified_random"
    return samples.with_columns(
        stratum=pl.when(by_design).then("link_text"),
        inclusion_probability=pl.when(by_design).then(
            pl.min_horizontal((drawn / stands_for).round(6), 1.0)
        ),
    )


def _places(rng: np.random.Generator, fixed: pl.Series, size: int) -> pl.DataFrame:
    """Link of the chain, the firm where the sample was taken, and the producer on the label."""
    links = numbered("links", "weight").filter(pl.col("source_id") == SOURCE_ID)
    wording = pl.select(
        pl.coalesce(fixed, pick_row(rng, links, size)["wording"]).alias("link_text")
    ).to_series()
    kinds = wording.replace_strict(dict(links.select("wording", "firm_kind").rows()))
    firms = draw_firms(rng, ("producer", "outside", "seller", "caterer", "online"), size)
    visited = visit(rng, firms, kinds)
    origins = pl.Series(["producer", "outside"]).gather(shares(rng, size, 0.35, 0.65))
    makers = visit(rng, firms, origins)
    here = wording == "生产"
    producers = pl.select(
        producer_name=pl.when(here).then(visited["firm_name"]).otherwise(makers["firm_name"]),
        producer_address=pl.when(here).then(visited["address"]).otherwise(makers["address"]),
    )
    known = rng.random(size) > 0.015  # noqa: PLR2004 - a few samples are without a stated place
    return pl.concat(
        [
            visited.select("firm_name", "address", "uscc", "division_code", "division_name"),
            producers,
        ],
        how="horizontal",
    ).with_columns(
        wording,
        division_code=pl.when(pl.Series(known)).then("division_code").otherwise(pl.lit("UNKNOWN")),
        division_name=pl.when(pl.Series(known)).then("division_name").otherwise(pl.lit("不详")),
    )


def _details(rng: np.random.Generator, size: int) -> dict[str, pl.Series]:
    """Style of dates and batches, brand, laboratory, mark for what is missing."""
    words, labs = demo_list("firm_words"), demo_list("labs").filter(pl.col("domain") == "food")
    first = taken(words, rng.integers(0, words.height, size))["first"]
    second = taken(words, rng.integers(0, words.height, size))["second"]
    marks = pl.Series(_MISSING_MARKS).gather(shares(rng, size, 0.8, 0.15, 0.05))
    branded = pl.Series(rng.random(size) < 0.6)  # noqa: PLR2004 - share with a brand
    return {
        "brand": pl.select(pl.when(branded).then(first + second).otherwise(marks)).to_series(),
        "mark": marks,
        "date_style": pl.Series(shares(rng, size, 0.7, 0.12, 0.08, 0.1)),
        "batch_style": pl.Series(shares(rng, size, 0.8, 0.1, 0.05, 0.05)),
        "batch": pl.Series(rng.integers(10_000, 99_999, size)).cast(pl.String),
        "lab_name": taken(labs, rng.integers(0, labs.height, size))["name"],
    }


def _failing_items(rng: np.random.Generator, samples: pl.DataFrame) -> pl.DataFrame:
    """One to three different items for each failing sample, worst case first."""
    parameters = numbered("food_parameters", "low", "high", "decimals").with_columns(
        place=pl.int_range(pl.len()).over("parameter_group"),
        group_size=pl.len().over("parameter_group"),
    )
    failed = samples.filter(pl.col("failed").fill_null(value=False)).select(
        "unit_id",
        "parameter_group",
    )
    items = (
        failed.with_columns(
            count=pl.Series(1 + shares(rng, failed.height, 0.82, 0.14, 0.04)),
            start=pl.Series(rng.integers(0, 12, failed.height)),
        )
        .with_columns(line=pl.int_ranges(1, pl.col("count") + 1))
        .explode("line")
        .join(
            parameters.group_by("parameter_group").agg(size=pl.col("group_size").first()),
            on="parameter_group",
            how="left",
            maintain_order="left",
        )
        # Neighbours in the group differ, so no sample fails twice in one item.
        .with_columns(place=((pl.col("start") + pl.col("line")) % pl.col("size")).cast(pl.Int64))
        .join(
            parameters.with_columns(pl.col("place").cast(pl.Int64)),
            on=("parameter_group", "place"),
            how="left",
            maintain_order="left",
        )
    )
    values = drawn_values(rng, items["low"], items["high"], items["decimals"])
    microbial = pl.col("microbial") == "true"
    unit = pl.when(pl.col("unit") == "/").then(pl.lit("")).otherwise("unit")
    plan_limit = pl.col("limit_text").str.starts_with("n=")
    return items.with_columns(value=values, **_counts(rng, items.height)).select(
        "unit_id",
        pl.col("line").cast(pl.Int64),
        parameter="parameter",
        result_text=pl.when(microbial & plan_limit)
        .then(pl.concat_str("colonies", unit))
        .when(microbial)
        .then(pl.concat_str("value", pl.lit("×10³"), unit))
        .otherwise(pl.concat_str("value", unit)),
        limit_text=pl.when(pl.col("limit_text").str.contains("^(不得|n=)"))
        .then("limit_text")
        .otherwise(pl.concat_str("limit_text", unit)),
        microbial=microbial,
        nonconforming=pl.lit(1, pl.Int64),
    )


def _counts(rng: np.random.Generator, size: int) -> dict[str, pl.Series]:
    """Five colony counts of one sample, as laboratories write them."""
    mantissa = rng.integers(11, 99, (size, 5))
    powers = pl.Series(["10³", "10⁴", "10⁵"])
    texts = [
        pl.Series(mantissa[:, place] // 10).cast(pl.String)
        + "."
        + pl.Series(mantissa[:, place] % 10).cast(pl.String)
        + "×"
        + powers.gather(shares(rng, size, 0.3, 0.5, 0.2))
        for place in range(5)
    ]
    return {"colonies": pl.select(pl.concat_str(texts, separator="；")).to_series()}


def correct(units: pl.DataFrame) -> pl.DataFrame:
    """Corrections of category or specification, and withdrawn verdicts."""
    categories = demo_list("food_categories")["category"].to_list()
    return corrected_samples(units, categories, "specification")


def correct_results(results: pl.DataFrame, corrected: pl.DataFrame) -> pl.DataFrame:
    """A sample that turned out to conform has no failing items."""
    return results.join(corrected.filter("failed"), on="unit_id", how="semi", maintain_order="left")


def render(contents: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """One row of text per content; several items share a cell."""
    items = (
        results.sort("content_id", "line")
        .group_by("content_id", maintain_order=True)
        .agg(
            pl.concat_str("parameter", "result_text", "limit_text", separator="║")
            .str.join("\n")
            .alias(ITEMS),
            results=pl.len().cast(pl.Int64),
            nonconforming=pl.col("nonconforming").sum(),
        )
    )
    sheets = pl.Series([FAILING, PASSING, RISK])
    # 0 not conforming, 1 conforming, 2 without a verdict
    order = (~pl.col("failed")).cast(pl.Int64).fill_null(2)
    labelled = pl.when("unpacked").then("mark")
    return (
        contents.join(items, on="content_id", how="left", maintain_order="left")
        .with_columns(
            sheet_order=order,
            published_on=pl.col("received_on") - pl.duration(days=3),
            produced=date_text("produced_on", "date_style"),
        )
        .select(
            "content_id",
            "sheet_order",
            "sampled_on",
            sheet=pl.col("sheet_order").replace_strict(list(range(3)), sheets),
            line=pl.lit(1, pl.Int64),
            has_result=pl.col(ITEMS).is_not_null(),
            results=pl.col("results").fill_null(0),
            nonconforming=pl.col("nonconforming").fill_null(0),
            抽样编号="sample_no",
            标称生产企业名称=labelled.otherwise("producer_name"),
            标称生产企业地址=labelled.otherwise("producer_address"),
            被抽样单位名称="firm_name",
            被抽样单位地址="address",
            被抽样单位统一社会信用代码="uscc",
            食品名称="product",
            规格型号="specification",
            商标="brand",
            生产日期_批号=_batch_text(),
            抽样日期=date_text("sampled_on", "date_style"),
            环节="link_text",
            行政区划="division_name",
            不合格项目=ITEMS,
            分类="category",
            公告号="notice",
            公告日期=pl.col("published_on").dt.strftime("%Y-%m-%d"),
            任务来源_项目名称="programme_text",
            检验机构="lab_name",
            备注=pl.lit(None, pl.String),
            抽样层="stratum",
            入样概率=pl.col("inclusion_probability").cast(pl.String),
        )
        .rename(
            {
                "生产日期_批号": "生产日期/批号",
                "不合格项目": ITEMS,
                "任务来源_项目名称": "任务来源/项目名称",
            }
        )
    )


def _batch_text() -> pl.Expr:
    """A date, a date with a batch, a batch alone, or nothing."""
    style = pl.col("batch_style")
    return (
        pl.when(style == 1)
        .then(pl.concat_str("produced", pl.lit(" 批号："), "batch"))
        .when(style == 2)  # noqa: PLR2004 - the third of the four styles above
        .then(pl.concat_str(pl.lit("批号："), "batch"))
        .when(style == 0)
        .then("produced")
        .otherwise("mark")
    )


def write(path: Path, rows: pl.DataFrame) -> None:
    """One bulletin: a sheet for each outcome that it holds."""
    title = settings(SOURCE_ID)["title"]
    stratified = rows[DESIGN[0]].count() > 0
    sheets = [
        Sheet(
            name=str(name),
            title=f"{title}（{name}）",
            rows=part.select(
                column
                for column in COLUMNS
                if (column != ITEMS or name == FAILING) and (column not in DESIGN or stratified)
            ),
            footnote=FOOTNOTE,
        )
        for (name,), part in rows.partition_by("sheet", as_dict=True, maintain_order=True).items()
    ]
    write_workbook(path, sheets, numbers=("序号",))


def food_source() -> DemoSource:
    """The bulletins of food samples."""
    return DemoSource(
        source_id=SOURCE_ID,
        unit_kind="sample",
        layout=Layout(columns=COLUMNS, rows_per_sheet=3),
        draw=draw,
        correct=correct,
        correct_results=correct_results,
        render=render,
        write=write,
    )
