"""Days without a year, and results of water below detection."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

Evaluate = Callable[..., list[Any]]

YEAR = "with_year(t, up_to)"
RESULT = "parse_water_result(t)"
SPELLINGS: tuple[Callable[[dt.date], str], ...] = (
    lambda d: f"{d:%m-%d}",
    lambda d: f"{d.month}/{d.day}",
    lambda d: f"{d.month}.{d.day}",
    lambda d: f"{d.month}月{d.day}日",
)
CLOCKS = st.sampled_from(["", " 08:00", " 23:59", " 0:05"])
LATER = st.dates(dt.date(1950, 1, 1), dt.date(2090, 12, 31))
LIMITS = st.decimals(min_value="0.0000001", max_value="99999", places=7)


@given(
    st.lists(
        st.tuples(LATER, st.integers(0, 364), st.sampled_from(SPELLINGS), CLOCKS),
        min_size=20,
        max_size=60,
    )
)
@settings(max_examples=10)
def test_a_day_without_a_year_is_the_last_one_up_to_another(
    evaluate: Evaluate, drawn: list[tuple[dt.date, int, Callable[[dt.date], str], str]]
) -> None:
    days = [later - dt.timedelta(days=back) for later, back, _, _ in drawn]
    texts = [
        spelling(day) + clock for day, (_, _, spelling, clock) in zip(days, drawn, strict=True)
    ]

    found = evaluate(YEAR, t=texts, up_to=[later.isoformat() for later, *_ in drawn])
    assert found == [day.isoformat() + clock for day, (*_, clock) in zip(days, drawn, strict=True)]


def test_days_and_what_is_none(evaluate: Evaluate) -> None:
    cases = [
        ("09-09 09:00", "2020-05-08", "2019-09-09 09:00"),
        ("02-29", "2021-03-01", "2020-02-29"),
        ("02-29", "1903-01-01", "1896-02-29"),
        ("05-08", "2020-05-08", "2020-05-08"),
        # What is no such day stays as it is, and is rejected by name later.
        ("02-30", "2020-05-08", "02-30"),
        ("13-01", "2020-05-08", "13-01"),
        ("05-08", "some day", "05-08"),
        ("05-08", None, "05-08"),
        ("2020-05-08 15:00", "2021-01-01", "2020-05-08 15:00"),
        ("noon", "2020-05-08", "noon"),
        (None, "2020-05-08", None),
    ]
    texts, up_to, expected = zip(*cases, strict=True)

    assert evaluate(YEAR, t=texts, up_to=up_to) == list(expected)


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), min_size=20, max_size=60))
@settings(max_examples=10)
def test_no_text_breaks_it(evaluate: Evaluate, drawn: list[tuple[str, str]]) -> None:
    texts, up_to = ([pair[n].replace("\0", "") for pair in drawn] for n in (0, 1))

    assert None not in evaluate(YEAR, t=texts, up_to=up_to)


@given(st.lists(st.tuples(LIMITS, st.sampled_from(["L", " L", "Ｌ"])), min_size=20, max_size=60))
@settings(max_examples=10)
def test_a_limit_with_its_mark_is_below_it(
    evaluate: Evaluate, drawn: list[tuple[Decimal, str]]
) -> None:
    texts = [f"{limit:f}{mark}" for limit, mark in drawn]
    others = [f"<{limit:f}" for limit, _ in drawn]

    for found in (evaluate(RESULT, t=texts), evaluate(RESULT, t=others)):
        assert [(r["qualifier"], r["value"]) for r in found] == [("<", v) for v, _ in drawn]


def test_other_results_of_water(evaluate: Evaluate) -> None:
    cases = {
        "未检出": ("ND", None),
        "5E-05": ("=", Decimal("0.00005")),
        "7410409": ("=", Decimal(7410409)),
        "L": (None, None),
        "0.01 mg/L": ("=", Decimal("0.01")),
        "--": (None, None),
        "极值过滤": (None, None),
    }
    found = evaluate(RESULT, t=list(cases))

    assert [(r["qualifier"], r["value"]) for r in found] == list(cases.values())


@given(st.lists(st.text(max_size=20), min_size=20, max_size=60))
@settings(max_examples=10)
def test_no_result_breaks_it_and_a_qualifier_has_its_value(
    evaluate: Evaluate, texts: list[str]
) -> None:
    for found in evaluate(RESULT, t=[text.replace("\0", "") for text in texts]):
        assert found["qualifier"] not in ("=", "<", ">") or found["value"] is not None
