"""The Dagster UI on a materialized instance, seen by Debian's chromium."""

import datetime as dt
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from assets.ingest.landing import receive
from pipelines.nightly import prepare_instance, run_night
from pipelines.settings import Settings
from tests.nights import pass_rates_only
from warehouse.home import Home
from warehouse.source import Source

PROJECT = Path(__file__).parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"
CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
START_SECONDS = 120
PAGE_SECONDS = 60

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1600,1200",
)

# One link that no code list knows: a check that warns, and stops nothing.
FILE = "no,product,link,sampled,verdict\n" + "".join(
    f"S-{number},茶叶,{'月球' if number == 3 else '流通'},2024-04-{number:02d},合格\n"
    for number in range(1, 11)
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or CHROMEDRIVER is None,
        reason="no chromium and chromedriver (apt-get install chromium chromium-driver)",
    ),
    pytest.mark.skipif(
        find_spec("dagster_webserver") is None, reason="the UI is not installed (extra `ui`)"
    ),
]


@pytest.fixture(scope="module")
def built_home(tmp_path_factory: pytest.TempPathFactory, market: Source) -> Home:
    """A home with one delivery, read, checked and published."""
    folder = tmp_path_factory.mktemp("ui")
    home = Home(folder / "home")
    (folder / "samples.csv").write_text(FILE, "utf-8")
    receive(home, "market", [folder / "samples.csv"], dt.date(2024, 5, 2))
    settings = Settings(home.root, (), 1, 1, home.root / "tmp")
    with pytest.MonkeyPatch.context() as patch, pass_rates_only():
        patch.setattr(Settings, "sources", lambda _self: ({"market": market}, {}))
        outcome = run_night(settings)
    assert [(check.table, check.rule) for check in outcome.failed_checks] == [
        ("core.sample", "unknown_link")
    ]
    return home


@pytest.fixture(scope="module")
def address(built_home: Home) -> Iterator[str]:
    """Where a webserver on the home's instance listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "SAMPLEHOUSE_HOME": str(built_home.root),
        "DAGSTER_HOME": str(prepare_instance(built_home)),
    }
    command = [sys.executable, "-m", "dagster_webserver", "--workspace", "workspace.yaml"]
    with (built_home.root / "webserver.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=PROJECT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for_server(server, url, Path(log.name))
            yield url
        finally:
            server.terminate()
            server.wait(30)


def wait_for_server(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/server_info", timeout=5):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.5)
    pytest.fail(f"the webserver did not start:\n{log.read_text('utf-8', 'replace')[-3000:]}")


@contextmanager
def browser(profile: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, webdriver.ChromeService(str(CHROMEDRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def page_with(driver: webdriver.Chrome, url: str, *texts: str) -> None:
    """Open a page and wait until it shows all texts."""
    driver.get(url)
    wait_for(driver, *texts)


def wait_for(driver: webdriver.Chrome, *texts: str) -> None:
    def shown(page: webdriver.Chrome) -> bool:
        body = page.find_element(By.TAG_NAME, "body").text
        return all(text in body for text in texts)

    try:
        WebDriverWait(driver, PAGE_SECONDS).until(shown)
    except WebDriverException:
        driver.save_screenshot(str(SCREENSHOTS / "missing_text.png"))
        body = driver.find_element(By.TAG_NAME, "body").text
        pytest.fail(f"{driver.current_url} does not show all of {texts}, but:\n{body[:3000]}")


def test_an_asset_and_its_failed_check_are_on_their_pages(address: str, tmp_path: Path) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    with browser(tmp_path / "profile") as driver:
        page_with(
            driver,
            f"{address}/assets/mart/pass_rate",
            "Latest materialization",
            "Row count",
            "dbt_like_sql/mart/pass_rate.sql",
            "wilson_low",
            "合格率",
        )
        driver.save_screenshot(str(SCREENSHOTS / "asset.png"))

        page_with(
            driver,
            f"{address}/assets/core/sample?view=checks&checkDetail=unknown_link",
            "unknown_link",
            "1 of 10 rows fail",
            "one of the codes of list 'link'",
        )
        driver.find_element(By.XPATH, "//*[text()='[Show Markdown]']").click()
        wait_for(driver, "S-3", "月球")
        driver.save_screenshot(str(SCREENSHOTS / "failed_check.png"))
