"""Tables of values: CSV files with a contract, typed; a mistake is told with file and line."""

from pathlib import Path

import polars as pl
import pytest

from warehouse.contract import Contract, parse_contract
from warehouse.errors import ConfigurationError
from warehouse.reference_tables import VALUES_DIR, definition_tables, read_values


@pytest.fixture
def contract() -> Contract:
    words = {"description": "what it means", "term_zh": "含义"}
    kinds = {"name": "text", "limit_value": "decimal", "valid_from": "date", "strict": "boolean"}
    return parse_contract(
        {
            "table": "ref.limits",
            "description": "limits of a standard, for a test",
            "grain": "one limit of a name",
            "key": ["name"],
            "columns": [{"name": n, "type": kind, **words} for n, kind in kinds.items()],
        },
        "test",
    )


def read(tmp_path: Path, contract: Contract, *lines: str) -> pl.DataFrame:
    path = tmp_path / "limits.csv"
    path.write_text("\n".join(("name,limit_value,valid_from,strict", *lines)) + "\n", "utf-8")
    return read_values(path, contract)


def test_values_are_typed_exactly_and_blanks_are_null(tmp_path: Path, contract: Contract) -> None:
    rows = read(tmp_path, contract, "lead,0.0000028,2024-01-01,true", "tin,,,false")

    assert rows.schema == contract.polars_schema()
    assert str(rows["limit_value"][0]).rstrip("0") == "0.0000028"
    assert rows.row(1) == ("tin", None, None, False)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("lead,much,,",), "limits.csv, line 2: limit_value 'much' is no decimal"),
        (("lead,1,,", "tin,1,2024-02-30,"), "line 3: valid_from '2024-02-30' is no date"),
        (("lead,1,,yes",), "line 2: strict 'yes' is no boolean"),
        (("lead,1,,", "tin,1,,", "lead,2,,"), "limits.csv, line 2: its key stands there twice"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, contract: Contract, lines: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, contract, *lines)


def test_the_projects_own_values_are_published_as_reference() -> None:
    names = {f"ref.{path.stem}" for path in VALUES_DIR.glob("*.csv")}

    assert names
    assert names <= definition_tables().keys()
