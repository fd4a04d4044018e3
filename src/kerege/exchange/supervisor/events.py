"""The supervisor's own events, in the form of the workers' log."""

import json
from datetime import UTC, datetime

from kerege.exchange.supervisor.lines import Lines

LEVELS = ("debug", "info", "warning", "error")


class Events:
    """Writes events: one a line, as JSON or for people."""

    def __init__(self, lines: Lines, *, as_json: bool, level: str) -> None:
        """Write to ``lines`` what is at least as severe as ``level``."""
        self._lines = lines
        self._as_json = as_json
        self._least = LEVELS.index(level)

    def info(self, event: str, **fields: object) -> None:
        """Write what belongs to the ordinary course."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Write what is over when its cause is over."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Write what needs somebody."""
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        if LEVELS.index(level) < self._least:
            return
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        if self._as_json:
            whole = {"timestamp": now, "level": level, "event": event, **fields}
            self._lines.write(json.dumps(whole, ensure_ascii=False, default=str))
            return
        words = " ".join(f"{name}={_shown(value)}" for name, value in fields.items())
        self._lines.write(f"{now} [{level:<9}] {event:<30} {words}".rstrip())


def _shown(value: object) -> str:
    return value if isinstance(value, str) and " " not in value else repr(value)
