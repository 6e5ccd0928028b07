"""Construction: completion acceptance as tables, several attempts per unit project."""

from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import date_text, failing, pick, pick_row, shares, taken
from assets.demo.files import write_csv
from assets.demo.firms import CITY_CODE, draw_firms, visit
from assets.demo.ledger import Layout
from assets.demo.lists import numbered, of_source, settings
from assets.demo.sampling import draw_days, next_of
from assets.demo.source_year import DemoSource, Drawn

SOURCE_ID = "demo_acceptance"
COLUMNS = (
    "工程编号",
    "单位工程名称",
    "工程类别",
    "是否受监",
    "所在镇街",
    "施工单位",
    "统一社会信用代码",
    "验收次数",
    "验收日期",
    "验收结论",
    "备注",
)
PRE_ACCEPTANCE = "预验收"
_PRE_SHARE = 0.55
_PRE_FAILING, _SECOND_FAILING = 0.12, 0.35


def draw(rng: np.random.Generator, scale: float) -> Drawn:
    """Unit projects and their attempts: 0 in advance, 1, and 2 and 3 after a failure."""
    projects = _projects(rng, scale)
    attempts = pl.concat(_attempts(rng, projects)).sort("sampled_on", "project_no", "attempt")
    known = settings(SOURCE_ID)
    lag = rng.integers(int(known["lag_low"]), int(known["lag_high"]) + 1, attempts.height)
    attempts = attempts.with_columns(
        unit_id=pl.int_range(pl.len(), dtype=pl.Int64),
        month=pl.col("sampled_on").dt.truncate("1mo"),
        ready_on=pl.col("sampled_on") + pl.duration(days=pl.lit(pl.Series(lag))),
        date_style=pl.Series(shares(rng, attempts.height, 0.8, 0.1, 0.05, 0.05)),
    )
    no_results = pl.DataFrame(
        schema={"unit_id": pl.Int64, "line": pl.Int64, "nonconforming": pl.Int64}
    )
    return Drawn(attempts, no_results)


def _projects(rng: np.random.Generator, scale: float) -> pl.DataFrame:
    programme = of_source("programmes", SOURCE_ID)
    size = max(8, round(float(programme["samples"][0]) * scale))
    kinds = pick_row(rng, numbered("project_kinds", "weight", "fail_share"), size)
    builders = draw_firms(rng, ("builder",), size)
    towns = numbered("divisions", "project")
    places = taken(towns, pick(rng, towns["project"].to_numpy(), size))
    projects = pl.concat(
        [
            kinds.drop("weight").with_columns(draw_days(rng, SOURCE_ID, size)),
            places.select(division_code="code9", division_name="name_zh"),
            visit(rng, builders, pl.Series(["builder"]).new_from_index(0, size)).select(
                "firm_name", "uscc"
            ),
        ],
        how="horizontal",
    ).with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64))
    names = pl.col("projects").str.split("|")
    return projects.with_columns(
        project_no=pl.format(
            "{}-{}-{}",
            pl.lit(CITY_CODE),
            pl.col("sampled_on").dt.strftime("%Y"),
            (pl.col("place") + 1).cast(pl.String).str.zfill(6),
        ),
        project_name=pl.concat_str(
            "division_name",
            names.list.get(pl.col("place") % names.list.len()),
            (pl.col("place") % 97 + 1).cast(pl.String),
            pl.lit("号"),
        ),
        stream=pl.lit(programme["stream"][0]),
        programme_text=pl.lit(programme["wording"][0]),
        programme=pl.lit(programme["programme"][0]),
        sampling_basis=pl.lit(programme["sampling_basis"][0]),
        domain=pl.lit("construction"),
        first_failed=failing(
            rng,
            projects.with_columns(stratum=pl.concat_str("category", "supervised")),
            "stratum",
            "fail_share",
            pl.lit(1.0),
        ),
        chance=pl.Series(rng.random(size)),
        second_chance=pl.Series(rng.random(size)),
        before=pl.Series(rng.integers(5, 25, size)),
        after=pl.Series(rng.integers(12, 40, size)),
    )


def _attempts(rng: np.random.Generator, projects: pl.DataFrame) -> list[pl.DataFrame]:
    """Frames of attempts 0 to 3, with the same columns."""
    second_failed = pl.col("second_chance") < _SECOND_FAILING
    first_day, last_day = settings(SOURCE_ID)["first_day"], settings(SOURCE_ID)["last_day"]
    early = pl.col("sampled_on") - pl.duration(days="before")
    later = pl.col("sampled_on") + pl.duration(days="after")
    latest = later + pl.duration(days="before")
    pre_failed = pl.Series(rng.random(projects.height) < _PRE_FAILING)
    first, last = (pl.lit(day).str.to_date("%Y-%m-%d") for day in (first_day, last_day))
    shapes = (
        ("0", early, pl.lit(pre_failed), (pl.col("chance") < _PRE_SHARE) & (early >= first)),
        ("1", pl.col("sampled_on"), pl.col("first_failed"), pl.lit(value=True)),
        ("2", later, second_failed, pl.col("first_failed") & (later <= last)),
        (
            "3",
            latest,
            pl.lit(value=False),
            pl.col("first_failed") & second_failed & (latest <= last),
        ),
    )
    kept = (
        "stream",
        "programme",
        "programme_text",
        "sampling_basis",
        "domain",
        "category",
        "supervised",
        "division_code",
        "division_name",
        "firm_name",
        "uscc",
        "project_no",
        "project_name",
    )
    return [
        projects.with_columns(wanted=wanted, failed_now=failed, day=day)
        .filter("wanted")
        .select(
            *kept,
            attempt=pl.lit(attempt),
            sampled_on="day",
            failed="failed_now",
        )
        for attempt, day, failed, wanted in shapes
    ]


def correct(units: pl.DataFrame) -> pl.DataFrame:
    """Corrections of the kind of project and of its name."""
    kinds = numbered("project_kinds").get_column("category").unique(maintain_order=True).to_list()
    even = pl.col("unit_id") % 2 == 0
    return units.with_columns(
        category=pl.when(even).then(next_of("category", kinds)).otherwise("category"),
        project_name=pl.col("project_name") + "（更正）",
    )


def correct_results(results: pl.DataFrame, _corrected: pl.DataFrame) -> pl.DataFrame:
    """An acceptance has no results of parameters."""
    return results


def render(contents: pl.DataFrame, _results: pl.DataFrame) -> pl.DataFrame:
    """One row of text per content."""
    return contents.select(
        "content_id",
        "sampled_on",
        sheet=pl.lit(""),
        sheet_order=pl.lit(0, pl.Int64),
        line=pl.lit(1, pl.Int64),
        has_result=pl.lit(value=False),
        results=pl.lit(0, pl.Int64),
        nonconforming=pl.lit(0, pl.Int64),
        工程编号="project_no",
        单位工程名称="project_name",
        工程类别="category",
        是否受监="supervised",
        所在镇街="division_name",
        施工单位="firm_name",
        统一社会信用代码="uscc",
        验收次数=pl.when(pl.col("attempt") == "0")
        .then(pl.lit(PRE_ACCEPTANCE))
        .otherwise("attempt"),
        验收日期=date_text("sampled_on", "date_style"),
        验收结论=pl.when("failed").then(pl.lit("不通过")).otherwise(pl.lit("通过")),
        备注=pl.lit(None, pl.String),
    )


def write(path: Path, rows: pl.DataFrame) -> None:
    """One table in UTF-8."""
    write_csv(path, rows.select(COLUMNS), "utf-8", line_end="\n")


def acceptance_source() -> DemoSource:
    """The ledger of completion acceptances."""
    return DemoSource(
        source_id=SOURCE_ID,
        unit_kind="acceptance",
        layout=Layout(columns=COLUMNS),
        draw=draw,
        correct=correct,
        correct_results=correct_results,
        render=render,
        write=write,
    )
