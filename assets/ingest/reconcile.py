"""Totals that a delivery states about itself, compared with the records that were counted."""

from collections.abc import Sequence

from assets.ingest.classify import Candidate
from assets.ingest.place import located
from warehouse.source import Source
from warehouse.sql import identifier, literal


def control_totals_sql(source: Source, candidates: Sequence[Candidate]) -> str | None:
    """SELECT of `meta.control_total` of a batch; None where the source states no totals.

    Records are counted as delivered: distinct keys of the detail sheet, whether they are new,
    unchanged or rejected later, because the file states what it holds. Rows that follow a header
    were counted where they were read.
    """
    parts = [
        _count(each)
        for table in source.tables.values()
        if (total := table.control_totals) is not None
        for each in candidates
        if (each.table_name, each.record.target) == (total.detail_table, total.record)
    ]
    if not parts and not any(table.stated_rows for table in source.tables.values()):
        return None
    place = located("delivery_id", "received_on", "source_sheet", "source_row")
    nothing = "SELECT 0 AS delivery_no, '' AS detail_sheet, 0 AS counted LIMIT 0"
    return f"""
        WITH detail AS ({" UNION ALL ".join(parts or [nothing])})
        SELECT {literal(source.source_id)} AS source_id, {place}, label,
            control_totals.detail_sheet, stated,
            coalesce(control_totals.counted, detail.counted) AS counted
        FROM control_totals LEFT JOIN detail
            ON detail.delivery_no = delivery_of(control_totals.row_id)
            AND detail.detail_sheet = control_totals.detail_sheet
    """


def _count(candidate: Candidate) -> str:
    key = identifier(candidate.record.key[0])
    return (
        "SELECT delivery_of(row_id) AS delivery_no, sheet_of(row_id) AS detail_sheet, "
        f"count(DISTINCT {key}) AS counted "
        f"FROM {identifier(candidate.relation)} GROUP BY ALL"
    )
