"""The firms of the city: where samples are taken, who makes the goods, who builds."""

import numpy as np
import polars as pl

from assets.demo.chance import pick, pick_row, pick_within, taken
from assets.demo.identifiers import credit_codes
from assets.demo.lists import demo_list, numbered

CITY, CITY_CODE = "义乌市", "330782"
_FEWEST = 12


def draw_firms(rng: np.random.Generator, kinds: tuple[str, ...], units: int) -> pl.DataFrame:
    """Firms of the given kinds, in numbers that fit `units` sampled units.

    Returns:
        One row per firm: kind, firm_name, uscc, address, division_code, division_name (both NULL
        for firms of other cities), weight (a few firms are visited often, most seldom).
    """
    return pl.concat(_firms_of(rng, kind, units) for kind in kinds)


def _firms_of(rng: np.random.Generator, kind: str, units: int) -> pl.DataFrame:
    suffixes = numbered("firm_kinds", "weight", "per_sample").filter(pl.col("kind") == kind)
    size = max(_FEWEST, round(suffixes["per_sample"][0] * units))
    placed_by = suffixes["placed_by"][0]
    words, streets = demo_list("firm_words"), demo_list("streets")
    drawn = pl.concat(
        [
            pick_row(rng, suffixes, size).select("kind", "suffix", "uscc_prefix"),
            _places(rng, placed_by, size),
            taken(words.select("first"), rng.integers(0, words.height, size)),
            taken(words.select("second"), rng.integers(0, words.height, size)),
            taken(streets, rng.integers(0, streets.height, size)),
            pl.DataFrame(
                {"number": rng.integers(1, 900, size), "weight": rng.pareto(1.5, size) + 0.2}
            ),
        ],
        how="horizontal",
    )
    return drawn.select(
        "kind",
        "division_code",
        "division_name",
        "weight",
        firm_name=pl.concat_str("place", "first", "second", "suffix"),
        uscc=credit_codes(rng, drawn["uscc_prefix"], drawn["region"]),
        address=pl.concat_str(
            "province", "place", pl.col("division_name").fill_null(""), "street", "number"
        )
        + "号",
    )


def _places(rng: np.random.Generator, placed_by: str | None, size: int) -> pl.DataFrame:
    """province, place, region, division_code, division_name of `size` firms."""
    if placed_by is None:
        return pick_row(rng, numbered("places", "weight"), size).select(
            "province",
            "place",
            region="code6",
            division_code=pl.lit(None, pl.String),
            division_name=pl.lit(None, pl.String),
        )
    towns = numbered("divisions", placed_by)
    return taken(towns, pick(rng, towns[placed_by].to_numpy(), size)).select(
        province=pl.lit("浙江省"),
        place=pl.lit(CITY),
        region=pl.lit(CITY_CODE),
        division_code="code9",
        division_name="name_zh",
    )


def visit(rng: np.random.Generator, firms: pl.DataFrame, kinds: pl.Series) -> pl.DataFrame:
    """One firm for each entry of `kinds`, drawn by weight among the firms of that kind."""
    return pick_within(rng, firms, kinds, by="kind")
