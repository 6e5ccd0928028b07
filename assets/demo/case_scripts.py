"""Cases that follow scripts: lists say which events come after how long, and how clocks end.

`case_scripts.csv` holds how many cases follow each script, `case_script_steps.csv` their events and
the working days, days or hours between them, `case_script_clocks.csv` how each clock ends. So the
truth of a clock is stated in a list and follows from no formula of the pipeline.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from assets.demo.chance import taken
from assets.demo.firms import CITY_CODE
from assets.demo.identifiers import credit_codes
from assets.demo.lists import demo_list
from warehouse.working_calendar import calendar_days

# Events happen within office hours, but those that follow within hours.
_OPENS, _CLOSES = 8 * 60 + 30, 17 * 60


def draw_cases(rng: np.random.Generator, source_id: str, prefix: str) -> pl.DataFrame:
    """The events of every case of one source, in order.

    Args:
        rng: source of chance.
        source_id: rows of `case_scripts.csv`.
        prefix: what its case numbers begin with.

    Returns:
        One row per event: script, case_no, event_no, case_type, domain, case_class, event,
        happened_at, due_on, clock_id, extension, division_code, entity_uscc.
    """
    scripts = demo_list("case_scripts").filter(pl.col("source_id") == source_id)
    cases = _cases(rng, scripts, prefix)
    steps = demo_list("case_script_steps")
    parts = []
    for script in scripts["script"]:
        own = cases.filter(pl.col("script") == script)
        parts += list(_events(rng, own, steps.filter(pl.col("script") == script)))
    return (
        pl.concat(parts)
        .sort("case_no", "happened_at", "step")
        .with_columns(
            event_no=pl.format(
                "{}-{}",
                "case_no",
                pl.int_range(1, pl.len() + 1).over("case_no").cast(pl.String).str.zfill(2),
            )
        )
        .drop("step")
    )


def _cases(rng: np.random.Generator, scripts: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """One row per case with the day of its first event, in the order of those days."""
    days = pl.col("first_day", "last_day").str.to_date("%Y-%m-%d")
    cases = scripts.with_columns(days, pl.col("cases").cast(pl.Int64)).select(
        pl.all().repeat_by("cases").explode()
    )
    span = (cases["last_day"] - cases["first_day"]).dt.total_days().to_numpy() + 1
    towns = demo_list("divisions")
    places = taken(towns, rng.integers(0, towns.height, cases.height))
    prefixes = pl.Series(["91"]).new_from_index(0, cases.height)
    regions = pl.Series([CITY_CODE]).new_from_index(0, cases.height)
    return (
        cases.with_columns(
            opened_on=pl.col("first_day")
            + pl.duration(
                days=pl.lit(pl.Series(np.floor(rng.random(cases.height) * span).astype(int)))
            ),
            division_code=places["code9"],
            entity_uscc=credit_codes(rng, prefixes, regions),
        )
        .sort("opened_on", "script", maintain_order=True)
        .with_columns(
            case_no=pl.format(
                "{}2024{}",
                pl.lit(prefix),
                pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(5),
            )
        )
    )


def _events(
    rng: np.random.Generator, cases: pl.DataFrame, steps: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """One frame per step of a script, each step counted from an earlier one."""
    moments: dict[str, pl.Series] = {}
    for place, step in enumerate(steps.iter_rows(named=True)):
        since = moments.get(step["since"] or "")
        moment = _in_office(rng, cases["opened_on"]) if since is None else _after(rng, since, step)
        moments[step["event"]] = moment
        due = step["due_days"]
        yield cases.select(
            *("script", "case_no", "case_type", "domain", "case_class"),
            *("division_code", "entity_uscc"),
            event=pl.lit(step["event"]),
            happened_at=moment,
            due_on=(pl.col("opened_on").dt.offset_by(f"{due}d") if due else pl.lit(None, pl.Date)),
            clock_id=pl.lit(step["clock_id"], pl.String),
            extension=pl.lit(step["extension"], pl.String),
            step=pl.lit(place),
        )


def _in_office(rng: np.random.Generator, days: pl.Series) -> pl.Series:
    minutes = pl.Series(rng.integers(_OPENS, _CLOSES, len(days)))
    return pl.select(
        days.cast(pl.Datetime("us")) + pl.duration(minutes=pl.lit(minutes))
    ).to_series()


def _after(rng: np.random.Generator, since: pl.Series, step: dict[str, Any]) -> pl.Series:
    """Moments that follow others after a number of hours, days or working days."""
    gaps = pl.Series(rng.integers(int(step["low"]), int(step["high"]) + 1, len(since)))
    if step["unit"] == "hour":
        return pl.select(since + pl.duration(hours=pl.lit(gaps))).to_series()
    days = since.dt.date()
    if step["unit"] == "day":
        return _in_office(rng, pl.select(days + pl.duration(days=pl.lit(gaps))).to_series())
    worked = calendar_days().filter("is_working_day")["day"]
    # The first place after a day is its next working day; gap 1 is that one.
    places = worked.search_sorted(days, side="right") + gaps - 1
    return _in_office(rng, worked.gather(places))
