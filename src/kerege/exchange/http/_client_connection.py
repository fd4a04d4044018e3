"""One connection of a client: one request and its answer at a time.

* A request whose body is given whole is one write. A streamed body is sent by a task
  of its own, so that an answer that comes early (a refusal) is seen early.
* The connection is free again the moment the answer is complete on the wire, whether
  or not its body has been read: the body then lives in memory.
* Whatever ends in the middle ends the connection.
"""

import asyncio
import fcntl
import select
import struct
import termios
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from kerege.exchange.http._answer_reader import AnswerReader
from kerege.exchange.http._body import Body
from kerege.exchange.http._limits import ClientLimits
from kerege.exchange.http._messages import LAST_CHUNK, close_iterator, encode_chunk
from kerege.exchange.http._outgoing import Outgoing
from kerege.exchange.http._ticks import Ticker
from kerege.exchange.http.errors import BadMessage, PeerClosed, TimedOut


class ClientResponse:
    """An answer, its body perhaps still under way."""

    __slots__ = ("_connection", "_index", "body", "headers", "reason", "status")

    def __init__(self, connection: "ClientConnection", body: Body) -> None:
        self.status = connection.status
        """200 to 999."""
        self.reason = connection.reason
        """The reason phrase, byte for byte; may be empty."""
        self.headers = connection.headers
        """All headers, in order and case of the wire, duplicates kept, unfolded."""
        self.body = body
        self._index = connection.index
        self._connection = connection

    def header(self, name_lower: bytes) -> bytes | None:
        """Return the first header with this name (given in lower case)."""
        return self._index.get(name_lower)

    def release(self) -> None:
        """Say that the rest of the body is not wanted.

        Needed only where a body is not read to its end; harmless otherwise.
        """
        if not self.body.is_complete:
            self._connection.abandon(self.body)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class ClientConnection(AnswerReader):
    """See the module."""

    __slots__ = (
        "_answer",
        "_deadline",
        "_on_free",
        "_on_gone",
        "_patience",
        "_poll",
        "_sender",
        "_unsent_mark",
        "exchanges",
        "idle_until",
        "is_unprocessed",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ticker: Ticker,
        limits: ClientLimits,
        *,
        on_free: Callable[["ClientConnection"], None],
        on_gone: Callable[["ClientConnection"], None],
    ) -> None:
        super().__init__(loop, ticker, limits)
        self._on_free = on_free
        self._on_gone = on_gone
        self._answer: asyncio.Future[ClientResponse] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._patience = 0.0
        self._deadline = 0
        self._unsent_mark = 0
        self._poll = select.poll()
        self.exchanges = 0
        """Requests sent so far."""
        self.idle_until = 0
        """The tick after which an unused connection is closed; zero: in use."""
        self.is_unprocessed = False
        """Whether the peer cannot have received the whole of the last request."""

    async def exchange(self, request: Outgoing) -> ClientResponse:
        """Send a request; return its answer when the head is there.

        Raises:
            PeerClosed, TimedOut, BadMessage: see there. Also whatever the stream of the
                request's body raises.
        """
        if self.is_lost:
            self.is_unprocessed = True
            raise PeerClosed("The peer closed the connection.")
        self.expect(request.method)
        self.exchanges += 1
        self.idle_until = 0
        seconds = self._patience = request.read_timeout or 0.0
        self._deadline = self.ticker.after(seconds) if seconds else 0
        answer: asyncio.Future[ClientResponse] = self.loop.create_future()
        self._answer = answer
        if request.stream is None:
            self.transport.write(request.whole)
        else:
            self._sender = self.loop.create_task(self._send(request, request.stream))
        try:
            return await answer
        except BaseException:
            if self._answer is answer and not self.is_complete:
                self._end_sender()
                self.transport.abort()
            raise
        finally:
            # By now the connection may be at work for somebody else.
            if self._answer is answer:
                self._answer = None

    def is_usable(self) -> bool:
        """Whether the connection can take a request: nobody has closed it meanwhile.

        The loop may not have looked yet, so the kernel is asked: whatever can be read
        on an idle connection is its end, or something nobody asked for.
        """
        if self.is_lost or self.is_spoiled or self.transport.is_closing():
            return False
        return not self._poll.poll(0)

    def abandon(self, body: Body) -> None:
        """Close in the middle of an answer that nobody wants."""
        if body is self.answer_body and not self.is_complete:
            self._end_sender()
            self.transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in Wire
        """Get ready to ask the kernel about the connection."""
        super().connection_made(transport)
        endpoint = transport.get_extra_info("socket")
        if endpoint is not None:
            self._poll.register(endpoint.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Read; hand out the answer when its head is there."""
        if self._deadline:
            self._deadline = self.ticker.after(self._patience)
        if self.exchanges == 0 or (self.is_complete and self._answer is None):
            self.is_spoiled = True
            self.transport.abort()
            return
        try:
            self.read(data)
        except BadMessage as error:
            self._fail(error)
            return
        body = self.answer_body
        if body is not None:
            self._hand_out(body)
            if self.is_complete:
                self._end_exchange()

    def eof_received(self) -> None:
        """End an answer that ends so; note whether the request got through."""
        if self.ends_with_connection and not self.is_complete:
            self.on_message_complete()
            self.keeps_alive = False
        elif not self.has_begun and self._answer is not None:
            self.is_unprocessed = self._has_unacknowledged()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way."""
        super().connection_lost(exc)
        if exc is None and self.ends_with_connection and not self.is_complete:
            self.on_message_complete()
        if not self.is_complete:
            error = PeerClosed(
                f"The peer closed the connection ({exc or 'no answer'})."
            )
            error.__cause__ = exc
            self._fail(error)
        self._end_sender()
        self._on_gone(self)

    def on_tick(self, now: int) -> None:
        """Look at the deadlines."""
        super().on_tick(now)
        if self.idle_until:
            if now >= self.idle_until:
                self.transport.close()
        elif self._deadline and now >= self._deadline and not self.is_complete:
            self._judge_silence()

    # Within.

    def _hand_out(self, body: Body) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(ClientResponse(self, body))

    def _end_exchange(self) -> None:
        """The answer is complete: keep the connection, or close it."""
        self._deadline = 0
        is_sent = self._sender is None or self._sender.done()
        self._end_sender()
        if not is_sent:
            self.transport.abort()  # nobody wants the rest of the request
        elif self.keeps_alive and not self.is_spoiled:
            self._on_free(self)
        else:
            self.transport.close()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        elif self.answer_body is not None:
            self.answer_body.fail(error)
        if not self.is_lost:
            self.transport.abort()

    def _judge_silence(self) -> None:
        """Decide whether the peer is silent, or has no reason to speak yet."""
        body, unsent = self.answer_body, self.transport.get_write_buffer_size()
        is_sending = self._sender is not None and not self._sender.done()
        is_taking = 0 < unsent != self._unsent_mark
        self._unsent_mark = unsent
        if is_sending or is_taking or (body is not None and body.is_paused):
            self._deadline = self.ticker.after(self._patience)
        else:
            self._fail(TimedOut("The peer does not answer in time."))

    def _has_unacknowledged(self) -> bool:
        """Whether the peer closed before it had received all of the request.

        If its end of the stream came while bytes of ours were not acknowledged, then
        it had not received them when it closed, and cannot have acted on the request.
        """
        if self.is_write_paused or self.transport.get_write_buffer_size():
            return True
        endpoint = self.transport.get_extra_info("socket")
        try:
            answer = fcntl.ioctl(endpoint.fileno(), termios.TIOCOUTQ, bytes(4))
        except (OSError, AttributeError):
            return False
        return bool(struct.unpack("i", answer)[0])

    async def _send(self, request: Outgoing, stream: AsyncIterator[bytes]) -> None:
        """Send a streamed body. The head goes with its first chunk."""
        head, sent = request.whole, 0
        try:
            async for data in stream:
                if data:
                    sent += len(data)
                    chunk = encode_chunk(data) if request.is_chunked else data
                    await self.drain()
                    self.transport.write(head + chunk)
                    head = b""
            _check_length(request, sent)
            await self.drain()
            self.transport.write(head + (LAST_CHUNK if request.is_chunked else b""))
        except Exception as error:  # noqa: BLE001  goes to whoever waits for the answer
            if not self.is_lost:
                self._fail(error)
        finally:
            await close_iterator(stream)

    def _end_sender(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None


def _check_length(request: Outgoing, sent: int) -> None:
    if request.length is not None and sent != request.length:
        raise ValueError("The body is not as long as its header says.")
