"""The Dagster UI and daemon on the instance that the command line uses."""

import os
import sys
from importlib.util import find_spec
from typing import NoReturn

from pipelines.nightly import prepare_instance
from pipelines.settings import PROJECT, Settings
from warehouse.errors import SamplehouseError


def serve(settings: Settings, *, host: str, port: int) -> NoReturn:
    """Replace this process by `dagster dev` on the instance of the home.

    Raises:
        SamplehouseError: the UI is not installed.
    """
    if find_spec("dagster_webserver") is None:
        raise SamplehouseError(
            "the UI is not installed; install Samplehouse with its `ui` extra, or use `make ui`"
        )
    environment = {
        **os.environ,
        "SAMPLEHOUSE_HOME": str(settings.root),
        "DAGSTER_HOME": str(prepare_instance(settings.home)),
    }
    # `dagster dev` says at every start that `dg dev` supersedes it; that one wants a `dg` project.
    command = [sys.executable, "-W", "ignore:Function `dev_command`", "-m", "dagster", "dev"]
    workspace = ["--workspace", str(PROJECT / "workspace.yaml")]
    address = ["--host", host, "--port", str(port)]
    os.chdir(PROJECT)  # paths of workspace.yaml are relative
    os.execve(sys.executable, [*command, *workspace, *address], environment)  # noqa: S606 - our own interpreter
