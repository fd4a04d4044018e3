"""Coarse time for many connections: one timer, and a whole number of ticks.

Connections note deadlines as tick numbers, which costs nothing per message; one sweep
per tick looks at all of them. A tick is counted, not measured: when the process was
stopped or busy for a minute, only one tick has passed, and no peer is blamed for it.
"""

import asyncio
import math
from typing import Protocol

_MAX_KNOWN = 256
"""Different time-outs whose length in ticks is remembered."""


class Ticking(Protocol):
    """Something with deadlines."""

    def on_tick(self, now: int) -> None:
        """Look at the deadlines."""


class Ticker:
    """Counts ticks while something is watched."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.now = 1
        """The current tick. Starts at one, so that zero can mean "no deadline"."""
        self._loop = loop
        self._seconds = seconds
        self._known: dict[float, int] = {}
        self._watched: set[Ticking] = set()
        self._timer: asyncio.TimerHandle | None = None

    def ticks(self, seconds: float) -> int:
        """Return how many ticks last at least ``seconds``."""
        return math.ceil(seconds / self._seconds) + 1

    def after(self, seconds: float) -> int:
        """Return the tick by which ``seconds`` have passed."""
        ticks = self._known.get(seconds)
        if ticks is None:
            ticks = self._known[seconds] = self.ticks(seconds)
            if len(self._known) > _MAX_KNOWN:
                self._known.clear()
        return self.now + ticks

    def watch(self, item: Ticking) -> None:
        """Call ``item.on_tick`` at every tick."""
        self._watched.add(item)
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._tick)

    def unwatch(self, item: Ticking) -> None:
        """Stop that. The timer ends with the last one watched."""
        self._watched.discard(item)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self.now += 1
        self._timer = self._loop.call_later(self._seconds, self._tick)
        for item in tuple(self._watched):
            item.on_tick(self.now)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None
