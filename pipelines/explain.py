"""`samplehouse explain`: one figure in words, with its counts and the rows that lower it.

What is said comes from the table macros of the release (`warehouse/macros`), so anyone who has the
file can ask the same; this adds what is known where something else was asked for.
"""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import duckdb
import polars as pl

from pipelines.published import published
from pipelines.settings import Settings
from warehouse.errors import SamplehouseError
from warehouse.release_macros import macro_statements

Language = Literal["en", "zh"]

PERIODS = r"\d{4}(Q[1-4]|-(0[1-9]|1[0-2]))?"
# Tables that these macros read.
TABLES = (
    *("fact.indicator_unit", "mart.indicator_count", "mart.indicator_value"),
    *("mart.indicator_failure", "meta.delivery"),
    *("ref.indicator", "ref.indicator_variant", "ref.indicator_exclusion"),
    *("ref.indicator_slice", "ref.indicator_weight", "ref.plan_target"),
    *("ref.programme", "ref.sampling_basis", "ref.coverage"),
)
# Every query is given all four parameters.
LINES = """
    FROM mart.explain($indicator, period := $period, variant := $variant, division := $division)
"""
STRATA = """
    SELECT stratum, name_zh AS name, round(weight_share, 2) AS "weight %", denominator AS tested,
        numerator AS passed, round(rate, 2) AS "rate %"
    FROM mart.explained_stratum($indicator, period := $period, variant := $variant)
    WHERE $division IS NULL
"""
FAILURES = """
    SELECT counted_on AS day, unit_no AS unit, product_name AS product,
        coalesce(parameter_name, final_verdict) AS failed, result_text AS result,
        limit_text AS "limit", delivery_id AS delivery, file_name AS file,
        source_sheet AS sheet, source_row AS "row"
    FROM mart.explained_failure(
        $indicator, period := $period, variant := $variant, division := $division
    )
"""
SUPPRESSED = """
    SELECT is_suppressed
    FROM mart.explained($indicator, period := $period, variant := $variant, division := $division)
"""
WORDS = {
    "en": {
        "stratum": "Strata",
        "made_of": "What it is made of",
        "left_out": "Left out",
        "nothing_left_out": "Nothing of its field was left out.",
        "parameter": "Failing units by parameter",
        "failing": "Failing rows ({:,} units)",
        "nothing_failed": "Nothing that counts has failed.",
        "not_shown": "What failed is not shown: too few units.",
        "more": "… and {:,} more: --most 0 lists them all, as does mart.explained_failure.",
    },
    "zh": {
        "stratum": "分层",
        "made_of": "数据构成",
        "left_out": "未计入",
        "nothing_left_out": "没有未计入的对象。",
        "parameter": "按项目统计的不合格对象",
        "failing": "不合格明细（{:,} 个对象）",
        "nothing_failed": "计入的对象中没有不合格。",
        "not_shown": "样本过少，不合格情况不予显示。",
        "more": "… 另有 {:,} 行：--most 0 列出全部，亦见 mart.explained_failure。",
    },
}


COLUMNS_ZH = {
    "of": "类别",
    "units": "数量",
    "what": "说明",
    "name": "名称",
    "weight %": "权重 %",
    "tested": "检验数",
    "passed": "合格数",
    "rate %": "合格率 %",
    "day": "日期",
    "unit": "编号",
    "product": "产品",
    "failed": "不合格项目",
    "result": "检验结果",
    "limit": "限值",
    "delivery": "批次",
    "file": "文件",
    "sheet": "工作表",
    "row": "行",
}


@dataclass(frozen=True)
class Part:
    """A table of an explanation; `name` is that of the part in ``mart.explain``."""

    name: str
    title: str
    rows: pl.DataFrame


def explanation(  # noqa: PLR0913 - the options of the command
    con: duckdb.DuckDBPyConnection,
    indicator: str,
    variant: str | None = None,
    period: str | None = None,
    division: str | None = None,
    *,
    language: Language = "en",
    most: int = 20,
) -> list[str | Part]:
    """A figure explained, as sentences and tables in the order in which they are read.

    Args:
        con: of `figures`.
        indicator: indicator, or target that takes its figure from one.
        variant: way of counting; the official one where the plan names one.
        period: 2024, 2024Q2 or 2024-05; the last year with units by default.
        division: code of a division; the whole city by default.
        language: of everything that is said.
        most: failing rows to list, 0 for all.

    Raises:
        SamplehouseError: what is asked is not there; the message names what is.
    """
    asked = {"indicator": indicator, "period": period, "variant": variant, "division": division}
    _check(con, asked)
    lines = con.sql(LINES, params=asked).pl()
    figure = lines.filter(pl.col("part") == "figure")
    if figure.is_empty():
        place = f" in {division}" if division else ""
        raise SamplehouseError(
            f"{indicator} has no figure for {period or 'any year'}{place}: no unit of its field "
            "was inspected there and then"
        )
    said = figure.select(f"label_{language}", f"text_{language}").rows()
    words = WORDS[language]
    parts = [
        *_strata(con, asked, words),
        *_counted(lines, language, most),
        *_failures(con, asked, words, most),
    ]
    return [
        *(f"  {label:<12} {text}" for label, text in said),
        *(_in_chinese(part) if language == "zh" else part for part in parts),
    ]


@contextmanager
def figures(settings: Settings, as_of: dt.date | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """What `explanation` reads: the published release, or what could be known on a day.

    Raises:
        SamplehouseError: there is no release yet, or one of before the macros; or nothing was
            received up to that day.
    """
    if as_of is None:
        with published(settings.home.release_file, "mart.indicator_failure") as con:
            if not con.execute(
                "FROM duckdb_functions() WHERE function_name = 'explain'"
            ).fetchall():
                raise SamplehouseError(
                    "the release cannot explain itself yet; `samplehouse nightly` builds it anew"
                )
            yield con
        return
    from assets.build import tables_as_of  # noqa: PLC0415 - loads Dagster

    if not settings.home.partition_files("meta.delivery", as_of=as_of):
        raise SamplehouseError(f"nothing was received up to {as_of}")
    with tables_as_of(settings.home, settings.resources, as_of, TABLES) as con:
        for statement in macro_statements("explain"):
            con.execute(statement)
        yield con


# -- what is asked for


def _check(con: duckdb.DuckDBPyConnection, asked: dict[str, str | None]) -> None:
    """Whether the release knows what is asked for."""
    name = con.execute(
        "SELECT indicator_id FROM mart.explained($indicator)", {"indicator": asked["indicator"]}
    ).fetchall()[0][0]
    indicators = _column(con, "SELECT indicator_id FROM ref.indicator")
    _one_of("indicator", name or asked["indicator"] or "", indicators)
    if (variant := asked["variant"]) is not None:
        query = "SELECT variant_id FROM ref.indicator_variant WHERE indicator_id = ?"
        _one_of("variant", variant, _column(con, query, name))
    if (period := asked["period"]) is not None and not re.fullmatch(PERIODS, period):
        raise SamplehouseError(f"'{period}' is no period such as 2024, 2024Q2 or 2024-05")
    if (division := asked["division"]) is not None:
        query = "SELECT DISTINCT division_code FROM fact.indicator_unit"
        _one_of("division", division, _column(con, query))


def _column(con: duckdb.DuckDBPyConnection, query: str, *values: str) -> list[str]:
    return [row[0] for row in con.execute(query, values).fetchall() if row[0] is not None]


def _one_of(what: str, name: str, known: list[str]) -> None:
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise SamplehouseError(f"there is no {what} '{name}'; known {what}s: {names}")


# -- the answer


def _strata(
    con: duckdb.DuckDBPyConnection, asked: dict[str, Any], words: dict[str, str]
) -> list[Part]:
    rows = con.sql(STRATA, params=asked).pl()
    return [] if rows.is_empty() else [Part("stratum", words["stratum"], rows)]


def _counted(lines: pl.DataFrame, language: Language, most: int) -> list[str | Part]:
    """What the figure is made of, what it leaves out, and in what its units fail most."""
    words: dict[str, str] = WORDS[language]
    found: list[str | Part] = []
    for name in ("made_of", "left_out", "parameter"):
        rows = lines.filter(pl.col("part") == name).select(
            "units", of=f"label_{language}", what=f"text_{language}"
        )
        shown = rows.head(most) if name == "parameter" and most else rows
        if not rows.is_empty():
            found.append(Part(name, words[name], shown.select("of", "units", "what")))
        elif name == "left_out":
            found.append(words["nothing_left_out"])
    return found


def _failures(
    con: duckdb.DuckDBPyConnection, asked: dict[str, Any], words: dict[str, str], most: int
) -> list[str | Part]:
    rows = con.sql(FAILURES, params=asked).pl()
    if rows.is_empty():
        return [words["not_shown" if _is_suppressed(con, asked) else "nothing_failed"]]
    shown = rows if most == 0 else rows.head(most)
    # A column that nothing fills, such as the sheet of CSV files, takes room from the others.
    filled = [c.name for c in shown if c.null_count() < len(c) and set(c.to_list()) != {""}]
    title = words["failing"].format(rows["unit"].n_unique())
    more = rows.height - shown.height
    return [
        Part("failing", title, shown.select(filled)),
        *([words["more"].format(more)] if more > 0 else []),
    ]


def _is_suppressed(con: duckdb.DuckDBPyConnection, asked: dict[str, Any]) -> bool:
    """Whether the figure is of too few units to be shown."""
    return bool(con.execute(SUPPRESSED, asked).fetchall()[0][0])


def _in_chinese(part: str | Part) -> str | Part:
    """A table with Chinese headings."""
    if isinstance(part, str):
        return part
    return replace(part, rows=part.rows.rename(COLUMNS_ZH, strict=False))
