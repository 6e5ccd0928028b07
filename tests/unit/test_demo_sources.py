from pathlib import Path

import pytest

from assets.demo import acceptance, agri, food, manufactured, recheck
from assets.demo.lists import demo_list, divisions, of_source
from warehouse.contract import Expectation, record_contracts
from warehouse.source import SOURCES_DIR, ColumnMap, Source, Table, load_source

SOURCE_IDS = sorted(path.stem for path in SOURCES_DIR.glob("demo_*.yml"))


def source(source_id: str) -> Source:
    return load_source(SOURCES_DIR / f"{source_id}.yml")


def columns(table: Table) -> dict[str, ColumnMap]:
    records = table.records
    main = records["acceptance"] if "acceptance" in records else records["sample"]
    return dict(main.columns)


def record_tables(source_id: str) -> list[Table]:
    return [table for table in source(source_id).tables.values() if table.records]


def test_every_demo_source_has_its_yaml_and_its_lists() -> None:
    assert [
        acceptance.SOURCE_ID,
        agri.SOURCE_ID,
        food.SOURCE_ID,
        manufactured.SOURCE_ID,
        recheck.SOURCE_ID,
    ] == SOURCE_IDS
    assert set(demo_list("deliveries")["source_id"]) == set(SOURCE_IDS)
    assert set(demo_list("sources")["source_id"]) == set(SOURCE_IDS)


@pytest.mark.parametrize("source_id", SOURCE_IDS)
def test_place_names_have_the_codes_of_the_list(source_id: str) -> None:
    for table in record_tables(source_id):
        codes = columns(table)["division_code"].codes
        assert codes is None or codes == divisions()


@pytest.mark.parametrize("source_id", SOURCE_IDS)
def test_wordings_of_programmes_mean_what_the_lists_say(source_id: str) -> None:
    programmes = of_source("programmes", source_id)
    if demo_wording_is_constant(source_id):
        programmes = programmes.clear()
    for table in record_tables(source_id):
        for name in ("programme", "sampling_basis"):
            known = columns(table)[name].codes
            if known is None:
                continue
            assert isinstance(known, dict)
            for wording, code in programmes.select("wording", name).rows():
                assert known[wording] == code


def demo_wording_is_constant(source_id: str) -> bool:
    """A recheck names the programme of its original; an acceptance has but one."""
    return source_id in ("demo_recheck", "demo_acceptance")


def test_categories_are_those_of_the_lists() -> None:
    for source_id, name in (
        ("demo_food_bulletin", "food_categories"),
        ("demo_agri_monitoring", "agri_categories"),
    ):
        for table in record_tables(source_id):
            (rule,) = table.records["sample"].rules
            assert rule.arguments["value_set"] == demo_list(name)["category"].to_list()
    assert len(demo_list("food_categories")) == 33


def test_defects_break_rules_that_exist() -> None:
    for source_id in SOURCE_IDS:
        known = {rule.rule for rule in known_rules(source_id)}
        typed = {
            f"unparsed_{name}" for table in record_tables(source_id) for name in columns(table)
        }
        for rules, more in of_source("defects", source_id).select("rules", "result_rules").rows():
            wanted = {*rules.split("|"), *(more or "").split("|")} - {""}
            assert wanted <= known | typed, source_id


def known_rules(source_id: str) -> list[Expectation]:
    maps = [
        (target, record)
        for table in record_tables(source_id)
        for target, record in table.records.items()
    ]
    contracts = record_contracts()
    own = [rule for _, record in maps for rule in record.rules]
    return own + [rule for target, _ in maps for rule in contracts[f"core.{target}"].expectations]


def test_every_written_column_is_mapped_or_left_out_on_purpose() -> None:
    written = {
        "demo_acceptance": acceptance.COLUMNS,
        "demo_agri_monitoring": agri.COLUMNS,
        "demo_food_bulletin": food.COLUMNS,
        "demo_manufactured": manufactured.COLUMNS,
        "demo_recheck": recheck.COLUMNS,
    }
    for source_id, labels in written.items():
        for table in record_tables(source_id):
            used = set(table.unused) | {food.ITEMS}
            for record in table.records.values():
                used |= {name for each in record.columns.values() for name in each.source}
            assert set(labels) <= used, source_id


def test_no_list_holds_a_text_that_its_office_cannot_encode() -> None:
    folder = Path(SOURCES_DIR).parent / "reference" / "demo"
    for name in ("agri_products", "agri_parameters", "firm_words", "labs", "divisions"):
        (folder / f"{name}.csv").read_text("utf-8").encode(agri.ENCODING)
