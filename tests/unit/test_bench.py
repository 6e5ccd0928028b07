"""The benchmark's feed, its truth, the floor, and Samplehouse's own reading of the feed."""

import importlib
import json
import subprocess
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from assets.ingest.landing import receive, register
from assets.ingest.run import ingest, read_raw
from warehouse import progress
from warehouse.home import Home
from warehouse.source import load_sources

BENCH = Path(__file__).parents[2] / "bench"
SOURCE = "national_feed"


def run_script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCH / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - own scripts


def made_feed(out: Path) -> Path:
    done = run_script("feed", "--samples", 3000, "--days", 4, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_feed(tmp_path_factory.mktemp("feed"))


def truth_of(feed: Path, name: str = "base") -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((feed / f"truth_{name}.json").read_text("utf-8"))
    return truth


def test_the_same_seed_gives_the_same_bytes(feed: Path, tmp_path: Path) -> None:
    again = made_feed(tmp_path)
    names = sorted(path.relative_to(feed) for path in feed.glob("*/*.csv"))
    assert len(names) == 10
    assert all((feed / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_the_floor_finds_the_truth_and_adds_a_delivery_to_it(feed: Path, tmp_path: Path) -> None:
    db = tmp_path / "floor.duckdb"
    assert run_script("floor", "--feed", feed / "base", "--db", db).returncode == 0
    compared = run_script("compare", "--db", db, "--truth", feed / "truth_base.json")
    assert compared.returncode == 0, compared.stdout
    assert run_script("floor", "--append", "--feed", feed / "delta", "--db", db).returncode == 0
    compared = run_script("compare", "--db", db, "--truth", feed / "truth_after.json")
    assert compared.returncode == 0, compared.stdout


def test_numbers_of_samples_are_added_up_exactly_however_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    numbers = np.arange(24_330_782_110_000_000, 24_330_782_110_100_000)
    assert importlib.import_module("feed_truth").exact_sum(numbers) == sum(numbers.tolist())


def test_one_wrong_verdict_is_told(feed: Path, tmp_path: Path) -> None:
    db = tmp_path / "floor.duckdb"
    run_script("floor", "--feed", feed / "base", "--db", db)
    with duckdb.connect(str(db)) as con:
        con.execute(
            "UPDATE sample SET passed = NOT passed "
            "WHERE sample_no = (SELECT min(sample_no) FROM sample)"
        )
    compared = run_script("compare", "--db", db, "--truth", feed / "truth_base.json")
    assert compared.returncode == 1
    assert "sample passed: found" in compared.stdout


@pytest.fixture(scope="module")
def lake(feed: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    source = load_sources()[SOURCE]
    days = []
    for path in sorted((feed / "base").glob("*.csv")):
        day = date.fromisoformat(path.stem.rpartition("_")[2])
        receive(home, SOURCE, [path], day)
        days.append(day)
    days = sorted(set(days))
    register(home, {SOURCE: source}, days)
    read_raw(home, source, days)
    ingest(home, {SOURCE: source}, days, check=False)
    return home


def lake_table(home: Home, table: str) -> pl.DataFrame:
    files = home.partition_files(table, source_id=SOURCE)
    return pl.concat(pl.read_parquet(path, hive_partitioning=False) for path in files)


def test_samplehouse_rejects_the_rows_of_the_truth_for_their_rules(
    feed: Path, lake: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    rules: dict[str, tuple[str, ...]] = importlib.import_module("export").RULES
    name_of = {rule_id: name for name, rule_ids in rules.items() for rule_id in rule_ids}
    rejected = lake_table(lake, "core.rejected_record").with_columns(
        name=pl.col("rule_id").replace_strict(name_of)
    )
    by_row: dict[tuple[object, ...], set[str]] = {}
    for *row, name in rejected.select("delivery_id", "source_row", "name").rows():
        by_row.setdefault(tuple(row), set()).add(name)
    found = Counter(",".join(name for name in rules if name in names) for names in by_row.values())
    assert dict(found) == truth_of(feed)["rejected_by_rules"]


def test_samplehouse_counts_samples_versions_and_results_of_the_truth(
    feed: Path, lake: Home
) -> None:
    truth = truth_of(feed)
    samples, results = lake_table(lake, "core.sample"), lake_table(lake, "core.test_result")
    deliveries = lake_table(lake, "meta.delivery")
    of_samples = deliveries.filter(pl.col("file_name").str.starts_with("samples"))
    latest = samples.sort("version").unique("sample_no", keep="last")
    key = ["sample_no", "parameter_code", "seq"]
    assert latest.height == truth["rows"]["sample"]
    assert samples.height - latest.height == truth["dq"]["superseded_version"]
    assert of_samples["rows_duplicate"].sum() == truth["dq"]["duplicate_in_delivery"]
    assert results.unique(key).height == truth["rows"]["result"]
    assert results["seq"].unique().to_list() == [1]
    assert (latest["verdict"] == "pass").sum() == truth["sample"]["passed"]
    assert float(latest["lot_quantity"].sum()) == pytest.approx(truth["sample"]["lot_qty"])
    assert float(latest["unit_price"].sum()) == pytest.approx(truth["sample"]["unit_price"])


def test_stages_are_told_with_rows_and_kept_when_a_file_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="samplehouse.progress")
    progress.keep_stages_in(tmp_path / "stages.jsonl")
    try:
        with progress.stage("read", "feed") as work:
            work.rows = 12_345
    finally:
        progress.keep_stages_in(None)
    line = json.loads((tmp_path / "stages.jsonl").read_text("utf-8"))
    assert (line["stage"], line["what"], line["rows"]) == ("read", "feed", 12_345)
    assert "read feed: " in caplog.text
    assert "12,345 rows" in caplog.text


def test_a_long_stage_tells_how_far_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_TOLD_EVERY_SECONDS", 0.01)
    caplog.set_level("INFO", logger="samplehouse.progress")
    with progress.stage("read", "feed"):
        progress.took(20)
        progress.took(30)
        until = time.monotonic() + 10
        while "read feed: 0 s so far, 50 rows" not in caplog.text and time.monotonic() < until:
            time.sleep(0.01)
    told = len(caplog.records)
    time.sleep(0.05)
    assert "read feed: 0 s so far, 50 rows" in caplog.text
    assert len(caplog.records) == told  # and stops when the stage does


def test_rows_are_those_of_the_stage_at_work() -> None:
    progress.took(7)  # of no stage
    with progress.stage("release", "build") as outer:
        with progress.stage("read", "feed") as inner:
            progress.took(2)
        progress.took(5)
    assert (outer.rows, inner.rows) == (5, 2)


def test_a_stage_that_fails_is_not_told_as_done(tmp_path: Path) -> None:
    kept = tmp_path / "stages.jsonl"
    progress.keep_stages_in(kept)
    try:
        with pytest.raises(ValueError, match="broken"), progress.stage("write", "x"):
            raise ValueError("broken")
    finally:
        progress.keep_stages_in(None)
    assert not kept.exists()


def test_what_a_build_keeps_is_written_once_more_and_removed(
    feed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    writings = importlib.import_module("writings")
    home, out = Home(tmp_path / "home"), tmp_path / "out"
    frame = pl.DataFrame({"source_id": ["a", "b"]})
    for path in (home.lake / "core/sample/x.parquet", home.model_file("mart.pass_rate")):
        path.parent.mkdir(parents=True)
        frame.write_parquet(path)
    home.release_file.parent.mkdir(parents=True)
    with duckdb.connect(str(home.release_file)) as con:
        con.execute('CREATE SCHEMA mart; CREATE TABLE mart."pass_rate" AS SELECT 7 AS tested')
    out.mkdir()

    kinds = [kind for kind, _ in writings.timed(home, feed / "base", out)]

    assert kinds == ["raw grids", "versions of records", "results of models", "release"]
    assert pl.read_parquet(out / "core-sample.parquet").equals(frame)
    assert pl.read_parquet(out / "model-mart-pass_rate.parquet").equals(frame)
    assert pl.read_parquet(out / "raw-samples.parquet").height >= 3000
    with duckdb.connect(str(out / "release.duckdb"), read_only=True) as con:
        assert con.execute("FROM mart.pass_rate").fetchall() == [(7,)]

    done = run_script("writings", "--home", home.root, "--feed", feed / "base")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("all ")
    assert not list((home.root / "tmp").iterdir())
