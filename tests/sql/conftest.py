"""What tests of results kept up to date share."""

from pathlib import Path

import pytest

from tests.nights_of_samples import home_in, receive, sample, work
from warehouse.engine import firms, since
from warehouse.home import Home


@pytest.fixture
def however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came is told apart from what was there, however little that is."""
    monkeypatch.setattr(since, "FEWEST_SAMPLES", 0)
    monkeypatch.setattr(since, "MOST_TOUCHED", 1_000.0)
    monkeypatch.setattr(firms, "MOST_INSTEAD", 1_000.0)


@pytest.fixture
def worked(tmp_path: Path) -> Home:
    """Two samples, and one more that came in another night."""
    home = home_in(tmp_path)
    receive(home, 0, {"core.sample": [sample("A"), sample("B")]})
    work(home)
    receive(home, 1, {"core.sample": [sample("C"), sample("B", 2, verdict="fail")]})
    work(home)
    return home
