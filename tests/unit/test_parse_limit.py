"""Limit texts: bounds, ranges, bans and sampling plans."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.reference_lists import codes

Evaluate = Callable[..., list[Any]]

WORDS = {
    "<=": ["", "≤", "<=", "＜＝", "不大于", "不超过", "小于等于", "≦", "max. "],
    "<": ["<", "＜", "小于", "低于"],
    ">=": ["≥", ">=", "不小于", "不低于", "大于等于", "≧", "min "],
    ">": [">", "＞", "大于", "高于"],
}
UNITS = ["", "mg/kg", "μg/kg", "CFU/g", "%", "℃", "g/100mL", "MPa"]
NUMBERS = st.builds(
    lambda whole, places: f"{Decimal(whole).scaleb(-places):f}",
    st.integers(-(10**6), 10**6),
    st.integers(0, 4),
)


def limit(
    comparator: str | None,
    low: str | None = None,
    high: str | None = None,
    unit: str | None = None,
    plan_n: int | None = None,
    plan_c: int | None = None,
) -> dict[str, Any]:
    return {
        "comparator": comparator,
        "low": low and Decimal(low),
        "high": high and Decimal(high),
        "unit": unit,
        "plan_n": plan_n,
        "plan_c": plan_c,
    }


UNKNOWN = limit(None)


def bound(comparator: str, number: str, unit: str | None = None) -> dict[str, Any]:
    low, high = (None, number) if "<" in comparator else (number, None)
    return limit(comparator, low, high, unit)


@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from([(code, word) for code, words in WORDS.items() for word in words]),
            NUMBERS,
            st.sampled_from(["", " "]),
            st.sampled_from(UNITS),
        ),
        min_size=20,
        max_size=50,
    )
)
@settings(max_examples=8)
def test_one_bound_is_read_back(
    evaluate: Evaluate, parts: list[tuple[tuple[str, str], str, str, str]]
) -> None:
    texts = [f"{word}{number}{blank}{unit}" for (_, word), number, blank, unit in parts]
    expected = [bound(code, number, unit or None) for (code, _), number, _, unit in parts]
    assert evaluate("parse_limit(t)", t=texts) == expected


@given(
    parts=st.lists(
        st.tuples(
            NUMBERS,
            NUMBERS,
            st.sampled_from(["~", "～", "-", "—", "–", " - ", "至"]),
            st.sampled_from(UNITS),
        ),
        min_size=20,
        max_size=50,
    )
)
@settings(max_examples=8)
def test_a_range_is_read_back_unless_its_bounds_are_swapped(
    evaluate: Evaluate, parts: list[tuple[str, str, str, str]]
) -> None:
    texts = [f"{low}{dash}{high}{unit}" for low, high, dash, unit in parts]
    expected = [
        limit("range", low, high, unit or None) if Decimal(low) <= Decimal(high) else UNKNOWN
        for low, high, _, unit in parts
    ]
    assert evaluate("parse_limit(t)", t=texts) == expected


@given(
    parts=st.lists(
        st.tuples(st.integers(1, 60), st.integers(0, 10), st.integers(0, 8), st.integers(0, 9)),
        min_size=10,
        max_size=30,
    )
)
@settings(max_examples=8)
def test_a_sampling_plan_is_read_back_unless_it_contradicts_itself(
    evaluate: Evaluate, parts: list[tuple[int, int, int, int]]
) -> None:
    raised = "⁰¹²³⁴⁵⁶⁷⁸⁹"
    texts, expected = [], []
    for n, c, m, m_max in parts:
        forms = [
            f"n={n},c={c},m=10{raised[m]},M=10{raised[m_max]}",
            f"n={n}， c={c}， m=10^{m}， M=10^{m_max}",
            f"n = {n}; c = {c}; m = {10**m}; M = {10**m_max}",
            f"ｎ＝{n}，ｃ＝{c}，ｍ＝1.0×10{raised[m]}，Ｍ＝1.0×10{raised[m_max]}",
        ]
        texts += forms
        known = limit("plan", str(10**m), str(10**m_max), None, n, c)
        expected += [known if c <= n and m <= m_max else UNKNOWN] * len(forms)
    assert evaluate("parse_limit(t)", t=texts) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", bound("<=", "0.1")),
        ("0", bound("<=", "0")),
        ("0.1*", bound("<=", "0.1")),
        ("0.02 (MRL = 0.1*)", bound("<=", "0.1")),
        ("(MRL = 0.1*)", bound("<=", "0.1")),
        ("boscalid 0.03 (MRL = 2)", bound("<=", "2")),
        ("MRL = 5 mg/kg", bound("<=", "5", "mg/kg")),
        ("≤-18℃", bound("<=", "-18", "℃")),
        ("≤1.0×10³ CFU/g", bound("<=", "1000", "CFU/g")),
        ("≤10^5CFU/g", bound("<=", "100000", "CFU/g")),
        ("≤1,000", bound("<=", "1000")),
        ("≤0.05(以Pb计)", bound("<=", "0.05")),
        ("0.5以下", bound("<=", "0.5")),
        ("85%以上", bound(">=", "85", "%")),
        ("0.05 mg/kg - ppm", bound("<=", "0.05", "mg/kg")),
        ("0.1 mg/kg dry matter", bound("<=", "0.1", "mg/kg dry matter")),
        ("-18~-15℃", limit("range", "-18", "-15", "℃")),
        ("6.5—8.5", limit("range", "6.5", "8.5")),
        ("5mg/kg~10mg/kg", limit("range", "5", "10", "mg/kg")),
        ("不得检出", limit("ND")),
        ("不得检出/25g", limit("ND", unit="/25g")),
        ("0/25g", limit("ND", unit="/25g")),
        ("Absence /25g", limit("ND", unit="/25g")),
        ("n=5,c=0,m=0/25g", limit("plan", "0", None, "/25g", 5, 0)),
        ("n=5,c=1,m=100,M=—", limit("plan", "100", None, None, 5, 1)),
        (
            "n=5,c=2,m=10000,M=100000CFU/g",
            limit("plan", "10000", "100000", "CFU/g", 5, 2),
        ),
    ],
)
def test_known_texts(evaluate: Evaluate, text: str, expected: dict[str, Any]) -> None:
    assert evaluate("parse_limit(t)", t=[text]) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        *[
            None,
            "",
            "不得使用",
            "不得添加",
            "符合GB 29924规定要求",
            "GB 2762-2022",
            "(No MRL)",
            "None",
        ],
        *[
            "≤3.7×104",
            "0,05 mg/kg",
            "2024-05-01",
            "10-5",
            "5mg/kg~10g/kg",
            "≥5以上",
            "≤0.05或不得检出",
        ],
        *["n=5,c=6,m=10,M=100", "n=5,c=2,m=100,M=10", "n=5,c=2", "n=5,c=2,m=3.7x104,M=10^6"],
    ],
)
def test_what_cannot_be_decided_is_unknown(evaluate: Evaluate, text: str | None) -> None:
    assert evaluate("parse_limit(t)", t=[text]) == [UNKNOWN]


def test_comparators_are_those_of_the_code_list(evaluate: Evaluate) -> None:
    texts = ["≤1", "<1", "≥1", ">1", "1~2", "不得检出", "n=5,c=0,m=0"]
    assert evaluate("parse_limit(t).comparator", t=texts) == list(codes("limit_comparator"))
