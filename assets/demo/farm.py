"""Special sampling, and what is true of it by the registers that it is read with.

The laboratory judges by limits alone. What is banned and was found is nonconforming all the same,
from the day of its ban on and where the method confirms; the truth knows these cases from how they
were drawn, not from the warehouse's list of bans.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chain_pairs import chain_pairs
from assets.demo.chance import drawn_values, pick_row, shares
from assets.demo.farm_registers import (
    draw_leads,
    draw_ratings,
    draw_registry,
    draw_traces,
    lead_rows,
    rating_rows,
    registry_rows,
    trace_rows,
    with_credit_class,
)
from assets.demo.firms import draw_firms, visit
from assets.demo.lists import numbered
from assets.demo.rosters import rejected_rows, roster_calendar, write_lists

SOURCE_ID = "special_sampling"
CAMPAIGN, WORKSHOPS = "农产品质量安全专项整治", "小作坊专项抽检"
SAMPLES = 700
FIRST_DAY = dt.date(2024, 1, 3)
DAYS = 355
SCREENING, CONFIRMING = "胶体金快速检测卡", "GB 23200.121-2021"
NOT_FOUND, SCREENED, BELOW, ABOVE = range(4)  # what was found of a parameter


@dataclass(frozen=True)
class FarmYear:
    """What is true about special sampling.

    Attributes:
        samples: one row per sample: sample_no, domain, programme, sampling_basis, sampled_on,
            month, division_code, category, link, uscc, supplier_uscc, failed, nonconforming
            (parameters), banned (substance that was found and confirmed), complete (traceable).
        alerts: alert_no of every alert that has to be raised.
        campaign: samples of the campaign by category: tested, failed, banned (samples).
        trace_marks: samples by domain and link: samples, complete.
        credit: samples by domain and credit_class of the day of sampling: tested, failed.
        clusters: samples of workshops by whether they work `inside` or `outside` of clusters.
        trace_times: one row: asked, answered and median_hours.
        chain: pairs of failing samples: upstream and downstream (credit codes), and the
            numbers of the two samples.
        leads: case_no, sample_no and whether the case is_open.
        deliveries: rows of `truth.Truth.deliveries`.
        rejected: rows of `truth.Truth.rejected`.
        source: row of `truth.Truth.sources`.
    """

    samples: pl.DataFrame
    alerts: pl.DataFrame
    campaign: pl.DataFrame
    trace_marks: pl.DataFrame
    credit: pl.DataFrame
    clusters: pl.DataFrame
    trace_times: pl.DataFrame
    chain: pl.DataFrame
    leads: pl.DataFrame
    deliveries: pl.DataFrame
    rejected: pl.DataFrame
    source: pl.DataFrame


def write_farm(
    rng: np.random.Generator, landing: Path, scale: float, consumer: pl.DataFrame
) -> FarmYear:
    """Write the files of special sampling and of its registers.

    Args:
        rng: source of chance.
        landing: folder of files as received.
        scale: size of the demo.
        consumer: failing samples that consumers had tested: sample_no, sampled_on; each gives a
            lead.
    """
    samples = _samples(rng, max(40, round(SAMPLES * scale)))
    spoiled = _rows(samples).group_by("delivery", maintain_order=True).head(1)
    rejected = spoiled.with_columns(pl.lit("/").alias("样品编号"), place=pl.lit("rejected"))
    ratings, registry = draw_ratings(rng, samples), draw_registry(rng, samples)
    traces, leads = draw_traces(rng, samples), draw_leads(rng, samples, consumer)
    written = {
        SOURCE_ID: ("专项抽检结果", pl.concat([_rows(samples), rejected])),
        "workshop_registry": ("食品小作坊登记簿", registry_rows(registry)),
        "credit_rating": ("企业信用风险分类结果", rating_rows(ratings)),
        "trace_log": ("食品安全追溯核查记录", trace_rows(traces)),
        "lead_log": ("抽检线索处置记录", lead_rows(leads)),
    }
    deliveries = [
        write_lists(landing, source_id, title, {title: rows})
        for source_id, (title, rows) in written.items()
    ]
    broken = pl.concat(
        rejected.with_columns(rule_id=pl.lit(rule))
        for rule in ("missing_sample_no", "result_without_sample")
    )
    rated = with_credit_class(samples, ratings)
    failing = samples.filter("failed")
    return FarmYear(
        samples=samples.drop("lead_no"),
        alerts=samples.filter(pl.col("banned").is_not_null()).select(
            alert_no=pl.format("{}/{}/{}", pl.lit(SOURCE_ID), "sample_no", "banned")
        ),
        campaign=_counted(samples.filter(pl.col("domain") == "agri"), "category").join(
            samples.group_by("category").agg(banned=pl.col("banned").count().cast(pl.Int64)),
            on="category",
            maintain_order="left",
        ),
        trace_marks=samples.group_by("domain", "link")
        .agg(samples=pl.len().cast(pl.Int64), complete=pl.col("complete").sum().cast(pl.Int64))
        .sort("domain", "link"),
        credit=_counted(rated, "domain", "credit_class"),
        clusters=_counted(
            samples.filter(pl.col("domain") == "food").join(registry, on="uscc"), "cluster_side"
        ),
        trace_times=traces.select(
            asked=pl.len().cast(pl.Int64),
            answered=pl.col("hours").count().cast(pl.Int64),
            median_hours=pl.col("hours").median(),
        ),
        chain=chain_pairs(samples, failing, in_chain=False),
        leads=leads.select("case_no", "sample_no", "is_open"),
        deliveries=pl.concat(deliveries),
        rejected=rejected_rows(SOURCE_ID, broken),
        source=pl.DataFrame(
            {
                "source_id": [SOURCE_ID],
                "unit_kind": ["sample"],
                "files": [roster_calendar(SOURCE_ID).height],
                "loaded": [roster_calendar(SOURCE_ID).height],
                "units": [samples.height],
                "versions": [samples.height],
                "results": [samples.height],
                "nonconforming_parameters": [samples.filter(pl.col("found") == ABOVE).height],
            }
        ),
    )


def _samples(rng: np.random.Generator, size: int) -> pl.DataFrame:
    """Samples with the one parameter that each was tested for, and what was found of it."""
    tested = pick_row(
        rng, numbered("farm_parameters", "low", "high", "decimals", "weight"), size
    ).with_columns(banned_from=pl.col("banned_from").str.to_date("%Y-%m-%d"))
    days = np.sort(rng.integers(0, DAYS, size))
    farms = draw_firms(rng, ("farm", "seller", "producer"), size * 2)
    makers = farms.filter(pl.col("kind") == "producer")
    named = makers.filter(pl.col("firm_name").str.ends_with("小作坊"))
    workshops = makers if named.is_empty() else named
    firms = pl.concat(
        [
            farms.filter(pl.col("kind").is_in(["farm", "seller"])),
            workshops.with_columns(kind=pl.lit("workshop")),
        ]
    )
    at_market = pl.Series(rng.random(size) < 0.4)  # noqa: PLR2004 - share of markets
    kinds = pl.select(
        pl.when(tested["domain"] == "food")
        .then(pl.lit("workshop"))
        .when(at_market)
        .then(pl.lit("seller"))
        .otherwise(pl.lit("farm"))
    ).to_series()
    visited = visit(rng, firms, kinds).select("kind", "firm_name", "uscc", "division_code")
    # A market buys from few farms, some of which were sampled themselves.
    suppliers = visit(rng, firms.filter(pl.col("kind") == "farm"), pl.Series(["farm"] * size))
    papers = {name: pl.Series(rng.random(size) < share) for name, share in _PAPERS.items()}
    # Nothing found, found by a screening, found below the limit, found above it.
    found = shares(rng, size, 0.72, 0.06, 0.12, 0.10)
    below = drawn_values(rng, tested["low"] * 0.3, tested["low"] * 0.8, tested["decimals"])
    above = drawn_values(rng, tested["low"], tested["high"], tested["decimals"])
    samples = pl.concat([tested.drop("weight"), visited], how="horizontal").with_columns(
        pl.Series("found", found),
        below.alias("below"),
        above.alias("above"),
        sampled_on=pl.lit(FIRST_DAY) + pl.duration(days=pl.lit(pl.Series(days))),
        supplier_name=suppliers["firm_name"],
        supplier_uscc=suppliers["uscc"],
        **papers,
    )
    return _judged(samples, size)


_PAPERS = {"has_supplier": 0.8, "has_batch": 0.85, "has_code": 0.7}


def _judged(samples: pl.DataFrame, size: int) -> pl.DataFrame:
    """What the laboratory reports, and what is true of each sample."""
    # A limit of "not to be found" leaves no room below it.
    no_room = pl.col("limit_text").str.starts_with("不得")
    found = pl.when(no_room & (pl.col("found") == BELOW)).then(pl.lit(ABOVE)).otherwise("found")
    is_banned = (pl.col("sampled_on") >= pl.col("banned_from")).fill_null(value=False)
    market = pl.col("kind") == "seller"
    judged = samples.with_columns(found=found).with_columns(
        sample_no=pl.format("ZX2024{}", (pl.int_range(size) + 1).cast(pl.String).str.zfill(6)),
        programme=pl.lit("special"),
        sampling_basis=pl.lit("targeted"),
        month=pl.col("sampled_on").dt.truncate("1mo"),
        delivery=(pl.col("sampled_on").dt.quarter() - 1).cast(pl.Int64),
        link=pl.when(market).then(pl.lit("circulation")).otherwise(pl.lit("production")),
        supplier_name=pl.when(market & pl.col("has_supplier")).then("supplier_name"),
        supplier_uscc=pl.when(market & pl.col("has_supplier")).then("supplier_uscc"),
        batch_no=pl.when("has_batch").then(pl.format("P{}", pl.int_range(size))),
        trace_code=pl.when("has_code").then(pl.format("ZS{}", pl.int_range(size))),
        banned=pl.when(is_banned & (pl.col("found") >= BELOW)).then(
            pl.col("parameter").str.split("（").list.first()
        ),
        complete=(~market | pl.col("has_supplier")) & pl.col("has_batch") & pl.col("has_code"),
    )
    return judged.with_columns(
        failed=(pl.col("found") == ABOVE) | pl.col("banned").is_not_null(),
        lead_no=pl.when(pl.col("found") == ABOVE).then(pl.concat_str(pl.lit("XS"), "sample_no")),
    ).with_columns(nonconforming=pl.col("failed").cast(pl.Int64))


def _rows(samples: pl.DataFrame) -> pl.DataFrame:
    """Rows of the workbooks, and where each of them ends."""
    result = (
        pl.when(pl.col("found") == NOT_FOUND)
        .then(pl.lit("未检出"))
        .when(pl.col("found") == SCREENED)
        .then(pl.lit("检出"))
        .when(pl.col("found") == BELOW)
        .then("below")
        .otherwise("above")
    )
    screened = pl.col("found") == SCREENED
    return samples.select(
        "delivery",
        place=pl.lit("used"),
        样品编号="sample_no",
        专项行动=pl.when(pl.col("domain") == "food")
        .then(pl.lit(WORKSHOPS))
        .otherwise(pl.lit(CAMPAIGN)),
        抽样日期=pl.col("sampled_on").dt.strftime("%Y-%m-%d"),
        样品名称="product",
        产品类别="category",
        抽样环节=pl.when(pl.col("link") == "circulation")
        .then(pl.lit("农贸市场"))
        .otherwise(pl.lit("生产")),
        被抽样单位="firm_name",
        统一社会信用代码="uscc",
        行政区划代码="division_code",
        供货单位="supplier_name",
        供货单位统一社会信用代码="supplier_uscc",
        批号="batch_no",
        追溯码="trace_code",
        检测项目="parameter",
        检测结果=result,
        单位="unit",
        限量值="limit_text",
        检测方法=pl.when(screened).then(pl.lit(SCREENING)).otherwise(pl.lit(CONFIRMING)),
        判定=pl.when(pl.col("found") == ABOVE).then(pl.lit("不合格")).otherwise(pl.lit("合格")),
        线索编号="lead_no",
    )


def _counted(samples: pl.DataFrame, *by: str) -> pl.DataFrame:
    return (
        samples.group_by(by)
        .agg(tested=pl.len().cast(pl.Int64), failed=pl.col("failed").sum().cast(pl.Int64))
        .sort(by)
    )
