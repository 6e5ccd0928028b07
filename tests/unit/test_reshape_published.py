"""Published files through reader and reshaping, against figures counted independently."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from assets.ingest.readers import read_to_parquet
from assets.ingest.reshape import Reshaped, reshape_delivery
from warehouse.source import SOURCES_DIR, load_source

pytestmark = pytest.mark.real_data


def reshaped(
    folder: Path, source_id: str, path: Path, lookups: Mapping[str, pl.LazyFrame] | None = None
) -> Reshaped:
    """Read and reshape one file; every row ends somewhere and every column is spoken of."""
    source = load_source(SOURCES_DIR / f"{source_id}.yml")
    raw = folder / "raw.parquet"
    read = read_to_parquet(path, source.format, raw)
    result = reshape_delivery(raw, source=source, file_name=path.name, lookups=lookups or {})
    ends = [*(t.rows for t in result.tables.values()), result.ignored, result.rejected]
    places = pl.concat(f.select("source_sheet", "source_row").unique() for f in ends).collect()
    assert places.height == places.unique().height == read.rows
    assert result.rejected.collect().is_empty()
    assert not result.unmapped
    return result


@pytest.mark.parametrize(
    ("name", "samples", "stated", "differing"),
    [
        ("2016_annual_data.ods", 3449, 3375, {"Milk_BNA", "Gluten-free_food_BNA"}),
        ("2017_annual_data.ods", 3357, 3352, {"Cauliflower_BNA"}),
        ("2018_annual_data_v2.ods", 3379, 2945, {"Milk_BNA", "Bread_BNA", "Berries_BNA"}),
        ("2019_annual_data.ods", 3302, 3298, {"Spinach_BNA"}),
        ("2020_prif_Annual.ods", 2460, 2460, set()),
    ],
)
def test_uk_prif(
    tmp_path: Path,
    published_files: Path,
    name: str,
    samples: int,
    stated: int,
    differing: set[str],
) -> None:
    result = reshaped(tmp_path, "uk_prif", published_files / "uk-prif-2016-20" / name)
    rows = result.tables["samples"].rows.collect()
    assert rows["sample"].n_unique() == samples
    assert rows["sample"].null_count() == 0
    residue_text = pl.col("Pesticide residues found in mg/kg (MRL)")
    without = rows.filter(pl.col("residue").is_null())
    assert without.select(residue_text.unique()).to_series().to_list() == [
        "None were detected above the set RL"
    ]
    assert result.control_totals["stated"].sum() == stated
    assert result.control_totals["detail_sheet"].null_count() == 0
    counted = rows.group_by("source_sheet").agg(pl.col("sample").n_unique())
    totals = result.control_totals.group_by("detail_sheet").agg(pl.col("stated").sum())
    both = counted.join(totals, left_on="source_sheet", right_on="detail_sheet", how="full")
    assert set(both.filter(pl.col("sample").ne_missing(pl.col("stated")))["source_sheet"]) == (
        differing
    )


@pytest.mark.parametrize(("months", "records", "failing"), [("1-6", 597, 41), ("6-12", 1173, 23)])
def test_foodmate(
    tmp_path: Path, published_files: Path, months: str, records: int, failing: int
) -> None:
    (path,) = (published_files / "cn-foodmate-2021").glob(f"国内21年{months}月*.csv")
    rows = reshaped(tmp_path, "foodmate", path).tables["year_2021"].rows
    sample = ["物料名称", "生产商", "供应商", "批号", "发布日期"]
    distinct = rows.select(*sample, "判定").unique().collect()
    assert distinct.select(sample).n_unique() == records
    assert distinct.filter(判定="不合格").height == failing


def test_foodmate_history_in_another_encoding(tmp_path: Path, published_files: Path) -> None:
    (path,) = (
        path
        for path in (published_files / "cn-foodmate-2021" / "history").iterdir()
        if "RASFF标题" in path.name
    )
    rows = reshaped(tmp_path, "foodmate", path).tables["alerts"].rows.collect()
    assert rows.height == 688
    assert sorted(rows["判定"].unique()) == ["严肃的", "未定"]
    assert rows["信息来源"].null_count() == rows.height


def test_foodmate_history_fits_its_source(tmp_path: Path, published_files: Path) -> None:
    paths = sorted((published_files / "cn-foodmate-2021" / "history").glob("*.csv"))
    assert len(paths) == 18
    for path in paths:
        reshaped(tmp_path, "foodmate", path)


def test_uci_concrete(tmp_path: Path, published_files: Path) -> None:
    path = published_files / "uci-concrete" / "Concrete_Data.xls"
    rows = reshaped(tmp_path, "uci_concrete", path).tables["specimens"].rows.collect()
    assert rows.height == 1030
    assert rows.drop("source_row").n_unique() == 1030 - 25
    assert round((rows["strength"].cast(pl.Float64) >= 30).mean(), 3) == 0.614  # type: ignore[arg-type]  # polars says it may be a date


def test_uci_steel(tmp_path: Path, published_files: Path) -> None:
    path = published_files / "uci-steel-plates" / "Faults.NNA"
    rows = reshaped(tmp_path, "uci_steel", path).tables["plates"].rows.collect()
    assert rows["source_row"].n_unique() == 1941
    faults = rows.filter(present="1")
    assert faults["source_row"].n_unique() == faults.height == 1941
    assert faults.filter(fault="other_faults").height == 673


def test_chicago_food(tmp_path: Path, published_files: Path) -> None:
    path = published_files / "us-chicago-food" / "Food_Inspections_2020.csv"
    rows = reshaped(tmp_path, "chicago_food", path).tables["inspections"].rows.collect()
    visits = rows.unique("Inspection ID")
    assert visits.height == 561
    results = dict(visits.group_by("Results").len().rows())
    assert (results["Pass"], results["Pass w/ Conditions"], results["Fail"]) == (237, 69, 32)
    assert rows.filter(pl.col("Violations").is_not_null())["violation_code"].null_count() == 0


def test_sf_food(tmp_path: Path, published_files: Path) -> None:
    folder = published_files / "us-sf-restaurants"
    businesses = reshaped(tmp_path, "sf_food", folder / "sf_businesses.csv").tables["businesses"]
    firms = businesses.rows.collect()
    assert firms.height == 6399
    assert firms.filter(pl.col("name").str.contains("\ufffd")).is_empty()
    lookups = {"businesses": firms.lazy()}
    visits = reshaped(tmp_path, "sf_food", folder / "sf_inspections.csv", lookups)
    rows = visits.tables["inspections"].rows.collect()
    assert rows.height == 14_233
    assert rows["name"].null_count() == 0
    findings = reshaped(tmp_path, "sf_food", folder / "sf_violations.csv").tables["violations"]
    found = findings.rows.collect()
    assert found.height == 39_006
    assert found["finding"].null_count() == 0
    assert found["finding"].str.contains("date violation corrected").sum() == 0
