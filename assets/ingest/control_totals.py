"""Totals that a delivery states about itself, compared with the records that were counted."""

import duckdb

from warehouse.source import ControlTotal, Source
from warehouse.sql import identifier, literal


def control_totals_sql(con: duckdb.DuckDBPyConnection, source: Source) -> str:
    """SELECT of `meta.control_total` of a batch: stated totals beside counted records.

    A stated total belongs to the detail sheet with the same stem, letters and digits compared
    regardless of case, or to the sheet that the source's `sheet_pairs` names. Records are counted
    as delivered: distinct keys of the detail sheet, whether they are new, unchanged or rejected
    later, because the file states what it holds.
    """
    stating = [table.control_totals for table in source.tables.values() if table.control_totals]
    parts = [_totals(con, source, total) for total in stating]
    nothing = "CAST(NULL AS VARCHAR)"
    return " UNION ALL BY NAME ".join(parts) or (
        f"SELECT {nothing} AS source_id, {nothing} AS delivery_id, CAST(NULL AS DATE) AS "
        f"received_on, {nothing} AS source_sheet, CAST(NULL AS BIGINT) AS source_row, "
        f"{nothing} AS label, {nothing} AS detail_sheet, CAST(NULL AS BIGINT) AS stated, "
        "CAST(NULL AS BIGINT) AS counted LIMIT 0"
    )


def _totals(con: duckdb.DuckDBPyConnection, source: Source, total: ControlTotal) -> str:
    record = source.tables[total.detail_table].records[total.record]
    key = next(name for name in record.columns if name in ("sample_no", "inspection_no"))
    relation = _candidate_relation(con, source, total)
    pairs = " ".join(
        f"WHEN source_sheet = {literal(sheet)} THEN {literal(detail)}"
        for sheet, detail in total.sheet_pairs.items()
    )
    summary_stem = _stem(total.detail_sheet)
    paired = f"CASE {pairs} END" if pairs else "CAST(NULL AS VARCHAR)"
    return f"""
        (WITH detail AS (
            SELECT delivery_id, source_sheet AS detail_sheet, {_stem(total.detail_stem)} AS stem,
                count(DISTINCT {identifier(key)}) AS counted
            FROM {identifier(relation)} GROUP BY ALL
        ),
        summary AS (
            SELECT *, {paired} AS paired, {summary_stem} AS stem FROM control_totals
        )
        SELECT {literal(source.source_id)} AS source_id, summary.delivery_id,
            delivery.received_on, nullif(summary.source_sheet, '') AS source_sheet,
            summary.source_row, summary.label, detail.detail_sheet, summary.stated,
            detail.counted
        FROM summary JOIN delivery USING (delivery_id)
        LEFT JOIN detail ON detail.delivery_id = summary.delivery_id AND (
            detail.detail_sheet = summary.paired
            OR (summary.paired IS NULL AND detail.stem = summary.stem)
        ))
    """


def _stem(pattern: str) -> str:
    found = f"regexp_extract(source_sheet, {literal(pattern)}, 1)"
    return f"lower(regexp_replace({found}, '[^A-Za-z0-9]', '', 'g'))"


def _candidate_relation(con: duckdb.DuckDBPyConnection, source: Source, total: ControlTotal) -> str:
    """The relation with the detail records: candidates are numbered in the YAML's order."""
    numbered = [(name, target) for name, table in source.tables.items() for target in table.records]
    relation = f"candidate_{numbered.index((total.detail_table, total.record))}"
    con.table(relation)  # fails early, and by name, should the numbering ever change
    return relation
