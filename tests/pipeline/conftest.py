"""Nights and commands for tests of the whole pipeline."""

import datetime as dt
import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from assets.demo.air_year import write_air
from assets.demo.case_year import write_cases
from assets.demo.city_year import generate
from assets.demo.ledger_book import write_ledger
from assets.demo.survey_wave import write_survey
from assets.demo.water_year import write_water
from pipelines import cli
from pipelines.nightly import NightOutcome, run_night
from pipelines.settings import read_settings
from tests.nights import SmallYear, unchecked, unrecorded
from warehouse.home import Home
from warehouse.plan_files import load_plans

SOURCES = Path(__file__).with_name("sources")
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
def quick_night() -> Callable[..., NightOutcome]:
    """`run_night` without Great Expectations, which takes seconds, and with no run log kept.

    Everything else is as it is: deliveries, quarantine, models, release.
    """

    def night(*arguments: object, **options: object) -> NightOutcome:
        with unchecked(), unrecorded():
            return run_night(*arguments, **options)  # type: ignore[arg-type] # handed through

    return night


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
def samplehouse() -> Callable[..., tuple[int, str]]:
    """Runs a command in a home, with the sources of this folder; exit code and all that it said."""

    def run(home: Home, *arguments: str) -> tuple[int, str]:
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
            patch.setenv("SAMPLEHOUSE_HOME", str(home.root))
            patch.setenv("SAMPLEHOUSE_SOURCES", str(SOURCES))
            patch.setattr(sys, "argv", ["samplehouse", *arguments])
            with pytest.raises(SystemExit) as stopped:
                cli.main()
        code = stopped.value.code
        return code if isinstance(code, int) else 0, said.getvalue()

    return run
