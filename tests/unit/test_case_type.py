"""Case types and clocks as reference data: what they owe, and what is refused."""

import csv
from pathlib import Path

import pytest
import yaml

from warehouse.case_tables import case_rows
from warehouse.case_type import CASES_DIR, CaseType, load_case_types, load_deadlines
from warehouse.errors import ConfigurationError
from warehouse.reference_lists import codes

TYPES = load_case_types()
CLOCKS = load_deadlines()
HEADER = (CASES_DIR / "deadlines.csv").read_text("utf-8").splitlines()[0]
# What is timed by other records than cases.
ELSEWHERE = {"double_random_publish"}


def test_every_kind_of_case_has_its_steps_and_is_a_programme_of_units() -> None:
    assert set(TYPES) == set(codes("case_type"))
    assert set(codes("case_type")) <= set(codes("programme"))


@pytest.mark.parametrize("known", TYPES.values(), ids=TYPES.keys())
def test_every_step_can_be_reached_and_every_case_can_end(known: CaseType) -> None:
    reached = {step.event for step in known.steps if known.may_open(step)}
    while True:
        more = {
            step.event for step in known.steps if reached & set(known.predecessors(step))
        } - reached
        if not more:
            break
        reached |= more
    assert reached == {step.event for step in known.steps}
    assert any(step.ends and not step.leaves for step in known.steps)


def test_clocks_are_those_of_the_reference(published_files: Path) -> None:
    """Every limit as transcribed, with its basis and how far it was verified."""
    file = published_files.parent / "reference" / "ref_deadlines.csv"
    rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    known = {clock.clock_id: clock for clock in CLOCKS}
    assert len(rows) == 43
    for row in rows:
        clock = known.pop(row["id"])
        unit = clock.unit + ("_min" if clock.direction == "at_least" else "")
        assert (str(clock.length), unit) == (row["limit"], row["unit"])
        assert (clock.basis, clock.evidence) == (row["basis"], row["evidence"])
        assert clock.is_verified == (row["evidence"] == "found")
    assert set(known) == {"engineering_complaint_close", "transfer_acknowledge"}


def test_clocks_that_no_case_runs_are_known_by_name() -> None:
    assert {clock.clock_id for clock in CLOCKS if clock.case_type is None} == ELSEWHERE


def test_rights_may_be_left_unused_and_duties_not() -> None:
    rights = {clock.clock_id for clock in CLOCKS if clock.holder == "right"}
    assert rights == {
        *("food_recheck_apply", "food_quick_test_recheck", "food_objection_apply"),
        *("agri_recheck_apply", "agri_quick_recheck", "product_recheck_apply"),
    }


def test_tables_hold_each_pair_of_events_once() -> None:
    rows = case_rows()
    for name, key in (
        ("ref.case_transition", ["case_type", "from_event", "event_type"]),
        ("ref.case_step", ["case_type", "event_type"]),
        ("ref.deadline", ["clock_id", "valid_from"]),
    ):
        assert not rows[name].select(key).is_duplicated().any(), name


def line(**changes: str) -> str:
    base = {
        **dict.fromkeys(HEADER.split(","), ""),
        "clock_id": "k",
        "case_type": "recall",
        "trigger_event": "recall_announced",
        "stop_events": "recall_completed",
        "start_words": "start",
        "stop_words": "stop",
        "length": "5",
        "unit": "day",
        "direction": "at_most",
        "holder": "duty",
        "basis": "law",
        "evidence": "found",
    }
    return ",".join({**base, **changes}.values())


def deadlines(folder: Path, *lines: str) -> Path:
    path = folder / "deadlines.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", "utf-8")
    return path


def test_versions_of_a_clock_follow_each_other(tmp_path: Path) -> None:
    path = deadlines(
        tmp_path,
        line(valid_to="2023-01-01"),
        line(length="3", valid_from="2023-01-01"),
    )
    assert [clock.length for clock in load_deadlines(path)] == [5, 3]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line(), line(valid_from="2023-01-01")], "k: a version ends before the next one begins"),
        ([line(length="")], "line 2: .*a clock has a length"),
        ([line(unit="stated")], "line 2: .*a clock has a length"),
        ([line(trigger_event="applied")], "line 2: .*no steps of the case type recall: applied"),
        ([line(stop_events="")], "line 2: .*a trigger_event and stop_events"),
        ([line(domain="weather")], "line 2: .*'weather' is not on the list domain"),
        ([line(unit="week")], "line 2: unit: "),
        ([line(length="a few")], "line 2: length: "),
    ],
)
def test_a_wrong_clock_is_told_with_its_line(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_deadlines(deadlines(tmp_path, *lines))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"event": "occurred"}, {"event": "occurred"}], "the event occurred stands twice"),
        ([{"event": "sung"}], "'sung' is not on the list case_event_type"),
        ([{"event": "occurred", "after": ["closed"]}], "no step of this type: closed"),
        ([{"event": "occurred", "leaves": True}], "what leaves the rates ends the case"),
    ],
)
def test_a_wrong_case_type_is_told(
    tmp_path: Path, steps: list[dict[str, object]], message: str
) -> None:
    text = yaml.safe_dump({"id": "incident", "source": "a source", "steps": steps})
    (tmp_path / "incident.yml").write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=f"incident.yml: .*{message}"):
        load_case_types(tmp_path)


def test_a_case_type_is_named_after_its_file(tmp_path: Path) -> None:
    text = yaml.safe_dump(
        {"id": "incident", "source": "a source", "steps": [{"event": "occurred"}]}
    )
    (tmp_path / "other.yml").write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=r"the file of incident is incident\.yml"):
        load_case_types(tmp_path)
