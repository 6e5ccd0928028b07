"""Entries of the plan's ledger (台账) as they are drawn: those of a target add up to its figure.

How they are delivered, quarter by quarter, is in `assets.demo.ledger_book`.
"""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import polars as pl

from assets.demo.chance import Integers
from assets.demo.identifiers import credit_codes
from assets.demo.lists import demo_list
from warehouse.plan import Milestone, Plan, Target, item_id

TEN_THOUSAND = 10_000
SECOND_AWARDS = 0.1  # share of firms and documents that are reported once more
QUARTER_LEVELS = (4, 3, 2, 1, 0)

# Columns of an entry before it is written as text.
ENTRY = {
    "target_id": pl.String(),
    "kind": pl.String(),
    "name": pl.String(),
    "code": pl.String(),
    "document": pl.String(),
    "day": pl.Date(),
    "quantity": pl.String(),
    "unit": pl.String(),
}


def draw_entries(rng: np.random.Generator, plan: Plan) -> pl.DataFrame:
    """Entries of every target of the plan that `ledger.csv` names, with the columns of `ENTRY`."""
    items = {item_id(item): item for item in plan.items}
    rows = demo_list("ledger").filter(pl.col("target_id").is_in(list(items)))
    frames = [
        _entries(rng, items[row["target_id"]], row, plan) for row in rows.iter_rows(named=True)
    ]
    return pl.concat(frames)


def _entries(
    rng: np.random.Generator, item: Target | Milestone, row: Mapping[str, str], plan: Plan
) -> pl.DataFrame:
    """Entries of one target that add up to its final figure."""
    year = plan.head.year
    rule = item.entry_rule if isinstance(item, Target) else "done"
    final = Decimal(row["final"])
    keeps = isinstance(item, Target) and item.accumulation in ("stock", "cumulative")
    if rule == "level":
        return _levels(row, final, year)
    if rule == "quantity":
        return _quantities(rng, row, int(final), year)
    if keeps and rule == "entities":
        return _stock(rng, row, int(final), year)
    counted = _units(rng, row, int(final), year, rule)
    again = counted.filter(pl.Series(rng.random(counted.height) < SECOND_AWARDS))
    if (least := plan.least_amount_of(row["target_id"])) is not None:
        unit = plan.head.least_amount[row["target_id"]].unit_zh
        counted = _with_amounts(counted, least, unit)
    if rule == "entities":  # a second award for the same firm
        again = again.with_columns(document=pl.col("document") + "之二")
    elif rule == "documents":  # a second firm that took part
        other = pl.Series(_codes(rng, again.height), dtype=pl.String)
        again = again.with_columns(code=other, name=pl.col("name") + "协作单位")
    else:
        again = again.clear()
    return pl.concat([counted, again])


def _frame(row: Mapping[str, str], size: int, **columns: pl.Series | str | None) -> pl.DataFrame:
    given = {"target_id": row["target_id"], "kind": "新增", **columns}
    cells = (
        cell.alias(name)
        if isinstance(cell := given.get(name), pl.Series)
        else pl.Series(name, [cell] * size, kind)
        for name, kind in ENTRY.items()
    )
    return pl.DataFrame([cell.cast(ENTRY[cell.name]) for cell in cells])


def _codes(rng: np.random.Generator, size: int) -> list[str]:
    prefix, region = pl.Series(["91"] * size, dtype=pl.String), pl.Series(["330782"] * size)
    return credit_codes(rng, prefix, region.cast(pl.String)).to_list() if size else []


def _days(rng: np.random.Generator, size: int, first: dt.date, last: dt.date) -> pl.Series:
    span: Integers = rng.integers(0, (last - first).days + 1, size)
    offsets = pl.lit(pl.Series(np.sort(span), dtype=pl.Int64))
    return pl.select(pl.lit(first) + pl.duration(days=offsets)).to_series()


def _numbered(stem: str, size: int, year: int) -> pl.Series:
    number = pl.int_range(1, size + 1, eager=True).cast(pl.String)
    return pl.select(pl.lit(f"{stem}〔{year}〕") + number + pl.lit("号")).to_series()


def _units(
    rng: np.random.Generator, row: Mapping[str, str], size: int, year: int, rule: str
) -> pl.DataFrame:
    """Firms with credit codes, or things with a name of their own; all different."""
    words = demo_list("firm_words")
    pairs: Integers = rng.choice(words.height**2, size, replace=False)
    first, second = pairs // words.height, pairs % words.height
    names = words["first"].gather(first) + words["second"].gather(second)
    named = rule != "done"
    coded = named and row["suffix"] is None
    return _frame(
        row,
        size,
        name=names + (row["suffix"] or "有限公司") if named else None,
        code=pl.Series(_codes(rng, size), dtype=pl.String) if coded else None,
        document=_numbered(row["document"], size, year),
        day=_days(rng, size, dt.date(year, 1, 8), dt.date(year, 12, 27)),
    )


def _with_amounts(counted: pl.DataFrame, least: Decimal, unit: str) -> pl.DataFrame:
    """Entries with an amount: the first with the least that counts, the others with more."""
    amounts = [f"{least * (10 + number) / 10 / TEN_THOUSAND:f}" for number in range(counted.height)]
    return counted.with_columns(
        quantity=pl.Series(amounts, dtype=pl.String), unit=pl.lit(f"万{unit}")
    )


def _quantities(
    rng: np.random.Generator, row: Mapping[str, str], final: int, year: int
) -> pl.DataFrame:
    """Parts that add up to the figure, in the unit that the office reports, 万 included."""
    size = min(12, final)
    cuts = np.sort(rng.choice(np.arange(1, final), size - 1, replace=False))
    parts = np.diff(np.concatenate(([0], cuts, [final]))).tolist()
    scale = TEN_THOUSAND if row["unit"].startswith("万") else 1
    texts = [str(Decimal(part) / scale) for part in parts]
    return _frame(
        row,
        size,
        document=_numbered(row["document"], size, year),
        day=_days(rng, size, dt.date(year, 1, 8), dt.date(year, 12, 27)),
        quantity=pl.Series(texts, dtype=pl.String),
        unit=row["unit"],
    )


def _levels(row: Mapping[str, str], final: Decimal, year: int) -> pl.DataFrame:
    """A level at the end of the year before, which does not count, and of each quarter."""
    scale = TEN_THOUSAND if row["unit"].startswith("万") else 1
    step = (final / 100).quantize(Decimal("0.01"))
    levels = [(final - step * back) / scale for back in QUARTER_LEVELS]
    ends = [dt.date(year - 1, 12, 31)]
    ends += [dt.date(year, month, day) for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))]
    return _frame(
        row,
        len(ends),
        kind="期末数",
        document=_numbered(row["document"], len(ends), year),
        day=pl.Series(ends),
        quantity=pl.Series([f"{level:f}" for level in levels], dtype=pl.String),
        unit=row["unit"],
    )


def _stock(rng: np.random.Generator, row: Mapping[str, str], final: int, year: int) -> pl.DataFrame:
    """A level at mid-year, and after it firms that came and firms that went."""
    came, went = min(6, final // 10), min(2, final // 20)
    level = _frame(
        row,
        1,
        kind="期末数",
        document=_numbered(row["document"], 1, year),
        day=pl.Series([dt.date(year, 6, 30)]),
        quantity=str(final - came + went),
        unit=row["unit"],
    )
    moved = _units(rng, row, came + went, year, "entities").with_columns(
        day=_days(rng, came + went, dt.date(year, 7, 5), dt.date(year, 12, 20)),
        kind=pl.Series(["新增"] * came + ["退出"] * went, dtype=pl.String),
        document=pl.lit(None, pl.String),
    )
    return pl.concat([level, moved])
