"""One call on its way: sent, answered, read; and what each failure of HTTP means."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO

import aiohttp
from yarl import URL

from kerege.exchange.client.errors import (
    AnswerTimedOut,
    AnswerTooLarge,
    NoAnswer,
    NotAnXRoadAnswer,
    SecurityServerUnreachable,
)
from kerege.exchange.client.faults import (
    HASH_HEADER,
    MAX_FAULT_BYTES,
    is_fault,
    read_fault,
)
from kerege.exchange.client.request import Call
from kerege.exchange.client.response import Head, Response
from kerege.exchange.client.sending import OutgoingBody, file_of, is_made_on_the_way

CHUNK_BYTES = 64 * 1024
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
"""They change nothing (RFC 9110 section 9.2.1)."""
_DONE_OR_NOT = (
    "Whether it was done is not known; the query id finds it in the message log"
)


class Exchange:
    """One call. `open` it, `read` or iterate `chunks`, and `close` it."""

    def __init__(
        self, call: Call, max_answer_bytes: int, *, is_rest: bool = True
    ) -> None:
        """Send nothing yet.

        Args:
            call: The call.
            max_answer_bytes: Longest answer that is taken.
            is_rest: Whether the answer's headers tell if it is one of X-Road; SOAP
                says that in the envelope.
        """
        self.call = call
        self._is_rest = is_rest
        self.max_answer_bytes = max_answer_bytes
        self._body: OutgoingBody | None = None
        self._answer: aiohttp.ClientResponse | None = None

    @property
    def answer(self) -> aiohttp.ClientResponse:
        """The answer, of which the head is here."""
        if self._answer is None:
            raise RuntimeError("The call has not been answered")
        return self._answer

    async def open(
        self,
        session: aiohttp.ClientSession,
        on_chunk: Callable[[], None] | None = None,
    ) -> None:
        """Send the request and wait for the head of an answer of X-Road.

        Args:
            session: The connections.
            on_chunk: Hears of every chunk of the body; files are chunked for it.
        """
        call, body = self.call, self.call.body
        if is_made_on_the_way(body) or (on_chunk and file_of(body)):
            self._body = OutgoingBody(body or b"", on_chunk or (lambda: None))
        answer = self._answer = await session.request(
            call.method,
            URL(call.url, encoded=True),
            headers=call.headers,
            data=self._body or body,
            allow_redirects=False,
        )
        if self._is_rest:
            try:
                await _require_an_answer(answer, call)
            except BaseException:
                self.close()
                raise

    async def read(self, into: IO[bytes] | None) -> Response:
        """Return the whole answer; its body goes ``into`` a file if there is one."""
        received = bytearray()
        keep = received.extend if into is None else into.write
        async for chunk in self.chunks(CHUNK_BYTES):
            keep(chunk)
        return replace(self.head(), content=bytes(received))

    def head(self) -> Response:
        """Return the answer without its body."""
        answer = self.answer
        reason = answer.reason or ""
        query_id = self.call.query_id
        return Response(answer.status, reason, answer.headers, b"", query_id)

    async def chunks(self, most: int) -> AsyncIterator[bytes]:
        """Give the body in chunks of at most ``most`` bytes, up to the bound."""
        left = self.max_answer_bytes
        async for chunk in self.answer.content.iter_chunked(most):
            left -= len(chunk)
            if left < 0:
                message = f"The answer is longer than {self.max_answer_bytes} bytes"
                raise AnswerTooLarge(
                    message,
                    query_id=self.call.query_id,
                    advice="Give a higher max_answer_bytes if that much is expected",
                )
            yield chunk

    def close(self) -> None:
        """Give the connection back, or close it if the answer was not read."""
        if self._answer is not None:
            self._answer.release()

    @contextmanager
    def explained(self, seconds: float) -> Iterator[None]:
        """Raise what goes wrong inside as an error of ours."""
        call = self.call
        try:
            yield
        except aiohttp.ClientConnectorError as error:
            raise _unreachable(call, error) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise _unreachable(call, None) from error
        except TimeoutError as error:
            raise _timed_out(call, seconds) from error
        except aiohttp.ClientError as error:
            if self._body is not None and self._body.error is not None:
                raise self._body.error from None
            raise _broken(call, error) from None  # its text may have the path


class AsyncStreamedResponse(Head):
    """An answer whose body is still on its way; see `AsyncClient.stream`."""

    __slots__ = ("_exchange", "_seconds", "headers", "query_id", "reason", "status")

    def __init__(self, exchange: Exchange, seconds: float) -> None:
        """Take an opened exchange; each chunk may take so many seconds."""
        answer = exchange.answer
        self._exchange, self._seconds = exchange, seconds
        self.status = answer.status
        self.reason = answer.reason or ""
        self.headers = answer.headers
        self.query_id = exchange.call.query_id

    def __repr__(self) -> str:
        return f"<streamed answer {self.status} {self.query_id}>"

    async def chunks(self, most: int = CHUNK_BYTES) -> AsyncIterator[bytes]:
        """Give the body once, in chunks of 1 to ``most`` bytes.

        Raises:
            AnswerTooLarge: it is longer than ``max_answer_bytes``.
            AnswerTimedOut: the next chunk did not come in time.
            NoAnswer: the connection broke.
        """
        chunks = self._exchange.chunks(most)
        while True:
            with self._exchange.explained(self._seconds):
                async with asyncio.timeout(self._seconds):
                    chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk


def postponing(limit: asyncio.Timeout, seconds: float) -> Callable[[], None]:
    """Return what begins the waiting anew."""
    loop = asyncio.get_running_loop()

    def postpone() -> None:
        if not limit.expired() and limit.when() is not None:
            limit.reschedule(loop.time() + seconds)

    return postpone


async def changing_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send a change once only.

    When a connection breaks, aiohttp sends PUT and DELETE again by itself, as HTTP
    allows; but the first may have been done, and both would be in all logs.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method in SAFE_METHODS:
            raise
        raise aiohttp.ClientConnectionError(type(error).__name__) from None


async def _require_an_answer(answer: aiohttp.ClientResponse, call: Call) -> None:
    """Raise the fault that came in the place of a service's answer, if one did."""
    if is_fault(answer.headers):
        beginning = await _beginning(answer.content)
        raise read_fault(answer.headers, beginning, call.query_id)
    if HASH_HEADER not in answer.headers:
        raise _not_x_road(call, answer.status)


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """Read a fault, which is short; what comes after the bound is not looked at."""
    body = bytearray()
    while len(body) < MAX_FAULT_BYTES and not content.at_eof():
        body += await content.read(MAX_FAULT_BYTES - len(body))
    return bytes(body)


def _unreachable(
    call: Call, error: aiohttp.ClientConnectorError | None
) -> SecurityServerUnreachable:
    why = _reason(error.os_error) if error else "no answer"
    advice = "Is it running, and is this its address?"
    if isinstance(error, aiohttp.ClientSSLError):
        advice = (
            "Is this its HTTPS port? Pin its certificate, or name the CA that "
            "issued it, and give the client certificate that is registered"
        )
    server = call.url.partition("/r1/")[0].rstrip("/")
    return SecurityServerUnreachable(
        f"The security server {server} cannot be reached: {why}",
        query_id=call.query_id,
        advice=advice,
    )


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return str(getattr(error, "verify_message", "") or error.reason or error)
    if error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__


def _timed_out(call: Call, seconds: float) -> AnswerTimedOut:
    return AnswerTimedOut(
        f"No answer within {seconds:g} seconds",
        query_id=call.query_id,
        advice=_DONE_OR_NOT,
    )


def _not_x_road(call: Call, status: int) -> NotAnXRoadAnswer:
    return NotAnXRoadAnswer(
        f"The answer (HTTP status {status}) is not one of X-Road",
        query_id=call.query_id,
        advice="Is the address that of a Security Server's client port, and is the "
        "path one that HTTP allows?",
    )


def _broken(call: Call, error: aiohttp.ClientError) -> NoAnswer:
    return NoAnswer(
        "The connection to the security server broke before the answer was complete "
        f"({type(error).__name__})",
        query_id=call.query_id,
        advice=_DONE_OR_NOT,
    )
