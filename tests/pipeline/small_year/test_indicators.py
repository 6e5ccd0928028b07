"""Indicators from files to figures: the demo's truth, and a build that pools what must not be."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.build import build_tables
from assets.demo.truth import Truth
from assets.ingest.landing import receive
from pipelines.nightly import run_night
from pipelines.settings import Settings
from tests.nights import SmallYear, only_what_is_behind
from tests.results import rows_of_result
from warehouse import reference_tables
from warehouse.home import Home
from warehouse.indicator import Indicator, load_indicators
from warehouse.indicator_rows import indicator_rows
from warehouse.reference_tables import ReferenceTable, definition_tables
from warehouse.source import Source

VALUE = "mart.indicator_value"
# Fields whose units are samples, projects and topics, one each.
SAMPLED = pl.col("indicator_id").is_in(
    [
        "agri_product_pass_rate",
        "engineering_first_acceptance_rate",
        "food_pass_rate",
        "four_governance_quarterly_coverage",
        "manufacturing_pass_rate",
        "supervised_first_acceptance_rate",
    ]
)
COUNTED = ("mart.indicator_count", "mart.indicator_composition", "mart.indicator_exclusion")


@pytest.fixture(scope="module")
def city(small_year: SmallYear) -> tuple[Home, Truth]:
    return small_year.home, small_year.truth


def count(home: Home, as_of: dt.date | None = None) -> None:
    """Run the models up to the indicators, and the values."""
    with duckdb.connect() as con:
        build_tables(con, home, (*COUNTED, VALUE), as_of)


def values(home: Home) -> pl.DataFrame:
    return table(home, VALUE)


def table(home: Home, name: str) -> pl.DataFrame:
    return rows_of_result(home, name)


def of_programme(truth: Truth, domain: str, programme: str, basis: str) -> pl.DataFrame:
    return truth.counts.filter(
        domain=domain, programme=programme, sampling_basis=basis
    ).with_columns(period=pl.col("month").dt.strftime("%Y-%m"))


@pytest.mark.parametrize(
    ("indicator", "variant", "domain", "programme", "basis"),
    [
        ("food_pass_rate", "supervision", "food", "supervision", "targeted"),
        ("food_pass_rate", "evaluative", "food", "evaluative", "random"),
        (
            "agri_product_pass_rate",
            "routine_monitoring",
            "agri",
            "routine_monitoring",
            "random",
        ),
        ("agri_product_pass_rate", "supervision_checks", "agri", "supervision", "targeted"),
        ("manufacturing_pass_rate", "raw", "manufactured", "evaluative", "random"),
        (
            "engineering_first_acceptance_rate",
            "all_projects",
            "construction",
            "acceptance",
            "census",
        ),
    ],
)
def test_counts_are_those_of_the_truth_in_every_month_and_division(
    city: tuple[Home, Truth], indicator: str, variant: str, domain: str, programme: str, basis: str
) -> None:
    home, truth = city
    true = of_programme(truth, domain, programme, basis)
    counts = table(home, "mart.indicator_count").filter(
        pl.col("indicator_id") == indicator,
        pl.col("variant_id") == variant,
        pl.col("denominator") > 0,
    )
    for by, slice_type, period_type, name in (
        ("period", "all", "month", "period"),
        ("division_code", "division", "year", "slice"),
        ("category", "category", "year", "slice"),
    ):
        found = counts.filter(
            pl.col("slice_type") == slice_type, pl.col("period_type") == period_type
        )
        expected = (
            true.group_by(by).agg(pl.col("passed", "tested").sum()).filter(pl.col("tested") > 0)
        )
        assert sorted(expected.rows()) == sorted(
            found.group_by(name).agg(pl.col("numerator", "denominator").sum()).rows()
        ), by


def test_supervised_projects_are_those_of_the_truth(city: tuple[Home, Truth]) -> None:
    home, truth = city
    first = truth.attempts.filter(pl.col("attempt") == 1, pl.col("supervised"))
    counts = table(home, "mart.indicator_count").filter(
        pl.col("indicator_id") == "supervised_first_acceptance_rate",
        pl.col("slice_type") == "all",
        pl.col("period_type") == "year",
    )

    assert counts.select(pl.col("numerator", "denominator").sum()).row(0) == (
        first["passed"].sum(),
        first["tested"].sum(),
    )


def test_chains_and_classes_of_firms_are_those_of_the_truth(city: tuple[Home, Truth]) -> None:
    home, truth = city
    counts = table(home, "mart.indicator_count").filter(pl.col("period_type") == "year")
    for indicator, variant, domain, programme, slices in (
        ("manufacturing_pass_rate", "raw", "manufactured", "evaluative", ("chain", "firm_class")),
        ("food_pass_rate", "evaluative", "food", "evaluative", ("firm_class", "subject_type")),
        ("agri_product_pass_rate", "routine_monitoring", "agri", "routine_monitoring", ()),
    ):
        wanted = slices or ("subject_type",)
        cell = ("year", "slice_type", "slice", "passed", "tested")
        true = truth.firm_counts.filter(
            pl.col("domain") == domain,
            pl.col("programme") == programme,
            pl.col("sampling_basis") == "random",
            pl.col("slice_type").is_in(wanted),
            pl.col("tested") > 0,
        ).select(cell)
        found = counts.filter(
            pl.col("indicator_id") == indicator,
            pl.col("variant_id") == variant,
            pl.col("slice_type").is_in(wanted),
            pl.col("denominator") > 0,
        ).select("period", "slice_type", "slice", "numerator", "denominator")
        assert sorted(true.rows()) == sorted(found.rows())
        assert true["slice"].n_unique() >= 5


def test_the_stratified_food_rate_is_that_of_the_truth(city: tuple[Home, Truth]) -> None:
    home, truth = city
    true = truth.strata.filter(year="2024")
    stands_for = pl.col("tested") / pl.col("inclusion_probability")
    rate = true.filter(pl.col("tested") > 0).select(
        (stands_for * pl.col("passed") / pl.col("tested")).sum() / stands_for.sum()
    )
    row = values(home).filter(
        pl.col("variant_id") == "evaluative_stratified",
        pl.col("period") == "2024",
        pl.col("slice_type") == "all",
    )

    assert row["value"].item() == pytest.approx(100 * rate.item())
    assert row["denominator"].item() == true["tested"].sum()
    assert row["units_without_weight"].item() == 0
    assert row["lower"].item() < row["value"].item() < row["upper"].item()


def test_coverage_of_the_four_topics_is_that_of_the_truth(city: tuple[Home, Truth]) -> None:
    home, truth = city
    counts = table(home, "mart.indicator_count").filter(
        pl.col("indicator_id") == "four_governance_quarterly_coverage",
        pl.col("period_type") == "quarter",
    )
    for slice_type, by in (("division", "division_code"), ("category", "topic")):
        true = truth.coverage.group_by("quarter", by).agg(pl.col("covered", "due").sum())
        found = counts.filter(slice_type=slice_type).select(
            "period", "slice", "numerator", "denominator"
        )
        assert sorted(true.rows()) == sorted(found.rows())
    missed = truth.coverage.group_by("quarter").agg(pl.col("due", "covered").sum())
    assert missed.filter(pl.col("covered") < pl.col("due"))["quarter"].sort().to_list() == [
        "2024Q2",
        "2024Q4",
    ]


def test_year_to_date_ends_at_the_year_and_never_falls(city: tuple[Home, Truth]) -> None:
    home, _ = city
    counts = (
        table(home, "mart.indicator_count")
        .filter(SAMPLED)
        .with_columns(year=pl.col("period").str.slice(0, 4))
    )
    key = ["indicator_id", "variant_id", "year", "slice_type", "slice"]
    to_date = counts.filter(pl.col("period_type") == "year_to_date").sort("period")
    last = to_date.group_by(key).agg(pl.col("numerator", "denominator", "excluded").last())
    years = counts.filter(
        pl.col("period_type") == "year", pl.col("slice_type") != "firm", pl.col("denominator") > 0
    )
    both = years.join(last, on=key, how="left", suffix="_to_date")

    assert not years.is_empty()
    assert both.filter(
        pl.col("numerator").ne_missing(pl.col("numerator_to_date"))
        | pl.col("denominator").ne_missing(pl.col("denominator_to_date"))
    ).is_empty()
    steps = to_date.select(pl.col("denominator").diff().over(key).min())
    assert steps.item() >= 0


def test_every_unit_of_a_field_is_counted_or_excluded_with_a_reason(
    city: tuple[Home, Truth],
) -> None:
    home, _ = city
    units = table(home, "fact.indicator_unit").filter(SAMPLED)
    verdicts = table(home, "fact.verdict")
    food = verdicts.filter(pl.col("domain") == "food").height

    for _, part in units.filter(pl.col("indicator_id") == "food_pass_rate").group_by("variant_id"):
        assert part.height == food
    counts = table(home, "mart.indicator_count").filter(
        SAMPLED, pl.col("slice_type") == "all", pl.col("period_type") == "year"
    )
    reasons = table(home, "mart.indicator_exclusion").filter(
        SAMPLED, pl.col("period_type") == "year"
    )
    assert counts["excluded"].sum() == reasons["units"].sum() > 0
    assert counts["denominator"].sum() == units["denominator"].sum()


def test_the_two_food_variants_lie_on_both_sides_of_the_target(city: tuple[Home, Truth]) -> None:
    rows = values(city[0]).filter(
        pl.col("indicator_id") == "food_pass_rate",
        pl.col("period") == "2024",
        pl.col("slice_type") == "all",
    )
    status = dict(rows.select("variant_id", "official_status").rows())

    assert status.pop("evaluative_stratified") in ("met", "not_met")
    assert status == {"supervision": "not_met", "evaluative": "met"}
    assert rows.filter("is_official")["variant_id"].to_list() == ["supervision"]


def test_nothing_that_may_not_be_pooled_is_counted(city: tuple[Home, Truth]) -> None:
    parts = table(city[0], "mart.indicator_composition")

    assert parts.filter(pl.col("denominator") > 0, ~pl.col("may_be_pooled")).is_empty()
    assert parts.filter(~pl.col("may_be_pooled"))["excluded"].sum() > 0


# -- a definition that pools, as no YAML could hold it


def pooled_definitions() -> Mapping[str, ReferenceTable]:
    food = load_indicators()["food_pass_rate"]
    evaluative = food.variants[1].model_copy(
        update={
            "programmes": ("evaluative", "supervision"),
            "sampling_bases": ("random", "targeted"),
        }
    )
    indicator: Indicator = food.model_copy(update={"variants": (evaluative,)})
    rows = indicator_rows({indicator.id: indicator})
    return {
        name: ReferenceTable(found.contract, _typed(found, rows.get(name)))
        for name, found in definition_tables().items()
    }


def _typed(found: ReferenceTable, rows: pl.DataFrame | None) -> pl.DataFrame:
    if rows is None:
        return found.rows
    if rows.width == 0:
        return found.rows.clear()
    return rows.select(pl.col(n).cast(k) for n, k in found.contract.polars_schema().items())


@pytest.fixture
def two_programmes(market: Source) -> Source:
    """The market's source with programme and sampling basis as the file states them."""
    data: dict[str, Any] = market.model_dump(by_alias=True, exclude_unset=True)
    columns = data["tables"]["samples"]["records"]["sample"]["columns"]
    columns["programme"] = {"from": ("programme",)}
    columns["sampling_basis"] = {"from": ("basis",)}
    return Source.model_validate(data)


def test_a_build_with_a_pooled_rate_stops_and_names_the_programme(
    home: Home, two_programmes: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "sources", lambda _self: ({"market": two_programmes}, {}))
    monkeypatch.setattr(reference_tables, "definition_tables", pooled_definitions)
    lines = ["no,product,link,sampled,verdict,programme,basis"]
    lines += [f"E-{n},tea,流通,2024-04-0{n},合格,evaluative,random" for n in range(1, 10)]
    lines += ["S-1,tea,流通,2024-04-01,不合格,supervision,targeted"]
    file = tmp_path / "april.csv"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    receive(home, "market", [file], dt.date(2024, 5, 2))

    with only_what_is_behind("mart.indicator_composition"):
        outcome = run_night(Settings(home.root, (), 1, 1, home.root / "tmp"))

    assert outcome.exit_code == 3
    assert not home.release_file.exists()
    (stopped,) = [check for check in outcome.failed_checks if check.blocking]
    assert stopped.table == "mart.indicator_composition"
    assert stopped.rule == "rate_pools_random_and_targeted_samples"
    assert "indicator_id food_pass_rate" in stopped.description
    assert "programme supervision" in stopped.description
    assert "programme evaluative" not in stopped.description
