"""The workbook in which offices report the ledger of a plan: header, lists to choose from, help.

`warehouse/sources/ledger.yml` reads it back by the labels of its header, so both change together.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from warehouse.errors import SamplehouseError
from warehouse.plan import Milestone, Plan, Target, item_id
from warehouse.reference_lists import code_list

LEDGER_SHEET, HELP_SHEET, LIST_SHEET, EXAMPLE_SHEET = "台账", "说明", "目标清单", "示例"

# Rows of the ledger that the lists and formats reach; more rows are read all the same.
LISTED_ROWS = 5000

# A credit code that nobody has, with a check character that fits.
EXAMPLE_CODE = "91000000MA0EXAMP0J"


@dataclass(frozen=True)
class Label:
    """One column of the ledger: its label, its width in characters, and what belongs in it."""

    text: str
    width: int
    hint: str
    format: str = "@"  # text, so that a credit code keeps its 18 characters


LABELS = (
    Label("目标", 44, "从下拉列表选择，例如：目标编号 + 方案原文"),
    Label("记录类型", 10, "新增、退出、期末数、撤销；不填即为新增"),
    Label("单位名称", 28, "企业、机构、产品或地点名称；不填个人姓名"),
    Label("统一社会信用代码", 22, f"18位，例如 {EXAMPLE_CODE}；与文号至少填一项"),
    Label("文号或证书编号", 24, "例如 示发〔2024〕1号；与信用代码至少填一项"),
    Label("发文机关", 20, "发文或发证的机关"),
    Label("日期", 12, "发文或发生日期，例如 2024-05-01；期末数填截止日期", "yyyy-mm-dd"),
    Label("级别", 10, "国家级、省级、市级等"),
    Label("数量", 10, "不填即为1；期末数必填", "General"),
    Label("计量单位", 10, "与目标清单一致，可加“万”，例如 万亩；金额填元、万元或亿元"),
    Label("佐证材料", 28, "网址或档案编号"),
    Label("填报单位", 20, "负责填报的部门"),
    Label("备注", 24, "其他需要说明的情况"),
)

HELP = (
    "每行一条记录；请勿改动表头，工作表名称须以“台账”开头。",
    "目标：从下拉列表选择；完整清单、计数规则和计量单位见“目标清单”。",
    "记录类型：新增＝新增加的企业、项目、活动等；退出＝原已计入、现已退出，仅存量和累计指标扣减。",
    "记录类型（续）：期末数＝截至某日的总数、比率或得分；撤销＝以前填报有误、整条作废。",
    "一条记录由目标、记录类型、统一社会信用代码和文号（无文号时为日期）识别：再次填报同一条记录即为更正，以最后一次为准。",
    "统一社会信用代码与文号（证书编号）至少填一项；没有信用代码的活动、标准、证书等须有各自的编号。",
    "日期：发文、发证或发生的日期；期末数填截止日期。不得晚于报送日期。",
    "数量：按条目、主体、证书计数的目标每行计1，数量可不填；按数量求和的目标须填数量和计量单位。",
    "数量（续）：期末数必须填写，零也要填。",
    "计量单位：与“目标清单”一致，或在其前加“万”。",
    "设有金额标准的目标（如“10亿元以上”的项目）：数量填金额，计量单位填元、万元或亿元；低于标准或未填金额的不计入。",
    "培训、人才等目标按文件填报人数，不填个人姓名、身份证号等个人信息。",
    "同一企业、同一证书被多次填报时只计一次；“家次”按每次服务计数，同一企业同一天多次服务须有各自的记录编号。",
)


def write_ledger_template(plan: Plan, path: Path) -> None:
    """Write the empty ledger of a plan as a workbook.

    Args:
        plan: whose targets and milestones can be chosen.
        path: new file, ending in `.xlsx`.

    Raises:
        SamplehouseError: the file exists, has another ending, or cannot be written.
    """
    if path.suffix.lower() != ".xlsx":
        raise SamplehouseError(
            f"the template is a workbook; give a name that ends in .xlsx: {path}"
        )
    if path.exists():
        raise SamplehouseError(f"{path} exists already, and may be filled in; choose another name")
    made = dt.datetime.combine(plan.head.published_on, dt.time())  # the same bytes every time
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": plan.head.title.zh, "created": made})
    ledger, words, items, examples = (
        book.add_worksheet(name) for name in (LEDGER_SHEET, HELP_SHEET, LIST_SHEET, EXAMPLE_SHEET)
    )
    _write_header(book, ledger)
    _offer_choices(ledger, plan)
    _write_help(book, words, plan)
    _write_items(book, items, plan)
    _write_header(book, examples)
    _write_examples(book, examples, plan)
    try:
        book.close()
    except (OSError, xlsxwriter.exceptions.XlsxWriterException) as error:
        raise SamplehouseError(f"{path} cannot be written: {error}") from error


def choice(item: Target | Milestone) -> str:
    """What the drop-down list offers for a target or milestone: its id and its phrase."""
    return f"{item_id(item)} {item.phrase_zh}"


def _bold(book: Any) -> Any:
    return book.add_format({"bold": True, "bg_color": "#DDE6F0", "border": 1, "text_wrap": True})


def _write_header(book: Any, sheet: Any) -> None:
    bold = _bold(book)
    formats = {name: book.add_format({"num_format": name}) for name in {x.format for x in LABELS}}
    for column, label in enumerate(LABELS):
        sheet.set_column(column, column, label.width, formats[label.format])
        sheet.write_string(0, column, label.text, bold)
        sheet.write_comment(0, column, label.hint, {"x_scale": 1.6, "author": ""})
    sheet.freeze_panes(1, 1)


def _offer_choices(sheet: Any, plan: Plan) -> None:
    """Lists to choose from and checks while typing; a warning, where what is typed may be right."""
    column = {label.text: number for number, label in enumerate(LABELS)}
    kinds = code_list("ledger_entry_kind")["name_zh"].to_list()
    last_item = len(plan.items) + 1
    rules: dict[str, dict[str, Any]] = {
        "目标": {"validate": "list", "source": f"={LIST_SHEET}!$A$2:$A${last_item}"},
        "记录类型": {"validate": "list", "source": kinds},
        "统一社会信用代码": {
            "validate": "length",
            "criteria": "==",
            "value": 18,
            "error_type": "warning",
        },
        "日期": {"validate": "date", "criteria": ">=", "value": dt.date(1990, 1, 1)},
        "数量": {"validate": "decimal", "criteria": ">=", "value": 0},
    }
    for label in LABELS:
        if label.text in rules:
            rule = {"error_title": label.text, "error_message": label.hint, **rules[label.text]}
            sheet.data_validation(1, column[label.text], LISTED_ROWS, column[label.text], rule)


def _write_help(book: Any, sheet: Any, plan: Plan) -> None:
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 100, wrapped)
    sheet.write_string(0, 0, f"{plan.head.title.zh} 填报说明", _bold(book))
    for row, line in enumerate(HELP, start=1):
        sheet.write_string(row, 0, f"{row}. {line}")


def _write_items(book: Any, sheet: Any, plan: Plan) -> None:
    names = {
        name: dict(code_list(name).select("code", "name_zh").rows())
        for name in ("ledger_rule", "accumulation", "measured_by")
    }
    header = ("目标", "章节", "计量单位", "计数规则", "累计方式", "数据来源")
    bold = _bold(book)
    for column, (text, width) in enumerate(zip(header, (60, 10, 10, 28, 12, 16), strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, text, bold)
    for row, item in enumerate(plan.items, start=1):
        target = item if isinstance(item, Target) else None
        cells = (
            choice(item),
            item.section,
            target.unit_zh if target else "",
            names["ledger_rule"][target.entry_rule if target else "done"],
            names["accumulation"][target.accumulation if target else "by_year_end"],
            names["measured_by"][item.measured_by],
        )
        for column, cell in enumerate(cells):
            sheet.write_string(row, column, cell)
    sheet.freeze_panes(1, 1)


def _write_examples(book: Any, sheet: Any, plan: Plan) -> None:
    """One made-up entry for each way of counting that the plan's ledger has, and a withdrawal."""
    date = book.add_format({"num_format": "yyyy-mm-dd"})
    for row, cells in enumerate(_examples(plan), start=1):
        for column, label in enumerate(LABELS):
            value = cells.get(label.text)
            if isinstance(value, dt.date):
                sheet.write_datetime(row, column, value, date)
            elif value is not None:
                sheet.write(row, column, value)


def _examples(plan: Plan) -> list[dict[str, Any]]:
    reported = [target for target in plan.targets if target.indicator_id is None]
    first = {target.entry_rule: target for target in reversed(reported)}
    stocks = [t for t in reported if t.accumulation == "stock" and t.entry_rule == "entities"]
    day = plan.head.period.start + dt.timedelta(days=60)
    document = f"示发〔{plan.head.year}〕"
    shared = {
        "发文机关": "示例机关",
        "日期": day,
        "佐证材料": "档案 示例-001",
        "填报单位": "示例部门",
        "备注": "虚构示例，不计入",
    }
    firm = {"单位名称": "示例有限公司", "统一社会信用代码": EXAMPLE_CODE}
    by_rule: dict[str, dict[str, Any]] = {
        "entities": {**firm, "文号或证书编号": f"{document}1号", "级别": "省级"},
        "documents": {"单位名称": "示例标准", "文号或证书编号": "T/EXAMPLE 1"},
        "entries": {**firm, "文号或证书编号": f"{document}2号"},
        "quantity": {"文号或证书编号": f"{document}3号", "数量": 120},
        "level": {"记录类型": "期末数", "文号或证书编号": f"{document}4号", "数量": 12.5},
    }
    rows = [
        {"目标": choice(first[rule]), "记录类型": "新增", **shared, **cells}
        | ({"计量单位": first[rule].unit_zh} if rule in ("quantity", "level") else {})
        for rule, cells in by_rule.items()
        if rule in first
    ]
    rows += [
        {"目标": choice(target), **shared, **firm, "记录类型": "退出"} for target in stocks[:1]
    ]
    rows += [
        {
            "目标": choice(milestone),
            "记录类型": "新增",
            **shared,
            "文号或证书编号": f"{document}5号",
        }
        for milestone in plan.milestones[:1]
    ]
    return rows
