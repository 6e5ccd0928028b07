"""What tests of every kind share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from warehouse.home import Home
from warehouse.source import Source

# Continuous integration tries the same examples every time; elsewhere each run tries others.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

PROJECT = Path(__file__).resolve().parents[1]
PUBLISHED_FILES = PROJECT.parent / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate",
        action="store_true",
        help="rewrite committed snapshots instead of comparing with them",
    )


@pytest.fixture
def regenerate(request: pytest.FixtureRequest) -> bool:
    """Whether snapshots are to be rewritten."""
    return bool(request.config.getoption("--regenerate"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


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
