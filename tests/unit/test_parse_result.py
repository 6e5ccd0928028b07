"""Result texts: what laboratories and bulletins write, and what cannot be decided."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Evaluate = Callable[..., list[Any]]

UNITS = ["mg/kg", "CFU/g", "μg/kg", "µg/L", "MPN/100g", "g/100mL", "%", "MPa", "IU", "℃", "mgKOH/g"]
UNITS += ["%vol", "m²", "mg/100 g", "CFU / g", "个/g", "ug/kg", "mmol/kg", "/25g", "千克", "kg/m³"]
COMPARATORS = {"": "=", "<": "<", "＜": "<", "≤": "<", "小于": "<", "不大于": "<", "<=": "<"} | {
    ">": ">",
    "＞": ">",
    "≥": ">",
    "大于": ">",
    "不低于": ">",
    ">=": ">",
    "超过": ">",
}
REMARKS = ["", " (i.e. not confirmed)", "（以脂肪计）", " (n=3)"]
NUMBERS = st.builds(
    lambda whole, places: f"{Decimal(whole).scaleb(-places):f}",
    st.integers(0, 10**7),
    st.integers(0, 5),
)


def result(
    qualifier: str | None, value: str | None = None, unit: str | None = None
) -> dict[str, Any]:
    return {"qualifier": qualifier, "value": value and Decimal(value), "unit": unit}


UNKNOWN = result(None)


@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from(sorted(COMPARATORS)),
            st.sampled_from(["", " "]),
            NUMBERS,
            st.sampled_from(["", " "]),
            st.sampled_from(["", *UNITS]),
            st.sampled_from(REMARKS),
        ),
        min_size=20,
        max_size=60,
    )
)
@settings(max_examples=10)
def test_what_is_written_is_read_back(
    evaluate: Evaluate, parts: list[tuple[str, str, str, str, str, str]]
) -> None:
    texts = ["".join(part) for part in parts]
    expected = [
        result(COMPARATORS[comparator], number, unit or None)
        for comparator, _, number, _, unit, _ in parts
    ]
    assert evaluate("parse_result(t)", t=texts) == expected


@given(
    parts=st.lists(
        st.tuples(st.sampled_from(sorted(COMPARATORS)), st.integers(10, 99), st.integers(1, 9)),
        min_size=10,
        max_size=30,
    )
)
@settings(max_examples=10)
def test_counts_in_powers_of_ten(evaluate: Evaluate, parts: list[tuple[str, int, int]]) -> None:
    texts, expected = [], []
    for comparator, tenths, exponent in parts:
        mantissa, raised = tenths / 10, "⁰¹²³⁴⁵⁶⁷⁸⁹"[exponent]
        forms = [f"{mantissa}×10{raised}", f"{mantissa} x 10^{exponent} ", f"{mantissa}e{exponent}"]
        texts += [f"{comparator}{form}CFU/g" for form in forms]
        value = str(Decimal(tenths).scaleb(exponent - 1))
        expected += [result(COMPARATORS[comparator], value, "CFU/g")] * len(forms)
    assert evaluate("parse_result(t)", t=texts) == expected


@pytest.mark.parametrize(
    "text",
    [
        *[
            "未检出",
            " 未检出 ",
            "ND",
            "nd",
            "N.D.",
            "N.D",
            "Not Detected",
            "not detectable",
            "阴性",
        ],
        *[
            "未检出（<0.01）",
            "未检出(＜0.01)",
            "未检出(检出限：0.05mg/kg)",
            "未检出，检出限0.01",
            "ND<0.01",
        ],
        *["未检出/25g", "not detected in 25g", "absence /25g", "<LOD", "＜检出限", "negative"],
        *["0(未检出)", "0.00 (not detected)", "0.01(ND)"],
    ],
)
def test_not_detected_has_no_value(evaluate: Evaluate, text: str) -> None:
    assert evaluate("parse_result(t)", t=[text]) == [result("ND")]


@pytest.mark.parametrize(
    "text", ["检出", "阳性", "Detected", "detected /25g", "Positive", "检出（阳性）"]
)
def test_detected(evaluate: Evaluate, text: str) -> None:
    assert evaluate("parse_result(t)", t=[text]) == [result("DETECTED")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.054", result("=", "0.054")),
        ("<0.01 (i.e. not found)", result("<", "0.01")),
        ("1,200mg/kg", result("=", "1200", "mg/kg")),
        ("1,200,000CFU/g", result("=", "1200000", "CFU/g")),
        ("0.0352(mg/kg)", result("=", "0.0352", "mg/kg")),
        ("90.1(％)", result("=", "90.1", "%")),
        ("0.31±0.15", result("=", "0.31")),
        ("0.39 (± 0.20) mg/kg", result("=", "0.39", "mg/kg")),
        ("40 +/-20", result("=", "40")),
        ("检出值：0.05mg/kg", result("=", "0.05", "mg/kg")),
        ("37 MPa", result("=", "37", "MPa")),
        ("-18.5℃", result("=", "-18.5", "℃")),
        ("０．０５ｍｇ／ｋｇ", result("=", "0.05", "mg/kg")),
        ("0.05 mg/kg - ppm", result("=", "0.05", "mg/kg")),
    ],
)
def test_known_texts(evaluate: Evaluate, text: str, expected: dict[str, Any]) -> None:
    assert evaluate("parse_result(t)", t=[text]) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        *[None, "", "合格", "不合格", "/", "S. Pretoria", "2024-05-01", "GB 2762-2022", "n1:34000"],
        *["3.7×104", "3.7×104CFU/g", "3.7x104CFU/g", "1.7×100CFU/g"],  # a superscript may be lost
        *["0,02", "<0,01", "2,5 mg"],  # decimal commas
        *["210，330，490", "210,330,490,490,790", "0.21g/100ml;0.49g/100ml", "1-2", "10 and 19"],
        *["1.2万个/g", "0.00000000001", "5.0 mg/kg 合格", "初检结果：2.9mg/kg；复检结果：2.7mg/kg"],
    ],
)
def test_what_cannot_be_decided_is_unknown(evaluate: Evaluate, text: str | None) -> None:
    assert evaluate("parse_result(t)", t=[text]) == [UNKNOWN]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (None, []),
        ("0.05", ["0.05"]),
        ("未检出", ["未检出"]),
        (" 1，2 ", [" 1，2 "]),
        ("①3.2×10³；②<10；③未检出", ["3.2×10³", "<10", "未检出"]),
        ("① 1 ② 2 ③ 3", ["1", "2", "3"]),
        ("①1、②2，③3CFU/g", ["1", "2", "3CFU/g"]),
        ("结果：①1；②2", ["1", "2"]),
        ("0.05①", ["0.05"]),
        ("①", []),
    ],
)
def test_split_results(evaluate: Evaluate, text: str | None, parts: list[str]) -> None:
    assert evaluate("split_results(t)", t=[text]) == [parts]


@given(counts=st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
@settings(max_examples=15)
def test_parts_come_in_their_order(evaluate: Evaluate, counts: list[int]) -> None:
    marks = [chr(ord("①") + index) for index in range(len(counts))]
    text = "；".join(f"{mark}{count}" for mark, count in zip(marks, counts, strict=True))
    assert evaluate("split_results(t)", t=[text]) == [[str(count) for count in counts]]
