"""Where the plans of this warehouse lie: one office, so one city, whichever it is.

Plans are definitions, and count as code: whatever is kept under them (tables of reference, stamps)
is kept by this folder.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from warehouse.errors import ConfigurationError

PLANS_DIR = Path(__file__).parent / "reference" / "plans"


def plans_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The folder that SAMPLEHOUSE_PLANS names, else the one that comes with the code.

    Args:
        environment: that of the process by default.

    Raises:
        ConfigurationError: it names no folder, or that of one plan.
    """
    named = (os.environ if environment is None else environment).get("SAMPLEHOUSE_PLANS", "")
    if not named.strip():
        return PLANS_DIR
    folder = Path(named).expanduser().absolute()
    if not folder.is_dir():
        raise ConfigurationError(
            f"SAMPLEHOUSE_PLANS names {folder}, which is no folder; give one that holds a folder "
            "for each plan"
        )
    if (folder / "plan.yml").is_file():
        raise ConfigurationError(
            f"SAMPLEHOUSE_PLANS names {folder}, which is a plan itself; give the folder that "
            "holds it"
        )
    return folder
