"""Targeted sampling along the two pilot chains: parts of members, and what leaders make of them.

A leader's sample names the member that supplied its part. Some parts fail, and some of the goods
that were made of them within 180 days; others fail before, or long after, or of another supplier.
"""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chain_pairs import chain_pairs
from assets.demo.files import Sheet, write_workbook
from assets.demo.firm_roster import LEADER, SHEET
from assets.demo.lists import demo_list

SOURCE_ID = "chain_sampling"
RECEIVED = ("2024-07-12", "2025-01-10")
MEMBERS = 6  # of each chain that are sampled, as far as there are as many
FIRST_DAY = dt.date(2024, 1, 15)
# Of each member in turn: day of its part's sample and of the leader's, and whether each fails.
COURSES = (
    (10, 40, True, True),  # linked
    (30, 215, True, True),  # more than 180 days later
    (90, 60, True, True),  # the leader's came first
    (20, 80, True, False),
    (50, 100, False, True),
    (60, 240, False, False),
)


@dataclass(frozen=True)
class ChainTruth:
    """What must come of the chains.

    Attributes:
        samples: sample_no, chain, role, uscc, supplier_uscc, failed.
        pairs: upstream and downstream (credit codes) and the numbers of their failing samples.
    """

    samples: pl.DataFrame
    pairs: pl.DataFrame

    def write(self, path: Path) -> None:
        """Write the truth as JSON in UTF-8."""
        told = {"samples": self.samples.to_dicts(), "pairs": self.pairs.to_dicts()}
        path.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")


def known_chain_firms(landing: Path) -> pl.DataFrame:
    """Firms of the sampled chains on the roster as first delivered: uscc, name, chain, role."""
    first = min((landing / "firm_roster").glob("*/*.xlsx"))
    columns = {
        "统一社会信用代码": "uscc",
        "企业名称": "firm_name",
        "行政区划代码": "division_code",
        "产业链": "chain",
        "链上角色": "role",
    }
    rows = pl.read_excel(
        first, sheet_name=SHEET, read_options={"header_row": 1}, infer_schema_length=0
    )
    chains = demo_list("chain_products")["chain"].unique().to_list()
    return (
        rows.select(*columns)
        .rename(columns)
        .filter(pl.col("chain").is_in(chains), pl.col("uscc").str.len_chars() == 18)  # noqa: PLR2004 - of a credit code
        .unique("uscc", keep="first", maintain_order=True)
        .sort("chain", "uscc")
    )


def write_chains(landing: Path, seed: int, firms: pl.DataFrame) -> ChainTruth:
    """Write two workbooks of samples; the same seed gives the same bytes.

    Args:
        landing: folder of files as received.
        seed: seed of what is drawn.
        firms: see `known_chain_firms`.
    """
    samples = _samples(np.random.default_rng([seed, 101]), firms)
    half = pl.col("sampled_on") >= dt.date(2024, 7, 1)
    for late, day in enumerate(RECEIVED):
        path = landing / SOURCE_ID / day / f"产业链质量监督抽检结果_{day[:7]}.xlsx"
        rows = _rows(samples.filter(half == bool(late)))
        write_workbook(path, [Sheet("产业链抽检", "产业链质量监督抽检结果", rows)])
    told = ("sample_no", "chain", "role", "uscc", "supplier_uscc", "failed")
    pairs = chain_pairs(samples, samples.filter("failed"), in_chain=True)
    return ChainTruth(samples.select(told), pairs)


def _samples(rng: np.random.Generator, firms: pl.DataFrame) -> pl.DataFrame:
    """A part of each member, and a product of the chain's leader that was made with it."""
    leader = pl.col("role") == LEADER
    members = firms.filter(~leader).filter(pl.int_range(pl.len()).over("chain") < MEMBERS)
    courses = pl.DataFrame(
        COURSES, schema=["part_day", "goods_day", "part_failed", "goods_failed"], orient="row"
    ).with_row_index("course")
    placed = members.with_columns(
        course=pl.int_range(pl.len(), dtype=pl.UInt32).over("chain")
    ).join(courses, on="course")
    parts = placed.select(
        *("chain", "role", "uscc", "firm_name", "division_code"),
        supplier_uscc=pl.lit(None, pl.String),
        supplier_name=pl.lit(None, pl.String),
        day="part_day",
        failed="part_failed",
    )
    leaders = firms.filter(leader).unique("chain", keep="first", maintain_order=True)
    goods = placed.join(leaders, on="chain", suffix="_of_leader").select(
        "chain",
        role="role_of_leader",
        uscc="uscc_of_leader",
        firm_name="firm_name_of_leader",
        division_code="division_code_of_leader",
        supplier_uscc="uscc",
        supplier_name="firm_name",
        day="goods_day",
        failed="goods_failed",
    )
    samples = pl.concat([parts, goods]).sort("chain", "day", "uscc", "supplier_uscc")
    delay = pl.Series(rng.integers(0, 3, samples.height))
    return (
        samples.join(
            demo_list("chain_products"), on=("chain", "role"), how="left", maintain_order="left"
        )
        .with_columns(
            sampled_on=pl.lit(FIRST_DAY) + pl.duration(days=pl.col("day") + delay),
            sample_no=pl.format(
                "CYL2024{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(4)
            ),
        )
        .drop("day")
    )


def _rows(samples: pl.DataFrame) -> pl.DataFrame:
    verdict = pl.when("failed").then(pl.lit("不合格")).otherwise(pl.lit("合格"))
    return samples.select(
        样品编号="sample_no",
        抽样日期=pl.col("sampled_on").dt.strftime("%Y-%m-%d"),
        样品名称="product",
        产业链="chain",
        被抽样单位="firm_name",
        统一社会信用代码="uscc",
        行政区划代码="division_code",
        供货单位="supplier_name",
        供货单位统一社会信用代码="supplier_uscc",
        检测项目="parameter",
        检测结果=pl.when("failed").then("failing").otherwise("passing"),
        单位="unit",
        标准值="limit_text",
        判定=verdict,
    )
