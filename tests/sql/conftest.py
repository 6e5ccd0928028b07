"""What tests of results kept up to date share."""

import shutil
from pathlib import Path

import pytest

from tests.nights_of_samples import home_in, receive, sample, work
from warehouse.engine import firms, since
from warehouse.home import Home


@pytest.fixture
def however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came is told apart from what was there, however little that is."""
    tell_apart(monkeypatch)


@pytest.fixture(scope="session")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two samples, and one more that came in another night; made once, and only copied."""
    home = home_in(tmp_path_factory.mktemp("two_nights") / "home")
    with pytest.MonkeyPatch.context() as patch:
        tell_apart(patch)
        receive(home, 0, {"core.sample": [sample("A"), sample("B")]})
        work(home)
        receive(home, 1, {"core.sample": [sample("C"), sample("B", 2, verdict="fail")]})
        work(home)
    return home


@pytest.fixture
def worked(two_nights: Home, tmp_path: Path) -> Home:
    """A home of the test's own after those two nights."""
    shutil.copytree(two_nights.root, tmp_path / "worked")
    return Home(tmp_path / "worked")


def tell_apart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(since, "FEWEST_SAMPLES", 0)
    patch.setattr(since, "MOST_TOUCHED", 1_000.0)
    patch.setattr(firms, "MOST_INSTEAD", 1_000.0)
