"""Why figures differ between two releases: unit by unit, and definition by definition.

A figure is a sum over units, so its change is the sum of what each unit contributes in one release
and no longer, or not yet, in the other; the parts add up to the change, exactly. Where a figure is
weighted, or the mean of a survey, units that only moved to another stratum or changed their
answers are named too, though they add nothing to its counts. What no unit explains follows from
definitions, code lists or code, which are compared table by table.
"""

from collections.abc import Mapping

import duckdb
import polars as pl

from warehouse.sql import identifier, qualified

SIDES = ("a", "b")
# Tables and columns that are read; one that a release does not have yet reads as empty.
READ: dict[str, tuple[str, ...]] = {
    "core.sample": ("sample_no", "sampling_basis", "delivery_id", "received_on"),
    "meta.delivery": ("delivery_id", "source_id", "received_on", "file_name"),
    "meta.release": ("code_version", "as_of"),
    "ref.division": ("code",),
    "ref.plan_pilot_division": ("division_code",),
    "ref.indicator": ("indicator_id", "kind"),
    "ref.indicator_variant": ("indicator_id", "variant_id", "weighting"),
    "ref.indicator_weight": ("weighting", "slice_type"),
    "fact.sample_firm": ("source_id", "sample_no", "firm_uscc", "answers"),
    "fact.firm_period": ("entity_uscc", "valid_from", "valid_to", "delivery_id"),
    "fact.indicator_unit": (
        *("indicator_id", "variant_id", "unit_kind", "source_id", "unit_no"),
        *("counted_on", "assessed_period", "is_counted", "exclusion_reason", "numerator"),
        *("denominator", "division_code", "product_category", "industry_division", "link"),
        *("entity_uscc", "firm_class", "subject_type", "chain", "sampling_stratum"),
        *("inclusion_probability", "recheck_no", "delivery_id"),
    ),
}
TYPES = {
    **dict.fromkeys(("counted_on", "received_on", "valid_from", "valid_to", "as_of"), "DATE"),
    **dict.fromkeys(("is_counted", "answers"), "BOOLEAN"),
    **dict.fromkeys(("numerator", "denominator"), "BIGINT"),
    "inclusion_probability": "DOUBLE",
}

# What a unit is in a figure: where it counts, as how much, and in which slices and strata.
TOLD = """
    CREATE TEMP VIEW {side}_told AS
    SELECT units.*,
        {{
            'counted_on': counted_on, 'assessed_period': assessed_period,
            'numerator': numerator, 'denominator': denominator,
            'division': division_code,
            'pilot': CASE
                WHEN division_code IN (SELECT division_code FROM {side}_ref_plan_pilot_division)
                    THEN 'pilot'
                WHEN division_code IN (SELECT code FROM {side}_ref_division) THEN 'rest'
                ELSE 'UNKNOWN'
            END,
            'link': link, 'category': product_category, 'industry': industry_division,
            'chain': chain, 'firm_class': firm_class, 'subject_type': subject_type,
            'stratum': sampling_stratum, 'firm': entity_uscc,
            'inclusion_probability': inclusion_probability
        }} AS told
    FROM {side}_fact_indicator_unit AS units
"""
SLICES = (
    *("division", "pilot", "link", "category", "industry", "chain", "firm_class"),
    *("subject_type", "stratum", "firm"),
)
_SLICES = ", ".join(f"{{'slice_type': '{name}', 'slice': told.{name}}}" for name in SLICES)
MACROS = (
    f"""
    CREATE TEMP MACRO slices_of(told, parts) AS CASE
        WHEN parts THEN [{{'slice_type': 'all', 'slice': 'all'}}, {_SLICES}]
        ELSE [{{'slice_type': 'all', 'slice': 'all'}}]
    END
    """,
    """
    CREATE TEMP MACRO slice_of(told, kind) AS list_filter(
        slices_of(told, TRUE), lambda s: s.slice_type = kind
    )[1].slice
    """,
    """
    CREATE TEMP MACRO month_of(day, number) AS
        strftime(day, '%Y') || '-' || lpad(CAST(number AS VARCHAR), 2, '0')
    """,
    # A unit counts in its month, quarter and year, and up to its month and every later one of the
    # year; what is itself the assessment of a period counts in that alone.
    """
    CREATE TEMP MACRO periods_of(day, assessed) AS CASE
        WHEN day IS NULL THEN []
        WHEN assessed = 'year_to_date'
            THEN [{'period_type': 'year_to_date', 'period': month_of(day, month(day))}]
        ELSE list_filter(
            [
                {'period_type': 'year', 'period': strftime(day, '%Y')},
                {'period_type': 'quarter', 'period': strftime(day, '%Y') || 'Q' || quarter(day)},
                {'period_type': 'month', 'period': month_of(day, month(day))}
            ],
            lambda p: coalesce(assessed, p.period_type) = p.period_type
        ) || CASE
            WHEN assessed IS NULL THEN list_transform(
                range(month(day), 13),
                lambda m: {'period_type': 'year_to_date', 'period': month_of(day, m)}
            )
            ELSE []
        END
    END
    """,
)

CHANGED_UNITS = """
    CREATE TEMP TABLE changed_unit AS
    WITH rechecks AS (
        SELECT sample_no AS recheck_no, max_by(delivery_id, received_on) AS delivery_id
        FROM b_core_sample WHERE sampling_basis = 'recheck' GROUP BY ALL
    ),
    -- Which kind of slice carries the weights of a variant; `answers` where it is a survey's mean.
    weighted AS (
        SELECT indicator_id, variant_id, CASE
            WHEN kind = 'score' THEN 'answers'
            WHEN weighting = 'inclusion_probability' THEN 'stratum'
            ELSE (
                SELECT min(slice_type) FROM b_ref_indicator_weight AS w
                WHERE w.weighting = v.weighting
            )
        END AS weighs_by
        FROM b_ref_indicator_variant AS v JOIN b_ref_indicator USING (indicator_id)
        WHERE kind = 'score' OR weighting IS NOT NULL
    ),
    redefined AS (
        SELECT DISTINCT indicator_id, coalesce(variant_id, '') AS variant_id FROM changed_definition
        WHERE indicator_id IS NOT NULL
    ),
    units AS (
        SELECT indicator_id, variant_id, unit_kind, source_id, unit_no,
            a.told AS told_a, b.told AS told_b,
            a.is_counted AS counted_a, b.is_counted AS counted_b,
            a.delivery_id AS delivery_a, b.delivery_id AS delivery_b,
            a.recheck_no AS recheck_a, b.recheck_no AS recheck_b,
            coalesce(CASE
                WHEN weighs_by = 'answers' THEN a.delivery_id IS DISTINCT FROM b.delivery_id
                ELSE slice_of(a.told, weighs_by) IS DISTINCT FROM slice_of(b.told, weighs_by)
                    OR (
                        weighs_by = 'stratum' AND a.inclusion_probability
                            IS DISTINCT FROM b.inclusion_probability
                    )
            END AND weighs_by IS NOT NULL AND (a.is_counted OR b.is_counted), FALSE) AS weighs,
            coalesce(b.counted_on, a.counted_on) AS day,
            coalesce(b.entity_uscc, a.entity_uscc) AS entity_uscc
        FROM a_told AS a
        FULL JOIN b_told AS b
            USING (indicator_id, variant_id, unit_kind, source_id, unit_no)
        LEFT JOIN weighted USING (indicator_id, variant_id)
        WHERE a.told IS DISTINCT FROM b.told OR weighs
    ),
    judged AS (
        SELECT units.*, CASE
            WHEN counted_a IS NULL AND delivery_b NOT IN (SELECT delivery_id FROM a_meta_delivery)
                THEN 'new'
            WHEN counted_b IS NULL AND delivery_a NOT IN (SELECT delivery_id FROM b_meta_delivery)
                THEN 'gone'
            WHEN recheck_a IS DISTINCT FROM recheck_b AND counted_a IS NOT NULL
                AND counted_b IS NOT NULL THEN 'recheck'
            WHEN delivery_a <> delivery_b THEN 'new version'
            WHEN redefined.indicator_id IS NOT NULL THEN 'definition'
            WHEN counted_a IS NULL OR counted_b IS NULL THEN 'read anew'
            WHEN told_a.firm_class IS DISTINCT FROM told_b.firm_class
                OR told_a.chain IS DISTINCT FROM told_b.chain
                OR told_a.subject_type IS DISTINCT FROM told_b.subject_type THEN 'firm roster'
            ELSE 'other'
        END AS cause
        FROM units
        LEFT JOIN redefined
            ON redefined.indicator_id = units.indicator_id
            AND redefined.variant_id IN (units.variant_id, '')
        QUALIFY row_number() OVER (
            PARTITION BY units.indicator_id, units.variant_id, unit_kind, source_id, unit_no
        ) = 1
    ),
    changed AS (
        SELECT judged.*, CASE
            WHEN cause = 'recheck' THEN coalesce(rechecks.delivery_id, delivery_b)
            WHEN cause = 'firm roster' THEN coalesce(firms.delivery_id, delivery_b)
            ELSE coalesce(delivery_b, delivery_a)
        END AS by_delivery
        FROM judged
        LEFT JOIN rechecks ON rechecks.recheck_no = coalesce(recheck_b, recheck_a)
        LEFT JOIN b_fact_sample_firm AS samples
            ON cause = 'firm roster' AND unit_kind = 'sample' AND answers
            AND samples.source_id = judged.source_id AND samples.sample_no = judged.unit_no
        LEFT JOIN b_fact_firm_period AS firms
            ON cause = 'firm roster'
            AND firms.entity_uscc = coalesce(samples.firm_uscc, judged.entity_uscc)
            AND day >= firms.valid_from AND (day < firms.valid_to OR firms.valid_to IS NULL)
    )
    FROM changed
"""
CAUSES = """
    WITH deliveries AS (
        FROM b_meta_delivery UNION FROM a_meta_delivery
    ),
    sides AS (
        SELECT *, told_a AS told, -1 AS sign FROM changed_unit WHERE counted_a IS NOT NULL
        UNION ALL
        SELECT *, told_b AS told, 1 AS sign FROM changed_unit WHERE counted_b IS NOT NULL
    ),
    periods AS (
        SELECT *, unnest(periods_of(told.counted_on, told.assessed_period)) AS place FROM sides
    ),
    cells AS (
        SELECT *, place.period_type, place.period, unnest(slices_of(told, $slices)) AS part
        FROM periods
    ),
    -- What each unit adds to each figure, less what it added before.
    added AS (
        SELECT indicator_id, variant_id, period_type, period, part.slice_type, part.slice,
            unit_kind, source_id, unit_no, any_value(cause) AS cause,
            any_value(by_delivery) AS by_delivery, any_value(weighs) AS weighs,
            sum(sign * told.numerator) AS numerator, sum(sign * told.denominator) AS denominator
        FROM cells
        WHERE part.slice IS NOT NULL AND (part.slice_type <> 'firm' OR period_type = 'year')
        GROUP BY ALL
    )
    SELECT indicator_id, variant_id, period_type, period, slice_type, slice, cause,
        count(*) AS units,
        CAST(sum(numerator) AS BIGINT) AS numerator,
        CAST(sum(denominator) AS BIGINT) AS denominator,
        deliveries.source_id, deliveries.received_on, deliveries.file_name, by_delivery
    FROM added
    LEFT JOIN deliveries ON deliveries.delivery_id = by_delivery
    WHERE (numerator <> 0 OR denominator <> 0 OR (weighs AND slice_type = 'all'))
        -- Of periods to date and of slices, those that have a figure.
        AND (
            (period_type <> 'year_to_date' AND slice_type = 'all')
            OR (indicator_id, variant_id, period_type, period, slice_type, slice) IN (
                SELECT (indicator_id, variant_id, period_type, period, slice_type, slice)
                FROM figure
            )
        )
    GROUP BY ALL
    ORDER BY ALL
"""


Columns = Mapping[tuple[str, str], list[str]]


def attach_causes(con: duckdb.DuckDBPyConnection) -> None:
    """Make what the causes are told from, on a connection with the releases `a` and `b` attached.

    Afterwards there are ``changed_definition`` (indicator_id, variant_id, table_name, only_in_a,
    only_in_b) and ``changed_unit``.
    """
    for statement in MACROS:
        con.execute(statement)
    there = _columns(con)
    for side in SIDES:
        for table, columns in READ.items():
            _read(con, side, table, columns, there)
        con.execute(TOLD.format(side=side))
    con.register("changed_definition", _definition_changes(con, there).to_arrow())
    con.execute(CHANGED_UNITS)


def _read(
    con: duckdb.DuckDBPyConnection, side: str, table: str, columns: tuple[str, ...], there: Columns
) -> None:
    """A view of one table of one release, with every column that is asked for."""
    known = there.get((side, table), [])
    asked = ", ".join(
        identifier(name)
        if name in known
        else f"CAST(NULL AS {TYPES.get(name, 'VARCHAR')}) AS {identifier(name)}"
        for name in columns
    )
    source = f"FROM {side}.{qualified(table)}" if known else "LIMIT 0"
    view = identifier(f"{side}_{table.replace('.', '_')}")
    con.execute(f"CREATE TEMP VIEW {view} AS SELECT {asked} {source}")


def _columns(con: duckdb.DuckDBPyConnection) -> Columns:
    """Columns of the tables of both releases, by side and table."""
    rows = con.execute(
        """
        SELECT database_name, schema_name || '.' || table_name,
            list(column_name ORDER BY column_index)
        FROM duckdb_columns() WHERE database_name IN ('a', 'b') GROUP BY ALL
        """
    ).fetchall()
    return {(side, table): columns for side, table, columns in rows}


# -- definitions, code lists, code

DEFINITION = {
    "indicator_id": pl.String,
    "variant_id": pl.String,
    "table_name": pl.String,
    "only_in_a": pl.Int64,
    "only_in_b": pl.Int64,
}


def _definition_changes(con: duckdb.DuckDBPyConnection, there: Columns) -> pl.DataFrame:
    """Rows of definitions and code lists that only one release has.

    Returns:
        indicator_id and variant_id (null where a table is of all of them), table_name, only_in_a,
        only_in_b (rows). Weights are told with the variants that use them; different code is a row
        of ``meta.release``.
    """
    parts = [pl.DataFrame(schema=DEFINITION)]
    for table in sorted({table for _, table in there if table.startswith("ref.")}):
        known = [there.get((side, table), []) for side in SIDES]
        common = [column for column in known[0] if column in known[1]]
        if common:
            parts.append(_rows_apart(con, table, common))
    parts.append(_code_apart(con))
    return pl.concat(part.cast(DEFINITION) for part in parts)  # type: ignore[arg-type] # a mapping


def _rows_apart(con: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> pl.DataFrame:
    asked = ", ".join(identifier(column) for column in columns)
    # A list of weights is of the variants that use it.
    by_weighting = table == "ref.indicator_weight"
    of = ", ".join(
        name if name in columns else f"CAST(NULL AS VARCHAR) AS {name}"
        for name in ("indicator_id", "variant_id")
    )
    sides = " UNION ALL ".join(
        f"""
        SELECT '{side}' AS side, * FROM (
            SELECT {asked} FROM {side}.{qualified(table)}
            EXCEPT ALL SELECT {asked} FROM {other}.{qualified(table)}
        )
        """
        for side, other in (SIDES, SIDES[::-1])
    )
    source = f"({sides})"
    if by_weighting:
        source += " JOIN (FROM a_ref_indicator_variant UNION FROM b_ref_indicator_variant) "
        source += "USING (weighting)"
        of = "indicator_id, variant_id"
    return con.execute(
        f"""
        SELECT {of}, $table AS table_name,
            count(*) FILTER (WHERE side = 'a') AS only_in_a,
            count(*) FILTER (WHERE side = 'b') AS only_in_b
        FROM {source} GROUP BY ALL HAVING count(*) > 0 ORDER BY ALL
        """,
        {"table": table},
    ).pl()


def _code_apart(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return con.sql(
        """
        SELECT CAST(NULL AS VARCHAR) AS indicator_id, CAST(NULL AS VARCHAR) AS variant_id,
            'meta.release' AS table_name, 1 AS only_in_a, 1 AS only_in_b
        FROM a_meta_release AS a, b_meta_release AS b
        WHERE a.code_version <> b.code_version
        """
    ).pl()
