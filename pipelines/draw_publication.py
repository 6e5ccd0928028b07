"""The publication of a random draw (双随机、一公开): item, plan, task and results, masked."""

import datetime as dt
from io import BytesIO
from pathlib import Path

import polars as pl
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from assets.draw.masking import masked_code, masked_name, masked_text
from pipelines.published import published
from warehouse.errors import SamplehouseError

SHEETS = {
    # The columns of the item list that offices publish.
    "抽查事项清单": """
        SELECT DISTINCT item_name AS "抽查事项名称", legal_basis AS "依据", authority AS "主体",
            object_kind AS "对象", shares AS "比例", times AS "次数", method AS "方式",
            content AS "内容及要求", remark AS "备注"
        FROM core.draw WHERE draw_no = $draw_no
    """,
    # What was decided before the public number was known, stratum by stratum (N_h and n_h).
    "抽查计划公告": """
        SELECT DISTINCT d.draw_no AS "抽查编号", title AS "抽查名称", item_name AS "抽查事项名称",
            authority AS "主体", object_kind AS "对象", shares AS "比例", times AS "次数",
            method AS "方式", d.frozen_on AS "名录冻结日期", roster_hash AS "名录哈希",
            number_source AS "公开随机数来源", number_due_on AS "随机数公布日期",
            replace(replace(replace(strata, 'risk_class', '风险等级'), 'category', '类别'),
                'division_code', '行政区划') AS "分层变量",
            o.stratum AS "层", o.stratum_size AS "层内对象数", o.stratum_drawn AS "计划抽取数",
            weights AS "风险权重", inspectors_per_object AS "每户检查人数",
            most_objects AS "每人最多户数", most_pairings AS "同组最多户数", remark AS "备注"
        FROM core.draw AS d JOIN core.draw_object AS o USING (source_id, draw_no)
        WHERE d.draw_no = $draw_no ORDER BY o.stratum
    """,
    # With what anyone needs to make the draw again.
    "抽查任务公告": """
        SELECT d.draw_no AS "抽查编号", title AS "抽查名称", d.frozen_on AS "名录冻结日期",
            roster_hash AS "名录哈希", number_source AS "公开随机数来源",
            public_number AS "公开随机数", seed AS "随机种子", d.drawn_on AS "抽取日期",
            objects AS "名录对象数", drawn AS "抽中对象数",
            inspectors_per_object AS "每户检查人数",
            CASE WHEN is_reproducible THEN '是' ELSE '否' END AS "可复现"
        FROM core.draw AS d JOIN fact.draw_check USING (source_id, draw_no)
        WHERE d.draw_no = $draw_no
    """,
    "抽查结果公告": """
        SELECT v.unit_id AS "对象编号", coalesce(i.entity_name, o.entity_name) AS "对象名称",
            v.entity_uscc AS "统一社会信用代码", v.division_code AS "行政区划代码",
            s.name_zh AS "抽取状态", r.name_zh AS "更换原因", v.replaces AS "被替换对象编号",
            v.inspected_on AS "检查日期", v.inspectors_came AS "检查人数",
            v.result_code AS "结果代码", c.name_zh AS "抽查结果", i.verdict_text AS "结果说明",
            CASE WHEN v.inspected_on IS NOT NULL THEN coalesce(v.published_on, $on) END
                AS "公示日期"
        FROM fact.draw_visit AS v
        LEFT JOIN core.site_inspection AS i
            ON i.source_id = v.visit_source_id AND i.inspection_no = v.inspection_no
        LEFT JOIN (  -- objects that nobody visited have their name on the roster
            SELECT unit_id, entity_uscc, max(entity_name) AS entity_name
            FROM core.inspection_object GROUP BY ALL
        ) AS o ON o.unit_id = v.unit_id AND o.entity_uscc = v.entity_uscc
        LEFT JOIN ref.draw_result AS c ON c.code = v.result_code
        LEFT JOIN ref.draw_status AS s ON s.code = v.status
        LEFT JOIN ref.draw_replacement_reason AS r ON r.code = v.replacement_reason
        WHERE v.draw_no = $draw_no ORDER BY v.unit_id
    """,
}
SHARE = "比例"
NAME, CODE = "对象名称", "统一社会信用代码"


def publication(release: Path, draw_no: str, on: dt.date) -> dict[str, pl.DataFrame]:
    """Sheets of the publication of a draw; inspectors are told by their number only.

    Args:
        release: file of the release.
        draw_no: number of the draw.
        on: day of publication of results that were not published before.

    Raises:
        SamplehouseError: there is no release, or no such draw in it.
    """
    with published(release, "fact.draw_visit") as con:
        known = [row[0] for row in con.sql("SELECT draw_no FROM core.draw ORDER BY ALL").fetchall()]
        if draw_no not in known:
            raise SamplehouseError(
                f"the release has no draw '{draw_no}'; it has: {', '.join(known) or 'none'}"
            )
        given = {"draw_no": draw_no, "on": on}
        sheets = {
            name: con.sql(
                sql, params={key: value for key, value in given.items() if f"${key}" in sql}
            ).pl()
            for name, sql in SHEETS.items()
        }
    return {name: _masked(rows) for name, rows in sheets.items()}


def _masked(rows: pl.DataFrame) -> pl.DataFrame:
    """Every name, code and free text as it may be published."""
    kept = {"名录哈希", "随机种子", "公开随机数", CODE, NAME}
    texts = [name for name, kind in rows.schema.items() if kind == pl.String and name not in kept]
    masked = rows.with_columns(masked_text(name).alias(name) for name in texts)
    if SHARE in rows.columns:
        masked = masked.with_columns(_in_percent(SHARE).alias(SHARE))
    if NAME not in rows.columns:
        return masked
    return masked.with_columns(masked_name(NAME, CODE).alias(NAME), masked_code(CODE).alias(CODE))


def _in_percent(shares: str) -> pl.Expr:
    """``A=0.03;B=0.06`` as ``A 3%;B 6%``; ALL, the share of every class, has no name."""
    parts = (
        pl.col(shares)
        .str.split(";")
        .list.eval(
            pl.element().str.split("=").list.first().replace("ALL", "")
            + " "
            + (pl.element().str.split("=").list.last().cast(pl.Float64) * 100)
            .round(4)
            .cast(pl.String)
            + "%"
        )
    )
    return parts.list.join(";").str.replace_all(".0%", "%", literal=True).str.strip_chars()


def write_publication(sheets: dict[str, pl.DataFrame], output: Path) -> None:
    """Write the sheets to a workbook.

    Raises:
        SamplehouseError: the file cannot be written.
    """
    content = BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(content, options) as book:
        for name, rows in sheets.items():
            rows.write_excel(book, worksheet=name, dtype_formats={pl.Date: "yyyy-mm-dd"})
    try:
        output.write_bytes(content.getvalue())
    except OSError as error:
        raise SamplehouseError(f"{output} cannot be written: {error}") from error
