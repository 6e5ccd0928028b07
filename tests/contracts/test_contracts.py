"""What every contract owes, and what the contract model refuses."""

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import duckdb
import polars as pl
import pytest
import yaml

from warehouse.contract import (
    CONTRACTS_DIR,
    Column,
    ColumnType,
    Contract,
    parse_contract,
    read_yaml,
    record_contracts,
    shared_fields,
)
from warehouse.errors import ConfigurationError
from warehouse.reference_tables import listed_codes

CONTRACTS = list(record_contracts().values())
MODELS_DIR = CONTRACTS_DIR.parents[1] / "dbt_like_sql"

VALUES: dict[str, Any] = {
    "text": "未检出 'ND'",
    "integer": 2**53 + 1,
    "decimal": Decimal("900719925474099123.0540000001"),
    "number": 0.1,
    "boolean": True,
    "date": dt.date(2024, 2, 29),
    "timestamp": dt.datetime(2024, 2, 29, 2, 0, 0, 123456),  # noqa: DTZ001 - stored without zone
}

EXAMPLE: dict[str, Any] = {
    "table": "core.example",
    "description": "An example of a table for these tests.",
    "grain": "one example",
    "key": ["sample_no"],
    "columns": [
        "sample_no",
        {"name": "value", "type": "decimal", "description": "number as tested", "term_zh": "值"},
    ],
    "expectations": [
        {
            "expect_column_values_to_not_be_null": {"column": "value"},
            "rule": "missing_value",
            "action": "reject",
        }
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    """The example with other values."""
    return {**EXAMPLE, **changes}


def column(**changes: Any) -> dict[str, Any]:
    """The second column of the example with other values."""
    return {**EXAMPLE["columns"][1], **changes}


# -- the model --------------------------------------------------------------------------------


def test_a_named_column_comes_from_the_shared_fields() -> None:
    contract = parse_contract(EXAMPLE, "example.yml")
    assert contract.column("sample_no").term_zh == shared_fields()["sample_no"]["term_zh"]
    assert contract.column_names == ("sample_no", "value")
    assert contract.expectations[0].columns == ("value",)


def test_a_contract_may_override_part_of_a_shared_field() -> None:
    other = {"name": "sample_no", "description": "number of the other sample"}
    contract = parse_contract(changed(columns=[other, column()]), "example.yml")
    assert contract.column("sample_no").description == "number of the other sample"
    assert contract.column("sample_no").type == "text"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (changed(colour="red"), "colour: Extra inputs are not permitted"),
        (changed(columns=["sample_no", column(colour="red")]), "columns.1.colour: Extra inputs"),
        (changed(columns=["sample_no", column(type="float")]), "columns.1.type: Input should be"),
        (changed(columns=["sample_no", "no_such_field"]), "'no_such_field' is neither in fields"),
        (changed(columns=["sample_no", column(), column()]), "columns declared twice: value"),
        (changed(columns=["sample_no", column(name="Value")]), "columns.1.name"),
        (changed(key=["sample"]), "unknown columns: sample"),
        (changed(table="sample"), "table: String should match pattern"),
        (changed(expectations=EXAMPLE["expectations"] * 2), "rules declared twice: missing_value"),
        (
            changed(expectations=[{"rule": "a", "action": "warn"}]),
            "expectations.0: Value error, an expectation needs exactly one expect_",
        ),
        (
            changed(expectations=[{**EXAMPLE["expectations"][0], "colour": "red"}]),
            "expectations.0.colour: Extra inputs",
        ),
        (
            changed(expectations=[{**EXAMPLE["expectations"][0], "action": "shout"}]),
            "expectations.0.action: Input should be",
        ),
    ],
)
def test_a_mistake_is_one_clear_error(data: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_contract(data, "example.yml")
    assert complaint in str(error.value)
    assert all(line.startswith("example.yml") for line in str(error.value).splitlines())


def test_a_column_without_its_chinese_term_is_refused() -> None:
    without = {key: value for key, value in column().items() if key != "term_zh"}
    with pytest.raises(ConfigurationError, match=r"columns\.1\.term_zh: Field required"):
        parse_contract(changed(columns=["sample_no", without]), "example.yml")


def test_bad_yaml_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yml"
    path.write_text("table: core.sample\ncolumns: [a, b\n")
    with pytest.raises(ConfigurationError, match=r"broken\.yml is not valid YAML(.|\n)*line 2"):
        read_yaml(path)


@pytest.mark.parametrize("twice", ["a: 1\nb:\n  c: 1\n  c: 2\n", "a: 1\n\n\nb: {c: 1, c: 1}\n"])
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, twice: str) -> None:
    path = tmp_path / "twice.yml"
    path.write_text(twice)
    with pytest.raises(ConfigurationError, match=r"twice\.yml, line 4: 'c' stands in line \d"):
        read_yaml(path)


def test_keys_of_an_anchor_may_be_written_over(tmp_path: Path) -> None:
    path = tmp_path / "merged.yml"
    path.write_text("a: &a {c: 1, d: 2}\nb: {<<: *a, c: 3}\ne: *a\n")
    assert read_yaml(path) == {"a": {"c": 1, "d": 2}, "b": {"c": 3, "d": 2}, "e": {"c": 1, "d": 2}}


def test_a_contract_does_not_change() -> None:
    contract = parse_contract(EXAMPLE, "example.yml")
    with pytest.raises(ValueError, match="frozen"):
        contract.table = "core.other"  # type: ignore[misc] # what is tested


# -- types ------------------------------------------------------------------------------------


def of_all_types() -> Contract:
    """A table with one column of each type."""
    return Contract(
        table="core.types",
        description="One column of each type there is.",
        grain="one example",
        key=("text",),
        columns=tuple(
            Column(name=name, type=name, description="a value of that type", term_zh="值")
            for name in get_args(ColumnType)
        ),
    )


def rows_of(contract: Contract, count: int) -> list[dict[str, Any]]:
    """As many equal rows, with a value for each column's type."""
    return [{c.name: VALUES[c.type] for c in contract.columns}] * count


@pytest.mark.parametrize("contract", [of_all_types(), *CONTRACTS], ids=lambda c: c.table)
@pytest.mark.parametrize("count", [0, 1])
def test_duckdb_and_polars_agree_on_every_type(contract: Contract, count: int) -> None:
    rows = rows_of(contract, count)
    frame = pl.DataFrame(rows, schema=contract.polars_schema())
    with duckdb.connect() as con:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {contract.schema_name}")
        con.execute(contract.empty_table_sql())
        con.register("frame", frame)
        con.execute(f"INSERT INTO {contract.table} SELECT * FROM frame")
        stored = con.sql(f"FROM {contract.table}")
        assert list(zip(stored.columns, map(str, stored.types), strict=True)) == [
            (c.name, c.duckdb_type) for c in contract.columns
        ]
        assert stored.pl().equals(frame)
        assert dict(stored.pl().schema) == contract.polars_schema()


def test_casts_turn_text_into_the_declared_types() -> None:
    contract = of_all_types()
    texts = ", ".join(f"'{str(VALUES[c.type]).replace(chr(39), chr(39) * 2)}' AS {c.name}"
                      for c in contract.columns)  # fmt: skip
    with duckdb.connect() as con:
        cast = con.sql(f"SELECT {contract.cast_sql()} FROM (SELECT {texts})").fetchall()
    assert cast == [tuple(VALUES[c.type] for c in contract.columns)]


# -- every contract ---------------------------------------------------------------------------


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.table)
def test_code_lists_exist(contract: Contract) -> None:
    named = {c.name: c.reference for c in contract.columns if c.reference}
    for rule in contract.expectations:
        if "reference" in rule.arguments:
            named[rule.rule] = rule.arguments["reference"]
    for place, name in named.items():
        found = listed_codes(name)
        assert found, f"{contract.table}.{place}: list {name} is empty"
        assert len(set(found)) == len(found), f"list {name} repeats a code"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.table)
def test_codes_are_checked_against_the_list_that_the_column_names(contract: Contract) -> None:
    for rule in contract.expectations:
        if "reference" in rule.arguments:
            (name,) = rule.columns
            assert contract.column(name).reference == rule.arguments["reference"]


def words(text: str) -> set[str]:
    """Words of a text, without little ones and the plural's s."""
    little = {"", "a", "an", "the", "of", "its", "this", "that", "or", "and", "in", "is"}
    return {word.rstrip("s") for word in re.split(r"[^a-z0-9]+", text.lower())} - little


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.table)
def test_descriptions_say_more_than_the_name(contract: Contract) -> None:
    for item in contract.columns:
        assert words(item.description) - words(item.name), f"{item.name}: {item.description}"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.table)
def test_terms_are_chinese(contract: Contract) -> None:
    for item in contract.columns:
        assert re.search(r"[一-鿿]", item.term_zh), f"{item.name}: {item.term_zh}"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.table)
def test_blocking_rules_are_errors(contract: Contract) -> None:
    for rule in contract.expectations:
        if rule.action == "block":
            assert rule.severity == "error", f"{rule.rule} would never block"


def test_a_column_means_the_same_wherever_it_recurs() -> None:
    types: dict[str, set[str]] = {}
    for contract in CONTRACTS:
        for item in contract.columns:
            types.setdefault(item.name, set()).add(item.type)
    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}


def test_file_names_follow_the_tables() -> None:
    stems = {path.stem for path in CONTRACTS_DIR.glob("*.yml")} - {"fields"}
    assert stems == {contract.table.replace(".", "_") for contract in CONTRACTS}


def test_every_shared_field_is_used() -> None:
    files = [*CONTRACTS_DIR.glob("*.yml"), *MODELS_DIR.glob("*/*.yml")]
    used = set()
    for path in files:
        data = yaml.safe_load(path.read_text("utf-8"))
        for entry in data.get("columns", ()) if path.name != "fields.yml" else ():
            used.add(entry if isinstance(entry, str) else entry["name"])
    assert set(shared_fields()) - used == set()
