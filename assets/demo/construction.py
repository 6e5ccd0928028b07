"""The demo's construction: concrete plants, inspections by mode, responsible parties, materials.

The projects are those of the demo's acceptances, so that everything that is known of a project
comes together.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import pick, taken
from assets.demo.construction_materials import MATERIALS, Materials, write_materials
from assets.demo.construction_parties import PARTIES, Parties, write_parties
from assets.demo.files import Sheet, write_workbook
from assets.demo.identifiers import credit_codes

PLANTS, INSPECTIONS = "concrete_plants", "project_inspections"
SOURCES = (PLANTS, INSPECTIONS, PARTIES, MATERIALS)
DELIVERED = ("2024-04-12", "2024-07-12", "2024-10-12", "2025-01-10")
ITEMS = {"strength": 30, "materials": 25, "mix": 20, "laboratory": 15, "records": 10}
PLANT_COUNT, VISIT_COUNT = 9, 160
CORRECTED, VETOED, INCOMPLETE = 2, 3, 5  # plants to which something happens, from 0
MODES = {"巡查": "patrol", "抽查": "spot_check", "稽察": "audit", "飞检": "unannounced"}
MODE_WEIGHTS = (60, 55, 20, 25)
DEFECTS = (
    ("质保资料不全", "一般"),
    ("钢筋保护层厚度不足", "较大"),
    ("模板支撑体系未按方案搭设", "重大"),
    ("混凝土养护不到位", "一般"),
    ("防水节点施工不规范", "一般"),
)
ALLOWED_DAYS = 15


@dataclass(frozen=True)
class ConstructionTruth:
    """What must come out, as known after the last delivery.

    Attributes:
        plants: plant_no, quarter, score (text, empty where incomplete), colour.
        modes: programme, quarter: visits, unannounced, defects, closed_on_time, closed_late, open.
        parties: see `construction_parties.Parties`.
        materials: see `construction_materials.Materials`.
    """

    plants: pl.DataFrame
    modes: pl.DataFrame
    parties: Parties
    materials: Materials

    def write(self, path: Path) -> None:
        """Write the truth as JSON in UTF-8."""
        tables = {
            "plants": self.plants,
            "modes": self.modes,
            "appointments": self.parties.versions,
            "projects": self.parties.projects,
            "materials": self.materials.counts,
        }
        records = {name: table.to_dicts() for name, table in tables.items()}
        path.write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", "utf-8")


def known_projects(landing: Path) -> pl.DataFrame:
    """Projects of the demo's acceptances as delivered: project_no, name, category, firm, uscc."""
    files = sorted((landing / "demo_acceptance").glob("*/*.csv"))
    columns = ("工程编号", "单位工程名称", "工程类别", "施工单位", "统一社会信用代码")
    rows = pl.concat(pl.read_csv(path, infer_schema=False).select(columns) for path in files)
    named = rows.filter(pl.col("工程编号").str.contains(r"^\d{6}-\d{4}-\d{6}$"))
    return (
        named.drop_nulls()
        .unique("工程编号", keep="first", maintain_order=True)
        .sort("工程编号")
        .rename(dict(zip(columns, ("project_no", "name", "category", "firm", "uscc"), strict=True)))
    )


def write_construction(landing: Path, seed: int, projects: pl.DataFrame) -> ConstructionTruth:
    """Write the year's deliveries of the four sources to `landing`; same seed, same bytes.

    Args:
        landing: folder of files as received.
        seed: seed of everything that is drawn.
        projects: see `known_projects`.
    """
    rng = np.random.default_rng([seed, 97])
    days = [dt.date.fromisoformat(day) for day in DELIVERED]
    return ConstructionTruth(
        _write_plants(rng, landing, days),
        _write_inspections(rng, landing, days, projects),
        write_parties(rng, landing, projects),
        write_materials(rng, landing, projects, days),
    )


# -- concrete plants


def _write_plants(rng: np.random.Generator, landing: Path, days: Sequence[dt.date]) -> pl.DataFrame:
    scores = _scores(rng)
    for number, day in enumerate(days):
        rows = scores.filter(pl.col("number") == number)
        _write_plant_book(landing, day, f"商砼质量考核_2024年{number + 1}季度.xlsx", rows)
    # What was misread at first: the points of one item of the last quarter but one, corrected.
    wrong = (
        (pl.col("plant") == CORRECTED) & (pl.col("quarter") == "2024Q3") & (pl.col("item") == "mix")
    )
    right = scores.with_columns(points=pl.when(wrong).then(pl.lit(0)).otherwise("points"))
    _write_plant_book(landing, days[3], "商砼质量考核_更正.xlsx", right.filter(wrong))
    vetoed, given = pl.col("veto").any(), pl.col("points").count()
    return (
        right.group_by("plant_no", "quarter")
        .agg(total=pl.col("points").sum(), vetoed=vetoed, given=given)
        .select(
            "plant_no",
            "quarter",
            score=pl.when(pl.col("given") == len(ITEMS)).then("total"),
            colour=pl.when(pl.col("given") == len(ITEMS)).then(
                pl.when("vetoed")
                .then(pl.lit("red"))
                .when(pl.col("total") >= 85)  # noqa: PLR2004 - thresholds of demo-1
                .then(pl.lit("green"))
                .when(pl.col("total") >= 70)  # noqa: PLR2004 - as above
                .then(pl.lit("yellow"))
                .otherwise(pl.lit("red"))
            ),
        )
        .sort("plant_no", "quarter")
    )


def _scores(rng: np.random.Generator) -> pl.DataFrame:
    plants = pl.DataFrame({"plant": range(PLANT_COUNT)}).with_columns(
        plant_no=pl.format("SH{}", (pl.col("plant") + 1).cast(pl.String).str.zfill(2)),
        name=pl.format("义乌第{}商品混凝土有限公司", pl.col("plant") + 1),
        uscc=credit_codes(
            rng,
            pl.Series(["91"] * PLANT_COUNT),
            pl.Series(["330782"] * PLANT_COUNT),
        ),
    )
    items = pl.DataFrame({"item": list(ITEMS), "most": list(ITEMS.values())})
    quarters = pl.DataFrame({"number": range(4)}).with_columns(
        quarter=pl.format("2024Q{}", pl.col("number") + 1)
    )
    rows = plants.join(quarters, how="cross").join(items, how="cross")
    lost = pl.Series(rng.choice([0, 0, 1, 2, 4, 6], rows.height))
    missing = (
        (pl.col("plant") == INCOMPLETE)
        & (pl.col("quarter") == "2024Q2")
        & (pl.col("item") == "mix")
    )
    veto = (
        (pl.col("plant") == VETOED)
        & (pl.col("quarter") == "2024Q4")
        & (pl.col("item") == "strength")
    )
    return rows.with_columns(
        points=pl.when(~missing).then(pl.col("most") - lost),
        veto=veto,
    )


def _write_plant_book(landing: Path, day: dt.date, name: str, rows: pl.DataFrame) -> None:
    cells = rows.select(
        季度="quarter",
        站点编号="plant_no",
        站点名称="name",
        统一社会信用代码="uscc",
        行政区划代码=pl.lit("330782"),
        考核项编号="item",
        得分=pl.col("points").cast(pl.String),
        一票否决=pl.when("veto").then(pl.lit("是")).otherwise(pl.lit("否")),
        颜色=pl.lit("绿"),  # whatever the office wrote beside the scores
    )
    path = landing / PLANTS / day.isoformat() / name
    write_workbook(path, [Sheet("考核", "商砼质量考核评分表", cells)], numbers=("得分",))


# -- inspections


def _write_inspections(
    rng: np.random.Generator, landing: Path, days: Sequence[dt.date], projects: pl.DataFrame
) -> pl.DataFrame:
    visits = _visits(rng, projects)
    defects = _defects(rng, visits)
    for number, day in enumerate(days):
        before = days[number - 1] if number else dt.date(2023, 12, 31)
        path = landing / INSPECTIONS / day.isoformat() / f"工程质量检查_2024年{number + 1}季度.xlsx"
        new = pl.col("visited_on").is_between(before, day, closed="right")
        # A defect comes with its visit, and again when something became known of it since.
        since = pl.max_horizontal("corrected_on", "verified_on").is_between(
            before, day, closed="right"
        )
        told = defects.filter(pl.col("visited_on") <= day, new | since.fill_null(value=False))
        sheets = [
            Sheet("检查", "工程质量检查", _visit_cells(visits.filter(new))),
            Sheet("问题", "工程质量问题", _defect_cells(told, day)),
        ]
        write_workbook(path, sheets)
    return _mode_counts(visits, defects, days[-1])


def _visits(rng: np.random.Generator, projects: pl.DataFrame) -> pl.DataFrame:
    offsets = pl.Series(np.sort(rng.integers(5, 355, VISIT_COUNT)))
    modes = pick(rng, np.array(MODE_WEIGHTS, dtype=np.float64), VISIT_COUNT)
    chosen = taken(projects, rng.integers(0, projects.height, VISIT_COUNT))
    return chosen.with_columns(
        visited_on=pl.lit(dt.date(2024, 1, 1)) + pl.duration(days=pl.lit(offsets)),
        mode=pl.Series([list(MODES)[place] for place in modes]),
        told=pl.Series(rng.random(VISIT_COUNT) < 0.5),  # noqa: PLR2004 - half are announced
        visit_no=pl.format(
            "JC-2024-{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(4)
        ),
    ).with_columns(told=pl.col("told") & (pl.col("mode") != "飞检"))


def _defects(rng: np.random.Generator, visits: pl.DataFrame) -> pl.DataFrame:
    counts = pl.Series(rng.choice([0, 1, 2, 3], visits.height, p=[0.35, 0.35, 0.2, 0.1]))
    rows = (
        visits.select("visit_no", "visited_on", "mode", number=pl.int_ranges(1, counts + 1))
        .explode("number")
        .drop_nulls("number")
    )
    size = rows.height
    kinds = rng.integers(0, len(DEFECTS), size)
    corrected = pl.Series(rng.integers(3, 26, size))
    verified = pl.Series(rng.integers(0, 4, size))
    never = pl.Series(rng.random(size) < 0.06)  # noqa: PLR2004 - some stay open
    return rows.with_columns(
        text=pl.Series([DEFECTS[place][0] for place in kinds]),
        severity=pl.Series([DEFECTS[place][1] for place in kinds]),
        due_on=pl.col("visited_on") + pl.duration(days=ALLOWED_DAYS),
        corrected_on=pl.when(~never).then(
            pl.col("visited_on") + pl.duration(days=pl.lit(corrected))
        ),
    ).with_columns(verified_on=pl.col("corrected_on") + pl.duration(days=pl.lit(verified)))


def _visit_cells(visits: pl.DataFrame) -> pl.DataFrame:
    return visits.select(
        检查编号="visit_no",
        检查方式="mode",
        检查日期=pl.col("visited_on").dt.strftime("%Y-%m-%d"),
        工程编号="project_no",
        工程类别="category",
        施工单位="firm",
        统一社会信用代码="uscc",
        是否事先通知=pl.when("told").then(pl.lit("是")).otherwise(pl.lit("否")),
    )


def _defect_cells(defects: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    """Defects as known on a day."""
    known = {
        name: pl.when(pl.col(name) <= day).then(pl.col(name).dt.strftime("%Y-%m-%d"))
        for name in ("corrected_on", "verified_on")
    }
    return defects.select(
        检查编号="visit_no",
        问题编号=pl.col("number").cast(pl.String),
        问题描述="text",
        严重程度="severity",
        整改期限=pl.col("due_on").dt.strftime("%Y-%m-%d"),
        整改日期=known["corrected_on"],
        复查日期=known["verified_on"],
    )


def _mode_counts(visits: pl.DataFrame, defects: pl.DataFrame, last: dt.date) -> pl.DataFrame:
    quarter = pl.format("{}Q{}", pl.col("visited_on").dt.year(), pl.col("visited_on").dt.quarter())
    by = ("programme", "quarter")
    named = pl.col("mode").replace_strict(MODES)
    closed = (pl.col("verified_on") <= last).fill_null(value=False)
    on_time = pl.col("verified_on") <= pl.col("due_on")
    of_defects = (
        defects.with_columns(programme=named, quarter=quarter)
        .group_by(by)
        .agg(
            defects=pl.len(),
            closed_on_time=(closed & on_time).sum(),
            closed_late=(closed & ~on_time).sum(),
            open=(~closed).sum(),
        )
    )
    counts = (
        visits.with_columns(programme=named, quarter=quarter)
        .group_by(by)
        .agg(visits=pl.len(), unannounced=(~pl.col("told")).sum())
        .join(of_defects, on=by, how="left")
        .sort(by)
    )
    return counts.select(*by, pl.exclude(by).fill_null(0).cast(pl.Int64))
