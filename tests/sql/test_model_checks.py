"""The expectations of the models' contracts run, and the blocking ones stop what they should."""

from collections.abc import Iterator

import duckdb
import pytest

from expectations.runner import run_checks
from warehouse.engine.model import SqlModel, contract_of, load_models
from warehouse.engine.run import contract_sql, create_empty_table, register_references

MODELS = load_models()
PASS_RATE, MONTHS = MODELS["mart.pass_rate"], MODELS["counts.verdict_month"]


@pytest.fixture
def pass_rates() -> Iterator[duckdb.DuckDBPyConnection]:
    """mart.pass_rate over a thousand units of two bases, three months, with and without verdict."""
    con = duckdb.connect()
    read = PASS_RATE.depends_on | MONTHS.depends_on
    register_references(con, read)
    for table in sorted(name for name in read if not name.startswith("ref.")):
        create_empty_table(con, contract_of(table, MODELS))
    create_empty_table(con, PASS_RATE.contract)
    con.execute("INSERT INTO meta.build VALUES (DATE '2024-12-31')")
    con.execute(
        """
        INSERT INTO fact.verdict BY NAME
        SELECT 'sample' AS unit_kind, 'a' AS source_id, number AS unit_no, 'food' AS domain,
            'supervision' AS programme,
            ['random', 'targeted'][number % 2 + 1] AS sampling_basis, 'complete' AS coverage,
            DATE '2024-01-15' + CAST(number % 75 AS INTEGER) AS counted_on,
            'UNKNOWN' AS division_code, ['tea', 'rice', 'eggs'][number % 3 + 1] AS product_category,
            ['pass', 'pass', 'pass', 'fail', 'conditional', NULL][number % 6 + 1] AS final_verdict,
            false AS is_recheck
        FROM generate_series(1, 1000) AS units(number)
        """
    )
    for model in (MONTHS, PASS_RATE):
        con.execute(f"INSERT INTO {model.table} {contract_sql(model)}")
    yield con
    con.close()


def failed(con: duckdb.DuckDBPyConnection, model: SqlModel) -> set[str]:
    run = run_checks(con, model.table, model.contract.expectations, scope="mart")
    assert [result.observed for result in run.results if result.outcome == "error"] == []
    blocking = {result.rule_id for result in run.blocking}
    assert blocking == {result.rule_id for result in run.results if not result.passed}
    return blocking


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ("rate = rate", set()),
        (
            "sampling_basis = 'ALL'",
            {
                "rate_mixes_sampling_bases",
                "one_row_per_cell",
                "only_random_samples_speak_for_the_population",
            },
        ),
        ("programme = 'ALL'", {"rate_mixes_programmes"}),
        ("passed = passed + 1", {"verdicts_add_up", "numerator_is_passed_of_tested"}),
        (
            "rate = 1.5",
            {"rate_is_a_share", "rate_below_upper_bound", "suppressed_rate_is_shown"},
        ),
        ("rate = 0.0", {"rate_above_lower_bound", "suppressed_rate_is_shown"}),
        ("coverage = 'capped'", {"only_random_samples_speak_for_the_population"}),
        ("period = 'all'", {"one_row_per_cell"}),
        ("is_suppressed = TRUE", {"suppressed_rate_is_shown"}),
    ],
)
def test_a_wrong_pass_rate_blocks(
    pass_rates: duckdb.DuckDBPyConnection, change: str, rules: set[str]
) -> None:
    count = pass_rates.sql("SELECT count(*), sum(tested) FROM mart.pass_rate").fetchall()[0]
    assert min(count) > 100
    pass_rates.execute(f"UPDATE mart.pass_rate SET {change}")
    assert failed(pass_rates, PASS_RATE) == rules


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_the_checks_of_every_model_run(model: SqlModel) -> None:
    con = duckdb.connect()
    create_empty_table(con, model.contract)
    assert failed(con, model) == set()
    con.close()
