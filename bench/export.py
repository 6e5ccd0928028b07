"""The five tables of the feed's work, taken from what Samplehouse published and kept.

    python bench/export.py --home HOME --db OUT.duckdb

Writes `rejected`, `sample`, `result`, `dq_check` and `indicator` as every peer does, so that one
comparison serves all. Nothing is judged here: rules, versions, verdicts and counts are those of the
release; only names are changed, and programmes are summed that the release never pools.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import duckdb

SOURCE = "national_feed"
CELLS = (
    "sample_no",
    "domain",
    "programme",
    "sampled_on",
    "region_code",
    "category",
    "link",
    "producer_uscc",
    "sampled_uscc",
    "product_name",
    "batch_no",
    "produced_on",
    "lab_code",
    "reported_on",
    "verdict",
    "lot_qty",
    "unit_price",
    "remark",
)
LINK_CELL = f"c{CELLS.index('link') + 1}"
LINKS = ("生产", "流通", "餐饮", "网络")

# Rules of the work in their order, and the rules of the release that say them.
RULES: dict[str, tuple[str, ...]] = {
    "missing_sample_no": ("missing_sample_no",),
    "bad_sample_no": ("bad_sample_no",),
    "unknown_programme": (
        "missing_programme",
        "unknown_programme",
        "missing_sampling_basis",
        "unknown_sampling_basis",
    ),
    "bad_sampled_on": ("bad_sampled_on",),
    "unknown_region": ("unknown_region", "missing_region", "malformed_division_code"),
    "unknown_category": ("unknown_category", "unknown_domain", "missing_domain"),
    "bad_producer_uscc": ("bad_producer_uscc",),
    "bad_sampled_uscc": ("bad_sampled_uscc",),
    "produced_after_sampled": ("produced_after_sampled",),
    "reported_before_sampled": ("reported_before_sampled",),
    "missing_verdict": ("missing_verdict", "unknown_verdict"),
}

SAMPLE = """
    CREATE TABLE sample AS
    SELECT sample_no, domain, programme_text AS programme, sampled_on,
        division_code AS region_code, product_category AS category, link, producer_uscc,
        entity_uscc AS sampled_uscc, product_name, batch_no, produced_on, lab_name AS lab_code,
        reported_on, verdict = 'pass' AS passed, lot_quantity AS lot_qty, unit_price, remark,
        received_on AS delivery_day
    FROM release.core.sample WHERE source_id = $source
"""

# The work knows no method that cannot see what its limit asks: such a result stays undetermined.
RESULT = """
    CREATE TABLE result AS
    SELECT sample_no, parameter_code AS analyte, result_text, unit, limit_text, qualifier, value,
        limit_comparator AS limit_op, coalesce(limit_high, limit_low) AS limit_value,
        CASE derived_verdict WHEN 'pass' THEN TRUE WHEN 'fail' THEN FALSE END AS conform,
        CASE verdict WHEN 'pass' THEN TRUE WHEN 'fail' THEN FALSE END AS lab_passed,
        received_on AS delivery_day
    FROM release.core.test_result WHERE source_id = $source
"""

REJECTED = f"""
    CREATE TABLE rejected AS
    WITH named AS (
        SELECT delivery_id, received_on, source_row, row_cells, rule.name, rule.place
        FROM release.core.rejected_record JOIN rule USING (rule_id)
        WHERE source_id = $source
    ),
    once AS (SELECT DISTINCT * FROM named),
    per_row AS (
        SELECT delivery_id, received_on, source_row, row_cells::JSON AS cells,
            string_agg(name, ',' ORDER BY place) AS rules
        FROM once GROUP BY ALL
    )
    SELECT {", ".join(f"cells->>{place} AS {name}" for place, name in enumerate(CELLS))},
        received_on AS delivery_day, rules
    FROM per_row
"""

# Of warnings, duplicates and superseded versions the account of deliveries speaks; how often an
# unknown link was received is counted in the raw cells, because a release tells it of one night.
WARNINGS = f"""
    WITH account AS (
        SELECT sum(rows_duplicate) AS repeated, sum(rows_used + rows_unchanged) AS arrived
        FROM release.meta.delivery WHERE source_id = $source AND starts_with(file_name, 'samples')
    ),
    links AS (
        SELECT count(*) AS n FROM read_parquet($raw, filename = TRUE, union_by_name = TRUE) AS grid
        JOIN release.meta.delivery AS d
            ON split_part(parse_filename(grid.filename), '.', 1) = d.delivery_id
        WHERE starts_with(d.file_name, 'samples') AND source_row > 1
            AND {LINK_CELL} NOT IN {LINKS}
    ),
    failing AS (SELECT DISTINCT sample_no FROM result WHERE NOT conform)
    SELECT 'duplicate_in_delivery', repeated FROM account
    UNION ALL SELECT 'superseded_version', arrived - (SELECT count(*) FROM sample) FROM account
    UNION ALL SELECT 'unknown_link', n FROM links
    UNION ALL SELECT 'orphan_result', count(*) FROM result ANTI JOIN sample USING (sample_no)
    UNION ALL SELECT 'unparsed_result', count(*) FROM result WHERE qualifier IS NULL
    UNION ALL SELECT 'verdict_mismatch', count(*)
        FROM sample SEMI JOIN failing USING (sample_no) WHERE passed
    UNION ALL SELECT 'lab_verdict_disagrees', count(*) FROM result WHERE conform <> lab_passed
"""

# The work pools the programmes that estimate a population; the release keeps them apart. Of small
# parts it shows no counts: those are counted from its verdicts.
INDICATOR = """
    CREATE TABLE indicator AS
    WITH units AS (
        SELECT *, strftime(counted_on, '%Y') AS year, strftime(counted_on, '%Y-%m') AS month,
            strftime(counted_on, '%Y') || 'Q' || quarter(counted_on) AS quarter
        FROM release.fact.verdict
        WHERE unit_kind = 'sample' AND source_id = $source AND NOT is_recheck
    ),
    counted AS (
        SELECT domain, programme, sampling_basis, coverage,
            CASE WHEN grouping(month) = 0 THEN month WHEN grouping(quarter) = 0 THEN quarter
                WHEN grouping(year) = 0 THEN year ELSE 'all' END AS period,
            CASE WHEN grouping(division_code) = 1 THEN 'ALL' ELSE division_code END AS place,
            CASE WHEN grouping(product_category) = 1 THEN 'ALL' ELSE product_category END AS kind,
            count(*) FILTER (final_verdict = 'pass') AS passed
        FROM units
        GROUP BY domain, programme, sampling_basis, coverage,
            ROLLUP (year, quarter, month), CUBE (division_code, product_category)
    ),
    pooled AS (
        SELECT shown.domain, shown.period_type, shown.period, shown.division_code AS region_code,
            shown.product_category AS category, sum(shown.tested)::BIGINT AS n,
            sum(coalesce(shown.passed, counted.passed))::BIGINT AS passed
        FROM release.mart.pass_rate AS shown
        JOIN counted ON counted.domain = shown.domain AND counted.programme = shown.programme
            AND counted.sampling_basis = shown.sampling_basis
            AND counted.coverage = shown.coverage AND counted.period = shown.period
            AND counted.place = shown.division_code AND counted.kind = shown.product_category
        WHERE shown.unit_kind = 'sample' AND shown.estimates_population
            AND shown.period_type <> 'all' AND shown.source_id = $source
        GROUP BY ALL
    ),
    bounds AS (
        SELECT *, 1.959963984540054::DOUBLE AS z, passed / n AS rate FROM pooled
    )
    SELECT domain, period_type, period, region_code, category, n, passed, rate,
        (rate + z * z / (2 * n) - z * sqrt((rate * (1 - rate) + z * z / (4 * n)) / n))
            / (1 + z * z / n) AS wilson_low,
        (rate + z * z / (2 * n) + z * sqrt((rate * (1 - rate) + z * z / (4 * n)) / n))
            / (1 + z * z / n) AS wilson_high
    FROM bounds
"""


def export(home: Path, db: Path) -> None:
    """Write the five tables of one home's release to a new DuckDB file."""
    db.unlink(missing_ok=True)
    raw = sorted(str(path) for path in (home / "lake" / "raw" / SOURCE).glob("*/*.parquet"))
    with duckdb.connect(str(db)) as con:
        con.execute(f"ATTACH '{home / 'release' / 'samplehouse.duckdb'}' AS release (READ_ONLY)")
        con.execute("CREATE TEMP TABLE rule (rule_id VARCHAR, name VARCHAR, place INTEGER)")
        con.executemany("INSERT INTO rule VALUES (?, ?, ?)", list(_rules()))
        for statement in (SAMPLE, RESULT, REJECTED, INDICATOR):
            con.execute(statement, {"source": SOURCE})
        warnings = con.execute(WARNINGS, {"source": SOURCE, "raw": raw}).fetchall()
        names = json.dumps(list(RULES))
        rejected = con.execute(
            "SELECT name, count(*) FILTER (list_contains(string_split(rules, ','), name)) "
            "FROM rejected, unnest(from_json($names, '[\"VARCHAR\"]')) AS rule(name) GROUP BY 1",
            {"names": names},
        ).fetchall()
        con.execute("CREATE TABLE dq_check (check_name VARCHAR, severity VARCHAR, failures BIGINT)")
        counted: dict[str, int] = dict.fromkeys(RULES, 0) | dict(rejected)
        rows: list[Sequence[object]] = [(name, "reject", n) for name, n in counted.items()]
        rows += [(name, "warn", n) for name, n in warnings]
        con.executemany("INSERT INTO dq_check VALUES (?, ?, ?)", rows)


def _rules() -> list[tuple[str, str, int]]:
    return [
        (rule_id, name, place)
        for place, (name, rule_ids) in enumerate(RULES.items())
        for rule_id in rule_ids
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--db", type=Path, required=True)
    options = parser.parse_args()
    export(options.home, options.db)
