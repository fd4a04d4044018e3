"""The supervisor's loop: waits for descriptors and for the next thing that is due.

`asyncio` would do the same in ten megabytes more.
"""

import selectors
import signal
import socket
from collections.abc import Callable, Iterable
from typing import Protocol

from kerege.exchange.supervisor.timers import Timers


class HasDescriptor(Protocol):
    """A socket, a channel."""

    def fileno(self) -> int:
        """Return the descriptor."""


class Loop:
    """Calls functions when there is something for them."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self.timers = Timers()
        self._selector = selectors.DefaultSelector()

    def watch(
        self, thing: HasDescriptor, work: Callable[[], object], *, writing: bool = False
    ) -> None:
        """Call ``work`` whenever ``thing`` can be read, or written."""
        event = selectors.EVENT_WRITE if writing else selectors.EVENT_READ
        self._selector.register(thing.fileno(), event, work)

    def forget(self, thing: HasDescriptor) -> None:
        """Watch ``thing`` no longer; call it before it is closed."""
        self._selector.unregister(thing.fileno())

    def watch_signals(
        self, numbers: Iterable[int], heard: Callable[[int], None]
    ) -> None:
        """Call ``heard`` with each of these signals that comes."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

        def read() -> None:
            for number in ours.recv(4096):
                heard(number)
            _ = theirs  # stays open as long as somebody reads

        self.watch(ours, read)

    def turn(self) -> None:
        """Wait for something, and do what is to be done."""
        for key, _ in self._selector.select(self.timers.seconds_left):
            if key.fd in self._selector.get_map():  # nobody before it has closed it
                key.data()
        self.timers.run()
