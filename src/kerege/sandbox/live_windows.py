"""How many and how fast, over the last minute: bounded, whatever comes.

Durations are kept as counts in buckets that grow by a tenth, so a percentile is right
to five percent, and a minute of a busy server takes a few kilobytes.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import log

MINUTE = 60
GROWTH = 1.1
SHORTEST_MS = 0.1
LONGEST_MS = 3_600_000.0
"""Durations outside are taken for these: an hour is as good as for ever."""
_LOG_GROWTH = log(GROWTH)


def bucket_of(milliseconds: float) -> int:
    """Return the bucket of a duration."""
    bounded = min(max(milliseconds, SHORTEST_MS), LONGEST_MS)
    return int(log(bounded / SHORTEST_MS) / _LOG_GROWTH)


def percentile(buckets: Counter[int], share: float) -> float | None:
    """Return the duration that ``share`` of the messages did not exceed.

    In milliseconds; None if there are no messages.
    """
    total = buckets.total()
    rank = share * total
    seen = 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= rank and seen:
            return float(SHORTEST_MS * GROWTH ** (bucket + 0.5))
    return None


@dataclass(slots=True)
class _Slot:
    count: int = 0
    buckets: Counter[int] = field(default_factory=Counter)


class Window:
    """Messages of the last minute, in slots of one or more seconds."""

    def __init__(self, slot_seconds: int = 1) -> None:
        """Use slots of ``slot_seconds``, a divisor of 60."""
        self._seconds = slot_seconds
        self._slots: dict[int, _Slot] = {}
        self._newest = 0
        self.peak = 0
        """Most messages in one slot, ever."""

    def add(self, at: float, milliseconds: float) -> None:
        """Note a message that ended ``at`` (seconds); too old a one is left out."""
        number = int(at // self._seconds)
        if number > self._newest:
            self._newest = number
            self._forget(number)
        elif self._is_old(number, self._newest):
            return
        slot = self._slots.setdefault(number, _Slot())
        slot.count += 1
        slot.buckets[bucket_of(milliseconds)] += 1
        self.peak = max(self.peak, slot.count)

    def counts(self, now: float) -> tuple[int, ...]:
        """Return the messages of each slot, the oldest first; the last is not over."""
        newest = int(now // self._seconds)
        size = MINUTE // self._seconds
        numbers = range(newest - size, newest + 1)
        return tuple(
            self._slots[number].count if number in self._slots else 0
            for number in numbers
        )

    def count(self, now: float) -> int:
        """Return the messages of the last minute."""
        return sum(self.counts(now))

    def durations(self, now: float) -> Counter[int]:
        """Return the durations of the last minute, by bucket."""
        newest = int(now // self._seconds)
        return _merged(
            slot.buckets
            for number, slot in self._slots.items()
            if not self._is_old(number, newest)
        )

    def _is_old(self, number: int, newest: int) -> bool:
        return number < newest - MINUTE // self._seconds

    def _forget(self, newest: int) -> None:
        for number in [n for n in self._slots if self._is_old(n, newest)]:
            del self._slots[number]


def _merged(parts: Iterable[Counter[int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part)
    return total
