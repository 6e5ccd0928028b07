"""The demo's cases: registers of events, complaints about construction, applications, returns."""

import datetime as dt
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.case_scripts import draw_cases
from assets.demo.chance import shares
from assets.demo.lists import demo_list
from assets.demo.rosters import rejected_rows, roster_calendar, write_lists
from warehouse.reference_lists import code_list

EVENTS, COMPLAINTS, SERVICES = "case_events", "engineering_complaints", "service_applications"
_COPIED, _AGAIN, _WRONG = 0.01, 0.02, 0.02
_APPLICATIONS = 2400
# Share of applications by kind of item, and of these the share that goes online throughout.
_ITEMS = {"依申请": (0.28, 0.90), "公共服务": (0.62, 0.995), "其他": (0.10, 0.99)}
_UNFINISHED, _REFUSED, _WITHDRAWN = 0.02, 0.02, 0.02
# Steps of the complaints' case system: event → its word there.
_STEPS = {
    "received": "登记",
    "accepted": "受理",
    "extension_approved": "批准延期",
    "closed": "办结",
    "reopened": "重新办理",
    "withdrawn": "撤回",
    "merged": "并案",
}
# Incidents of the year: none of them is major and the city's direct responsibility.
_INCIDENTS = (
    ("2024-03-18", "330782105", "一般", "不负直接监管责任", "工地高处坠物"),
    ("2024-06-05", "330782001", "较大", "负有直接监管责任", "农贸市场燃气泄漏"),
    ("2024-09-24", "330782008", "重大", "不负直接监管责任", "外地企业产品致多人中毒"),
)


@dataclass(frozen=True)
class CaseTruth:
    """What must come of the cases.

    Attributes:
        clocks: clock_id, status: how many clocks stand so in the end.
        states: case_type, state: cases in that state.
        out_of_order: case_no of the cases with an event out of order.
        services: item (wording), channel (wording): applications concluded in the year.
        incidents: division_code, month, reported: what the signed returns say.
        deliveries: rows of `truth.Truth.deliveries`.
        rejected: rows of `truth.Truth.rejected`.
    """

    clocks: pl.DataFrame
    states: pl.DataFrame
    out_of_order: pl.DataFrame
    services: pl.DataFrame
    incidents: pl.DataFrame
    deliveries: pl.DataFrame
    rejected: pl.DataFrame

    def write(self, path: Path) -> None:
        """Write the truth as JSON in UTF-8."""
        dates = pl.selectors.date().dt.strftime("%Y-%m-%d")
        tables = {each.name: getattr(self, each.name).with_columns(dates) for each in fields(self)}
        records = {name: table.to_dicts() for name, table in tables.items()}
        path.write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", "utf-8")


def write_cases(landing: Path, seed: int) -> CaseTruth:
    """Write the cases of the year to `landing`; the same seed gives the same bytes."""
    events, complaints, services = np.random.default_rng([seed, 63]).spawn(3)
    cases = draw_cases(events, EVENTS, "AJ")
    register = pl.concat([_register(cases), _incidents(), _returns()], how="diagonal")
    applications = _applications(services)
    lines = {
        EVENTS: _delivered(events, EVENTS, register.drop("state")),
        COMPLAINTS: _delivered(
            complaints, COMPLAINTS, _complaint_lines(draw_cases(complaints, COMPLAINTS, "GT"))
        ),
        SERVICES: _delivered(services, SERVICES, applications.drop("state")),
    }
    written = [
        write_lists(landing, EVENTS, "义乌市案件办理过程台账", _sheet(lines[EVENTS])),
        write_lists(landing, COMPLAINTS, "", _sheet(lines[COMPLAINTS]), "gb18030"),
        write_lists(landing, SERVICES, "", _sheet(lines[SERVICES]), "utf-8"),
    ]
    return CaseTruth(
        clocks=_clocks(),
        states=_states(applications),
        out_of_order=cases.filter(pl.col("script") == "complaint_out_of_order")
        .select("case_no")
        .unique()
        .sort("case_no"),
        services=_services(applications),
        incidents=_returns().select(
            division_code="行政区划代码", month="报告月份", reported="报告事件数"
        ),
        deliveries=pl.concat(written),
        rejected=pl.concat(rejected_rows(name, rows) for name, rows in lines.items()),
    )


def _sheet(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {"案件事件": rows.drop("rule_id")}


# -- as the offices write it


def _words(name: str) -> dict[str, str]:
    return dict(code_list(name).select("code", "name_zh").rows())


def _register(cases: pl.DataFrame) -> pl.DataFrame:
    return cases.select(
        "happened_at",
        state=pl.lit(None, pl.String),
        事件编号="event_no",
        案件编号="case_no",
        案件类型=pl.col("case_type").replace_strict(_words("case_type")),
        事件=pl.col("event").replace_strict(_words("case_event_type")),
        时间=pl.col("happened_at").dt.strftime("%Y-%m-%d %H:%M"),
        办理单位=pl.when(pl.col("case_type") != "agency_transfer")
        .then(None)
        .when(event="transferred")
        .then(pl.lit("义乌市市场监督管理局"))
        .when(pl.col("case_no").str.contains("[02468]$"))
        .then(pl.lit("义乌市公安局"))
        .otherwise(pl.lit("义乌海关")),
        领域=pl.col("domain").replace_strict(_words("domain")),
        案件等级=pl.col("case_class").replace_strict(_words("case_class"), default=None),
        应办结日期=pl.col("due_on").dt.strftime("%Y-%m-%d"),
        延期时限="clock_id",
        延期长度="extension",
        行政区划代码="division_code",
        统一社会信用代码="entity_uscc",
        涉及数量=pl.when(event="recall_announced").then(pl.lit("1200")),
        召回数量=pl.when(event="recall_completed").then(pl.lit("1080")),
    )


def _incidents() -> pl.DataFrame:
    """An incident has four events within ten days, the last of which grades its responsibility."""
    rows = [
        (f"SJ2024{n:05d}", place, event, dt.date.fromisoformat(day) + dt.timedelta(days=3 * place))
        for n, (day, *_) in enumerate(_INCIDENTS, start=1)
        for place, event in enumerate(("发生", "报告", "定级", "责任认定"))
    ]
    told = pl.DataFrame(
        [(f"SJ2024{n:05d}", *words) for n, (_, *words) in enumerate(_INCIDENTS, start=1)],
        schema=["案件编号", "行政区划代码", "severity", "responsibility", "案由"],
        orient="row",
    )
    return (
        pl.DataFrame(rows, schema=["案件编号", "place", "事件", "day"], orient="row")
        .join(told, on="案件编号")
        .select(
            "案件编号",
            "事件",
            "案由",
            "行政区划代码",
            happened_at=pl.col("day").cast(pl.Datetime("us")),
            事件编号=pl.format("{}-{}", "案件编号", "place"),
            案件类型=pl.lit(_words("case_type")["incident"]),
            时间=pl.col("day").dt.strftime("%Y-%m-%d"),
            领域=pl.lit(_words("domain")["general"]),
            事件等级=pl.when(事件="定级").then("severity"),
            监管责任=pl.when(事件="责任认定").then("responsibility"),
        )
    )


def _returns() -> pl.DataFrame:
    """A signed return of each town and street for each month, three days after it has ended."""
    months = pl.DataFrame(
        {"month": pl.date_range(dt.date(2024, 1, 1), dt.date(2024, 12, 1), "1mo", eager=True)}
    )
    signed = pl.col("month").dt.offset_by("1mo").dt.offset_by("2d")
    text = pl.col("month").dt.strftime("%Y-%m")
    towns = demo_list("divisions").select("code9", "name_zh")
    return months.join(towns, how="cross").select(
        happened_at=signed.cast(pl.Datetime("us")),
        事件编号=pl.format("LBG{}-{}", text, "code9"),
        案件编号=pl.format("LBG{}-{}", text, "code9"),
        案件类型=pl.lit(_words("case_type")["incident_return"]),
        事件=pl.lit(_words("case_event_type")["return_signed"]),
        时间=signed.dt.strftime("%Y-%m-%d"),
        领域=pl.lit(_words("domain")["general"]),
        行政区划代码="code9",
        报告月份=text,
        报告事件数=pl.lit("0"),
        签发人="name_zh",
    )


def _complaint_lines(cases: pl.DataFrame) -> pl.DataFrame:
    return cases.select(
        "happened_at",
        流水号="event_no",
        投诉编号="case_no",
        环节=pl.col("event").replace_strict(_STEPS),
        环节时间=pl.col("happened_at").dt.strftime("%Y/%m/%d %H:%M"),
        应办结日期=pl.col("due_on").dt.strftime("%Y年%-m月%-d日"),
        行政区划代码="division_code",
        统一社会信用代码="entity_uscc",
    )


def _applications(rng: np.random.Generator) -> pl.DataFrame:
    """One line per application; `state` is where it ends."""
    size = _APPLICATIONS
    kinds = pl.Series(shares(rng, size, *(share for share, _ in _ITEMS.values())))
    names = pl.DataFrame(
        {"kind": range(len(_ITEMS)), "事项类型": list(_ITEMS)}, schema_overrides={"kind": pl.Int64}
    ).with_columns(online=pl.Series([share for _, share in _ITEMS.values()]))
    ends = pl.Series(shares(rng, size, 1 - 0.06, _UNFINISHED, _REFUSED, _WITHDRAWN))
    first = pl.lit(dt.datetime(2024, 1, 2)) + pl.duration(  # noqa: DTZ001 - local time
        minutes=pl.lit(pl.Series(np.sort(rng.integers(0, 355 * 24 * 60, size))))
    )
    last = pl.duration(minutes=pl.lit(pl.Series(rng.integers(30, 5 * 24 * 60, size))))
    chance = pl.Series(rng.random(size))
    towns = demo_list("divisions")
    return (
        pl.DataFrame({"kind": kinds.cast(pl.Int64), "end": ends, "chance": chance})
        .join(names, on="kind", maintain_order="left")
        .with_columns(
            applied=first,
            happened_at=first + last,
            state=pl.col("end").replace_strict(
                [0, 1, 2, 3], ["concluded", "applied", "refused", "withdrawn"]
            ),
            办理方式=pl.when(pl.col("chance") < pl.col("online"))
            .then(pl.lit("全程网办"))
            .when(pl.col("chance") < (1 + pl.col("online")) / 2)
            .then(pl.lit("部分网办"))
            .otherwise(pl.lit("窗口办理")),
        )
        .select(
            "happened_at",
            "state",
            "事项类型",
            "办理方式",
            办件编号=pl.format(
                "BJ2024{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(6)
            ),
            申请时间=pl.col("applied").dt.strftime("%Y-%m-%d %H:%M:%S"),
            **{
                label: pl.when(state=state).then(
                    pl.col("happened_at").dt.strftime("%Y-%m-%d %H:%M:%S")
                )
                for label, state in (
                    ("不予受理时间", "refused"),
                    ("办结时间", "concluded"),
                    ("撤回时间", "withdrawn"),
                )
            },
            行政区划代码=pl.Series(
                towns["code9"].gather(rng.integers(0, towns.height, size)), dtype=pl.String
            ),
        )
    )


# -- deliveries


def _delivered(rng: np.random.Generator, source_id: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Lines with the delivery that brings each, and a few again, copied, corrected or wrong."""
    calendar = roster_calendar(source_id)
    cut = calendar.select("delivery", cut=pl.col("received_on").cast(pl.Datetime("us")))
    key, label, rule = _SPOILED[source_id]
    told = (
        rows.sort("happened_at", maintain_order=True)
        .join_asof(cut.sort("cut"), left_on="happened_at", right_on="cut", strategy="forward")
        .drop("happened_at", "cut")
        .with_columns(place=pl.lit("used"), rule_id=pl.lit(None, pl.String))
    )
    if told["delivery"].null_count():
        raise AssertionError(f"{source_id}: an event comes after the last delivery")
    chance = pl.Series(rng.random(told.height))
    copied = told.filter(chance < _COPIED).with_columns(place=pl.lit("duplicate"))
    again = told.filter(chance > 1 - _AGAIN, pl.col("delivery") < calendar.height - 1).with_columns(
        pl.col("delivery") + 1, place=pl.lit("unchanged")
    )
    # One line of each delivery says something that nothing knows; its key is one of its own.
    wrong = (
        told.group_by("delivery", maintain_order=True)
        .first()
        .select(told.columns)
        .with_columns(
            pl.lit("电话回访").alias(label),
            pl.format("{}X", key).alias(key),
            place=pl.lit("rejected"),
            rule_id=pl.lit(rule),
        )
    )
    return pl.concat([told, copied, again, wrong])


# Key, column that is spoiled, and the rule that turns the line away.
_SPOILED = {
    EVENTS: ("事件编号", "事件", "unknown_event_type"),
    COMPLAINTS: ("流水号", "环节", "unknown_event_type"),
    SERVICES: ("办件编号", "办理方式", "unknown_channel"),
}


# -- the truth


def _clocks() -> pl.DataFrame:
    cases = demo_list("case_scripts").select("script", pl.col("cases").cast(pl.Int64))
    return (
        demo_list("case_script_clocks")
        .join(cases, on="script")
        .group_by("clock_id", "status")
        .agg(pl.col("cases").sum())
        .sort("clock_id", "status")
    )


def _states(applications: pl.DataFrame) -> pl.DataFrame:
    scripted = demo_list("case_scripts").select(
        "case_type", "state", pl.col("cases").cast(pl.Int64)
    )
    incidents = pl.DataFrame(
        {
            "case_type": ["incident", "incident_return"],
            "state": ["responsibility_determined", "return_signed"],
            "cases": [len(_INCIDENTS), _returns().height],
        }
    )
    services = (
        applications.group_by("state")
        .agg(cases=pl.len().cast(pl.Int64))
        .select(pl.lit("service_application").alias("case_type"), "state", "cases")
    )
    return (
        pl.concat([scripted, incidents, services])
        .group_by("case_type", "state")
        .agg(pl.col("cases").sum())
        .sort("case_type", "state")
    )


def _services(applications: pl.DataFrame) -> pl.DataFrame:
    return (
        applications.filter(state="concluded")
        .group_by(item="事项类型", channel="办理方式")
        .agg(cases=pl.len().cast(pl.Int64))
        .sort("item", "channel")
    )
