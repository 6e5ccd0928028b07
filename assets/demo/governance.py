"""Special governance of construction: quarterly rosters of projects, and visits by topic."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.lists import demo_list
from assets.demo.rosters import rejected_rows, write_lists
from assets.demo.source_year import SourceYear
from warehouse.reference_lists import code_list

SOURCE_ID = "project_governance"
BETWEEN = "；"
_SPLIT, _FAILING, _COPIED, _MOVED, _REPEATED = 0.4, 0.12, 0.01, 0.02, 0.02
_SHORTEST, _LONGEST = 90, 420  # days of construction before acceptance


@dataclass(frozen=True)
class Governance:
    """What the rosters and visits tell.

    Attributes:
        coverage: quarter, division_code, topic (code): projects due and covered.
        visits: visits by topic: project_no, topic, category, division_code, visited_on, failed.
        deliveries: rows of `truth.Truth.deliveries`.
        rejected: rows of `truth.Truth.rejected`.
    """

    coverage: pl.DataFrame
    visits: pl.DataFrame
    deliveries: pl.DataFrame
    rejected: pl.DataFrame


def write_governance(rng: np.random.Generator, landing: Path, acceptance: SourceYear) -> Governance:
    """Write a roster at the start of every quarter, and the visits at its end.

    A project is on the rosters of the quarters that begin between its start and its acceptance.
    Some topics of some projects are missed; those of one quarter are made up for in the next,
    which covers nothing of the quarter that is over.
    """
    roster = _roster(rng, acceptance)
    visits = _visits(rng, roster)
    sheets = {"名册": _roster_lines(rng, roster), "检查": _visit_lines(rng, visits)}
    return Governance(
        _coverage(roster, visits),
        visits.explode("topics").select(
            "project_no",
            "category",
            "division_code",
            "visited_on",
            "failed",
            topic=pl.col("topics").replace_strict(_topics()),
        ),
        write_lists(
            landing,
            SOURCE_ID,
            "义乌市工程质量专项治理",
            {name: rows.drop("rule_id") for name, rows in sheets.items()},
        ),
        pl.concat(rejected_rows(SOURCE_ID, rows) for rows in sheets.values()),
    )


def _topics() -> dict[str, str]:
    return dict(code_list("governance_topic").select("name_zh", "code").rows())


def _quarters() -> pl.DataFrame:
    days = (pl.col(name).str.to_date("%Y-%m-%d") for name in ("start", "end"))
    return demo_list("governance_quarters").with_columns(
        *days, pl.col("missed_share").cast(pl.Float64), number=pl.int_range(pl.len())
    )


def _roster(rng: np.random.Generator, acceptance: SourceYear) -> pl.DataFrame:
    """One row per quarter and active supervised project."""
    projects = (
        acceptance.contents.filter("latest", pl.col("attempt") == "1", pl.col("supervised") == "是")
        .sort("project_no")
        .select(
            "project_no",
            "project_name",
            "category",
            "division_code",
            "firm_name",
            "uscc",
            accepted_on="sampled_on",
        )
    )
    days = pl.Series("days", rng.integers(_SHORTEST, _LONGEST, projects.height))
    started = pl.col("accepted_on") - pl.duration(days=pl.lit(days))
    return (
        projects.with_columns(started_on=started)
        .join(_quarters(), how="cross")
        .filter(pl.col("started_on") <= pl.col("start"), pl.col("accepted_on") >= pl.col("start"))
        .sort("number", "project_no")
    )


def _visits(rng: np.random.Generator, roster: pl.DataFrame) -> pl.DataFrame:
    """Visits with the `topics` that each covers, and `number` of the quarter they are told in."""
    due = roster.join(pl.DataFrame({"topic": list(_topics())}), how="cross")
    due = due.with_columns(
        chance=pl.Series(rng.random(due.height)),
        place=pl.int_range(pl.len()).over("number", "project_no"),
    )
    quota = (pl.len() * pl.col("missed_share").first()).ceil().over("number")
    missed = pl.col("chance").rank("ordinal").over("number") <= quota
    coins = roster.select("number", "project_no").with_columns(
        split=pl.Series(rng.random(roster.height) < _SPLIT)
    )
    done = due.filter(~missed).join(coins, on=("number", "project_no"), maintain_order="left")
    in_time = _grouped(
        done.with_columns(visit=pl.when("split").then(pl.col("place") // 2).otherwise(0))
    )
    late = _grouped(
        due.filter(missed, pl.col("number") == 1).with_columns(visit=pl.lit(0, pl.Int64))
    )
    late = late.with_columns(pl.col("number") + 1, start=pl.col("end").dt.offset_by("1d"))
    visits = pl.concat([in_time, late])
    days = pl.Series(rng.integers(0, 88, visits.height))
    return visits.with_columns(
        visited_on=pl.col("start") + pl.duration(days=pl.lit(days)),
        failed=pl.Series(rng.random(visits.height) < _FAILING),
        visit_no=pl.format("ZL2024-{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(5)),
    )


def _grouped(due: pl.DataFrame) -> pl.DataFrame:
    """One row per visit, from the topics that are visited."""
    project = ("project_no", "category", "division_code", "firm_name", "uscc")
    return due.group_by("number", *project, "visit", maintain_order=True).agg(
        pl.col("start").first(), pl.col("end").first(), topics="topic"
    )


def _coverage(roster: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """Projects due and covered by quarter, division and topic."""
    due = roster.join(
        pl.DataFrame(list(_topics().items()), schema=["topics", "topic"], orient="row"),
        how="cross",
    )
    covered = (
        due.join(
            visits.explode("topics").select("project_no", "topics", "visited_on"),
            on=("project_no", "topics"),
        )
        .filter(pl.col("visited_on").is_between("start", "end"))
        .select("quarter", "project_no", "topic")
        .unique()
        .with_columns(covered=pl.lit(1, pl.Int64))
    )
    by = ("quarter", "division_code", "topic")
    return (
        due.join(covered, on=("quarter", "project_no", "topic"), how="left")
        .group_by(by)
        .agg(due=pl.len().cast(pl.Int64), covered=pl.col("covered").fill_null(0).sum())
        .sort(by)
    )


# -- as the authority writes it


def _roster_lines(rng: np.random.Generator, roster: pl.DataFrame) -> pl.DataFrame:
    """Rosters as delivered; a few entries are changed a quarter later, which changes nothing."""
    told = roster.with_columns(delivery=pl.col("number").cast(pl.Int64), place=pl.lit("used"))
    moved = told.filter(
        pl.Series(rng.random(told.height) < _MOVED), pl.col("number") < pl.col("number").max()
    ).with_columns(
        pl.col("delivery") + 1, pl.lit("330782001").alias("division_code"), again=pl.lit("更正")
    )
    lines = pl.concat([told.with_columns(again=pl.lit(None, pl.String)), moved])
    return lines.select(
        "delivery",
        "place",
        rule_id=pl.lit(None, pl.String),
        季度="quarter",
        工程编号="project_no",
        工程名称="project_name",
        工程类别="category",
        行政区划代码="division_code",
        施工单位="firm_name",
        统一社会信用代码="uscc",
        冻结日期=pl.col("start").dt.strftime("%Y-%m-%d"),
        备注="again",
    )


def _visit_lines(rng: np.random.Generator, visits: pl.DataFrame) -> pl.DataFrame:
    """Visits as delivered: some twice, some again a quarter later, one of an unknown topic each."""
    rosters = 4  # their deliveries come first in the list
    told = visits.select(
        delivery=pl.col("number").cast(pl.Int64) + rosters,
        place=pl.lit("used"),
        rule_id=pl.lit(None, pl.String),
        检查编号="visit_no",
        工程编号="project_no",
        专项=pl.col("topics").list.join(BETWEEN),
        检查日期=pl.col("visited_on").dt.strftime("%Y-%m-%d"),
        工程类别="category",
        行政区划代码="division_code",
        施工单位="firm_name",
        统一社会信用代码="uscc",
        检查结论=pl.when("failed").then(pl.lit("不合格")).otherwise(pl.lit("合格")),
    )
    chance = pl.Series(rng.random(told.height))
    copied = told.filter(chance < _COPIED).with_columns(place=pl.lit("duplicate"))
    again = told.filter(chance > 1 - _REPEATED, pl.col("delivery") < rosters + 3).with_columns(
        pl.col("delivery") + 1, place=pl.lit("unchanged")
    )
    strange = (
        told.group_by("delivery", maintain_order=True)
        .first()
        .with_columns(
            place=pl.lit("rejected"),
            rule_id=pl.lit("unknown_topic"),
            专项=pl.lit("扬尘"),
            检查编号=pl.col("检查编号") + "F",
        )
    )
    return pl.concat([told, copied, again, strange.select(told.columns)])
