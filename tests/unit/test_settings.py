"""The environment is read in one place, and what it cannot mean is refused with the name."""

from pathlib import Path

import pytest

from pipelines.settings import DEFAULT_HOME, read_settings
from warehouse.errors import ConfigurationError
from warehouse.plans_folder import PLANS_DIR


def test_nothing_needs_to_be_set() -> None:
    settings = read_settings({})

    assert settings.home.root == DEFAULT_HOME
    assert settings.resources.threads >= 1
    assert settings.resources.memory_bytes > 2**20
    assert settings.resources.temp_directory == DEFAULT_HOME / "tmp"
    assert settings.source_folders == ()


def test_every_setting_counts(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "SAMPLEHOUSE_HOME": str(tmp_path / "home"),
            "SAMPLEHOUSE_SOURCES": f"{tmp_path}:",
            "SAMPLEHOUSE_THREADS": "3",
            "SAMPLEHOUSE_MEMORY_GB": "2",
            "SAMPLEHOUSE_TEMP": str(tmp_path / "spill"),
        }
    )

    assert settings.home.root == tmp_path / "home"
    assert settings.source_folders == (tmp_path,)
    assert settings.resources.threads == 3
    assert settings.resources.memory_bytes == 2 * 2**30
    assert settings.resources.temp_directory == tmp_path / "spill"


def test_a_relative_home_does_not_move_with_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert read_settings({"SAMPLEHOUSE_HOME": "data"}).home.root == tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAMPLEHOUSE_THREADS", "many"),
        ("SAMPLEHOUSE_THREADS", "0"),
        ("SAMPLEHOUSE_THREADS", "-2"),
        ("SAMPLEHOUSE_MEMORY_GB", "8GB"),
        ("SAMPLEHOUSE_MEMORY_GB", "²"),
        ("SAMPLEHOUSE_SOURCES", "/no/such/folder"),
        ("SAMPLEHOUSE_PLANS", "/no/such/folder"),
        ("SAMPLEHOUSE_PLANS", str(PLANS_DIR / "yiwu_2024")),
    ],
)
def test_a_setting_that_means_nothing_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_settings({name: value})
