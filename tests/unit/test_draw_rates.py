"""Rates of random draws: refusals and discoveries weighed by the probability of being drawn."""

import datetime as dt
from typing import Any

import polars as pl
import pytest
import svy

from assets.draw.rates import RATE, draw_rate
from warehouse.engine.model import contract_of, load_models

DRAWN_ON = {"D1": dt.date(2024, 2, 1), "D2": dt.date(2024, 5, 1)}


def roster(draw_no: str, stratum: str, classes: dict[str, int]) -> list[dict[str, Any]]:
    """Objects of one stratum, so many of each credit class; numbers run within a class."""
    return [
        {
            "source_id": "a",
            "draw_no": draw_no,
            "unit_id": f"{stratum}-{credit_class}{number}",
            "stratum": stratum,
            "risk_class": stratum,
            "credit_class": credit_class,
        }
        for credit_class, size in classes.items()
        for number in range(size)
    ]


def rates(objects: list[dict[str, Any]], visited: dict[tuple[str, str], str]) -> pl.DataFrame:
    """``mart.draw_rate`` of objects visited; every one of a stratum had the same probability."""
    listed = pl.DataFrame(objects)
    results = pl.DataFrame(
        [(*which, finding) for which, finding in visited.items()],
        schema=["draw_no", "unit_id", "finding"],
        orient="row",
    )
    stratum = ("draw_no", "stratum")
    drawn = listed.join(results, on=("draw_no", "unit_id"), how="left").with_columns(
        inclusion_probability=pl.col("finding").count().over(stratum) / pl.len().over(stratum),
        is_random=pl.lit(value=True),
        drawn_on=pl.col("draw_no").replace_strict(DRAWN_ON),
        inspected_on=pl.date(2024, 6, 1),
    )
    models = load_models()
    empty = {
        name: pl.DataFrame(schema=contract_of(name, models).polars_schema())
        for name in ("mart.draw_count", "fact.draw_check", "fact.draw_visit")
    }
    visits = drawn.filter(pl.col("finding").is_not_null())
    return draw_rate(
        {
            **empty,
            "fact.draw_visit": pl.concat(
                [empty["fact.draw_visit"], visits], how="diagonal_relaxed"
            ),
            "fact.draw_object_firm": listed.select(
                "source_id", "draw_no", "unit_id", "credit_class"
            ),
            "latest.draw_object": listed.drop("credit_class"),
            "meta.build": pl.DataFrame({"as_of": [dt.date(2024, 12, 31)]}),
        }
    )


def of(made: pl.DataFrame, measure: str, **which: str) -> dict[str, Any]:
    wanted = {"risk_class": "ALL", "credit_class": "ALL", "period": "2024"} | which
    return made.filter(measure=measure, **wanted).row(0, named=True)


# Of 100 objects without much risk 5 are drawn, of 12 risky ones 6.
OBJECTS = roster("D1", "low", {"C": 90, "D": 10}) + roster("D1", "high", {"C": 6, "D": 6})
VISITED = {
    **{("D1", f"low-C{number}"): "none" for number in range(4)},
    ("D1", "low-D0"): "none",
    **{("D1", f"high-C{number}"): "problem" for number in range(2)},
    ("D1", "high-C2"): "none",
    ("D1", "high-C3"): "none",
    ("D1", "high-D0"): "problem",
    ("D1", "high-D1"): "none",
}


def test_a_credit_class_is_weighed_by_the_probability_of_being_drawn() -> None:
    """One of low risk stands for 20, two of high risk for 2 each: 2 of 24 have a problem."""
    found = of(rates(OBJECTS, VISITED), "discovered", credit_class="D")

    assert found["rate"] == pytest.approx(2 / 24)
    assert (found["numerator"], found["denominator"]) == (1, 3)
    assert found["low"] < found["rate"] < found["high"]
    assert (found["estimated_by"], found["covered_share"]) == ("weighted", 1)


def test_what_a_class_has_in_strata_where_none_of_it_was_visited_is_told() -> None:
    unseen = {which: finding for which, finding in VISITED.items() if which[1] != "low-D0"}

    found = of(rates(OBJECTS, unseen), "discovered", credit_class="D")

    assert found["covered_share"] == pytest.approx(6 / 16)
    assert of(rates(OBJECTS, unseen), "discovered")["covered_share"] == 1


def test_all_objects_are_the_sum_of_their_strata() -> None:
    found = of(rates(OBJECTS, VISITED), "discovered")

    assert found["rate"] == pytest.approx((100 * 0 + 12 * 3 / 6) / 112)


def test_one_risk_class_is_weighed_too_as_its_probability_changes_from_draw_to_draw() -> None:
    """In the first draw one object stands for 20, in the second for 2, with 1 of 2 in each."""
    objects = roster("D1", "B", {"C": 40}) + roster("D2", "B", {"C": 8})
    visited = {("D1", "B-C0"): "none", ("D1", "B-C1"): "problem"} | {
        ("D2", f"B-C{number}"): "none" for number in range(4)
    }

    made = rates(objects, visited)

    found = of(made, "discovered", risk_class="B")
    assert found["rate"] == pytest.approx(20 / 48)
    assert found["numerator"] / found["denominator"] == pytest.approx(1 / 6)
    # Within the draw, all had the same probability.
    assert of(made, "discovered", risk_class="B", period="2024Q1")["rate"] == pytest.approx(1 / 2)


def test_refusals_have_an_interval_by_every_class() -> None:
    refused = VISITED | {("D1", "low-D0"): "refused"}

    made = rates(OBJECTS, refused).filter(measure="refused", period="2024")

    by_class = {row["credit_class"]: row for row in made.filter(risk_class="ALL").to_dicts()}
    assert by_class["D"]["rate"] == pytest.approx(20 / 24)
    assert by_class["C"]["rate"] == 0
    assert by_class["ALL"]["rate"] == pytest.approx(20 / 112)
    assert made.filter(pl.col("low").is_null() | pl.col("covered_share").is_null()).is_empty()
    # Nobody who was asked in a class refused: that is no proof that nobody would.
    assert by_class["C"]["low"] == 0 < by_class["C"]["high"]
    # Who refused was not checked; the others of the stratum stand for all of it.
    assert of(rates(OBJECTS, refused), "discovered")["rate"] == pytest.approx(6 / 112)


@pytest.mark.parametrize("credit_class", ["C", "D"])
def test_the_interval_is_that_of_a_library_for_surveys(credit_class: str) -> None:
    findings = [(unit, float(finding == "problem")) for (_, unit), finding in VISITED.items()]
    is_low = pl.col("stratum") == "low"
    asked = (
        pl.DataFrame(OBJECTS)
        .join(pl.DataFrame(findings, schema=["unit_id", "met"], orient="row"), on="unit_id")
        .with_columns(
            size=pl.when(is_low).then(100).otherwise(12),
            weight=pl.when(is_low).then(20.0).otherwise(2.0),
        )
    )
    design = svy.Design(stratum="stratum", wgt="weight", psu="unit_id", pop_size="size")
    estimate = svy.Sample(data=asked, design=design).estimation.prop(
        "met", by="credit_class", ci_method="korn-graubard"
    )
    assert isinstance(estimate, svy.Estimate)
    other = estimate.to_polars().filter(
        pl.col("credit_class") == credit_class, pl.col("met").cast(pl.Float64) == 1
    )

    found = of(rates(OBJECTS, VISITED), "discovered", credit_class=credit_class)

    expected = other.select("est", "lci", "uci").row(0)
    assert (found["rate"], found["low"], found["high"]) == pytest.approx(expected, rel=1e-6)


def test_without_draws_there_are_no_rates() -> None:
    assert rates(OBJECTS, {("D1", "low-C0"): "not_checked"}).filter(measure="discovered").is_empty()
    assert list(RATE) == rates(OBJECTS, VISITED).columns
