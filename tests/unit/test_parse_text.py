"""Full-width forms, blanks, and texts that mean nothing at all."""

import time
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.ingest.macros import install

Evaluate = Callable[..., list[Any]]

PARSERS = (
    "clean_text(t)",
    "parse_date(t, 'ymd')",
    "parse_date(t, 'dmy')",
    "parse_date(t, 'mdy')",
    "parse_number(t)",
    "parse_result(t)",
    "split_results(t)",
    "parse_limit(t)",
    "derive_verdict(t, length(t), t, t, 1, 20, 'mg/kg')",
    "uscc_check_character(t)",
    "organisation_check_character(t)",
    "mod_11_10_check_digit(t)",
    "gtin_check_digit(t)",
    "sampling_number_year(t)",
    "sampling_number_division(t)",
    "is_uscc(t)",
    "is_organisation_code(t)",
    "is_food_licence(t)",
    "is_gtin(t)",
    "is_sampling_number(t)",
    "is_division_code(t)",
)

# Pieces that send a text deep into the grammars.
PIECES = st.sampled_from(
    [
        *"0123456789.,×xXeE^*/-~±()<>≤≥①②年月日nmcM=%¥：；，（）．－\u3000 ",
        *["10³", "⁻", "未检出", "ND", "(MRL = ", "mg/kg", "不得检出", "SC", "CFU/g", "以上"],
        *["MM", "n=5,c=2,m=", "T10:00", "\x00"],
    ]
)
ANY_TEXT = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map("".join))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (None, None),
        ("", None),
        (" \t\r\n", None),
        ("\u3000\u00a0\ufeff", None),
        ("plain", "plain"),
        ("  plain\n", "plain"),
        ("义乌市食品", "义乌市食品"),
        (" 义乌市食品 ", "义乌市食品"),
        ("义乌（苏溪）", "义乌(苏溪)"),
        ("＜０．０５ｍｇ／ｋｇ", "<0.05mg/kg"),
        ("ＡＺａｚ！～", "AZaz!~"),
        ("￥５", "¥5"),
        ("\ufeff苏溪\u3000镇\u200b", "苏溪 镇"),
        ("−5", "-5"),
        ("a\u00a0b\u202fc\u2007d", "a b c d"),
        ("①；②", "①;②"),
    ],
)
def test_clean_text(evaluate: Evaluate, text: str | None, clean: str | None) -> None:
    assert evaluate("clean_text(t)", t=[text]) == [clean]


@pytest.mark.parametrize("letter", list("vftrnbxu0\\"))
def test_only_blanks_are_trimmed(evaluate: Evaluate, letter: str) -> None:
    assert evaluate("clean_text(t)", t=[f" {letter}苏溪{letter}\v\f"]) == [f"{letter}苏溪{letter}"]


def test_every_full_width_form_of_ascii_becomes_half_width(evaluate: Evaluate) -> None:
    ascii_texts = [chr(code) for code in range(0x21, 0x7F)]
    wide = [chr(ord(letter) + 0xFEE0) for letter in ascii_texts]
    assert evaluate("clean_text(t)", t=wide) == ascii_texts


@given(texts=st.lists(ANY_TEXT, min_size=20, max_size=60))
@settings(max_examples=15)
def test_cleaning_twice_changes_nothing(evaluate: Evaluate, texts: list[str]) -> None:
    once = evaluate("clean_text(t)", t=texts)
    assert evaluate("clean_text(t)", t=once) == once


@given(texts=st.lists(ANY_TEXT, min_size=100, max_size=300))
@settings(max_examples=5)
def test_no_parser_raises_on_any_text(evaluate: Evaluate, texts: list[str]) -> None:
    answers = evaluate(
        f"[{', '.join(f'CAST({parser} AS VARCHAR)' for parser in PARSERS)}]", t=texts
    )
    assert len(answers) == len(texts)


@pytest.mark.parametrize("parser", PARSERS)
def test_very_long_texts_and_emoji_are_only_not_understood(evaluate: Evaluate, parser: str) -> None:
    texts = [
        "9" * 100_000,
        "未" * 50_000,
        "1," + "000," * 20_000,
        "🍜" * 100,
        "(" * 50_000,
        "1e" + "9" * 999,
    ]
    assert len(evaluate(parser, t=texts)) == len(texts)


@pytest.mark.parametrize("parser", PARSERS[:8])
def test_unknown_stays_unknown(evaluate: Evaluate, parser: str) -> None:
    (answer,) = evaluate(parser, t=[None])
    if isinstance(answer, dict):
        answer = [part for part in answer.values() if part is not None]
    assert not answer


@pytest.mark.parametrize("column", ["t", "s", "p", "q", "g", "d", "b", "v", "value", "unit", "low"])
def test_names_of_columns_do_not_meet_names_inside_the_macros(column: str) -> None:
    con = duckdb.connect()
    install(con)
    row = con.execute(
        f"SELECT parse_result({column}).value, parse_limit({column}).high, parse_number({column}), "
        f"parse_date({column}, 'ymd'), split_results({column}), is_gtin({column}), "
        f"mod_11_10_check_digit({column}) FROM (SELECT '１２' AS {column})"
    ).fetchone()
    assert row is not None
    assert [str(part) for part in row[:3]] == ["12.0000000000"] * 3
    assert row[3:6] == (None, ["１２"], False)


def test_parsers_can_be_used_on_the_parts_of_a_list(evaluate: Evaluate) -> None:
    expression = "list_transform(split_results(t), lambda s: parse_result(s).qualifier)"
    assert evaluate(expression, t=["①3.2×10³；②<10；③未检出"]) == [["=", "<", "ND"]]


def test_installing_is_quick_and_can_be_repeated() -> None:
    con = duckdb.connect()
    install(con)
    started = time.process_time()
    install(con)
    assert time.process_time() - started < 0.5  # ten times what it takes on an idle machine
