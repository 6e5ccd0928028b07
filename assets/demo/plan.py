"""Which unit comes in which delivery, and what is wrong with it there.

A unit (a sample, an acceptance attempt) first comes in the earliest regular delivery of its
stream after it is ready. A few have a defect there; of those, some are delivered again, mended,
with the next correction. A few others come again corrected, and a few unchanged.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from assets.demo.lists import calendar, of_source, settings

DATE_OVERFLOW = "date_overflow"
_OVERFLOW_SHARE = 0.6
_MENDED_SHARE = 0.5
_FAILING_CORRECTED_RATIO = 6.0


@dataclass(frozen=True)
class Plan:
    """The deliveries of a source's units.

    Attributes:
        calendar: deliveries in order of arrival (see `lists.calendar`).
        units: the units with `delivery_no`, `received_on`, `notice` of their first delivery,
            `defect` there, and `again` (mended, corrected, repeated) with `again_no`.
    """

    calendar: pl.DataFrame
    units: pl.DataFrame


def plan(rng: np.random.Generator, source_id: str, units: pl.DataFrame) -> Plan:
    """Give every unit its deliveries and its defect.

    Args:
        rng: source of chance.
        source_id: row of `sources.csv` and rows of `deliveries.csv` and `defects.csv`.
        units: unit_id (0…n-1 in order), stream, ready_on, failed.
    """
    days = calendar(source_id)
    placed = _first_delivery(units, days)
    treated = _with_defects(rng, placed, source_id)
    return Plan(days, _with_second_delivery(rng, treated, source_id, days))


def _first_delivery(units: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    regular = days.filter(pl.col("kind") == "regular").select(
        "stream", "received_on", "delivery_no", "notice"
    )
    last = regular.group_by("stream").agg(latest=pl.col("received_on").max())
    waiting = (
        units.join(last, on="stream", how="left")
        # What is ready after the last delivery is hurried into it.
        .with_columns(pl.min_horizontal("ready_on", "latest").alias("wanted_on"))
        .sort("wanted_on", "unit_id")
    )
    return (
        waiting.join_asof(
            regular.sort("received_on"),
            left_on="wanted_on",
            right_on="received_on",
            by="stream",
            strategy="forward",
            check_sortedness=False,
            coalesce=False,
        )
        .drop("latest", "wanted_on", "stream_right", strict=False)
        .sort("unit_id")
    )


def _with_defects(rng: np.random.Generator, units: pl.DataFrame, source_id: str) -> pl.DataFrame:
    """Column `defect`: never more of one delivery than the cap, so that none is held by chance."""
    cap = float(settings(source_id)["defect_cap"])
    kinds = of_source("defects", source_id).with_columns(pl.col("share").cast(pl.Float64))
    wanted = kinds.filter(pl.col("share") > 0).select(
        "defect", times=(pl.col("share") * units.height).round().clip(lower_bound=1)
    )
    queue = wanted.select(
        pl.col("defect").repeat_by(pl.col("times").cast(pl.UInt32)).explode()
    ).with_row_index("turn")
    shuffled = units.with_columns(chance=pl.Series(rng.random(units.height)))
    eligible = shuffled.filter(
        pl.col("chance").rank("ordinal").over("delivery_no")
        <= (pl.len().over("delivery_no") * cap).floor()
    )
    chosen = (
        eligible.sort("chance")
        .select("unit_id")
        .with_row_index("turn")
        .join(queue, on="turn", how="inner")
        .select("unit_id", "defect")
    )
    return units.join(chosen, on="unit_id", how="left", maintain_order="left")


def _with_second_delivery(
    rng: np.random.Generator, units: pl.DataFrame, source_id: str, days: pl.DataFrame
) -> pl.DataFrame:
    """Columns `again` and `again_no`, NULL for units that come once."""
    shares = settings(source_id)
    corrected, repeated = float(shares["corrected_share"]), float(shares["repeated_share"])
    one_line = of_source("defects", source_id).filter(pl.col("one_line") == "true")["defect"]
    chance = pl.Series("chance", rng.random(units.height))
    failed = pl.col("failed").fill_null(value=False)
    bound = pl.when(failed).then(corrected * _FAILING_CORRECTED_RATIO).otherwise(corrected)
    again = (
        pl.when(pl.col("defect").is_not_null())
        .then(
            pl.when(
                ~pl.col("defect").is_in(one_line.to_list()), pl.col("chance") < _MENDED_SHARE
            ).then(pl.lit("mended"))
        )
        .when(pl.col("chance") < bound)
        .then(pl.lit("corrected"))
        .when(pl.col("chance") < bound + repeated)
        .then(pl.lit("repeated"))
    )
    corrections = days.filter(pl.col("kind") == "correction").select(
        again_no="delivery_no", corrected_on="received_on"
    )
    return (
        units.with_columns(chance)
        .with_columns(again=again, not_before=pl.col("received_on").dt.offset_by("5d"))
        .sort("not_before", "unit_id")
        .join_asof(
            corrections.sort("corrected_on"),
            left_on="not_before",
            right_on="corrected_on",
            strategy="forward",
        )
        .with_columns(again_no=pl.when(pl.col("again").is_not_null()).then("again_no"))
        .with_columns(again=pl.when(pl.col("again_no").is_not_null()).then("again"))
        .drop("chance", "not_before", "corrected_on", strict=False)
        .sort("unit_id")
    )


def events(rng: np.random.Generator, planned: Plan, corrected: pl.DataFrame) -> pl.DataFrame:
    """Every time that a content of a unit is delivered.

    Args:
        rng: source of chance.
        planned: result of `plan`.
        corrected: unit_id and content_id of units that come again with another content (the first
            content of a unit has the unit's own number).

    Returns:
        delivery_no, unit_id, content_id, defect; ordered by delivery and unit.
    """
    units = planned.units
    first = units.select("delivery_no", "unit_id", content_id="unit_id", defect="defect")
    again = (
        units.filter(pl.col("again_no").is_not_null())
        .join(corrected, on="unit_id", how="left", maintain_order="left")
        .select(
            delivery_no="again_no",
            unit_id="unit_id",
            content_id=pl.coalesce("content_id", "unit_id"),
            defect=pl.lit(None, pl.String),
        )
    )
    return pl.concat([first, again, _held(rng, planned.calendar, first)]).sort(
        "delivery_no", "unit_id"
    )


def _held(rng: np.random.Generator, days: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """A held delivery holds the units of the one it repeats, most of them with unreadable dates."""
    pairs = (
        days.filter(pl.col("kind") == "held")
        .select(held_no="delivery_no", repeats="repeats")
        .join(
            days.filter(pl.col("kind") == "regular").select("delivery_no", repeats="file_name"),
            on="repeats",
        )
    )
    repeated = first.join(
        pairs.select("delivery_no", "held_no"),
        on="delivery_no",
        how="inner",
        maintain_order="left",
    )
    unreadable = pl.Series(rng.random(repeated.height) < _OVERFLOW_SHARE, dtype=pl.Boolean)
    return repeated.select(
        delivery_no="held_no",
        unit_id="unit_id",
        content_id="content_id",
        defect=pl.when(unreadable).then(pl.lit(DATE_OVERFLOW)),
    )
