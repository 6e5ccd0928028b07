"""Definitions of indicators: what is refused, and the tables that they become."""

import re
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
import yaml

from warehouse import indicator as definitions
from warehouse.engine.model import DBT_DIR
from warehouse.errors import ConfigurationError
from warehouse.indicator import ConditionColumn, Indicator, load_indicators, weights
from warehouse.indicator_rows import indicator_rows
from warehouse.reference_tables import definition_tables

VARIANT: dict[str, Any] = {
    "id": "plain",
    "name": {"en": "plain", "zh": "普通"},
    "estimates": "population",
    "programmes": ["evaluative"],
    "sampling_bases": ["random"],
    "coverages": ["complete"],
    "counted_verdicts": ["pass", "fail"],
    "passing_verdicts": ["pass"],
    "numerator": {"en": "those that pass", "zh": "合格数"},
    "denominator": {"en": "those with a verdict", "zh": "总数"},
    "valid_from": "2024-01-01",
}
INDICATOR: dict[str, Any] = {
    "id": "tea_rate",
    "name": {"en": "Tea", "zh": "茶叶"},
    "kind": "rate",
    "unit": "%",
    "unit_kind": "sample",
    "domains": ["food"],
    "source": {"en": "a clause of a plan", "zh": "方案条款"},
    "suppress_below": 30,
    "slices": ["division"],
    "not_sliced": [
        {"slice": name, "words": {"en": "it has none", "zh": "没有该分项"}}
        for name in ("pilot", "chain", "industry", "link", "category", "firm_class")
    ],
    "variants": [VARIANT],
}
EXCLUSION: dict[str, Any] = {
    "reason": "online",
    "words": {"en": "was bought online", "zh": "网购"},
    "when": {"column": "link", "in": ["online"]},
}


def load(tmp_path: Path, **changes: Any) -> Indicator:
    """Load the indicator with some keys of its own or (with a leading v_) its variant changed."""
    variant = {**VARIANT, **{k[2:]: v for k, v in changes.items() if k.startswith("v_")}}
    own = {k: v for k, v in changes.items() if not k.startswith("v_")}
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    text = yaml.safe_dump({**INDICATOR, "variants": [variant], **own}, allow_unicode=True)
    (folder / "tea_rate.yml").write_text(text, "utf-8")
    return load_indicators(folder)["tea_rate"]


def test_the_project_defines_what_the_plan_asks_for() -> None:
    found = {name: [v.id for v in each.variants] for name, each in load_indicators().items()}

    assert found["food_pass_rate"] == [
        "supervision",
        "evaluative",
        "evaluative_stratified",
    ]
    assert found["agri_product_pass_rate"] == [
        "routine_monitoring",
        "supervision_checks",
        "risk_based_monitoring",
    ]
    assert found["manufacturing_pass_rate"][:2] == ["output_weighted", "raw"]
    assert found["engineering_first_acceptance_rate"] == ["all_projects"]
    assert found["supervised_first_acceptance_rate"] == ["supervised_projects"]
    assert found["four_governance_quarterly_coverage"] == ["frozen_roster"]


def test_what_a_plan_signs_is_defined() -> None:
    defined = {(name, v.id) for name, each in load_indicators().items() for v in each.variants}
    rows = definition_tables()["ref.plan_target"].rows.filter(
        pl.col("official_variant").is_not_null()
    )

    signed = set(rows.select("indicator_id", "official_variant").rows())
    assert signed
    assert signed <= defined


def test_manufacturing_counts_the_29_divisions_13_to_41() -> None:
    variant = load_indicators()["manufacturing_pass_rate"].variants[0]

    assert [each.when.not_in for each in variant.exclusions] == [
        tuple(str(code) for code in range(13, 42))
    ]
    assert variant.weighting is not None
    assert set(weights(variant.weighting)["slice"]) <= set(variant.exclusions[0].when.values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "tea_rate.yml: colour: Extra inputs are not permitted"),
        ({"v_colour": "red"}, "variants.0.colour: Extra inputs"),
        ({"v_programmes": ["parade"]}, "not on the list programme: parade"),
        ({"v_coverages": ["half"]}, "not on the list coverage: half"),
        ({"v_counted_verdicts": ["fail"]}, "verdicts that pass but are not counted: pass"),
        ({"domains": ["tea"]}, "not on the list domain: tea"),
        ({"variants": [VARIANT, VARIANT]}, "variants declared twice: plain"),
        ({"slices": ["division", "division"]}, "slices declared twice"),
        ({"slices": ["division", "link"]}, "slices declared twice"),
        ({"not_sliced": []}, "divide it by category, chain, .*, or say under not_sliced why not"),
        (
            {"v_sampling_bases": ["random", "stratified_random"]},
            "variant plain: samples of a stratified design are drawn with unequal probability",
        ),
        ({"v_weighting": "gold"}, "no list of weights 'gold'; known lists: manufacturing_output"),
        ({"v_weighting": "inclusion_probability"}, "needs the slice stratum"),
        ({"v_exclusions": [EXCLUSION, EXCLUSION]}, "reasons named twice.*: online"),
        ({"v_exclusions": [{**EXCLUSION, "reason": "no_day"}]}, "like one of every indicator"),
        (
            {"v_exclusions": [{**EXCLUSION, "when": {"column": "link"}}]},
            "a condition has one list, `in` or `not_in`",
        ),
        (
            {"v_exclusions": [{**EXCLUSION, "when": {"column": "1=1 --", "in": ["x"]}}]},
            "exclusions.0.when.column",
        ),
        ({"id": "milk_rate"}, "tea_rate.yml: the file of milk_rate is milk_rate.yml"),
    ],
)
def test_a_wrong_definition_is_refused_with_its_place(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, **changes)


def test_a_population_rate_over_random_and_targeted_samples_is_refused_by_name(
    tmp_path: Path,
) -> None:
    pooled: dict[str, Any] = {"v_programmes": ["evaluative", "supervision"]}
    with pytest.raises(ConfigurationError, match=r"targeted.*programmes evaluative, supervision"):
        load(tmp_path, **pooled, v_sampling_bases=["random", "targeted"])
    with pytest.raises(ConfigurationError, match="capped"):
        load(tmp_path, **pooled, v_coverages=["complete", "capped"])
    with pytest.raises(ConfigurationError, match="a census rate takes units chosen as census"):
        load(tmp_path, **pooled, v_estimates="census", v_sampling_bases=["census", "random"])

    operational = {**pooled, "v_estimates": "operational"}
    with pytest.raises(ConfigurationError, match=r"random and targeted samples.*added up"):
        load(tmp_path, **operational, v_sampling_bases=["random", "targeted"])
    for bases in (["targeted", "complaint"], ["random", "stratified_random"]):
        assert load(tmp_path, **operational, v_sampling_bases=bases).variants[0].pooling is None


def test_models_know_every_column_that_a_condition_may_name() -> None:
    """A profile is taken apart in the order in which it is made."""
    units, judged = (
        (DBT_DIR / "fact" / f"{name}.sql").read_text("utf-8") for name in ("unit", "indicator_unit")
    )
    looked_at = re.findall(r"when looked_at\.(\w+)", units)
    taken = re.findall(r"split_part\(profile, '\|', (\d+)\), ''\) as (\w+)", judged)

    assert {*looked_at, "final_verdict"} == set(get_args(ConditionColumn))
    assert [name for _, name in taken] == ["unit_kind", "domain", "final_verdict", *looked_at]
    assert [int(place) for place, _ in taken] == [*range(1, len(taken) + 1)]
    for column in get_args(ConditionColumn):
        assert f"when '{column}' then profiles.{column}" in judged


@pytest.mark.parametrize("value", ["", "a|b"])
def test_a_value_that_no_profile_tells_is_refused(tmp_path: Path, value: str) -> None:
    exclusion = {**EXCLUSION, "when": {"column": "link", "in": ["online", value]}}
    with pytest.raises(ConfigurationError, match="a value is not empty and has no"):
        load(tmp_path, v_exclusions=[exclusion])


def test_definitions_become_rows(tmp_path: Path) -> None:
    indicator = load(
        tmp_path,
        v_programmes=["evaluative", "routine_monitoring"],
        v_estimates="operational",
        v_sampling_bases=["random", "stratified_random"],
        v_exclusions=[EXCLUSION],
        v_rounding={"digits": 1},
        v_valid_to="2025-01-01",
    )
    rows = indicator_rows({indicator.id: indicator})

    assert rows["ref.indicator_population"].height == 4
    slices = rows["ref.indicator_slice"]
    assert slices.filter("is_made")["slice_type"].to_list() == ["all", "division"]
    assert slices.filter(~pl.col("is_made"))["words_zh"].to_list() == ["没有该分项"] * 6
    assert rows["ref.indicator_variant"]["rounding_mode"].to_list() == ["half_even"]
    verdicts = rows["ref.indicator_verdict"].select("verdict", "passes").rows()
    assert verdicts == [("pass", True), ("fail", False)]
    reasons = rows["ref.indicator_exclusion"].sort("position")
    assert reasons["reason"].to_list() == [
        "recheck",
        "online",
        "other_programme",
        "other_sampling_basis",
        "incomplete_coverage",
        "no_verdict",
        "outside_city",
        "no_day",
        "before_definition",
        "after_definition",
    ]
    assert reasons["words_zh"].null_count() == 0
    values = rows["ref.indicator_exclusion_value"]
    assert values.filter(pl.col("reason") == "online")["value"].to_list() == ["online"]
    assert values.filter(pl.col("reason") == "other_programme").height == 2


def test_tables_of_definitions_have_unique_keys_and_no_gaps_in_them() -> None:
    for table in definition_tables().values():
        keys = table.rows.select(table.contract.key)
        assert not keys.is_duplicated().any(), table.contract.table
        assert sum(keys.null_count().row(0)) == 0, table.contract.table


@pytest.mark.parametrize("line", ["industry,17,0", "industry,18,-1", "industry,19,much"])
def test_weights_are_above_nought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(definitions, "WEIGHTS_DIR", tmp_path)
    name = f"w_{line.rsplit(',', maxsplit=1)[-1].replace('-', 'minus')}"
    (tmp_path / f"{name}.csv").write_text(f"slice_type,slice,weight\n{line}\n", "utf-8")

    with pytest.raises(ConfigurationError, match="each slice once, with a weight above 0"):
        weights(name)


def test_a_slice_has_one_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "WEIGHTS_DIR", tmp_path)
    text = "slice_type,slice,weight\nindustry,17,2\nindustry,17,3\nindustry,18,3\n"
    (tmp_path / "twice.csv").write_text(text, "utf-8")

    with pytest.raises(ConfigurationError, match=r"twice.csv: industry 17, industry 17: each"):
        weights("twice")
