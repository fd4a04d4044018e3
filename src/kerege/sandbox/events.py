"""Log events of servers: a line of JSON each, as text that a stranger may have sent."""

import json

MAX_LINE_BYTES = 256 * 1024
"""A longer line is no event; the longest of ours, the traceback of a bug, has 20 KB."""

Event = dict[str, object]


def parse_event(line: bytes) -> Event | None:
    """Return a line's event; None if it has none.

    What stands before the first brace is left out: ``journalctl`` and container
    runtimes put a time and a name there.
    """
    start = line.find(b"{")
    if start < 0:
        return None
    try:
        event = json.loads(line[start:])
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


class LineSplitter:
    """Bytes in, whole lines out; a line that is too long is dropped and counted."""

    def __init__(self, most: int = MAX_LINE_BYTES) -> None:
        """Drop lines over ``most`` bytes."""
        self._most = most
        self._rest = bytearray()
        self._drops = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their ends."""
        *complete, rest = data.split(b"\n")
        lines = [line for part in complete if (line := self._ended(part)) is not None]
        self._add(rest)
        return lines

    def _ended(self, part: bytes) -> bytes | None:
        self._add(part)
        line = None if self._drops else bytes(self._rest)
        self._rest.clear()
        self._drops = False
        return line

    def _add(self, part: bytes) -> None:
        if self._drops:
            return
        self._rest += part
        if len(self._rest) > self._most:
            self._rest.clear()
            self._drops = True
            self.dropped += 1
