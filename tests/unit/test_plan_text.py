"""The plan of Yiwu against its published text: every number accounted for, phrases verbatim."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from warehouse.plan import Plan, item_id
from warehouse.plan_files import load_plans

TEXT_FILE = Path(__file__).resolve().parents[3] / "shared" / "mission" / "work_plan_2024.txt"

DIGITS = dict(zip("零一二三四五六七八九", range(10), strict=True)) | {"双": 2}
SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
NUMBER = re.compile(
    r"(?P<arabic>\d+(?:\.\d+)?)(?P<scale>[万亿]?)"
    r"|(?P<chinese>[零〇一二三四五六七八九十百千万亿两双]+)"
    r"|(?P<roman>I{1,3}V?|IV|V)(?![A-Za-z])"
)
HEADING = re.compile(r"^(?:[一二三四五]、|\([一二三四]\)|\d+\.)", re.MULTILINE)
ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5}


@dataclass(frozen=True)
class Number:
    """A number where it stands in the text."""

    text: str
    value: Decimal | None
    start: int
    end: int


@pytest.fixture(scope="module")
def text() -> str:
    """The plan's own words: what stands around them on the page it was published on is left out."""
    if not TEXT_FILE.is_file():
        pytest.skip("the published text is not beside the checkout (../shared/mission)")
    page = TEXT_FILE.read_text("utf-8")
    return page[page.index("\n", page.index("字体大小")) + 1 :]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plans()["yiwu_2024"]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def numbers(text: str) -> Iterator[Number]:
    """Every number: arabic with its 万 or 亿, Chinese, roman; numbers of headings are left out."""
    headings = [match.span() for match in HEADING.finditer(text)]
    for match in NUMBER.finditer(text):
        if not any(start <= match.start() < end for start, end in headings):
            yield Number(match.group(), value_of(match), *match.span())


def value_of(match: re.Match[str]) -> Decimal | None:
    """What a number says; None for Chinese words such as 百千万 that hold more than one."""
    if match["arabic"]:
        return Decimal(match["arabic"]) * SCALES.get(match["scale"], 1)
    if match["roman"]:
        return Decimal(ROMAN[match["roman"]])
    letters = match["chinese"]
    if len(letters) == 1:
        return Decimal(DIGITS.get(letters, SCALES.get(letters, -1)))
    return None


def spans(phrase: str, text: str) -> list[tuple[int, int]]:
    return [(m.start(), m.end()) for m in re.finditer(re.escape(phrase), text)]


def test_the_reader_of_numbers_knows_them_all() -> None:
    found = [
        (n.text, n.value) for n in numbers("(一)增\n1.建2.5万亩、III类、七连优、每万人、百千万")
    ]
    expected = [("2.5万", 25000), ("III", 3), ("七", 7), ("万", 10000), ("百千万", None)]
    assert found == expected


def test_every_number_is_a_target_a_milestone_or_a_named_parameter(text: str, plan: Plan) -> None:
    accounted: list[tuple[tuple[int, int], Decimal | None]]
    accounted = [(span, t.value) for t in plan.targets for span in spans(t.phrase_zh, text)]
    accounted += [(span, p.value) for p in plan.parameters for span in spans(p.phrase_zh, text)]
    milestones = [span for m in plan.milestones for span in spans(m.phrase_zh, text)]
    accounted += [(span, Decimal(1)) for span in milestones]
    accounted += [(span, None) for span in spans(signature(plan), text)]
    unknown = [
        f"{number.text} in …{text[max(0, number.start - 12) : number.end + 12]}…"
        for number in numbers(text)
        if not any(
            start <= number.start and number.end <= end and value in (None, number.value)
            for (start, end), value in accounted
        )
    ]
    assert unknown == []


def signature(plan: Plan) -> str:
    """The day below the plan, as it is written there."""
    day = plan.head.signed_on
    assert day is not None
    return f"{day.year}年{day.month}月{day.day}日"


def test_every_target_promises_the_number_of_its_phrase(plan: Plan) -> None:
    # 不发生 is zero events, 全覆盖 is all of them: the only ones that are said without a number.
    said_in_words = {
        "major_quality_incident_count": "不发生",
        "four_governance_quarterly_coverage": "全覆盖",
    }
    for target in plan.targets:
        if target.target_id in said_in_words:
            assert said_in_words[target.target_id] in target.phrase_zh
        else:
            assert target.value in {n.value for n in numbers(target.phrase_zh)}, target


def test_comparators_follow_the_words(plan: Plan) -> None:
    for target in plan.targets:
        phrase = target.phrase_zh
        strict = bool(re.search(r"超\d|突破", phrase))
        assert (target.comparator == ">") == strict, target
        if re.search(r"\d[%万家项个场人名亩(次)]+以上|不少于", phrase):
            assert target.comparator == ">=", target
        if "100%" in phrase:
            assert target.comparator == "=", target
        assert (target.comparator == "~") == ("趋零" in phrase)
        assert ("争取" in phrase or "冲刺" in phrase) <= (target.commitment == "aspirational")


def test_every_phrase_is_verbatim(text: str, plan: Plan) -> None:
    own = squeezed(text)
    items = (*plan.items, *plan.mechanisms, *plan.parameters)
    assert [item_id(item) for item in items if squeezed(item.phrase_zh) not in own] == []


def test_the_page_says_where_the_plan_comes_from(plan: Plan) -> None:
    if not TEXT_FILE.is_file():
        pytest.skip("the published text is not beside the checkout (../shared/mission)")
    page = TEXT_FILE.read_text("utf-8")
    assert page.startswith(f"{plan.head.index_no}\n{plan.head.issuer}\n{plan.head.published_on}\n")


def test_no_target_is_forgotten(plan: Plan) -> None:
    assert (len(plan.targets), len(plan.milestones), len(plan.mechanisms)) == (72, 13, 35)
    by_measure = [target.measured_by for target in plan.targets]
    assert {code: by_measure.count(code) for code in "RMSCL"} == {
        "R": 6,
        "M": 4,
        "S": 1,
        "C": 4,
        "L": 57,
    }
    for target in plan.targets:
        assert (target.indicator_id is None) == (target.measured_by == "L"), target
