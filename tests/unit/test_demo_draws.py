"""The demo's draws through the pipeline, against what their generator knows about them."""

import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.demo.draws import AUDITS, OBJECTS, RESULTS, DrawTruth, write_draws
from assets.draw.check import draw_check
from assets.draw.verify import verify
from assets.ingest.landing import deliveries
from pipelines.draw_publication import publication, write_publication
from warehouse.errors import SamplehouseError
from warehouse.home import Home
from warehouse.reference_lists import code_list

TABLES = ("fact.draw_check", "mart.draw_rate")
PUBLISHED = (
    *("latest.draw", "latest.draw_object", "latest.site_inspection", "latest.inspection_object"),
    *("fact.draw_check", "fact.draw_visit"),
)
SEED = 20240702


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, build: Callable[..., None]
) -> tuple[Home, DrawTruth]:
    """A home that has read the draws and made the tables that follow from them."""
    home = Home(tmp_path_factory.mktemp("draws"))
    truth = write_draws(home.landing, SEED)
    build(home, None, TABLES)
    return home, truth


def table(built: tuple[Home, DrawTruth], name: str) -> pl.DataFrame:
    return pl.read_parquet(built[0].model_file(name))


def test_every_file_is_read_whole(built: tuple[Home, DrawTruth]) -> None:
    found = deliveries(built[0])
    assert found["status"].unique().to_list() == ["loaded"]
    assert found.filter(pl.col("rows_rejected") > 0).rows() == []
    assert found["message"].drop_nulls().to_list() == []
    assert dict(found["source_id"].value_counts().rows()) == {AUDITS: 8, RESULTS: 8, OBJECTS: 2}


def test_the_counts_of_every_quarter_are_the_truth(built: tuple[Home, DrawTruth]) -> None:
    rates = table(built, "mart.draw_rate").filter(credit_class="ALL")
    counts = rates.filter(period_type="quarter")
    by_class = counts.filter(
        (pl.col("risk_class") != "ALL") | (pl.col("measure") == "draws_reproducible")
    ).select(built[1].counts.columns)
    assert by_class.sort(pl.all()).rows() == built[1].counts.sort(pl.all()).rows()
    # Every flaw that is measured is there, so that a measure of 100 % would not go unseen.
    sums = built[1].counts.group_by("measure").agg(pl.col("numerator", "denominator").sum())
    assert sums.filter(pl.col("numerator") >= pl.col("denominator")).rows() == []


def test_refusals_and_discoveries_by_the_credit_class_on_the_day_of_the_draw(
    built: tuple[Home, DrawTruth],
) -> None:
    rates = table(built, "mart.draw_rate").filter(pl.col("credit_class") != "ALL")
    quarters = rates.filter(period_type="quarter").select(built[1].credit.columns)
    truth = built[1].credit
    assert quarters.sort(pl.all()).rows() == truth.sort(pl.all()).rows()
    assert set(truth["credit_class"]) == {"A", "B", "C", "D", "UNRATED"}
    # An object that refused has no visit, and its class all the same.
    firms = table(built, "fact.draw_object_firm")
    assert set(firms["firm_known_by"]) == {"visit", "roster"}
    # Classes that changed in July are those of the day of each draw.
    classes = firms.group_by("unit_id").agg(pl.col("credit_class").n_unique())
    assert classes["credit_class"].max() == 2
    # What is found in often drawn risk classes weighs less, and refusals have an interval too.
    year = rates.filter(period="2024")
    assert set(year["estimated_by"]) == {"weighted"}
    assert year.filter(pl.col("low").is_null() | pl.col("covered_share").is_null()).is_empty()
    of_d = year.filter(measure="discovered", credit_class="D").row(0, named=True)
    assert of_d["rate"] < of_d["numerator"] / of_d["denominator"] / 2
    # Most of its objects are of low risk, in strata where no other of the class was visited.
    assert of_d["covered_share"] < 0.5


def test_all_risk_classes_add_up_to_the_year(built: tuple[Home, DrawTruth]) -> None:
    rates = table(built, "mart.draw_rate").filter(credit_class="ALL")
    year = rates.filter(period_type="year", risk_class="ALL")
    sums = built[1].counts.group_by("measure").agg(pl.col("numerator", "denominator").sum())
    expected = sums.sort("measure").rows()
    assert year.select("measure", "numerator", "denominator").sort("measure").rows() == expected


def test_the_draw_that_was_tampered_with_is_found_and_the_others_are_not(
    built: tuple[Home, DrawTruth],
) -> None:
    checks = table(built, "fact.draw_check").sort("draw_no")
    assert checks["is_reproducible"].to_list() == [True, True, True, False]
    assert "draw_rank does not follow" in checks["differs_in"][3]
    for path in sorted((built[0].landing / AUDITS).rglob("*.json")):
        assert bool(verify(path.read_text("utf-8"), path.name)) == ("-04" in path.name)


def test_a_draw_made_anew_under_its_number_is_found_although_it_verifies(
    built: tuple[Home, DrawTruth],
) -> None:
    names = ("draw_object", "draw_inspector", "draw_assignment")
    tables = {f"latest.{name}": table(built, f"latest.{name}") for name in ("draw", *names)}
    first = tables["latest.draw"].filter(draw_no="YW-2024-01")
    rows = {name: rows.filter(draw_no="YW-2024-01") for name, rows in tables.items()}
    before = first.with_columns(version=pl.lit(0, pl.Int64), public_number=pl.lit("9 9 9"))
    once = draw_check({**rows, "core.draw": first})
    twice = draw_check({**rows, "core.draw": pl.concat([before, first])})
    assert once["is_reproducible"].to_list() == [True]
    assert twice["is_reproducible"].to_list() == [False]
    assert "public_number: was 9 9 9 when first received" in twice["differs_in"][0]


def test_the_clock_of_publication_says_that_it_is_not_verified(
    built: tuple[Home, DrawTruth],
) -> None:
    rates = table(built, "mart.draw_rate")
    published = pl.col("measure") == "published_on_time"
    assert set(rates.filter(published)["clock_is_verified"]) == {False}
    assert set(rates.filter(~published)["clock_is_verified"]) == {None}


@pytest.mark.parametrize("quarter", [1, 3])  # strata by risk class; weights by risk class
def test_discoveries_of_all_classes_are_weighed_by_the_roster(
    built: tuple[Home, DrawTruth], quarter: int
) -> None:
    rates = table(built, "mart.draw_rate").filter(
        measure="discovered", risk_class="ALL", credit_class="ALL"
    )
    assert set(rates["period"]) == {"2024", *(f"2024Q{number}" for number in range(1, 5))}
    draw_no = f"YW-2024-{quarter:02d}"
    visits = table(built, "fact.draw_visit").filter(draw_no=draw_no)
    share = 1 / pl.col("inclusion_probability")
    of_stratum = (
        visits.filter(pl.col("finding").is_in(["none", "problem"]))
        .group_by("stratum", "stratum_size")
        .agg(rate=share.filter(pl.col("finding") == "problem").sum() / share.sum())
    )
    size = pl.col("stratum_size")
    weighed = of_stratum.select((size * pl.col("rate")).sum() / size.sum()).item()
    rate = rates.filter(period=f"2024Q{quarter}").row(0, named=True)
    assert rate["rate"] == pytest.approx(weighed)
    assert rate["estimated_by"] == "weighted"
    # Risky classes are drawn more often, so the plain share would be too high.
    assert rate["rate"] < rate["numerator"] / rate["denominator"]
    assert rate["low"] < rate["rate"] < rate["high"]


def test_replacements_came_with_the_second_delivery_and_nothing_else_changed(
    built: tuple[Home, DrawTruth],
) -> None:
    objects = table(built, "latest.draw_object").filter(draw_no="YW-2024-01")
    changed = objects.filter(pl.col("version") == 2)
    assert changed["received_on"].unique().to_list() == [dt.date(2024, 2, 5)]
    assert set(changed["status"]) == {"replaced", "replacement"}
    assert changed.height == 8


def test_the_same_seed_gives_the_same_bytes(built: tuple[Home, DrawTruth], tmp_path: Path) -> None:
    write_draws(tmp_path, SEED)
    assert hashes(tmp_path) == hashes(built[0].landing)


def test_the_publication_has_item_plan_task_and_results_and_no_personal_data(
    built: tuple[Home, DrawTruth], tmp_path: Path
) -> None:
    release = tmp_path / "release.duckdb"
    with duckdb.connect(str(release)) as con:
        for name in PUBLISHED:
            shown = name.replace("latest.", "core.")
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {shown.split('.')[0]}")
            con.execute(f"CREATE TABLE {shown} AS FROM '{built[0].model_file(name)}'")
        con.execute("CREATE SCHEMA ref")
        for name in ("draw_result", "draw_status", "draw_replacement_reason"):
            listed = code_list(name)  # read by the next line
            con.execute(f"CREATE TABLE ref.{name} AS FROM listed")
            assert listed.height
    sheets = publication(release, "YW-2024-01", dt.date(2024, 9, 1))
    assert sheets["抽查事项清单"].columns == (
        ["抽查事项名称", "依据", "主体", "对象", "比例", "次数", "方式", "内容及要求", "备注"]
    )
    assert sheets["抽查事项清单"]["比例"].to_list() == ["A 3%;B 6%;C 15%;D 40%"]
    plan, objects = sheets["抽查计划公告"], table(built, "latest.draw_object")
    drawn_from = objects.filter(draw_no="YW-2024-01").unique("stratum")
    for column, said in (("层内对象数", "stratum_size"), ("计划抽取数", "stratum_drawn")):
        assert plan[column].sum() == drawn_from[said].sum()
    assert plan["层"].to_list() == drawn_from["stratum"].sort().to_list()
    assert plan["分层变量"].unique().to_list() == ["风险等级;类别"]
    assert plan["名录哈希"].n_unique() == plan["比例"].n_unique() == 1
    assert plan.select((pl.col("名录冻结日期") < pl.col("随机数公布日期")).all()).item()
    assert sheets["抽查任务公告"]["可复现"].to_list() == ["是"]
    results = sheets["抽查结果公告"]
    visits = table(built, "fact.draw_visit").filter(draw_no="YW-2024-01")
    assert results.height == visits.height
    assert results["对象名称"].null_count() == 0  # replaced ones too, whom nobody visited
    of_persons = results.filter(pl.col("统一社会信用代码").str.starts_with("92"))
    assert of_persons.height > 0
    assert of_persons["统一社会信用代码"].str.ends_with("***").all()
    assert of_persons["对象名称"].str.contains("***", literal=True).all()
    path = tmp_path / "draw.xlsx"
    write_publication(sheets, path)
    pages = pl.read_excel(path, sheet_id=0, infer_schema_length=0)
    text = "".join(str(sheet.rows()) for sheet in pages.values())
    assert "责任人电话***" in text
    assert "13800000000" not in text
    assert "ZF0" not in text
    with pytest.raises(SamplehouseError, match="it has: YW-2024-01, YW-2024-02"):
        publication(release, "YW-1", dt.date(2024, 9, 1))


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.*"))
        if path.is_file()
    }
