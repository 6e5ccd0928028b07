"""Published files as they are, received, checked and released in one night.

The expected numbers are those that the publishers, or whoever collected the files, state about
them; where a stated number cannot be right, the test says why.
"""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import fastexcel
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from assets.ingest.landing import receive, register
from assets.ingest.run import ingest, read_raw
from pipelines.explain import explanation
from pipelines.nightly import NightOutcome, run_night
from pipelines.settings import read_settings
from tests.results import explained_parts
from warehouse.home import Home
from warehouse.source import load_sources

pytestmark = pytest.mark.real_data

DAY = dt.date(2026, 11, 20)
# Samples of 2018 that pass, and those with a verdict: 215 of 3,335 are over a limit.
PRIF_2018 = (3120, 3335)
FILES = {
    "uk_prif": "uk-prif-2016-20/*.ods",
    "foodmate": "cn-foodmate-2021/**/*.csv",
    "sf_food": "us-sf-restaurants/*.csv",
    "chicago_food": "us-chicago-food/*.csv",
    "uci_concrete": "uci-concrete/*.xls",
    "uci_steel": "uci-steel-plates/*.NNA",
}


@pytest.fixture(scope="module")
def night(
    published_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, NightOutcome]:
    home = Home(tmp_path_factory.mktemp("real"))
    for source_id, pattern in FILES.items():
        receive(home, source_id, sorted(published_files.glob(pattern)), DAY)
    return home, run_night(read_settings({"SAMPLEHOUSE_HOME": str(home.root)}), on=DAY)


@pytest.fixture(scope="module")
def release(night: tuple[Home, NightOutcome]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(night[0].release_file), read_only=True) as con:
        yield con


def test_a_real_figure_is_explained_down_to_a_row(
    release: duckdb.DuckDBPyConnection, published_files: Path
) -> None:
    """Pesticide samples of 2018: rate, interval, failing samples by residue, and their rows."""
    found = explanation(release, "agri_product_pass_rate", "risk_based_monitoring", "2018", most=0)
    parts = explained_parts(found)
    (figure,) = (
        release.sql(
            "FROM mart.explained_figure('agri_product_pass_rate', period := '2018', "
            "variant := 'risk_based_monitoring')"
        )
        .pl()
        .to_dicts()
    )
    passed, tested = figure["numerator"], figure["denominator"]

    assert (passed, tested) == PRIF_2018
    low, high = proportion_confint(passed, tested, method="wilson")
    assert (figure["lower"], figure["upper"]) == pytest.approx((100 * low, 100 * high))
    assert figure["evidence"] is None  # no plan has a target for that year
    failing = parts["failing"]
    assert failing["unit"].n_unique() == tested - passed
    assert parts["parameter"]["units"].max() < tested - passed
    row = failing.row(0, named=True)
    path = next(published_files.glob(f"uk-prif-2016-20/{row['file']}"))
    sheet = fastexcel.read_excel(path).load_sheet(row["sheet"], header_row=None, dtypes="string")
    text = " ".join(cell or "" for cell in sheet.to_polars().row(row["row"] - 1))
    assert row["failed"] in text
    assert row["result"] in text


def test_lists_that_are_not_whole_give_no_food_rate_and_say_why(
    release: duckdb.DuckDBPyConnection,
) -> None:
    found = explanation(release, "food_pass_rate", "supervision", "2021")
    parts = explained_parts(found)
    reasons = dict(parts["left_out"].select("of", "units").rows())

    assert any(isinstance(each, str) and "none: no unit counts" in each for each in found)
    assert reasons["incomplete_coverage"] > 1_000
    assert set(parts["made_of"]["what"]) == {"none of them counts"}


def rows(con: duckdb.DuckDBPyConnection, query: str, **values: Any) -> list[tuple[Any, ...]]:
    return con.execute(query, values or None).fetchall()


def test_one_night_publishes_all_of_it(night: tuple[Home, NightOutcome]) -> None:
    outcome = night[1]
    assert outcome.published, outcome.errors
    assert outcome.statuses == {"duplicate": 1, "loaded": 30}


def test_every_row_of_every_file_is_accounted_for(release: duckdb.DuckDBPyConnection) -> None:
    wrong = rows(
        release,
        """
        SELECT file_name FROM meta.delivery WHERE rows_read = 0 OR rows_read <>
            rows_used + rows_rejected + rows_duplicate + rows_unchanged + rows_ignored
        """,
    )
    assert wrong == []


def test_pesticide_samples_by_year(release: duckdb.DuckDBPyConnection) -> None:
    by_year = rows(
        release,
        """
        SELECT year(sampled_on), count(*), count(DISTINCT sample_no) FROM core.sample
        WHERE source_id = 'uk_prif' GROUP BY 1 ORDER BY 1
        """,
    )
    expected = {2016: 3449, 2017: 3357, 2018: 3379, 2019: 3302, 2020: 2460}
    assert by_year == [(year, n, n) for year, n in expected.items()]


def test_pesticide_residues_over_their_limit_by_value(release: duckdb.DuckDBPyConnection) -> None:
    results = rows(
        release,
        """
        SELECT result_text, value, limit_text, limit_high, derived_verdict
        FROM core.test_result WHERE source_id = 'uk_prif' AND limit_high IS NOT NULL
        """,
    )
    assert len(results) > 10_000
    for text, value, limit_text, limit, verdict in results:
        assert str(value).rstrip("0").rstrip(".") in text or float(value) == float(text)
        assert float(limit) == float(limit_text.rstrip("*"))
        assert verdict == ("fail" if value > limit else "pass")
    assert sum(row[4] == "fail" for row in results) > 800


def test_pesticide_summaries_are_reconciled_sheet_by_sheet(
    release: duckdb.DuckDBPyConnection,
) -> None:
    """2020 agrees exactly; each sheet that differs is listed with both numbers."""
    sheets = rows(
        release,
        """
        SELECT year(s.sampled_on) AS of_year, t.detail_sheet, t.stated, t.counted
        FROM (
            SELECT delivery_id, detail_sheet, sum(stated) AS stated, max(counted) AS counted
            FROM meta.control_total GROUP BY ALL
        ) AS t
        JOIN (SELECT DISTINCT delivery_id, year(sampled_on) AS y, min(sampled_on) AS sampled_on
              FROM core.sample WHERE source_id = 'uk_prif' GROUP BY ALL) AS s USING (delivery_id)
        ORDER BY ALL
        """,
    )
    stated = {year: sum(row[2] for row in sheets if row[0] == year) for year in range(2016, 2021)}
    assert stated == {2016: 3375, 2017: 3352, 2018: 2945, 2019: 3298, 2020: 2460}
    differing = {(row[0], row[1]): (int(row[2]), row[3]) for row in sheets if row[2] != row[3]}
    assert differing == {
        (2016, "Gluten-free_food_BNA"): (68, 74),
        (2016, "Milk_BNA"): (232, 300),
        (2017, "Cauliflower_BNA"): (91, 96),
        (2018, "Berries_BNA"): (84, 96),
        (2018, "Bread_BNA"): (69, 213),
        (2018, "Milk_BNA"): (23, 301),
        (2019, "Spinach_BNA"): (92, 96),
    }


@pytest.mark.parametrize(
    ("name", "samples", "failing"), [("国内21年1-6月*", 597, 41), ("国内21年6-12月*", 1173, 23)]
)
def test_scraped_bulletins_one_by_one(
    published_files: Path, home: Home, name: str, samples: int, failing: int
) -> None:
    """Each by itself: together, later scrapes of the same samples are versions of them."""
    source = load_sources()["foodmate"]
    receive(home, "foodmate", list(published_files.glob(f"cn-foodmate-2021/{name}.csv")), DAY)
    register(home, {"foodmate": source}, [DAY])
    read_raw(home, source, [DAY])
    ingest(home, {"foodmate": source}, [DAY], check=False)
    (file,) = home.partition_files("core.sample")
    verdicts = pl.read_parquet(file, hive_partitioning=False)["verdict"]
    assert (verdicts.len(), verdicts.eq("fail").sum()) == (samples, failing)
    assert verdicts.null_count() == 0


def test_the_gbk_file_is_read_whole(release: duckdb.DuckDBPyConnection) -> None:
    (found,) = rows(
        release,
        """
        SELECT encoding, status, rows_used FROM meta.delivery
        WHERE source_id = 'foodmate' AND contains(file_name, 'RASFF标题')
        """,
    )
    assert found[:2] == ("gb18030", "loaded")
    assert found[2] > 600
    garbled = rows(
        release,
        "SELECT count(*) FROM core.sample WHERE regexp_matches(product_name, '\ufffd|锟斤拷')",
    )
    assert garbled == [(0,)]


def test_banned_substances_in_scraped_bulletins_are_found_and_told(
    release: duckdb.DuckDBPyConnection,
) -> None:
    """By hand: 18 with a number; 6 that name only the substance, 氯霉素 five times, 克百威 once."""
    found = rows(
        release,
        """
        SELECT
            detection_basis, count(*), count(*) FILTER (WHERE product_category IS NULL),
            count(*) FILTER (WHERE contains(parameter_name, '（')), count(DISTINCT substance)
        FROM fact.banned_detection WHERE source_id = 'foodmate' GROUP BY 1 ORDER BY 1
        """,
    )
    assert found == [("reported_fail", 6, 6, 0, 2), ("value", 18, 7, 2, 5)]
    told = "SELECT count(*) FROM meta.alert WHERE alert_kind = $kind AND source_id = 'foodmate'"
    assert rows(release, told, kind="banned_substance") == [(24,)]


def test_scrapes_never_enter_a_population_rate(release: duckdb.DuckDBPyConnection) -> None:
    """Capped lists and lists of failures say nothing of a population; nor does 生产日期 here."""
    assert rows(release, "SELECT count(*) FROM mart.pass_rate WHERE estimates_population") == [(0,)]
    dated = rows(
        release,
        "SELECT count(*) FROM core.sample WHERE source_id = 'foodmate' AND produced_on IS NOT NULL",
    )
    assert dated == [(0,)]
    domains = rows(
        release, "SELECT DISTINCT domain FROM core.sample WHERE source_id = 'foodmate' ORDER BY 1"
    )
    assert domains == [("agri",), ("food",), ("manufactured",)]


def test_san_francisco_inspections(release: duckdb.DuckDBPyConnection) -> None:
    """14,233 rows: one repeats another, and two are one visit with two scores (91 and 96).

    Which of those two scores is right the file does not say, so neither is used.
    """
    (counts,) = rows(
        release,
        """
        SELECT rows_read - rows_ignored, rows_used, rows_duplicate, rows_rejected
        FROM meta.delivery WHERE file_name = 'sf_inspections.csv'
        """,
    )
    assert counts == (14_233, 14_230, 1, 2)
    rejected = rows(
        release,
        "SELECT rule_id, value_text FROM core.rejected_record WHERE source_id = 'sf_food'",
    )
    assert rejected == [("conflicting_versions", "64859-20150924")] * 2
    (found,) = rows(
        release,
        """
        SELECT count(*), count(entity_name), min(inspected_on), max(inspected_on)
        FROM core.site_inspection WHERE source_id = 'sf_food'
        """,
    )
    assert found == (14_230, 14_230, dt.date(2015, 2, 19), dt.date(2018, 2, 16))
    (findings,) = rows(
        release,
        """
        SELECT rows_read - rows_ignored, rows_used, rows_duplicate,
            (SELECT count(corrected_on) FROM core.inspection_finding WHERE source_id = 'sf_food')
        FROM meta.delivery WHERE file_name = 'sf_violations.csv'
        """,
    )
    assert findings[:3] == (39_006, 38_994, 12)
    assert findings[3] > 30_000


def test_chicago_verdicts(release: duckdb.DuckDBPyConnection) -> None:
    verdicts = rows(
        release,
        """
        SELECT verdict, count(*) FROM core.site_inspection
        WHERE source_id = 'chicago_food' GROUP BY 1 ORDER BY 2 DESC
        """,
    )
    assert verdicts == [("pass", 237), (None, 223), ("conditional", 69), ("fail", 32)]
    (rate,) = rows(
        release,
        """
        SELECT sum(denominator), sum(numerator), sum(without_verdict) FROM mart.pass_rate
        WHERE source_id = 'chicago_food' AND period_type = 'all'
            AND division_code = 'ALL' AND product_category = 'ALL'
        """,
    )
    assert rate == (338, 237, 223)


def test_concrete_strength_against_30_mpa(release: duckdb.DuckDBPyConnection) -> None:
    """61.4 % of the 1,030 rows pass, the 25 repeats counted; 60.5 % of the 1,005 that differ."""
    (counts,) = rows(
        release,
        """
        SELECT rows_read - rows_ignored, rows_used, rows_duplicate
        FROM meta.delivery WHERE source_id = 'uci_concrete'
        """,
    )
    assert counts == (1030, 1005, 25)
    (verdicts,) = rows(
        release,
        """
        SELECT count(*) FILTER (WHERE final_verdict = 'pass'),
            count(*) FILTER (WHERE final_verdict = 'fail')
        FROM fact.verdict WHERE source_id = 'uci_concrete'
        """,
    )
    assert verdicts == (608, 397)


def test_concrete_rows_with_their_repeats(night: tuple[Home, NightOutcome]) -> None:
    home, _ = night
    (raw,) = (home.lake / "raw" / "uci_concrete").rglob("*.parquet")
    with duckdb.connect() as con:
        (found,) = con.execute(
            "SELECT count(*) FILTER (WHERE CAST(c9 AS DOUBLE) >= 30), count(*) "
            "FROM read_parquet(?) WHERE source_row > 1",
            [str(raw)],
        ).fetchall()
    assert found[1] == 1030
    assert round(100 * found[0] / found[1], 1) == 61.4


def test_steel_plates(release: duckdb.DuckDBPyConnection) -> None:
    plates = rows(
        release,
        """
        SELECT count(*), count(DISTINCT coverage), min(coverage) FROM core.sample
        WHERE source_id = 'uci_steel'
        """,
    )
    assert plates == [(1941, 1, "failures_only")]


def test_a_failing_sample_leads_back_to_its_file(
    release: duckdb.DuckDBPyConnection, published_files: Path
) -> None:
    (file_name, row, product) = rows(
        release,
        """
        SELECT file_name, source_row, product_name FROM mart.nonconformity
        WHERE source_id = 'foodmate' AND file_name LIKE '国内21年6-12月%'
        ORDER BY source_row LIMIT 1
        """,
    )[0]
    lines = (published_files / "cn-foodmate-2021" / file_name).read_text("utf-8").splitlines()
    assert re.search(re.escape(product), lines[row - 1])
