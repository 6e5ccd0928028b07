"""The demo's tests of construction materials: samples by project, a few of them nonconforming."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import taken
from assets.demo.files import write_csv

MATERIALS = "material_tests"
# category, product, parameter, unit, lowest value that conforms
KINDS = (
    ("钢筋", "热轧带肋钢筋HRB400E", "屈服强度", "MPa", 400),
    ("混凝土", "C30混凝土试块", "抗压强度", "MPa", 30),
    ("水泥", "P.O 42.5水泥", "28d抗压强度", "MPa", 42),
    ("防水卷材", "SBS改性沥青防水卷材", "拉力", "N/50mm", 800),
)
SAMPLES_PER_PROJECT, FAILING = 4, 0.03


@dataclass(frozen=True)
class Materials:
    """What must come out.

    Attributes:
        counts: project_no, product_category: samples, failed.
    """

    counts: pl.DataFrame


def write_materials(
    rng: np.random.Generator, landing: Path, projects: pl.DataFrame, days: Sequence[dt.date]
) -> Materials:
    """Write one table a quarter, with one or two specimens of each sample."""
    size = projects.height * SAMPLES_PER_PROJECT
    kinds = pl.DataFrame(
        KINDS, schema=("category", "product", "parameter", "unit", "low"), orient="row"
    )
    samples = pl.concat(
        [
            taken(projects, np.repeat(np.arange(projects.height), SAMPLES_PER_PROJECT)),
            taken(kinds, rng.integers(0, len(KINDS), size)).rename({"category": "material"}),
        ],
        how="horizontal",
    ).with_columns(
        sample_no=pl.format("WT24-{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(5)),
        sampled_on=pl.lit(dt.date(2024, 1, 1))
        + pl.duration(days=pl.lit(pl.Series(rng.integers(2, 350, size)))),
        failed=pl.Series(rng.random(size) < FAILING),
        margin=pl.Series(rng.integers(2, 18, size)),
        specimens=pl.Series(rng.integers(1, 3, size)),
    )
    results = (
        samples.with_columns(specimen=pl.int_ranges(1, pl.col("specimens") + 1))
        .explode("specimen")
        # Of a sample that fails its last specimen does; one is enough.
        .with_columns(fails=pl.col("failed") & (pl.col("specimen") == pl.col("specimens")))
    )
    begin = dt.date(2023, 12, 31)
    for before, day in zip((begin, *days[:-1]), days, strict=True):
        due = pl.col("sampled_on").is_between(before, day, closed="right")
        path = landing / MATERIALS / day.isoformat() / f"材料检测_{day}.csv"
        write_csv(path, _cells(results.filter(due)), "utf-8")
    counts = (
        samples.group_by("project_no", product_category="material")
        .agg(samples=pl.len().cast(pl.Int64), failed=pl.col("failed").sum().cast(pl.Int64))
        .sort("project_no", "product_category")
    )
    return Materials(counts)


def _cells(results: pl.DataFrame) -> pl.DataFrame:
    share = pl.when("fails").then(-pl.col("margin")).otherwise(pl.col("margin"))
    value = (pl.col("low") * (100 + share) / 100).round(1)
    return results.sort("sample_no", "specimen").select(
        委托编号="sample_no",
        工程编号="project_no",
        材料名称="product",
        材料类别="material",
        施工单位="firm",
        统一社会信用代码="uscc",
        取样日期=pl.col("sampled_on").dt.strftime("%Y-%m-%d"),
        报告日期=(pl.col("sampled_on") + pl.duration(days=7)).dt.strftime("%Y-%m-%d"),
        检测机构=pl.lit("义乌市建设工程质量检测中心"),
        检测项目="parameter",
        检测结果=value.cast(pl.String),
        单位="unit",
        标准要求=pl.format("≥{}", "low"),
        单项判定=pl.when("fails").then(pl.lit("不合格")).otherwise(pl.lit("合格")),
    )
