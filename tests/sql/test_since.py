"""Results kept up to date by sample and by firm are those that a build of everything gives."""

import datetime as dt
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.build import compile_view, models_behind
from assets.checks import run_table_checks
from assets.workplace import Workplace
from expectations.results import ValidationRun
from expectations.runner import run_checks
from tests.results import rows_of_result
from warehouse import release_tables
from warehouse.connection import Resources, connect
from warehouse.engine import firms, since, sums
from warehouse.engine.follows import SAMPLE_RECORDS
from warehouse.engine.model import SqlModel, contract_of, load_models
from warehouse.engine.refresh import refresh_model
from warehouse.engine.stamp import stamp_file
from warehouse.engine.views import inputs
from warehouse.errors import ConfigurationError
from warehouse.home import Home
from warehouse.release import build_release, published_tables
from warehouse.release_compare import verify_release
from warehouse.tables import write_parquet, write_partition

STORED = {name: model for name, model in load_models().items() if not model.contract.is_view}
VIEWS = load_models().keys() - STORED.keys()
FOLLOWING = {name: model for name, model in STORED.items() if model.follows is not None}
ADDING = {name: model for name, model in FOLLOWING.items() if model.adds_up is not None}
FIRST = dt.date(2024, 5, 1)
RESOURCES = Resources(1, 1 << 30)

Rows = list[dict[str, Any]]
Night = Mapping[str, Rows]


@pytest.fixture(autouse=True)
def _however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(since, "FEWEST_SAMPLES", 0)
    monkeypatch.setattr(since, "MOST_TOUCHED", 1_000.0)
    monkeypatch.setattr(firms, "MOST_INSTEAD", 1_000.0)


def sample(number: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "source_id": "a", "sample_no": number, "version": version, "content_hash": version,
        "domain": "food", "programme": "supervision", "sampling_basis": "targeted",
        "coverage": "complete", "sampled_on": dt.date(2024, 4, 30), "division_code": "330782105",
        "verdict": "pass", **more,
    }  # fmt: skip


def a_result(number: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "source_id": "a", "sample_no": number, "version": version, "content_hash": 100 + version,
        "parameter_code": "lead", "seq": 1, "verdict": "pass", **more,
    }  # fmt: skip


def acceptance(project: str, **more: Any) -> dict[str, Any]:
    return {
        "source_id": "a", "project_no": project, "attempt": 1, "domain": "construction",
        "programme": "acceptance", "sampling_basis": "census", "accepted_on": FIRST, **more,
    }  # fmt: skip


# What corrections change: where a sample is counted, whether it is, of whom, and what was found.
TOLD: Mapping[str, list[Any]] = {
    "verdict": ["pass", "fail", "fail", None],
    "sampled_on": [dt.date(2024, 4, 1), dt.date(2024, 4, 30), dt.date(2023, 4, 1), None],
    "domain": ["food", "manufactured"],
    "programme": ["supervision", "evaluative", "consumer_submitted"],
    "product_category": ["tea", "C24", None],
    "product_name": ["儿童玩具", "绿茶"],
    "division_code": ["330782105", "330700"],
    "producer_uscc": [None, *"PQRST"],
    "entity_uscc": [None, *"PQRST"],
    "supplier_uscc": [None, *"PQRST"],
}


@st.composite
def nights(draw: st.DrawFn) -> list[Night]:
    """Nights of samples, corrections, rechecks (of samples that may come later) and results.

    A correction may say that a sample was taken on another day, of other firms.
    """
    versions: dict[tuple[str, str], int] = {}
    found: list[Night] = []
    for _ in range(draw(st.integers(2, 4))):
        night: dict[str, Rows] = {table: [] for table in (*SAMPLE_RECORDS, "latest.acceptance")}
        for number in draw(st.lists(st.sampled_from("ABCDEF"), min_size=1, unique=True)):
            original = draw(st.sampled_from([None, None, *"ABCDEF"]))
            recheck = {"sampling_basis": "recheck", "original_sample_no": original}
            versions[number, "s"] = version = versions.get((number, "s"), 0) + 1
            told = {name: draw(st.sampled_from(values)) for name, values in TOLD.items()}
            row = sample(number, version, **told, **(recheck if original else {}))
            night["core.sample"].append(row)
        for number in draw(st.lists(st.sampled_from("ABCDEF"), unique=True)):
            versions[number, "r"] = version = versions.get((number, "r"), 0) + 1
            found_in_it = {
                "verdict": draw(st.sampled_from(["pass", "fail"])),
                "parameter_name": draw(st.sampled_from(["Lead", "铅"])),
                "qualifier": draw(st.sampled_from(["=", "ND", None])),
            }
            night["core.test_result"].append(a_result(number, version, **found_in_it))
        for number in draw(st.lists(st.sampled_from("PQ"), unique=True)):
            verdict = {"verdict": draw(st.sampled_from(["pass", "fail"]))}
            night["latest.acceptance"].append(acceptance(number, **verdict))
        found.append(night)
    return found


def home_in(folder: Path) -> Home:
    """A home in which every table that rows of samples read, but do not come from, is empty."""
    home = Home(folder)
    read = {table for model in FOLLOWING.values() for table in inputs(model)}
    for table in read & load_models().keys() - FOLLOWING.keys():
        empty = pl.DataFrame(schema=contract_of(table, load_models()).polars_schema())
        write_parquet(empty, home.model_file(table))
    return home


def receive(home: Home, number: int, night: Night) -> None:
    """Put one night's rows in the lake; what belongs to no sample stands instead of what did."""
    received = FIRST + dt.timedelta(days=number)
    where = {"delivery_id": f"d{number}", "received_on": received, "source_row": 2}
    for table, rows in night.items():
        schema = contract_of(table, load_models()).polars_schema()
        frame = pl.DataFrame([{**row, **where} for row in rows], schema=schema)
        if table in SAMPLE_RECORDS:
            write_partition(home, table, "a", received, frame)
        else:
            write_parquet(frame, home.model_file(table))


def work(home: Home, wanted: Iterable[str] = FOLLOWING) -> dict[str, pl.DataFrame]:
    """Bring results up to date; their rows."""
    for model in models_behind([*wanted]):
        if model.table in FOLLOWING and isinstance(model, SqlModel):
            with connect(RESOURCES) as con:
                refresh_model(con, model, home)
    with duckdb.connect() as con:
        return {table: since.result(con, home, table).order("ALL").pl() for table in wanted}


def publish(home: Home, minute: int = 0) -> dict[str, tuple[int, str]]:
    """Publish what follows samples; table → rows and fingerprint."""
    contracts = {name: model.contract for name, model in FOLLOWING.items()}
    tables = [table for table in published_tables(home, contracts, None) if table.in_order]
    moment = dt.datetime(2024, 6, 1, 3, minute, tzinfo=dt.UTC)
    build_release(home, tables=tables, as_of=None, built_at=moment, code_version="v1")
    assert verify_release(home.release_file) == []
    with duckdb.connect(str(home.release_file), read_only=True) as con:
        rows = con.execute("FROM meta.release_table ORDER BY table_name").fetchall()
    return {name: (size, fingerprint) for name, size, fingerprint in rows}


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(told=nights())
def test_night_by_night_is_all_at_once(told: list[Night]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        by_night, at_once = home_in(Path(folder, "a")), home_in(Path(folder, "b"))
        first: dict[str, os.stat_result] = {}
        for number, night in enumerate(told):
            receive(by_night, number, night)
            followed = work(by_night)
            counted = {table: by_night.model_file(table).stat() for table in ADDING}
            first = first or counted
            published = publish(by_night, number)
            receive(at_once, number, night)
        whole = work(at_once)
        assert {"fact.indicator_unit"} == VIEWS
        for view in VIEWS:
            computed = rows_of_result(by_night, view).sort("*")
            assert_frame_equal(computed, rows_of_result(at_once, view).sort("*"), check_exact=True)
            assert not computed.is_empty()
        assert publish(at_once) == published
        for table in FOLLOWING:
            assert len(since.result_files(by_night, table)) == 3, table
            assert len(since.result_files(at_once, table)) == 1, table
        assert counted == first  # added up since, not counted anew
    for table, rows in whole.items():
        assert_frame_equal(followed[table], rows, check_exact=True)


def test_of_a_view_the_rows_of_what_stands_instead_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found in all is what is found where everything came at once."""
    seen: list[str] = []

    def spy(con: Any, table: str, rules: Any, **more: Any) -> ValidationRun:
        seen.append(table)
        return run_checks(con, table, rules, **more)

    monkeypatch.setattr("assets.checked.run_checks", spy)
    (view,) = VIEWS
    evaluative: dict[str, Any] = {"programme": "evaluative", "sampling_basis": "random"}
    by_night, at_once = home_in(tmp_path / "a"), home_in(tmp_path / "b")
    for night, told in enumerate(
        (
            [sample("A", **evaluative), sample("B")],
            [sample("B", 2, **evaluative), sample("C")],  # of B's profile is none but C now
        )
    ):
        receive(at_once, night, {"core.sample": told})
        receive(by_night, night, {"core.sample": told})
        work(by_night, ["fact.unit"])
        results = run_table_checks(
            load_models()[view].contract, Workplace(by_night, {}, RESOURCES), None
        )
    assert seen == [view, "new_rows"]
    work(at_once, ["fact.unit"])
    whole = run_table_checks(load_models()[view].contract, Workplace(at_once, {}, RESOURCES), None)
    assert [(each.rule_id, each.rows_checked, each.rows_failed) for each in results] == [
        (each.rule_id, each.rows_checked, each.rows_failed) for each in whole
    ]
    assert whole[0].rows_checked == rows_of_result(by_night, view).height > 3


def test_nothing_is_kept_of_a_view(worked: Home) -> None:
    (view,) = VIEWS
    with connect(RESOURCES) as con, pytest.raises(ValueError, match="nothing to keep"):
        refresh_model(con, load_models()[view], worked)
    left = worked.model_file(view)
    for path in (left, stamp_file(left)):
        path.write_text("of when it was a table", "ascii")
    assert "FROM" in compile_view(worked, RESOURCES, load_models()[view], None)
    assert list(left.parent.glob("indicator_unit*")) == []


@pytest.fixture
def worked(tmp_path: Path) -> Home:
    """Two samples, and one more that came in another night."""
    home = home_in(tmp_path)
    receive(home, 0, {"core.sample": [sample("A"), sample("B")]})
    work(home)
    receive(home, 1, {"core.sample": [sample("C"), sample("B", 2, verdict="fail")]})
    work(home)
    return home


def test_a_whole_that_was_made_of_a_result_which_was_behind_is_made_again(tmp_path: Path) -> None:
    home, failures = home_in(tmp_path), "mart.nonconformity"
    receive(home, 0, {"core.sample": [sample("A", verdict="fail"), sample("B", verdict="fail")]})
    work(home, [failures])
    receive(home, 0, {"core.sample": [sample("A", verdict="fail")]})  # read again: B is gone
    receive(home, 1, {"core.sample": [sample("C", verdict="fail")]})
    with connect(RESOURCES) as con:
        refresh_model(con, load_models()[failures], home)  # by hand, alone
    found = work(home, [failures, "latest.sample"])
    assert found["latest.sample"]["sample_no"].to_list() == ["A", "C"]
    assert found[failures]["sample_no"].to_list() == ["A", "C"]


def samples(home: Home) -> list[tuple[str, int]]:
    with duckdb.connect() as con:
        rows = since.result(con, home, "latest.sample").order("sample_no")
        return rows.project("sample_no, version").fetchall()


def is_whole(home: Home) -> bool:
    return len(since.result_files(home, "latest.sample")) == 1


def test_rows_of_touched_samples_stand_instead_of_those_in_the_whole(worked: Home) -> None:
    assert not is_whole(worked)
    whole = pl.read_parquet(worked.model_file("latest.sample")).select("sample_no", "version")
    assert whole.rows() == [("A", 1), ("B", 1)]
    assert samples(worked) == [("A", 1), ("B", 2), ("C", 1)]
    assert since.result_size(worked, "latest.sample") == 3


def test_a_recheck_touches_its_original(worked: Home) -> None:
    recheck = sample("R", sampling_basis="recheck", original_sample_no="A", verdict="fail")
    receive(worked, 2, {"core.sample": [recheck]})
    work(worked)
    with duckdb.connect() as con:
        verdicts = since.result(con, worked, "fact.verdict").filter("unit_no = 'A'")
        assert verdicts.project("final_verdict, recheck_no").fetchall() == [("fail", "R")]
    assert not is_whole(worked)


def pairs(home: Home) -> list[tuple[str, str]]:
    with duckdb.connect() as con:
        rows = since.result(con, home, "mart.chain_nonconformity")
        return rows.project("upstream_sample_no, downstream_sample_no").order("ALL").fetchall()


def test_what_comes_late_makes_pairs_of_what_was_there(tmp_path: Path) -> None:
    """A link that a sample shows which passed, and a failure upstream of firms sampled before."""
    failing: dict[str, Any] = {"verdict": "fail", "product_category": "tea"}
    home, table = home_in(tmp_path), "mart.chain_nonconformity"
    receive(
        home,
        0,
        {
            "core.sample": [
                sample("U1", entity_uscc="U", **failing),
                sample("D1", entity_uscc="D", **failing),
                sample("E1", entity_uscc="E", **failing),
                sample("E2", entity_uscc="E", supplier_uscc="V"),
            ]
        },
    )
    work(home, [table])
    assert pairs(home) == []
    receive(home, 1, {"core.sample": [sample("D2", entity_uscc="D", supplier_uscc="U")]})
    work(home, [table])
    assert pairs(home) == [("U1", "D1")]
    receive(home, 2, {"core.sample": [sample("V1", entity_uscc="V", **failing)]})
    work(home, [table])
    assert pairs(home) == [("U1", "D1"), ("V1", "E1")]
    gone = sample("D2", 2, entity_uscc="D", supplier_uscc="V")
    receive(home, 3, {"core.sample": [gone]})
    work(home, [table])
    assert pairs(home) == [("V1", "D1"), ("V1", "E1")]
    assert len(since.result_files(home, table)) == 3


def test_only_firms_of_what_came_are_made_anew(tmp_path: Path) -> None:
    home, table = home_in(tmp_path), "counts.firm_record"
    told = [sample(number, entity_uscc=firm) for number, firm in ("AP", "BP", "CQ", "DR")]
    receive(home, 0, {"core.sample": told})
    work(home, [table])
    corrected = sample("C", 2, entity_uscc="S")
    receive(home, 1, {"core.sample": [corrected, sample("E", entity_uscc="P")]})
    work(home, [table])
    part = since.since(home, table)
    assert part is not None
    assert pl.read_parquet(part.touched)["firm_uscc"].to_list() == ["P", "Q", "S"]
    made = pl.read_parquet(part.rows).sort("firm_uscc").select("firm_uscc", "tested").rows()
    assert made == [("P", 3), ("S", 1)]


def test_rows_that_stand_instead_of_half_the_firms_are_made_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firms, "MOST_INSTEAD", 0.5)
    home, table = home_in(tmp_path), "counts.firm_record"
    files = []
    for night, number in enumerate("ABC"):
        receive(home, night, {"core.sample": [sample(number, entity_uscc="P")]})
        assert work(home, [table])[table]["tested"].to_list() == [night + 1]
        files.append(len(since.result_files(home, table)))
    assert files == [1, 3, 1]


def test_a_day_that_is_worked_again_makes_the_result_whole(worked: Home) -> None:
    receive(worked, 0, {"core.sample": [sample("A")]})
    assert work(worked)["latest.sample"]["sample_no"].to_list() == ["A", "B", "C"]
    assert is_whole(worked)


def test_what_rows_of_samples_read_beside_makes_the_result_whole(worked: Home) -> None:
    periods = worked.model_file("fact.firm_period")
    write_parquet(pl.read_parquet(periods), periods)
    work(worked)
    assert len(since.result_files(worked, "fact.unit")) == 1
    assert not is_whole(worked)


def test_what_is_read_beside_by_a_result_that_is_read_makes_the_result_whole(
    tmp_path: Path,
) -> None:
    home, table = home_in(tmp_path), "fact.firm_failure"
    receive(home, 0, {"core.sample": [sample("A", entity_uscc="P", verdict="fail")]})
    assert work(home, [table])[table]["chain"].to_list() == [None]
    periods = home.model_file("fact.firm_period")
    roster = {"entity_uscc": "P", "valid_from": dt.date(2024, 1, 1), "chain": "shirts"}
    schema = pl.read_parquet_schema(periods)
    write_parquet(pl.DataFrame([roster], schema=schema), periods)
    receive(home, 1, {"core.sample": [sample("B", entity_uscc="Q", verdict="fail")]})
    assert work(home, [table])[table]["chain"].to_list() == ["shirts", None]


def test_many_touched_samples_make_the_result_whole(
    worked: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(since, "MOST_TOUCHED", 1.0)
    receive(worked, 2, {"core.sample": [sample("D")]})  # with B and C, more than A and B
    work(worked)
    assert is_whole(worked)
    assert samples(worked) == [("A", 1), ("B", 2), ("C", 1), ("D", 1)]


def test_a_whole_that_was_put_there_by_other_means_stands_alone(worked: Home) -> None:
    whole = worked.model_file("latest.sample")
    write_parquet(pl.read_parquet(whole), whole)
    assert is_whole(worked)
    assert samples(worked) == [("A", 1), ("B", 1)]


def test_a_release_starts_from_the_last_one(worked: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(worked)
    receive(worked, 2, {"core.sample": [sample("C", 2, verdict="fail")]})
    work(worked)
    anew: list[str] = []
    write = release_tables.write_anew

    def spy(con: duckdb.DuckDBPyConnection, table: release_tables.PublishedTable) -> None:
        anew.append(table.contract.table)
        write(con, table)

    monkeypatch.setattr(release_tables, "write_anew", spy)
    assert publish(worked, 1)["core.sample"][0] == 3
    with duckdb.connect(str(worked.release_file), read_only=True) as con:
        rows = con.execute("FROM core.sample SELECT sample_no, version ORDER BY ALL").fetchall()
    assert rows == [("A", 1), ("B", 2), ("C", 2)]
    assert anew == []
    worked.release_file.with_name("contents.json").unlink()
    publish(worked, 2)
    assert "core.sample" in anew


def test_a_release_follows_what_belongs_to_no_sample(worked: Home) -> None:
    publish(worked)
    acceptances = worked.model_file("latest.acceptance")
    contract = load_models()["latest.acceptance"].contract
    for verdict in ("pass", "fail"):  # as many rows each time
        row = acceptance("P", verdict=verdict)
        rows = pl.DataFrame([row], schema=contract.polars_schema())
        write_parquet(rows, acceptances)
        work(worked)
        publish(worked, 1 if verdict == "pass" else 2)
        with duckdb.connect(str(worked.release_file), read_only=True) as con:
            told = con.execute(
                "FROM fact.verdict SELECT final_verdict WHERE unit_kind = 'acceptance'"
            ).fetchall()
        assert told == [(verdict,)]


def test_a_unit_of_another_kind_with_the_number_of_a_touched_sample_is_read_once() -> None:
    with duckdb.connect() as con:
        rows = con.sql(
            "SELECT * FROM (VALUES ('a', 'sample', 'A'), ('a', 'sample', 'B'), "
            "('a', 'acceptance', 'A')) AS rows(source_id, unit_kind, unit_no)"
        )
        touched = con.sql("SELECT 'a' AS source_id, 'A' AS sample_no")
        found = since.rows_of_touched(rows, touched, "fact.verdict").order("unit_kind")
        assert found.fetchall() == [("a", "acceptance", "A"), ("a", "sample", "A")]


def test_files_that_no_result_names_are_removed(worked: Home) -> None:
    for number in (2, 3):
        receive(worked, number, {"core.sample": [sample(f"N{number}")]})
        work(worked)
    models = worked.lake / "models"
    assert len(list(models.glob("latest/sample.since-*"))) == 1
    assert len(list(models.glob("touched/firms-*"))) == 5  # tables that follow firms read five
    assert len(list(models.glob("touched/rows-*"))) == 4  # three of which share one
    assert len(list(models.glob("touched/*.core.*"))) == 2
    assert len(list(models.glob("touched/*"))) == 12


COUNTS = "counts.verdict_month"


@pytest.fixture
def counted(tmp_path: Path) -> Home:
    """Counts of what the fixture `worked` has."""
    home = home_in(tmp_path)
    receive(home, 0, {"core.sample": [sample("A"), sample("B")]})
    work(home, [COUNTS])
    receive(home, 1, {"core.sample": [sample("C"), sample("B", 2, verdict="fail")]})
    work(home, [COUNTS])
    return home


def verdicts(home: Home) -> list[tuple[str, int, int, int]]:
    with duckdb.connect() as con:
        counts = since.result(con, home, COUNTS)
        return counts.project("month, units, passed, failed").order("ALL").fetchall()


def counted_at(home: Home) -> int:
    return home.model_file(COUNTS).stat().st_mtime_ns


def test_a_group_without_rows_is_gone(counted: Home) -> None:
    assert verdicts(counted) == [("2024-04", 3, 2, 1)]
    later = {"sampled_on": dt.date(2024, 5, 2)}
    receive(counted, 2, {"core.sample": [sample(n, 3, **later) for n in "ABC"]})
    work(counted, [COUNTS])
    assert verdicts(counted) == [("2024-05", 3, 3, 0)]


def test_rows_that_stand_no_more_are_looked_up_once(
    counted: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts them takes those that were found when the result that it counts was made."""
    receive(counted, 2, {"core.sample": [sample("A", 2, verdict="fail")]})
    work(counted, ["fact.verdict"])
    monkeypatch.delattr(sums, "rows_of_touched")
    work(counted, [COUNTS])
    assert verdicts(counted) == [("2024-04", 3, 1, 2)]


def test_a_group_that_a_sample_came_to_and_left_is_gone(counted: Home) -> None:
    told = (("2024-05", 3), ("2024-06", 4))
    for number, (month, version) in enumerate(told, start=2):
        moved = sample("A", version, sampled_on=dt.date.fromisoformat(f"{month}-02"))
        receive(counted, number, {"core.sample": [moved]})
        work(counted, [COUNTS])
        assert verdicts(counted) == [("2024-04", 2, 1, 1), (month, 1, 1, 0)]
        assert since.result_size(counted, COUNTS) == 2
    part = since.since(counted, COUNTS)
    assert part is not None
    assert set(pl.read_parquet(part.touched)["month"]) == {"2024-04", "2024-05", "2024-06"}


def test_counts_of_firms_add_up_too(tmp_path: Path) -> None:
    home, table = home_in(tmp_path), "counts.firm_group"
    told = [sample(number, entity_uscc=firm) for number, firm in ("AP", "BP", "CQ")]
    receive(home, 0, {"core.sample": told})
    work(home, [table])
    whole = home.model_file(table).stat()
    corrected = sample("C", 2, entity_uscc="P", verdict="fail")
    receive(home, 1, {"core.sample": [corrected, sample("D", entity_uscc="R")]})
    found = work(home, [table])[table].filter(group_type="subject_type")
    assert found.select("firms", "tested", "failed").rows() == [(2, 4, 1)]
    assert home.model_file(table).stat() == whole


def test_a_firm_history_follows_firms_whatever_the_day_while_what_firms_are_stays(
    tmp_path: Path,
) -> None:
    home, table = home_in(tmp_path), "mart.firm_history"
    periods, models = home.model_file("fact.firm_period"), load_models()
    schema = pl.read_parquet_schema(periods)
    roster = {"entity_uscc": "P", "entity_name": "Pan", "valid_from": dt.date(2024, 1, 1)}
    write_parquet(pl.DataFrame([roster], schema=schema), periods)
    told = []
    for number in range(3):
        firm: dict[str, Any] = {"entity_uscc": "P", "entity_name": "Pei"}
        receive(home, number, {"core.sample": [sample(f"S{number}", **firm)]})
        if number == 2:
            ended = {**roster, "valid_to": FIRST + dt.timedelta(days=2)}
            write_parquet(pl.DataFrame([ended], schema=schema), periods)
        write_partition_of_delivery(home, number)
        with connect(RESOURCES) as con:
            refresh_model(con, models["fact.firm_now"], home)
        rows = work(home, [table])[table].select("firm_name", "tested").rows()
        told.append((*rows[0], len(since.result_files(home, table))))
    assert told == [("Pan", 1, 1), ("Pan", 2, 3), ("Pei", 3, 1)]


def write_partition_of_delivery(home: Home, number: int) -> None:
    """A delivery of that night: the day as of which firms are told."""
    received = FIRST + dt.timedelta(days=number)
    schema = contract_of("meta.delivery", load_models()).polars_schema()
    row = {"delivery_id": f"d{number}", "received_on": received}
    write_partition(home, "meta.delivery", "a", received, pl.DataFrame([row], schema=schema))


def test_counts_of_other_wholes_are_counted_anew(counted: Home) -> None:
    before = counted_at(counted)
    receive(counted, 0, {"core.sample": [sample("A", verdict="fail")]})  # B came in that night too
    work(counted, [COUNTS])
    assert counted_at(counted) > before
    assert verdicts(counted) == [("2024-04", 3, 1, 2)]


def test_counts_by_another_definition_are_counted_anew(counted: Home) -> None:
    before, model = counted_at(counted), ADDING[COUNTS]
    other = replace(model, sql=model.sql.replace("final_verdict = 'fail'", "final_verdict <> ''"))
    with connect(RESOURCES) as con:
        refresh_model(con, other, counted)
    assert counted_at(counted) > before
    assert verdicts(counted) == [("2024-04", 3, 2, 3)]


def test_counts_without_a_note_of_what_they_are_of_are_counted_anew(
    counted: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_home: Home, _table: str, _found: since.Kept) -> None:
        raise KeyboardInterrupt

    receive(counted, 0, {"core.sample": [sample("A"), sample("B", verdict="fail")]})
    with monkeypatch.context() as patched:
        patched.setattr(sums, "keep", stopped)
        with pytest.raises(KeyboardInterrupt):
            work(counted, [COUNTS])
    stopped_at = counted_at(counted)
    receive(counted, 0, {"core.sample": [sample("A", verdict="fail"), sample("B")]})
    work(counted, [COUNTS])
    assert counted_at(counted) > stopped_at
    assert verdicts(counted) == [("2024-04", 3, 1, 2)]


def test_what_does_not_add_up_stops(counted: Home) -> None:
    model = ADDING[COUNTS]
    other = replace(model, sql=model.sql.replace("count(*) as units", "5 - count(*) as units"))
    receive(counted, 2, {"core.sample": [sample(n) for n in "DEFG"]})
    work(counted, [COUNTS])
    with connect(RESOURCES) as con, pytest.raises(ConfigurationError, match="does not add up"):
        refresh_model(con, other, counted)
