"""Dates in every spelling, and days that do not exist."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Evaluate = Callable[..., list[Any]]

WIDE = str.maketrans("0123456789-/.", "０１２３４５６７８９－／．")

YEAR_FIRST = (
    "{y}-{m:02}-{d:02}",
    "{y}-{m}-{d}",
    "{y}/{m}/{d}",
    "{y}/{m:02}/{d:02}",
    "{y}.{m}.{d}",
    "{y}.{m:02}.{d:02}",
    "{y}年{m}月{d}日",
    "{y}年{m:02}月{d:02}",
    "{y} 年 {m} 月 {d} 日",
    "{y}-{m:02}-{d:02} 00:00:00",
    "{y}-{m:02}-{d:02}T15:21:56Z",
    "{y}-{m:02}-{d:02}T15:21:56.123+08:00",
    "{y}/{m}/{d} 8:05",
    "{y}年{m}月{d}日 10:30",
    " {y}-{m}-{d}\n",
    "\u3000{y}/{m}/{d}",
)
COMPACT = ("{y}{m:02}{d:02}", "{y}{m:02}{d:02} 10:00:00")
YEAR_LAST = {
    "dmy": ("{d}/{m}/{y}", "{d:02}-{m:02}-{y}", "{d}.{m}.{y}", "{d:02}-{m:02}-{y} 15:21:56"),
    "mdy": ("{m}/{d}/{y}", "{m:02}-{d:02}-{y}", "{m}.{d}.{y}", "{m}/{d}/{y} 3:21:56 PM"),
}
DATES = st.lists(
    st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31)), min_size=5, max_size=20, unique=True
)


def spellings(order: str) -> tuple[str, ...]:
    return (*YEAR_FIRST, *COMPACT, *YEAR_LAST.get(order, ()))


@given(dates=DATES)
@settings(max_examples=15)
@pytest.mark.parametrize("order", ["ymd", "dmy", "mdy"])
def test_every_spelling_gives_the_date_back(
    evaluate: Evaluate, order: str, dates: list[dt.date]
) -> None:
    pairs = [
        (spelling.format(y=day.year, m=day.month, d=day.day), day)
        for day in dates
        for spelling in spellings(order)
    ]
    pairs += [(text.translate(WIDE), day) for text, day in pairs]
    answers = evaluate(f"parse_date(t, '{order}')", t=[text for text, _ in pairs])
    assert dict(zip([text for text, _ in pairs], answers, strict=True)) == dict(pairs)


@given(year=st.integers(1900, 2199), month=st.integers(0, 20), day=st.integers(0, 40))
@settings(max_examples=60)
@pytest.mark.parametrize("order", ["ymd", "dmy", "mdy"])
def test_a_day_exists_or_is_unknown(
    evaluate: Evaluate, order: str, year: int, month: int, day: int
) -> None:
    try:
        expected = dt.date(year, month, day)
    except ValueError:
        expected = None
    texts = [spelling.format(y=year, m=month, d=day) for spelling in spellings(order)]
    assert set(evaluate(f"parse_date(t, '{order}')", t=texts)) == {expected}


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("2019.8.6", "ymd", dt.date(2019, 8, 6)),
        ("2024-02-29", "ymd", dt.date(2024, 2, 29)),
        ("2023-02-29", "ymd", None),
        ("2024-02-30", "ymd", None),
        ("2024/02/30", "ymd", None),
        ("20240230", "ymd", None),
        ("30/02/2024", "dmy", None),
        ("03/13/2020", "mdy", dt.date(2020, 3, 13)),
        ("03/13/2020", "dmy", None),
        ("03/04/2020", "ymd", None),
        ("03/04/2020", "dmy", dt.date(2020, 4, 3)),
        ("03/04/2020", "mdy", dt.date(2020, 3, 4)),
        ("45413", "ymd", dt.date(2024, 5, 1)),
        ("45413.75", "ymd", dt.date(2024, 5, 1)),
        ("20000", "ymd", dt.date(1954, 10, 3)),
        ("60000", "ymd", dt.date(2064, 4, 8)),
        ("19999", "ymd", None),
        ("60001", "ymd", None),
        ("4541", "ymd", None),
        ("454130", "ymd", None),
        ("24-05-01", "ymd", None),
        ("01/05/24", "dmy", None),
        ("0024-05-01", "ymd", None),
        ("2024-05", "ymd", None),
        ("2024年5月", "ymd", None),
        ("2024-05/01", "ymd", None),
        ("2024年5/1", "ymd", None),
        ("01-05/2024", "dmy", None),
        ("2024-05-01 25:00", "ymd", None),
        ("2024-05-01 10:61", "ymd", None),
        ("2024-05-01至2024-05-03", "ymd", None),
        ("99999999", "ymd", None),
        ("infinity", "ymd", None),
        ("epoch", "ymd", None),
        ("批号J201001", "ymd", None),
    ],
)
def test_known_texts(evaluate: Evaluate, text: str, order: str, expected: dt.date | None) -> None:
    assert evaluate(f"parse_date(t, '{order}')", t=[text]) == [expected]
