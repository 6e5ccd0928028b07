"""The environment is read in one place, and what it cannot mean is refused with the name."""

from pathlib import Path

import pytest

from pipelines.settings import DEFAULT_HOME, read_settings
from warehouse.errors import ConfigurationError
from warehouse.plans_folder import PLANS_DIR
from warehouse.source import SOURCES_DIR, load_sources, read_sources


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


def test_a_wrong_yaml_does_not_stop_the_other_sources(tmp_path: Path) -> None:
    right = (SOURCES_DIR / "national_feed.yml").read_text("utf-8")
    for folder, name, content in (
        ("first", "harbour", right.encode()),
        ("first", "without_format", b"title: Samples of a market\n"),
        ("first", "no_yaml", b"title: [\n"),
        ("first", "gbk", "title: Samples\ntitle_zh: 市场抽检\n".encode("gbk")),
        ("second", "harbour", right.encode()),
        ("second", "no_yaml", right.encode()),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.yml").write_bytes(content)

    known, wrong = read_sources([tmp_path / "first", tmp_path / "second"])

    assert known.keys() == {"harbour"}
    assert wrong.keys() == {"without_format", "no_yaml", "gbk", "harbour"}
    assert "without_format.yml: format: " in wrong["without_format"]
    assert "no_yaml.yml is not valid YAML" in wrong["no_yaml"]
    assert "no_yaml.yml: a source named 'no_yaml' exists already" in wrong["no_yaml"]
    assert "gbk.yml is not UTF-8 in line 2" in wrong["gbk"]
    with pytest.raises(ConfigurationError) as raised:
        load_sources([tmp_path / "first", tmp_path / "second"])
    assert all(message in str(raised.value) for message in wrong.values())
