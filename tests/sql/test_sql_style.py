"""The SQL of the models reads alike: lower case, indentation, line length."""

from pathlib import Path

from sqlfluff.core import FluffConfig, Linter

from warehouse.engine.model import DBT_DIR


def test_sqlfluff_has_nothing_to_say() -> None:
    config = FluffConfig.from_path(str(DBT_DIR))
    records = Linter(config=config).lint_paths((str(DBT_DIR),)).as_records()
    found = [
        f"{Path(record['filepath']).name}:{violation['start_line_no']}: {violation['description']}"
        for record in records
        for violation in record["violations"]
    ]
    assert found == []
    assert len(records) == len(list(DBT_DIR.glob("*/*.sql")))
    assert config.get("max_line_length") == 100
