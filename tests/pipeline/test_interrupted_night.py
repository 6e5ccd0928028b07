"""A night killed in the middle: the last release stays, and the next night makes up for it."""

import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from assets.ingest.landing import deliveries, receive
from pipelines.nightly import NightOutcome
from pipelines.settings import Settings, read_settings
from tests.nights import pass_rates_only
from warehouse.errors import SamplehouseError
from warehouse.home import Home
from warehouse.release_compare import compare_releases
from warehouse.release_store import read_release
from warehouse.tables import scratch_folder

PROJECT = Path(__file__).parents[2]
SOURCES = Path(__file__).with_name("sources")
MAY, JUNE, JULY = dt.date(2024, 5, 20), dt.date(2024, 6, 3), dt.date(2024, 7, 8)
HEADER = "抽样编号,产品,抽样日期,结论,项目,结果,限量\n"

# The command line's own night in a process of its own, without the checks, which take seconds and
# write nothing of what is compared here. It is killed where a function is called with arguments
# that hold the given words.
NIGHT = """
import os, signal, sys
from pytest import MonkeyPatch
from importlib import import_module
from pipelines import cli
from tests.nights import pass_rates_only, unchecked

module, _, name = sys.argv[1].rpartition(".")
real, words = getattr(import_module(module), name), sys.argv[2:]

def deadly(*arguments, **options):
    if all(word in repr(arguments) for word in words):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)

MonkeyPatch().setattr(sys.argv[1], deadly)
sys.argv = ["samplehouse", "nightly"]
with unchecked(), pass_rates_only():
    cli.main()
"""


def samples(*verdicts: str, first: int = 1) -> str:
    return HEADER + "".join(
        f"S-{number},月饼,2024-05-06,{verdict},铅,0.1,≤0.5\n"
        for number, verdict in enumerate(verdicts, start=first)
    )


@pytest.fixture(autouse=True, scope="module")
def small_graph() -> Iterator[None]:
    with pass_rates_only():
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with two sources' files of three days."""
    found = read_settings(
        {"SAMPLEHOUSE_HOME": str(tmp_path / "home"), "SAMPLEHOUSE_SOURCES": str(SOURCES)}
    )
    texts = {
        MAY: samples("合格", "不合格", "合格"),
        JUNE: samples("合格", "合格", "合格", "不合格"),
        JULY: samples("不合格", "不合格", first=3),
    }
    for day, text in texts.items():
        path = tmp_path / f"{day}.csv"
        path.write_text(text, "utf-8")
        receive(found.home, "office_list", [path], day)
    county = tmp_path / "county.csv"
    county.write_bytes((SOURCES / "county_tests.csv").read_text("utf-8").encode("gbk"))
    receive(found.home, "county_tests", [county], JULY)
    return found


def killed_night(settings: Settings, function: str, *words: str) -> None:
    """A night in a process of its own that dies without a word."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", NIGHT, function, *words],
        cwd=PROJECT,
        env={
            **os.environ,
            "SAMPLEHOUSE_HOME": str(settings.root),
            "SAMPLEHOUSE_SOURCES": str(SOURCES),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def waiting(home: Home) -> set[dt.date]:
    return set(deliveries(home).filter(pl.col("status") == "received")["received_on"])


def test_a_killed_night_leaves_the_last_release_and_the_next_one_makes_up_for_it(
    settings: Settings, tmp_path: Path, quick_night: Callable[..., NightOutcome]
) -> None:
    home = settings.home
    undisturbed = read_settings(
        {"SAMPLEHOUSE_HOME": str(tmp_path / "twin"), "SAMPLEHOUSE_SOURCES": str(SOURCES)}
    )
    shutil.copytree(home.landing, undisturbed.home.landing)
    first = quick_night(settings, on=MAY).release
    assert first is not None
    published = home.release_file.read_bytes()

    # Of the later days one source is done, the other has samples and results and nothing else.
    killed_night(
        settings, "assets.ingest.outcome.write_table", "office_list", "core.site_inspection"
    )
    assert home.partition_file("core.test_result", "office_list", JULY).is_file()
    assert waiting(home) == {JUNE, JULY}
    assert home.release_file.read_bytes() == published
    # Nor may a release be made that holds the half which was read.
    for options in ({"on": MAY}, {"as_of": JULY}):
        with pytest.raises(SamplehouseError, match="run `samplehouse nightly` first"):
            quick_night(settings, **options)

    # The new release is written and looked through, and not yet in its place.
    killed_night(settings, "warehouse.release.check_release")
    assert home.release_file.read_bytes() == published
    assert read_release(home.release_file).release_id == first.release_id
    assert list(home.release_file.parent.glob(".building-*"))

    last = quick_night(settings).release
    assert last is not None
    assert last.release_id != first.release_id
    assert not list(home.release_file.parent.glob(".building-*"))

    whole = quick_night(undisturbed).release
    assert whole is not None
    found = compare_releases(last.path, whole.path)
    assert [each.table for each in found if not each.equal] == []
    assert any(each.table == "core.sample" and each.rows_a == 16 for each in found)


def test_what_killed_runs_leave_is_removed_after_a_day(tmp_path: Path) -> None:
    old, young = tmp_path / ".staging-old", tmp_path / ".staging-young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "half.parquet").write_bytes(b"")
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))

    with scratch_folder(tmp_path, "staging") as folder:
        assert folder.is_dir()

    assert not folder.exists()
    assert not old.exists()
    assert young.is_dir()
