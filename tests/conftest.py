"""What tests of every kind share."""

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from assets.build import build_tables
from assets.ingest.landing import landing_days, register
from assets.ingest.run import ingest, read_raw
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.machine import look_for_garbage_seldom
from warehouse.source import Source, load_sources

if TYPE_CHECKING:
    from xdist.remote import Producer

look_for_garbage_seldom()

# No deadline: how long an example takes tells of what else the machine does. Continuous integration
# tries the same examples every time; elsewhere each run tries others.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

PROJECT = Path(__file__).resolve().parents[1]
PUBLISHED_FILES = PROJECT.parent / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate",
        action="store_true",
        help="rewrite committed snapshots instead of comparing with them",
    )


class OneWorkerForWhatIsShared(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """Tests of one file, and those of the files in the folder `small_year`, share a worker.

    (Groups by mark come to nothing: xdist 3.8 writes them into a field that pytest 9.2 has not.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::", 1)[0])
        return str(file.parent if file.parent.name == "small_year" else file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> OneWorkerForWhatIsShared:
    """Who runs what: see the class."""
    return OneWorkerForWhatIsShared(config, log)


@pytest.fixture
def regenerate(request: pytest.FixtureRequest) -> bool:
    """Whether snapshots are to be rewritten."""
    return bool(request.config.getoption("--regenerate"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def build() -> Callable[..., None]:
    """Reads what some sources (None: all) have in landing; makes tables and what they read."""

    def read_and_build(
        home: Home, sources: Collection[str] | None, tables: Collection[str]
    ) -> None:
        landed = landing_days(home)
        wanted = landed if sources is None else sources
        chosen = {name: source for name, source in load_sources().items() if name in wanted}
        days = sorted({day for name in chosen for day in landed.get(name, ())})
        register(home, chosen, days)
        for source in chosen.values():
            read_raw(home, source, days)
        ingest(home, chosen, days, check=False)
        with connect() as con:
            build_tables(con, home, tables)

    return read_and_build


@pytest.fixture(scope="session")
def published_files() -> Path:
    """The published files beside the checkout; the test is skipped where there are none."""
    if not PUBLISHED_FILES.is_dir():
        pytest.skip("no published files beside the checkout (../shared/data)")
    return PUBLISHED_FILES


@pytest.fixture(scope="session")
def market() -> Source:
    """A small source: samples with one verdict each, in a CSV of its own columns."""
    return Source.model_validate(
        {
            "source_id": "market",
            "title": "Market samples",
            "publisher": "District office",
            "licence": "none",
            "citation": "District office",
            "format": {"kind": "csv"},
            "hold_above": 0.5,
            "tables": {
                "samples": {
                    "records": {
                        "sample": {
                            "columns": {
                                "sample_no": "no",
                                "domain": {"value": "food"},
                                "programme": {"value": "supervision"},
                                "sampling_basis": {"value": "random"},
                                "coverage": {"value": "complete"},
                                "division_code": {"value": "330782"},
                                "product_name": "product",
                                "product_category": "product",
                                "link": {"from": "link", "codes": "link"},
                                "sampled_on": "sampled",
                                "verdict": {"from": "verdict", "codes": "verdict"},
                                "verdict_text": "verdict",
                            }
                        }
                    },
                }
            },
        }
    )
