"""A terminal that shows frames: entered, drawn on, and left as it was.

Only lines that changed are written, so a screen stands still where nothing happens. A
key is one character from the terminal; Ctrl-C still interrupts. A terminal that was
closed says so in `is_gone`.
"""

import asyncio
import os
import shutil
import sys
import termios
import tty
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TextIO

from kerege.sandbox.live_text import Line, ansi

ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
"""The other screen, without a cursor, empty."""
LEAVE = "\x1b[?25h\x1b[?1049l"
KEY_BYTES = 64
MAX_KEYS = 4
"""Pressed in one go; a pasted text is no command, nor is an arrow key."""
ESCAPE = b"\x1b"


def can_show(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal that can be drawn on."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Terminal:
    """The terminal of this process. Use it as a context manager."""

    def __init__(self, output: TextIO = sys.stdout) -> None:
        """Draw on ``output``; keys come from standard input or the terminal itself."""
        self._output = output
        self._keys: int | None = None
        self._is_ours = False
        self._saved: list[Any] | None = None
        self._shown: list[str] = []
        self._size = (0, 0)
        self.is_gone = False
        """Whether it was closed: nothing can be shown on it any more."""
        self.has_colour = not os.environ.get("NO_COLOR")
        self.can_unicode = (output.encoding or "").lower().startswith("utf")

    def __enter__(self) -> Self:
        self._keys, self._is_ours = _keyboard()
        if self._keys is not None:
            self._saved = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)
            _without_stops(self._keys)
        self._write(ENTER)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._write(LEAVE)
        if self._keys is None:
            return
        with suppress(termios.error, OSError):
            if self._saved is not None:
                termios.tcsetattr(self._keys, termios.TCSADRAIN, self._saved)
        if self._is_ours:
            os.close(self._keys)

    @property
    def has_keys(self) -> bool:
        """Whether there is a keyboard."""
        return self._keys is not None

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, now."""
        try:
            found = os.get_terminal_size(self._output.fileno())
        except (OSError, ValueError):
            found = shutil.get_terminal_size()
        return (found.columns or 80, found.lines or 24)

    def listen(self, on_key: Callable[[str], None]) -> None:
        """Give each key to ``on_key``, in the running event loop; at the end, ``""``."""
        if self._keys is None:
            return
        loop, keys = asyncio.get_running_loop(), self._keys

        def read() -> None:
            try:
                data = os.read(keys, KEY_BYTES)
            except OSError:
                data = b""
            if not data:
                self.is_gone = True
                loop.remove_reader(keys)
                on_key("")
            elif len(data) <= MAX_KEYS and not data.startswith(ESCAPE):
                for key in data.decode("latin-1"):
                    on_key(key)

        loop.add_reader(keys, read)

    def deafen(self) -> None:
        """Stop listening."""
        if self._keys is not None:
            asyncio.get_running_loop().remove_reader(self._keys)

    def draw(self, frame: Sequence[Line]) -> None:
        """Show a frame; may wait for a terminal that is slow."""
        lines = [ansi(content, colour=self.has_colour) for content in frame]
        size = self.size
        pieces = []
        if size != self._size or len(lines) != len(self._shown):
            self._size, self._shown = size, []
            pieces.append("\x1b[2J")
        for number, text in enumerate(lines):
            if self._shown and self._shown[number] == text:
                continue
            pieces.append(f"\x1b[{number + 1};1H{text}\x1b[K")
        self._shown = lines
        self._write("".join(pieces))

    def _write(self, text: str) -> None:
        try:
            self._output.write(text)
            self._output.flush()
        except (OSError, ValueError):
            self.is_gone = True


def _keyboard() -> tuple[int | None, bool]:
    """Return where keys come from, and whether we opened it."""
    with suppress(OSError, ValueError):
        if sys.stdin.isatty():
            return sys.stdin.fileno(), False
    try:
        return os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC), True
    except OSError:
        return None, False


def _without_stops(keys: int) -> None:
    """Let Ctrl-Z and Ctrl-S do nothing.

    A suspended screen would leave the terminal as it is, a stopped terminal would keep
    a demo from stopping its servers.
    """
    settings = termios.tcgetattr(keys)
    settings[0] &= ~termios.IXON
    settings[6][termios.VSUSP] = b"\x00"
    termios.tcsetattr(keys, termios.TCSADRAIN, settings)
