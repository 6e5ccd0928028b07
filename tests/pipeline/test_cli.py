"""The command line: exit codes and one clear message, never a traceback."""

import datetime as dt
import sys
from pathlib import Path

import pytest

from expectations.results import CheckResult, write_results
from pipelines import cli
from pipelines.status import check_results
from warehouse.home import Home

SOURCE_YAML = """
title: Market samples
publisher: District office
licence: none
citation: District office
format: {kind: csv}
tables:
  samples:
    records:
      sample:
        columns:
          sample_no: no
          domain: {value: food}
          programme: {value: supervision}
          sampling_basis: {value: random}
          product_name: product
          verdict: {from: verdict, codes: verdict}
"""


class Terminal:
    """Runs commands as the shell does: arguments in, output and exit code out."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self.out = self.err = ""

    def run(self, *arguments: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["samplehouse", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        self.out, self.err = self._capsys.readouterr()
        code = stopped.value.code
        return code if isinstance(code, int) else 0


@pytest.fixture
def terminal(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    home: Home,
) -> Terminal:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "market.yml").write_text(SOURCE_YAML, "utf-8")
    monkeypatch.setenv("SAMPLEHOUSE_HOME", str(home.root))
    monkeypatch.setenv("SAMPLEHOUSE_SOURCES", str(tmp_path / "sources"))
    return Terminal(capsys, monkeypatch)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.csv"
    path.write_text("no,product,verdict\nS-1,tea,合格\nS-2,tea,perhaps\n", "utf-8")
    return path


def test_a_file_is_received_under_its_day(terminal: Terminal, home: Home, samples: Path) -> None:
    assert terminal.run("receive", str(samples), "--source", "market", "--on", "2024-05-01") == 0

    landed = home.landing_day("market", dt.date(2024, 5, 1)) / "samples.csv"
    assert landed.read_bytes() == samples.read_bytes()
    assert "received landing/market/2024-05-01/samples.csv" in terminal.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["receive", "FILE", "--source", "nobody"], "no source 'nobody'; known sources:"),
        (["receive", "missing.csv", "--source", "market"], "no such file: missing.csv"),
        (["receive", "FILE"], "--source"),
        (["receive", "FILE", "-s", "market", "--on", "2024-02-30"], "no day such as 2024-05-01"),
        (["receive", "FILE", "-s", "market", "--on", "1999-01-01"], "cannot be a day of receipt"),
        (["nightly", "--on", "2999-01-01"], "cannot be a day of receipt"),
        (["nightly", "--as-of", "2024-05-01", "--on", "2024-05-01"], "neither --on nor --again"),
        (["nightly", "--again", "2024-05-02:2024-05-01"], "is before"),
        (["release", "rollback", "yesterday"], "no kept release 'yesterday'"),
        (["release", "compare", "a", "b"], "no kept release 'a'"),
        (["sources", "preview", "FILE", "--source", "nobody"], "no source 'nobody'"),
        (["sources", "preview", "missing.csv", "--source", "market"], "no such file"),
        (["demo", "--scale", "0"], "scale"),
        (["tidy"], "No such command"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_message(
    terminal: Terminal, home: Home, samples: Path, arguments: list[str], message: str
) -> None:
    code = terminal.run(*(str(samples) if word == "FILE" else word for word in arguments))

    assert code == 2
    # The command line wraps long messages in a box.
    assert message in " ".join(terminal.err.replace("│", " ").split())
    assert "Traceback" not in terminal.err
    assert not home.landing.exists()


def test_a_wrong_setting_is_named(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLEHOUSE_THREADS", "all of them")

    assert terminal.run("status") == 2
    assert "SAMPLEHOUSE_THREADS" in terminal.err


def test_a_fault_shows_no_traceback_unless_asked(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("the disk is full of water")

    monkeypatch.setattr(cli, "app", broken)
    assert terminal.run("status") == 3
    assert "the disk is full of water" in terminal.err
    assert "Traceback" not in terminal.err

    monkeypatch.setenv("SAMPLEHOUSE_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="water"):
        cli.main()


def test_sources_are_listed_with_those_of_the_environment(terminal: Terminal) -> None:
    assert terminal.run("sources") == 0
    assert "market" in terminal.out
    assert "demo_food_bulletin" in terminal.out


def test_a_wrong_yaml_is_told_and_the_other_sources_stay(
    terminal: Terminal, samples: Path, tmp_path: Path
) -> None:
    (tmp_path / "sources" / "harbour.yml").write_text("title: Samples of a harbour\n", "utf-8")
    assert terminal.run("sources") == 2
    assert "market" in terminal.out
    assert "harbour.yml: format: " in terminal.err
    assert terminal.run("receive", str(samples), "--source", "harbour") == 2
    assert "harbour.yml: format: " in terminal.err
    assert terminal.run("receive", str(samples), "--source", "market") == 0


def test_a_preview_shows_what_would_become_of_a_file(
    terminal: Terminal, home: Home, samples: Path
) -> None:
    assert terminal.run("sources", "preview", str(samples), "--source", "market") == 0
    assert "unknown_verdict" in terminal.out
    assert "perhaps" in terminal.out
    assert not home.root.exists()


def test_an_empty_home_has_a_status(terminal: Terminal) -> None:
    assert terminal.run("status") == 0
    assert "none yet" in terminal.out
    assert terminal.run("check") == 0
    assert terminal.run("release", "list") == 0


def check_result(rule: str, outcome: str, action: str, scope: str = "core") -> CheckResult:
    return CheckResult.model_validate(
        {
            "scope": scope,
            "table_name": "core.sample",
            "rule_id": rule,
            "expectation": "expect_column_values_to_not_be_null",
            "arguments": "{}",
            "severity": "error",
            "action": action,
            "outcome": outcome,
            "rows_checked": 10,
            "rows_failed": 0 if outcome == "passed" else 1,
            "expected": "filled",
            "observed": "seen",
            "failing_rows": None,
        }
    )


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([check_result("fine", "passed", "block")], 0),
        ([check_result("turned_away", "failed", "reject", "incoming/market")], 0),
        ([check_result("odd", "failed", "warn")], 1),
        ([check_result("odd", "failed", "warn"), check_result("bad", "failed", "block")], 3),
        ([check_result("crashed", "error", "block")], 3),
    ],
)
def test_checks_tell_by_their_exit_code(
    terminal: Terminal, home: Home, results: list[CheckResult], code: int
) -> None:
    write_results(results, home.check_result_file("core/core.sample"))

    assert terminal.run("check") == code


def test_failing_checks_come_first_and_blocking_ones_before_warnings(home: Home) -> None:
    results = [
        check_result("fine", "passed", "block"),
        check_result("odd", "failed", "warn"),
        check_result("bad", "failed", "block"),
        check_result("crashed", "error", "warn"),
    ]
    write_results(results, home.check_result_file("core/core.sample"))

    assert [line.rule for line in check_results(home)] == ["crashed", "bad", "odd", "fine"]
