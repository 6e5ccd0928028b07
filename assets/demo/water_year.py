"""The demo's water: sections and sources of drinking water, measured once a month for a year.

Values stay well away from the limits, so that the classes follow from the lists: `water_sites` says
what the year of each place comes to, `water_events` what sets a month apart.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import decimal_text
from assets.demo.files import Sheet, write_workbook
from assets.demo.lists import demo_list, numbered
from warehouse.reference_lists import code_list
from warehouse.reference_tables import definition_tables

SOURCE_ID = "city_water"
YEAR = 2024
NOISE = 0.05  # a value lies within 5 % of its place's profile
DETECTION = 0.01  # limit of detection of a specific item, as a share of its limit
QUARTERLY = (1, 4, 7, 10)
DAY_OF_SAMPLING = 6
KINDS = {"断面": "section", "饮用水水源": "drinking_source"}


@dataclass(frozen=True)
class WaterTruth:
    """What must come of the water.

    Attributes:
        sites: site_no, kind, class_no and passes of the year, months measured, intake of the year
            in cubic metres (sources only).
        months: site_no, month and class_no of months that events set apart.
        deliveries: received_on, file_name, kind, rows (places in the file).
    """

    sites: pl.DataFrame
    months: pl.DataFrame
    deliveries: pl.DataFrame

    def write(self, path: Path) -> None:
        """Write the truth as JSON in UTF-8."""
        dates = pl.selectors.date().dt.strftime("%Y-%m-%d")
        tables = {"sites": self.sites, "months": self.months, "deliveries": self.deliveries}
        records = {name: table.with_columns(dates).to_dicts() for name, table in tables.items()}
        path.write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", "utf-8")


def water_calendar() -> pl.DataFrame:
    """Deliveries in order: received_on, month, kind (roster, month, correction), file_name."""
    day = pl.col("received_on").str.to_date("%Y-%m-%d")
    return (
        demo_list("water_deliveries")
        .with_columns(day, pl.col("month").cast(pl.Int64))
        .sort("received_on", "file_name")
    )


def write_water(landing: Path, seed: int) -> WaterTruth:
    """Write the roster, the monthly workbooks and a correction to `landing/city_water/<day>/`.

    The same seed gives the same bytes.
    """
    values = _values(np.random.default_rng([seed, 63]))
    calendar = water_calendar()
    counts = [_write(landing, values, row) for row in calendar.iter_rows(named=True)]
    return WaterTruth(
        _sites(values),
        demo_list("water_events")
        .filter(pl.col("month_class").is_not_null())
        .select("site_no", pl.col("month", "month_class").cast(pl.Int64))
        .rename({"month_class": "class_no"}),
        calendar.select("received_on", "file_name", "kind").with_columns(
            rows=pl.Series(counts, dtype=pl.Int64)
        ),
    )


# -- what was measured


def _items() -> pl.DataFrame:
    """Measured items in order: how often, where, and a value or `L` and a limit by profile."""
    limits = definition_tables()["ref.water_limit"].rows.select(
        "item_code", limit=pl.col("limit_high").cast(pl.Float64)
    )
    basic = demo_list("water_items")
    specific = (
        code_list("water_item")
        .filter(pl.col("item_group") == "specific")
        .join(limits, left_on="code", right_on="item_code", maintain_order="left")
        .select(
            item="code",
            decimals=pl.lit("0"),
            often=pl.lit("quarterly"),
            places=pl.lit("source"),
            # Ten decimals hold the smallest limit; zeros at the end say nothing.
            reservoir=pl.format(
                "L{}",
                (pl.col("limit") * DETECTION)
                .cast(pl.Decimal(20, 10))
                .cast(pl.String)
                .str.strip_chars_end("0"),
            ),
        )
    )
    intake = pl.DataFrame(
        {"item": ["intake"], "decimals": ["2"], "often": ["monthly"], "places": ["source"]}
    )
    labels = code_list("water_item").select(
        item="code",
        label=pl.format(
            "{}({})",
            "name_zh",
            pl.when(pl.col("code") == "intake")
            .then(pl.lit("万m³"))
            .when(pl.col("unit").fill_null("") == "")
            .then(pl.lit("无量纲"))
            .otherwise("unit"),
        ),
    )
    return (
        pl.concat([basic, specific, intake], how="diagonal")
        .with_row_index("place")
        .join(labels, on="item", maintain_order="left")
    )


def _values(rng: np.random.Generator) -> pl.DataFrame:
    """A row for each place, month and item: the text that is true, and the one first delivered."""
    profiles = ["clean", "middle", "worn", "lake", "reservoir"]
    head = ["place", "item", "label", "decimals", "often", "places"]
    drawn = (
        demo_list("water_sites")
        .join(pl.DataFrame({"month": range(1, 13)}), how="cross")
        .join(
            _items().unpivot(profiles, index=head, variable_name="profile", value_name="base"),
            on="profile",
        )
        .with_columns(base=pl.when(pl.col("item") == "intake").then("intake").otherwise("base"))
        .filter(
            pl.col("base").is_not_null(),
            (pl.col("places") == "all")
            | ((pl.col("places") == "section") == (pl.col("kind") == "断面")),
            (pl.col("often") == "monthly") | pl.col("month").is_in(QUARTERLY),
        )
        .sort("site_no", "month", "place")
    )
    noise = pl.Series(1 + NOISE * (2 * rng.random(drawn.height) - 1))
    events = _events()
    silent = events.filter(pl.col("what") == "not_monitored").select("site_no", "month")
    of_items = events.filter(pl.col("item").is_not_null())
    every_month = of_items.filter(pl.col("month") == 0).drop("month")
    joined = (
        drawn.with_columns(noise=noise)
        .join(silent, on=("site_no", "month"), how="anti", maintain_order="left")
        .join(of_items, on=("site_no", "month", "item"), how="left", maintain_order="left")
        .join(
            every_month, on=("site_no", "item"), how="left", suffix="_always", maintain_order="left"
        )
    )
    below = pl.col("base").str.starts_with("L")
    number = pl.coalesce(
        pl.when(pl.col("what") == "happened").then("value"),
        "value_always",
        pl.col("base").str.strip_prefix("L").cast(pl.Float64),
    )
    true = (
        pl.when(below)
        .then(pl.col("base").str.strip_prefix("L") + "L")
        .otherwise(_rounded(number * pl.col("noise")))
    )
    wrong = pl.when(pl.col("what") == "wrong").then(_rounded(pl.col("value")))
    return joined.with_columns(true=true).with_columns(delivered=pl.coalesce(wrong, "true"))


def _rounded(number: pl.Expr) -> pl.Expr:
    decimals = pl.col("decimals").cast(pl.Int64)
    return decimal_text((number * pl.lit(10.0).pow(decimals)).round().cast(pl.Int64), decimals)


def _events() -> pl.DataFrame:
    return numbered("water_events", "value").with_columns(pl.col("month").cast(pl.Int64))


# -- files


def _write(landing: Path, values: pl.DataFrame, row: Mapping[str, object]) -> int:
    path = landing / SOURCE_ID / str(row["received_on"]) / str(row["file_name"])
    if row["kind"] == "roster":
        sheet = Sheet("名录", f"义乌市断面和饮用水水源名录（{YEAR}年）", _roster())
    else:
        month = values.filter(pl.col("month") == row["month"])
        content = "delivered"
        if row["kind"] == "correction":
            wrong = month.filter(pl.col("what") == "wrong").select("site_no")
            month, content = month.join(wrong, on="site_no", how="semi"), "true"
        sheet = Sheet("监测数据", f"{YEAR}年{row['month']}月水质监测结果", _wide(month, content))
    write_workbook(path, [sheet], dates=["采样日期"])
    return sheet.rows.height


def _roster() -> pl.DataFrame:
    return demo_list("water_sites").select(
        pl.col("site_no").alias("编号"),
        pl.col("name").alias("名称"),
        pl.col("kind").alias("类型"),
        pl.col("body").alias("水体"),
        pl.col("functional").alias("功能区目标"),
        pl.col("confirmed").alias("目标是否确认"),
        pl.col("level").alias("控制级别"),
        pl.col("division").alias("行政区划代码"),
    )


def _wide(month: pl.DataFrame, content: str) -> pl.DataFrame:
    by = ["site_no", "name", "month"]
    wide = month.sort("site_no", "place").pivot(
        "label", index=by, values=content, maintain_order=True
    )
    day = pl.date(YEAR, pl.col("month"), DAY_OF_SAMPLING).dt.strftime("%Y-%m-%d")
    return wide.select(
        pl.col("site_no").alias("编号"),
        pl.col("name").alias("名称"),
        day.alias("采样日期"),
        pl.exclude(by).fill_null("未监测"),
    )


def _sites(values: pl.DataFrame) -> pl.DataFrame:
    months = values.group_by("site_no").agg(months=pl.col("month").n_unique().cast(pl.Int64))
    intake = (
        values.filter(pl.col("item") == "intake")
        .group_by("site_no")
        .agg(intake=(pl.col("true").cast(pl.Decimal(20, 6)).sum() * 10_000).cast(pl.Int64))
    )
    return (
        demo_list("water_sites")
        .select(
            "site_no",
            kind=pl.col("kind").replace_strict(KINDS),
            class_no=pl.col("year_class").cast(pl.Int64),
            passes=pl.col("year_passes") == "true",
        )
        .join(months, on="site_no", how="left", maintain_order="left")
        .join(intake, on="site_no", how="left", maintain_order="left")
    )
