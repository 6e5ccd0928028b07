"""Bounds of mart.pass_rate against published values and another implementation."""

import duckdb
import pytest
from statsmodels.stats.proportion import proportion_confint

from warehouse.engine.model import contract_of, load_models
from warehouse.engine.run import contract_sql, create_empty_table, register_references

PAIRS = [
    *((passed, tested) for tested in (1, 2, 3, 7, 30) for passed in range(tested + 1)),
    *((492, 500), (480, 500), (98, 100), (100, 100), (1188, 1200), (0, 5000), (4999, 5000)),
]
Bounds = dict[tuple[int, int], tuple[float, float, float]]


@pytest.fixture(scope="module")
def bounds() -> Bounds:
    """(passed, tested) → rate, lower and upper bound, of one source per pair."""
    models = load_models()
    pass_rate, months = models["mart.pass_rate"], models["counts.verdict_month"]
    read = pass_rate.depends_on | months.depends_on
    con = duckdb.connect()
    register_references(con, read)
    for table in sorted(name for name in read if not name.startswith("ref.")):
        create_empty_table(con, contract_of(table, models))
    con.execute("INSERT INTO meta.build DEFAULT VALUES")
    con.execute("CREATE TABLE pair (passed BIGINT, tested BIGINT)")
    con.executemany("INSERT INTO pair VALUES (?, ?)", PAIRS)
    con.execute(
        """
        INSERT INTO fact.verdict BY NAME
        SELECT 'sample' AS unit_kind, passed || '/' || tested AS source_id, number AS unit_no,
            'food' AS domain, 'supervision' AS programme, 'random' AS sampling_basis,
            'complete' AS coverage, 'UNKNOWN' AS division_code, 'tea' AS product_category,
            false AS is_recheck,
            CASE WHEN number <= passed THEN 'pass' ELSE 'fail' END AS final_verdict
        FROM pair, unnest(generate_series(1, tested)) AS units(number)
        """
    )
    con.execute(f"INSERT INTO {months.table} {contract_sql(months)}")
    rows = con.execute(
        f"""
        SELECT numerator, denominator, rate, wilson_low, wilson_high
        FROM ({contract_sql(pass_rate)})
        WHERE period = 'all' AND source_id <> 'ALL'
            AND division_code = 'ALL' AND product_category = 'ALL'
        """
    ).fetchall()
    con.close()
    return {(row[0], row[1]): row[2:] for row in rows}


@pytest.mark.parametrize(
    ("pair", "low", "high"),
    [
        ((492, 500), 0.968749, 0.991871),
        ((480, 500), 0.939026, 0.973959),
        ((98, 100), 0.929988, 0.994498),
        ((100, 100), 0.963007, 1.0),
        ((1188, 1200), 0.982602, 0.994270),
    ],
)
def test_golden_values(bounds: Bounds, pair: tuple[int, int], low: float, high: float) -> None:
    assert bounds[pair][1:] == pytest.approx((low, high), abs=5e-7)


def test_agrees_with_statsmodels(bounds: Bounds) -> None:
    assert sorted(bounds) == sorted(PAIRS)
    for (passed, tested), (rate, low, high) in bounds.items():
        expected = proportion_confint(passed, tested, alpha=0.05, method="wilson")
        assert (low, high) == pytest.approx(expected, abs=1e-12)
        assert rate == passed / tested


def test_bounds_enclose_the_rate_exactly(bounds: Bounds) -> None:
    assert all(0 <= low <= rate <= high <= 1 for rate, low, high in bounds.values())
    assert bounds[0, 5000][1] == 0.0
    assert bounds[100, 100][2] == 1.0
