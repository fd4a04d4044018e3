"""The client for asyncio."""

import asyncio
import os
import ssl
from dataclasses import dataclass, field
from typing import IO, Self, TypeAlias, Unpack

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
from kerege.exchange.client.request import (
    Call,
    CallOptions,
    CallPath,
    build_call,
    server_address,
)
from kerege.exchange.client.response import Response
from kerege.exchange.client.tls import TLS
from kerege.xroad.identifiers import ClientId, ServiceId

Service: TypeAlias = ServiceId | str
"""A service, or its five percent-encoded codes with slashes between them."""

TIMEOUT_SECONDS = 60.0
CONNECT_SECONDS = 10.0
"""One's own server is near; a longer wait means that it is not there."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""An answer in memory; for larger ones give ``into`` and a higher bound."""
CHUNK_BYTES = 64 * 1024
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
"""They change nothing (RFC 9110 section 9.2.1)."""


class AsyncClient:
    """Calls services in the name of one client; keeps connections open.

    Use it with ``async with``, or call `aclose`. May be used by many tasks at once.
    """

    def __init__(
        self,
        server: str,
        client: ClientId | str,
        *,
        user_id: str = "",
        timeout: float = TIMEOUT_SECONDS,
        tls: TLS | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """Open nothing yet.

        Args:
            server: Our own Security Server: ``http://host:8080`` or
                ``https://host:8443``.
            client: In whose name: a subsystem, as value or
                ``INSTANCE/CLASS/MEMBER/SUBSYSTEM``.
            user_id: ``X-Road-UserId`` of calls that give none.
            timeout: Seconds for a whole call.
            tls: For HTTPS: whom to trust and what to show.
            max_answer_bytes: Longest answer that is taken.

        Raises:
            ValueError: ``server`` is not such an address.
            XRoadError: ``client`` is not an identifier.
            OSError: a file of ``tls`` cannot be used.
        """
        self.server = server_address(server)
        self.client = (
            client if isinstance(client, ClientId) else ClientId.from_path(client)
        )
        self._user_id = user_id
        self._timeout = timeout
        self._context = (
            (tls or TLS()).context() if self.server.startswith("https") else None
        )
        self._max_answer_bytes = max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with GET; see `request`."""
        return await self.request("GET", service, path, **options)

    async def post(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with POST; see `request`."""
        return await self.request("POST", service, path, **options)

    async def put(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with PUT; see `request`."""
        return await self.request("PUT", service, path, **options)

    async def patch(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with PATCH; see `request`."""
        return await self.request("PATCH", service, path, **options)

    async def delete(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with DELETE; see `request`."""
        return await self.request("DELETE", service, path, **options)

    async def request(
        self,
        method: str,
        service: Service,
        path: CallPath = "",
        **options: Unpack[CallOptions],
    ) -> Response:
        """Call a service and return its answer, whatever its status.

        Args:
            method: The HTTP method. Services get a body only with POST, PUT and PATCH.
            service: Which.
            path: After the service code: a text as it is to be sent, or a tuple of
                values that are escaped.
            options: See `CallOptions`.

        Raises:
            XRoadFault: a server on the way refused or failed; the class says which.
            XRoadCallError: no answer; see `errors`.
            ValueError: an argument cannot be sent.
            XRoadError: ``service`` is not an identifier.
        """
        if self._user_id and not options.get("user_id"):
            options["user_id"] = self._user_id
        call = build_call(self.server, self.client, method, service, path, options)
        exchange = _Exchange(call, self._max_answer_bytes, options.get("into"))
        seconds = options.get("timeout", self._timeout)
        try:
            async with asyncio.timeout(seconds):
                return await exchange.run(self._opened())
        except aiohttp.ClientConnectorError as error:
            raise self._unreachable(call, error) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise self._unreachable(call, None) from error
        except TimeoutError as error:
            raise _timed_out(call, seconds) from error
        except aiohttp.ClientError as error:
            raise _broken(call, error) from None  # its text may have the path

    def _unreachable(
        self, call: Call, error: aiohttp.ClientConnectorError | None
    ) -> SecurityServerUnreachable:
        why = _reason(error.os_error) if error else "no answer"
        advice = "Is it running, and is this its address?"
        if isinstance(error, aiohttp.ClientSSLError):
            advice = (
                "Is this its HTTPS port? Pin its certificate, or name the CA that "
                "issued it, and give the client certificate that is registered"
            )
        return SecurityServerUnreachable(
            f"The security server {self.server} cannot be reached: {why}",
            query_id=call.query_id,
            advice=advice,
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                connector=aiohttp.TCPConnector(ssl=self._context or True),
                skip_auto_headers=("Accept-Encoding", "User-Agent", "Content-Type"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                middlewares=(_changing_once,),
            )
        return self._session


@dataclass(slots=True)
class _Exchange:
    """One call on its way."""

    call: Call
    max_answer_bytes: int
    into: IO[bytes] | None
    _received: bytearray = field(default_factory=bytearray)

    async def run(self, session: aiohttp.ClientSession) -> Response:
        call = self.call
        async with session.request(
            call.method,
            URL(call.url, encoded=True),
            headers=call.headers,
            data=call.body,
            allow_redirects=False,
        ) as answer:
            if is_fault(answer.headers):
                body = await _beginning(answer.content)
                raise read_fault(answer.headers, body, call.query_id)
            if HASH_HEADER not in answer.headers:
                raise _not_x_road(call, answer.status)
            await self._read(answer.content)
            return Response(
                answer.status,
                answer.reason or "",
                answer.headers,
                bytes(self._received),
                call.query_id,
            )

    async def _read(self, content: aiohttp.StreamReader) -> None:
        left = self.max_answer_bytes
        async for chunk in content.iter_chunked(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                message = f"The answer is longer than {self.max_answer_bytes} bytes"
                raise AnswerTooLarge(message, query_id=self.call.query_id)
            if self.into is None:
                self._received += chunk
            else:
                self.into.write(chunk)


async def _changing_once(
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


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """Read a fault, which is short; what comes after the bound is not looked at."""
    body = bytearray()
    while len(body) < MAX_FAULT_BYTES and not content.at_eof():
        body += await content.read(MAX_FAULT_BYTES - len(body))
    return bytes(body)


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
        advice="Whether it was done is not known; the query id finds it in the message log",
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
        advice="Whether it was done is not known; the query id finds it in the message log",
    )
