"""The verdict that follows, against every value that a result may stand for."""

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Evaluate = Callable[..., list[Any]]

VERDICT = (
    "derive_verdict(q, CAST(v AS DECIMAL(28,10)), u, c, CAST(low AS DECIMAL(28,10)), "
    "CAST(high AS DECIMAL(28,10)), lu)"
)


Texts = tuple[str | None, ...]


def verdict(evaluate: Evaluate, result: Texts, limit: Texts, units: Texts = (None, None)) -> Any:
    """The verdict for (qualifier, value), (comparator, low, high) and the units of both."""
    names = ("q", "v", "c", "low", "high", "u", "lu")
    columns = zip(names, (*result, *limit, *units), strict=True)
    return evaluate(VERDICT, **{name: [text] for name, text in columns})[0]


def meets(value: Decimal, comparator: str, low: Decimal, high: Decimal) -> bool:
    return {
        "<=": value <= high,
        "<": value < high,
        ">=": value >= low,
        ">": value > low,
        "range": low <= value <= high,
    }[comparator]


def possible_values(qualifier: str, value: int) -> list[Decimal]:
    """What a result may stand for, in halves from 0 to 12."""
    halves = [Decimal(step) / 2 for step in range(25)]
    if qualifier == "=":
        return [Decimal(value)]
    return [half for half in halves if (half < value if qualifier == "<" else half > value)]


def test_a_verdict_follows_just_when_every_possible_value_agrees(evaluate: Evaluate) -> None:
    cases = [
        (qualifier, value, comparator, low, high)
        for qualifier, comparator in itertools.product("=<>", ["<=", "<", ">=", ">", "range"])
        for value in range(1, 9)
        for low, high in [(1, 4), (3, 3), (4, 7), (6, 8)]
    ]
    answers = evaluate(
        VERDICT,
        q=[case[0] for case in cases],
        v=[str(case[1]) for case in cases],
        u=[None] * len(cases),
        c=[case[2] for case in cases],
        low=[None if "<" in case[2] else str(case[3]) for case in cases],
        high=[None if ">" in case[2] else str(case[4]) for case in cases],
        lu=[None] * len(cases),
    )
    for (qualifier, value, comparator, low, high), answer in zip(cases, answers, strict=True):
        agreed = {
            meets(possible, comparator, Decimal(low), Decimal(high))
            for possible in possible_values(qualifier, value)
        }
        expected = None if len(agreed) > 1 else "pass" if agreed == {True} else "fail"
        if expected is None and qualifier == "<" and comparator in ("<=", "<"):
            expected = "method_inadequate"
        assert answer == expected, (qualifier, value, comparator, low, high)


@pytest.mark.parametrize(
    ("result", "limit", "expected"),
    [
        (("=", "0.054"), ("<=", None, "0.05"), "fail"),  # rounded to 0.05 it would pass
        (("=", "0.05"), ("<=", None, "0.05"), "pass"),
        (("=", "0.0500000001"), ("<=", None, "0.05"), "fail"),
        (("ND", None), ("<=", None, "0.05"), "pass"),
        (("ND", None), ("<", None, "0.05"), "pass"),
        (("ND", None), (">=", "30", None), "fail"),
        (("ND", None), (">", "0", None), "fail"),
        (("ND", None), ("range", "1", "5"), "fail"),
        (("ND", None), ("range", "0", "5"), "pass"),
        (("<", "3"), ("range", "0", "5"), "pass"),
        (("<", "0.05"), ("<=", None, "0.05"), "pass"),
        (("<", "0.06"), ("<=", None, "0.05"), "method_inadequate"),
        (("DETECTED", None), ("<=", None, "0.05"), None),
        (("DETECTED", None), (">=", "0.05", None), None),
        (("DETECTED", None), ("range", "1", "5"), None),
        (("=", "0.001"), ("ND", None, None), "fail"),
        (("=", "0"), ("ND", None, None), "pass"),
        (("DETECTED", None), ("ND", None, None), "fail"),
        (("ND", None), ("ND", None, None), "pass"),
        (("<", "0.01"), ("ND", None, None), "pass"),
        ((">", "5"), ("ND", None, None), "fail"),
        (("=", "1001"), ("plan", "100", "1000"), "fail"),
        (("=", "1000"), ("plan", "100", "1000"), None),
        (("=", "100"), ("plan", "100", "1000"), "pass"),
        (("<", "10"), ("plan", "100", "1000"), "pass"),
        (("<", "500"), ("plan", "100", "1000"), None),
        ((">", "1000"), ("plan", "100", "1000"), "fail"),
        (("ND", None), ("plan", "0", None), "pass"),
        (("=", "1"), ("plan", "0", None), None),
        (("DETECTED", None), ("plan", "0", None), None),
        ((None, "1"), ("<=", None, "2"), None),
        (("=", "1"), (None, None, "2"), None),
        (("=", None), ("<=", None, "2"), None),
        (("=", "1"), ("<=", None, None), None),
        (("=", "-20"), ("<=", None, "-18"), "pass"),
        (("=", "-17.9"), ("<=", None, "-18"), "fail"),
    ],
)
def test_known_comparisons(
    evaluate: Evaluate, result: Texts, limit: Texts, expected: str | None
) -> None:
    assert verdict(evaluate, result, limit) == expected


@pytest.mark.parametrize(
    ("unit", "limit_unit", "expected"),
    [
        ("mg/kg", "mg/kg", "pass"),
        ("mg/kg", None, "pass"),
        (None, "mg/kg", "pass"),
        ("MG/KG", "mg / kg", "pass"),
        ("µg/kg", "μg/kg", "pass"),
        ("ug/kg", "μg/kg", "pass"),
        ("ｍｇ／ｋｇ", "mg/kg", "pass"),
        ("CFU/g", "cfu/g", "pass"),
        ("mg/kg", "μg/kg", None),
        ("g/100g", "g/kg", None),
        ("%", "g/kg", None),
    ],
)
def test_units_are_compared_not_converted(
    evaluate: Evaluate, unit: str | None, limit_unit: str | None, expected: str | None
) -> None:
    answer = verdict(evaluate, ("=", "1"), ("<=", None, "2"), (unit, limit_unit))
    assert answer == expected


def test_from_text_to_verdict(evaluate: Evaluate) -> None:
    parsed = (
        "list_transform([{'r': parse_result(t), 'l': parse_limit(limit_text)}], "
        "lambda x: derive_verdict(x.r.qualifier, x.r.value, x.r.unit, x.l.comparator, x.l.low, "
        "x.l.high, x.l.unit))[1]"
    )
    cases = {
        ("0.054mg/kg", "≤0.05"): "fail",
        ("未检出", "不得检出"): "pass",
        ("<0.01 (i.e. not found)", "(MRL = 0.1*)"): "pass",
        ("1.2×10³CFU/g", "≤1.0×10³ CFU/g"): "fail",
        ("37 MPa", "≥30"): "pass",
        ("0.5g/kg", "≤400mg/kg"): None,
        ("3.7×104CFU/g", "≤10^5CFU/g"): None,
    }
    texts, limits = zip(*cases, strict=True)
    assert evaluate(parsed, t=list(texts), limit_text=list(limits)) == list(cases.values())
