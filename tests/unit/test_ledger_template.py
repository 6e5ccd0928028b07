"""The workbook of the ledger: what it offers is what the plan holds, and what the source reads."""

import re
import zipfile
from pathlib import Path

import polars as pl
import pytest

from assets.ingest.mapping import referenced_columns
from assets.ingest.preview import preview
from warehouse.errors import SamplehouseError
from warehouse.ledger_template import LABELS, choice, write_ledger_template
from warehouse.plan import Plan
from warehouse.plan_files import chosen_plan, load_plan, load_plans
from warehouse.source import Source, load_sources

SMALL = Path(__file__).parent / "plans" / "quzhou_2025"


@pytest.fixture(params=["yiwu_2024", "quzhou_2025"])
def plan(request: pytest.FixtureRequest) -> Plan:
    return load_plan(SMALL) if request.param == SMALL.name else load_plans()[request.param]


@pytest.fixture
def template(plan: Plan, tmp_path: Path) -> Path:
    path = tmp_path / "ledger.xlsx"
    write_ledger_template(plan, path)
    return path


def cells(path: Path, sheet: str) -> pl.DataFrame:
    return pl.read_excel(path, sheet_name=sheet, has_header=False, infer_schema_length=0)


def test_the_source_reads_every_column_of_the_template() -> None:
    entries = load_sources()["ledger"].tables["entries"]
    wanted = {name for record in entries.records.values() for name in referenced_columns(record)}
    made = {"target", "kind_of_its_own"}
    assert wanted - made | {"目标"} == {label.text for label in LABELS} | {"方案"}


def test_every_target_and_milestone_can_be_chosen(plan: Plan, template: Path) -> None:
    offered = cells(template, "目标清单").to_series(0).to_list()
    assert offered == ["目标", *(choice(item) for item in plan.items)]
    with zipfile.ZipFile(template) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert f"目标清单!$A$2:$A${len(plan.items) + 1}" in sheet
    assert "新增,退出,期末数,撤销" in sheet
    assert len(re.findall("<dataValidation ", sheet)) == 5


def test_a_choice_is_no_longer_than_a_cell_of_a_list_may_be(plan: Plan) -> None:
    assert max(len(choice(item)) for item in plan.items) <= 255


def test_the_ledger_is_empty_and_every_column_explained(template: Path) -> None:
    assert cells(template, "台账").rows() == [tuple(label.text for label in LABELS)]
    with zipfile.ZipFile(template) as archive:
        comments = archive.read("xl/comments1.xml").decode()
    assert all(label.hint in comments for label in LABELS)


def test_an_empty_template_holds_no_entry(template: Path) -> None:
    found = preview(template, load_sources()["ledger"])
    assert found.delivery["status"] == "loaded"
    assert found.delivery["rows_ignored"] == found.delivery["rows_read"]
    assert found.records == {}


def test_the_examples_are_good_entries(plan: Plan, template: Path) -> None:
    declared = load_sources()["ledger"].model_dump(by_alias=True, exclude_unset=True)
    declared["tables"]["entries"]["sheets"] = "^示例"
    declared["tables"]["help"]["sheets"] = "^(台账|说明|目标清单)"
    if plan.plan_id == SMALL.name:  # the project knows the targets of its own plans only
        declared["actions"] = {"unknown_target_id": "warn"}
    found = preview(template, Source.model_validate(declared))
    assert found.rejects.rows() == []
    examples = cells(template, "示例").height - 1
    assert examples >= 3
    assert found.records["core.ledger_entry"][0] == examples


def test_two_templates_of_a_plan_are_the_same_bytes(plan: Plan, tmp_path: Path) -> None:
    first, second = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    write_ledger_template(plan, first)
    write_ledger_template(plan, second)
    assert first.read_bytes() == second.read_bytes()


def test_a_file_that_may_be_filled_in_is_never_written_over(template: Path, plan: Plan) -> None:
    before = template.read_bytes()
    with pytest.raises(SamplehouseError, match="exists already"):
        write_ledger_template(plan, template)
    assert template.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "told"),
    [("ledger.csv", "ends in .xlsx"), ("nowhere/ledger.xlsx", "cannot be written")],
)
def test_a_name_that_will_not_do_is_explained(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(SamplehouseError, match=told):
        write_ledger_template(load_plan(SMALL), tmp_path / name)


def test_the_plan_is_named_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_plan(None).plan_id == chosen_plan("yiwu_2024").plan_id == "yiwu_2024"
    with pytest.raises(SamplehouseError, match="no plan 'mars_2024'; known plans: yiwu_2024"):
        chosen_plan("mars_2024")
    both = {**load_plans(), "quzhou_2025": load_plan(SMALL)}
    monkeypatch.setattr("warehouse.plan_files.load_plans", lambda: both)
    with pytest.raises(SamplehouseError, match="--plan; known plans: quzhou_2025, yiwu_2024"):
        chosen_plan(None)
