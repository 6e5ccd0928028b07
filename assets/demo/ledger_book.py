"""The demo's ledger: what the offices of the synthetic city report each quarter, and its truth.

Unlike the samples of `assets.demo.ledger` (the book of deliveries), these are the entries of the
plan's ledger (台账): firms recognised, standards published, events held, levels reached.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import Integers
from assets.demo.files import Sheet, write_workbook
from assets.demo.identifiers import credit_codes
from assets.demo.lists import demo_list
from warehouse.ledger_template import LABELS, LEDGER_SHEET, choice
from warehouse.plan import Milestone, Plan, Target, item_id

SOURCE_ID = "ledger"
TEN_THOUSAND = 10_000
SECOND_AWARDS = 0.1  # share of firms and documents that are reported once more
CHANGED = 0.02  # share of entries that are delivered wrong first and put right a quarter later
REPEATED = 0.02  # share of entries that are delivered again unchanged
COPIED = 0.01  # share of rows that stand twice in their file
MISTAKES = 2  # entries of each file that were wrong and are taken back a quarter later
QUARTER_LEVELS = (4, 3, 2, 1, 0)

# Columns of an entry before it is written as text. `unit_key` is what its target counts once.
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
KEY = ("target_id", "kind_of_its_own", "code", "document")

# Rows that break a rule: rule → the cells that break it.
DEFECTS: dict[str, dict[str, str | None]] = {
    "unknown_target_id": {"目标": "new_target 尚未列入方案的目标"},
    "missing_dated_on": {"日期": None},
    "missing_entity_or_document": {"统一社会信用代码": None, "文号或证书编号": None},
}


@dataclass(frozen=True)
class LedgerTruth:
    """What must come out of the ledger.

    Attributes:
        figures: received_on, target_id and its value as known after that day's delivery; only
            targets of which anything was reported.
        deliveries: received_on, file_name and the five outcomes of the rows of each file.
    """

    figures: pl.DataFrame
    deliveries: pl.DataFrame

    def write(self, path: Path) -> None:
        """Write the truth as JSON in UTF-8."""
        dates = pl.selectors.date().dt.strftime("%Y-%m-%d")
        tables = {"figures": self.figures, "deliveries": self.deliveries}
        records = {name: table.with_columns(dates).to_dicts() for name, table in tables.items()}
        path.write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", "utf-8")


def ledger_calendar() -> pl.DataFrame:
    """Deliveries of the ledger in order: received_on, file_name, and the plan_id they are for."""
    days = pl.col("received_on").str.to_date("%Y-%m-%d")
    return demo_list("ledger_deliveries").with_columns(days).sort("received_on")


def write_ledger(landing: Path, plan: Plan, seed: int) -> LedgerTruth:
    """Write the quarterly workbooks of the ledger to `landing/ledger/<day>/`.

    The same seed gives the same bytes.

    Args:
        landing: folder of files as received.
        plan: whose targets the entries count towards; targets that the list `ledger` does not name
            are not reported.
        seed: seed of everything that is drawn.
    """
    rng = np.random.default_rng([seed, 61])
    calendar = ledger_calendar()
    days = calendar["received_on"].to_list()
    told = _told(rng, _all_entries(rng, plan), days)
    written = [
        _write_quarter(rng, landing, plan, told.filter(pl.col("delivery") == number), row)
        for number, row in enumerate(calendar.select("received_on", "file_name").rows())
    ]
    figures = [
        _figures(told.filter(pl.col("delivery") <= number), plan).with_columns(received_on=day)
        for number, day in enumerate(days)
    ]
    return LedgerTruth(
        pl.concat(figures).select("received_on", "target_id", "value"), pl.concat(written)
    )


def _all_entries(rng: np.random.Generator, plan: Plan) -> pl.DataFrame:
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


def _told(rng: np.random.Generator, entries: pl.DataFrame, days: Sequence[dt.date]) -> pl.DataFrame:
    """Entries as the deliveries bring them: with corrections, repeats and ones taken back."""
    received = pl.DataFrame({"received_on": days}).with_row_index("delivery")
    told = (
        entries.with_columns(earliest=pl.col("day") + pl.duration(days=3))
        .sort("earliest", "target_id", "kind", "document", maintain_order=True)
        .join_asof(received, left_on="earliest", right_on="received_on", strategy="forward")
        .with_columns(pl.col("delivery").cast(pl.Int64), note=pl.lit(None, pl.String))
        .drop("earliest", "received_on")
    )
    last = len(days) - 1
    chance = pl.Series(rng.random(told.height))
    early = told["delivery"] < last
    changed, repeated = early & (chance < CHANGED), early & (chance > 1 - REPEATED)
    right = told.filter(changed).with_columns(pl.col("delivery") + 1, note=pl.lit("更正"))
    again = told.filter(repeated).with_columns(pl.col("delivery") + 1)
    again = again.with_columns(unchanged=pl.lit(value=True))
    # Wrong at first: a day too early and, where there is a quantity, ten times as much.
    wrong = told.with_columns(
        day=pl.when(changed).then(pl.col("day") - pl.duration(days=1)).otherwise("day"),
        quantity=pl.when(changed).then(_tenfold(told["quantity"])).otherwise("quantity"),
    )
    mistakes = (
        told.filter(early & (told["kind"] == "新增") & ~changed & told["code"].is_not_null())
        .filter(pl.int_range(pl.len()).over("delivery") < MISTAKES)
        .with_columns(document=pl.col("document") + "（误）", code=pl.lit(None, pl.String))
    )
    back = mistakes.with_columns(pl.col("delivery") + 1, kind=pl.lit("撤销"))
    everything = pl.concat([wrong, right, again, mistakes, back], how="diagonal")
    own = pl.col("kind").is_in(["退出", "期末数"])
    return everything.with_columns(
        pl.col("unchanged").fill_null(value=False), kind_of_its_own=pl.when(own).then("kind")
    )


def _tenfold(quantity: pl.Series) -> pl.Series:
    texts = [None if text is None else f"{Decimal(text) * 10:f}" for text in quantity]
    return pl.Series(texts, dtype=pl.String)


def _write_quarter(
    rng: np.random.Generator,
    landing: Path,
    plan: Plan,
    told: pl.DataFrame,
    delivery: tuple[dt.date, str],
) -> pl.DataFrame:
    """Write one workbook; returns its line of the account."""
    received_on, file_name = delivery
    rows = _as_text(told, plan)
    spoiled = [rows.head(1).with_columns(**_literals(cells)) for cells in DEFECTS.values()]
    copied = rows.filter(~told["unchanged"] & (pl.Series(rng.random(rows.height)) < COPIED))
    everything = pl.concat([rows, *spoiled, copied])
    write_workbook(
        landing / SOURCE_ID / received_on.isoformat() / file_name,
        [Sheet(LEDGER_SHEET, plan.head.title.zh, everything)],
        dates=("日期",),
        numbers=("数量",),
    )
    unchanged = int(told["unchanged"].sum())
    return pl.DataFrame(
        {
            "received_on": [received_on],
            "file_name": [file_name],
            "rows_used": [rows.height - unchanged],
            "rows_rejected": [len(DEFECTS)],
            "rows_duplicate": [copied.height],
            "rows_unchanged": [unchanged],
            "rows_ignored": [2],  # title and header
        }
    )


def _literals(cells: Mapping[str, str | None]) -> dict[str, pl.Expr]:
    return {label: pl.lit(text, pl.String) for label, text in cells.items()}


def _as_text(told: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Entries under the labels of the template, in the order of the plan."""
    choices = pl.DataFrame(
        [(item_id(item), choice(item)) for item in plan.items],
        schema={"target_id": pl.String, "目标": pl.String},
        orient="row",
    ).with_row_index("position")
    offices = demo_list("ledger").select("target_id", "office", "issuing_body")
    named = told.join(choices, on="target_id", how="left", maintain_order="left").join(
        offices, on="target_id", how="left", maintain_order="left"
    )
    texts = {
        "目标": pl.col("目标"),
        "记录类型": pl.col("kind"),
        "单位名称": pl.col("name"),
        "统一社会信用代码": pl.col("code"),
        "文号或证书编号": pl.col("document"),
        "发文机关": pl.col("issuing_body"),
        "日期": pl.col("day").dt.strftime("%Y-%m-%d"),
        "级别": pl.lit(None, pl.String),
        "数量": pl.col("quantity"),
        "计量单位": pl.col("unit"),
        "佐证材料": pl.lit("档案 ") + pl.col("target_id"),
        "填报单位": pl.col("office"),
        "备注": pl.col("note"),
    }
    ordered = named.sort("position", "day", "document", "code", maintain_order=True)
    return ordered.select(**{label.text: texts[label.text] for label in LABELS})


# -- the truth, from the entries as they were drawn


def _figures(told: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Value of every target of which anything is known: target_id, value."""
    rules = {t.target_id: t.entry_rule for t in plan.targets}
    start = plan.head.period.start
    known = (
        told.sort("delivery", maintain_order=True)
        .unique(KEY, keep="last", maintain_order=True)
        .filter(pl.col("kind") != "撤销", pl.col("day") >= start)
        .sort("day", maintain_order=True)
    )
    values = [
        (target_id, _figure(of_target, rules.get(target_id, "done")))
        for (target_id,), of_target in known.group_by(["target_id"], maintain_order=True)
    ]
    schema = {"target_id": pl.String, "value": pl.String}
    return pl.DataFrame(values, schema=schema, orient="row")


def _figure(entries: pl.DataFrame, rule: str) -> str:
    """The figure as exact text."""
    amounts = [
        Decimal(quantity) * (TEN_THOUSAND if (unit or "").startswith("万") else 1)
        for quantity, unit in entries.select("quantity", "unit").rows()
        if quantity is not None
    ]
    if rule == "level":
        return f"{amounts[-1]:f}"
    if rule == "quantity":
        return f"{sum(amounts):f}"
    moves = entries.filter(pl.col("kind") != "期末数")
    if moves.height < entries.height:  # a stock: its level, and who came and went since
        came, went = (moves.filter(pl.col("kind") == kind).height for kind in ("新增", "退出"))
        return f"{amounts[-1] + came - went:f}"
    if rule == "entities":
        return str(moves.select(pl.coalesce("code", "name").n_unique()).item())
    if rule == "documents":
        return str(moves["document"].n_unique())
    return "1" if rule == "done" else str(moves.height)
