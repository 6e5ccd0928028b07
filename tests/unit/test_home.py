"""Views over the lake's partitions."""

import datetime as dt
from pathlib import Path

import duckdb
import polars as pl

from warehouse.contract import Model, record_contracts
from warehouse.home import Home, create_record_views
from warehouse.tables import read_note, write_parquet, write_partition, write_text

DAY, NEXT_DAY = dt.date(2024, 5, 1), dt.date(2024, 5, 2)


def partition(day: dt.date, sample_no: str) -> pl.DataFrame:
    contract = record_contracts()["core.sample"]
    row = {"source_id": "market", "sample_no": sample_no, "version": 1, "received_on": day}
    return pl.DataFrame([row], schema=contract.polars_schema())


def test_a_partition_written_before_a_column_existed_has_nulls(home: Home) -> None:
    old = partition(DAY, "S1").drop("lot_quantity", "remark")
    write_parquet(old, home.partition_file("core.sample", "market", DAY))
    write_partition(home, "core.sample", "market", NEXT_DAY, partition(NEXT_DAY, "S2"))
    with duckdb.connect() as con:
        create_record_views(con, home)
        found = con.sql("SELECT sample_no, lot_quantity FROM core.sample ORDER BY ALL").fetchall()
        assert found == [("S1", None), ("S2", None)]
        assert (
            tuple(con.sql("FROM core.sample").columns)
            == record_contracts()["core.sample"].column_names
        )


def test_a_lake_of_old_partitions_only_is_readable(home: Home) -> None:
    old = partition(DAY, "S1").drop("lot_quantity")
    write_parquet(old, home.partition_file("core.sample", "market", DAY))
    with duckdb.connect() as con:
        create_record_views(con, home)
        assert con.sql("SELECT count(*), count(lot_quantity) FROM core.sample").fetchall() == [
            (1, 0)
        ]


def test_later_partitions_are_not_seen_as_of_a_day(home: Home) -> None:
    for day, sample_no in ((DAY, "S1"), (NEXT_DAY, "S2")):
        write_partition(home, "core.sample", "market", day, partition(day, sample_no))
    with duckdb.connect() as con:
        create_record_views(con, home, DAY)
        assert con.sql("SELECT sample_no FROM core.sample").fetchall() == [("S1",)]


class Noted(Model):
    number: int


def test_a_note_of_other_code_is_none(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    assert read_note(Noted, path) is None
    write_text(Noted(number=1).model_dump_json(), path)
    assert read_note(Noted, path) == Noted(number=1)
    write_text('{"number": 1, "since": "last year"}', path)
    assert read_note(Noted, path) is None
