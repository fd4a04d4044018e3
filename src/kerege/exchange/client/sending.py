"""Bodies that are sent while they come into being: files and iterators of any length.

Rules:

* Chunks go out as they come, one at a time: who sends 10 GB needs memory for one chunk.
* What the caller's iterator raises is the caller's: it comes out of the call as it is,
  and the server never sees the end of the body, so that no half of it is passed on.
"""

import asyncio
import queue
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from concurrent.futures import Future
from typing import IO

from kerege.exchange.client.request import Body

CHUNK_BYTES = 64 * 1024
"""Read from a file at a time."""


class OutgoingBody:
    """A body on its way out, and what went wrong while it was made."""

    def __init__(self, body: Body, on_chunk: Callable[[], None]) -> None:
        """Send ``body``; ``on_chunk`` hears of every chunk that is handed over."""
        self._body = body
        self._on_chunk = on_chunk
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in _chunks(self._body):
                _require_bytes(chunk)
                if len(chunk):  # an empty one would end a chunked body
                    self._on_chunk()
                    yield bytes(chunk)
        except Exception as error:
            self.error = error
            raise


async def _chunks(body: Body) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
    elif isinstance(body, AsyncIterable):
        async for chunk in body:
            yield chunk
    elif (file := file_of(body)) is not None:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    elif not isinstance(body, str):
        for chunk in body:
            yield chunk


def _require_bytes(chunk: object) -> None:
    if not isinstance(chunk, bytes | bytearray | memoryview):
        msg = f"A body is made of bytes, not of {type(chunk).__name__}"
        raise TypeError(msg)


def file_of(body: Body | None) -> IO[bytes] | None:
    """Return a body that is an open file."""
    return body if hasattr(body, "read") else None  # type: ignore[return-value]


def is_made_on_the_way(body: Body | None) -> bool:
    """Whether a body is an iterator, so that nobody knows its length."""
    return body is not None and not isinstance(body, bytes | str) and not file_of(body)


class HandedOver:
    """A body that the calling thread makes and the client's thread sends.

    Each chunk is asked for, so that no more than one is on its way: an iterator over a
    database stays in the thread whose connection it uses.
    """

    def __init__(self, source: Iterable[bytes]) -> None:
        """Ask nothing of ``source`` yet."""
        self._source = iter(source)
        self._asked: queue.SimpleQueue[Future[bytes | None] | None] = (
            queue.SimpleQueue()
        )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            wanted: Future[bytes | None] = Future()
            self._asked.put(wanted)
            chunk = await asyncio.wrap_future(wanted)
            if chunk is None:
                return
            yield chunk

    def wake(self) -> None:
        """Let `give_next` return: nobody asks any more."""
        self._asked.put(None)

    def give_next(self, seconds: float) -> None:
        """Wait so long to be asked for a chunk, and give it.

        Raises nothing of the iterator's: that goes to who asked, and out of the call.
        """
        try:
            wanted = self._asked.get(timeout=seconds)
        except queue.Empty:
            return
        if wanted is None or not wanted.set_running_or_notify_cancel():
            return
        try:
            wanted.set_result(next(self._source, None))
        except Exception as error:  # noqa: BLE001 - for the call to raise
            wanted.set_exception(error)
        except BaseException as error:
            wanted.set_exception(error)  # Ctrl-C: nobody must wait for the chunk
            raise
