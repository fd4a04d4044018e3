"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self, TypeAlias, Unpack

import aiohttp

from kerege.exchange.client.exchanging import (
    CHUNK_BYTES,
    AsyncStreamedResponse,
    Exchange,
    changing_once,
    postponing,
)
from kerege.exchange.client.request import (
    Call,
    CallOptions,
    CallPath,
    build_call,
    server_address,
)
from kerege.exchange.client.response import Response
from kerege.exchange.client.soap import (
    SoapCall,
    SoapOptions,
    build_soap_call,
    read_service,
    wsdl_request,
)
from kerege.exchange.client.soap_answer import (
    SoapAnswerReader,
    SoapResponse,
    wsdl_of,
)
from kerege.exchange.client.tls import TLS
from kerege.xroad.identifiers import ClientId, ServiceId

Service: TypeAlias = ServiceId | str
"""A service, or its five percent-encoded codes with slashes between them."""

TIMEOUT_SECONDS = 60.0
CONNECT_SECONDS = 10.0
"""One's own server is near; a longer wait means that it is not there."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""An answer in memory; for larger ones give ``into`` and a higher bound."""


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
        call, seconds = (
            self._call(method, service, path, options),
            self._seconds(options),
        )
        exchange = Exchange(call, self._bound(options))
        with exchange.explained(seconds):
            async with asyncio.timeout(seconds):
                await exchange.open(self._opened())
                try:
                    return await exchange.read(options.get("into"))
                finally:
                    exchange.close()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        service: Service,
        path: CallPath = "",
        **options: Unpack[CallOptions],
    ) -> AsyncIterator[AsyncStreamedResponse]:
        """Call a service and give its answer before its body is here.

            async with xroad.stream("GET", "DEV/GOV/1/archive/dump") as answer:
                async for chunk in answer.chunks():
                    ...

        Arguments and errors are those of `request`, with these differences: ``into``
        is not used, and ``timeout`` is the longest time in which nothing moves: no
        chunk of the body was taken, no answer began, no chunk of it came.
        """
        call, seconds = (
            self._call(method, service, path, options),
            self._seconds(options),
        )
        exchange = Exchange(call, self._bound(options))
        with exchange.explained(seconds):
            async with asyncio.timeout(seconds) as limit:
                await exchange.open(self._opened(), postponing(limit, seconds))
        try:
            yield AsyncStreamedResponse(exchange, seconds)
        finally:
            exchange.close()

    async def soap(
        self,
        service: Service,
        body: bytes | str,
        **options: Unpack[SoapOptions],
    ) -> SoapResponse:
        """Call a SOAP service and return its answer, also if that is a fault of its own.

        Args:
            service: Which; with a sixth code if the service has a version.
            body: The request's element, which the Body of the envelope gets. Its
                name starts with the service code.
            options: See `SoapOptions`.

        Raises:
            XRoadFault: a server on the way refused or failed; the class says which.
            XRoadCallError: no answer; see `errors`.
            ValueError: an argument cannot be sent.
            XRoadError: an identifier is none, or ``body`` is not one XML element.
        """
        if self._user_id and not options.get("user_id"):
            options["user_id"] = self._user_id
        call = build_soap_call(self.client, service, body, options)
        return await self.answer_to(call, call.as_http(self.server), options)

    async def answer_to(
        self, call: SoapCall, http: Call, options: SoapOptions
    ) -> SoapResponse:
        """Send a call that is built already, as HTTP; see `soap`."""
        file = options.get("attachment_file")
        async with self._soap_exchange(http, options) as exchange:
            reader = SoapAnswerReader(exchange.head(), call.envelope, file)
            async for chunk in exchange.chunks(CHUNK_BYTES):
                reader.receive_data(chunk)
            return reader.finish()

    async def wsdl(self, service: Service, **options: Unpack[SoapOptions]) -> bytes:
        """Return the WSDL of a SOAP service; its provider's server has it.

        Raises as `soap`; `ServiceSoapFault` if the answer has no WSDL.
        """
        if isinstance(service, str):
            service = read_service(service)
        asked, body = wsdl_request(service)
        return wsdl_of(await self.soap(asked, body, **options))

    async def send_soap(self, http: Call, options: SoapOptions) -> Response:
        """Send a call as HTTP (`SoapCall.as_http`), and return what came, whatever it is.

        For libraries that read and write SOAP themselves; raises as `soap` does, but
        for faults.
        """
        async with self._soap_exchange(http, options) as exchange:
            return await exchange.read(None)

    @asynccontextmanager
    async def _soap_exchange(
        self, http: Call, options: SoapOptions
    ) -> AsyncIterator[Exchange]:
        most = options.get("max_answer_bytes", self._max_answer_bytes)
        seconds = options.get("timeout", self._timeout)
        exchange = Exchange(http, most, is_rest=False)
        with exchange.explained(seconds):
            async with asyncio.timeout(seconds):
                await exchange.open(self._opened())
                try:
                    yield exchange
                finally:
                    exchange.close()

    def _call(
        self, method: str, service: Service, path: CallPath, options: CallOptions
    ) -> Call:
        if self._user_id and not options.get("user_id"):
            options["user_id"] = self._user_id
        return build_call(self.server, self.client, method, service, path, options)

    def _seconds(self, options: CallOptions) -> float:
        return options.get("timeout", self._timeout)

    def _bound(self, options: CallOptions) -> int:
        return options.get("max_answer_bytes", self._max_answer_bytes)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                connector=aiohttp.TCPConnector(ssl=self._context or True),
                skip_auto_headers=("Accept-Encoding", "User-Agent", "Content-Type"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                middlewares=(changing_once,),
            )
        return self._session
