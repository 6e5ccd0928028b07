"""Draws: made again by other means, changed in every way, and compared with exact probabilities."""

import contextlib
import datetime as dt
import hashlib
import itertools
import json
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.draw.audit import Audit, Replacement, draw, read_audit
from assets.draw.plan import Frozen, freeze, read_frozen
from assets.draw.sampling import _weighted_order, inclusion_probabilities
from assets.draw.verify import differences, verify
from warehouse.errors import ConfigurationError, SamplehouseError

DRAWN_ON = dt.date(2024, 3, 6)
NUMBER = "3 4 8"
PLAN: dict[str, Any] = {
    "draw_no": "D-2024-01",
    "title": "儿童用品（春季）",
    "item_name": "儿童和学生用品质量监督抽查",
    "legal_basis": "产品质量法第十五条",
    "authority": "义乌市市场监督管理局",
    "object_kind": "销售单位",
    "times": "1次",
    "method": "实地检查",
    "content": "标识、进货查验",
    "frozen_on": "2024-03-01",
    "number_source": "福彩3D第2024055期",
    "number_due_on": "2024-03-05",
    "strata": ["risk_class", "category"],
    "shares": {"A": "0.1", "B": "0.2", "C": "0.3"},
    "most_objects": 20,
    "most_pairings": 4,
}


def frozen(**changes: Any) -> Frozen:
    return _frozen(json.dumps({**PLAN, **changes}))


@cache
def _frozen(plan: str) -> Frozen:
    objects = pl.DataFrame(
        {
            "unit_id": [f"U{number:03d}" for number in reversed(range(60))],
            "risk_class": ["ABC"[number % 3] for number in range(60)],
            "category": ["玩具" if number % 2 else "文具" for number in range(60)],
            "division_code": ["330782001"] * 60,
            "unit_name": ["某某商行"] * 60,
        }
    )
    inspectors = pl.DataFrame({"inspector_id": [f"E{number:02d}" for number in range(12)]})
    # Everyone but two is in conflict with something, so that some are passed over.
    conflicts = pl.DataFrame(
        {
            "inspector_id": [f"E{number:02d}" for number in range(10)] * 6,
            "unit_id": [f"U{number:03d}" for number in range(60)],
        }
    )
    return freeze(json.loads(plan), objects, inspectors, conflicts)


def drawn(*replacements: Replacement, **changes: Any) -> Audit:
    return draw(frozen(**changes), NUMBER, DRAWN_ON, replacements)


@pytest.fixture(scope="module")
def audit() -> Audit:
    first = drawn().objects.filter(status="drawn")["unit_id"].to_list()
    after = DRAWN_ON + dt.timedelta(days=3)
    return drawn(Replacement(first[0], "closed", after), Replacement(first[-1], "refused", after))


# -- by other means


def sha(*parts: str) -> str:
    return hashlib.sha256("\t".join(parts).encode()).hexdigest()


def test_the_draw_is_what_plain_hashing_gives(audit: Audit) -> None:
    text = frozen().text
    seed = sha(hashlib.sha256(text.encode()).hexdigest(), "D-2024-01", NUMBER)
    objects = [line.split("\t") for line in text.splitlines() if line.startswith("object\t")]
    assert [line[1] for line in objects] == sorted(line[1] for line in objects)
    strata: dict[str, list[tuple[str, str]]] = {}
    for _, unit, risk, category, _ in objects:
        stratum = f"{risk}|{category}"
        strata.setdefault(stratum, []).append((sha(seed, stratum, unit), unit))
    expected = {
        unit
        for stratum, keyed in strata.items()
        for _, unit in sorted(keyed)[: {"A": 1, "B": 2, "C": 3}[stratum[0]]]
    }
    assert audit.draw["seed"] == seed
    first = audit.objects.filter(pl.col("draw_rank") <= pl.col("stratum_drawn"))
    assert set(first["unit_id"]) == expected
    assert len(expected) == 12


def test_inspectors_are_what_plain_hashing_gives(audit: Audit) -> None:
    seed = audit.draw["seed"]
    barred = {
        f"E{number:02d}": {f"U{n:03d}" for n in range(number, 60, 10)} for number in range(10)
    }
    passed_over = 0
    for (unit,), rows in audit.assignments.group_by(["unit_id"]):
        order = sorted(sha(seed, "inspector", str(unit), f"E{n:02d}") for n in range(12))
        assert rows.sort("place")["key"].to_list() == order[: rows.height]
        assert rows.filter(outcome="assigned").height == 2
        for inspector, outcome in rows.select("inspector_id", "outcome").rows():
            assert (outcome == "conflict") == (unit in barred.get(inspector, set()))
            passed_over += outcome == "conflict"
    assert passed_over > 0


def test_a_replacement_is_the_next_of_its_stratum_and_both_are_kept(audit: Audit) -> None:
    gone = audit.objects.filter(status="replaced").sort("replacement_no")
    came = audit.objects.filter(status="replacement")
    assert gone["replacement_reason"].to_list() == ["closed", "refused"]
    assert set(came["replaces"]) == set(gone["unit_id"])
    for stratum, n, rank, replaces in came.select(
        "stratum", "stratum_drawn", "draw_rank", "replaces"
    ).rows():
        assert rank == n + 1
        assert gone.filter(unit_id=replaces)["stratum"].item() == stratum
    assert audit.assignments.filter(pl.col("unit_id").is_in(came["unit_id"].to_list())).height >= 4


def test_the_share_of_a_stratum_is_rounded_up_exactly() -> None:
    sizes = drawn(strata=["risk_class"], shares={"A": "0.1", "B": "0.15", "C": "1"}).objects
    found = sizes.group_by("stratum").agg(pl.col("stratum_size", "stratum_drawn").first())
    # 0.15 of 20 is 3, which doubles would make a little more.
    assert {(size, n) for _, size, n in found.rows()} == {(20, 2), (20, 3), (20, 20)}
    assert sizes.filter(stratum="C")["inclusion_probability"].unique().to_list() == [1.0]
    assert sizes.filter(stratum="B")["inclusion_probability"].unique().to_list() == [0.15]


# -- files


def test_files_are_read_as_they_were_written(audit: Audit) -> None:
    assert read_frozen(frozen().text, "f").text == frozen().text
    again = read_audit(audit.text, "a")
    assert again.text == audit.text
    assert again.frozen.text == frozen().text
    assert verify(audit.text, "a", roster_hash=frozen().roster_hash, public_number=NUMBER) == []


def test_the_sum_of_the_rows_is_that_of_their_lines(audit: Audit) -> None:
    lines = [
        line.removesuffix(",") + "\n"
        for line in audit.text.splitlines()
        if line.startswith('{"row":')
    ]
    stated = json.loads(audit.text)["rows_sha256"]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == stated


def test_order_and_spelling_of_the_rosters_change_nothing() -> None:
    one = frozen()
    two = freeze(
        {**PLAN, "title": " 儿童用品(春季) ", "shares": {"C": 0.3, "B": "0.20", "A": "0.1"}},
        one.objects.reverse(),
        one.inspectors.reverse(),
        pl.DataFrame({"inspector_id": ["E00"], "unit_id": ["U000"]}).head(0),
    )
    assert two.text.split("inspector\t", 1)[0] == one.text.split("inspector\t", 1)[0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"number_due_on": "2024-03-01"}, "after the roster is frozen"),
        ({"inspectors_per_object": 1}, "inspectors_per_object"),
        ({"shares": {"A": "0.1"}}, "no share or weight for the risk classes B, C"),
        ({"shares": {"A": "0.1", "B": "1.2", "C": "1"}}, "at most 1"),
        ({"title": "two\nlines"}, "cannot be hashed by hand"),
        ({"strata": [], "shares": {"A": "0.1"}}, "one share, ALL"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_plan_that_draws_unfairly_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SamplehouseError, match=complaint):
        frozen(**change)


def test_a_frozen_file_that_was_touched_is_refused() -> None:
    text = frozen().text
    for changed in (
        text.replace("\n", "\r\n"),
        text + "\n",
        text.replace("object\tU001", "object\tU9"),
    ):
        with pytest.raises((SamplehouseError, ConfigurationError)):
            read_frozen(changed, "f")


def test_too_few_inspectors_stop_the_draw() -> None:
    with pytest.raises(SamplehouseError, match="name more"):
        drawn(most_objects=1)


def test_limits_of_load_and_pairs_hold() -> None:
    shares = {"A": "0.5", "B": "0.5", "C": "0.3"}
    log = drawn(shares=shares, most_objects=6, most_pairings=1).assignments
    assigned = log.filter(outcome="assigned")
    assert assigned["inspector_id"].value_counts()["count"].max() == 6
    pairs = assigned.group_by("unit_id").agg(pl.col("inspector_id").sort().str.join("+"))
    assert pairs["inspector_id"].is_unique().all()
    assert {"load_limit", "pair_limit", "conflict"} <= set(log["outcome"])


def test_an_object_that_was_not_drawn_cannot_be_replaced() -> None:
    other = drawn().objects.filter(status="not_drawn")["unit_id"][0]
    with pytest.raises(SamplehouseError, match="was not drawn"):
        drawn(Replacement(other, "closed", DRAWN_ON))


# -- tampering


@settings(max_examples=100)
@given(data=st.data())
def test_no_cell_of_an_audit_can_be_changed(audit: Audit, data: st.DataObject) -> None:
    document = json.loads(audit.text)
    row = data.draw(st.sampled_from(document["rows"]))
    name = data.draw(st.sampled_from(sorted(row)))
    value = row[name]
    others = st.one_of(
        st.none(),
        st.text(alphabet="ABCU0123456789儿", max_size=6),
        st.integers(-3, 100),
        st.sampled_from([each[name] for each in document["rows"] if name in each]),
        st.dates(dt.date(2024, 1, 1), dt.date(2024, 12, 31)).map(str),
    )
    row[name] = data.draw(others.filter(lambda other: other != value))
    assert found(document)


@settings(max_examples=40)
@given(data=st.data())
def test_no_row_of_an_audit_can_go_come_twice_or_move(audit: Audit, data: st.DataObject) -> None:
    document = json.loads(audit.text)
    rows = document["rows"]
    place = data.draw(st.integers(0, len(rows) - 1))
    way = data.draw(st.sampled_from(["gone", "twice", "moved"]))
    row = rows.pop(place)
    if way == "twice":
        rows[place:place] = [row, row]
    if way == "moved":
        rows.insert(data.draw(st.integers(0, len(rows)).filter(lambda to: to != place)), row)
    assert found(document)


@settings(max_examples=40)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_no_byte_of_an_audit_can_be_changed(audit: Audit, place: int, byte: int) -> None:
    raw = bytearray(audit.text.encode())
    place %= len(raw)
    if raw[place] == byte:
        return
    raw[place] = byte
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    with contextlib.suppress(SamplehouseError):
        assert verify(text, "a")


def found(document: dict[str, Any]) -> bool:
    """Whether a changed document is refused, written as the real one is."""
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in document["rows"]]
    head = f'{{"format":"{document["format"]}","rows_sha256":"{document["rows_sha256"]}","rows":[\n'
    try:
        return bool(verify(head + ",\n".join(lines) + "\n]}\n", "a"))
    except SamplehouseError:
        return True


@pytest.mark.parametrize(
    ("roster", "number"),
    [
        ({"shares": {"A": "0.1", "B": "0.2", "C": "0.4"}}, NUMBER),
        ({"number_source": "福彩3D第2024056期"}, NUMBER),
        ({"frozen_on": "2024-02-28"}, NUMBER),
        ({}, "3 4 9"),
    ],
)
def test_who_draws_anew_with_all_sums_right_is_told_by_what_was_published(
    roster: dict[str, Any], number: str
) -> None:
    forged = draw(frozen(**roster), number, DRAWN_ON).text
    assert verify(forged, "a") == []
    assert verify(forged, "a", roster_hash=frozen().roster_hash, public_number=NUMBER)


def test_differences_name_what_was_changed(audit: Audit) -> None:
    changed = pl.col("unit_id") == audit.objects["unit_id"][4]
    objects = audit.objects.with_columns(draw_rank=pl.when(changed).then(99).otherwise("draw_rank"))
    problems = differences(Audit(audit.draw, objects, audit.inspectors, audit.assignments))
    assert problems == [f"objects: draw_rank does not follow for {audit.objects['unit_id'][4]}"]


# -- weights


def exact_order(keys: list[str], weights: list[str]) -> list[int]:
    """Places by -ln(u)/w with 200 digits."""
    with localcontext(prec=200):
        scores = [
            -(Decimal(int(key, 16)) / Decimal(2**256)).ln() / Decimal(weight)
            for key, weight in zip(keys, weights, strict=True)
        ]
    ordered = sorted(range(len(keys)), key=scores.__getitem__)
    return [ordered.index(place) for place in range(len(keys))]


KEYS = st.integers(1, 2**256 - 1).map(lambda number: f"{number:064x}")
NEAR = st.integers(1, 2**180).map(lambda number: f"{2**255 + number:064x}")


@given(
    st.lists(
        st.tuples(st.one_of(KEYS, NEAR), st.sampled_from(["1", "2", "2.5", "8"])),
        min_size=2,
        max_size=30,
        unique=True,
    )
)
def test_the_weighted_order_is_exact_even_where_doubles_are_equal(
    rows: list[tuple[str, str]],
) -> None:
    keys, weights = [row[0] for row in rows], [row[1] for row in rows]
    frame = pl.DataFrame({"key": keys, "weight": weights})
    assert _weighted_order(frame).to_list() == exact_order(keys, weights)


def successive(weights: list[int], drawn_units: int) -> list[Fraction]:
    """Probabilities of inclusion by enumeration: the order of drawing one by one by weight."""
    chances = [Fraction(0)] * len(weights)
    for order in itertools.permutations(range(len(weights)), drawn_units):
        left, chance = Fraction(sum(weights)), Fraction(1)
        for place in order:
            chance *= weights[place] / left
            left -= weights[place]
        for place in order:
            chances[place] += chance
    return chances


@pytest.mark.parametrize("drawn_units", [0, 1, 2, 3, 4, 5, 6])
def test_probabilities_of_inclusion_are_those_of_enumeration(drawn_units: int) -> None:
    weights = [1, 1, 1, 4, 4, 20]
    expected = dict(zip(weights, successive(weights, drawn_units), strict=True))
    computed = inclusion_probabilities({1.0: 3, 4.0: 2, 20.0: 1}, drawn_units)
    assert computed == pytest.approx([float(expected[w]) for w in (1, 4, 20)], abs=2e-10)


def test_probabilities_of_large_strata_add_up_to_what_is_drawn() -> None:
    units = {1.0: 5000, 2.0: 900, 4.0: 90, 8.0: 10}
    computed = inclusion_probabilities(units, 150)
    total = sum(n * p for n, p in zip(units.values(), computed, strict=True))
    assert total == pytest.approx(150, abs=1e-4)


def test_weighted_draws_are_verified_too() -> None:
    weights = {"A": "1", "B": "2", "C": "8"}
    weighted = drawn(strata=["category"], shares={"ALL": "0.2"}, weights=weights)
    assert verify(weighted.text, "a") == []
    share = weighted.objects.group_by("risk_class").agg(pl.col("inclusion_probability").mean())
    chances = dict(share.rows())
    assert chances["A"] < chances["B"] < chances["C"]
    first = weighted.objects.filter(pl.col("draw_rank") <= pl.col("stratum_drawn"))
    for stratum, rows in weighted.objects.group_by("stratum"):
        order = exact_order(rows["key"].to_list(), rows["weight"].to_list())
        best = rows.filter(pl.Series(order) < rows["stratum_drawn"][0])["unit_id"]
        assert set(best) == set(first.filter(stratum=stratum[0])["unit_id"])
