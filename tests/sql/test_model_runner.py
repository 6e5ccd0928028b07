"""Running models: inputs attached, files written whole and alike, mismatches with contracts."""

import datetime as dt
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import polars as pl
import pytest
from sqlglot import exp

from assets.build import models_behind
from warehouse.contract import Contract, record_contracts
from warehouse.engine.model import (
    ModelTest,
    SqlModel,
    is_import,
    load_models,
    ordered,
    parse_select,
    tables_outside_steps,
)
from warehouse.engine.run import (
    ModelRun,
    attach_dependencies,
    contract_sql,
    describe_check,
    register_references,
    run_model,
)
from warehouse.engine.testing import run_model_test
from warehouse.errors import ConfigurationError, SamplehouseError
from warehouse.home import Home
from warehouse.tables import write_partition

MODELS = load_models()
FIRST, SECOND = dt.date(2024, 5, 1), dt.date(2024, 6, 1)


def records(table: str, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    schema = record_contracts()[table].polars_schema()
    return pl.DataFrame(rows, schema={k: v for k, v in schema.items() if k in rows[0]}).select(
        *(
            pl.col(name) if name in rows[0] else pl.lit(None, dtype=kind).alias(name)
            for name, kind in schema.items()
        )
    )


@dataclass(frozen=True)
class Built:
    """A home after a build of all models, and what was run."""

    home: Home
    runs: Mapping[str, ModelRun]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Made once; tests that change a home take a copy, `home`."""
    home = two_days(tmp_path_factory.mktemp("built"))
    return Built(home, build(home))


@pytest.fixture
def home(built: Built, tmp_path: Path) -> Home:
    """That home, for one test."""
    copy = Home(tmp_path / built.home.root.name)
    shutil.copytree(built.home.root, copy.root)
    return copy


def two_days(folder: Path) -> Home:
    """Two days of one source: twenty samples, one of them corrected on the second day."""
    home = Home(folder / "it's a home")
    common = {
        "source_id": "a",
        "domain": "food",
        "programme": "evaluative",
        "sampling_basis": "random",
        "coverage": "complete",
    }
    first = [
        {
            **common,
            "sample_no": f"S{number:02}",
            "version": 1,
            "verdict": "fail" if number < 2 else "pass",
            "sampled_on": dt.date(2024, 4, 1 + number),
            "delivery_id": "d1",
            "received_on": FIRST,
            "source_row": number + 2,
        }
        for number in range(20)
    ]
    second = [
        {**first[0], "version": 2, "verdict": "pass", "delivery_id": "d2", "received_on": SECOND}
    ]
    for day, name, rows in ((FIRST, "d1", first), (SECOND, "d2", second)):
        write_partition(home, "core.sample", "a", day, records("core.sample", rows))
        delivery = {"delivery_id": name, "source_id": "a", "received_on": day, "file_name": name}
        write_partition(home, "meta.delivery", "a", day, records("meta.delivery", [delivery]))
    return home


def build(
    home: Home, as_of: dt.date | None = None, models: Mapping[str, SqlModel] = MODELS
) -> dict[str, ModelRun]:
    con = duckdb.connect()
    runs = {}
    for model in ordered(models):
        attach_dependencies(con, model, home, as_of)
        runs[model.table] = run_model(con, model, home)
    con.close()
    return runs


def behind(table: str) -> dict[str, SqlModel]:
    """A model, and those that it reads."""
    return {each.table: each for each in models_behind([table]) if isinstance(each, SqlModel)}


MANY = 400_000


def write_many_versions(con: duckdb.DuckDBPyConnection, contract: Contract, home: Home) -> None:
    """Many records with text in every column that may hold it; one in fifty has come again."""
    own = {
        "sample_no": "CAST(number AS VARCHAR)",
        "version": "version",
        "content_hash": "CAST(md5_number_lower(concat(number, '/', version)) >> 1 AS BIGINT)",
        "seq": "1",
        "parameter_code": "'p'",
        "source_id": "'a'",
    }
    text = "concat('text ', number % 1000)"
    columns = ", ".join(
        f"CAST({own.get(c.name, text if c.duckdb_type == 'VARCHAR' else 'NULL')} "
        f"AS {c.duckdb_type}) AS {c.name}"
        for c in contract.columns
    )
    path = home.partition_file(contract.table, "a", FIRST)
    path.parent.mkdir(parents=True)
    con.sql(
        f"SELECT {columns} FROM range({MANY}) AS numbers(number), range(1, 3) AS versions(version) "
        "WHERE version = 1 OR number % 50 = 0"
    ).write_parquet(str(path))


def total(home: Home) -> dict[str, object]:
    rows = pl.read_parquet(home.model_file("mart.pass_rate")).filter(
        period="all", source_id="ALL", division_code="ALL", product_category="ALL"
    )
    return rows.select("numerator", "denominator", "as_of").row(0, named=True)


def test_all_models_run_in_order_and_give_their_contracts_types(built: Built) -> None:
    home, runs = built.home, built.runs
    for table, model in MODELS.items():
        frame = pl.read_parquet(home.model_file(table))
        assert frame.schema == pl.Schema(model.contract.polars_schema())
        assert runs[table].rows == len(frame)
        assert runs[table].seconds > 0
        assert contract_sql(model) in runs[table].sql
    assert runs["latest.sample"].rows == 20
    assert runs["mart.nonconformity"].rows == 1
    assert total(home) == {"numerator": 19, "denominator": 20, "as_of": SECOND}


def test_the_past_is_built_from_the_deliveries_of_its_day(home: Home) -> None:
    models = behind("mart.pass_rate")
    build(home, dt.date(2024, 5, 31), models)
    assert total(home) == {"numerator": 18, "denominator": 20, "as_of": dt.date(2024, 5, 31)}
    build(home, SECOND, models)
    assert total(home) == {"numerator": 19, "denominator": 20, "as_of": SECOND}


def test_two_builds_give_the_same_bytes_and_the_same_rows_of_what_lies_in_parts(home: Home) -> None:
    def results() -> dict[str, object]:
        return {
            table: home.model_file(table).read_bytes()
            if model.follows is None
            else pl.read_parquet(home.model_file(table)).sort(model.contract.key).rows()
            for table, model in MODELS.items()
        }

    first = results()
    build(home)
    assert first == results()


@pytest.mark.parametrize("table", ["latest.sample", "latest.test_result"])
def test_latest_versions_of_wide_rows_stream(tmp_path: Path, table: str) -> None:
    """A small part of the rows' own size is enough memory: they are neither kept nor sorted."""
    home, model = Home(tmp_path), MODELS[table]
    with duckdb.connect() as con:
        for name in model.depends_on:
            write_many_versions(con, record_contracts()[name], home)
    with duckdb.connect(
        config={"memory_limit": "256MiB", "temp_directory": "", "threads": 1}
    ) as con:
        attach_dependencies(con, model, home)
        assert run_model(con, model, home).rows == MANY


@pytest.mark.parametrize("table", [name for name, each in MODELS.items() if each.read_in_place])
def test_steps_are_read_in_place_where_the_yaml_says_so(table: str) -> None:
    model = MODELS[table]
    imports = {
        step.alias
        for step in parse_select(model.sql, model.file).ctes
        if is_import(step.this) and "." in tables_outside_steps(step.this)[0]
    }
    run = parse_select(contract_sql(model), model.file).find_all(exp.CTE)
    in_place = {step.alias for step in run if step.args["materialized"] is False}
    assert in_place == imports.union(model.read_in_place)


def test_rows_are_ordered_by_the_key(built: Built) -> None:
    frame = pl.read_parquet(built.home.model_file("mart.pass_rate"))
    key = MODELS["mart.pass_rate"].contract.key
    assert frame.select(key).rows() == sorted(frame.select(key).rows())


def test_an_empty_home_builds_empty_tables(tmp_path: Path) -> None:
    runs = build(Home(tmp_path))
    # The ledger has a line for every target of the plan, whether anything is reported or not.
    assert {table for table, run in runs.items() if run.rows} == {"mart.ledger_value"}


def test_a_model_whose_input_is_not_built_says_so(tmp_path: Path) -> None:
    with duckdb.connect() as con, pytest.raises(SamplehouseError, match=r"build \w+\.\w+ first"):
        attach_dependencies(con, MODELS["fact.verdict"], Home(tmp_path))


def test_a_failing_model_leaves_the_last_good_file(home: Home) -> None:
    model = MODELS["latest.sample"]
    good = home.model_file(model.table).read_bytes()
    broken = replace(
        model, sql=model.sql.replace("select * from latest_versions", "select error('no') as x")
    )
    with duckdb.connect() as con:
        attach_dependencies(con, broken, home)
        with pytest.raises(ConfigurationError, match=r"latest/sample\.sql"):
            run_model(con, broken, home)
    assert home.model_file(model.table).read_bytes() == good
    assert [path.name for path in home.model_file(model.table).parent.glob(".*")] == []


def test_code_lists_are_readable_as_ref() -> None:
    with duckdb.connect() as con:
        register_references(con, ["ref.sampling_basis", "core.sample"])
        register_references(con, ["ref.sampling_basis", "core.sample"])
        codes = con.sql("SELECT code FROM ref.sampling_basis WHERE estimates_population = 'true'")
        assert codes.fetchall() == [("random",), ("stratified_random",), ("census",)]


def changed(old: str, new: str) -> list[str]:
    model = MODELS["mart.verdict_agreement"]
    assert old in model.sql
    mismatches = describe_check({**behind(model.table), model.table: _with_sql(model, old, new)})
    return [str(mismatch) for mismatch in mismatches]


def _with_sql(model: SqlModel, old: str, new: str) -> SqlModel:
    return replace(model, sql=model.sql.replace(old, new))


def test_describe_check_tells_expected_from_actual() -> None:
    file = "dbt_like_sql/mart/verdict_agreement.sql: "
    extra = "none_known HUGEINT"
    assert changed("counts.neither,", "cast(counts.neither as varchar) as neither,") == [
        f"{file}expected neither BIGINT, actual neither VARCHAR"
    ]
    assert changed("counts.neither,", "counts.neither as none_known,") == [
        f"{file}expected neither BIGINT, actual neither missing",
        f"{file}expected no column none_known (it is not in the contract), actual {extra}",
    ]
    assert changed("counts.neither,", "counts.nothing,")[0].startswith(
        f"{file}expected a query that compiles, actual Binder Error"
    )
    assert changed("counts.domain,\n        counts.source_id,", "counts.source_id, counts.domain,")[
        0
    ].startswith(f"{file}expected order domain, source_id")


def test_a_failing_given_expect_test_shows_both_rows() -> None:
    model = MODELS["latest.sample"]
    row = {"source_id": "a", "sample_no": "S1", "version": 1, "inclusion_probability": 0.5}
    test = ModelTest(
        name="a test that fails",
        given={"core.sample": (row,)},
        expect=({**row, "version": 2},),
    )
    report = run_model_test(model, test, MODELS)
    assert report is not None
    lines = [line.split("|") for line in report.splitlines()]
    assert [[cell.strip() for cell in line] for line in lines] == [
        ["dbt_like_sql/latest/sample.sql, test 'a test that fails':"],
        ["", "source_id", "sample_no", "version", "inclusion_probability"],
        ["expected, not there", "a", "S1", "2", "0.5"],
        ["there, not expected", "a", "S1", "1", "0.5"],
    ]


def test_given_expect_compares_decimals_exactly_and_doubles_nearly() -> None:
    model = MODELS["latest.test_result"]
    given = {"core.test_result": ({"source_id": "a", "sample_no": "S1", "value": 0.054},)}

    def outcome(column: str, value: object, model: SqlModel = model) -> str | None:
        key = {"parameter_code": "lead", "seq": 1, "version": 1}
        rows = {"core.test_result": ({**given["core.test_result"][0], **key},)}
        test = ModelTest(name="a comparison", given=rows, expect=({column: value},))
        return run_model_test(model, test, MODELS)

    assert outcome("value", 0.054) is None
    assert outcome("value", "0.0540000001") is not None
    sample = MODELS["latest.sample"]
    row = {"source_id": "a", "sample_no": "S1", "version": 1, "inclusion_probability": 1 / 3}
    for value, same in ((0.333333, True), (0.33333, False), (None, False)):
        test = ModelTest(
            name="a comparison",
            given={"core.sample": (row,)},
            expect=({"inclusion_probability": value},),
        )
        assert (run_model_test(sample, test, MODELS) is None) is same


@pytest.mark.parametrize(
    ("given", "expect", "message"),
    [
        ({"core.samples": ({"a": 1},)}, {"version": 1}, "does not read core.samples"),
        ({"core.sample": ({"colour": 1},)}, {"version": 1}, "core.sample has no column colour"),
        ({"core.sample": ({"version": "x"},)}, {"version": 1}, "Could not convert string 'x'"),
        ({}, {"colour": 1}, "latest.sample has no column colour"),
    ],
)
def test_mistakes_in_given_expect_tests_are_named(
    given: dict[str, tuple[dict[str, object], ...]], expect: dict[str, object], message: str
) -> None:
    test = ModelTest(name="a test with a mistake", given=given, expect=(expect,))
    with pytest.raises(ConfigurationError, match=message):
        run_model_test(MODELS["latest.sample"], test, MODELS)
