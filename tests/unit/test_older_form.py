"""Records that an older version kept in other types are read again, and end as any others."""

import datetime as dt

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.ingest.landing import older_days, pending_days, register
from assets.ingest.run import ingest, read_raw
from warehouse.home import Home
from warehouse.source import Source

DAYS = [dt.date(2024, 5, day) for day in (1, 2, 3)]


def deliver(home: Home, day: dt.date) -> None:
    folder = home.landing / "market" / day.isoformat()
    folder.mkdir(parents=True)
    rows = f"no,product,link,sampled,verdict\nS{day.day},tea,,{day},合格\nS0,tea,,{day},合格\n"
    (folder / "rows.csv").write_text(rows, "utf-8")


def read(home: Home, market: Source) -> None:
    sources = {"market": market}
    days = pending_days(home, sources)
    register(home, sources, days)
    read_raw(home, market, days)
    ingest(home, sources, days, check=False)


def samples(home: Home) -> pl.DataFrame:
    files = home.partition_files("core.sample")
    return pl.read_parquet(files, hive_partitioning=False).sort("sample_no", "version")


@pytest.mark.parametrize("older", [DAYS, DAYS[:1], DAYS[1:]])
def test_records_of_other_types_are_read_again(
    home: Home, market: Source, older: list[dt.date]
) -> None:
    for day in DAYS:
        deliver(home, day)
    read(home, market)
    assert pending_days(home, {"market": market}) == []
    before = samples(home)
    for day in older:
        path = home.partition_file("core.sample", "market", day)
        rows = pl.read_parquet(path, hive_partitioning=False)
        rows.with_columns(pl.col("content_hash").cast(pl.String)).write_parquet(path)
    deliver(home, dt.date(2024, 5, 4))

    assert older_days(home, {"market"}) == set(DAYS)  # not the one that was never read
    assert older_days(home, {"other"}) == set()
    assert pending_days(home, {"market": market}) == [*DAYS, dt.date(2024, 5, 4)]
    read(home, market)

    assert pending_days(home, {"market": market}) == []
    assert_frame_equal(samples(home).filter(pl.col("received_on") < dt.date(2024, 5, 4)), before)
