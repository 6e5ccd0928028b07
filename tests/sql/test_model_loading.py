"""Reading models from a folder: what is derived, and what is refused with a clear message."""

from pathlib import Path

import pytest

from warehouse.engine.model import load_models, ordered
from warehouse.errors import ConfigurationError

SIDECAR = """
description: A table for tests of the loader.
grain: one source
key: [source_id]
columns: [source_id]
"""


def write(folder: Path, table: str, sql: str, sidecar: str | None = SIDECAR) -> None:
    schema, name = table.split(".")
    (folder / schema).mkdir(exist_ok=True)
    (folder / schema / f"{name}.sql").write_text(sql, "utf-8")
    if sidecar is not None:
        (folder / schema / f"{name}.yml").write_text(sidecar, "utf-8")


def select_from(table: str) -> str:
    return f"with rows_in as (select source_id from {table}) select source_id from rows_in;\n"


def test_dependencies_come_from_the_sql_and_give_the_order(tmp_path: Path) -> None:
    write(tmp_path, "mart.a", select_from("fact.b"))
    write(tmp_path, "fact.b", select_from("core.sample"))
    write(tmp_path, "mart.c", "select a.source_id from mart.a as a, ref.verdict, meta.build")
    models = load_models(tmp_path)
    assert models["mart.a"].depends_on == {"fact.b"}
    assert models["mart.c"].depends_on == {"mart.a", "ref.verdict", "meta.build"}
    assert [model.table for model in ordered(models)] == ["fact.b", "mart.a", "mart.c"]
    assert models["mart.a"].contract.table == "mart.a"
    assert models["mart.a"].file.endswith("mart/a.sql")
    assert not models["mart.a"].sql.endswith(";")


def test_columns_may_be_those_of_a_record_table(tmp_path: Path) -> None:
    sidecar = SIDECAR.replace("columns: [source_id]", "columns_of: core.acceptance")
    write(tmp_path, "latest.a", "select * from core.acceptance", sidecar)
    columns = load_models(tmp_path)["latest.a"].contract.column_names
    assert columns[:3] == ("source_id", "project_no", "attempt")


def test_a_column_may_be_that_of_a_record_table(tmp_path: Path) -> None:
    sidecar = SIDECAR.replace(
        "columns: [source_id]", "columns: [source_id, core.test_result.value]"
    )
    write(tmp_path, "mart.a", "select source_id, value from core.test_result", sidecar)
    column = load_models(tmp_path)["mart.a"].contract.column("value")
    assert (column.type, column.term_zh) == ("decimal", "检验值")


@pytest.mark.parametrize(
    ("sql", "sidecar", "message"),
    [
        ("select source_id from core.samples", SIDECAR,
         "mart/a.sql: reads core.samples, which is neither"),
        ("select source_id from ref.colours", SIDECAR, "reads ref.colours, which is neither"),
        ("select source_id from sample", SIDECAR, "mart/a.sql: sample is no CTE of this file"),
        ("select source_id\nfrom core.sample where (", SIDECAR,
         r"mart/a.sql: line 2, column \d+: "),
        ("select 'open from core.sample", SIDECAR, "mart/a.sql: "),
        ("select 1 from core.sample; select 2", SIDECAR, "exactly one SELECT"),
        ("drop table core.sample", SIDECAR, "exactly one SELECT"),
        ("", SIDECAR, "exactly one SELECT"),
        ("select source_id from core.sample", None, "its contract a.yml is missing"),
        ("select source_id from core.sample", "table: mart.b" + SIDECAR,
         "mart/a.yml: a mapping of keys, without 'table'"),
        ("select source_id from core.sample", "[]", "mart/a.yml: a mapping of keys"),
        ("select source_id from core.sample", SIDECAR + "owner: me\n", "mart/a.yml: owner: Extra"),
        ("select source_id from core.sample",
         SIDECAR + "tests: [{name: a test of it, given: {}}]\n",
         "a test needs expect or expect_rows"),
        ("select source_id from core.sample",
         SIDECAR + "tests: [{name: a test of it, given: {}, expect: [{a: 1}, {b: 2}]}]\n",
         "all rows of expect name the same columns"),
        ("select source_id from core.sample", SIDECAR.replace("columns: [", "columns: [colour, "),
         "mart/a.yml: column 'colour'"),
        ("select source_id from core.sample",
         SIDECAR.replace("columns: [", "columns: [core.sample.colour, "),
         "mart/a.yml: core.sample has no column 'colour'"),
        ("select source_id from core.sample",
         SIDECAR.replace("columns: [", "columns: [core.colours.red, "),
         "mart/a.yml: 'core.colours' is no record table"),
        (select_from("core.sample"), SIDECAR + "read_in_place: [rows_in, rows_out]\n",
         "mart/a.yml: read_in_place names rows_out, which is no step of the SELECT"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_file(
    tmp_path: Path, sql: str, sidecar: str | None, message: str
) -> None:
    write(tmp_path, "mart.a", sql, sidecar)
    with pytest.raises(ConfigurationError, match=message):
        load_models(tmp_path)


def test_a_contract_without_sql_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "mart.a", "select source_id from core.sample")
    (tmp_path / "mart" / "a.sql").unlink()
    with pytest.raises(ConfigurationError, match=r"there is no a\.sql beside it"):
        load_models(tmp_path)


def test_a_table_is_made_by_sql_or_by_a_function(tmp_path: Path) -> None:
    made_by = SIDECAR + "\nmade_by: assets.evidence.indicator_value\ndepends_on: [core.sample]\n"
    write(tmp_path, "mart.a", "select source_id from core.sample", made_by)
    with pytest.raises(ConfigurationError, match=r"mart/a\.yml: made_by and a \.sql beside it"):
        load_models(tmp_path)


def test_circles_are_named_file_by_file(tmp_path: Path) -> None:
    write(tmp_path, "mart.a", select_from("mart.b"))
    write(tmp_path, "mart.b", select_from("mart.c"))
    write(tmp_path, "mart.c", select_from("mart.a"))
    with pytest.raises(ConfigurationError, match=r"circle: .*mart/a\.sql.*mart/.\.sql"):
        ordered(load_models(tmp_path))


FOLLOWED = """
description: A table for tests of the loader.
grain: one sample
key: [source_id, sample_no]
columns: [source_id, sample_no]
by_sample: {}
"""
COUNTED = """
description: A table for tests of the loader.
grain: one source
key: [source_id]
adds_up: samples
columns:
  - source_id
  - {name: samples, type: integer, description: samples of the source, term_zh: 样品数}
"""


@pytest.mark.parametrize(
    ("read", "change", "message"),
    [
        ("fact.a", ("type: integer", "type: number"), "samples is no whole number"),
        ("fact.a", ("adds_up: samples", "adds_up: source_id"), "names source_id, which must be"),
        ("latest.b", ("", ""), "reads none, or both, or says so itself"),
        ("fact.a, core.sample", ("", ""), "it reads core.sample, which is another every night"),
        ("fact.a, meta.build", ("", ""), "it reads meta.build, which is another every night"),
    ],
)
def test_what_cannot_add_up_is_refused(
    tmp_path: Path, read: str, change: tuple[str, str], message: str
) -> None:
    write(tmp_path, "fact.a", "select source_id, sample_no from core.sample", FOLLOWED)
    write(tmp_path, "latest.b", select_from("core.sample"))
    counts = f"select source_id, count(*) as samples from {read} group by source_id"
    write(tmp_path, "counts.c", counts, COUNTED.replace(*change))
    with pytest.raises(ConfigurationError, match=message):
        load_models(tmp_path)


OF_FIRMS = """
description: A table for tests of the loader.
grain: one firm
key: [firm_uscc]
by_firm: {column: firm_uscc, inputs: {fact.a: source_id}}
columns: [firm_uscc]
"""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("column: firm_uscc", "column: firm"), "column is a column of the key"),
        (("fact.a: source_id", "fact.c: source_id"), "fact.c, which the SQL does not read"),
        (("fact.a: source_id", "fact.b: source_id"), "fact.b, which the SQL does not read, or"),
        (("fact.a: source_id", "fact.a: firm_uscc"), "fact.a.firm_uscc, which there is not"),
        (("source_id}", "source_id}, in_full: [fact.b]"), "fact.b is no input of by_firm"),
    ],
)
def test_what_cannot_follow_firms_is_refused(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    write(tmp_path, "fact.a", "select source_id, sample_no from core.sample", FOLLOWED)
    write(tmp_path, "fact.b", select_from("core.sample"))
    sql = "select a.source_id as firm_uscc from fact.a as a, fact.b"
    write(tmp_path, "counts.c", sql, OF_FIRMS.replace(*change))
    with pytest.raises(ConfigurationError, match=message):
        load_models(tmp_path)


VIEW = FOLLOWED + "materialized: view\n"
PUBLISHED_VIEW = FOLLOWED + "published: view\n"


@pytest.mark.parametrize(
    ("read", "sidecar", "message"),
    [
        ("fact.a", VIEW.replace("by_sample: {}\n", ""), "must follow them too, by_sample"),
        ("latest.b", VIEW, "a view reads latest.b; it may read what a release holds"),
        ("core.sample", VIEW, "a view reads core.sample; it may read what a release holds"),
        ("mart.v", VIEW, "a view reads mart.v; it may read what a release holds"),
        ("latest.b", PUBLISHED_VIEW, "a view reads latest.b; it may read what a release holds"),
        ("mart.v", PUBLISHED_VIEW, "a view reads mart.v; it may read what a release holds"),
        ("mart.p", VIEW, "a view reads mart.p; it may read what a release holds"),
        ("fact.a", COUNTED + "materialized: view\n", "no adds_up, no by_firm"),
    ],
)
def test_what_cannot_be_a_view_is_refused(
    tmp_path: Path, read: str, sidecar: str, message: str
) -> None:
    write(tmp_path, "fact.a", "select source_id, sample_no from core.sample", FOLLOWED)
    write(tmp_path, "latest.b", select_from("core.sample"))
    write(tmp_path, "mart.v", "select source_id, sample_no from fact.a", VIEW)
    write(tmp_path, "mart.p", "select source_id, sample_no from fact.a", PUBLISHED_VIEW)
    columns = "source_id, count(*) as samples" if "adds_up" in sidecar else "source_id, sample_no"
    write(tmp_path, "mart.w", f"select {columns} from {read}", sidecar)
    with pytest.raises(ConfigurationError, match=message):
        load_models(tmp_path)
