"""Record partitions that an older version wrote in other types: what they hold is read again.

A column that an older contract did not have is empty in old partitions. One that had another type
cannot be read as the contract says, and what it holds may have been made in another way; so all
that the source ever delivered is worked again, once.
"""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import polars as pl

from warehouse.contract import Contract, record_contracts
from warehouse.home import Home


def sources_in_older_form(home: Home) -> set[str]:
    """Sources with records of other types than the contracts say."""
    return {
        folder.name.removeprefix("source_id=")
        for table, contract in record_contracts().items()
        for folder, files in groupby(home.partition_files(table), lambda file: file.parents[1])
        if any(_differs(file, contract) for file in _first_and_last(files))
    }


def _first_and_last(files: Iterable[Path]) -> set[Path]:
    """The first partition and the last: a run that writes them anew goes from one to the other."""
    found = list(files)
    return {found[0], found[-1]}


def _differs(file: Path, contract: Contract) -> bool:
    held, declared = pl.read_parquet_schema(file), contract.polars_schema()
    return any(held[name] != kind for name, kind in declared.items() if name in held)
