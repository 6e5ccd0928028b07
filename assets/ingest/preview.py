"""How a file would be read, before it is received.

The preview is no second reading of the source's YAML: it runs the real pipeline on the one file in
a temporary home, without what was received before, and reports what came out.
"""

import datetime as dt
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from assets.ingest.landing import receive, register
from assets.ingest.run import ingest, read_raw
from warehouse.connection import Resources
from warehouse.contract import record_contracts
from warehouse.home import Home
from warehouse.source import ColumnMap, Source, record_tables

FIRST_RECORDS = 5


@dataclass(frozen=True)
class Preview:
    """What would become of a file.

    Attributes:
        delivery: its row of `meta.delivery`: status, message, rows by outcome.
        mapping: record table → (column, where it comes from), as the YAML says.
        records: record table → (number of records, the first of them with filled columns only).
        rejects: rule_id, column_name, message, rows, examples (some of the texts found).
        ignored: reason, row_count.
        unmapped: columns of the file that the YAML does not mention.
        control_totals: totals that the file states, beside what was counted.
    """

    delivery: Mapping[str, object]
    mapping: Mapping[str, tuple[tuple[str, str], ...]]
    records: Mapping[str, tuple[int, pl.DataFrame]]
    rejects: pl.DataFrame
    ignored: pl.DataFrame
    unmapped: tuple[str, ...]
    control_totals: pl.DataFrame

    @property
    def unknown_codes(self) -> pl.DataFrame:
        """Rejects for a wording that no code list or `codes` of the YAML knows."""
        return self.rejects.filter(pl.col("rule_id").str.starts_with("unknown_"))


def preview(path: Path, source: Source, resources: Resources | None = None) -> Preview:
    """Read one file as its source says, in a temporary home that is removed afterwards.

    Args:
        path: the file.
        source: how it is read.
        resources: what DuckDB may use but for where it spills, which is the temporary home; this
            machine's by default.
    """
    with tempfile.TemporaryDirectory(prefix="samplehouse-preview-") as folder:
        home = Home(Path(folder))
        given = replace(resources or Resources.of_machine(), temp_directory=home.root / "tmp")
        day = dt.date.today()  # noqa: DTZ011 - only names a folder that is removed again
        receive(home, source.source_id, [path], day)
        register(home, {source.source_id: source}, [day])
        read_raw(home, source, [day], given)
        of_source = {source.source_id: source}
        outcome = ingest(home, of_source, [day], resources=given, check=False)[0]
        delivery = outcome.deliveries.row(0, named=True)
        return Preview(
            delivery=delivery,
            mapping=_mapping(source),
            records=_records(home),
            rejects=_rejects(_read(home, "core.rejected_record")),
            ignored=_read(home, "meta.ignored_rows")
            .group_by("reason")
            .agg(pl.col("row_count").sum())
            .sort("reason"),
            unmapped=outcome.unmapped.get(str(delivery["delivery_id"]), ()),
            control_totals=_read(home, "meta.control_total"),
        )


def _read(home: Home, table: str) -> pl.DataFrame:
    files = home.partition_files(table)
    if not files:
        return pl.DataFrame(schema=record_contracts()[table].polars_schema())
    return pl.scan_parquet(files, hive_partitioning=False).collect()


def _mapping(source: Source) -> dict[str, tuple[tuple[str, str], ...]]:
    return {
        f"{table_name} → core.{target}": tuple(
            (name, _origin(column)) for name, column in record.columns.items()
        )
        for table_name, table in source.tables.items()
        for target, record in table.records.items()
    }


def _origin(column: ColumnMap) -> str:
    if column.value is not None:
        return f"always {column.value}"
    if column.digest:
        return f"digest of {', '.join(column.digest)}"
    if column.join:
        return column.separator.join(" or ".join(names) for names in column.join)
    text = " or ".join(column.source)
    return f"{text}, coded" if column.codes is not None else text


def _records(home: Home) -> dict[str, tuple[int, pl.DataFrame]]:
    tables = {f"core.{name}": _read(home, f"core.{name}") for name in record_tables()}
    return {
        name: (rows.height, _filled(rows.head(FIRST_RECORDS)))
        for name, rows in tables.items()
        if rows.height
    }


def _filled(rows: pl.DataFrame) -> pl.DataFrame:
    house = {"source_id", "version", "delivery_id", "received_on", "content_hash"}
    return rows.select(
        column for column in rows if column.name not in house and column.null_count() < len(column)
    )


def _rejects(rejected: pl.DataFrame) -> pl.DataFrame:
    return (
        rejected.group_by("rule_id", "column_name", "message")
        .agg(
            pl.len().alias("rows"),
            pl.col("value_text").drop_nulls().unique(maintain_order=True).head(5).alias("examples"),
            pl.col("source_sheet").first().alias("first_sheet"),
            pl.col("source_row").min().alias("first_row"),
        )
        .sort("rows", "rule_id", descending=[True, False])
    )
