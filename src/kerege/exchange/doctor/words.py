"""Times, sizes and lists as people read them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

SHOWN = 3
"""Names in a sentence; the rest is counted."""


def moment(time: datetime) -> str:
    """Return a day and a time, UTC."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def clock_time(time: datetime) -> str:
    """Return a time of today, UTC."""
    return f"{time:%H:%M} UTC"


def span(length: timedelta) -> str:
    """Return how long something lasts, in the unit that people would say."""
    seconds = abs(length.total_seconds())
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (name == "day" and seconds >= size):
            number = int(seconds // size)
            return f"{number} {name}" + ("s" if number > 1 else "")
    return f"{seconds:.0f} seconds"


def size(count: float) -> str:
    """Return a number of bytes."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit != "GiB" else f"{count:.1f} GiB"
        count /= 1024
    return f"{count:.1f} TiB"


def listed(names: Sequence[str]) -> str:
    """Return some names, and how many more there are."""
    shown = ", ".join(names[:SHOWN])
    more = len(names) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
