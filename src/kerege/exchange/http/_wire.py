"""What server and client connections share: the transport and its back-pressure."""

import asyncio
import socket
import ssl
from contextlib import suppress

from kerege.exchange.http._body import Body
from kerege.exchange.http._limits import WRITE_HIGH_BYTES, WRITE_LOW_BYTES
from kerege.exchange.http._ticks import Ticker
from kerege.exchange.http.errors import HttpError, PeerClosed, TimedOut


class Wire(asyncio.Protocol):
    """One connection. Subclasses parse what comes and write what goes."""

    __slots__ = (
        "_read_pauses",
        "_write_deadline",
        "_write_left",
        "_write_stall",
        "_write_waiter",
        "is_lost",
        "is_write_paused",
        "loop",
        "ssl_object",
        "ticker",
        "transport",
    )

    transport: asyncio.Transport
    """Set when the connection is made."""
    ssl_object: ssl.SSLObject | None
    """The TLS end, if there is one."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ticker: Ticker, write_stall: float
    ) -> None:
        self.loop = loop
        self.ticker = ticker
        self.ssl_object = None
        self.is_lost = False
        self._read_pauses = 0
        self.is_write_paused = False
        self._write_waiter: asyncio.Future[None] | None = None
        self._write_deadline = 0
        self._write_left = 0
        self._write_stall = write_stall

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # we only make stream connections
        """Take the transport: no Nagle, bounded buffers."""
        self.transport = transport
        self.ssl_object = transport.get_extra_info("ssl_object")
        transport.set_write_buffer_limits(WRITE_HIGH_BYTES, WRITE_LOW_BYTES)
        endpoint = transport.get_extra_info("socket")
        if endpoint is not None and endpoint.family != socket.AF_UNIX:
            with suppress(OSError):  # the peer may be gone already
                endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ticker.watch(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits to write."""
        self.is_lost = True
        self.ticker.unwatch(self)
        self._fail_write(PeerClosed(f"The peer closed the connection ({exc})."))

    def pause_writing(self) -> None:
        """Note that the write buffer is full."""
        self.is_write_paused = True

    def resume_writing(self) -> None:
        """Note that the write buffer has room."""
        self.is_write_paused = False
        if self._write_waiter is not None and not self._write_waiter.done():
            self._write_waiter.set_result(None)

    def on_tick(self, now: int) -> None:
        """Give up on a peer that takes nothing."""
        if self._write_deadline and now >= self._write_deadline:
            left = self.transport.get_write_buffer_size()
            if left < self._write_left:
                self._write_left = left
                self._write_deadline = self.ticker.after(self._write_stall)
            else:
                self._write_deadline = 0
                self._fail_write(TimedOut("The peer does not take what we send."))
                self.transport.abort()

    # What subclasses and bodies use.

    async def drain(self) -> None:
        """Wait until the write buffer has room. One writer at a time.

        Raises:
            PeerClosed: the connection is gone.
            TimedOut: the peer takes nothing.
        """
        if self.is_lost:
            raise PeerClosed("The peer closed the connection.")
        if not self.is_write_paused:
            return
        self._write_waiter = self.loop.create_future()
        self._write_left = self.transport.get_write_buffer_size()
        self._write_deadline = self.ticker.after(self._write_stall)
        try:
            await self._write_waiter
        finally:
            self._write_waiter = None
            self._write_deadline = 0

    def pause_body(self) -> None:
        """Stop reading from the peer, until as many calls of `resume_body`."""
        self._read_pauses += 1
        if self._read_pauses == 1 and not self.is_lost:
            self.transport.pause_reading()

    def resume_body(self) -> None:
        """Read from the peer again."""
        self._read_pauses -= 1
        if self._read_pauses == 0 and not self.is_lost:
            self.transport.resume_reading()

    def body_waits(self) -> None:
        """Know that the body under way is waited for."""

    def abandon(self, body: Body) -> None:
        """Know that nobody will read the rest of ``body``."""

    def _fail_write(self, error: HttpError) -> None:
        if self._write_waiter is not None and not self._write_waiter.done():
            self._write_waiter.set_exception(error)
