"""The demo's construction through the pipeline, against what its generator knows about it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assets.demo.construction import SOURCES, ConstructionTruth, write_construction
from assets.ingest.landing import deliveries
from warehouse.home import Home

TABLES = (
    "fact.responsible_party",
    "mart.plant_colour",
    "mart.inspection_mode",
    "mart.project_quality",
)
PROJECTS = pl.DataFrame(
    {
        "project_no": [f"330782-2024-{number:06d}" for number in range(1, 25)],
        "name": [f"安置房{number}号" for number in range(1, 25)],
        "category": ["房屋建筑工程", "水利工程", "交通工程"] * 8,
        "firm": ["义乌市某建设集团有限公司"] * 24,
        "uscc": ["91330782MADABA98X1"] * 24,
    }
)
Built = tuple[Home, ConstructionTruth]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, build: Callable[..., None]) -> Built:
    """A home that has read the year of construction and made the tables that follow from it."""
    home = Home(tmp_path_factory.mktemp("construction"))
    truth = write_construction(home.landing, 2024, PROJECTS)
    build(home, None, TABLES)
    return home, truth


def table(built: Built, name: str) -> pl.DataFrame:
    return pl.read_parquet(built[0].model_file(name))


def same(found: pl.DataFrame, truth: pl.DataFrame) -> bool:
    """Whether both hold the same rows of the truth's columns."""
    rows = found.select(pl.col(name).cast(kind) for name, kind in truth.schema.items())
    return rows.sort(pl.all()).equals(truth.sort(pl.all()))


def test_every_file_is_read_whole(built: Built) -> None:
    found = deliveries(built[0])
    assert found.filter(pl.col("status") != "loaded").rows() == []
    assert found.filter(pl.col("rows_rejected") > 0).rows() == []
    assert found["message"].drop_nulls().to_list() == []
    assert set(found["source_id"]) == set(SOURCES)


def test_plants_have_the_scores_and_colours_of_the_truth(built: Built) -> None:
    ratings = table(built, "fact.plant_rating")
    assert same(ratings, built[1].plants.with_columns(pl.col("score").cast(pl.Int64)))
    assert set(ratings["colour"]) == {"green", "yellow", "red", None}
    assert ratings.filter(pl.col("vetoes") > 0)["colour"].to_list() == ["red"]
    assert ratings.filter(pl.col("colour").is_null()).height == 1


def test_the_history_of_colours_tells_who_was_downgraded(built: Built) -> None:
    history = table(built, "mart.plant_colour").sort("plant_no", "quarter")
    order = {"green": 0, "yellow": 1, "red": 2}
    truth = built[1].plants.filter(pl.col("colour").is_not_null()).sort("plant_no", "quarter")
    rank = pl.col("colour").replace_strict(order, return_dtype=pl.Int64)
    change = rank - rank.shift(1).over("plant_no")
    expected = truth.select(
        pl.when(change.is_null())
        .then(pl.lit("first"))
        .when(change > 0)
        .then(pl.lit("downgraded"))
        .when(change < 0)
        .then(pl.lit("upgraded"))
        .otherwise(pl.lit("same"))
    ).to_series()
    assert history["change"].to_list() == expected.to_list()
    assert {"downgraded", "upgraded", "same", "first"} == set(history["change"])


def test_a_corrected_score_is_a_version_and_the_first_one_stays(built: Built) -> None:
    files = built[0].partition_files("core.plant_assessment")
    versions = pl.read_parquet(files, hive_partitioning=False).filter(
        plant_no="SH03", quarter="2024Q3", item_code="mix"
    )
    points = versions.sort("version")["points"].to_list()
    assert points[0] != points[1] == Decimal(0)


def test_inspections_by_mode_and_how_their_defects_were_closed(built: Built) -> None:
    modes = table(built, "mart.inspection_mode").filter(
        project_category="ALL", period_type="quarter"
    )
    found = modes.select(
        "programme",
        "visits",
        "defects",
        "closed_on_time",
        "closed_late",
        quarter="period",
        unannounced="unannounced_visits",
        open=pl.col("open_overdue") + pl.col("open_in_time"),
    )
    assert same(found, built[1].modes)
    assert set(found["programme"]) == {"patrol", "spot_check", "audit", "unannounced"}
    flight = found.filter(programme="unannounced")
    assert flight["visits"].to_list() == flight["unannounced"].to_list()
    sums = built[1].modes.select(pl.col("closed_late", "open").sum())
    assert sums.select(pl.all_horizontal(pl.all() > 0)).item()


def test_no_appointment_is_overwritten(built: Built) -> None:
    history = table(built, "fact.responsible_party")
    versions = history.group_by("project_no", "party_role", "appointed_on").agg(versions=pl.len())
    texts = versions.with_columns(pl.col("appointed_on").dt.strftime("%Y-%m-%d"))
    assert same(texts, built[1].parties.versions)
    assert set(built[1].parties.versions["versions"]) == {1, 2}
    superseded = history.filter(~pl.col("is_latest"))
    assert superseded["known_until"].null_count() == 0
    followed = history.filter(pl.col("succeeded_on").is_not_null(), "is_latest")
    assert followed.height > 0
    assert followed["responsible_until"].null_count() == 0


def test_projects_have_parties_and_materials_of_the_truth(built: Built) -> None:
    projects = table(built, "mart.project_quality")
    assert same(projects, built[1].parties.projects)
    assert {4, 5} <= set(projects["parties_named"])
    materials = table(built, "mart.material_test").filter(quarter="ALL")
    assert same(materials, built[1].materials.counts)
    failures = built[1].materials.counts.group_by("project_no").agg(pl.col("failed").sum())
    found = projects.select("project_no", failed="material_failures")
    assert same(found, failures)
    assert failures.filter(pl.col("failed") > 0).height > 0


def test_the_same_seed_gives_the_same_bytes(built: Built, tmp_path: Path) -> None:
    write_construction(tmp_path, 2024, PROJECTS)
    for path in tmp_path.rglob("*.*"):
        if path.is_file():
            other = built[0].landing / path.relative_to(tmp_path)
            assert path.read_bytes() == other.read_bytes(), path.name
