"""The body of a message while it arrives.

Rules:

* Chunks come in the order and the pieces of the wire; pieces mean nothing.
* What is received and not yet read is bounded: above the bound the connection is not
  read from, and the peer's TCP window fills.
* A body that fails (peer gone, stalled, malformed) gives what came before, then raises;
  it never looks complete.
"""

import asyncio
from collections import deque
from typing import Protocol, Self

from kerege.exchange.http._limits import CHUNK_COST
from kerege.exchange.http.errors import BodyTooLarge


class Source(Protocol):
    """The connection that a body arrives on."""

    loop: asyncio.AbstractEventLoop

    def pause_body(self) -> None:
        """Stop reading: enough is buffered."""

    def resume_body(self) -> None:
        """Read on."""

    def body_waits(self) -> None:
        """A reader waits for the next chunk, from now on."""

    def abandon(self, body: "Body") -> None:
        """Nobody will read the rest."""


class Body:
    """An async iterator of bytes. One reader at a time.

    ``length`` is the Content-Length if there is one. ``is_present`` tells whether the
    message has a body at all, even an empty one: a request has one if it is framed by
    Content-Length or chunks, an answer unless its status or method forbids one.
    """

    __slots__ = (
        "_buffered",
        "_chunks",
        "_high",
        "_paused",
        "_source",
        "_waiter",
        "error",
        "is_complete",
        "is_present",
        "length",
        "received",
    )

    def __init__(
        self, source: Source, high: int, *, is_present: bool, length: int | None
    ) -> None:
        self.is_present = is_present
        self.length = length
        self.is_complete = False
        """Whether all of it has arrived (not: has been read)."""
        self.error: Exception | None = None
        """Why it will never be complete."""
        self.received = 0
        """Bytes that have arrived."""
        self._source = source
        self._high = high
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    # The reader's side.

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.read()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def read(self) -> bytes:
        """Return the next chunk, or nothing at the end.

        Raises:
            PeerClosed, TimedOut, BadMessage: the body ends before its end.
        """
        chunks = self._chunks
        if not chunks and not await self._wait():
            return b""
        chunk = chunks.popleft()
        self._buffered -= len(chunk) + CHUNK_COST
        if self._paused and self._buffered * 4 <= self._high:
            self._paused = False
            self._source.resume_body()
        return chunk

    async def aclose(self) -> None:
        """Say that the rest is not wanted, as one does to an async generator.

        So whoever relays a body and fails ends its connection too.
        """
        if not self.is_complete:
            self._source.abandon(self)

    async def peek(self) -> bytes:
        """Return the next chunk without taking it, or nothing if there is none.

        This is how one learns whether a chunked request has a body: the reference
        looks at whether the first read gives data.
        """
        if not self._chunks and not await self._wait():
            return b""
        return self._chunks[0]

    async def read_all(self, limit: int) -> bytes:
        """Return the whole rest of the body.

        Raises:
            BodyTooLarge: it is longer than ``limit`` bytes.
            PeerClosed, TimedOut, BadMessage: the body ends before its end.
        """
        if self.length is not None and self.length > limit:
            raise self._refuse(limit)
        first = await self.read()
        if self.is_complete and not self._chunks and len(first) <= limit:
            return first
        chunks, size = [first], len(first)
        while size <= limit:
            chunk = await self.read()
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            size += len(chunk)
        raise self._refuse(limit)

    def _refuse(self, limit: int) -> BodyTooLarge:
        error = BodyTooLarge(f"The body is longer than {limit} bytes.")
        self.error = error
        return error

    async def _wait(self) -> bool:
        """Wait for a chunk. Return whether there is one, or else the end."""
        while not self._chunks:
            if self.is_complete:
                return False
            if self.error is not None:
                raise self.error
            if self._waiter is not None:
                raise RuntimeError("A body has one reader at a time.")
            self._waiter = self._source.loop.create_future()
            try:
                self._source.body_waits()
                await self._waiter
            finally:
                self._waiter = None
        return True

    # The connection's side.

    @property
    def is_waited_for(self) -> bool:
        """Whether a reader waits right now."""
        return self._waiter is not None

    @property
    def is_paused(self) -> bool:
        """Whether the reader is behind, and the connection is not read from."""
        return self._paused

    def feed(self, chunk: bytes) -> None:
        """Add what the parser found."""
        self.received += len(chunk)
        self._chunks.append(chunk)
        self._buffered += len(chunk) + CHUNK_COST
        if self._buffered > self._high and not self._paused:
            self._paused = True
            self._source.pause_body()
        if self._waiter is not None:
            self._wake()

    def finish(self) -> None:
        """Note that the message is complete."""
        self.is_complete = True
        if self._waiter is not None:
            self._wake()

    def fail(self, error: Exception) -> None:
        """Note that the message will never be complete."""
        if not self.is_complete and self.error is None:
            self.error = error
            if self._waiter is not None:
                self._wake()

    def discard(self) -> None:
        """Drop what is buffered: nobody reads any more."""
        self._chunks.clear()
        self._buffered = 0
        if self._paused:
            self._paused = False
            self._source.resume_body()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
