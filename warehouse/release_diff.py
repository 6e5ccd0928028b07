"""Two releases figure by figure: what changed, and what changed it (`release_causes`)."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from warehouse.connection import Resources, open_apart
from warehouse.errors import SamplehouseError
from warehouse.release_causes import CAUSES, attach_causes
from warehouse.sql import identifier, literal

NEEDED = (
    "mart.indicator_value",
    "mart.indicator_count",
    "fact.indicator_unit",
    "fact.ledger_use",
    "mart.ledger_value",
)

# The figures of a release, and those of which it shows nothing but the number of units: single
# firms with few of them.
HELD_FIGURES = """
    CREATE TEMP VIEW {view} AS
    SELECT indicator_id, variant_id, period_type, period, slice_type, slice,
        value, numerator, denominator, official_status, is_suppressed
    FROM {release}.mart.indicator_value
    UNION ALL
    SELECT indicator_id, variant_id, period_type, period, slice_type, slice,
        NULL, NULL, denominator, NULL, TRUE
    FROM ({counted})
    ANTI JOIN {release}.mart.indicator_value
        USING (indicator_id, variant_id, period_type, period, slice_type, slice)
"""
COUNTED = """
    SELECT indicator_id, variant_id, period_type, period, slice_type, slice, denominator
    FROM {release}.mart.indicator_count
"""
# Releases of before held all firms among the other counts.
COUNTED_FIRMS = """
    UNION
    SELECT indicator_id, variant_id, 'year', year, 'firm', entity_uscc, denominator
    FROM {release}.mart.indicator_firm
"""
# A period to date that only one release has differs where it is not what the other had up to the
# month before; unless each period is assessed by itself. What a release did not hold is absent in
# it all the same (`held`).
FIGURES = """
    CREATE TEMP TABLE figure AS
    WITH assessed AS (
        SELECT DISTINCT (indicator_id, variant_id)
        FROM (FROM a_fact_indicator_unit UNION ALL FROM b_fact_indicator_unit)
        WHERE assessed_period IS NOT NULL
    ),
    held AS (
        SELECT indicator_id, variant_id, period_type, period, slice_type, slice,
            CASE WHEN a.denominator IS NOT NULL THEN a END AS row_a,
            CASE WHEN b.denominator IS NOT NULL THEN b END AS row_b,
            period_type = 'year_to_date' AND (indicator_id, variant_id) NOT IN (FROM assessed)
                AS runs_on
        FROM a_figure AS a
        FULL JOIN b_figure AS b
            USING (indicator_id, variant_id, period_type, period, slice_type, slice)
        WHERE slice_type = 'all' OR $slices
    ),
    carried AS (
        SELECT * EXCLUDE (row_a, row_b),
            row_a IS NOT NULL OR NOT runs_on AS held_a, row_b IS NOT NULL OR NOT runs_on AS held_b,
            CASE WHEN runs_on THEN last_value(row_a IGNORE NULLS) OVER to_date ELSE row_a END AS a,
            CASE WHEN runs_on THEN last_value(row_b IGNORE NULLS) OVER to_date ELSE row_b END AS b
        FROM held
        WINDOW to_date AS (
            PARTITION BY indicator_id, variant_id, period_type, slice_type, slice, left(period, 4)
            ORDER BY period
        )
    ),
    -- No row is a count of 0; a count that is not shown stays so.
    counted AS (
        SELECT indicator_id, variant_id, period_type, period, slice_type, slice,
            a.value AS value_a, b.value AS value_b,
            CASE WHEN a.denominator IS NULL THEN 0 ELSE a.numerator END AS numerator_a,
            CASE WHEN b.denominator IS NULL THEN 0 ELSE b.numerator END AS numerator_b,
            coalesce(a.denominator, 0) AS denominator_a,
            coalesce(b.denominator, 0) AS denominator_b,
            a.official_status AS status_a, b.official_status AS status_b,
            held_a, held_b,
            coalesce(a.is_suppressed, FALSE) OR coalesce(b.is_suppressed, FALSE) AS is_suppressed
        FROM carried
    )
    FROM counted
    -- What counts nothing in either release is no figure.
    WHERE (denominator_a > 0 OR denominator_b > 0 OR value_a IS NOT NULL OR value_b IS NOT NULL)
        AND (
            value_a IS DISTINCT FROM value_b
            OR numerator_a IS DISTINCT FROM numerator_b OR denominator_a <> denominator_b
            OR status_a IS DISTINCT FROM status_b
        )
"""
# Why a figure changed, in one column: what its units tell, else what its definition does, else
# what is common to all.
EXPLAINED = """
    WITH told AS (
        SELECT indicator_id, variant_id, period_type, period, slice_type, slice,
            string_agg(DISTINCT cause, ', ' ORDER BY cause) AS causes
        FROM cause GROUP BY ALL
    ),
    defined AS (
        SELECT indicator_id, coalesce(variant_id, '') AS variant_id,
            'definition: ' || string_agg(DISTINCT table_name, ', ' ORDER BY table_name) AS causes
        FROM changed_definition WHERE indicator_id IS NOT NULL GROUP BY ALL
    ),
    common AS (
        SELECT string_agg(DISTINCT table_name, ', ' ORDER BY table_name) AS causes
        FROM changed_definition WHERE indicator_id IS NULL
    ),
    days AS (
        SELECT 'day up to which deliveries count' AS causes FROM a_meta_release AS a,
            b_meta_release AS b WHERE a.as_of IS DISTINCT FROM b.as_of
    )
    SELECT figure.indicator_id, figure.variant_id, figure.period_type, figure.period,
        figure.slice_type, figure.slice,
        CASE WHEN held_a THEN value_a END AS value_a, CASE WHEN held_b THEN value_b END AS value_b,
        CASE WHEN held_a THEN numerator_a END AS numerator_a,
        CASE WHEN held_b THEN numerator_b END AS numerator_b,
        CASE WHEN held_a THEN denominator_a END AS denominator_a,
        CASE WHEN held_b THEN denominator_b END AS denominator_b,
        CASE WHEN held_a THEN status_a END AS status_a,
        CASE WHEN held_b THEN status_b END AS status_b,
        coalesce(
            nullif(concat_ws(
                '; ', any_value(told.causes), string_agg(defined.causes, '; '),
                CASE
                    WHEN regexp_matches(any_value(told.causes), 'other|read anew')
                        THEN nullif(concat_ws(
                            '; ', 'configuration: ' || (SELECT causes FROM common),
                            (SELECT any_value(causes) FROM days)
                        ), '')
                END
            ), ''),
            'configuration: ' || (SELECT causes FROM common),
            (SELECT any_value(causes) FROM days),
            'unknown'
        ) AS changed_by
    FROM figure
    LEFT JOIN told USING (indicator_id, variant_id, period_type, period, slice_type, slice)
    LEFT JOIN defined
        ON defined.indicator_id = figure.indicator_id
        AND defined.variant_id IN (figure.variant_id, '')
    GROUP BY ALL
    ORDER BY ALL
"""
# The causes, without passes of a figure that is of too few units to be shown.
SHOWN_CAUSES = """
    SELECT cause.* REPLACE (
        CASE WHEN NOT coalesce(is_suppressed, FALSE) THEN cause.numerator END AS numerator
    )
    FROM cause
    LEFT JOIN (
        SELECT indicator_id, variant_id, period_type, period, slice_type, slice, is_suppressed
        FROM figure
    ) USING (indicator_id, variant_id, period_type, period, slice_type, slice)
    ORDER BY ALL
"""

LEDGER = """
    WITH entries AS (
        SELECT plan_id, target_id, coalesce(b.effect, 0) - coalesce(a.effect, 0) AS effect,
            coalesce(b.delivery_id, a.delivery_id) AS delivery_id,
            CASE
                WHEN a.entry_no IS NULL THEN 'new'
                WHEN b.entry_no IS NULL THEN 'gone'
                WHEN a.version <> b.version OR a.delivery_id <> b.delivery_id THEN 'new version'
                ELSE 'other entries'
            END AS cause
        FROM a.fact.ledger_use AS a
        FULL JOIN b.fact.ledger_use AS b USING (plan_id, target_id, source_id, entry_no)
        WHERE a.effect IS DISTINCT FROM b.effect
            OR a.entry_no IS NULL OR b.entry_no IS NULL
    ),
    changed AS (
        SELECT plan_id, target_id, a.value AS value_a, b.value AS value_b
        FROM a.mart.ledger_value AS a
        FULL JOIN b.mart.ledger_value AS b USING (plan_id, target_id)
        WHERE a.value IS DISTINCT FROM b.value
    ),
    deliveries AS (
        FROM b_meta_delivery UNION FROM a_meta_delivery
    )
    SELECT plan_id, target_id, CAST(any_value(value_a) AS DOUBLE) AS value_a,
        CAST(any_value(value_b) AS DOUBLE) AS value_b,
        coalesce(cause, 'definition') AS cause, count(cause) AS entries,
        CAST(coalesce(sum(effect), 0) AS DOUBLE) AS effect,
        source_id, received_on, file_name, delivery_id
    FROM changed
    LEFT JOIN entries USING (plan_id, target_id)
    LEFT JOIN deliveries USING (delivery_id)
    GROUP BY ALL
    ORDER BY ALL
"""


@dataclass(frozen=True)
class ReleaseDiff:
    """What changed from release A to release B.

    Attributes:
        figures: changed rows of ``mart.indicator_value``: value, counts and status in A and B,
            empty of a period to date that one did not hold, and `changed_by`, why in words.
        causes: by figure (indicator, variant, period, slice) and delivery: why units changed, and
            what they add to numerator (empty where it is not shown) and denominator. `cause` is
            new, gone, new version, recheck, definition (what counts is defined otherwise), read
            anew (a file received before gave other records), firm roster, or other (records of
            other kinds, configuration, code).
        ledger: changed figures of the ledger by delivery: whether its entries are new, a new
            version, gone, changed by other entries, or none (definition), and their effect.
        definitions: rows of definitions and code lists that only one release has: indicator_id and
            variant_id (null where a table is of all), table_name, only_in_a, only_in_b; another
            code version is a row of ``meta.release``.
    """

    figures: pl.DataFrame
    causes: pl.DataFrame
    ledger: pl.DataFrame
    definitions: pl.DataFrame

    @property
    def is_empty(self) -> bool:
        """Whether every figure is what it was."""
        return self.figures.is_empty() and self.ledger.is_empty()

    @property
    def main_causes(self) -> pl.DataFrame:
        """Causes by year; by month where what happened evens out in the year."""
        years = self.causes.filter(pl.col("period_type") == "year")
        cell = ("indicator_id", "variant_id", "slice_type", "slice")
        months = self.causes.filter(pl.col("period_type") == "month").join(
            years.select(*cell, year="period"),
            left_on=[*cell, pl.col("period").str.slice(0, 4)],
            right_on=[*cell, "year"],
            how="anti",
        )
        return pl.concat([years, months])


def diff_releases(
    a: Path, b: Path, *, slices: bool = False, resources: Resources | None = None
) -> ReleaseDiff:
    """Compare the figures of two release files.

    Args:
        a: the release that came first, e.g. of `kept_file`.
        b: the release to compare with it.
        slices: also figures of divisions, categories and other parts.
        resources: what DuckDB may use; this machine's by default.

    Raises:
        SamplehouseError: a file cannot be read as a release, or has no figures.
    """
    with open_apart(resources) as con:
        for path, name in ((a, "a"), (b, "b")):
            _attach(con, path, name)
        attach_causes(con)
        con.execute(FIGURES, {"slices": slices})
        causes = con.sql(CAUSES, params={"slices": slices}).pl()
        con.register("cause", causes.to_arrow())
        return ReleaseDiff(
            con.sql(EXPLAINED).pl(),
            con.sql(SHOWN_CAUSES).pl(),
            con.sql(LEDGER).pl(),
            con.sql("FROM changed_definition").pl(),
        )


def _attach(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach a release as a database."""
    try:
        con.execute(f"ATTACH {literal(str(path))} AS {name} (READ_ONLY)")
    except duckdb.Error as error:
        raise SamplehouseError(f"{path.name} cannot be read as a release: {error}") from error
    found = con.execute(
        "FROM duckdb_columns() SELECT DISTINCT schema_name || '.' || table_name "
        "WHERE database_name = ?",
        [name],
    ).fetchall()
    if lacking := sorted(set(NEEDED) - {table for (table,) in found}):
        raise SamplehouseError(
            f"{path.stem} is of before there were figures: it has no {', '.join(lacking)}"
        )
    counted = COUNTED + (COUNTED_FIRMS if ("mart.indicator_firm",) in found else "")
    release, view = identifier(name), identifier(f"{name}_figure")
    counted = counted.format(release=release)
    con.execute(HELD_FIGURES.format(release=release, view=view, counted=counted))
