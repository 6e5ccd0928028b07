"""The demo's air: the hours of three stations for a year, and what the days must come to.

Ordinary days stay well below the breakpoint of 100, episodes well above it, and outages leave too
few hours, so that the truth of a day follows from the list `air_days` and from no formula. Days
between the breakpoints of two editions are good by HJ 633-2012 and not by HJ 633-2026.
"""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.files import write_csv
from assets.demo.lists import demo_list, numbered

SOURCE_ID, REPORTS = "city_air", "air_reports"
CITY = "330782"
PARAMETERS = ("pm25", "pm10", "so2", "no2", "co", "o3")
LABELS = {"pm25": "PM2.5", "pm10": "PM10", "so2": "SO2", "no2": "NO2", "co": "CO", "o3": "O3"}
NOISE = 0.06  # an hour lies within 6 % of what its month, hour and station make of it
GAPS = 0.01  # share of values that are missing here and there: never five in one day
OUTAGE_HOURS = (8, 9, 10, 11, 12, 13, 14, 15)
KINDS = {"sand_dust": "沙尘"}
# Daily reports come out in the morning; some after noon, some never.
REPORTED_LATE = ("2024-02-10", "2024-05-01", "2024-10-01", "2024-10-02", "2024-12-31")
NOT_REPORTED = ("2024-06-14", "2024-10-11")
LOGS = (("2024-07-09", 1, 6, "上半年"), ("2025-01-08", 7, 12, "下半年"))  # received, months, name


@dataclass(frozen=True)
class AirTruth:
    """What must come of the air.

    Attributes:
        days: measured_on, is_valid, is_good (null where not valid), is_good_2026 (by the edition
            of that year), primary (pollutant that makes it not good), is_exception.
        deliveries: received_on, file_name, rows (records delivered), kind.
        reports: status of the clock of daily reports, days.
    """

    days: pl.DataFrame
    deliveries: pl.DataFrame
    reports: pl.DataFrame

    def write(self, path: Path) -> None:
        """Write the truth as JSON in UTF-8."""
        dates = pl.selectors.date().dt.strftime("%Y-%m-%d")
        tables = {"days": self.days, "deliveries": self.deliveries, "reports": self.reports}
        records = {name: table.with_columns(dates).to_dicts() for name, table in tables.items()}
        path.write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", "utf-8")


def air_calendar() -> pl.DataFrame:
    """Deliveries in order: received_on, kind (hours, correction, exceptions), days, file_name."""
    days = pl.col("received_on", "first_day", "last_day").str.to_date("%Y-%m-%d")
    return demo_list("air_deliveries").with_columns(days).sort("received_on", "file_name")


def write_air(landing: Path, seed: int) -> AirTruth:
    """Write the monthly files, the correction and the exception days to `landing/city_air/<day>/`.

    The same seed gives the same bytes.
    """
    calendar = air_calendar()
    first, last = calendar["first_day"].min(), calendar["last_day"].max()
    days = pl.DataFrame({"day": pl.date_range(first, last, eager=True)}).join(  # type: ignore[arg-type]
        _special_days(), on="day", how="left", maintain_order="left"
    )
    hours = _hours(np.random.default_rng([seed, 62]), days)
    counts = [_write(landing, hours, days, row) for row in calendar.iter_rows(named=True)]
    deliveries = calendar.select("received_on", "file_name", "kind").with_columns(
        rows=pl.Series(counts, dtype=pl.Int64)
    )
    logs, reports = _write_reports(np.random.default_rng([seed, 64]), landing, days)
    return AirTruth(_truth(days), pl.concat([deliveries, logs]), reports)


def _write_reports(
    rng: np.random.Generator, landing: Path, days: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Write when each day's report was published: the deliveries, and how the clocks stand."""
    text = pl.col("day").dt.strftime("%Y-%m-%d")
    minutes = pl.Series(rng.integers(7 * 60 + 30, 11 * 60 + 55, days.height))
    over = pl.col("day").cast(pl.Datetime("us")).dt.offset_by("1d")
    told = days.select(
        "day",
        status=pl.when(text.is_in(REPORTED_LATE))
        .then(pl.lit("late"))
        .when(text.is_in(NOT_REPORTED))
        .then(pl.lit("open_overdue"))
        .otherwise(pl.lit("on_time")),
        over=over,
        published=over + pl.duration(minutes=pl.lit(minutes)),
    ).with_columns(
        pl.when(status="late").then(pl.col("published").dt.offset_by("5h")).otherwise("published")
    )
    counts = []
    for received_on, first, last, name in LOGS:
        rows = told.filter(pl.col("day").dt.month().is_between(first, last)).select(
            pl.lit(CITY).alias("城市代码"),
            pl.col("day").dt.strftime("%Y-%m-%d").alias("日期"),
            pl.col("over").dt.strftime("%Y-%m-%d %H:%M").alias("统计截止时间"),
            pl.when(pl.col("status") != "open_overdue")
            .then(pl.col("published").dt.strftime("%Y-%m-%d %H:%M"))
            .alias("发布时间"),
        )
        path = landing / REPORTS / received_on / f"空气质量日报发布记录_2024年{name}.csv"
        write_csv(path, rows, "utf-8", "\n")
        counts.append((dt.date.fromisoformat(received_on), path.name, "reports", rows.height))
    logs = pl.DataFrame(counts, schema=["received_on", "file_name", "kind", "rows"], orient="row")
    return logs, told.group_by("status").agg(days=pl.len().cast(pl.Int64)).sort("status")


def _special_days() -> pl.DataFrame:
    return numbered("air_days", "factor").with_columns(pl.col("day").str.to_date("%Y-%m-%d"))


def _hours(rng: np.random.Generator, days: pl.DataFrame) -> pl.DataFrame:
    """A row for each station, day, hour and pollutant: true value and the one first delivered."""
    months, shape = numbered("air_months", "month", *PARAMETERS), numbered("air_hours", *PARAMETERS)
    grid = (
        numbered("air_stations", "level")
        .join(days, how="cross")
        .with_columns(month=pl.col("day").dt.month().cast(pl.Float64))
        .join(_long(months, "month", "base"), on="month")
        .join(
            _long(shape, "hour", "shape").with_columns(pl.col("hour").cast(pl.Int64)),
            on="measured",
        )
        .sort("day", "station_no", "hour", "measured")
    )
    noise = pl.Series(1 + NOISE * (2 * rng.random(grid.height) - 1))
    gap = pl.Series(rng.random(grid.height) < GAPS) & (grid["hour"] % 6 == 0)
    chosen = (pl.col("measured") == pl.col("parameter")).fill_null(value=False)
    digits = pl.when(pl.col("measured") == "co").then(10).otherwise(1)
    value = pl.col("base") * pl.col("shape") * pl.col("level") * noise
    happened = chosen & pl.col("what").is_in(["episode", "sand_dust", "between"])
    silent = gap | (chosen & (pl.col("what") == "outage") & pl.col("hour").is_in(OUTAGE_HOURS))
    wrong = chosen & (pl.col("what") == "wrong")

    def text(number: pl.Expr) -> pl.Expr:
        scaled = (number * digits).round()
        shown = (
            pl.when(pl.col("measured") == "co")
            .then((scaled / 10).cast(pl.String))
            .otherwise(scaled.cast(pl.Int64).cast(pl.String))
        )
        return pl.when(silent).then(pl.lit("NA")).otherwise(shown)

    true = pl.when(happened).then(value * pl.col("factor")).otherwise(value)
    return grid.with_columns(
        true=text(true),
        delivered=text(pl.when(wrong).then(value * pl.col("factor")).otherwise(true)),
    )


def _long(table: pl.DataFrame, index: str, value: str) -> pl.DataFrame:
    return table.unpivot(list(PARAMETERS), index=index, variable_name="measured", value_name=value)


def _write(landing: Path, hours: pl.DataFrame, days: pl.DataFrame, row: dict[str, object]) -> int:
    path = landing / SOURCE_ID / str(row["received_on"]) / str(row["file_name"])
    within = pl.col("day").is_between(pl.lit(row["first_day"]), pl.lit(row["last_day"]))
    if row["kind"] == "exceptions":
        rows = _exceptions(days.filter(within))
    else:
        content = "true" if row["kind"] == "correction" else "delivered"
        rows = _wide(hours.filter(within), content)
    write_csv(path, rows, "utf-8", "\n")
    return rows.height


def _wide(hours: pl.DataFrame, content: str) -> pl.DataFrame:
    """One line for each station and hour, hours named by their ends."""
    by = ("day", "station_no", "hour", "name")
    wide = hours.pivot("measured", index=by, values=content, maintain_order=True)
    return wide.select(
        pl.lit(CITY).alias("城市代码"),
        pl.col("station_no").alias("点位编号"),
        pl.col("name").alias("点位名称"),
        pl.col("day").dt.strftime("%Y-%m-%d").alias("日期"),
        (pl.col("hour") + 1).cast(pl.String).alias("时"),
        *(pl.col(name).alias(label) for name, label in LABELS.items()),
    )


def _exceptions(days: pl.DataFrame) -> pl.DataFrame:
    return days.filter(pl.col("document_no").is_not_null()).select(
        pl.lit(CITY).alias("城市代码"),
        pl.col("day").dt.strftime("%Y-%m-%d").alias("日期"),
        pl.col("what").replace(KINDS).alias("类型"),
        pl.col("document_no").alias("认定文号"),
    )


def _truth(days: pl.DataFrame) -> pl.DataFrame:
    valid = pl.col("what").ne_missing(pl.lit("outage"))
    bad = pl.col("what").is_in(["episode", "sand_dust"]).fill_null(value=False)
    return days.select(
        measured_on="day",
        is_valid=valid,
        is_good=pl.when(valid).then(~bad),
        is_good_2026=pl.when(valid).then(~bad & pl.col("what").ne_missing(pl.lit("between"))),
        primary=pl.when(bad).then("parameter"),
        is_exception=pl.col("document_no").is_not_null(),
    )
