"""The demo's random draws: a draw in each quarter, the visits that follow, and the truth.

The draws are real ones, made with `assets.draw`; one of them was tampered with before it was
delivered. Visits have their flaws too: one before its draw, some by one inspector or by somebody
whom nobody drew, results published late or never.
"""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.chance import pick
from assets.demo.files import write_csv
from assets.demo.firms import draw_firms
from assets.draw.audit import Audit, Replacement, draw
from assets.draw.plan import freeze

AUDITS, RESULTS, OBJECTS = "draw_audit", "double_random_results", "inspection_objects"
ROSTER, INSPECTORS = 420, 24
RISK = {"A": 50, "B": 30, "C": 14, "D": 6}
CATEGORIES = ("儿童用品", "电子电器", "食品相关产品")
ITEM = {
    "item_name": "重点消费品质量监督双随机抽查",
    "legal_basis": "产品质量法第十五条",
    "authority": "义乌市市场监督管理局",
    "object_kind": "重点消费品销售单位",
    "times": "每季度1次",
    "method": "实地检查",
    "content": "产品标识、进货查验记录和在售产品质量；当场记录，二十个工作日内公示",
}
# Roster frozen, public number due, drawn, replacements known, results delivered (twice).
QUARTERS = (
    ("2024-01-15", "2024-01-19", "2024-01-22", "2024-02-05", "2024-03-15", "2024-08-30"),
    ("2024-04-12", "2024-04-17", "2024-04-18", "2024-05-08", "2024-06-14", "2024-09-30"),
    ("2024-07-10", "2024-07-15", "2024-07-16", "2024-07-30", "2024-09-06", "2024-11-29"),
    ("2024-10-09", "2024-10-14", "2024-10-15", "2024-10-29", "2024-11-22", "2024-12-30"),
)
WEIGHTED, TAMPERED = 2, 3  # quarters, from 0
BARRED, REFUSED = 0.4, 0.025
# Credit classes of the objects, a few of which have none; some change in the middle of the year.
CREDIT = {"A": 34, "B": 40, "C": 16, "D": 6, None: 4}
RATED_ON, RATED_AGAIN_ON, CHANGED = dt.date(2024, 1, 1), dt.date(2024, 7, 1), 0.15
LISTED = ("2024-01-10", "2024-07-05")  # days on which the roster of objects is delivered
PROBLEM = {"A": 0.04, "B": 0.09, "C": 0.18, "D": 0.33}


@dataclass(frozen=True)
class DrawTruth:
    """What must come out, by quarter.

    Attributes:
        counts: measure, period, risk_class, numerator, denominator. Risk class ALL is left out but
            for draws_reproducible; the rest follows by adding up.
        credit: measure (refused, discovered), period, credit_class on the day of the draw,
            numerator, denominator.
    """

    counts: pl.DataFrame
    credit: pl.DataFrame

    def write(self, path: Path) -> None:
        """Write the truth as JSON in UTF-8."""
        tables = {"counts": self.counts.to_dicts(), "credit": self.credit.to_dicts()}
        text = json.dumps(tables, ensure_ascii=False, indent=1)
        path.write_text(text + "\n", "utf-8")


def write_draws(landing: Path, seed: int) -> DrawTruth:
    """Write audits and results of four draws to `landing`; the same seed gives the same bytes."""
    rng = np.random.default_rng([seed, 83])
    roster, inspectors = _roster(rng), _inspectors()
    classes = _credit_classes(np.random.default_rng([seed, 84]), roster)
    _write_objects(landing, roster, classes)
    parts, by_credit = [], []
    for number, days in enumerate(QUARTERS):
        frozen_on, due_on, drawn_on, replaced_on, *delivered = map(dt.date.fromisoformat, days)
        plan = _plan(number, frozen_on, due_on)
        frozen = freeze(plan, roster, inspectors, _conflicts(rng, roster, inspectors))
        public_number = " ".join(map(str, rng.integers(0, 10, 3)))
        first = draw(frozen, public_number, drawn_on)
        gone = _replacements(rng, first, replaced_on)
        last = draw(frozen, public_number, drawn_on, gone)
        for audit, day in ((first, drawn_on), (last, replaced_on)):
            told = _tampered(audit) if number == TAMPERED else audit
            _write_text(landing / AUDITS / day.isoformat() / f"{plan['draw_no']}.json", told.text)
        told = _tampered(last) if number == TAMPERED else last
        visits = _visits(rng, told, roster)
        for kind, day in zip(("初报", "公示"), delivered, strict=True):
            path = landing / RESULTS / day.isoformat() / f"{plan['draw_no']}_{kind}.csv"
            write_csv(path, _as_text(visits, published=kind == "公示"), "gb18030")
        quarter = f"2024Q{number + 1}"
        parts.append(_truth(visits, told, quarter, right=number != TAMPERED))
        by_credit.append(_credit_truth(visits, _held(classes, drawn_on), quarter))
    return DrawTruth(pl.concat(parts), pl.concat(by_credit))


def _plan(number: int, frozen_on: dt.date, due_on: dt.date) -> dict[str, object]:
    by_class = {"A": "0.03", "B": "0.06", "C": "0.15", "D": "0.4"}
    weighted = number == WEIGHTED
    return {
        **ITEM,
        "draw_no": f"YW-2024-{number + 1:02d}",
        "title": f"2024年第{number + 1}季度重点消费品双随机抽查",
        "frozen_on": frozen_on,
        "number_source": f"福彩3D {due_on.isoformat()} 开奖号码",
        "number_due_on": due_on,
        "strata": ["category"] if weighted else ["risk_class", "category"],
        "shares": {"ALL": "0.12"} if weighted else by_class,
        "weights": {"A": "1", "B": "2", "C": "4", "D": "8"} if weighted else {},
        "most_objects": 12,
        "most_pairings": 3,
    }


def _roster(rng: np.random.Generator) -> pl.DataFrame:
    firms = draw_firms(rng, ("seller",), round(ROSTER / 0.12)).head(ROSTER)
    classes = pick(rng, np.array(list(RISK.values()), dtype=np.float64), ROSTER)
    categories = rng.integers(0, len(CATEGORIES), ROSTER)
    return firms.select(
        "firm_name",
        "uscc",
        "division_code",
        unit_id=pl.format("X{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(5)),
        risk_class=pl.Series([list(RISK)[place] for place in classes]),
        category=pl.Series([CATEGORIES[place] for place in categories]),
    )


def _credit_classes(rng: np.random.Generator, roster: pl.DataFrame) -> pl.DataFrame:
    """Which object has which credit class (NULL = none) from which day on, with its delivery."""
    names = pl.Series(list(CREDIT), dtype=pl.String)
    shares = np.array(list(CREDIT.values()), dtype=np.float64)
    first, second = (
        roster.select(
            "unit_id",
            credit_class=names.gather(pick(rng, shares, roster.height).tolist()),
            valid_from=pl.lit(day),
            delivery=pl.lit(delivery),
        )
        for delivery, day in enumerate((RATED_ON, RATED_AGAIN_ON))
    )
    changed = pl.Series(rng.random(roster.height) < CHANGED)
    return pl.concat([first, second.filter(changed & second["credit_class"].is_not_null())])


def _held(classes: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    """The class of each object on a day."""
    known = classes.filter(pl.col("valid_from") <= day).sort("valid_from", maintain_order=True)
    return known.unique("unit_id", keep="last").select(
        "unit_id", pl.col("credit_class").fill_null("UNRATED")
    )


def _write_objects(landing: Path, roster: pl.DataFrame, classes: pl.DataFrame) -> None:
    lines = classes.join(roster, on="unit_id", maintain_order="left")
    for delivery, day in enumerate(LISTED):
        rows = lines.filter(delivery=delivery).select(
            对象编号="unit_id",
            对象名称="firm_name",
            统一社会信用代码="uscc",
            行政区划代码="division_code",
            信用等级="credit_class",
            生效日期=pl.col("valid_from").dt.strftime("%Y-%m-%d"),
        )
        write_csv(landing / OBJECTS / day / "检查对象名录库.csv", rows, "gb18030")


def _inspectors() -> pl.DataFrame:
    return pl.DataFrame({"inspector_id": [f"ZF{n:03d}" for n in range(1, INSPECTORS + 1)]})


def _conflicts(
    rng: np.random.Generator, roster: pl.DataFrame, inspectors: pl.DataFrame
) -> pl.DataFrame:
    """Two objects in five have an inspector who must not visit them."""
    units = roster["unit_id"].gather(np.flatnonzero(rng.random(ROSTER) < BARRED).tolist())
    chosen = rng.integers(0, inspectors.height, units.len())
    return pl.DataFrame(
        {"unit_id": units, "inspector_id": inspectors["inspector_id"].gather(chosen.tolist())}
    )


def _replacements(rng: np.random.Generator, audit: Audit, day: dt.date) -> list[Replacement]:
    drawn = audit.objects.filter(status="drawn")["unit_id"].to_list()
    chosen = rng.choice(len(drawn), 4, replace=False)
    reasons = ("closed", "moved", "refused", "refused")
    return [Replacement(drawn[place], r, day) for place, r in zip(chosen, reasons, strict=True)]


def _tampered(audit: Audit) -> Audit:
    """The audit with two objects of one stratum exchanged: one that was drawn is let off."""
    drawn = audit.objects.filter(status="drawn").sort("stratum_size", "unit_id").row(-1, named=True)
    spared = audit.objects.filter(
        pl.col("stratum") == drawn["stratum"], pl.col("status") == "not_drawn"
    ).row(-1, named=True)
    names = [drawn["unit_id"], spared["unit_id"]]
    exchanged = dict(zip(names, reversed(names), strict=True))
    moved = ("key", "draw_rank", "status")
    other = audit.objects.select(
        pl.col("unit_id").replace(exchanged), *(pl.col(name).alias(f"{name} new") for name in moved)
    )
    objects = audit.objects.join(other, on="unit_id", maintain_order="left").with_columns(
        pl.col(f"{name} new").alias(name) for name in moved
    )
    assignments = audit.assignments.with_columns(pl.col("unit_id").replace(exchanged))
    return Audit(audit.draw, objects.select(audit.objects.columns), audit.inspectors, assignments)


def _visits(rng: np.random.Generator, audit: Audit, roster: pl.DataFrame) -> pl.DataFrame:
    """What became of every object chosen: the visit, its flaws, its result, its publication."""
    chosen = audit.objects.filter(pl.col("status") != "not_drawn")
    assigned = audit.assignments.filter(outcome="assigned").sort("unit_id", "place")
    pairs = assigned.group_by("unit_id", maintain_order=True).agg(
        first=pl.col("inspector_id").first(), second=pl.col("inspector_id").last()
    )
    drawn_on = dt.date.fromisoformat(audit.draw["drawn_on"])
    size = chosen.height
    visited = chosen["status"] != "replaced"
    chance = rng.random(size)
    problem = pl.Series([PROBLEM[name] for name in chosen["risk_class"]]) > chance
    refused = pl.Series(chance > 1 - REFUSED)
    flaw = pl.Series(rng.choice(["", "alone", "stranger"], size, p=[0.92, 0.05, 0.03]))
    publication = pl.Series(rng.choice(["on_time", "late", "never"], size, p=[0.85, 0.1, 0.05]))
    after = pl.Series(rng.integers(16, 35, size)).to_list()
    visits = (
        chosen.with_columns(
            inspected_on=pl.Series([drawn_on + dt.timedelta(days=n) for n in after]),
            visited=visited,
            problem=problem & ~refused,
            refused=refused,
            flaw=flaw,
            publication=publication,
        )
        .join(pairs, on="unit_id", how="left", maintain_order="left")
        .join(roster.select("unit_id", "firm_name", "uscc"), on="unit_id", maintain_order="left")
        .with_row_index("place")
    )
    first = visits.filter("visited", pl.col("status") == "drawn")["place"][0]
    early = pl.col("place") == first
    names = ("ZF001", "ZF002", "ZF003")  # of three, one is not among the two assigned
    stranger = pl.coalesce(
        pl.when(pl.col("first") != name, pl.col("second") != name).then(pl.lit(name))
        for name in names
    )
    return visits.with_columns(
        inspected_on=pl.when(early)
        .then(pl.lit(drawn_on - dt.timedelta(days=2)))
        .otherwise("inspected_on"),
        draw_no=pl.lit(audit.draw["draw_no"]),
        came_second=pl.when(pl.col("flaw") == "stranger")
        .then(stranger)
        .when(pl.col("flaw") != "alone")
        .then("second"),
        drawn_on=pl.lit(drawn_on),
    )


def _as_text(visits: pl.DataFrame, *, published: bool) -> pl.DataFrame:
    lag = pl.when(pl.col("publication") == "on_time").then(pl.lit(12)).otherwise(pl.lit(45))
    shown = (pl.col("publication") != "never") & published
    return visits.filter("visited").select(
        抽查编号="draw_no",
        对象编号="unit_id",
        对象名称="firm_name",
        统一社会信用代码="uscc",
        风险等级="risk_class",
        类别="category",
        行政区划代码="division_code",
        主检人员="first",
        协检人员="came_second",
        检查日期=pl.col("inspected_on").dt.strftime("%Y-%m-%d"),
        完成日期=(pl.col("inspected_on") + pl.duration(days=3)).dt.strftime("%Y-%m-%d"),
        结果代码=pl.when("refused")
        .then(pl.lit("8"))
        .when("problem")
        .then(pl.lit("4"))
        .otherwise(pl.lit("1")),
        结果说明=pl.when("problem").then(pl.lit("标识不符合要求，责任人电话13800000000")),
        公示日期=pl.when(shown).then(
            (pl.col("inspected_on") + pl.duration(days=3) + pl.duration(days=lag)).dt.strftime(
                "%Y-%m-%d"
            )
        ),
        备注=pl.lit(None, pl.String),
    )


def _asked(visits: pl.DataFrame) -> tuple[pl.DataFrame, pl.Expr]:
    """Objects that were asked to be inspected, and whether they refused."""
    refused = (pl.col("visited") & pl.col("refused")) | (
        pl.col("replacement_reason") == "refused"
    ).fill_null(value=False)
    return visits.filter(pl.col("visited") | pl.col("replacement_reason").is_not_null()), refused


def _credit_truth(visits: pl.DataFrame, held: pl.DataFrame, period: str) -> pl.DataFrame:
    """Refusals and discoveries by the class that the object had on the day of the draw."""
    rated = visits.join(held, on="unit_id")
    checked = rated.filter(pl.col("visited") & ~pl.col("refused"))
    measures = {"refused": _asked(rated), "discovered": (checked, pl.col("problem"))}
    return pl.concat(
        rows.group_by("credit_class")
        .agg(numerator=met.sum().cast(pl.Int64), denominator=pl.len().cast(pl.Int64))
        .sort("credit_class")
        .select(
            pl.lit(name).alias("measure"),
            pl.lit(period).alias("period"),
            *("credit_class", "numerator", "denominator"),
        )
        for name, (rows, met) in measures.items()
    )


def _truth(visits: pl.DataFrame, audit: Audit, period: str, *, right: bool) -> pl.DataFrame:
    """Counts from what was made up, not from what the pipeline makes of it."""
    barred = audit.inspectors.filter(pl.col("conflicts") != "").select(
        "inspector_id", unit_id=pl.col("conflicts").str.split(";")
    )
    seen = visits.filter("visited")
    people = pl.concat(
        [
            audit.assignments.filter(outcome="assigned").select("unit_id", "inspector_id"),
            seen.select("unit_id", inspector_id="first"),
            seen.select("unit_id", inspector_id="came_second"),
        ]
    )
    declared = barred.explode("unit_id")
    broken = declared.join(people, on=("unit_id", "inspector_id"), how="semi")["unit_id"].to_list()
    measures = {
        "drawn_before_visit": (seen, pl.col("inspected_on") >= pl.col("drawn_on")),
        "two_inspectors": (seen, pl.col("flaw") != "alone"),
        "inspectors_logged": (seen, pl.col("flaw") != "stranger"),
        "conflicts_replaced": (
            visits.join(declared, on="unit_id", how="semi"),
            ~pl.col("unit_id").is_in(broken),
        ),
        "published_on_time": (seen, pl.col("publication") == "on_time"),
        "refused": _asked(visits),
        "discovered": (seen.filter(~pl.col("refused")), pl.col("problem")),
    }
    whole = pl.DataFrame(
        {"measure": ["draws_reproducible"], "risk_class": ["ALL"], "numerator": [int(right)]}
    ).with_columns(denominator=pl.lit(1, pl.Int64))
    parts = [whole] + [
        rows.group_by("risk_class")
        .agg(numerator=met.sum().cast(pl.Int64), denominator=pl.len().cast(pl.Int64))
        .sort("risk_class")
        .select(pl.lit(name).alias("measure"), "risk_class", "numerator", "denominator")
        for name, (rows, met) in measures.items()
    ]
    return pl.concat(parts).select("measure", pl.lit(period).alias("period"), pl.exclude("measure"))


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
