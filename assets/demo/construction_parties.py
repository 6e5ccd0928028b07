"""The demo's responsible parties: appointments, successors, a missing one, corrections."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import taken
from assets.demo.files import write_csv
from assets.demo.identifiers import credit_codes

PARTIES = "responsible_parties"
ROLES = {
    "建设单位": "owner",
    "勘察单位": "survey",
    "设计单位": "design",
    "施工单位": "builder",
    "监理单位": "supervisor",
}
FIRST, SECOND, CORRECTION = dt.date(2024, 3, 8), dt.date(2024, 9, 6), dt.date(2024, 11, 8)
SUCCEEDED, MISSING, CORRECTED = 0.15, 0.05, 0.04
FAMILY, GIVEN = "王李张刘陈杨黄赵吴周", ("建国", "伟", "丽娟", "志强", "敏", "海波", "晓东", "芳")


@dataclass(frozen=True)
class Parties:
    """What must come out.

    Attributes:
        versions: project_no, party_role, appointed_on (text): versions of each appointment.
        projects: project_no, parties_named, appointments, commitments, as of the last delivery.
    """

    versions: pl.DataFrame
    projects: pl.DataFrame


def write_parties(rng: np.random.Generator, landing: Path, projects: pl.DataFrame) -> Parties:
    """Write the register, the successors with the end of those before, and a correction."""
    first = _first(rng, projects)
    chance = pl.Series(rng.random(first.height))
    succeeded = first.filter(chance < SUCCEEDED)
    ended = succeeded.with_columns(left_on=pl.lit("2024-07-31"))
    successors = succeeded.with_columns(
        appointed_on=pl.lit("2024-08-01"),
        person=_persons(rng, succeeded.height),
        committed_on=pl.lit("2024-08-02"),
    )
    # A name that was misspelt; the rest of the appointment is as before.
    corrected = first.filter(chance > 1 - CORRECTED).with_columns(person=pl.col("person") + "娜")
    for day, rows in (
        (FIRST, first),
        (SECOND, pl.concat([ended, successors])),
        (CORRECTION, corrected),
    ):
        _write(landing, day, rows)
    return _truth(first, ended, successors, corrected)


def _first(rng: np.random.Generator, projects: pl.DataFrame) -> pl.DataFrame:
    rows = projects.select("project_no", "name", builder="firm", builder_code="uscc").join(
        pl.DataFrame({"role": list(ROLES)}), how="cross"
    )
    is_builder = pl.col("role") == "施工单位"
    size = rows.height
    codes = credit_codes(rng, pl.Series(["91"] * size), pl.Series(["330782"] * size))
    number = pl.Series(rng.integers(1, 40, size))
    offsets = pl.Series(rng.integers(0, 200, size))
    named = pl.Series(rng.random(size) >= MISSING)
    return rows.select(
        "project_no",
        "name",
        "role",
        firm=pl.when(is_builder)
        .then("builder")
        .otherwise(pl.format("义乌{}{}号有限公司", pl.col("role").str.head(2), pl.lit(number))),
        code=pl.when(is_builder).then("builder_code").otherwise(codes),
        person=pl.when(named).then(_persons(rng, size)),
        appointed_on=(pl.lit(dt.date(2023, 3, 1)) + pl.duration(days=pl.lit(offsets))).dt.strftime(
            "%Y-%m-%d"
        ),
        committed_on=pl.when(named).then(pl.lit("2023-12-01")),
        left_on=pl.lit(None, pl.String),
    )


def _persons(rng: np.random.Generator, size: int) -> pl.Series:
    families = pl.DataFrame({"family": list(FAMILY)})
    given = pl.DataFrame({"given": list(GIVEN)})
    drawn = (
        taken(families, rng.integers(0, families.height, size)),
        taken(given, rng.integers(0, given.height, size)),
    )
    return pl.concat(drawn, how="horizontal").select(pl.concat_str("family", "given")).to_series()


def _write(landing: Path, day: dt.date, rows: pl.DataFrame) -> None:
    cells = rows.select(
        工程编号="project_no",
        单位工程名称="name",
        责任主体="role",
        单位名称="firm",
        统一社会信用代码="code",
        项目负责人="person",
        任命日期="appointed_on",
        承诺书签署日期="committed_on",
        离任日期="left_on",
    )
    write_csv(landing / PARTIES / day.isoformat() / f"五方责任主体_{day}.csv", cells, "gb18030")


def _truth(
    first: pl.DataFrame, ended: pl.DataFrame, successors: pl.DataFrame, corrected: pl.DataFrame
) -> Parties:
    key = ("project_no", "role", "appointed_on")
    everything = pl.concat([first, ended, successors, corrected])
    latest = everything.unique(key, keep="last", maintain_order=True)
    versions = everything.group_by(key).agg(versions=pl.len().cast(pl.Int64))
    standing = latest.filter(pl.col("person").is_not_null(), pl.col("left_on").is_null())
    named = standing.group_by("project_no").agg(parties_named=pl.col("role").n_unique())
    projects = (
        latest.group_by("project_no")
        .agg(appointments=pl.len(), commitments=pl.col("committed_on").count())
        .join(named, on="project_no", how="left")
        .select(
            "project_no",
            *(
                pl.col(name).fill_null(0).cast(pl.Int64)
                for name in ("parties_named", "appointments", "commitments")
            ),
        )
    )
    roles = pl.col("role").replace_strict(ROLES)
    return Parties(
        versions.select("project_no", "appointed_on", "versions", party_role=roles).sort(
            "project_no", "party_role", "appointed_on"
        ),
        projects.sort("project_no"),
    )
