"""`samplehouse draw`, with the example that the documentation works out by hand."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from warehouse.home import Home

PAGE = (Path(__file__).parents[2] / "docs" / "double_random.md").read_text("utf-8")
PLAN = """
draw_no: EX-01
title: 示例抽查
item_name: 电动自行车销售单位检查
legal_basis: 产品质量法第十五条
authority: 某市市场监督管理局
object_kind: 电动自行车销售单位
times: 每年1次
method: 实地检查
content: 产品标识
frozen_on: 2024-03-01
number_source: 福彩3D 2024-03-05 开奖号码
number_due_on: 2024-03-05
strata: [risk_class]
shares: {A: 0.3, B: 0.5}
most_objects: 10
most_pairings: 10
"""
OBJECTS = """对象编号,名称,风险等级,类别,行政区划代码
X3,丙车行,A,整车,330782001
X1,甲车行,A,整车,330782001
X2,乙车行,A,整车,330782002
X4,丁车行,B,整车,330782001
X5,戊车行,B,整车,330782002
"""
NUMBER = ("--number", "3 4 8")

Said = Callable[..., tuple[int, str]]


@pytest.fixture
def said(samplehouse: Callable[..., tuple[int, str]], tmp_path: Path) -> Said:
    """Runs a command in a folder with the example's files, by their names."""
    (tmp_path / "plan.yml").write_text(PLAN, "utf-8")
    (tmp_path / "objects.csv").write_text(OBJECTS, "gb18030")
    (tmp_path / "inspectors.csv").write_text("人员编号\nE1\nE2\nE3\n", "utf-8")
    (tmp_path / "conflicts.csv").write_text("人员编号,对象编号\nE2,X1\nE3,X5\n", "utf-8")

    def run(*words: str) -> tuple[int, str]:
        files = (str(tmp_path / word) if "." in word else word for word in words)
        return samplehouse(Home(tmp_path / "home"), "draw", *files)

    return run


def planned(said: Said) -> tuple[int, str]:
    rosters = ("--objects", "objects.csv", "--inspectors", "inspectors.csv")
    return said("plan", "plan.yml", *rosters, "--conflicts", "conflicts.csv")


def drawn(said: Said, *more: str) -> tuple[int, str]:
    return said("run", "EX-01.roster.txt", *NUMBER, "--on", "2024-03-06", *more)


def test_the_example_of_the_documentation_is_what_the_commands_give(
    said: Said, tmp_path: Path
) -> None:
    assert planned(said)[0] == 0
    frozen = (tmp_path / "EX-01.roster.txt").read_bytes()
    assert f"```\n{frozen.decode()}```" in PAGE
    assert f"{hashlib.sha256(frozen).hexdigest()}  EX-01.roster.txt" in PAGE
    assert drawn(said)[0] == 0
    document = json.loads((tmp_path / "EX-01.audit.json").read_text("utf-8"))
    assert f"{document['rows_sha256']}  -" in PAGE
    rows = document["rows"]
    assert f"SEED={rows[0]['seed']}\n" in PAGE
    for row in rows:
        if row["row"] == "object" or row.get("unit_id") == "X5":
            assert f"{row['key']}  -" in PAGE
    assert {row["unit_id"] for row in rows if row.get("status") == "drawn"} == {"X2", "X5"}
    log = [row["inspector_id"] + " " + row["outcome"] for row in rows if row.get("place")]
    assert log[-3:] == ["E2 assigned", "E3 conflict", "E1 assigned"]


def test_every_hash_of_the_documentation_is_what_the_shell_would_give() -> None:
    names = dict(re.findall(r"^\$ (H|SEED)=(\w+)$", PAGE, re.MULTILINE))
    commands = re.findall(r"^\$ printf '(.*)' (.*) \| sha256sum\n(\w{64})  -$", PAGE, re.MULTILINE)
    assert len(commands) == 9
    for pattern, words, stated in commands:
        parts = [names.get(w.removeprefix("$"), w) for w in re.findall(r"'[^']*'|\S+", words)]
        text = pattern.replace("\\t", "\t")
        for part in parts:
            text = text.replace("%s", part.strip("'"), 1)
        assert hashlib.sha256(text.encode()).hexdigest() == stated


def test_verify_tells_a_right_audit_from_one_that_was_touched(said: Said, tmp_path: Path) -> None:
    planned(said)
    drawn(said)
    right = said("verify", "EX-01.audit.json", "--frozen", "EX-01.roster.txt", *NUMBER)
    assert right[0] == 0
    assert "to the byte" in right[1]
    audit = tmp_path / "EX-01.audit.json"
    audit.write_text(audit.read_text("utf-8").replace('"X2","place":1', '"X3","place":1'), "utf-8")
    code, words = said("verify", "EX-01.audit.json")
    assert code == 1
    assert "X3 / 1" in words
    assert "is NOT the draw" in words


def test_another_number_or_roster_is_told_by_what_was_published(said: Said) -> None:
    planned(said)
    said("run", "EX-01.roster.txt", "--number", "3 4 9", "--on", "2024-03-06")
    assert said("verify", "EX-01.audit.json")[0] == 0
    code, words = said("verify", "EX-01.audit.json", *NUMBER, "--roster-hash", "0" * 64)
    assert code == 1
    assert "3 4 9 is not the published 3 4 8" in words
    assert "is not the published 0000" in words


def test_what_follows_from_nothing_is_held_by_the_hash_of_the_audit(
    said: Said, tmp_path: Path
) -> None:
    planned(said)
    drawn(said)
    audit = tmp_path / "EX-01.audit.json"
    published = hashlib.sha256(audit.read_bytes()).hexdigest()
    assert said("verify", "EX-01.audit.json", "--sha256", published)[0] == 0
    audit.unlink()
    said("run", "EX-01.roster.txt", *NUMBER, "--on", "2024-03-07")  # another day, all sums right
    assert said("verify", "EX-01.audit.json", "--frozen", "EX-01.roster.txt", *NUMBER)[0] == 0
    code, words = said("verify", "EX-01.audit.json", "--sha256", published)
    assert (code, "is not the published" in words) == (1, True)


def test_replacements_are_read_and_drawn(said: Said, tmp_path: Path) -> None:
    planned(said)
    listed = "对象编号,更换原因,更换日期\nX2,迁出,2024-03-08\nX5,refused,2024-03-09\n"
    (tmp_path / "gone.csv").write_text(listed, "utf-8")
    assert drawn(said, "--replacements", "gone.csv")[0] == 0
    rows = json.loads((tmp_path / "EX-01.audit.json").read_text("utf-8"))["rows"]
    replaced = {r["replaces"]: r["unit_id"] for r in rows if r.get("status") == "replacement"}
    assert replaced == {"X2": "X1", "X5": "X4"}
    assert said("verify", "EX-01.audit.json", "--frozen", "EX-01.roster.txt")[0] == 0


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ("对象编号,更换原因,更换日期\nX2,度假,2024-03-08\n", "row 2: the reason '度假'"),
        ("对象编号,更换原因,更换日期\nX2,迁出,昨天\n", "row 2: the unit or the day"),
        ("对象编号,更换原因\nX2,迁出\n", "no column replaced_on"),
        ("对象编号,更换原因,更换日期\nX1,迁出,2024-03-08\n", "was not drawn"),
    ],
)
def test_replacements_that_cannot_be_are_refused(
    said: Said, tmp_path: Path, listed: str, complaint: str
) -> None:
    planned(said)
    (tmp_path / "gone.csv").write_text(listed, "utf-8")
    code, words = drawn(said, "--replacements", "gone.csv")
    assert code == 2
    assert complaint in words.replace("\n", " ")


def test_what_was_published_is_not_overwritten(said: Said, tmp_path: Path) -> None:
    planned(said)
    assert planned(said)[0] == 0  # the same again is no harm
    (tmp_path / "plan.yml").write_text(PLAN.replace("0.3", "0.4"), "utf-8")
    code, words = planned(said)
    assert code == 2
    assert "not overwritten" in words


@pytest.mark.parametrize(
    ("content", "command", "complaint"),
    [
        ("{}", "verify", "no 'rows' in it"),
        ("no JSON", "verify", "no audit file"),
        ('{"rows": [{"row": "draw"}]}', "verify", "no 'draw_no' in it"),
        ("no roster", "run", "no frozen file"),
    ],
)
def test_files_of_another_kind_are_told(
    said: Said, tmp_path: Path, content: str, command: str, complaint: str
) -> None:
    (tmp_path / "other.txt").write_text(content, "utf-8")
    code, words = said(command, "other.txt", *NUMBER)
    assert (code, complaint in words) == (2, True), words
    assert "cannot be read" in said(command, "none.txt", *NUMBER)[1]


def test_a_draw_before_its_number_is_refused(said: Said) -> None:
    planned(said)
    code, words = said("run", "EX-01.roster.txt", *NUMBER, "--on", "2024-03-04")
    assert code == 2
    assert f"due on {dt.date(2024, 3, 5)}" in words


def test_rosters_that_are_none_are_explained(said: Said, tmp_path: Path) -> None:
    (tmp_path / "objects.csv").write_text(OBJECTS.replace("风险等级", "等级"), "utf-8")
    code, words = planned(said)
    assert (code, "objects: no column risk_class" in words) == (2, True)
    (tmp_path / "objects.csv").write_text(OBJECTS.replace("X3", "X1"), "utf-8")
    assert "objects: twice: X1" in planned(said)[1]
    (tmp_path / "objects.csv").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in planned(said)[1]
