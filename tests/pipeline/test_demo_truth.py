"""The demo's year, checked and published in one night, against what its generator knows about it.

Every published count is compared with the truth. How nights follow each other is shown by
`small_year/test_demo_nights`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import polars as pl
import pytest

from assets.demo.city_year import generate
from assets.demo.truth import DELIVERY_COUNTS, Truth
from pipelines.nightly import NightOutcome, run_night
from pipelines.settings import read_settings
from tests.truth import same_rows, unlike
from warehouse.home import Home

SLICES = ("domain", "programme", "sampling_basis", "month", "division_code", "category")

# What pass rates count, unit by unit.
COUNTED_UNITS = """
    SELECT v.* FROM fact.verdict AS v JOIN ref.unit_kind AS k ON k.code = v.unit_kind
    WHERE NOT v.is_recheck AND (v.attempt IS NULL OR v.attempt = CAST(k.counted_attempt AS INT))
"""
COUNTS = """
    count(*) FILTER (WHERE final_verdict IN ('pass', 'conditional', 'fail')) AS tested,
    count(*) FILTER (WHERE final_verdict = 'pass') AS passed,
    count(*) FILTER (WHERE final_verdict = 'fail') AS failed
"""


@dataclass(frozen=True)
class Year:
    """The demo, and what its night did."""

    home: Home
    truth: Truth
    night: NightOutcome


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    home = Home(tmp_path_factory.mktemp("demo") / "home")
    truth = generate(home.landing, seed=2024)
    return Year(home, truth, run_night(read_settings({"SAMPLEHOUSE_HOME": str(home.root)})))


@pytest.fixture(scope="module")
def release(year: Year) -> Iterator[duckdb.DuckDBPyConnection]:
    """The release with the whole year."""
    with duckdb.connect(str(year.home.release_file), read_only=True) as con:
        yield con


def test_the_night_is_done_with_one_held_delivery(year: Year) -> None:
    held = [(each.source_id, each.status) for each in year.night.stopped]
    assert held == [("demo_agri_monitoring", "held")]
    assert year.night.exit_code == 1


# -- the truth


def test_units_tested_passed_and_failed(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    months = release.sql(
        f"""
        SELECT unit_kind, domain, programme, sampling_basis, division_code,
            product_category AS category,
            CAST(date_trunc('month', counted_on) AS DATE) AS month, count(*) AS units,
            {COUNTS}
        FROM ({COUNTED_UNITS}) GROUP BY ALL
        """
    ).pl()

    assert unlike(year.truth.counts, months) == []
    assert year.truth.counts["units"].sum() > 9_000


def test_published_rates_are_those_of_the_units_and_small_parts_are_not_shown(
    release: duckdb.DuckDBPyConnection,
) -> None:
    field = "unit_kind, domain, programme, sampling_basis, coverage"
    published = f"""
        SELECT {field}, period, division_code, product_category, tested, passed, failed
        FROM mart.pass_rate
        WHERE period_type = 'quarter' AND source_id = 'ALL' AND NOT is_suppressed
    """
    counted = f"""
        SELECT {field}, year(counted_on) || 'Q' || quarter(counted_on) AS period,
            coalesce(division_code, 'ALL'), coalesce(product_category, 'ALL'), {COUNTS}
        FROM ({COUNTED_UNITS})
        GROUP BY 1, 2, 3, 4, 5, 6, CUBE (division_code, product_category)
        HAVING tested >= 30 OR sampling_basis = 'census'
            OR (division_code IS NULL AND product_category IS NULL)
    """

    assert same_rows(release, published, counted) > 100
    hidden = "is_suppressed AND (denominator >= 30 OR passed IS NOT NULL OR rate IS NOT NULL)"
    assert release.execute(f"SELECT count(*) FROM mart.pass_rate WHERE {hidden}").fetchall() == [
        (0,)
    ]


def test_every_row_of_every_file(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    columns = ["source_id", "received_on", "file_name", "status", *DELIVERY_COUNTS]

    deliveries = release.table("meta.delivery").pl()

    assert unlike(year.truth.deliveries.select(columns), deliveries) == []
    assert set(deliveries["status"]) == {"loaded", "held", "duplicate"}
    assert deliveries.filter(status="loaded")["message"].drop_nulls().to_list() == []


def test_rejected_rows_by_rule(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    rejected = release.sql(
        """
        SELECT d.source_id, d.received_on, d.file_name, rule_id, count(*) AS rows
        FROM core.rejected_record JOIN meta.delivery AS d USING (delivery_id) GROUP BY ALL
        """
    ).pl()

    assert unlike(year.truth.rejected, rejected) == []


def test_records_and_their_versions(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    units = release.sql(
        """
        SELECT source_id, 'sample' AS unit_kind, count(*) AS units, sum(version) AS versions
        FROM core.sample GROUP BY ALL
        UNION ALL
        SELECT source_id, 'acceptance', count(*), sum(version) FROM core.acceptance GROUP BY ALL
        """
    ).pl()
    results = release.sql(
        """
        SELECT source_id, count(*) AS results,
            count(*) FILTER (WHERE verdict = 'fail') AS nonconforming_parameters
        FROM core.test_result GROUP BY ALL
        """
    ).pl()
    found = units.join(results, on="source_id", how="left").fill_null(0)

    assert unlike(year.truth.sources.drop("files", "loaded"), found) == []


def test_nonconforming_parameters(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    by = "source_id, domain, programme, sampling_basis, division_code"
    found = release.sql(
        f"""
        SELECT {by}, product_category AS category, date_trunc('month', counted_on) AS month,
            count(DISTINCT sample_no) AS samples, count(parameter_code) AS parameters
        FROM mart.nonconformity GROUP BY ALL
        """
    ).pl()

    assert unlike(year.truth.nonconformities, found) == []


def test_rechecks_decide(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    rechecks = release.sql(
        """
        SELECT r.sample_no AS recheck_no, r.original_sample_no, r.received_on,
            o.unit_no IS NOT NULL AS applies,
            coalesce(o.reported_verdict = 'fail' AND o.final_verdict = 'pass', FALSE) AS overturns,
            r.verdict
        FROM core.sample AS r
        LEFT JOIN fact.verdict AS o ON o.recheck_no = r.sample_no
            AND o.unit_no = r.original_sample_no AND o.verdict_basis = 'recheck'
        WHERE r.sampling_basis = 'recheck'
        """
    ).pl()

    assert unlike(year.truth.rechecks, rechecks) == []
    assert year.truth.rechecks["overturns"].sum() > 0


def test_acceptance_attempts(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    attempts = release.sql(
        """
        SELECT attempt, supervised, CAST(date_trunc('month', accepted_on) AS DATE) AS month,
            division_code, project_category AS category, count(*) AS units,
            count(verdict) AS tested, count(*) FILTER (WHERE verdict = 'pass') AS passed,
            count(*) FILTER (WHERE verdict = 'fail') AS failed
        FROM core.acceptance GROUP BY ALL
        """
    ).pl()

    assert unlike(year.truth.attempts, attempts) == []
    assert set(attempts["attempt"]) >= {0, 1, 2}


# -- what follows from the counts

COUNTED = "tested, without_verdict, denominator"
SUMS = ", ".join(f"sum({name})" for name in COUNTED.split(", "))
KEY = (
    "unit_kind, domain, programme, sampling_basis, coverage, period_type, period, source_id, "
    "division_code, product_category"
)


@pytest.mark.parametrize("slice_", ["source_id", "division_code", "product_category"])
def test_the_total_of_a_slice_is_the_sum_of_its_parts(
    release: duckdb.DuckDBPyConnection, slice_: str
) -> None:
    others = KEY.replace(f"{slice_}, ", "").replace(f", {slice_}", "")
    parts = f"SELECT {others}, {SUMS} FROM mart.pass_rate WHERE {slice_} <> 'ALL' GROUP BY ALL"
    total = f"SELECT {others}, {COUNTED} FROM mart.pass_rate WHERE {slice_} = 'ALL'"

    assert same_rows(release, parts, total) > 1_000


@pytest.mark.parametrize(
    ("period_type", "period"),
    [
        ("quarter", "left(period, 4) || 'Q' || (1 + (CAST(right(period, 2) AS INT) - 1) // 3)"),
        ("year", "left(period, 4)"),
        ("all", "'all'"),
    ],
)
def test_a_longer_period_is_the_sum_of_its_months(
    release: duckdb.DuckDBPyConnection, period_type: str, period: str
) -> None:
    others = KEY.replace("period_type, period, ", "")
    months = (
        f"SELECT {others}, {period} AS longer, {SUMS} FROM mart.pass_rate "
        "WHERE period_type = 'month' GROUP BY ALL"
    )
    total = (
        f"SELECT {others}, period, {COUNTED} FROM mart.pass_rate "
        f"WHERE period_type = '{period_type}'"
    )

    assert same_rows(release, months, total) > 1_000


def test_rates_are_divided_once_and_mix_no_sampling_bases(
    release: duckdb.DuckDBPyConnection,
) -> None:
    wrong = release.execute(
        """
        SELECT * FROM mart.pass_rate
        WHERE (
                NOT is_suppressed
                AND rate IS DISTINCT FROM passed / nullif(CAST(tested AS DOUBLE), 0)
            )
            OR estimates_population <> (sampling_basis IN ('random', 'census'))
            OR (sampling_basis = 'stratified_random' AND wilson_low IS NOT NULL)
            OR numerator <> passed OR denominator <> tested OR tested < passed
        """
    ).fetchall()

    assert wrong == []


def test_food_is_above_98_percent_where_it_is_sampled_at_random_and_below_under_suspicion(
    release: duckdb.DuckDBPyConnection,
) -> None:
    bounds = release.execute(
        """
        SELECT programme, min(wilson_low), max(wilson_high), max(rate), min(rate)
        FROM mart.pass_rate
        WHERE domain = 'food' AND period = '2024' AND tested > 0 AND source_id = 'ALL'
            AND division_code = 'ALL' AND product_category = 'ALL'
            AND programme IN ('supervision', 'evaluative')
        GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()

    (_, low, _, _, evaluative), (_, _, high, supervision, _) = bounds
    assert supervision < high < 0.98 < low < evaluative


# -- special sampling: bans, campaigns, firms, traces, leads

SPECIAL = "source_id = 'special_sampling'"


def test_alerts_of_what_is_banned_on_its_day_and_of_nothing_else(
    year: Year, release: duckdb.DuckDBPyConnection
) -> None:
    """Screenings raise none, nor does what was banned only later; the limit does not matter."""
    raised = release.sql(f"SELECT alert_no FROM meta.alert WHERE {SPECIAL}").pl()
    below = release.sql(
        f"""
        SELECT count(*) AS reported_as_conforming FROM core.sample AS s JOIN fact.verdict AS v
            ON v.source_id = s.source_id AND v.unit_no = s.sample_no
        WHERE s.{SPECIAL} AND v.verdict_basis = 'banned_substance' AND s.verdict = 'pass'
            AND v.final_verdict = 'fail'
        """
    ).pl()

    assert unlike(year.truth.alerts, raised) == []
    assert 0 < below.item() < raised.height


def test_a_campaign_stands_apart(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    found = release.sql(
        """
        SELECT product_category AS category, denominator AS tested, numerator AS failed,
            with_banned_substance AS banned
        FROM mart.campaign_result WHERE period = 'ALL' AND product_category <> 'ALL'
        """
    ).pl()
    counted = release.sql(
        f"SELECT count(*) FROM fact.indicator_unit WHERE {SPECIAL} AND is_counted"
    ).pl()

    assert unlike(year.truth.campaign, found) == []
    assert counted.item() == 0


def test_firms_are_what_they_were_on_the_day(
    year: Year, release: duckdb.DuckDBPyConnection
) -> None:
    def rates(group_type: str, name: str) -> pl.DataFrame:
        return release.execute(
            f"""
            SELECT domain, group_name AS {name}, denominator AS tested, failed
            FROM mart.firm_group_rate WHERE programme = 'special' AND sampling_basis = 'targeted'
                AND domain IN ('agri', 'food') AND group_type = $type
            """,
            {"type": group_type},
        ).pl()

    def shown(truth: pl.DataFrame) -> pl.DataFrame:
        return truth.with_columns(failed=pl.when(pl.col("tested") >= 30).then("failed"))

    workshops = rates("workshop_cluster", "cluster_side").drop("domain")
    assert unlike(shown(year.truth.credit), rates("credit_class", "credit_class")) == []
    assert unlike(shown(year.truth.clusters), workshops) == []


def test_traces_and_pairs_along_the_chain(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    marks = release.sql(
        f"""
        SELECT domain, link, sum(samples) AS samples, sum(numerator) AS complete
        FROM mart.traceability WHERE {SPECIAL} GROUP BY ALL
        """
    ).pl()
    times = release.sql(
        f"SELECT sum(traces_asked) AS asked, sum(traces_answered) AS answered "
        f"FROM mart.traceability WHERE {SPECIAL}"
    ).pl()
    pairs = release.sql(
        """
        SELECT upstream_uscc AS upstream, downstream_uscc AS downstream, upstream_sample_no,
            downstream_sample_no
        FROM mart.chain_nonconformity WHERE upstream_source_id = 'special_sampling'
        """
    ).pl()

    assert unlike(year.truth.trace_marks, marks) == []
    assert unlike(year.truth.trace_times.drop("median_hours"), times) == []
    assert unlike(year.truth.chain, pairs) == []
    assert pairs.height > 10


def test_leads_of_consumers_became_cases(year: Year, release: duckdb.DuckDBPyConnection) -> None:
    followed = release.sql(
        """
        SELECT case_no, sample_no, lead_status = 'open' AS is_open
        FROM mart.consumer_submitted WHERE case_no IS NOT NULL
        """
    ).pl()
    pooled = release.sql(
        """
        SELECT count(*) FROM mart.consumer_submitted AS c
        JOIN fact.indicator_unit AS u ON u.source_id = c.source_id AND u.unit_no = c.sample_no
        WHERE u.is_counted
        """
    ).pl()
    wanted = year.truth.leads.filter(pl.col("case_no").str.starts_with("NSWJ"))

    assert unlike(wanted, followed) == []
    assert pooled.item() == 0


def test_equipment_that_is_inspected_late_or_never(
    year: Year, release: duckdb.DuckDBPyConnection
) -> None:
    found = release.sql(
        """
        SELECT equipment_kind, due, on_time, late, open_overdue, judged_first, passed_first,
            service_events
        FROM mart.periodic_inspection WHERE division_code = 'ALL' AND period = '2024'
        """
    ).pl()

    assert unlike(year.truth.equipment, found) == []
    assert found["open_overdue"].sum() > 0
