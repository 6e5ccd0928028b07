"""The audit of a draw: everything it rests on and everything that follows, in one file.

The file is JSON in UTF-8 with one row on each line. Its bytes are determined: rows in the order
draw, objects by unit_id, inspectors by inspector_id, assignments as drawn; keys in the order below;
no blanks between tokens; characters beyond ASCII as they are. `rows_sha256` is the SHA-256 of the
row lines without their trailing commas, each ended by one line feed.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from assets.draw.inspectors import ASSIGNMENT, draw_inspectors
from assets.draw.plan import FIELDS, OBJECT, Frozen, plan_of_texts, plan_texts
from assets.draw.sampling import draw_objects, seed_of
from warehouse.errors import SamplehouseError

FORMAT = "samplehouse-draw-audit 1"
DRAWN, NOT_DRAWN, REPLACED, REPLACEMENT = "drawn", "not_drawn", "replaced", "replacement"
DRAW = (*FIELDS, "sampling_basis", "roster_hash", "public_number", "seed", "drawn_on")
AUDIT_OBJECT = {
    **dict.fromkeys(OBJECT, pl.String()),
    "stratum": pl.String(),
    "weight": pl.String(),
    "stratum_size": pl.Int64(),
    "stratum_drawn": pl.Int64(),
    "inclusion_probability": pl.Float64(),
    "key": pl.String(),
    "draw_rank": pl.Int64(),
    "status": pl.String(),
    "replaces": pl.String(),
    "replaced_by": pl.String(),
    "replacement_no": pl.Int64(),
    "replacement_reason": pl.String(),
    "replaced_on": pl.Date(),
}
# Cells without which a row is none.
NEEDED = frozenset({*OBJECT, "inspector_id", *ASSIGNMENT})
INSPECTOR = {"inspector_id": pl.String(), "conflicts": pl.String()}


@dataclass(frozen=True)
class Replacement:
    """An object that could not be visited, in the order in which that came to be known."""

    unit_id: str
    reason: str
    replaced_on: dt.date


@dataclass(frozen=True)
class Audit:
    """A draw and what it rests on.

    Attributes:
        draw: the fields `DRAW` as text.
        objects: every object of the roster, columns `AUDIT_OBJECT`, sorted by unit_id.
        inspectors: columns `INSPECTOR`, sorted by inspector_id.
        assignments: columns of `draw_inspectors`, in its order.
    """

    draw: Mapping[str, str]
    objects: pl.DataFrame
    inspectors: pl.DataFrame
    assignments: pl.DataFrame

    @property
    def frozen(self) -> Frozen:
        """Plan and rosters as this audit states them."""
        plan = plan_of_texts(self.draw, "the row of the draw")
        return Frozen(plan, self.objects.select(OBJECT), self.inspectors)

    @property
    def replacements(self) -> list[Replacement]:
        """What was replaced, in order."""
        rows = self.objects.filter(pl.col("replacement_no").is_not_null()).sort("replacement_no")
        if rows["replacement_reason"].null_count() or rows["replaced_on"].null_count():
            raise SamplehouseError("a replaced object has a reason and a day")
        return [
            Replacement(*row)
            for row in rows.select("unit_id", "replacement_reason", "replaced_on").rows()
        ]

    @property
    def text(self) -> str:
        """The canonical text of the audit file."""
        lines = [_line(row) for row in self.rows]
        checksum = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
        head = f'{{"format":"{FORMAT}","rows_sha256":"{checksum}","rows":[\n'
        return head + ",\n".join(lines) + "\n]}\n"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows, in the order of the file; an empty text is null."""
        chance = pl.col("inclusion_probability").map_elements("{:.10f}".format, pl.String)
        objects = self.objects.with_columns(chance, pl.col("replaced_on").cast(pl.String))
        parts = {
            "object": objects,
            "inspector": self.inspectors.with_columns(pl.col("conflicts").replace("", None)),
            "assignment": self.assignments,
        }
        return [
            {"row": "draw", **{name: self.draw[name] or None for name in DRAW}},
            *(
                {"row": tag, "draw_no": self.draw["draw_no"], **row}
                for tag, rows in parts.items()
                for row in rows.iter_rows(named=True)
            ),
        ]


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def draw(
    frozen: Frozen,
    public_number: str,
    drawn_on: dt.date,
    replacements: Sequence[Replacement] = (),
) -> Audit:
    """Draw objects and inspectors.

    Args:
        frozen: plan and rosters.
        public_number: the number that was awaited, exactly as it is to be published.
        drawn_on: day of the draw, not before the number is due.
        replacements: objects that could not be visited; each gives way to the next of its stratum.

    Raises:
        SamplehouseError: the days are out of order, an object that was not drawn is replaced, or
            there are too few inspectors.
    """
    plan = frozen.plan
    if drawn_on < plan.number_due_on:
        raise SamplehouseError(
            f"the public number is due on {plan.number_due_on}, the draw cannot be on {drawn_on}"
        )
    if not (public_number.isascii() and public_number.isprintable() and public_number.split()):
        raise SamplehouseError("the public number is written in ASCII, on one line")
    if public_number != public_number.strip():
        raise SamplehouseError("the public number has no blanks at its ends")
    roster_hash = frozen.roster_hash
    seed = seed_of(roster_hash, plan.draw_no, public_number)
    objects = _with_replacements(draw_objects(frozen, seed), drawn_on, replacements)
    first = pl.col("status").is_in([DRAWN, REPLACED]) & pl.col("replaces").is_null()
    later = pl.col("replaces").is_not_null()
    by_turn = objects.filter(later).join(
        objects.select(replaces="unit_id", turn="replacement_no"), on="replaces"
    )
    units = [
        *objects.filter(first).sort("stratum", "draw_rank")["unit_id"],
        *by_turn.sort("turn")["unit_id"],
    ]
    result = {
        "sampling_basis": plan.sampling_basis,
        "roster_hash": roster_hash,
        "public_number": public_number,
        "seed": seed,
        "drawn_on": drawn_on.isoformat(),
    }
    return Audit(
        {**plan_texts(plan), **result},
        objects,
        frozen.inspectors,
        draw_inspectors(frozen, seed, units),
    )


def _with_replacements(
    objects: pl.DataFrame, drawn_on: dt.date, replacements: Sequence[Replacement]
) -> pl.DataFrame:
    """Columns status, replaces, replaced_by and the reason, one replacement after the other."""
    drawn = pl.col("draw_rank") <= pl.col("stratum_drawn")
    ranks = objects.sort("stratum", "draw_rank")
    queue = {
        stratum: rows.filter(~drawn)["unit_id"].to_list()
        for (stratum,), rows in ranks.group_by(["stratum"], maintain_order=True)
    }
    stratum_of = dict(objects.select("unit_id", "stratum").rows())
    selected = set(objects.filter(drawn)["unit_id"])
    log: list[tuple[str, str | None, int, str, dt.date]] = []
    for number, each in enumerate(replacements, start=1):
        if each.unit_id not in selected:
            raise SamplehouseError(
                f"{each.unit_id} was not drawn or is replaced already; only an object that is to "
                "be visited can be replaced"
            )
        if each.replaced_on < drawn_on:
            raise SamplehouseError(f"{each.unit_id} cannot be replaced before the draw")
        selected.remove(each.unit_id)
        waiting = queue[stratum_of[each.unit_id]]
        following = waiting.pop(0) if waiting else None
        selected.update({following} if following else ())
        log.append((each.unit_id, following, number, each.reason, each.replaced_on))
    schema = {name: AUDIT_OBJECT[name] for name in list(AUDIT_OBJECT)[-4:]}
    gone = pl.DataFrame(log, schema={"unit_id": pl.String(), **schema}, orient="row")
    came = gone.drop_nulls("replaced_by").select(unit_id="replaced_by", replaces="unit_id")
    return (
        objects.join(gone, on="unit_id", how="left", maintain_order="left")
        .join(came, on="unit_id", how="left", maintain_order="left")
        .with_columns(
            status=pl.when(pl.col("replacement_no").is_not_null())
            .then(pl.lit(REPLACED))
            .when(pl.col("replaces").is_not_null())
            .then(pl.lit(REPLACEMENT))
            .when(drawn)
            .then(pl.lit(DRAWN))
            .otherwise(pl.lit(NOT_DRAWN))
        )
        .select(pl.col(name).cast(kind) for name, kind in AUDIT_OBJECT.items())
    )


def read_audit(text: str, where: str) -> Audit:
    """The audit in a file; whether it is right is for `verify` to say.

    Raises:
        SamplehouseError: the text is no audit file.
    """
    try:
        document = json.loads(text)
        rows = {
            tag: [row for row in document["rows"] if row["row"] == tag]
            for tag in ("draw", "object", "inspector", "assignment")
        }
        (head,) = rows["draw"]
        return Audit(
            {name: str(head[name] or "") for name in DRAW},
            _frame(rows["object"], AUDIT_OBJECT),
            _frame(rows["inspector"], INSPECTOR).with_columns(pl.col("conflicts").fill_null("")),
            _frame(rows["assignment"], dict(ASSIGNMENT)),
        )
    except KeyError as error:
        raise SamplehouseError(f"{where} is no audit file of a draw: no {error} in it") from error
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise SamplehouseError(f"{where} is no audit file of a draw: {error}") from error


def _frame(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    texts = {name: pl.String() for name in schema}
    cells = [[None if row[name] is None else str(row[name]) for name in schema] for row in rows]
    frame = pl.DataFrame(cells, schema=texts, orient="row")
    if blank := [name for name in schema if name in NEEDED and frame[name].null_count()]:
        raise ValueError(f"rows without {', '.join(blank)}")
    return frame.select(
        pl.col(name).str.to_date("%Y-%m-%d") if kind == pl.Date else pl.col(name).cast(kind)
        for name, kind in schema.items()
    )
