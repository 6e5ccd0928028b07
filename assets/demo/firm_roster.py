"""The roster of firms: what every firm of the city is, and what changes in the middle of a year."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import pick_row, pick_within
from assets.demo.lists import numbered
from assets.demo.rosters import rejected_rows, write_lists
from assets.demo.source_year import SourceYear
from warehouse.reference_lists import code_list

SOURCE_ID = "firm_roster"
SHEET = "企业名录"
CLASSES = ("大型", "中型", "小型", "微型")
SIZES = ("large", "medium", "small", "micro")  # columns of firm_kinds.csv, in the same order
FIRST_DAY, CHANGE_DAY = dt.date(2023, 1, 1), dt.date(2024, 7, 1)
LEADER, MEMBER = "链主", "链员"
_MISSING, _GROWING, _WRONG, _REPEATED, _COPIED = 0.08, 0.06, 0.02, 0.03, 0.01

# Rows that break a rule: rule → the cells that break it.
_DEFECTS: dict[str, dict[str, str | None]] = {
    "malformed_entity_uscc": {"统一社会信用代码": "9133078"},
    "missing_valid_from": {"生效日期": None},
    "unknown_firm_class": {"企业规模": "规上企业"},
}


@dataclass(frozen=True)
class FirmRoster:
    """What the roster tells.

    Attributes:
        entries: what is true in the end: uscc, valid_from, valid_to (NULL = goes on), and
            firm_class, subject_type, chain as codes (chain NULL = in none).
        deliveries: rows of `truth.Truth.deliveries`.
        rejected: rows of `truth.Truth.rejected`.
    """

    entries: pl.DataFrame
    deliveries: pl.DataFrame
    rejected: pl.DataFrame


def write_firm_roster(
    rng: np.random.Generator, landing: Path, years: list[SourceYear]
) -> FirmRoster:
    """Write the roster of the firms that the sources name; a few are missing from it.

    Two workbooks: all firms as of the year before, and in July those that grew (their line with
    its last day, and a new one) and those whose class was wrong.
    """
    firms = _described(rng, _firms(years))
    lines = _lines(rng, firms)
    told = _as_text(lines)
    spoiled = pl.concat(
        told.filter(pl.col("delivery") == 0)
        .head(1)
        .with_columns(
            *(pl.lit(text, pl.String).alias(label) for label, text in cells.items()),
            place=pl.lit("rejected"),
            rule_id=pl.lit(rule),
        )
        for rule, cells in _DEFECTS.items()
    )
    told = told.with_columns(rule_id=pl.lit(None, pl.String))
    used = told.filter(pl.col("place") == "used")
    copied = used.filter(pl.Series(rng.random(used.height) < _COPIED)).with_columns(
        place=pl.lit("duplicate")
    )
    rows = pl.concat([told, spoiled, copied])
    return FirmRoster(
        _entries(lines),
        write_lists(landing, SOURCE_ID, "义乌市企业名录", {SHEET: rows.drop("rule_id")}),
        rejected_rows(SOURCE_ID, rows),
    )


def _firms(years: list[SourceYear]) -> pl.DataFrame:
    """Every firm with a credit code that a source names, once: uscc, firm_name, division_code."""
    named = pl.concat(
        year.contents.select("uscc", "firm_name", "division_code")
        for year in years
        if "uscc" in year.contents.columns
    )
    return (
        named.filter(pl.col("uscc").str.len_chars() == 18)  # noqa: PLR2004 - of a credit code
        .group_by("uscc")
        # Digits come before UNKNOWN, which stands where one of several samples has no place.
        .agg(pl.col("firm_name").min(), pl.col("division_code").min())
        .sort("uscc")
    )


def _described(rng: np.random.Generator, firms: pl.DataFrame) -> pl.DataFrame:
    """Firms of the roster with subject, firm_class, chain and role, in the words of the offices."""
    kinds = numbered("firm_kinds", *SIZES).unique("suffix", maintain_order=True)
    endings = "|".join(sorted(kinds["suffix"], key=len, reverse=True))
    known = firms.filter(pl.Series(rng.random(firms.height) > _MISSING)).with_columns(
        suffix=pl.col("firm_name").str.extract(f"({endings})$")
    )
    known = known.join(
        kinds.select("suffix", "kind", "subject"), on="suffix", maintain_order="left"
    )
    weights = (
        kinds.drop("weight")
        .unpivot(SIZES, index="suffix", value_name="weight")
        .filter(pl.col("weight") > 0)
    )
    names = dict(zip(SIZES, CLASSES, strict=True))
    drawn = pick_within(rng, weights, known["suffix"], by="suffix")["variable"]
    chains = pick_row(rng, numbered("chains", "weight"), known.height)["chain"]
    return (
        known.with_columns(
            firm_class=drawn.replace_strict(names),
            chain=pl.when(pl.col("kind") == "factory").then(chains),
        )
        .with_columns(
            role=pl.when(pl.col("chain").is_null())
            .then(None)
            .when(pl.int_range(pl.len()).over("chain") == 0)
            .then(pl.lit(LEADER))
            .otherwise(pl.lit(MEMBER))
        )
        .drop("suffix", "kind")
    )


def _lines(rng: np.random.Generator, firms: pl.DataFrame) -> pl.DataFrame:
    """Lines of both deliveries, with `place` where each of them ends."""
    chance = pl.Series(rng.random(firms.height))
    small = firms["firm_class"].is_in(CLASSES[2:])
    growing = small & (chance < _GROWING)
    wrong = (chance >= _GROWING) & (chance < _GROWING + _WRONG)
    repeated = chance > 1 - _REPEATED
    larger = dict(zip(CLASSES[1:], CLASSES[:-1], strict=True))
    next_class = pl.col("firm_class").replace(larger | {CLASSES[0]: CLASSES[1]})
    right = firms.with_columns(
        valid_from=pl.lit(FIRST_DAY), valid_to=pl.lit(None, pl.Date), place=pl.lit("used")
    )
    first = right.with_columns(
        firm_class=pl.when(wrong).then(next_class).otherwise("firm_class"), delivery=0
    )
    second = pl.concat(
        [
            right.filter(growing).with_columns(valid_to=pl.lit(CHANGE_DAY)),
            right.filter(growing).with_columns(
                firm_class=next_class, valid_from=pl.lit(CHANGE_DAY)
            ),
            right.filter(wrong),
            right.filter(repeated).with_columns(place=pl.lit("unchanged")),
        ]
    ).with_columns(delivery=1)
    return pl.concat([first, second]).with_columns(pl.col("delivery").cast(pl.Int64))


def _as_text(lines: pl.DataFrame) -> pl.DataFrame:
    day = "%Y-%m-%d"
    return lines.select(
        "delivery",
        "place",
        统一社会信用代码="uscc",
        企业名称="firm_name",
        行政区划代码="division_code",
        企业规模="firm_class",
        主体类型="subject",
        产业链="chain",
        链上角色="role",
        生效日期=pl.col("valid_from").dt.strftime(day),
        失效日期=pl.col("valid_to").dt.strftime(day),
    )


def _entries(lines: pl.DataFrame) -> pl.DataFrame:
    """What is known in the end, with codes."""
    latest = lines.sort("delivery", maintain_order=True).unique(
        ("uscc", "valid_from"), keep="last", maintain_order=True
    )
    return latest.select(
        "uscc",
        "valid_from",
        "valid_to",
        *(
            pl.col(column).replace_strict(_codes(name)).alias(name)
            for name, column in (
                ("firm_class", "firm_class"),
                ("subject_type", "subject"),
                ("chain", "chain"),
            )
        ),
    ).sort("uscc", "valid_from")


def _codes(name: str) -> dict[str, str]:
    return dict(code_list(name).select("name_zh", "code").rows())


def firm_counts(units: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Tested and passed units by what their firm was on the day.

    Args:
        units: domain, programme, sampling_basis, uscc, sampled_on, failed (NULL = no verdict).
        entries: as of `FirmRoster`.

    Returns:
        domain, programme, sampling_basis, year, slice_type (chain, firm_class, subject_type),
        slice, tested, passed.
    """
    numbered_units = units.with_row_index("unit")
    held = (
        numbered_units.join(entries, on="uscc", how="inner")
        .filter(
            pl.col("sampled_on") >= pl.col("valid_from"),
            pl.col("valid_to").is_null() | (pl.col("sampled_on") < pl.col("valid_to")),
        )
        .with_columns(pl.col("chain").fill_null("NONE"))
    )
    slices = ("chain", "firm_class", "subject_type")
    told = numbered_units.join(held.select("unit", *slices), on="unit", how="left").with_columns(
        pl.col(slices).fill_null("UNSTATED")
    )
    field = ("domain", "programme", "sampling_basis", "year")
    by = (*field, "slice_type", "slice")
    return (
        told.with_columns(year=pl.col("sampled_on").dt.strftime("%Y"))
        .unpivot(
            slices,
            index=[*field, "failed"],
            variable_name="slice_type",
            value_name="slice",
        )
        .group_by(by)
        .agg(
            tested=pl.col("failed").count().cast(pl.Int64),
            passed=(~pl.col("failed")).sum().cast(pl.Int64),
        )
        .sort(by)
    )
