"""Totals that a delivery states about itself, compared with the records that were counted."""

from collections.abc import Sequence

from assets.ingest.classify import Candidate
from warehouse.source import Source
from warehouse.sql import identifier, literal


def control_totals_sql(source: Source, candidates: Sequence[Candidate]) -> str | None:
    """SELECT of `meta.control_total` of a batch; None where the source states no totals.

    Records are counted as delivered: distinct keys of the detail sheet, whether they are new,
    unchanged or rejected later, because the file states what it holds.
    """
    parts = [
        _count(each)
        for table in source.tables.values()
        if (total := table.control_totals) is not None
        for each in candidates
        if (each.table_name, each.record.target) == (total.detail_table, total.record)
    ]
    if not parts:
        return None
    return f"""
        WITH detail AS ({" UNION ALL ".join(parts)})
        SELECT {literal(source.source_id)} AS source_id, delivery_id, received_on,
            source_sheet, source_row, label, detail_sheet, stated,
            counted
        FROM control_totals JOIN delivery USING (delivery_id)
        LEFT JOIN detail USING (delivery_id, detail_sheet)
    """


def _count(candidate: Candidate) -> str:
    key = identifier(candidate.record.key[0])
    return (
        f"SELECT delivery_id, source_sheet AS detail_sheet, count(DISTINCT {key}) AS counted "
        f"FROM {identifier(candidate.relation)} GROUP BY ALL"
    )
