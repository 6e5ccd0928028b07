"""Code lists: CSV files of `warehouse/reference/codes`, one list each."""

from functools import cache
from pathlib import Path

import polars as pl

from warehouse.errors import ConfigurationError

CODES_DIR = Path(__file__).parent / "reference" / "codes"


def code_lists() -> tuple[str, ...]:
    """Names of all code lists."""
    return tuple(path.stem for path in sorted(CODES_DIR.glob("*.csv")))


@cache
def code_list(name: str) -> pl.DataFrame:
    """A code list as text columns; every list has at least `code`, `name_en`, `name_zh`.

    Raises:
        ConfigurationError: there is no such list.
    """
    path = CODES_DIR / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(code_lists())
        raise ConfigurationError(f"there is no code list '{name}'; known lists: {known}")
    return pl.read_csv(path, infer_schema=False)


def codes(name: str) -> tuple[str, ...]:
    """The codes of a list, in its order."""
    return tuple(code_list(name)["code"].to_list())


def wordings(name: str) -> dict[str, str]:
    """Every wording that a list understands (code, English, Chinese) → code."""
    rows = code_list(name).select("code", "name_en", "name_zh").rows()
    return {text: row[0] for row in rows for text in row if text}
