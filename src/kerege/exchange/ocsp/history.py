"""How responders have answered today, beside the responses: who asks later sees it.

A responder that is slow or fails now and then shows long before it is gone for good.
One small file, replaced after each round; it holds addresses and figures only.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kerege.exchange.files import make_folder, replace_file

SLOW_SECONDS = 2.0
"""An answer that takes longer is counted: usual are 0.1 seconds."""
MAX_HISTORY_BYTES = 64 * 1024
MAX_RESPONDERS = 100
"""An instance has a handful."""
FILE = "responders-today.json"


@dataclass(slots=True)
class ResponderDay:
    """One responder's day."""

    asked: int = 0
    failed: int = 0
    slow: int = 0
    """Answers that took longer than `SLOW_SECONDS`."""
    slowest_seconds: float = 0.0
    last_failed: str = ""
    """When, ISO 8601; empty if never."""


@dataclass(frozen=True, slots=True)
class Today:
    """One day, UTC."""

    day: str
    responders: dict[str, ResponderDay]


class ResponderHistory:
    """Counts what responders do, and keeps it in a file of a folder."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        """Count from nothing, or go on with what is there of today."""
        self._file = folder / FILE
        self._clock = clock
        self._today = Today("", {})

    def note(self, url: str, seconds: float, *, answered: bool) -> None:
        """Count one question."""
        now = self._clock()
        self._turn_page(f"{now:%Y-%m-%d}")
        responders = self._today.responders
        if url not in responders and len(responders) >= MAX_RESPONDERS:
            return
        day = responders.setdefault(url, ResponderDay())
        day.asked += 1
        day.slowest_seconds = round(max(day.slowest_seconds, seconds), 3)
        if not answered:
            day.failed += 1
            day.last_failed = now.isoformat(timespec="seconds")
        elif seconds > SLOW_SECONDS:
            day.slow += 1

    def save(self) -> None:
        """Write the file anew. Raises `OSError`."""
        if not self._today.responders:
            return
        make_folder(self._file.parent, mode=0o700)
        replace_file(self._file, json.dumps(asdict(self._today)).encode())

    def _turn_page(self, day: str) -> None:
        if self._today.day == day:
            return
        kept = read_history(self._file.parent)
        self._today = kept if kept and kept.day == day else Today(day, {})


def read_history(folder: Path) -> Today | None:
    """Return what was counted last in a folder; None if nothing can be read."""
    try:
        with (folder / FILE).open("rb") as file:
            document = json.loads(file.read(MAX_HISTORY_BYTES))
        responders = {
            str(url): _day(counted) for url, counted in document["responders"].items()
        }
        return Today(str(document["day"]), responders)
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return None


def _day(counted: dict[str, Any]) -> ResponderDay:
    return ResponderDay(
        int(counted["asked"]),
        int(counted["failed"]),
        int(counted["slow"]),
        float(counted["slowest_seconds"]),
        str(counted["last_failed"]),
    )
