"""A worker's end: in time, whatever it still waits for.

When the connections are closed, a worker writes what waits for the message log and
closes the rest. A database that has frozen, or a disk, can hold a thread for ever, and
Python waits for its threads. Nothing that still runs then is worth waiting for: what
an application was answered is on the disk already.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

CLOSE_SECONDS = 4.0
"""From the time that connections were given to the end of the process: less than the
supervisor waits until it kills (`KILL_SECONDS`), so that the log has what held it."""
OURS = "kerege."
DEPTH = 4
"""Functions that are named of each thread."""


class Ending:
    """Ends this process at a time. Call it from one thread."""

    def __init__(self, report: Callable[[list[str]], None]) -> None:
        """Do nothing yet; ``report`` gets what held the process, before it ends."""
        self._report = report
        self._end: Callable[[int], object] = os._exit
        self._changed = threading.Condition()
        self._at: float | None = None

    def within(self, seconds: float) -> None:
        """End in so many seconds, or sooner if that was said before."""
        at = time.monotonic() + seconds
        with self._changed:
            is_new = self._at is None
            self._at = at if self._at is None else min(at, self._at)
            self._changed.notify()
        if is_new:
            threading.Thread(target=self._wait, name="ending", daemon=True).start()

    def _wait(self) -> None:
        with self._changed:
            while (left := (self._at or 0.0) - time.monotonic()) > 0:
                self._changed.wait(left)
        try:
            self._report(at_work())
        finally:
            self._end(1)


def at_work() -> list[str]:
    """Return what this process's threads are doing: names of our functions."""
    here = threading.get_ident()
    frames = sys._current_frames()  # noqa: SLF001 - documented, for debugging
    found = {_ours(frame) for ident, frame in frames.items() if ident != here}
    return sorted(found - {""})


def _ours(frame: FrameType | None) -> str:
    """Return the innermost of our functions, and those that called it."""
    names: list[str] = []
    while frame is not None and len(names) < DEPTH:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(OURS):
            names.append(f"{module.removeprefix(OURS)}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    return " < ".join(names)
