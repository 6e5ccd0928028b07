"""`samplehouse scorecard`: the plan at a glance, in a terminal or as a file."""

from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import polars as pl

from pipelines.published import published
from warehouse.errors import SamplehouseError

Language = Literal["en", "zh"]
TABLE = "mart.scorecard"
# These first in files; everything else of the table follows.
FIRST = (
    *("target_id", "kind", "value", "comparator", "target", "unit"),
    *("official_status", "evidence", "figure_source", "as_of"),
)
MOST_DECIMALS = 10

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "met": "met",
        "not_met": "NOT met",
        "not_yet": "not yet met",
        "no_data": "no data",
        "not_judged": "not judged",
        "demonstrated": "demonstrated",
        "inconclusive": "inconclusive",
        "missed": "missed",
        "census": "census",
        "operational": "programme only",
        "records": "records",
        "ledger": "ledger",
        "none": "",
        "milestone": "done by the end of the year",
        "done": "done",
        "gap": "{assessed} of {on_roster} assessed",
    },
    "zh": {
        "met": "达标",
        "not_met": "未达标",
        "not_yet": "尚未达标",
        "no_data": "无数据",
        "not_judged": "不判定",
        "demonstrated": "有充分证据",
        "inconclusive": "证据不足",
        "missed": "证据显示未达标",
        "census": "全数检查",
        "operational": "仅代表本任务",
        "records": "检验记录",
        "ledger": "台账",
        "none": "",
        "milestone": "年底前完成",
        "done": "已完成",
        "gap": "应评{on_roster}个，参评{assessed}个",
    },
}
HEADINGS: dict[Language, tuple[str, ...]] = {
    "en": (
        *("section", "target or milestone", "value", "target", "status", "evidence"),
        *("failures left", "from"),
    ),
    "zh": ("章节", "目标或任务", "数值", "目标值", "达标情况", "统计证据", "剩余额度", "数据来源"),
}
NUMBERS = "value target failures left 数值 目标值 剩余额度"


def scorecard_rows(release: Path, plan_id: str | None) -> pl.DataFrame:
    """The scorecard of one plan, in the plan's order; `FIRST` come first.

    Args:
        release: file of the release.
        plan_id: which plan; None where there is only one.

    Raises:
        SamplehouseError: no release, no such plan, or several and none named.
    """
    with published(release, TABLE) as con:
        rows = con.sql(f"FROM {TABLE} ORDER BY plan_id, position").pl()
    known = rows["plan_id"].unique().sort().to_list()
    names = ", ".join(known) or "none"
    if plan_id is None and len(known) > 1:
        raise SamplehouseError(f"say which plan is meant with --plan; known plans: {names}")
    if plan_id is not None and plan_id not in known:
        raise SamplehouseError(f"there is no plan '{plan_id}' in the release; its plans: {names}")
    wanted = rows if plan_id is None else rows.filter(pl.col("plan_id") == plan_id)
    return wanted.select(*FIRST, pl.exclude(FIRST))


def lines(rows: pl.DataFrame, language: Language) -> list[tuple[str, ...]]:
    """Rows as they are printed, under `HEADINGS`; a section is named where it begins."""
    words = WORDS[language]
    printed: list[tuple[str, ...]] = []
    section = None
    for row in rows.with_columns(told=_told()).iter_rows(named=True):
        is_milestone = row["kind"] == "milestone"
        status = words[row["told"]]
        left = row["failures_left"]
        printed.append(
            (
                row["section"] if row["section"] != section else "",
                row[f"name_{language}"],
                _value(row["value"], row["target"], row["unit"], words),
                words["milestone"]
                if is_milestone
                else f"{row['comparator']} {row['target'].normalize():,f}{_unit(row['unit'])}",
                status + _gap(row, words) + (" *" if row["awaiting_decision"] else ""),
                words[row["evidence"]],
                "" if left is None else f"{left:,}",
                words[row["figure_source"]],
            )
        )
        section = row["section"]
    return printed


def _told() -> pl.Expr:
    """The official status; what is not met before the period is over may still be."""
    not_yet = (pl.col("official_status") == "not_met") & ~pl.col("period_over")
    return pl.when(not_yet).then(pl.lit("not_yet")).otherwise("official_status")


def _gap(row: dict[str, Any], words: dict[str, str]) -> str:
    """How much of a roster was assessed, where that is not all of it."""
    if not row["not_assessed"]:
        return ""
    assessed = row["on_roster"] - row["not_assessed"]
    return f" ({words['gap'].format(assessed=assessed, on_roster=row['on_roster'])})"


def _unit(unit: str) -> str:
    return " %" if unit == "%" else ""


def _value(value: float | None, target: Decimal, unit: str, words: dict[str, str]) -> str:
    """A figure with as few decimals as tell it from its target: 93.99 is never printed as 94."""
    if value is None:
        return ""
    if unit == "done":
        return words["done"]
    digits = 2 if unit == "%" else 0 if value == int(value) else 1
    goal = float(target)
    while digits < MOST_DECIMALS and value != goal and float(f"{value:.{digits}f}") == goal:
        digits += 1
    return f"{value:,.{digits}f}{_unit(unit)}"


def summary(rows: pl.DataFrame, language: Language = "en") -> list[str]:
    """How many promises are met, and what the samples behind the rates say, in sentences."""
    words = WORDS[language]

    def counts(column: str, known: tuple[str, ...], counted: pl.DataFrame) -> str:
        found = dict(counted[column].value_counts().rows())
        sep = "，" if language == "zh" else ", "
        return sep.join(f"{words[name]} {found[name]}" for name in known if name in found)

    sampled = rows.filter(pl.col("figure_source") == "records")
    told = rows.with_columns(told=_told())
    status = counts("told", ("met", "not_met", "not_yet", "no_data", "not_judged"), told)
    shown = ("demonstrated", "inconclusive", "missed", "census", "operational")
    evidence = counts("evidence", shown, sampled)
    waiting = int(rows["awaiting_decision"].sum())
    if language == "zh":
        found = [f"目标和任务共{rows.height}项：{status}。"]
        found += [f"其中{sampled.height}项由检验记录得出：{evidence}。"] if evidence else []
        return found + ([f"* {waiting}项的口径待确定。"] if waiting else [])
    found = [f"{rows.height} targets and milestones: {status}."]
    found += [f"{sampled.height} figures from records: {evidence}."] if evidence else []
    return found + (
        [f"* The owner has something to decide about {waiting} of them."] if waiting else []
    )


def write(rows: pl.DataFrame, kind: Literal["csv", "json", "xlsx"], output: Path | None) -> str:
    """Write rows to a file, or give them as text.

    Raises:
        SamplehouseError: a workbook without a file, or a file that cannot be written.
    """
    exact = rows.with_columns(pl.col("target").cast(pl.Float64))
    if kind == "xlsx":
        if output is None:
            raise SamplehouseError("a workbook needs a file: --output scorecard.xlsx")
        book = BytesIO()
        exact.write_excel(book, worksheet="scorecard")
        return _to_file(output, book.getvalue())
    days = pl.selectors.date().dt.strftime("%Y-%m-%d")
    text = exact.write_csv() if kind == "csv" else exact.with_columns(days).write_json()
    if output is None:
        return text.rstrip("\n")
    # With the mark that spreadsheets need to see that a CSV is UTF-8.
    encoding = "utf-8-sig" if kind == "csv" else "utf-8"
    return _to_file(output, text.encode(encoding))


def _to_file(output: Path, content: bytes) -> str:
    try:
        output.write_bytes(content)
    except OSError as error:
        raise SamplehouseError(f"{output} cannot be written: {error.strerror or error}") from error
    return f"written: {output}"
