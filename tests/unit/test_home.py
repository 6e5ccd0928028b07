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


def test_partitions_are_told_by_source_and_day(home: Home) -> None:
    for source, day in (("market", NEXT_DAY), ("market", DAY), ("airport", NEXT_DAY)):
        write_partition(home, "core.sample", source, day, partition(day, "S1"))
    home.partition_file("core.sample", "zoo", DAY).parent.mkdir(parents=True)  # no rows: no file
    files = home.partition_files("core.sample")
    assert [(path.parts[-3], path.parts[-2]) for path in files] == [
        ("source_id=airport", "received_on=2024-05-02"),
        ("source_id=market", "received_on=2024-05-01"),
        ("source_id=market", "received_on=2024-05-02"),
    ]
    assert home.partition_files("core.sample", source_id="market") == files[1:]
    assert home.partition_files("core.sample", source_id="nobody") == []
    assert home.partition_files("core.sample", as_of=DAY) == [files[1]]
    assert home.partition_lines("core.sample") == {home.name(f): home.line(f) for f in files}
    assert home.partition_lines("core.sample", DAY).keys() == {home.name(files[1])}
    assert home.name(files[0]) == (
        "lake/core/sample/source_id=airport/received_on=2024-05-02/part.parquet"
    )


def test_the_last_day_is_that_of_a_partition_with_rows(home: Home) -> None:
    assert home.last_day("core.sample") is None
    write_partition(home, "core.sample", "market", DAY, partition(DAY, "S1"))
    write_partition(home, "core.sample", "airport", NEXT_DAY, partition(NEXT_DAY, "S1"))
    assert home.last_day("core.sample") == NEXT_DAY
    assert home.last_day("core.sample", DAY) == DAY
    home.partition_file("core.sample", "airport", NEXT_DAY).unlink()
    assert home.last_day("core.sample") == DAY


def test_a_file_is_told_by_name_size_and_time_of_writing(home: Home, tmp_path: Path) -> None:
    path = home.root / "lake" / "note.txt"
    assert home.line(path) == "lake/note.txt missing"
    write_text("one", path)
    first = home.line(path)
    assert first.startswith("lake/note.txt 3 ")
    write_text("two", path)
    assert home.line(path) != first
    assert home.name(tmp_path.parent / "other.txt") == str(tmp_path.parent / "other.txt")


class Noted(Model):
    number: int


def test_a_note_of_other_code_is_none(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    assert read_note(Noted, path) is None
    write_text(Noted(number=1).model_dump_json(), path)
    assert read_note(Noted, path) == Noted(number=1)
    write_text(Noted(number=2).model_dump_json(), path)
    assert read_note(Noted, path) == Noted(number=2)
    write_text('{"number": 1, "since": "last year"}', path)
    assert read_note(Noted, path) is None
