"""Identifiers: the standards' own examples, other people's algorithms, and typing errors."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import ean
from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_10

Evaluate = Callable[..., list[Any]]

DIGITS = "0123456789"
USCC_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ORGANISATION_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

USCC_BODIES = st.builds(
    "".join,
    st.tuples(
        st.text(USCC_LETTERS, min_size=2, max_size=2),
        st.text(DIGITS, min_size=6, max_size=6),
        st.text(USCC_LETTERS, min_size=9, max_size=9),
    ),
)


def organisation_check(first8: str) -> str:
    """GB 11714: 11 - sum of weight × value mod 11, 10 written X, 11 written 0."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(weight * int(letter, 36) for weight, letter in zip(weights, first8, strict=True))
    return {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))


def changed_in_one_place(text: str, letters: str) -> list[str]:
    return [
        text[:place] + letter + text[place + 1 :]
        for place in range(len(text))
        for letter in letters
        if letter != text[place]
    ]


def swapped_neighbours(text: str) -> list[str]:
    return [
        text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        for place in range(len(text) - 1)
        if text[place] != text[place + 1]
    ]


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("uscc_check_character(t)", "11330782097919258", "G"),
        ("uscc_check_character(t)", "91330782MADABA98X", "1"),
        ("uscc_check_character(t)", "91350100M000100Y4", "3"),
        ("organisation_check_character(t)", "09791925", "8"),
        ("organisation_check_character(t)", "M000100Y", "4"),
        ("organisation_check_character(t)", "MADABA98", "X"),
        ("mod_11_10_check_digit(t)", "1063301970261", "3"),
        ("mod_11_10_check_digit(t)", "1034114710135", "1"),
        ("gtin_check_digit(t)", "690123456789", "2"),
        ("gtin_check_digit(t)", "0690123456789", "2"),
        ("uscc_check_character(t)", "1133078209791925", None),
        ("uscc_check_character(t)", "1133078209791925I", None),
        ("organisation_check_character(t)", "0979192", None),
        ("mod_11_10_check_digit(t)", "", None),
        ("mod_11_10_check_digit(t)", "12345678901234x", None),
        ("gtin_check_digit(t)", "03600029145", "2"),
        ("gtin_check_digit(t)", "69012345", None),
    ],
)
def test_check_characters(
    evaluate: Evaluate, expression: str, text: str, expected: str | None
) -> None:
    assert evaluate(expression, t=[text]) == [expected]


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("is_uscc(t)", "11330782097919258G", True),
        ("is_uscc(t)", "91330782MADABA98X1", True),
        ("is_uscc(t)", "91350100M000100Y4Z", False),
        ("is_uscc(t)", "91350100M000100Y43", True),
        ("is_uscc(t)", "91330782madaba98x1", False),
        ("is_uscc(t)", "", False),
        ("is_organisation_code(t)", "097919258", True),
        ("is_organisation_code(t)", "09791925-8", True),
        ("is_organisation_code(t)", "09791925-7", False),
        ("is_organisation_code(t)", "MADABA98X", True),
        ("is_food_licence(t)", "SC10633019702613", True),
        ("is_food_licence(t)", "SC10633019702614", False),
        ("is_food_licence(t)", "SC30633019702613", False),
        ("is_food_licence(t)", "QS330700010001", False),
        ("is_gtin(t)", "6901234567892", True),
        ("is_gtin(t)", "06901234567892", True),
        ("is_gtin(t)", "6901234567893", False),
        ("is_gtin(t)", "96385074", True),
        ("is_gtin(t)", "036000291452", True),
        ("is_gtin(t)", "69012345678", False),
        ("is_sampling_number(t)", "DC19422800471830063", True),
        ("is_sampling_number(t)", "DC19130400463233437", True),
        ("is_sampling_number(t)", "XBJ23330782471830063ZX", True),
        ("is_sampling_number(t)", "D19422800471830063", False),
        ("is_sampling_number(t)", "DC1942280047183006", False),
        ("is_division_code(t)", "330782", True),
        ("is_division_code(t)", "330782001", True),
        ("is_division_code(t)", "330782001000", True),
        ("is_division_code(t)", "3307820", False),
        ("is_division_code(t)", "100000", False),
        ("is_division_code(t)", "990782", False),
        ("is_division_code(t)", "UNKNOWN", False),
    ],
)
def test_known_identifiers(
    evaluate: Evaluate, expression: str, text: str, *, expected: bool
) -> None:
    assert evaluate(expression, t=[text]) == [expected]


def test_parts_of_a_sampling_number(evaluate: Evaluate) -> None:
    texts = ["DC19422800471830063", "XBJ23330782471830063ZX", "DC1942280", None]
    assert evaluate("sampling_number_year(t)", t=texts) == [2019, 2023, None, None]
    assert evaluate("sampling_number_division(t)", t=texts) == ["422800", "330782", None, None]


@pytest.mark.parametrize(
    "name",
    ["uscc", "organisation_code", "food_licence", "gtin", "sampling_number", "division_code"],
)
def test_no_identifier_is_neither_valid_nor_invalid(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"is_{name}(t)", t=[None]) == [None]


@given(bodies=st.lists(USCC_BODIES, min_size=20, max_size=60))
@settings(max_examples=15)
def test_uscc_agrees_with_another_implementation(evaluate: Evaluate, bodies: list[str]) -> None:
    expected = [uscc.calc_check_digit(body) for body in bodies]
    assert evaluate("uscc_check_character(t)", t=bodies) == expected
    codes = [body + check for body, check in zip(bodies, expected, strict=True)]
    assert all(evaluate("is_uscc(t)", t=codes))


@given(body=USCC_BODIES)
@settings(max_examples=15)
def test_uscc_notices_one_wrong_character_and_swapped_neighbours(
    evaluate: Evaluate, body: str
) -> None:
    code = body + uscc.calc_check_digit(body)
    wrong = changed_in_one_place(code, USCC_LETTERS) + swapped_neighbours(code)
    assert not any(evaluate("is_uscc(t)", t=wrong))


@given(bodies=st.lists(st.text(ORGANISATION_LETTERS, min_size=8, max_size=8), min_size=20))
@settings(max_examples=15)
def test_organisation_code_by_the_standard(evaluate: Evaluate, bodies: list[str]) -> None:
    expected = [organisation_check(body) for body in bodies]
    assert evaluate("organisation_check_character(t)", t=bodies) == expected
    codes = [body + check for body, check in zip(bodies, expected, strict=True)]
    assert all(evaluate("is_organisation_code(t)", t=codes))


@given(body=st.text(DIGITS, min_size=8, max_size=8))
@settings(max_examples=15)
def test_organisation_code_notices_one_wrong_digit(evaluate: Evaluate, body: str) -> None:
    code = body + organisation_check(body)
    assert not any(evaluate("is_organisation_code(t)", t=changed_in_one_place(code, DIGITS)))


@given(numbers=st.lists(st.text(DIGITS, min_size=1, max_size=14), min_size=20, max_size=60))
@settings(max_examples=15)
def test_mod_11_10_agrees_with_another_implementation(
    evaluate: Evaluate, numbers: list[str]
) -> None:
    expected = [mod_11_10.calc_check_digit(number) for number in numbers]
    assert evaluate("mod_11_10_check_digit(t)", t=numbers) == expected


@given(
    body=st.builds(
        "".join, st.tuples(st.sampled_from("12"), st.text(DIGITS, min_size=12, max_size=12))
    )
)
@settings(max_examples=15)
def test_food_licence_notices_one_wrong_digit(evaluate: Evaluate, body: str) -> None:
    digits = body + mod_11_10.calc_check_digit(body)
    assert evaluate("is_food_licence(t)", t=[f"SC{digits}"]) == [True]
    wrong = [f"SC{text}" for text in changed_in_one_place(digits, DIGITS)]
    assert not any(evaluate("is_food_licence(t)", t=wrong))


@given(
    bodies=st.lists(
        st.one_of(*(st.text(DIGITS, min_size=size, max_size=size) for size in (7, 11, 12, 13))),
        min_size=20,
        max_size=60,
    )
)
@settings(max_examples=15)
def test_gtin_agrees_with_another_implementation(evaluate: Evaluate, bodies: list[str]) -> None:
    expected = [ean.calc_check_digit(body) for body in bodies]
    assert evaluate("gtin_check_digit(t)", t=bodies) == expected
    codes = [body + check for body, check in zip(bodies, expected, strict=True)]
    assert all(evaluate("is_gtin(t)", t=codes))


@given(body=st.text(DIGITS, min_size=12, max_size=12))
@settings(max_examples=15)
def test_gtin_notices_one_wrong_digit(evaluate: Evaluate, body: str) -> None:
    code = body + ean.calc_check_digit(body)
    assert not any(evaluate("is_gtin(t)", t=changed_in_one_place(code, DIGITS)))
