"""The draw of inspectors: at least two for each object, and a log of everyone passed over."""

from collections import Counter
from collections.abc import Sequence

import polars as pl

from assets.draw.plan import LIST, Frozen
from assets.draw.sampling import keys
from warehouse.errors import SamplehouseError

LABEL = "inspector"
ASSIGNED, CONFLICT, LOAD, PAIRING = "assigned", "conflict", "load_limit", "pair_limit"
ASSIGNMENT = {
    "unit_id": pl.String(),
    "place": pl.Int64(),
    "inspector_id": pl.String(),
    "key": pl.String(),
    "outcome": pl.String(),
}


def draw_inspectors(frozen: Frozen, seed: str, unit_ids: Sequence[str]) -> pl.DataFrame:
    """Inspectors of the objects, in the order in which the objects are given.

    The key of an inspector for an object is SHA-256 of seed, the word `inspector`, object and
    inspector, joined by tabs. Inspectors are asked in the order of their keys. Passed over, with
    the reason, are those in conflict with the object, those who have as many objects as the plan
    allows, and those who go too often with one who has been assigned already.

    Returns:
        unit_id, place (1…, the order of asking), inspector_id, key, outcome (assigned, conflict,
        load_limit, pair_limit); everyone asked until the last one assigned.

    Raises:
        SamplehouseError: an object is left with too few inspectors.
    """
    pairs = (
        pl.DataFrame({"unit_id": unit_ids}, schema={"unit_id": pl.String})
        .with_row_index("turn")
        .join(frozen.inspectors, how="cross")
    )
    labels = pairs.select(pl.lit(LABEL), "unit_id", "inspector_id")
    asked = pairs.with_columns(
        key=keys(seed, labels),
        barred=pl.col("conflicts").str.split(LIST).list.contains(pl.col("unit_id")),
    ).sort("turn", "key")
    load: Counter[str] = Counter()
    together: Counter[frozenset[str]] = Counter()
    log: list[tuple[str, int, str, str, str]] = []
    # One object after the other: who may be assigned depends on the objects before.
    for unit in asked.partition_by("turn", maintain_order=True):
        log += _of_object(frozen, unit, load, together)
    return pl.DataFrame(log, schema=ASSIGNMENT, orient="row")


def _of_object(
    frozen: Frozen, asked: pl.DataFrame, load: Counter[str], together: Counter[frozenset[str]]
) -> list[tuple[str, int, str, str, str]]:
    plan, log = frozen.plan, []
    assigned: list[str] = []
    columns = asked.select("unit_id", "inspector_id", "key", "barred").rows()
    for place, (unit_id, inspector, key, barred) in enumerate(columns, start=1):
        if barred:
            outcome = CONFLICT
        elif load[inspector] >= plan.most_objects:
            outcome = LOAD
        elif any(together[frozenset((inspector, o))] >= plan.most_pairings for o in assigned):
            outcome = PAIRING
        else:
            outcome = ASSIGNED
            together.update(frozenset((inspector, other)) for other in assigned)
            assigned.append(inspector)
            load[inspector] += 1
        log.append((unit_id, place, inspector, key, outcome))
        if len(assigned) == plan.inspectors_per_object:
            return log
    raise SamplehouseError(
        f"only {len(assigned)} of {plan.inspectors_per_object} inspectors can be drawn for "
        f"{asked['unit_id'][0]}: the others are in conflict with it or at their limits; name more "
        "inspectors, or raise most_objects or most_pairings, and freeze again"
    )
