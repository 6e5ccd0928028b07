"""The demo: a synthetic city's year delivered, and the pass rates of its release."""

from pathlib import Path

import polars as pl

from assets.demo.air_year import write_air
from assets.demo.case_year import write_cases
from assets.demo.chain_year import known_chain_firms, write_chains
from assets.demo.city_year import SEED, generate
from assets.demo.construction import known_projects, write_construction
from assets.demo.draws import write_draws
from assets.demo.ledger_book import ledger_calendar, write_ledger
from assets.demo.survey_wave import write_survey
from assets.demo.water_year import write_water
from warehouse.connection import open_file
from warehouse.errors import SamplehouseError
from warehouse.home import Home
from warehouse.plan_files import chosen_plan

YEAR = "2024"  # the city year that the generator tells
TRUTH_FILE, LEDGER_TRUTH_FILE = "demo_truth.json", "demo_ledger_truth.json"
AIR_TRUTH_FILE, WATER_TRUTH_FILE = "demo_air_truth.json", "demo_water_truth.json"
DRAW_TRUTH_FILE = "demo_draw_truth.json"
CASE_TRUTH_FILE, SURVEY_TRUTH_FILE = "demo_case_truth.json", "demo_survey_truth.json"
CONSTRUCTION_TRUTH_FILE = "demo_construction_truth.json"
CHAIN_TRUTH_FILE = "demo_chain_truth.json"


def deliver_demo(home: Home, *, seed: int = SEED, scale: float = 1.0) -> int:
    """Put the city year's files in landing, once; returns how many files there are.

    A home that has them already is left as it is: files received are never changed.

    Raises:
        SamplehouseError: the home holds another demo, which would be mixed with this one.
    """
    made_of = home.root / "demo.txt"
    wanted = f"seed {seed}, scale {scale:g}"
    made, *counted = made_of.read_text("ascii").splitlines() if made_of.is_file() else [wanted]
    if made != wanted:
        raise SamplehouseError(
            f"{home.root} holds the demo with {made} already; choose another home with "
            "SAMPLEHOUSE_HOME"
        )
    if counted:
        return int(counted[0])
    plan = chosen_plan(ledger_calendar()["plan_id"][0])
    home.root.mkdir(parents=True, exist_ok=True)
    before = _files(home)
    generate(home.landing, seed=seed, scale=scale, truth_file=home.root / TRUTH_FILE)
    write_ledger(home.landing, plan, seed).write(home.root / LEDGER_TRUTH_FILE)
    write_air(home.landing, seed).write(home.root / AIR_TRUTH_FILE)
    write_water(home.landing, seed).write(home.root / WATER_TRUTH_FILE)
    write_draws(home.landing, seed).write(home.root / DRAW_TRUTH_FILE)
    write_cases(home.landing, seed).write(home.root / CASE_TRUTH_FILE)
    write_survey(home.landing, seed).write(home.root / SURVEY_TRUTH_FILE)
    construction = write_construction(home.landing, seed, known_projects(home.landing))
    construction.write(home.root / CONSTRUCTION_TRUTH_FILE)
    chains = write_chains(home.landing, seed, known_chain_firms(home.landing))
    chains.write(home.root / CHAIN_TRUTH_FILE)
    delivered = _files(home) - before
    made_of.write_text(f"{wanted}\n{delivered}\n", "ascii")
    return delivered


def _files(home: Home) -> int:
    return sum(path.is_file() for path in home.landing.rglob("*"))


def pass_rates(release: Path) -> pl.DataFrame:
    """Pass rates of the city's year by domain, programme and sampling basis, in percent.

    `population` says whether a rate speaks for more than the units tested.
    """
    with open_file(release, read_only=True) as con:
        return con.sql(
            """
            SELECT domain, programme, sampling_basis AS sampling, tested, passed,
                round(100 * rate, 2) AS "rate %",
                round(100 * wilson_low, 2) AS "95 % from",
                round(100 * wilson_high, 2) AS "to", estimates_population AS population
            FROM mart.pass_rate
            WHERE period = $year AND source_id = 'ALL' AND division_code = 'ALL'
                AND product_category = 'ALL' AND tested > 0
            ORDER BY ALL
            """,
            params={"year": YEAR},
        ).pl()
