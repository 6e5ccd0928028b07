"""Explanations of a release's figures: what each is made of, down to the rows of files."""

from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.explain import explanation, figures
from pipelines.scorecard import scorecard_rows
from pipelines.settings import read_settings
from tests.nights import SmallYear
from tests.results import explained_parts
from warehouse.release_macros import MACROS_DIR


def test_a_figure_is_explained_down_to_the_rows(
    small_year: SmallYear, release: Path, con: duckdb.DuckDBPyConnection
) -> None:
    found = explanation(con, "food_pass_rate", most=0)
    text = "\n".join(part for part in found if isinstance(part, str))
    tables = explained_parts(found)
    row = scorecard_rows(release, None).filter(pl.col("target_id") == "food_pass_rate")
    numerator, denominator = row.select("numerator", "denominator").row(0)

    assert "supervision" in text
    assert "(official)" in text
    assert f"({numerator:,} of {denominator:,}," in text
    assert "not_met (the value as it is against the target)" in text
    made_of, left_out = tables["made_of"], tables["left_out"]
    assert made_of["units"].sum() == denominator + left_out["units"].sum()
    assert left_out["what"].null_count() == 0
    failing = tables["failing"]
    assert failing["unit"].n_unique() == denominator - numerator
    assert failing.select("file", "row", "delivery").null_count().sum_horizontal().item() == 0
    landed = {path.name for path in small_year.home.landing.rglob("*")}
    assert set(failing["file"]) <= landed


def test_analysts_ask_the_same_of_the_file(con: duckdb.DuckDBPyConnection) -> None:
    by_target = con.sql("FROM mart.explain('food_pass_rate')").pl()
    named = con.sql(
        "FROM mart.explain('food_pass_rate', period := '2024', variant := 'supervision')"
    ).pl()
    (figure,) = con.sql("FROM mart.explained_figure('food_pass_rate')").pl().to_dicts()
    counted = con.sql(
        "SELECT sum(numerator), sum(denominator) FROM mart.explained_unit('food_pass_rate')"
    ).fetchall()

    assert by_target.equals(named)
    assert by_target.select("label_en", "label_zh", "text_en", "text_zh").null_count().rows() == [
        (0, 0, 0, 0)
    ]
    assert counted == [(figure["numerator"], figure["denominator"])]
    assert set(by_target["part"]) == {"figure", "made_of", "left_out", "parameter", "failing"}
    parameters = con.sql("FROM mart.explained_parameter('food_pass_rate')").pl()
    assert parameters["results"].sum() == by_target.filter(pl.col("part") == "failing").height
    rows = by_target.filter(pl.col("part") == "failing")
    assert rows.select("delivery_id", "file_name", "source_row").null_count().row(0) == (0, 0, 0)
    macros = con.execute(
        "SELECT function_name, comment FROM duckdb_functions() WHERE schema_name = 'mart'"
    ).fetchall()
    assert len(macros) == len(list(MACROS_DIR.glob("*.sql")))
    assert all(comment for _, comment in macros)


def test_a_weighted_figure_is_explained_by_its_strata(con: duckdb.DuckDBPyConnection) -> None:
    for indicator, variant in (
        ("manufacturing_pass_rate", "output_weighted"),
        ("food_pass_rate", "evaluative_stratified"),
    ):
        strata = explained_parts(explanation(con, indicator, variant))["stratum"]
        value = con.execute(
            "SELECT value FROM mart.explained_figure($i, variant := $v)",
            {"i": indicator, "v": variant},
        ).fetchall()[0][0]
        exact, unlike = con.execute(
            "SELECT sum(s.weight_share * c.numerator / c.denominator), "
            "count(*) FILTER ((s.rate IS NULL) <> (s.denominator < 30) "
            "OR (s.numerator IS NULL) <> (s.rate IS NULL)) "
            "FROM mart.explained_stratum($i, variant := $v) AS s "
            "JOIN mart.indicator_count AS c ON c.slice = s.stratum AND c.indicator_id = $i "
            "AND c.variant_id = $v AND c.period_type = 'year' AND c.period = '2024'",
            {"i": indicator, "v": variant},
        ).fetchall()[0]
        assert strata["weight %"].sum() == pytest.approx(100, abs=0.1)
        assert exact == pytest.approx(value)
        assert unlike == 0


def test_reasons_of_a_period_are_those_of_the_table(con: duckdb.DuckDBPyConnection) -> None:
    left_out = explained_parts(explanation(con, "food_pass_rate", "evaluative", "2024Q2"))[
        "left_out"
    ]
    table = con.execute(
        "SELECT exclusion_reason, units FROM mart.indicator_exclusion WHERE period = '2024Q2' "
        "AND indicator_id = 'food_pass_rate' AND variant_id = 'evaluative'"
    ).fetchall()

    assert sorted(left_out.select("of", "units").rows()) == sorted(table)


def test_divisions_add_up_to_the_city(con: duckdb.DuckDBPyConnection) -> None:
    divisions = con.execute(
        "SELECT slice, denominator FROM mart.indicator_value WHERE slice_type = 'division' "
        "AND period = '2024' AND indicator_id = 'agri_product_pass_rate' "
        "AND variant_id = 'routine_monitoring' AND denominator > 0"
    ).fetchall()
    for code, size in divisions[:3]:
        found = explained_parts(explanation(con, "agri_product_pass_rate", division=code))
        left_out = found["left_out"]["units"].sum() if "left_out" in found else 0
        assert found["made_of"]["units"].sum() == size + left_out


def test_every_variant_of_every_indicator_can_be_explained(
    run: Callable[..., tuple[int, str, str]], con: duckdb.DuckDBPyConnection
) -> None:
    """In either language by turns: one query gives the words of both, side by side."""
    variants = con.execute(
        "SELECT DISTINCT indicator_id, variant_id FROM mart.indicator_value "
        "WHERE period_type = 'year' AND denominator > 0 ORDER BY ALL"
    ).fetchall()
    assert len(variants) >= 9
    languages = cycle((("en", "denominator"), ("zh", "分母")))
    for (indicator, variant), (language, word) in zip(variants, languages, strict=False):
        code, out, _ = run(
            "explain", indicator, "--variant", variant, "--lang", language, "--most", "3"
        )
        assert code == 0
        assert word in out


def test_an_earlier_day_is_explained_by_what_was_known_then(
    small_year: SmallYear, run: Callable[..., tuple[int, str, str]]
) -> None:
    before = sorted(path.name for path in small_year.home.root.iterdir())
    with figures(
        read_settings({"SAMPLEHOUSE_HOME": str(small_year.home.root)}), small_year.until
    ) as con:
        found = explanation(con, "food_pass_rate", most=0)
        known = con.execute("SELECT max(received_on) FROM fact.indicator_unit").fetchall()
        counted = con.execute(
            "SELECT sum(numerator), sum(denominator) FROM mart.explained_unit('food_pass_rate')"
        ).fetchall()
    text = "\n".join(part for part in found if isinstance(part, str))

    assert known[0][0] <= small_year.until
    assert "{:,} of {:,}".format(*counted[0]) in text
    assert f"deliveries up to {small_year.until}" in text
    assert sorted(path.name for path in small_year.home.root.iterdir()) == before
    code, out, _ = run("explain", "food_pass_rate", "--as-of", str(small_year.until), "--most", "1")
    assert (code, text.splitlines()[7] in out) == (0, True)
    code, _, err = run("explain", "food_pass_rate", "--as-of", "2019-01-01")
    assert code == 2
    assert "nothing was received up to 2019-01-01" in err
