"""Whether a draw is what its frozen roster and its public number give, and nothing else."""

import polars as pl

from assets.draw.audit import DRAW, Audit, draw, read_audit
from warehouse.errors import SamplehouseError

PARTS = ("objects", "inspectors", "assignments")
KEYS = {
    "objects": ("unit_id",),
    "inspectors": ("inspector_id",),
    "assignments": ("unit_id", "place"),
}
NAMED = 5
# Probabilities are written with 10 decimals; the last one may differ between machines.
TOLERANCE = 2e-10


def redrawn(audit: Audit) -> Audit:
    """The draw made again from what the audit says it rests on.

    Raises:
        SamplehouseError: it cannot be drawn from that.
    """
    drawn_on = pl.Series([audit.draw["drawn_on"]]).str.to_date("%Y-%m-%d", strict=False)[0]
    if drawn_on is None:
        raise SamplehouseError(f"'{audit.draw['drawn_on']}' is no day of a draw")
    return draw(audit.frozen, audit.draw["public_number"], drawn_on, audit.replacements)


def differences(audit: Audit, *, roster_hash: str = "", public_number: str = "") -> list[str]:
    """Where an audit differs from the draw made again; empty when it does not.

    Args:
        audit: what is said to have been drawn.
        roster_hash: the hash as it was published when the roster was frozen, if it is known.
        public_number: the number as its publisher gives it, if it is known.
    """
    problems = []
    if roster_hash and roster_hash != audit.draw["roster_hash"]:
        problems.append(
            f"roster_hash: {audit.draw['roster_hash']} is not the published {roster_hash}"
        )
    if public_number and public_number != audit.draw["public_number"]:
        problems.append(
            f"public_number: {audit.draw['public_number']} is not the published {public_number}"
        )
    try:
        again = redrawn(audit)
    except SamplehouseError as error:
        return [*problems, f"the draw cannot be made again: {error}"]
    problems += [
        f"{name}: {audit.draw[name]} is stated, {again.draw[name]} follows"
        for name in DRAW
        if audit.draw[name] != again.draw[name]
    ]
    for part in PARTS:
        problems += _unlike(getattr(audit, part), getattr(again, part), part)
    return problems


def _unlike(stated: pl.DataFrame, follows: pl.DataFrame, part: str) -> list[str]:
    """Rows that only one of the two has, and columns in which rows of both differ."""
    key = KEYS[part]
    problems = []
    if not (doubled := stated.filter(stated.select(key).is_duplicated())).is_empty():
        problems.append(f"{part}: twice: {_named(doubled, key)}")
    for one, other, words in (
        (stated, follows, "is stated and does not follow"),
        (follows, stated, "follows and is not stated"),
    ):
        only = one.join(other, on=key, how="anti", nulls_equal=True)
        if not only.is_empty():
            problems.append(f"{part}: {words}: {_named(only, key)}")
    both = stated.join(follows, on=key, how="inner", suffix=" again", nulls_equal=True)
    for name in [name for name in stated.columns if name not in key]:
        same = pl.col(name).eq_missing(pl.col(f"{name} again"))
        if stated.schema[name] == pl.Float64:
            same |= (pl.col(name) - pl.col(f"{name} again")).abs() <= TOLERANCE
        odd = both.filter(~same.fill_null(value=False))
        if not odd.is_empty():
            problems.append(f"{part}: {name} does not follow for {_named(odd, key)}")
    return problems


def _named(rows: pl.DataFrame, key: tuple[str, ...]) -> str:
    names = rows.head(NAMED).select(pl.concat_str(pl.col(key), separator=" / ")).to_series()
    return ", ".join(names) + (f" and {rows.height - NAMED} more" if rows.height > NAMED else "")


def verify(text: str, where: str, *, roster_hash: str = "", public_number: str = "") -> list[str]:
    """What is wrong with an audit file, in words; empty when it is right to the byte.

    A file that was changed and whose sums were made again can only be told from the right one by
    what was published apart from it: the roster hash before the draw, and the public number.
    """
    audit = read_audit(text, where)
    problems = differences(audit, roster_hash=roster_hash, public_number=public_number)
    if not problems and audit.text != text:
        problems.append(
            "the bytes are not those that `samplehouse draw run` writes: rows_sha256, the order of "
            "rows, or a field that no one knows was changed"
        )
    return problems
