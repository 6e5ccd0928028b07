"""Record partitions that an older version wrote in other types: what they hold is read again.

A column that an older contract did not have is empty in old partitions. One that had another type
cannot be read as the contract says, and what it holds may have been made in another way; so all
that the source ever delivered is worked again, once.
"""

from pathlib import Path

import polars as pl

from warehouse.contract import Contract, record_contracts
from warehouse.home import Home


def sources_in_older_form(home: Home) -> set[str]:
    """Sources with records of other types than the contracts say."""
    return {
        folder.name.removeprefix("source_id=")
        for table, contract in record_contracts().items()
        for folder in home.table_folder(table).glob("source_id=*")
        if any(_differs(file, contract) for file in _first_and_last(folder))
    }


def _first_and_last(folder: Path) -> list[Path]:
    """The first partition and the last: a run that writes them anew goes from one to the other."""
    files = sorted(folder.glob("received_on=*/part.parquet"))
    return [files[0], files[-1]] if files else []


def _differs(file: Path, contract: Contract) -> bool:
    held, declared = pl.read_parquet_schema(file), contract.polars_schema()
    return any(held[name] != kind for name, kind in declared.items() if name in held)
