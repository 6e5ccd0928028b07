"""Landing: files as received, and the delivery that each of them is.

`receive` puts files in landing, `register` gives every landed file its row of `meta.delivery`.
A file is never changed or removed here, whatever it holds.
"""

import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from assets.ingest.older_form import sources_in_older_form
from warehouse.contract import record_contracts
from warehouse.errors import SamplehouseError
from warehouse.home import Home
from warehouse.source import Source
from warehouse.tables import write_partition

# What a delivery that was not (or not yet) read brings: no rows.
NO_ROWS = {
    "rows_read": 0,
    "rows_used": 0,
    "rows_rejected": 0,
    "rows_duplicate": 0,
    "rows_unchanged": 0,
    "rows_ignored": 0,
}


def receive(home: Home, source_id: str, files: Sequence[Path], received_on: dt.date) -> list[Path]:
    """Copy files into landing, each under its own name or, where that is taken, ``name~2.ext``.

    Args:
        home: where to.
        source_id: a known source (the caller checks).
        files: files to copy; folders are refused.
        received_on: day under which they are received.

    Returns:
        The landed paths, in the order of `files`.

    Raises:
        SamplehouseError: a path is no file; nothing has been copied then.
    """
    if missing := [str(path) for path in files if not path.is_file()]:
        raise SamplehouseError(f"no such file: {', '.join(missing)}")
    folder = home.landing_day(source_id, received_on)
    folder.mkdir(parents=True, exist_ok=True)
    return [_copy(path, folder) for path in files]


def _copy(path: Path, folder: Path) -> Path:
    target = _free_name(folder, path.name)
    partial = folder / f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}.part"
    shutil.copyfile(path, partial)  # fresh times: the order of arrival decides between versions
    partial.chmod(0o444)
    partial.replace(target)
    return target


def _free_name(folder: Path, name: str) -> Path:
    """`name`, or `name~2`, `name~3` … before its ending, whichever is free."""
    stem, ending = os.path.splitext(name)  # noqa: PTH122 - Path.stem treats leading dots otherwise
    names = [name, *(f"{stem}~{number}{ending}" for number in range(2, 10_000))]
    return next(folder / each for each in names if not (folder / each).exists())


def landed_files(home: Home, source_id: str, received_on: dt.date) -> list[Path]:
    """Files of one source and day in order of arrival; files still being copied are left out."""
    folder = home.landing_day(source_id, received_on)
    if not folder.is_dir():
        return []
    files = [path for path in folder.iterdir() if path.is_file() and not _in_progress(path)]
    return sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _in_progress(path: Path) -> bool:
    return path.name.startswith(".") and path.suffix == ".part"


def landing_days(home: Home) -> dict[str, list[dt.date]]:
    """Every folder of landing (a source's name, known or not) → its days, oldest first."""
    return {
        folder.name: sorted(day for path in _folders(folder) if (day := _day(path)))
        for folder in _folders(home.landing)
    }


def misplaced(home: Home) -> list[str]:
    """What lies in landing where nothing is read: paths in the home, hidden ones left out.

    Files count in the folder of a day, and folders only as those of a source or of a day.
    """
    sources = _folders(home.landing)
    days = [path for source in sources for path in _folders(source)]
    read = [*sources, *(path for path in days if _day(path))]
    found = [
        *(path for path in _entries(home.landing) if not path.is_dir()),
        *(path for source in sources for path in _entries(source) if not path.is_dir()),
        *(path for path in days if path not in read),
        *(path for day in read if day not in sources for path in _folders(day)),
    ]
    return sorted(str(path.relative_to(home.root)) for path in found)


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


def _day(folder: Path) -> dt.date | None:
    """The day that names a folder, written as 2024-05-01 and in no other way."""
    try:
        day = dt.date.fromisoformat(folder.name)
    except ValueError:
        return None
    return day if day.isoformat() == folder.name else None


def deliveries(home: Home, source_id: str = "*") -> pl.DataFrame:
    """`meta.delivery` as stored, ordered by source, day and sequence."""
    contract = record_contracts()["meta.delivery"]
    files = home.partition_files("meta.delivery", source_id=source_id)
    if not files:
        return pl.DataFrame(schema=contract.polars_schema())
    stored = pl.scan_parquet(files, hive_partitioning=False).collect()
    return stored.sort("source_id", "received_on", "sequence")


def register(
    home: Home,
    sources: Mapping[str, Source],
    days: Sequence[dt.date],
    wrong_sources: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Give every file landed on `days` its row of `meta.delivery`.

    A file seen before keeps its row. A new one is `received`; `duplicate` when the same source
    delivered the same bytes before; `unknown_source` when its folder is named for no source that is
    known, or for one whose YAML is wrong (`wrong_sources`: what is wrong, by id).

    Returns:
        The rows of `meta.delivery` for those days, all sources.
    """
    wanted = set(days)
    found = {
        folder: [day for day in its_days if day in wanted]
        for folder, its_days in landing_days(home).items()
    }
    unknown = {
        folder: _unknown_message(folder, (wrong_sources or {}).get(folder))
        for folder in found.keys() - sources.keys()
    }
    frames = [
        _register_source(home, folder, its_days, unknown.get(folder))
        for folder, its_days in found.items()
        if its_days
    ]
    if not frames:
        return pl.DataFrame(schema=record_contracts()["meta.delivery"].polars_schema())
    return pl.concat(frames)


def _register_source(
    home: Home, source_id: str, days: Sequence[dt.date], unknown: str | None
) -> pl.DataFrame:
    """Rows of one source; `unknown` says why its files cannot be read now."""
    stored = deliveries(home, source_id).filter(pl.col("source_id") == source_id)
    frames = [stored.filter(~pl.col("received_on").is_in(list(days)))]
    for day in days:
        old = stored.filter(pl.col("received_on") == day)
        old = _now_known(old) if unknown is None else _still_unknown(old, unknown)
        frames += [old, _new_rows(home, source_id, day, old, unknown)]
    rows = _repeats_marked(pl.concat(frames))
    for of_day in rows.partition_by("received_on", maintain_order=True):
        day = of_day.item(0, "received_on")
        if not of_day.equals(stored.filter(pl.col("received_on") == day)):
            write_partition(home, "meta.delivery", source_id, day, of_day)
    return rows.filter(pl.col("received_on").is_in(list(days)))


def _repeats_marked(rows: pl.DataFrame) -> pl.DataFrame:
    """Of files with the same bytes the one received first counts, whichever was found first."""
    rows = rows.sort("received_on", "sequence")
    waits = pl.col("status") == "unknown_source"
    originals = rows.filter(~waits).unique("sha256", keep="first", maintain_order=True)
    repeats = ~waits & (pl.col("original") != pl.col("delivery_id"))
    now_repeats = repeats & (pl.col("status") != "duplicate")
    no_rows = {
        name: pl.when(~now_repeats).then(name).otherwise(count) for name, count in NO_ROWS.items()
    }
    not_read = {name: pl.when(~now_repeats).then(name) for name in ("encoding", "source_version")}
    message = pl.format("the same bytes as delivery {}; nothing is added", "original")
    return (
        rows.join(
            originals.select("sha256", original="delivery_id"),
            on="sha256",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            status=pl.when(repeats).then(pl.lit("duplicate")).otherwise("status"),
            message=pl.when(repeats).then(message).otherwise("message"),
            **no_rows,
            **not_read,
        )
        .drop("original")
    )


def _now_known(rows: pl.DataFrame) -> pl.DataFrame:
    """Files that waited for their source to be described wait to be read now."""
    waited = pl.col("status") == "unknown_source"
    return rows.with_columns(
        status=pl.when(waited).then(pl.lit("received")).otherwise("status"),
        message=pl.when(waited).then(None).otherwise("message"),
    )


def _still_unknown(rows: pl.DataFrame, why: str) -> pl.DataFrame:
    waits = pl.col("status") == "unknown_source"
    return rows.with_columns(message=pl.when(waits).then(pl.lit(why)).otherwise("message"))


def _new_rows(
    home: Home, source_id: str, day: dt.date, old: pl.DataFrame, unknown: str | None
) -> pl.DataFrame:
    """Rows for the files of one day that have none yet."""
    names = set(old["file_name"].to_list())
    files = [path for path in landed_files(home, source_id, day) if path.name not in names]
    rows = []
    for sequence, path in enumerate(files, start=old.height + 1):
        rows.append(
            {
                "delivery_id": f"{source_id}-{day:%Y%m%d}-{sequence:03d}",
                "source_id": source_id,
                "received_on": day,
                "sequence": sequence,
                "file_name": path.name,
                "sha256": _sha256(path),
                "size_bytes": path.stat().st_size,
                "status": "received" if unknown is None else "unknown_source",
                "message": unknown,
                **NO_ROWS,
            }
        )
    return pl.DataFrame(rows, schema=record_contracts()["meta.delivery"].polars_schema())


def _unknown_message(source_id: str, wrong: str | None) -> str:
    if wrong is not None:
        return f"it waits until the YAML of its source is mended: {wrong}"
    return (
        f"there is no source '{source_id}'; add warehouse/sources/{source_id}.yml, or move the "
        "file to the folder of the right source"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def pending_days(
    home: Home, sources: Mapping[str, Source], until: dt.date | None = None
) -> list[dt.date]:
    """Days with landed files that are not in `meta.delivery` yet, or wait there to be read.

    A file of an unknown source waits no longer once the source is known. Days wait again whose
    records are kept in an older form.
    """
    stored = deliveries(home)
    waiting = stored.filter(
        (pl.col("status") == "received")
        | ((pl.col("status") == "unknown_source") & pl.col("source_id").is_in(list(sources)))
    )
    days = {*waiting["received_on"].to_list(), *older_days(home, sources)}
    seen = set(stored.select("source_id", "received_on", "file_name").rows())
    for folder, its_days in landing_days(home).items():
        days.update(
            day
            for day in its_days
            if any((folder, day, path.name) not in seen for path in landed_files(home, folder, day))
        )
    return sorted(day for day in days if until is None or day <= until)


def older_days(home: Home, sources: Collection[str]) -> set[dt.date]:
    """Days whose records an older version has written in another form, see `older_form`."""
    older = sources_in_older_form(home) & set(sources)
    if not older:  # as in every night but one
        return set()
    rows = deliveries(home).filter(pl.col("source_id").is_in(list(older)))
    return set(rows["received_on"].to_list())
