"""One source's year: drawn, planned, rendered, accounted for and written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.ledger import Layout, Ledger, keep_ledger
from assets.demo.lists import settings
from assets.demo.plan import events, plan

# The columns of a unit that the truth counts by.
SLICES = ("domain", "programme", "sampling_basis", "month", "division_code", "category")


@dataclass(frozen=True)
class Drawn:
    """What happened in the city, before anybody reported it.

    Attributes:
        units: one row per sample or acceptance attempt, in order of `unit_id` (0…n-1), with
            stream, ready_on, failed (NULL = no verdict is given), the columns of `SLICES` and
            whatever the source writes.
        results: tested parameters that the source reports: unit_id, line (1…), nonconforming.
    """

    units: pl.DataFrame
    results: pl.DataFrame


@dataclass(frozen=True)
class DemoSource:
    """How one source draws, corrects, renders and writes.

    Attributes:
        source_id: name of its YAML and of its rows in the lists.
        unit_kind: sample or acceptance.
        layout: rows of its files that hold no record.
        draw: (chance, scale) → what happened.
        correct: units to be corrected → the same units with another content.
        correct_results: (results of those units, corrected units) → corrected results.
        render: (contents, results) → text rows (see `ledger.keep_ledger`).
        write: (path, rows of one delivery) → the file.
    """

    source_id: str
    unit_kind: str
    layout: Layout
    draw: Callable[[np.random.Generator, float], Drawn]
    correct: Callable[[pl.DataFrame], pl.DataFrame]
    correct_results: Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
    render: Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
    write: Callable[[Path, pl.DataFrame], None]


@dataclass(frozen=True)
class SourceYear:
    """The outcome of one source.

    Attributes:
        source: what it came from.
        contents: every accepted content of every unit, with all columns of the unit and
            `version`, `latest`, `results`, `nonconforming`, `first_received_on`.
        results: results of the units as first drawn.
        never_accepted: units that were delivered but rejected every time.
        ledger: the rows of all deliveries.
    """

    source: DemoSource
    contents: pl.DataFrame
    results: pl.DataFrame
    never_accepted: pl.DataFrame
    ledger: Ledger


def build(rng: np.random.Generator, source: DemoSource, scale: float) -> SourceYear:
    """Draw the year of one source and decide what each delivery holds."""
    drawn = source.draw(rng, scale)
    planned = plan(rng, source.source_id, drawn.units)
    units = planned.units
    corrected = source.correct(units.filter(pl.col("again") == "corrected")).with_columns(
        content_id=units.height + pl.int_range(pl.len(), dtype=pl.Int64)
    )
    contents = pl.concat(
        [
            units.with_columns(content_id=pl.col("unit_id")),
            corrected.select(*units.columns, "content_id"),
        ]
    )
    results = pl.concat(
        [
            drawn.results.with_columns(content_id=pl.col("unit_id")),
            _corrected_results(source, drawn.results, corrected),
        ]
    )
    ledger = keep_ledger(
        rng,
        source.source_id,
        planned.calendar,
        events(rng, planned, corrected.select("unit_id", "content_id")),
        source.render(contents, results),
        source.layout,
    )
    arrival = planned.calendar.select("delivery_no", first_received_on="received_on")
    accepted = ledger.contents.join(
        arrival, on="delivery_no", how="left", maintain_order="left"
    ).join(
        contents.drop("unit_id", "delivery_no"), on="content_id", how="left", maintain_order="left"
    )
    missed = units.join(accepted, on="unit_id", how="anti", maintain_order="left")
    return SourceYear(source, accepted, drawn.results, missed, ledger)


def _corrected_results(
    source: DemoSource, results: pl.DataFrame, corrected: pl.DataFrame
) -> pl.DataFrame:
    again = results.join(
        corrected.select("unit_id", "content_id"),
        on="unit_id",
        how="inner",
        maintain_order="left",
    )
    return source.correct_results(again, corrected).select(*results.columns, "content_id")


def write_files(landing: Path, year: SourceYear) -> None:
    """Write every delivery of a source to `landing/<source>/<received_on>/<file>`."""
    source = year.source
    by_delivery = year.ledger.rows.partition_by("delivery_no", as_dict=True, maintain_order=True)
    written: dict[str, Path] = {}
    # A file that repeats the bytes of another always comes after it.
    for row in year.ledger.deliveries.iter_rows(named=True):
        path = landing / source.source_id / row["received_on"].isoformat() / row["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if row["kind"] == "same_bytes":
            path.write_bytes(written[row["repeats"]].read_bytes())
        else:
            source.write(path, by_delivery[(row["delivery_no"],)])
            written[row["file_name"]] = path


def title_of(source_id: str) -> str:
    """The line above the header of a source's sheets."""
    return settings(source_id)["title"]
