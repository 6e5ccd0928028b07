"""Numbers in every decoration, exactly."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Evaluate = Callable[..., list[Any]]

WIDE = str.maketrans("0123456789.,-+", "０１２３４５６７８９．，－＋")
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def decimal_text(whole: int, places: int) -> str:
    return f"{Decimal(whole).scaleb(-places):f}"


PLAIN = st.builds(decimal_text, st.integers(-(10**17), 10**17), st.integers(0, 10))
MANTISSAS = st.builds(decimal_text, st.integers(-(10**9), 10**9), st.integers(0, 8))


def representable(value: Decimal) -> Decimal | None:
    """The value, where DECIMAL(28,10) holds it without rounding."""
    whole = value.scaleb(10)
    return value if whole == whole.to_integral_value() and abs(whole) < 10**28 else None


@given(numbers=st.lists(PLAIN, min_size=10, max_size=30))
@settings(max_examples=20)
def test_every_decoration_gives_the_number_back(evaluate: Evaluate, numbers: list[str]) -> None:
    texts, expected = [], []
    for number in numbers:
        grouped = f"{Decimal(number):,f}"
        forms = [number, f" {number} ", grouped, number.translate(WIDE), grouped.translate(WIDE)]
        forms += [f"¥{number}", f"￥ {grouped}", f"{number}e0", f"{number}×10⁰"]
        texts += forms
        expected += [Decimal(number)] * len(forms)
    assert evaluate("parse_number(t)", t=texts) == expected


@given(pairs=st.lists(st.tuples(MANTISSAS, st.integers(-12, 18)), min_size=10, max_size=40))
@settings(max_examples=20)
def test_powers_of_ten_are_exact_or_unknown(
    evaluate: Evaluate, pairs: list[tuple[str, int]]
) -> None:
    texts, expected = [], []
    for mantissa, exponent in pairs:
        raised = str(exponent).translate(RAISED)
        forms = [
            f"{mantissa}×10{raised}",
            f"{mantissa} x 10^{exponent}",
            f"{mantissa}*10^{exponent}",
        ]
        forms += [
            f"{mantissa}E{exponent:+}",
            f"{mantissa}e{exponent}",
            f"{mantissa}X10^{exponent:+}",
        ]
        texts += forms
        expected += [representable(Decimal(mantissa).scaleb(exponent))] * len(forms)
    assert evaluate("parse_number(t)", t=texts) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,200.5", "1200.5"),
        ("1，200", "1200"),
        ("１２．５", "12.5"),
        ("+5", "5"),
        (".5", "0.5"),
        ("−5", "-5"),
        ("1.2×10³", "1200"),
        ("10²", "100"),
        ("10⁻³", "0.001"),
        ("10^12", "1000000000000"),
        ("0×10⁻¹²", "0"),
        ("130×10⁻¹¹", "0.0000000013"),
        ("0.00E-12", "0"),
        ("0.0000000001", "0.0000000001"),
        ("0.05000000000000", "0.05"),
        ("61.887365759999994", "61.88736576"),
        ("0.30000000000000004", "0.3"),
        ("999999999999999999.9999999999", "999999999999999999.9999999999"),
    ],
)
def test_understood(evaluate: Evaluate, text: str, expected: str) -> None:
    assert evaluate("parse_number(t)", t=[text]) == [Decimal(expected)]


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "-",
            "abc",
            "5.",
            "1.2.3",
            "--5",
            "1_000",
            "0x1F",
            "NaN",
            "inf",
            "1/2",
            "5%",
            "5mg",
            "$5",
        ],
        *["1,20", "1,2000", "12,00,000", "0,123", "0,02", ",5"],  # no thousands, or decimal commas
        *[
            "3.7×104",
            "3.7x104",
            "1.7×100",
            "1.2×10",
            "×10³",
            "1.2×10³4",
        ],  # a superscript may be lost
        *[
            "0.00000000001",
            "1e-11",
            "1e18",
            "1000000000000000000",
            "1e99",
            "0.01e19",
        ],  # beyond 18 + 10 digits
        "1.2345678901234567e-05",
    ],
)
def test_not_understood(evaluate: Evaluate, text: str) -> None:
    assert evaluate("parse_number(t)", t=[text]) == [None]
