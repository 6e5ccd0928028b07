"""Counts and scores in ``mart.indicator_value``: zero that is proven, scores with an interval."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from assets.computed import in_contract
from assets.evidence import indicator_value
from assets.survey import survey_score
from warehouse.engine.model import contract_of, load_computed, load_models
from warehouse.reference_tables import definition_tables

VALUE = load_computed()["mart.indicator_value"].contract
SCORE = load_computed()["mart.survey_score"].contract
COUNTS = contract_of("mart.indicator_count", load_models()).polars_schema()
YEAR: dict[str, Any] = {
    "period_type": "year",
    "period": "2024",
    "slice_type": "all",
    "slice": "all",
    "excluded": 0,
    "as_of": dt.date(2025, 1, 31),
    "estimates": "census",
}
INCIDENTS = {
    "indicator_id": "major_quality_incident_count",
    "variant_id": "direct_responsibility",
}
SATISFACTION = {
    "indicator_id": "service_quality_satisfaction",
    "variant_id": "domain_weighted",
    "estimates": "population",
}


UNIT: dict[str, Any] = {
    "indicator_id": "major_quality_incident_count",
    "division_code": "330782105",
    "valid_from": dt.date(2024, 1, 1),
    "valid_to": None,
    "source": "test",
    "verified": False,
}


def value(
    row: dict[str, Any],
    scores: pl.DataFrame | None = None,
    units: tuple[dict[str, Any], ...] = ({},),
) -> dict[str, Any]:
    """The row of ``mart.indicator_value`` for one row of counts, returns owed by `units`."""
    definitions = {name: table.rows for name, table in definition_tables().items()}
    schema = definitions["ref.return_unit"].schema
    definitions["ref.return_unit"] = pl.DataFrame([{**UNIT, **unit} for unit in units], schema)
    counts = pl.DataFrame([{**YEAR, **row}], schema=COUNTS)
    empty = pl.DataFrame(schema=SCORE.polars_schema())
    made = {
        "mart.indicator_count": counts,
        "mart.survey_score": empty if scores is None else scores,
    }
    return in_contract(indicator_value({**definitions, **made}), VALUE).row(0, named=True)


def incidents(found: int, reported: int, **changes: Any) -> dict[str, Any]:
    return value({**INCIDENTS, "numerator": found, "denominator": found + reported, **changes})


def test_zero_with_a_return_for_every_month_is_met() -> None:
    row = incidents(0, 12)

    assert (row["value"], row["official_status"], row["evidence"]) == (0, "met", "census")
    assert (row["unit"], row["target"], row["interval_method"]) == ("incident", 0, "none")


def test_zero_without_a_return_for_every_month_is_no_figure() -> None:
    row = incidents(0, 11)

    assert (row["value"], row["official_status"], row["evidence"]) == (None, "no_data", "no_data")


def test_zero_needs_the_returns_of_every_unit_in_its_own_months() -> None:
    second = {"division_code": "330782106", "valid_from": dt.date(2024, 3, 15)}  # from April
    third = {"division_code": "330782001", "valid_to": dt.date(2024, 3, 1)}
    row = {**INCIDENTS, "numerator": 0}

    for units, owed in ((({}, second), 12 + 9), (({}, second, third), 12 + 9 + 2), ((third,), 2)):
        assert value({**row, "denominator": owed}, units=units)["value"] == 0
        assert value({**row, "denominator": owed - 1}, units=units)["value"] is None
    assert value({**row, "denominator": 12}, units=())["value"] is None  # nobody owes one


def test_an_incident_is_a_figure_whatever_is_not_reported() -> None:
    row = incidents(2, 3)

    assert (row["value"], row["official_status"]) == (2, "not_met")


@pytest.mark.parametrize(
    ("as_of", "reported", "known"),
    [
        (dt.date(2024, 3, 30), 2, True),  # January and February are over
        (dt.date(2024, 3, 31), 2, False),  # and March, with its last day
        (dt.date(2024, 3, 31), 3, True),
        (dt.date(2024, 1, 30), 0, False),  # no month is over, so nothing is known
    ],
)
def test_months_that_are_over_must_be_reported(as_of: dt.date, reported: int, known: bool) -> None:  # noqa: FBT001 - a parameter of the test
    row = incidents(0, reported, as_of=as_of)

    assert (row["value"] == 0) is known


@pytest.mark.parametrize(
    ("period_type", "period", "needed"),
    [("month", "2024-05", 1), ("quarter", "2024Q2", 3), ("year_to_date", "2024-05", 5)],
)
def test_shorter_periods_need_their_own_months(period_type: str, period: str, needed: int) -> None:
    own = {"period_type": period_type, "period": period}

    assert incidents(0, needed, **own)["value"] == 0
    assert incidents(0, needed - 1, **own)["value"] is None


# -- scores


def answers(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of ``fact.survey_domain``; by default 2 answers of a respondent in one domain."""
    default: dict[str, Any] = {
        "source_id": "a",
        "instrument_id": "service_satisfaction_1",
        "wave": "2024",
        "survey_domain": "education",
        "answered_on": dt.date(2024, 5, 20),
        "stratum": "ALL",
        "scale_lowest": 1,
        "scale_highest": 5,
        "answered": 2,
        "answer_sum": 8,
    }
    schema = contract_of("fact.survey_domain", load_models()).polars_schema()
    return pl.DataFrame([{**default, **row} for row in rows], schema=schema)


def scores(rows: pl.DataFrame, earlier: tuple[str, ...] = ()) -> pl.DataFrame:
    """``mart.survey_score`` of answers, all respondents counted but those of earlier waves."""
    is_earlier = pl.col("wave").is_in(earlier)
    units = rows.unique(("source_id", "instrument_id", "wave", "response_no")).select(
        "source_id",
        indicator_id=pl.lit("service_quality_satisfaction"),
        variant_id=pl.lit("domain_weighted"),
        unit_kind=pl.lit("survey_response"),
        unit_no=pl.concat_str("instrument_id", "wave", "response_no", separator="/"),
        is_counted=~is_earlier,
        is_random=pl.lit(value=True),
        exclusion_reason=pl.when(is_earlier).then(pl.lit("earlier_wave")),
    )
    made = survey_score(
        {
            "fact.survey_domain": rows,
            "fact.indicator_unit": units,
            "ref.survey_question": definition_tables()["ref.survey_question"].rows,
            "meta.build": pl.DataFrame({"as_of": [dt.date(2025, 1, 31)]}),
        }
    )
    return in_contract(made, SCORE)


def test_answers_are_mapped_to_0_to_100() -> None:
    """(x - 1) / (5 - 1) x 100: answers 1, 3, 5 are 0, 50, 100."""
    found = scores(
        answers(
            *(
                {"response_no": f"R{x}", "answered": 1, "answer_sum": x, "survey_domain": "tourism"}
                for x in (1, 3, 5)
            )
        )
    ).filter(survey_domain="tourism")

    assert found["value"].to_list() == [50]
    assert found["respondents"].to_list() == [3]


def test_domains_are_weighted_as_the_questionnaire_says() -> None:
    """Education weighs 15, tourism 10; who answers one of them counts in that one."""
    found = scores(
        answers(
            {"response_no": "R1", "answer_sum": 10},
            {"response_no": "R1", "answer_sum": 2, "survey_domain": "tourism"},
            {"response_no": "R2", "answer_sum": 6},
        )
    )
    by_domain = dict(found.select("survey_domain", "exact").iter_rows())

    assert Fraction(by_domain["education"]) == 75
    assert Fraction(by_domain["tourism"]) == 0
    assert Fraction(by_domain["all"]) == Fraction(75 * 15, 25)


def test_design_weights_count() -> None:
    found = scores(
        answers(
            {"response_no": "R1", "answer_sum": 10, "design_weight": Decimal(30)},
            {"response_no": "R2", "answer_sum": 2, "design_weight": Decimal("10.5")},
        )
    ).filter(survey_domain="all")

    assert Fraction(found["exact"][0]) == Fraction(3000 * 2, 81)


def test_where_all_communities_are_drawn_who_was_asked_there_still_is_a_sample() -> None:
    """Two communities of two, two people of ten asked in each; then everybody asked."""
    people = [
        {"response_no": f"R{number}", "answer_sum": answer, "cluster_no": f"C{number % 2}"}
        for number, answer in enumerate((10, 8, 6, 8))
    ]
    asked = answers(*({**one, "stratum_population": 2, "cluster_population": 10} for one in people))
    everybody = asked.with_columns(cluster_population=pl.lit(2, pl.Int64))
    one_by_one = everybody.with_columns(
        cluster_no=pl.lit(None, pl.String), stratum_population=pl.lit(4, pl.Int64)
    )

    errors = [
        scores(rows).filter(survey_domain="all")["standard_error"][0]
        for rows in (asked, everybody, one_by_one)
    ]

    # Cochran (1977), 5.3: W²(1 - g) s²/m of each; scores are 100 and 50 in one, 75 in the other.
    assert errors == [pytest.approx((0.5**2 * 0.8 * 1250 / 2) ** 0.5), 0, 0]


def test_waves_and_versions_of_the_questionnaire_stay_apart() -> None:
    found = scores(
        answers(
            {"response_no": "R1", "wave": "2024H1", "answer_sum": 2},
            {"response_no": "R2", "wave": "2024H2", "answer_sum": 10},
        ),
        earlier=("2024H1",),
    ).filter(survey_domain="all")

    assert found.select("wave", "value", "is_last_wave").rows() == [
        ("2024H1", 0, False),
        ("2024H2", 100, True),
    ]


def test_a_score_is_compared_exactly_and_shown_with_its_interval() -> None:
    """89.0 is met, and whether the sample shows it is another question."""
    rows = answers(
        *(
            {"response_no": f"R{n}", "answered": 25, "answer_sum": 25 + 89 + (1 if n % 2 else -1)}
            for n in range(40)
        )
    )
    counted = {**SATISFACTION, "numerator": 40, "denominator": 40}

    row = value(counted, scores(rows))

    assert row["value"] == 89
    assert (row["official_status"], row["evidence"]) == ("met", "inconclusive")
    assert row["interval_method"] == "design_based"
    assert row["lower"] < 89 < row["upper"]
    assert row["probability"] == pytest.approx(0.5)
    assert (row["samples_needed"], row["samples_needed_at_rate"]) == (None, None)
    assert row["standard_error"] > 0
    below = rows.with_columns(
        answer_sum=pl.col("answer_sum")
        - pl.when(pl.col("response_no") == "R0").then(1).otherwise(0)
    )
    assert value(counted, scores(below))["official_status"] == "not_met"


def test_without_answers_there_is_no_score() -> None:
    row = value({**SATISFACTION, "numerator": 0, "denominator": 0})

    assert (row["value"], row["official_status"], row["evidence"]) == (None, "no_data", "no_data")
    assert scores(answers()).is_empty()
