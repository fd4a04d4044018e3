"""Shows a live state on a terminal until somebody has seen enough."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from kerege.sandbox.live_screen import View, help_page, screen
from kerege.sandbox.live_state import LiveState
from kerege.sandbox.live_terminal import Terminal
from kerege.sandbox.live_text import Line
from kerege.sandbox.live_values import Snapshot, Sort

EVERY_SECONDS = 1.0
"""Between two frames: calm enough to read, and cheap."""

KEYS_HELP = (
    "Keys",
    "  q  leave; Ctrl-C too",
    "  p  pause: the screen stands still, messages are counted on",
    "  s  order services and clients by rate, total, faults or slowness",
    "  h  this page; once more: where things run, in a demo",
    "",
    "Columns",
    "  now/s, 1 min, peak   messages a second: of the last three seconds, the last",
    "                       minute, and most in one second since the beginning",
    "  p50, p95, p99        so many of 100 messages of the last minute were faster",
    "  asked, out           what own applications asked others",
    "  answered, in         what others asked, and this server answered",
    "  faults               messages that X-Road refused or that did not get through;",
    "                       a status of the service (4xx, 5xx) is none",
    "  No path, user or body of a message is ever shown.",
)


class Show:
    """One showing; `run` it."""

    def __init__(
        self,
        state: LiveState,
        terminal: Terminal,
        *,
        when_empty: Sequence[str] = (),
        about: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Do nothing yet.

        Args:
            state: What is shown.
            terminal: Where, already entered.
            when_empty: Lines in the place of messages while there are none.
            about: Lines of a second page of help.
            clock: Unix seconds.
        """
        self._state = state
        self._terminal = terminal
        self._when_empty = tuple(when_empty)
        self._pages = (KEYS_HELP, *([tuple(about)] if about else []))
        self._clock = clock
        self._sort = Sort.RATE
        self._paused: Snapshot | None = None
        self._page: int | None = None
        self._over = False
        self._changed = asyncio.Event()
        self.note = ""
        """Said in the last line."""

    def stop(self) -> None:
        """End the showing."""
        self._over = True
        self._changed.set()

    def press(self, key: str) -> None:
        """Do what a key stands for; an empty one is the end of the keyboard."""
        if not key or key in "qQ\x03\x04":
            self._over = True
        elif key in "hH?":
            self._turn_page()
        elif self._page is not None:
            self._page = None
        elif key in "pP ":
            self._paused = None if self._paused else self._now()
        elif key in "sS":
            self._sort = self._sort.following()
        else:
            return
        self._changed.set()

    async def run(self) -> None:
        """Show until `stop`, or a key says so."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, self._changed.set)
        self._terminal.listen(self.press)
        try:
            while not self._over and not self._terminal.is_gone:
                self._changed.clear()
                # In a thread: a terminal behind a slow line stops nobody else.
                await asyncio.to_thread(self._terminal.draw, self.frame())
                try:
                    async with asyncio.timeout(EVERY_SECONDS):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            self._terminal.deafen()
            loop.remove_signal_handler(signal.SIGWINCH)

    def frame(self) -> list[Line]:
        """Return what is to be seen now."""
        view = self._view()
        if self._page is not None:
            return help_page(self._pages[self._page], view)
        return screen((self._paused or self._now()).in_order(self._sort), view)

    def _turn_page(self) -> None:
        """Show the first page of help, the next, or none any more."""
        page = 0 if self._page is None else self._page + 1
        self._page = page if page < len(self._pages) else None

    def _now(self) -> Snapshot:
        return self._state.snapshot(self._clock())

    def _view(self) -> View:
        width, height = self._terminal.size
        return View(
            width,
            height,
            zone=datetime.now().astimezone().tzinfo or View(0, 0).zone,
            is_paused=self._paused is not None,
            has_keys=self._terminal.has_keys,
            note=self.note,
            when_empty=self._when_empty,
            can_unicode=self._terminal.can_unicode,
        )
