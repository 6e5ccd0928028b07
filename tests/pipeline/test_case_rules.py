"""What is wrong with an event or an answer is told by rule, and nothing else is lost."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from assets.demo.files import Sheet, write_workbook
from assets.ingest.landing import deliveries, receive
from warehouse.home import Home

Build = Callable[..., None]
DAY = dt.date(2024, 7, 1)

EVENT: dict[str, str | None] = {
    "事件编号": "E",
    "案件编号": "C",
    "案件类型": "召回",
    "事件": "发布召回公告",
    "时间": "2024-05-06 10:30",
    "领域": "食品",
    "案件等级": "一级召回",
    "延期时限": None,
    "延期长度": None,
    "应办结日期": None,
    "行政区划代码": None,
    "统一社会信用代码": None,
    "召回数量": None,
    "事件等级": None,
    "监管责任": None,
    "报告月份": None,
    "报告事件数": None,
    "签发人": None,
}
RETURN: dict[str, str | None] = {
    "案件类型": "质量安全事件报告表",
    "事件": "签报",
    "领域": "综合",
    "案件等级": None,
}
EXTENSION: dict[str, str | None] = {"事件": "批准延期"}
# What is changed in the event, and the rule that it then breaks.
BROKEN: list[tuple[dict[str, str | None], str]] = [
    ({"案件编号": None}, "missing_case_no"),
    ({"案件类型": "随访"}, "unknown_case_type"),
    ({"事件": "电话回访"}, "unknown_event_type"),
    ({"时间": None}, "missing_occurred_on"),
    ({"时间": "昨天"}, "unparsed_occurred_on"),
    ({"时间": "2024-07-02"}, "occurred_after_receipt"),
    ({"领域": "天气"}, "unknown_domain"),
    ({"案件等级": "特级"}, "unknown_case_class"),
    (EXTENSION, "incomplete_extension"),
    ({**EXTENSION, "延期时限": "food_recall_done_1"}, "incomplete_extension"),
    ({**EXTENSION, "延期时限": "no_such_clock", "延期长度": "5"}, "unknown_clock"),
    ({**EXTENSION, "延期时限": "food_recall_done_1", "延期长度": "0"}, "extension_not_positive"),
    ({"事件等级": "巨大"}, "unknown_severity"),
    ({"监管责任": "也许"}, "unknown_responsibility"),
    ({"召回数量": "-3"}, "negative_units_recovered"),
    ({"行政区划代码": "33078"}, "malformed_division_code"),
    ({**RETURN, "报告月份": "2024-04"}, "return_not_complete"),
    ({**RETURN, "报告月份": "4月", "报告事件数": "0", "签发人": "办"}, "malformed_return_month"),
    (
        {**RETURN, "报告月份": "2024-05", "报告事件数": "0", "签发人": "办"},
        "return_before_month_ended",
    ),
    ({**RETURN, "报告月份": "2024-04", "报告事件数": "-1", "签发人": "办"}, "negative_incidents"),
]
GOOD: list[dict[str, str | None]] = [
    {},
    {"时间": "2024/5/6"},
    {"时间": "2024年5月6日", "案件等级": None},
    {**EXTENSION, "应办结日期": "2024-06-06"},
    {**EXTENSION, "延期时限": "food_recall_done_1", "延期长度": "5"},
    {**RETURN, "报告月份": "2024-04", "报告事件数": "0", "签发人": "质量强市办"},
    {"统一社会信用代码": "9133"},  # a warning only
    {"时间": "2024年5月6日10时30分"},
    {"时间": "2024-05-06 00:00"},  # as a workbook writes a day
    {"时间": "2024-05-06 00:05"},
]


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory, build: Build) -> Home:
    home = Home(tmp_path_factory.mktemp("rules"))
    changes = [*(change for change, _ in BROKEN), *GOOD]
    rows = pl.DataFrame(
        [{**EVENT, "事件编号": f"E{n:02d}", **change} for n, change in enumerate(changes)]
    )
    # Many good ones beside them, so that the delivery is not held.
    many = pl.DataFrame(
        [{**EVENT, "事件编号": f"M{n:03d}"} for n in range(120)], schema=rows.schema
    )
    path = home.root / "book.xlsx"
    write_workbook(path, [Sheet("案件事件", "台账", pl.concat([rows, many]))])
    receive(home, "case_events", [path], DAY)
    build(home, ["case_events"], [])
    return home


def core(home: Home, table: str) -> list[dict[str, Any]]:
    return pl.read_parquet(home.partition_files(table), hive_partitioning=False).to_dicts()


def test_every_wrong_event_is_rejected_by_the_rule_it_breaks(received: Home) -> None:
    rejected = core(received, "core.rejected_record")
    first = 3  # title and header stand above
    found = {(row["source_row"] - first, row["rule_id"]) for row in rejected}

    unread = next(place for place, (_, rule) in enumerate(BROKEN) if rule.startswith("unparsed"))
    assert found == {
        *((place, rule) for place, (_, rule) in enumerate(BROKEN)),
        (unread, "missing_occurred_on"),
    }
    assert all(row["message"] for row in rejected)


def test_the_others_are_used_with_their_days_and_times(received: Home) -> None:
    events = {row["event_no"]: row for row in core(received, "core.case_event")}
    good = [events[f"E{n:02d}"] for n in range(len(BROKEN), len(BROKEN) + len(GOOD))]

    assert len(events) == len(GOOD) + 120
    assert good[0]["occurred_at"] == dt.datetime(2024, 5, 6, 10, 30)  # noqa: DTZ001 - local time
    assert [row["occurred_at"] for row in good[1:3]] == [None, None]
    assert [row["occurred_at"] for row in good[7:]] == [
        good[0]["occurred_at"],
        None,
        dt.datetime(2024, 5, 6, 0, 5),  # noqa: DTZ001
    ]
    assert {row["occurred_on"] for row in good} == {dt.date(2024, 5, 6)}
    assert (good[3]["due_on"], good[4]["extension"]) == (dt.date(2024, 6, 6), 5)
    assert (good[5]["return_month"], good[5]["reported_incidents"]) == ("2024-04", 0)
    assert deliveries(received)["status"].to_list() == ["loaded"]


def test_nothing_is_lost(received: Home) -> None:
    (file,) = deliveries(received).to_dicts()
    outcomes = ("used", "rejected", "duplicate", "unchanged", "ignored")
    assert sum(file[f"rows_{name}"] for name in outcomes) == file["rows_read"]
    assert file["rows_rejected"] == len(BROKEN)
