"""Every draw of the warehouse made again from its records: ``fact.draw_check``."""

from collections.abc import Mapping

import polars as pl

from assets.draw.audit import AUDIT_OBJECT, DRAW, INSPECTOR, Audit
from assets.draw.inspectors import ASSIGNMENT
from assets.draw.verify import differences
from warehouse.errors import SamplehouseError

Tables = Mapping[str, pl.DataFrame]

OF_ONE = ("source_id", "draw_no")
# What never changes of a draw once it is made.
BASIS = ("roster_hash", "public_number", "seed", "drawn_on")
CHECK = {
    "source_id": pl.String(),
    "draw_no": pl.String(),
    "frozen_on": pl.Date(),
    "number_due_on": pl.Date(),
    "drawn_on": pl.Date(),
    "objects": pl.Int64(),
    "drawn": pl.Int64(),
    "is_reproducible": pl.Boolean(),
    "differs_in": pl.String(),
}


def draw_check(tables: Tables) -> pl.DataFrame:
    """Rows of ``fact.draw_check``: one for each draw, and where it differs from the draw again.

    A draw that was made anew under its number (another roster, number or day) is not reproducible:
    who draws until the outcome suits could otherwise deliver the last one as a correction.

    Args:
        tables: ``core.draw`` with all versions, and ``latest.draw``, ``latest.draw_object``,
            ``latest.draw_inspector`` and ``latest.draw_assignment``.
    """
    draws = tables["latest.draw"]
    parts = [pl.DataFrame(schema=CHECK)]
    for head in draws.sort(OF_ONE).partition_by(OF_ONE, include_key=True):
        of_draw = [
            tables[f"latest.{name}"].join(head, on=OF_ONE, how="semi")
            for name in ("draw_object", "draw_inspector", "draw_assignment")
        ]
        versions = tables["core.draw"].join(head, on=OF_ONE, how="semi")
        problems = [*_made_anew(versions), *_problems(head, *of_draw)]
        objects = of_draw[0]
        row = head.select(
            *OF_ONE,
            "frozen_on",
            "number_due_on",
            "drawn_on",
            objects=pl.lit(objects.height),
            drawn=pl.lit(objects.filter(pl.col("draw_rank") <= pl.col("stratum_drawn")).height),
            is_reproducible=pl.lit(not problems),
            differs_in=pl.lit("; ".join(problems) or None, pl.String),
        )
        parts.append(row.select(pl.col(name).cast(kind) for name, kind in CHECK.items()))
    return pl.concat(parts)


def _made_anew(versions: pl.DataFrame) -> list[str]:
    """What of the draw's basis differs between the versions that were received."""
    first = versions.sort("version").head(1)
    changed = [
        f"{name}: was {first[name][0]} when first received"
        for name in BASIS
        if versions[name].n_unique() > 1
    ]
    return [f"made anew under the same number: {'; '.join(changed)}"] if changed else []


def _problems(
    head: pl.DataFrame, objects: pl.DataFrame, inspectors: pl.DataFrame, log: pl.DataFrame
) -> list[str]:
    texts = head.select(pl.col(name).cast(pl.String).fill_null("") for name in DRAW)
    weight = pl.col("weight").cast(pl.String).str.replace(r"\.?0+$", "")
    audit = Audit(
        texts.row(0, named=True),
        _columns(objects.with_columns(weight), AUDIT_OBJECT).sort("unit_id"),
        _columns(inspectors.with_columns(pl.col("conflicts").fill_null("")), INSPECTOR).sort(
            "inspector_id"
        ),
        _columns(log, ASSIGNMENT),
    )
    try:
        return differences(audit)
    except SamplehouseError as error:
        return [str(error)]


def _columns(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(kind) for name, kind in schema.items())
