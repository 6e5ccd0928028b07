import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import fastexcel
import polars as pl
import pytest

from assets.demo.city_year import generate
from assets.demo.files import Sheet, write_workbook
from assets.demo.food import ITEMS
from assets.demo.lists import divisions
from assets.demo.truth import DELIVERY_COUNTS, Truth
from warehouse.errors import ConfigurationError
from warehouse.source import SOURCES_DIR, load_source

SMALL = 0.04


@dataclass(frozen=True)
class City:
    landing: Path
    truth: Truth

    def files(self) -> dict[str, str]:
        """Path within landing → hash of the bytes."""
        return {
            str(path.relative_to(self.landing)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.landing.rglob("*"))
            if path.is_file()
        }

    def path(self, row: dict[str, object]) -> Path:
        return (
            self.landing / str(row["source_id"]) / str(row["received_on"]) / str(row["file_name"])
        )


def make(folder: Path, **arguments: float) -> City:
    landing = folder / "landing"
    seed, scale = int(arguments.get("seed", 7)), arguments.get("scale", SMALL)
    return City(landing, generate(landing, seed=seed, scale=scale))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    landing = tmp_path_factory.mktemp("city") / "landing"
    return City(landing, generate(landing))


@pytest.fixture(scope="module")
def hamlet(tmp_path_factory: pytest.TempPathFactory) -> City:
    return make(tmp_path_factory.mktemp("hamlet"))


def test_the_same_seed_gives_the_same_bytes_and_truth(hamlet: City, tmp_path: Path) -> None:
    again = make(tmp_path)
    assert again.files() == hamlet.files()
    assert again.truth.as_records() == hamlet.truth.as_records()


def test_another_process_with_other_threads_gives_the_same_bytes(
    hamlet: City, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from assets.demo.city_year import generate; "
        "generate(Path(sys.argv[1]), seed=7, scale=float(sys.argv[2]))"
    )
    root = Path(__file__).parents[2]
    subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code, str(tmp_path), str(SMALL)],
        check=True,
        cwd=root,
        env={**os.environ, "POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "12"},
    )
    assert City(tmp_path, hamlet.truth).files() == hamlet.files()


def test_another_seed_gives_other_files(hamlet: City, tmp_path: Path) -> None:
    other = make(tmp_path, seed=8).files()
    shared = [path for path in other if hamlet.files().get(path) == other[path]]
    assert shared == []


def test_scale_changes_the_number_of_units(hamlet: City, city: City) -> None:
    small, large = (sum(each.truth.sources["units"].to_list()) for each in (hamlet, city))
    assert small == pytest.approx(large * SMALL, rel=0.2)
    assert 9_000 < large < 11_000


def test_a_scale_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="above 0"):
        generate(tmp_path, scale=0)


def test_deliveries_are_the_files_in_landing(city: City) -> None:
    stated = {
        f"{row['source_id']}/{row['received_on']}/{row['file_name']}"
        for row in city.truth.deliveries.to_dicts()
    }
    assert stated == set(city.files())
    assert 60 <= len(stated) <= 130
    days = city.truth.deliveries["received_on"]
    assert str(days.min()) == "2024-01-08"
    assert str(days.max()) == "2025-01-20"


def test_every_file_is_read_with_its_source_and_has_the_stated_rows(city: City) -> None:
    for row in city.truth.deliveries.to_dicts():
        file_format = load_source(SOURCES_DIR / f"{row['source_id']}.yml").format
        if file_format.kind == "xlsx":
            rows = sum(sheet.height for _, sheet in sheets_of(city.path(row)))
        else:
            rows = len(rows_of(city.path(row), file_format.encodings))
        assert rows == row["rows_read"], row["file_name"]


def rows_of(path: Path, encodings: tuple[str, ...]) -> list[list[str]]:
    for encoding in encodings:
        try:
            text = path.read_bytes().decode(encoding)
        except UnicodeDecodeError:
            continue
        return list(csv.reader(text.splitlines()))
    raise AssertionError(path)


def sheets_of(path: Path) -> list[tuple[str, pl.DataFrame]]:
    book = fastexcel.read_excel(path)
    return [
        (name, book.load_sheet(name, header_row=None, dtypes="string").to_polars())
        for name in book.sheet_names
    ]


def test_every_row_ends_in_one_place(city: City, hamlet: City) -> None:
    for truth in (city.truth, hamlet.truth):
        parts = pl.sum_horizontal(DELIVERY_COUNTS[1:])
        assert truth.deliveries.filter(pl.col("rows_read") != parts).is_empty()
        assert truth.deliveries.select(pl.col(DELIVERY_COUNTS).min() >= 0).row(0) == (True,) * 6


def test_counts_add_up(city: City) -> None:
    counts, sources = city.truth.counts, city.truth.sources
    assert counts.filter(pl.col("passed") + pl.col("failed") != pl.col("tested")).is_empty()
    assert counts.filter(pl.col("tested") > pl.col("units")).is_empty()
    samples = sources.filter(pl.col("unit_kind") == "sample", source_id_is_no_recheck())
    counted = counts.filter(unit_kind="sample")["units"].sum()
    assert counted == samples["units"].sum()
    first = city.truth.attempts.filter(attempt=1)["units"].sum()
    assert counts.filter(unit_kind="acceptance")["units"].sum() == first
    acceptances = sources.filter(source_id="demo_acceptance")["units"].item()
    assert city.truth.attempts["units"].sum() == acceptances
    by_place = counts["division_code"].unique().to_list()
    assert set(by_place) == {*divisions().values(), "UNKNOWN"}


def source_id_is_no_recheck() -> pl.Expr:
    return pl.col("source_id") != "demo_recheck"


def test_used_rows_are_the_versions_where_one_row_is_one_record(city: City) -> None:
    used = city.truth.deliveries.group_by("source_id").agg(pl.col("rows_used").sum())
    both = city.truth.sources.join(used, on="source_id")
    one_row = both.filter(pl.col("source_id") != "demo_agri_monitoring")
    assert one_row.height == 5
    assert one_row["rows_used"].to_list() == one_row["versions"].to_list()
    assert (both["versions"] >= both["units"]).all()


def test_only_the_planned_delivery_is_held(city: City) -> None:
    data = pl.col("rows_read") - pl.col("rows_ignored")
    shares = city.truth.deliveries.filter(pl.col("status") != "duplicate").with_columns(
        share=pl.col("rows_rejected") / data
    )
    for row in shares.to_dicts():
        limit = load_source(SOURCES_DIR / f"{row['source_id']}.yml").hold_above
        assert (row["share"] > limit) == (row["status"] == "held"), row
    held = shares.filter(status="held")
    assert held.height == 1
    broken = city.truth.rejected.join(held, on=("source_id", "received_on", "file_name"))
    # Held for its own defects, well above the limit, not only by decree.
    own = broken.filter(pl.col("rule_id") != "delivery_held")
    assert own["rows"].sum() > 0.4 * held["rows_read"].item()
    assert broken["rows"].sum() == held["rows_rejected"].item()


def test_a_file_comes_twice_with_the_same_bytes(city: City) -> None:
    twice = [path for path, times in Counter(city.files().values()).items() if times > 1]
    assert len(twice) == 1
    row = city.truth.deliveries.filter(status="duplicate").row(0, named=True)
    assert row["rows_duplicate"] == row["rows_read"] > 0


def test_every_kind_of_defect_and_second_delivery_happens(city: City) -> None:
    rules = set(city.truth.rejected["rule_id"])
    assert {
        "missing_sample_no",
        "result_without_sample",
        "unparsed_sampled_on",
        "produced_after_sampled",
        "reported_before_sampled",
        "unknown_programme",
        "unknown_category",
        "unknown_verdict",
        "malformed_division_code",
        "missing_parameter",
        "missing_project_no",
        "impossible_attempt",
    } <= rules
    totals = city.truth.deliveries.select(pl.col(DELIVERY_COUNTS).sum()).row(0, named=True)
    assert min(totals.values()) > 0
    corrections = city.truth.deliveries.filter(kind="correction")
    assert (corrections["rows_used"] > 0).all()
    assert city.truth.sources.filter(pl.col("versions") > pl.col("units")).height >= 4


def test_the_food_programmes_straddle_the_target_for_any_seed(city: City, tmp_path: Path) -> None:
    for truth in (city.truth, make(tmp_path, seed=11, scale=0.5).truth):
        rates = pass_rates(truth)
        assert 0.965 < rates["food", "supervision"] < 0.978
        assert 0.985 < rates["food", "evaluative"] < 0.995
        assert 0.93 < rates["manufactured", "evaluative"] < 0.955
        assert rates["agri", "supervision"] < rates["agri", "routine_monitoring"]
    untested = city.truth.counts.filter(programme="risk_monitoring")
    assert untested["units"].sum() > 0
    assert untested["tested"].sum() == 0


def pass_rates(truth: Truth) -> dict[tuple[str, str], float]:
    summed = truth.counts.group_by("domain", "programme").agg(pl.col("passed", "tested").sum())
    return {(row[0], row[1]): row[2] / row[3] for row in summed.rows() if row[3]}


def test_rechecks_name_samples_and_some_overturn(city: City) -> None:
    rechecks = city.truth.rechecks
    assert rechecks["original_sample_no"].n_unique() == rechecks.height > 10
    assert rechecks.filter("overturns")["verdict"].unique().to_list() == ["pass"]
    assert 0 < rechecks["overturns"].sum() < rechecks.height


def test_acceptance_counts_match_a_recount_of_the_files(city: City) -> None:
    """The ledger read line by line, with its rules written out again in plain Python."""
    places, latest = divisions(), {}
    for path in sorted((city.landing / "demo_acceptance").rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                attempt = row["验收次数"].replace("预验收", "0")
                known = row["验收结论"] in ("通过", "不通过")
                numbered = row["工程编号"] not in ("", "/")
                if known and numbered and row["验收日期"] != "不详" and int(attempt) <= 20:
                    latest[row["工程编号"], int(attempt)] = row
    counted = Counter(
        (
            attempt,
            row["是否受监"] == "是",
            places[row["所在镇街"]],
            row["工程类别"],
            row["验收结论"],
        )
        for (_, attempt), row in latest.items()
    )
    told: Counter[tuple[int, bool, str, str, str]] = Counter()
    for row in city.truth.attempts.to_dicts():
        place = (row["attempt"], row["supervised"], row["division_code"], row["category"])
        told[(*place, "通过")] += row["passed"]
        told[(*place, "不通过")] += row["failed"]
    assert +told == counted


def test_nonconforming_items_match_a_recount_of_the_bulletins(city: City) -> None:
    """Items of each sample's latest bulletin row, read back from the workbooks."""
    latest: dict[str, tuple[str, str]] = {}
    for path in sorted((city.landing / "demo_food_bulletin").rglob("*.xlsx")):
        for name, sheet in sheets_of(path):
            labels = sheet.row(1)
            for cells in sheet.rows()[2:]:
                row = dict(zip(labels, (cell or "" for cell in cells), strict=True))
                if re.match(r"[A-Z]{3}\d{17}$", row["抽样编号"]) and not is_spoiled(row):
                    latest[row["抽样编号"]] = (name, row.get(ITEMS, ""))
    items = [cell for name, cell in latest.values() if name == "不合格"]
    source = city.truth.sources.filter(source_id="demo_food_bulletin").row(0, named=True)
    assert len(latest) == source["units"]
    assert sum(len(cell.split("\n")) for cell in items) == source["nonconforming_parameters"]
    assert all(part.count("║") == 2 for cell in items for part in cell.split("\n"))


def is_spoiled(row: dict[str, str]) -> bool:
    """Whether a bulletin row has one of the defects that the lists name."""
    texts = ("网红食品", "市局交办任务", "义东片区", "2024-02-30")
    produced, sampled = (day_in(row[label]) for label in ("生产日期/批号", "抽样日期"))
    later = produced is not None and sampled is not None and produced > sampled
    return later or any(text in row.values() for text in texts)


def day_in(text: str) -> tuple[int, ...] | None:
    found = re.match(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})", text)
    return tuple(map(int, found.groups())) if found else None


def test_truth_is_written_as_records(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "truth.json"
    truth = generate(tmp_path / "landing", seed=3, scale=SMALL, truth_file=path)
    told = json.loads(path.read_text("utf-8"))
    assert told == truth.as_records()
    assert re.fullmatch(r"202[45]-\d\d-\d\d", told["deliveries"][0]["received_on"])
    assert {"unit_kind", "month", "tested", "passed", "failed"} <= set(told["counts"][0])


def test_a_sheet_too_long_for_a_workbook_is_refused(tmp_path: Path) -> None:
    rows = pl.select(number=pl.int_range(1_048_570).cast(pl.String))
    with pytest.raises(ConfigurationError, match="use a smaller scale"):
        write_workbook(tmp_path / "long.xlsx", [Sheet("全部", "标题", rows)])
