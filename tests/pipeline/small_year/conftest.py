"""The small demo year, which takes a while to make; tests of this folder share a worker."""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from assets.demo.air_year import write_air
from assets.demo.case_year import write_cases
from assets.demo.city_year import generate
from assets.demo.ledger_book import write_ledger
from assets.demo.survey_wave import write_survey
from assets.demo.water_year import write_water
from pipelines import cli
from pipelines.nightly import NightOutcome
from pipelines.settings import read_settings
from tests.nights import SmallYear
from warehouse.home import Home
from warehouse.plan_files import load_plans

JULY = dt.date(2024, 7, 29)  # with a delivery, so that "up to here" and "so far" are one day

READER = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as con:
    for _ in range(2):
        print(con.execute("SELECT release_id FROM meta.release").fetchall()[0][0], flush=True)
        print(con.execute("SELECT sum(tested) FROM mart.pass_rate").fetchall()[0][0], flush=True)
        sys.stdin.readline()
"""


@pytest.fixture(scope="session")
def small_year(
    tmp_path_factory: pytest.TempPathFactory, quick_night: Callable[..., NightOutcome]
) -> SmallYear:
    """A fifth of a demo year, read in two nights; then the past is built again, and the present.

    Tests may look at its home, and change none of it.
    """
    home = Home(tmp_path_factory.mktemp("small_year") / "home")
    settings = read_settings({"SAMPLEHOUSE_HOME": str(home.root)})
    truth = generate(home.landing, seed=4, scale=0.2, truth_file=home.root / "truth.json")
    write_air(home.landing, 1).write(home.root / "air_truth.json")
    write_cases(home.landing, 1).write(home.root / "case_truth.json")
    write_survey(home.landing, 1).write(home.root / "survey_truth.json")
    write_water(home.landing, 1).write(home.root / "water_truth.json")
    plan = load_plans()["yiwu_2024"]
    write_ledger(home.landing, plan, 1).write(home.root / "ledger_truth.json")
    july = quick_night(settings, on=JULY)
    assert july.published, july.errors
    with subprocess.Popen(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", READER, str(home.release_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        read_before = [reader.stdout.readline() for _ in range(2)]
        january = quick_night(settings)
        reader.stdin.write("\n\n")
        reader.stdin.flush()
        read_after = [reader.stdout.readline() for _ in range(2)]
    return SmallYear(
        home=home,
        truth=truth,
        until=JULY,
        july=july,
        january=january,
        july_again=quick_night(settings, as_of=JULY),
        january_again=quick_night(settings),
        read_before=read_before,
        read_after=read_after,
    )


@pytest.fixture(scope="session")
def release(small_year: SmallYear) -> Path:
    """The release of the last night."""
    return small_year.home.release_file


@pytest.fixture
def con(release: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reader of that release."""
    with duckdb.connect(str(release), read_only=True) as con:
        yield con


@pytest.fixture
def run(
    small_year: SmallYear, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command as the shell does: exit code, output, errors."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("SAMPLEHOUSE_HOME", str(small_year.home.root))
        monkeypatch.setattr(sys, "argv", ["samplehouse", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        code = stopped.value.code
        return (code if isinstance(code, int) else 0), out, err

    return command
