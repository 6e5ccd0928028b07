"""Data Docs: what Great Expectations found, as pages that open without a network."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.remembered import validation_files
from assets.workplace import OWNERS, Workplace, dependency, explained
from expectations.data_docs import build_data_docs
from expectations.results import read_run
from warehouse.home import Home

DATA_DOCS = dg.AssetKey("data_docs")


def docs_asset(tables: Sequence[str]) -> dg.AssetsDefinition:
    """The asset that writes Data Docs of the last checks.

    Args:
        tables: tables with checks; the pages wait for them.
    """

    @dg.asset(
        key=DATA_DOCS,
        deps=[dependency(table) for table in tables],
        group_name="release",
        description="Pages on every check of every table, for reading without Dagster.",
        kinds={"greatexpectations", "html"},
        owners=OWNERS,
    )
    @explained()
    def data_docs(workplace: dg.ResourceParam[Workplace]) -> dg.MaterializeResult[None]:
        index, pages = write_docs(workplace.home)
        return dg.MaterializeResult(
            metadata={"index": dg.MetadataValue.path(index), "tables": pages}
        )

    return data_docs


def write_docs(home: Home) -> tuple[Path, int]:
    """Write the pages if a check was run since they were written; the index and tables shown."""
    files = validation_files(home)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    index, shown = home.docs / "index.html", home.docs / "shows.txt"
    if not (index.is_file() and shown.is_file() and shown.read_text("ascii") == digest):
        index = build_data_docs((read_run(path) for path in files), home.docs)
        shown.write_text(digest, "ascii")
    return index, len(files)
