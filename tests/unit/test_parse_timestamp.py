"""Dates with a time of day, in the spellings of exports, registers and spreadsheets."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Evaluate = Callable[..., list[Any]]

SPELLINGS = (
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y.%m.%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日%H:%M",
    "%Y年%m月%d日%H:%M:%S",
    "%Y年%m月%d日 %H时%M分",
    "%Y年%m月%d日%H时%M分%S秒",
    "%Y%m%d %H:%M",
    " %Y-%m-%d  %H:%M\n",
)
MOMENTS = st.lists(
    st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2199, 12, 31, 23, 59)),  # noqa: DTZ001
    min_size=3,
    max_size=10,
)


def parsed(evaluate: Evaluate, texts: Sequence[str | None], order: str = "ymd") -> list[Any]:
    return evaluate(f"parse_timestamp(t, '{order}')", t=texts)


@given(moments=MOMENTS)
@settings(max_examples=20)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_gives_the_moment_back(
    evaluate: Evaluate, spelling: str, moments: list[dt.datetime]
) -> None:
    seconds = 0 if "%S" not in spelling else None
    whole = [
        moment.replace(microsecond=0, second=moment.second if seconds is None else 0)
        for moment in moments
    ]
    assert parsed(evaluate, [moment.strftime(spelling) for moment in whole]) == whole


@given(moments=MOMENTS)
@settings(max_examples=20)
def test_twelve_hours_and_spreadsheet_serials(
    evaluate: Evaluate, moments: list[dt.datetime]
) -> None:
    whole = [moment.replace(microsecond=0) for moment in moments]
    twelve = [moment.strftime("%m/%d/%Y %I:%M:%S %p") for moment in whole]
    assert parsed(evaluate, twelve, "mdy") == whole
    first = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - spreadsheets know no zones
    recent = [
        moment for moment in whole if 1955 <= moment.year <= 2063 and moment.hour + moment.minute
    ]
    serials = [f"{(moment - first) / dt.timedelta(days=1):.8f}" for moment in recent]
    assert parsed(evaluate, list(serials)) == recent


@pytest.mark.parametrize(
    "text",
    [
        *("2024-05-01", "45413", "2024-05-01 25:00", "2024-02-30 10:00", "10:30", "yesterday", ""),
        *("2024-05-01T15:21:56Z", "2024-05-01T15:21:56+08:00"),  # of another place
    ],
)
def test_what_is_no_moment_is_none(evaluate: Evaluate, text: str) -> None:
    assert parsed(evaluate, [text, None]) == [None, None]


@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=20))
@settings(max_examples=50)
def test_any_text_is_a_moment_or_none(evaluate: Evaluate, texts: list[str]) -> None:
    found = parsed(evaluate, list(texts))
    days = evaluate("parse_date(t, 'ymd')", t=list(texts))
    assert all(
        moment is None or moment.date() == day for moment, day in zip(found, days, strict=True)
    )
