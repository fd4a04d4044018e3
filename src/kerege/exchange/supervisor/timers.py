"""Things to do at a later time, in a loop that waits for descriptors."""

import heapq
import itertools
import time
from collections.abc import Callable

Work = Callable[[], None]


class Timers:
    """Calls functions when their time has come."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure time with ``clock``, in seconds."""
        self.clock = clock
        self._waiting: list[tuple[float, int, Work]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, work: Work) -> None:
        """Call ``work`` in so many seconds; it finds out whether it is still needed."""
        entry = (self.clock() + seconds, next(self._numbers), work)
        heapq.heappush(self._waiting, entry)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the first of them; None if there is nothing to wait for."""
        if not self._waiting:
            return None
        return max(0.0, self._waiting[0][0] - self.clock())

    def run(self) -> None:
        """Call what is due."""
        while self._waiting and self._waiting[0][0] <= self.clock():
            heapq.heappop(self._waiting)[2]()
