"""Mistakes in a source's YAML are told with file and key, before any file is read."""

from pathlib import Path

import pytest

from warehouse.errors import ConfigurationError
from warehouse.source import load_source

GOOD = """
title: Market samples
publisher: District office
licence: none
citation: District office
format: {kind: csv, encodings: [utf-8]}
tables:
  samples:
    reshape:
      - ignore: {where: {no: '^total'}, reason: totals}
    records:
      sample:
        columns:
          sample_no: no
          domain: {value: food}
          programme: {value: supervision}
          sampling_basis: {value: random}
          verdict: {from: verdict, codes: verdict}
"""


def problems(folder: Path, text: str) -> str:
    path = folder / "market.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_source(path)
    return str(caught.value)


def test_a_good_source_has_none(tmp_path: Path) -> None:
    (tmp_path / "market.yml").write_text(GOOD, "utf-8")
    assert load_source(tmp_path / "market.yml").source_id == "market"


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("[utf-8]", "[utf-9]", "market.yml: format.encodings: there is no encoding 'utf-9'"),
        ("'^total'", "'('", "market.yml: tables.samples.reshape[1].ignore: '(' is no regular"),
        (
            "codes: verdict",
            "codes: nolist",
            "columns.verdict.codes: there is no code list 'nolist'",
        ),
        ("value: food", "value: foood", "columns.domain: no code foood in the list 'domain'"),
        ("codes: verdict", "codes: {ok: passs}", "no code passs in the list 'verdict'"),
        ("codes: verdict", "pattern: '合'", "verdict.pattern: put the part that counts in"),
        ("codes: verdict", "pattern: '('", "verdict.pattern: '(' is no regular expression"),
        ("          sampling_basis: {value: random}\n", "", "'sampling_basis' is not mapped"),
        (
            "tables:\n",
            "actions: {unparsed_sampled_onn: warn}\ntables:\n",
            "market.yml: actions.unparsed_sampled_onn: no rule of this source",
        ),
        ("  samples:\n", "  samples:\n    files: '['\n", "tables.samples.files: '[' is no regular"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(
    tmp_path: Path, was: str, becomes: str, told: str
) -> None:
    assert was in GOOD
    assert told in problems(tmp_path, GOOD.replace(was, becomes, 1))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("[utf-8]", "[utf-9]").replace("value: food", "value: foood")
    assert len(problems(tmp_path, text).splitlines()) == 2
