"""What changed a figure that is more than its counts: weights, rosters, definitions, the code."""

from pathlib import Path
from typing import Any

import pytest

from pipelines import show
from tests.figure_releases import UNIT, release, value
from warehouse.release_diff import ReleaseDiff, diff_releases

SLICE_OF = {"industry_division": "industry", "firm_class": "firm_class"}
WEIGHTED = {"indicator_id": "i", "variant_id": "v", "weighting": "output"}
WEIGHT = {"weighting": "output", "slice_type": "industry"}


def one_unit(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any], **tables: Any
) -> ReleaseDiff:
    """One unit in two releases, the figure of which goes from 50 to 60 with the same counts.

    So do those of its slices, if it has any.
    """
    named = {**before, **after}.keys() & SLICE_OF.keys()
    slices = [
        {"slice_type": SLICE_OF[name], "slice": unit[name]}
        for name in sorted(named)
        for unit in (before, after)
    ]
    figures = [value(0, 1, "met"), *(value(0, 1, "x", **each) for each in slices)]
    sides = [
        release(
            tmp_path / f"{name}.duckdb",
            mart__indicator_value=[{**figure, "value": number} for figure in figures],
            fact__indicator_unit=[{**UNIT, "unit_no": "U", **unit}],
            **{table: rows[place] for table, rows in tables.items()},
        )
        for place, (name, number, unit) in enumerate((("a", 50.0, before), ("b", 60.0, after)))
    ]
    return diff_releases(*sides, slices=True)


def both(*rows: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return list(rows), list(rows)


def test_a_unit_that_moves_to_another_industry_changes_a_weighted_figure(tmp_path: Path) -> None:
    found = one_unit(
        tmp_path,
        {"industry_division": "17"},
        {"industry_division": "18", "delivery_id": "d2"},
        ref__indicator=both({"indicator_id": "i", "kind": "rate"}),
        ref__indicator_variant=both(WEIGHTED),
        ref__indicator_weight=both({**WEIGHT, "slice": "17", "weight": 1}),
    )

    assert set(found.figures["changed_by"]) == {"new version"}
    columns = ("slice_type", "slice", "cause", "units", "denominator", "file_name")
    year = found.causes.filter(period_type="year").select(columns).sort(columns)
    assert year.rows() == [
        ("all", "all", "new version", 1, 0, "june.csv"),
        ("industry", "17", "new version", 1, -1, "june.csv"),
        ("industry", "18", "new version", 1, 1, "june.csv"),
    ]


def test_a_changed_answer_changes_a_score(tmp_path: Path) -> None:
    found = one_unit(
        tmp_path,
        {"unit_kind": "survey_response"},
        {"unit_kind": "survey_response", "delivery_id": "d2"},
        ref__indicator=both({"indicator_id": "i", "kind": "score"}),
        ref__indicator_variant=both({**WEIGHTED, "weighting": None}),
    )

    assert found.figures["changed_by"].to_list() == ["new version"]


def test_the_roster_of_firms_moves_a_unit_to_another_class(tmp_path: Path) -> None:
    firm = {"entity_uscc": "X", "valid_from": "2020-01-01"}
    found = one_unit(
        tmp_path,
        {"firm_class": "small", "entity_uscc": "X"},
        {"firm_class": "large", "entity_uscc": "X"},
        fact__firm_period=([{**firm, "delivery_id": "d1"}], [{**firm, "delivery_id": "d2"}]),
    )

    year = found.causes.filter(period_type="year").select(
        "slice_type", "slice", "cause", "denominator", "file_name"
    )
    assert sorted(year.rows()) == [
        ("firm_class", "large", "firm roster", 1, "june.csv"),
        ("firm_class", "small", "firm roster", -1, "june.csv"),
    ]


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        (
            {"ref__indicator_variant": ([{**WEIGHTED, "estimates": "census"}], [WEIGHTED])},
            "definition: ref.indicator_variant",
        ),
        (
            {
                "ref__indicator_variant": both(WEIGHTED),
                "ref__indicator_weight": (
                    [{**WEIGHT, "slice": "17", "weight": 1}],
                    [{**WEIGHT, "slice": "17", "weight": 2}],
                ),
            },
            "definition: ref.indicator_weight",
        ),
        (
            {"ref__water_limit": ([{"item_code": "tp", "class_no": 1}], [])},
            "configuration: ref.water_limit",
        ),
        (
            {"meta__release": ([{"code_version": "1"}], [{"code_version": "2"}])},
            "configuration: meta.release",
        ),
        (
            {"meta__release": ([{"as_of": "2024-06-30"}], [{"as_of": "2024-07-31"}])},
            "day up to which deliveries count",
        ),
        ({}, "unknown"),
    ],
)
def test_without_a_unit_the_definition_the_configuration_or_the_code_is_told(
    tmp_path: Path, tables: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = one_unit(tmp_path, {}, {}, **tables)
    show.figures(found)

    assert found.figures["changed_by"].to_list() == [why]
    assert why.rsplit(": ", maxsplit=1)[-1].split(" ", maxsplit=1)[0] in capsys.readouterr().out


def test_a_unit_that_counts_by_another_definition_is_told_so(tmp_path: Path) -> None:
    found = one_unit(
        tmp_path,
        {"is_counted": False, "denominator": 0},
        {},
        ref__indicator_exclusion=([{"indicator_id": "i", "variant_id": "v", "reason": "r"}], []),
    )

    assert set(found.causes["cause"]) == {"definition"}
    assert found.figures["changed_by"].to_list() == [
        "definition; definition: ref.indicator_exclusion"
    ]


def test_a_unit_that_fails_by_another_limit_is_told_with_the_list_of_limits(tmp_path: Path) -> None:
    found = one_unit(
        tmp_path,
        {"numerator": 1},
        {},
        ref__water_limit=([], [{"item_code": "tp", "class_no": 1}]),
    )

    assert found.figures["changed_by"].to_list() == ["other; configuration: ref.water_limit"]
