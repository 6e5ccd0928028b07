"""Checked input for the statistics: counts, proportions, exact numbers, columns of a table."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse.errors import SamplehouseError

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]
Objects = npt.NDArray[np.object_]
Number = int | float | Decimal | Fraction | str


class StatisticsError(SamplehouseError):
    """Counts, shares or settings from which nothing true can be computed."""


def whole_numbers(values: npt.ArrayLike, name: str) -> Integers:
    """Counts as 64-bit integers; nothing is rounded and nothing negative is taken.

    Args:
        values: counts, any shape.
        name: what they are, for the message.

    Returns:
        The counts, in the same shape.

    Raises:
        StatisticsError: if a value is missing, not a whole number, or below 0.
    """
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(array.shape, dtype=np.int64)
    if array.dtype.kind not in "iu":
        raise StatisticsError(
            f"{name} must be whole numbers without gaps, found {array.dtype} values: {values!r:.80}"
        )
    if array.min() < 0:
        raise StatisticsError(f"{name} cannot be below 0, found {array.min()}")
    return array.astype(np.int64)


def together(*arrays: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
    """Arrays brought to one shape, as numpy broadcasts them.

    Args:
        arrays: arrays that belong together.

    Returns:
        The same arrays (read-only views), all of the common shape.

    Raises:
        StatisticsError: if their shapes do not go together.
    """
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError as error:
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise StatisticsError(f"numbers do not match in number: {shapes}") from error


def counts(successes: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[Integers, Integers]:
    """Successes and trials, checked and brought to one shape.

    Args:
        successes: number of passes, any shape.
        trials: number tested, a shape that broadcasts with `successes`.

    Returns:
        Successes and trials, in the common shape.

    Raises:
        StatisticsError: if a count is not a whole number from 0, or there are more successes
            than trials.
    """
    passed, tested = together(
        whole_numbers(successes, "successes"), whole_numbers(trials, "trials")
    )
    if np.any(passed > tested):
        worst = int(np.argmax(passed - tested))
        raise StatisticsError(
            f"there cannot be more successes than trials: {passed.flat[worst]} of "
            f"{tested.flat[worst]}"
        )
    return passed, tested


def proportion(values: npt.ArrayLike, name: str) -> Floats:
    """Proportions from 0 to 1 (not percent).

    Args:
        values: proportions, any shape.
        name: what they are, for the message.

    Returns:
        The proportions, in the same shape.

    Raises:
        StatisticsError: if a value is missing or outside 0 to 1.
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.all((array >= 0) & (array <= 1)):
        raise StatisticsError(f"{name} must lie between 0 and 1, found {values!r:.80}")
    return array


def inner_proportion(value: float, name: str) -> float:
    """One proportion strictly between 0 and 1, such as a confidence level.

    Args:
        value: the proportion.
        name: what it is, for the message.

    Returns:
        The value.

    Raises:
        StatisticsError: if it does not lie strictly between 0 and 1.
    """
    if not 0 < value < 1:
        raise StatisticsError(f"{name} must lie between 0 and 1, both excluded, found {value}")
    return value


def exact(value: Number) -> Fraction:
    """A number as the exact fraction that it is written as: 0.3 is 3/10, not its binary value.

    Args:
        value: an integer, decimal, fraction, text or float; a float counts as its shortest
            decimal text.

    Returns:
        The exact value.

    Raises:
        StatisticsError: if it is no finite number.
    """
    if isinstance(value, int | Fraction):
        return Fraction(value)
    try:
        return Fraction(Decimal(str(value)))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise StatisticsError(f"expected a number, found {value!r}") from error


def exact_array(values: Iterable[Number]) -> Objects:
    """A vector of exact fractions, see `exact`; the arithmetic of numpy keeps them exact.

    Args:
        values: n numbers.

    Returns:
        n fractions (array of objects).
    """
    fractions = [exact(value) for value in values]
    array = np.empty(len(fractions), dtype=object)
    array[:] = fractions
    return array


def require_columns(frame: pl.DataFrame, *names: str) -> None:
    """Raise unless the table has all columns and none of their values is missing.

    Args:
        frame: the table.
        names: columns that the computation reads.

    Raises:
        StatisticsError: naming the columns that are absent or have gaps.
    """
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise StatisticsError(f"the table lacks {', '.join(absent)}; it has {frame.columns}")
    gaps = [name for name in names if frame[name].null_count()]
    if gaps:
        raise StatisticsError(f"values are missing in {', '.join(gaps)}")
