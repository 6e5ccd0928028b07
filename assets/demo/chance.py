"""Vectorised drawing: every function draws all its rows at once from a numpy Generator."""

import datetime as dt

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.demo.lists import numbered

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def pick(rng: np.random.Generator, weights: Floats, size: int) -> Integers:
    """`size` indices into `weights`, each drawn with a probability in proportion to its weight."""
    cumulated = np.cumsum(weights)
    drawn = np.searchsorted(cumulated, rng.random(size) * cumulated[-1], side="right")
    return np.asarray(drawn, dtype=np.int64)


def taken(table: pl.DataFrame, rows: Integers) -> pl.DataFrame:
    """The rows of `table` at the given places, in that order."""
    return table.select(pl.all().gather(pl.Series(rows)))


def pick_row(rng: np.random.Generator, table: pl.DataFrame, size: int) -> pl.DataFrame:
    """`size` rows of `table`, drawn by its column `weight`."""
    return taken(table, pick(rng, table["weight"].to_numpy(), size))


def pick_within(
    rng: np.random.Generator, table: pl.DataFrame, groups: pl.Series, by: str
) -> pl.DataFrame:
    """One row of `table` for each entry of `groups`, drawn by weight among those of its group.

    Args:
        rng: source of chance.
        table: rows to draw from; `weight` is used where there is such a column, else all are equal.
        groups: wanted group of each draw (n entries, every one present in `table[by]`).
        by: column of `table` with the group.

    Returns:
        n rows of `table`, in the order of `groups`.
    """
    ordered = table.sort(by, maintain_order=True)
    if "weight" not in ordered.columns:
        ordered = ordered.with_columns(weight=pl.lit(1.0))
    cumulated = np.cumsum(ordered["weight"].to_numpy())
    bounds = (
        ordered.with_columns(upto=pl.Series(cumulated))
        .group_by(by, maintain_order=True)
        .agg(high=pl.col("upto").last(), total=pl.col("weight").sum(), size=pl.len())
        .with_columns(last=pl.col("size").cum_sum() - 1)
    )
    wanted = groups.alias(by).to_frame().join(bounds, on=by, how="left", maintain_order="left")
    below = wanted["high"].to_numpy() - wanted["total"].to_numpy()
    points = below + rng.random(groups.len()) * wanted["total"].to_numpy()
    last = wanted["last"].to_numpy()
    first = last - wanted["size"].to_numpy() + 1
    # Rounding of the cumulated weights may step over a bound: stay within the group.
    return taken(ordered, np.clip(np.searchsorted(cumulated, points, side="right"), first, last))


def sampling_days(
    rng: np.random.Generator, season: str, first: dt.date, last: dt.date, size: int
) -> pl.Series:
    """`size` days between `first` and `last`, by the monthly weights of `months.csv`."""
    months = numbered("months", season).select(pl.col("month").cast(pl.Int8), pl.col(season))
    days = pl.DataFrame({"day": pl.date_range(first, last, eager=True)}).with_columns(
        month=pl.col("day").dt.month()
    )
    weights = days.join(months, on="month", how="left", maintain_order="left")[season].to_numpy()
    return days["day"][pick(rng, weights, size)]


def failing(
    rng: np.random.Generator, units: pl.DataFrame, stratum: str, share: str, risk: pl.Expr
) -> pl.Series:
    """Which units fail: a fixed quota in each stratum, the riskier ones more often.

    A quota rather than a coin for each unit keeps the year's rates where the lists put them, for
    every seed. Within a stratum, units are drawn without replacement with probability growing
    with `risk` (Efraimidis and Spirakis, 2006: largest u^(1/w)).

    Args:
        rng: source of chance.
        units: n rows.
        stratum: column with the stratum.
        share: column with the stratum's share of failing units (NULL = no verdict is given).
        risk: relative risk of a unit, above 0.

    Returns:
        n booleans; NULL where the share is NULL.
    """
    keys = units.with_columns(
        key=pl.lit(pl.Series(np.log(rng.random(units.height)))) / risk,
    )
    place = pl.col("key").rank("ordinal", descending=True).over(stratum)
    quota = (pl.len().over(stratum) * pl.col(share)).round()
    return keys.select(failed=place <= quota).to_series()


def shares(rng: np.random.Generator, size: int, *parts: float) -> Integers:
    """Index of the part into which each of `size` draws falls; the parts sum to 1."""
    return pick(rng, np.asarray(parts), size)


def decimal_text(scaled: pl.Expr, decimals: pl.Expr) -> pl.Expr:
    """Text of `scaled` / 10^`decimals`, exactly: 35 with 3 decimals is 0.035."""
    scale = pl.lit(10, dtype=pl.Int64).pow(decimals)
    whole = (scaled // scale).cast(pl.String)
    fraction = (scaled % scale).cast(pl.String).str.zfill(decimals)
    return pl.when(decimals == 0).then(whole).otherwise(whole + "." + fraction)


def drawn_values(
    rng: np.random.Generator, low: pl.Series, high: pl.Series, decimals: pl.Series
) -> pl.Series:
    """A number between `low` and `high` for each row, as text with its decimals."""
    between = low.to_numpy() + (high.to_numpy() - low.to_numpy()) * rng.random(low.len())
    # Truncation could fall below `low`, which may be the first failing value: round up.
    scaled = np.ceil(np.nan_to_num(between) * 10.0 ** decimals.to_numpy() - 1e-9)
    frame = pl.DataFrame({"scaled": scaled.astype(np.int64), "decimals": decimals.cast(pl.Int64)})
    return frame.select(decimal_text(pl.col("scaled"), pl.col("decimals"))).to_series()


def date_text(day: str, style: str) -> pl.Expr:
    """The date in column `day` in one of the four spellings that offices use (`style` 0–3)."""
    spellings = ("%Y-%m-%d", "%Y/%-m/%-d", "%Y.%m.%d", "%Y年%-m月%-d日")
    text = pl.col(day).dt.strftime(spellings[0])
    for number, spelling in enumerate(spellings[1:], start=1):
        other = pl.col(day).dt.strftime(spelling)
        text = pl.when(pl.col(style) == number).then(other).otherwise(text)
    return text
