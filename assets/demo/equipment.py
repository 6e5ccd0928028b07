"""Lifts and instruments that are inspected at intervals: a register at mid-year and at its end."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import pick, shares
from assets.demo.lists import demo_list
from assets.demo.rosters import write_lists

SOURCE_ID = "periodic_inspections"
SHEET = "定期检验台账"
KINDS = {"lift": "电梯", "scale": "衡器", "fuel_dispenser": "加油机"}
PIECES = 400
TAKEN_ON = dt.date(2024, 7, 11), dt.date(2025, 1, 17)  # as of when each of the two was written
ON_TIME, LATE, NEVER = range(3)


@dataclass(frozen=True)
class EquipmentYear:
    """What is true of the register in the end.

    Attributes:
        counts: by equipment_kind: due, on_time, late, open_overdue, judged_first, passed_first,
            service_events.
        deliveries: rows of `truth.Truth.deliveries`.
    """

    counts: pl.DataFrame
    deliveries: pl.DataFrame


def write_equipment(rng: np.random.Generator, landing: Path, scale: float) -> EquipmentYear:
    """Write both states of the register; the second tells what was made since."""
    pieces = _pieces(rng, max(30, round(PIECES * scale)))
    first, last = (_told(pieces, number, day) for number, day in enumerate(TAKEN_ON))
    same = first.drop("delivery").join(
        last.drop("delivery"), on=first.drop("delivery").columns, how="semi", nulls_equal=True
    )
    unchanged = pl.col("设备编号").is_in(same["设备编号"].implode())
    rows = pl.concat(
        [
            first.with_columns(place=pl.lit("used")),
            last.with_columns(
                place=pl.when(unchanged).then(pl.lit("unchanged")).otherwise(pl.lit("used"))
            ),
        ]
    )
    return EquipmentYear(
        _counts(pieces),
        write_lists(landing, SOURCE_ID, "特种设备与计量器具检验台账", {SHEET: rows}),
    )


def _pieces(rng: np.random.Generator, size: int) -> pl.DataFrame:
    """Equipment with the day by which it is due in 2024, and what became of it."""
    places = demo_list("divisions")
    kinds = pl.Series(list(KINDS)).gather(shares(rng, size, 0.6, 0.25, 0.15))
    due = pl.Series(rng.integers(0, 350, size))
    off = pl.Series(rng.integers(1, 40, size))
    fate = pl.Series("fate", shares(rng, size, 0.9, 0.06, 0.04))
    place = pick(rng, np.ones(places.height), size)
    return pl.DataFrame(
        {
            "equipment_kind": kinds,
            "division_code": places["code9"].gather(pl.Series(place)),
            "fate": fate,
            "passed": pl.Series(rng.random(size) < 0.93),  # noqa: PLR2004 - share that passes at once
            "trapped": pl.Series(rng.poisson(0.15, size)).cast(pl.Int64),
        }
    ).with_columns(
        equipment_no=pl.format("SB330782{}", (pl.int_range(size) + 1).cast(pl.String).str.zfill(6)),
        due_on=pl.lit(dt.date(2024, 1, 5)) + pl.duration(days=pl.lit(due)),
        inspected_on=pl.when(pl.col("fate") == ON_TIME)
        .then(pl.lit(dt.date(2024, 1, 5)) + pl.duration(days=pl.lit(due - off)))
        .when(pl.col("fate") == LATE)
        .then(pl.lit(dt.date(2024, 1, 5)) + pl.duration(days=pl.lit(due + off // 2 + 1))),
        trapped=pl.when(pl.col("equipment_kind") == "lift").then("trapped"),
    )


def _told(pieces: pl.DataFrame, delivery: int, day: dt.date) -> pl.DataFrame:
    """The register as it was on a day."""
    made = pl.col("inspected_on") <= day
    first = pl.when("passed").then(pl.lit("合格")).otherwise(pl.lit("不合格"))
    return pieces.select(
        delivery=pl.lit(delivery, pl.Int64),
        设备编号="equipment_no",
        设备类别=pl.col("equipment_kind").replace_strict(KINDS),
        行政区划代码="division_code",
        应检日期=pl.col("due_on").dt.strftime("%Y-%m-%d"),
        检验日期=pl.when(made).then(pl.col("inspected_on").dt.strftime("%Y-%m-%d")),
        首检结论=pl.when(made).then(first),
        最终结论=pl.when(made).then(pl.lit("合格")),
        故障次数=pl.when(made).then(pl.col("trapped").cast(pl.String)),
    )


def _counts(pieces: pl.DataFrame) -> pl.DataFrame:
    """Every day of 2024 has passed when the last register was written; late ones are all made."""
    made = pl.col("inspected_on").is_not_null()
    numbers = {
        "due": pl.len(),
        "on_time": (pl.col("fate") == ON_TIME).sum(),
        "late": (pl.col("fate") == LATE).sum(),
        "open_overdue": (pl.col("fate") == NEVER).sum(),
        "judged_first": made.sum(),
        "passed_first": (made & pl.col("passed")).sum(),
        "service_events": pl.col("trapped").filter(made).sum(),
    }
    return (
        pieces.group_by("equipment_kind")
        .agg(**{name: number.cast(pl.Int64) for name, number in numbers.items()})
        .sort("equipment_kind")
    )
