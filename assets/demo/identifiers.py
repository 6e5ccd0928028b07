"""Identifiers with valid check characters, drawn for many firms at once."""

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.demo.chance import Integers

_CODE_ALPHABET = np.array(list("0123456789ABCDEFGHJKLMNPQRTUWXY"))
# The organisation code inside counts letters on, A = 10 … Z = 35, whatever letters are left out.
_ORGANISATION_VALUES = np.array(
    [int(character, 36) for character in "0123456789ABCDEFGHJKLMNPQRTUWXY"], dtype=np.int64
)
_ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_CODE_WEIGHTS = np.array([pow(3, place, 31) for place in range(17)], dtype=np.int64)


def _places(text: pl.Series, length: int) -> Integers:
    """Place of each character of `text` in the alphabet: rows × length."""
    characters: npt.NDArray[np.str_] = (
        np.array(text.to_list(), dtype=f"U{length}").view("U1").reshape(-1, length)
    )
    return np.searchsorted(_CODE_ALPHABET, characters).astype(np.int64)


def credit_codes(rng: np.random.Generator, prefix: pl.Series, region: pl.Series) -> pl.Series:
    """Unified social credit codes (GB 32100-2015) with both check characters right.

    Args:
        rng: source of chance.
        prefix: two characters for registering authority and kind of entity (n entries).
        region: six-digit division of registration (n entries).

    Returns:
        n codes of 18 characters. New registrations begin their organisation code with MA.
    """
    size = prefix.len()
    body = np.empty((size, 17), dtype=np.int64)
    body[:, :8] = _places(prefix + region, 8)
    body[:, 8:10] = np.searchsorted(_CODE_ALPHABET, np.array(["M", "A"]))
    body[:, 10:16] = rng.integers(0, len(_CODE_ALPHABET), size=(size, 6))
    organisation = (11 - (_ORGANISATION_VALUES[body[:, 8:16]] @ _ORGANISATION_WEIGHTS)) % 11
    x_place = int(np.searchsorted(_CODE_ALPHABET, np.array("X")))
    body[:, 16] = np.where(organisation == 10, x_place, organisation)  # noqa: PLR2004 - 10 is X
    check = (31 - (body @ _CODE_WEIGHTS) % 31) % 31
    characters = np.ascontiguousarray(_CODE_ALPHABET[np.column_stack((body, check))])
    return pl.Series(characters.view("U18").ravel().tolist(), dtype=pl.String)


def sampling_numbers(prefix: str, day: str, division: str, institution: int) -> pl.Expr:
    """Sampling numbers: prefix, year (2), division (6), institution (5), serial (4).

    Numbers beyond 9 999 of one institution go on under the next institution's code, so that they
    stay unique at any size.

    Args:
        prefix: column with two or three letters.
        day: column with the day of sampling.
        division: six-digit division.
        institution: first institution code.
    """
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    return (
        pl.col(prefix)
        + pl.col(day).dt.strftime("%y")
        + pl.lit(division)
        + (institution + place // 9999).cast(pl.String).str.zfill(5)
        + (place % 9999 + 1).cast(pl.String).str.zfill(4)
    )
