"""Where messages that were noted wait to be stored.

Rules:

* Adding costs next to nothing, never waits and never fails: it is part of every
  message.
* So many wait at most; then the oldest goes, and is counted.
"""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from kerege.xroad.opmonitoring import OperationalRecord


class Noted(Protocol):
    """A message that ended."""

    def record(self) -> OperationalRecord:
        """Make its record."""
        ...


class MonitoringBuffer:
    """Notes of one process. Used by its event loop only."""

    def __init__(self, size: int) -> None:
        """Hold at most ``size`` notes; with 0 none at all."""
        self._waiting: deque[Noted] = deque(maxlen=max(size, 0))
        self._size = size
        self.dropped = 0
        """Notes that went to make room, since the beginning."""

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def add(self, note: Noted) -> None:
        """Take a note; the oldest one goes if there is no room."""
        if len(self._waiting) == self._size:
            self.dropped += self._size > 0
        self._waiting.append(note)

    def take(self, most: int) -> Sequence[Noted]:
        """Take out the oldest notes, at most so many."""
        waiting = self._waiting
        return [waiting.popleft() for _ in range(min(most, len(waiting)))]

    def put_back(self, notes: Sequence[Noted]) -> None:
        """Put notes back that could not be stored, as far as there is room.

        They are the oldest, so newer ones that came meanwhile keep their places.
        """
        room = max(self._size - len(self._waiting), 0)
        kept = notes[len(notes) - min(room, len(notes)) :]
        self.dropped += len(notes) - len(kept)
        self._waiting.extendleft(reversed(kept))
