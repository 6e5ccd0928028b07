"""The environment, read in one place: where the data lies and how much of the machine to use.

Every setting has a default that suits the machine, so that nothing needs to be set:

SAMPLEHOUSE_HOME          where data lies                   warehouse/data of the checkout
SAMPLEHOUSE_SOURCES       folders with more source YAMLs    none (several are separated by `:`)
SAMPLEHOUSE_PLANS         folder of the city's plans        warehouse/reference/plans
SAMPLEHOUSE_THREADS       threads of DuckDB and of reading  processors that this process may use
SAMPLEHOUSE_MEMORY_GB     memory of DuckDB, in GiB          most of what this process may use
SAMPLEHOUSE_TEMP          where DuckDB spills               tmp in the home
SAMPLEHOUSE_STAGES        file for the stages of a night    none
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.errors import ConfigurationError
from warehouse.plans_folder import plans_folder

if TYPE_CHECKING:
    from assets.workplace import Workplace
    from warehouse.connection import Resources
    from warehouse.home import Home
    from warehouse.source import Source

PROJECT = Path(__file__).resolve().parents[1]
DEFAULT_HOME = PROJECT / "warehouse" / "data"
GIBIBYTE = 2**30


@dataclass(frozen=True)
class Settings:
    """What the environment says; imports wait until a part is asked for, so that it is cheap."""

    root: Path
    source_folders: tuple[Path, ...]
    threads: int | None
    memory_gib: int | None
    temp_directory: Path
    stages_file: Path | None = None

    @property
    def home(self) -> "Home":
        """The folders that data lies in."""
        from warehouse.home import Home  # noqa: PLC0415 - takes a while, and `--help` needs none

        return Home(self.root)

    @property
    def resources(self) -> "Resources":
        """Limits of DuckDB: those of the machine or container, unless set."""
        from warehouse.connection import Resources  # noqa: PLC0415 - as above

        machine = Resources.of_machine(self.temp_directory)
        memory = machine.memory_bytes if self.memory_gib is None else self.memory_gib * GIBIBYTE
        return replace(machine, threads=self.threads or machine.threads, memory_bytes=memory)

    def sources(self) -> "tuple[dict[str, Source], dict[str, str]]":
        """Sources of `warehouse/sources` and of the folders of SAMPLEHOUSE_SOURCES.

        Returns:
            Those that can be read, by id, and what is wrong with the YAMLs of others, see
            `read_sources`: one wrong YAML does not stop the other sources.
        """
        from warehouse.source import SOURCES_DIR, read_sources  # noqa: PLC0415 - as above

        return read_sources((SOURCES_DIR, *self.source_folders))

    @property
    def workplace(self) -> "Workplace":
        """What every asset is given."""
        from assets.workplace import Workplace  # noqa: PLC0415 - as above

        known, wrong = self.sources()
        return Workplace(self.home, known, self.resources, wrong)


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environment` (that of the process by default).

    Raises:
        ConfigurationError: a setting cannot be understood; the message names it.
    """
    env = os.environ if environment is None else environment
    root = _path(env.get("SAMPLEHOUSE_HOME")) or DEFAULT_HOME
    plans_folder(env)  # refused with the others; read where plans are loaded
    folders = [_path(part) for part in env.get("SAMPLEHOUSE_SOURCES", "").split(os.pathsep)]
    return Settings(
        root=root,
        source_folders=tuple(_folder(folder) for folder in folders if folder is not None),
        threads=_whole_number(env, "SAMPLEHOUSE_THREADS"),
        memory_gib=_whole_number(env, "SAMPLEHOUSE_MEMORY_GB"),
        temp_directory=_path(env.get("SAMPLEHOUSE_TEMP")) or root / "tmp",
        stages_file=_path(env.get("SAMPLEHOUSE_STAGES")),
    )


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser().absolute() if text and text.strip() else None


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ConfigurationError(
            f"SAMPLEHOUSE_SOURCES names {path}, which is no folder; "
            f"give folders with source YAMLs, separated by '{os.pathsep}'"
        )
    return path


def _whole_number(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise ConfigurationError(f"{name} is '{text}'; give a whole number, at least 1")
    return int(text)
