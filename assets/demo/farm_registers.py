"""The registers that special sampling is read with: workshops, credit, traces, leads.

Each is drawn from the samples first, and then written as rows under the labels of its file.
"""

import datetime as dt

import numpy as np
import polars as pl

from assets.demo.chance import shares

RATED_FROM, RATED_AGAIN_FROM = dt.date(2023, 7, 1), dt.date(2024, 6, 1)
CLASSES = ("A", "B", "C", "D")
CLUSTERS = ("佛堂小作坊集聚区", "义亭小作坊集聚区")


def draw_registry(rng: np.random.Generator, samples: pl.DataFrame) -> pl.DataFrame:
    """Workshops with the cluster in which each works, NULL for one that works alone."""
    firms = _firms(samples.filter(pl.col("kind") == "workshop"))
    place = pl.Series(shares(rng, firms.height, 0.3, 0.2, 0.5))
    clusters = pl.Series([*CLUSTERS, None], dtype=pl.String).gather(place)
    return firms.with_columns(cluster=clusters).with_columns(
        cluster_side=pl.when(pl.col("cluster").is_null())
        .then(pl.lit("outside"))
        .otherwise(pl.lit("inside"))
    )


def _firms(samples: pl.DataFrame) -> pl.DataFrame:
    return (
        samples.select("uscc", "firm_name", "division_code")
        .unique("uscc", keep="first", maintain_order=True)
        .sort("uscc")
    )


def registry_rows(registry: pl.DataFrame) -> pl.DataFrame:
    """Rows of the registry of workshops."""
    return registry.select(
        delivery=pl.lit(0, pl.Int64),
        place=pl.lit("used"),
        统一社会信用代码="uscc",
        名称="firm_name",
        行政区划代码="division_code",
        集聚区="cluster",
        生效日期=pl.lit("2023-01-01"),
    )


def draw_ratings(rng: np.random.Generator, samples: pl.DataFrame) -> pl.DataFrame:
    """Ratings of most firms, and of some a second one in the middle of the year."""
    firms = _firms(samples)
    size = firms.height
    rated = firms.with_columns(
        first=pl.Series(CLASSES).gather(shares(rng, size, 0.4, 0.35, 0.15, 0.1)),
        second=pl.Series(CLASSES).gather(shares(rng, size, 0.3, 0.3, 0.2, 0.2)),
        is_rated=pl.Series(rng.random(size) < 0.93),  # noqa: PLR2004 - share of rated firms
        again=pl.Series(rng.random(size) < 0.3),  # noqa: PLR2004 - share of those rated again
    ).filter("is_rated")
    return pl.concat(
        [
            rated.select(
                "uscc",
                "firm_name",
                credit_class="first",
                valid_from=pl.lit(RATED_FROM),
                delivery=pl.lit(0, pl.Int64),
            ),
            rated.filter("again").select(
                "uscc",
                "firm_name",
                credit_class="second",
                valid_from=pl.lit(RATED_AGAIN_FROM),
                delivery=pl.lit(1, pl.Int64),
            ),
        ]
    )


def rating_rows(ratings: pl.DataFrame) -> pl.DataFrame:
    """Rows of the two lists of ratings."""
    return ratings.select(
        "delivery",
        place=pl.lit("used"),
        统一社会信用代码="uscc",
        企业名称="firm_name",
        信用等级="credit_class",
        生效日期=pl.col("valid_from").dt.strftime("%Y-%m-%d"),
    )


def with_credit_class(samples: pl.DataFrame, ratings: pl.DataFrame) -> pl.DataFrame:
    """Samples with the credit class of the day on which they were taken."""
    held = ratings.select("uscc", "credit_class", "valid_from").sort("valid_from")
    return (
        samples.sort("sampled_on")
        .join_asof(
            held,
            left_on="sampled_on",
            right_on="valid_from",
            by="uscc",
            strategy="backward",
            check_sortedness=False,
        )
        .with_columns(pl.col("credit_class").fill_null("UNRATED"))
    )


def draw_traces(rng: np.random.Generator, samples: pl.DataFrame) -> pl.DataFrame:
    """Traces of every ninth sample; of a few, the source is not found (hours NULL)."""
    asked = samples.gather_every(9).select(
        "sample_no", "product", "firm_name", "uscc", "sampled_on"
    )
    halves = pl.Series(rng.integers(1, 120, asked.height))
    found = pl.Series(rng.random(asked.height) < 0.85)  # noqa: PLR2004 - share that is found
    return asked.with_columns(
        trace_no=pl.format("ZSHC{}", (pl.int_range(pl.len()) + 1).cast(pl.String).str.zfill(4)),
        requested=pl.col("sampled_on").cast(pl.Datetime) + pl.duration(days=3, hours=9),
        minutes=halves * 30,
        hours=pl.when(found).then(halves * 0.5),
    ).with_columns(ended=pl.col("requested") + pl.duration(minutes="minutes"))


def trace_rows(traces: pl.DataFrame) -> pl.DataFrame:
    """Rows of the log of traces."""
    moment = "%Y-%m-%d %H:%M:%S"
    ended = pl.col("ended").dt.strftime(moment)
    return traces.select(
        delivery=pl.lit(0, pl.Int64),
        place=pl.lit("used"),
        追溯编号="trace_no",
        抽样编号="sample_no",
        产品名称="product",
        被追溯单位="firm_name",
        被追溯单位统一社会信用代码="uscc",
        发起时间=pl.col("requested").dt.strftime(moment),
        查明时间=pl.when(pl.col("hours").is_not_null()).then(ended),
        未查明时间=pl.when(pl.col("hours").is_null()).then(ended),
    )


def draw_leads(
    rng: np.random.Generator, samples: pl.DataFrame, consumer: pl.DataFrame
) -> pl.DataFrame:
    """Leads of most failing samples, and of every failing sample that a consumer had tested."""
    own = samples.filter(pl.col("lead_no").is_not_null()).select(
        "sample_no", "sampled_on", case_no="lead_no"
    )
    known = own.filter(pl.Series(rng.random(own.height) < 0.8, dtype=pl.Boolean))  # noqa: PLR2004 - share whose case is known
    brought = consumer.select(
        "sample_no", "sampled_on", case_no=pl.concat_str(pl.lit("NSWJ"), "sample_no")
    )
    leads = pl.concat([known, brought])
    step = pl.Series(shares(rng, leads.height, 0.2, 0.2, 0.35, 0.25))
    return leads.with_columns(
        step=step,
        found_on=pl.col("sampled_on") + pl.duration(days=10),
        verified_on=pl.col("sampled_on") + pl.duration(days=17),
        decided_on=pl.col("sampled_on") + pl.duration(days=18),
        is_open=step < 3,  # noqa: PLR2004 - the last step: no case is filed
    )


def lead_rows(leads: pl.DataFrame) -> pl.DataFrame:
    """Rows of the log of leads: the days of the steps that each has come to."""
    day = "%Y-%m-%d"
    step = pl.col("step")
    return leads.select(
        delivery=pl.lit(0, pl.Int64),
        place=pl.lit("used"),
        线索编号="case_no",
        抽样编号="sample_no",
        发现日期=pl.col("found_on").dt.strftime(day),
        核查日期=pl.when(step >= 1).then(pl.col("verified_on").dt.strftime(day)),
        立案日期=pl.when(step == 2).then(pl.col("decided_on").dt.strftime(day)),  # noqa: PLR2004 - found, verified, filed, not filed
        不予立案日期=pl.when(step == 3).then(pl.col("decided_on").dt.strftime(day)),  # noqa: PLR2004 - as above
    )
