"""Plans as data: any city and year by the same code, mistakes told with file and line."""

import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from warehouse.engine.stamp import loaded_code
from warehouse.errors import ConfigurationError
from warehouse.fingerprint import code_version
from warehouse.indicator import Words, load_indicators
from warehouse.plan import Place, Plan
from warehouse.plan_files import load_plan, load_plans
from warehouse.plan_tables import plan_rows
from warehouse.reference_lists import code_list
from warehouse.reference_tables import definition_tables, listed_codes

SMALL = Path(__file__).parent / "plans" / "quzhou_2025"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the small plan, to be spoilt."""
    return Path(shutil.copytree(SMALL, tmp_path / "quzhou_2025"))


def spoil(path: Path, before: str, after: str) -> None:
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


def problem(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_plan(folder)
    return str(error.value)


def test_another_city_and_year_is_another_set_of_files() -> None:
    plan = load_plan(SMALL)
    assert (plan.plan_id, plan.head.city.code, plan.head.year) == ("quzhou_2025", "330800", 2025)
    food, firms, tea = plan.targets
    assert (food.value, firms.comparator, tea.value) == (Decimal("98.5"), ">", Decimal(12500))
    assert firms.note == "a note, with a comma"
    assert plan.milestones[0].milestone_id == "quality_award_held"
    assert load_plans(SMALL.parent) == {"quzhou_2025": plan}


def test_the_plans_of_a_warehouse_are_those_that_the_environment_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = code_version()
    assert loaded_code() == own
    monkeypatch.setenv("SAMPLEHOUSE_PLANS", str(folder.parent))

    assert listed_codes("plan") == ("quzhou_2025",)
    assert loaded_code() == code_version() != own
    before = code_version()
    spoil(folder / "targets.csv", "98.5", "98")
    assert code_version() != before


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("year: 2025", "year: 2026", None),
        ("year: 2025", "year: 2025", "quzhou_2025 and second are plans of one year, 2025; .* out"),
        ('"330800"', '"330802"', "several cities: quzhou_2025 .* SAMPLEHOUSE_PLANS"),
    ],
)
def test_all_plans_are_of_one_city_and_each_of_another_year(
    folder: Path, before: str, after: str, told: str | None
) -> None:
    second = Path(shutil.copytree(folder, folder.with_name("second")))
    spoil(second / "plan.yml", before, after)
    if told is None:
        assert [plan.head.year for plan in load_plans(folder.parent).values()] == [2025, 2026]
        return
    with pytest.raises(ConfigurationError, match=told):
        load_plans(folder.parent)


@pytest.mark.parametrize(
    ("code", "prefix"),
    [("330782", "330782"), ("330800", "3308"), ("331000", "3310"), ("110000", "11")],
)
def test_divisions_begin_as_the_code_of_their_city(code: str, prefix: str) -> None:
    assert Place(code=code, name=Words(en="City", zh="城市")).prefix == prefix


def test_plans_stand_side_by_side_in_the_tables() -> None:
    plans = {**load_plans(), "quzhou_2025": load_plan(SMALL)}
    rows = plan_rows(plans)
    assert rows["ref.plan"]["year"].to_list() == [2024, 2025]
    food = rows["ref.plan_target"].filter(pl.col("target_id") == "food_pass_rate")
    assert food.select("plan_id", "value", "official_variant", "rounding_digits").rows() == [
        ("yiwu_2024", Decimal(98), "supervision", None),
        ("quzhou_2025", Decimal("98.5"), "evaluative", 1),
    ]
    items = rows["ref.plan_item"].filter(pl.col("plan_id") == "quzhou_2025")
    assert items.select("target_id", "item_kind", "entry_rule", "counts_from").rows() == [
        ("food_pass_rate", "target", "level", None),
        ("quality_firms", "target", "entities", dt.date(2021, 1, 1)),
        ("tea_area", "target", "quantity", None),
        ("quality_award_held", "milestone", "done", None),
    ]


def test_tables_of_plans_have_the_columns_and_types_of_their_contracts() -> None:
    tables = {
        name: each
        for name, each in definition_tables().items()
        if f"{name}_".startswith("ref.plan_")
    }
    assert len(tables) == 9
    for each in tables.values():
        assert dict(each.rows.schema) == each.contract.polars_schema()
        assert not each.rows.select(each.contract.key).is_duplicated().any()
        assert each.rows.select(each.contract.key).null_count().row(0) == (0,) * len(
            each.contract.key
        )


def test_a_project_without_plans_has_empty_tables() -> None:
    assert {name: rows.height for name, rows in plan_rows({}).items()} == dict.fromkeys(
        plan_rows(), 0
    )


def test_the_ids_of_promises_are_a_list_that_rules_can_name() -> None:
    ids = listed_codes("plan_item")
    assert {"food_pass_rate", "cqo_pool_established"} <= set(ids)
    assert len(ids) == len(set(ids)) == 85
    assert listed_codes("plan") == ("yiwu_2024",)


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        ("targets.csv", "98.5,%", "98.5%,%", "targets.csv, line 2: value: .*'98.5%' is no decimal"),
        ("targets.csv", ",>,30", ",more,30", "targets.csv, line 3: comparator"),
        ("targets.csv", "entities", "heads", "line 3: .*'heads' is not on the list ledger_rule"),
        ("targets.csv", "rate_year", "yearly", "line 2: .*'yearly' is not on the list accum"),
        ("targets.csv", ",R,food", ",X,food", "line 2: .*'X' is not on the list measured_by"),
        ("targets.csv", "food_pass_rate,level", "food_pass_rate,entries", "line 2: .*'level'"),
        ("targets.csv", "98.5,%", "985,%", "line 2: .*more than 100 %"),
        ("targets.csv", "一,食品", ",食品", "targets.csv, line 2: section: Field required"),
        ("targets.csv", "quantity,", "quantity,,,extra", "line 4: cells beyond the header"),
        ("targets.csv", "quantity,", "done,", "line 4: .*milestones"),
        ("targets.csv", "tea_area", "Tea", "line 4: target_id: String should match"),
        ("targets.csv", "tea_area", "quality_firms", "line 4: 'quality_firms' stands in .*line 3"),
        ("milestones.csv", "quality_award_held", "tea_area", "milestones.csv, line 2: .*line 4"),
        ("parameters.csv", ",name,", ",nothing,", "parameters.csv, line 2: role"),
        ("mechanisms.csv", "加强监督抽查", "", "mechanisms.csv, line 2: phrase_zh"),
        ("plan.yml", "official:\n  food", "official:\n  foot", "there is no target 'foot_pass"),
        ("plan.yml", "official:\n  food_pass_rate", "official:\n  tea_area", "has no indicator"),
        (
            "plan.yml",
            "official:",
            "least_amount: {quality_firms: {parameter: gone, unit_zh: 元}}\nofficial:",
            "'quality_firms': no parameter 'gone' with a value",
        ),
        (
            "plan.yml",
            "official:",
            "least_amount: {tea_area: {parameter: first_award, unit_zh: 亩}}\nofficial:",
            "'tea_area' sums up amounts",
        ),
        (
            "plan.yml",
            "rounding:",
            "planned_samples: {tea_area: {year: 9}}\nrounding:",
            "'tea_area' has no indicator, so no samples",
        ),
        (
            "plan.yml",
            "rounding:",
            "planned_samples: {food_pass_rate: {note: none}}\nrounding:",
            "of the `year`, or of its four `quarters`",
        ),
        (
            "plan.yml",
            "rounding:",
            "planned_samples: {food_pass_rate: {quarters: [1, 2, 3, -1]}}\nrounding:",
            "fewer than 0 planned",
        ),
        ("plan.yml", "  quality_firms:", "  tea_area:", "counts within the plan's period only"),
        ("plan.yml", "end: 2025", "end: 2024", "plan.yml: period: .*2024-12-31 is before"),
        ("plan.yml", '["330802"]', "['3308']", "no division of 330800: 3308; a code has 6, 9 or"),
        ("plan.yml", '"330802"', "'330782105'", "330800: 330782105; .* begins with 3308"),
        ("plan.yml", "issuer:", "divisions: towns\nissuer:", "no code list 'towns'"),
        (
            "plan.yml",
            "pilot_divisions:",
            "divisions: division\npilot_divisions:",
            "not on the list division: 330802",
        ),
        ("plan.yml", "issuer:", "issued_by:", "plan.yml: issuer: Field required"),
        ("plan.yml", "issuer:", "issuer: [", "plan.yml is not valid YAML"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    folder: Path, file: str, before: str, after: str, told: str
) -> None:
    spoil(folder / file, before, after)
    with pytest.raises(ConfigurationError, match=told):
        load_plan(folder)


def test_all_mistakes_of_a_file_are_told_at_once(folder: Path) -> None:
    spoil(folder / "targets.csv", "entities", "heads")
    spoil(folder / "targets.csv", "98.5,%", "98.5%,%")
    assert [line.split(":")[0] for line in problem(folder).splitlines()] == [
        "quzhou_2025/targets.csv, line 2",
        "quzhou_2025/targets.csv, line 3",
    ]


@pytest.mark.parametrize("file", ["plan.yml", "targets.csv", "milestones.csv", "parameters.csv"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    assert file in problem(folder)


def test_a_file_in_another_encoding_is_refused(folder: Path) -> None:
    path = folder / "targets.csv"
    path.write_bytes(path.read_text("utf-8").encode("gb18030"))
    assert "targets.csv, line" in problem(folder)


# -- the plans that the project ships


@pytest.fixture(params=sorted(load_plans()))
def shipped(request: pytest.FixtureRequest) -> Plan:
    return load_plans()[request.param]


def test_official_variants_are_variants_of_their_indicator(shipped: Plan) -> None:
    indicators = load_indicators()
    chosen = {target.target_id: target.indicator_id for target in shipped.targets}
    for target, official in shipped.head.official.items():
        indicator = indicators[str(chosen[target])]
        assert official.variant in {variant.id for variant in indicator.variants}


def test_every_indicator_with_several_variants_has_an_official_one(shipped: Plan) -> None:
    indicators = load_indicators()
    for target in shipped.targets:
        indicator = indicators.get(target.indicator_id or "")
        if indicator is not None and len(indicator.variants) > 1:
            assert target.target_id in shipped.head.official


def test_what_awaits_a_decision_says_so(shipped: Plan) -> None:
    for official in shipped.head.official.values():
        if official.awaiting_decision:
            assert official.note
            assert "awaiting the owner" in official.note.en
            assert "主管部门" in official.note.zh


def test_planned_samples_make_the_periods_of_a_failure_budget(folder: Path) -> None:
    spoil(
        folder / "plan.yml",
        "rounding:",
        "planned_samples: {food_pass_rate: {quarters: [10, 20, 30, 40], note: told}}\nrounding:",
    )
    rows = plan_rows({"p": load_plan(folder)})["ref.plan_budget"]

    columns = ("period_type", "period", "period_start", "period_end", "planned")
    assert rows.select(columns).rows() == [
        ("year", "2025", dt.date(2025, 1, 1), dt.date(2025, 12, 31), 100),
        ("quarter", "2025Q1", dt.date(2025, 1, 1), dt.date(2025, 3, 31), 10),
        ("quarter", "2025Q2", dt.date(2025, 4, 1), dt.date(2025, 6, 30), 20),
        ("quarter", "2025Q3", dt.date(2025, 7, 1), dt.date(2025, 9, 30), 30),
        ("quarter", "2025Q4", dt.date(2025, 10, 1), dt.date(2025, 12, 31), 40),
    ]


def test_planned_samples_that_await_a_decision_say_so(shipped: Plan) -> None:
    for planned in shipped.head.planned_samples.values():
        assert bool(planned.note and "awaiting" in planned.note) == planned.awaiting_decision


def test_pilot_divisions_are_those_of_the_division_list(shipped: Plan) -> None:
    if shipped.head.divisions is None:
        pytest.skip("the plan names no list of divisions")
    divisions = code_list(shipped.head.divisions)
    pilots = divisions.filter(pl.col("pilot_quality_town") == "true")["code"]
    assert set(shipped.head.pilot_divisions) == set(pilots)
    assert divisions["code"].str.starts_with(shipped.head.city.code).all()


def test_english_names_are_short_and_all_different(shipped: Plan) -> None:
    names = [item.name_en for item in shipped.items]
    assert len(names) == len(set(names))
    assert max(map(len, names)) <= 80
