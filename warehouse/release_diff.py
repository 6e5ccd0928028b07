"""Two releases figure by figure: what changed, and the deliveries and rechecks that changed it.

A figure is a sum over units, so its change is the sum of what each unit contributes in one
release and no longer, or not yet, in the other. The parts add up to the change, exactly.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from warehouse.errors import SamplehouseError
from warehouse.sql import literal

NEEDED = ("mart.indicator_value", "fact.indicator_unit", "fact.ledger_use", "mart.ledger_value")

FIGURES = """
    SELECT indicator_id, variant_id, period_type, period, slice_type, slice,
        a.value AS value_a, b.value AS value_b,
        coalesce(a.numerator, 0) AS numerator_a, coalesce(b.numerator, 0) AS numerator_b,
        coalesce(a.denominator, 0) AS denominator_a, coalesce(b.denominator, 0) AS denominator_b,
        a.official_status AS status_a, b.official_status AS status_b
    FROM a.mart.indicator_value AS a
    FULL JOIN b.mart.indicator_value AS b
        USING (indicator_id, variant_id, period_type, period, slice_type, slice)
    WHERE (slice_type = 'all' OR $slices)
        AND (
            a.value IS DISTINCT FROM b.value
            OR coalesce(a.numerator, 0) <> coalesce(b.numerator, 0)
            OR coalesce(a.denominator, 0) <> coalesce(b.denominator, 0)
            OR a.official_status IS DISTINCT FROM b.official_status
        )
    ORDER BY ALL
"""

PERIOD_OF = """
    CREATE TEMP MACRO period_of(day, assessed, kind) AS CASE
        WHEN coalesce(assessed, kind) <> kind THEN NULL
        WHEN kind = 'year' THEN strftime(day, '%Y')
        WHEN kind = 'month' THEN strftime(day, '%Y-%m')
        ELSE strftime(day, '%Y') || 'Q' || quarter(day)
    END
"""
CAUSES = """
    WITH rechecks AS (
        SELECT sample_no AS recheck_no, max_by(delivery_id, received_on) AS delivery_id
        FROM b.core.sample WHERE sampling_basis = 'recheck' GROUP BY ALL
    ),
    deliveries AS (
        SELECT delivery_id, source_id, received_on, file_name FROM b.meta.delivery
        UNION
        SELECT delivery_id, source_id, received_on, file_name FROM a.meta.delivery
    ),
    -- A release of before the column existed reads as one in which it is empty.
    of_a AS (
        FROM (SELECT CAST(NULL AS VARCHAR) AS assessed_period LIMIT 0)
        UNION ALL BY NAME FROM a.fact.indicator_unit
    ),
    of_b AS (
        FROM (SELECT CAST(NULL AS VARCHAR) AS assessed_period LIMIT 0)
        UNION ALL BY NAME FROM b.fact.indicator_unit
    ),
    units AS (
        SELECT indicator_id, variant_id, a.counted_on AS day_a, b.counted_on AS day_b,
            a.assessed_period AS assessed_a, b.assessed_period AS assessed_b,
            coalesce(a.numerator, 0) AS numerator_a, coalesce(b.numerator, 0) AS numerator_b,
            coalesce(a.denominator, 0) AS denominator_a,
            coalesce(b.denominator, 0) AS denominator_b,
            CASE
                WHEN a.is_counted IS NULL THEN 'new'
                WHEN b.is_counted IS NULL THEN 'gone'
                WHEN b.recheck_no IS NOT NULL AND a.recheck_no IS DISTINCT FROM b.recheck_no
                    THEN 'recheck'
                WHEN a.delivery_id IS DISTINCT FROM b.delivery_id THEN 'new version'
                ELSE 'other'
            END AS cause,
            CASE
                WHEN cause = 'recheck' THEN rechecks.delivery_id
                WHEN cause = 'gone' THEN a.delivery_id
                ELSE b.delivery_id
            END AS by_delivery
        FROM of_a AS a
        FULL JOIN of_b AS b
            USING (indicator_id, variant_id, unit_kind, source_id, unit_no)
        LEFT JOIN rechecks ON rechecks.recheck_no = b.recheck_no
        WHERE a.counted_on IS DISTINCT FROM b.counted_on
            OR numerator_a <> numerator_b OR denominator_a <> denominator_b
    ),
    -- Each unit in its year, quarter and month; the assessment of a period in that alone.
    dated AS (
        SELECT units.*, kinds.period_type,
            period_of(day_a, assessed_a, kinds.period_type) AS period_a,
            period_of(day_b, assessed_b, kinds.period_type) AS period_b
        FROM units CROSS JOIN (VALUES ('year'), ('quarter'), ('month')) AS kinds (period_type)
    ),
    sides AS (
        SELECT indicator_id, variant_id, period_type, period_a AS period, cause, by_delivery,
            -numerator_a AS numerator, -denominator_a AS denominator
        FROM dated WHERE period_a IS DISTINCT FROM period_b AND period_a IS NOT NULL
        UNION ALL
        SELECT indicator_id, variant_id, period_type, period_b, cause, by_delivery,
            numerator_b, denominator_b
        FROM dated WHERE period_a IS DISTINCT FROM period_b AND period_b IS NOT NULL
        UNION ALL
        SELECT indicator_id, variant_id, period_type, period_b, cause, by_delivery,
            numerator_b - numerator_a, denominator_b - denominator_a
        FROM dated WHERE period_a = period_b
    )
    SELECT indicator_id, variant_id, period_type, period, cause, count(*) AS units,
        CAST(sum(numerator) AS BIGINT) AS numerator,
        CAST(sum(denominator) AS BIGINT) AS denominator,
        deliveries.source_id, deliveries.received_on, deliveries.file_name, by_delivery
    FROM sides
    LEFT JOIN deliveries ON deliveries.delivery_id = by_delivery
    WHERE numerator <> 0 OR denominator <> 0
    GROUP BY ALL
    ORDER BY ALL
"""

LEDGER = """
    WITH entries AS (
        SELECT plan_id, target_id, coalesce(b.effect, 0) - coalesce(a.effect, 0) AS effect,
            coalesce(b.delivery_id, a.delivery_id) AS delivery_id
        FROM a.fact.ledger_use AS a
        FULL JOIN b.fact.ledger_use AS b USING (plan_id, target_id, source_id, entry_no)
        WHERE coalesce(a.effect, 0) <> coalesce(b.effect, 0)
            OR a.effect IS NULL OR b.effect IS NULL
    ),
    changed AS (
        SELECT plan_id, target_id, a.value AS value_a, b.value AS value_b
        FROM a.mart.ledger_value AS a
        FULL JOIN b.mart.ledger_value AS b USING (plan_id, target_id)
        WHERE a.value IS DISTINCT FROM b.value
    )
    SELECT plan_id, target_id, any_value(value_a) AS value_a, any_value(value_b) AS value_b,
        count(delivery_id) AS entries, sum(effect) AS effect,
        string_agg(DISTINCT file_name, ', ' ORDER BY file_name) AS file_names
    FROM changed
    LEFT JOIN entries USING (plan_id, target_id)
    LEFT JOIN b.meta.delivery USING (delivery_id)
    GROUP BY plan_id, target_id
    ORDER BY ALL
"""


@dataclass(frozen=True)
class ReleaseDiff:
    """What changed from release A to release B.

    Attributes:
        figures: changed rows of ``mart.indicator_value``: value, counts and status in A and B.
        causes: by indicator, variant, period (year, quarter, month) and delivery: why units
            changed (new, new version, recheck, gone, other), and what they add to numerator and
            denominator.
        ledger: changed figures of the ledger, and the files of the entries that changed them.
    """

    figures: pl.DataFrame
    causes: pl.DataFrame
    ledger: pl.DataFrame

    @property
    def is_empty(self) -> bool:
        """Whether every figure is what it was."""
        return self.figures.is_empty() and self.ledger.is_empty()

    @property
    def main_causes(self) -> pl.DataFrame:
        """Causes by year; by month where what happened evens out in the year."""
        years = self.causes.filter(pl.col("period_type") == "year")
        months = self.causes.filter(pl.col("period_type") == "month").join(
            years.select("indicator_id", "variant_id", year="period"),
            left_on=["indicator_id", "variant_id", pl.col("period").str.slice(0, 4)],
            right_on=["indicator_id", "variant_id", "year"],
            how="anti",
        )
        return pl.concat([years, months])


def diff_releases(a: Path, b: Path, *, slices: bool = False) -> ReleaseDiff:
    """Compare the figures of two release files.

    Args:
        a: the release that came first, e.g. of `kept_file`.
        b: the release to compare with it.
        slices: also figures of divisions, categories and other parts.

    Raises:
        SamplehouseError: a file cannot be read as a release, or has no figures.
    """
    with duckdb.connect() as con:
        for path, name in ((a, "a"), (b, "b")):
            _attach(con, path, name)
        con.execute(PERIOD_OF)
        return ReleaseDiff(
            con.sql(FIGURES, params={"slices": slices}).pl(),
            con.sql(CAUSES).pl(),
            con.sql(LEDGER).pl(),
        )


def _attach(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach a release as a database."""
    try:
        con.execute(f"ATTACH {literal(str(path))} AS {name} (READ_ONLY)")
    except duckdb.Error as error:
        raise SamplehouseError(f"{path.name} cannot be read as a release: {error}") from error
    found = con.execute(
        "FROM duckdb_tables() SELECT schema_name || '.' || table_name WHERE database_name = ?",
        [name],
    ).fetchall()
    if lacking := sorted(set(NEEDED) - {table for (table,) in found}):
        raise SamplehouseError(
            f"{path.stem} is of before there were figures: it has no {', '.join(lacking)}"
        )
