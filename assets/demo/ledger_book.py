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

from assets.demo.files import Sheet, write_workbook
from assets.demo.ledger_book_entries import TEN_THOUSAND, draw_entries
from assets.demo.lists import demo_list
from warehouse.ledger_template import LABELS, LEDGER_SHEET, choice
from warehouse.plan import Plan, item_id

SOURCE_ID = "ledger"
CHANGED = 0.02  # share of entries that are delivered wrong first and put right a quarter later
REPEATED = 0.02  # share of entries that are delivered again unchanged
COPIED = 0.01  # share of rows that stand twice in their file
MISTAKES = 2  # entries of each file that were wrong and are taken back a quarter later
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
    told = _told(rng, draw_entries(rng, plan), days)
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
