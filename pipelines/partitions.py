"""Days of receipt as partitions: which can be read, and which one a night runs under."""

import datetime as dt
from collections.abc import Sequence

from assets.workplace import FIRST_DAY, today
from warehouse.errors import SamplehouseError

__all__ = ["checked_day", "night_of", "readable_days", "today"]


def readable_days(days: Sequence[dt.date]) -> list[dt.date]:
    """Days that are partitions: from the first one to today."""
    return [day for day in days if FIRST_DAY <= day <= today()]


def checked_day(day: dt.date) -> dt.date:
    """The day, if it is a partition.

    Raises:
        SamplehouseError: it is before the first one or after today.
    """
    if not readable_days([day]):
        raise SamplehouseError(
            f"{day} cannot be a day of receipt: the first one is {FIRST_DAY}, the last one today"
        )
    return day


def night_of(days: Sequence[dt.date], default: dt.date) -> dt.date:
    """The partition that a run over several days belongs to: the last of them."""
    return max(days, default=default)
