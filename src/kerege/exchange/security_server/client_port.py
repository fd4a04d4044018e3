"""The client side's ports: 8080 and 8443, for information systems.

`/r1/` is a REST message; `/asic` and `/verificationconf` are downloads; anything else
is a SOAP message.
"""

from collections.abc import Awaitable, Callable

import structlog

from kerege.exchange.http import Request, Response
from kerege.exchange.security_server.consumer import ConsumerExchange
from kerege.exchange.security_server.failures import as_fault, identified
from kerege.exchange.security_server.limiting import seconds_to_wait, wait_of
from kerege.exchange.security_server.metaservices import ListClients
from kerege.exchange.security_server.peer_port import fault_response
from kerege.exchange.security_server.reporting import Report
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.soap.consumer import SoapConsumerExchange
from kerege.xroad.faults import (
    CLIENT,
    CLIENT_PROXY,
    XRoadError,
    rest_fault_body,
    rest_fault_media_type,
    rest_status,
)

_log = structlog.get_logger(__name__)

BAD_REQUEST = f"{CLIENT}.bad_request"
"""What HTTP itself forbids: answered with a bare 400, as Jetty does."""

INVALID_HTTP_METHOD = f"{CLIENT}.invalid_http_method"

Download = Callable[[Request], Awaitable[Response]]


class ClientPort:
    """Answers information systems."""

    def __init__(self, runtime: Runtime, downloads: dict[bytes, Download]) -> None:
        """Serve REST messages, and ``downloads`` by path."""
        self._runtime = runtime
        list_clients = ListClients(runtime).answer
        self._downloads = {b"/listClients": list_clients, **downloads}

    async def handle(self, request: Request) -> Response:
        """Answer one request; what goes wrong becomes a fault."""
        if request.target.startswith(b"/r1/"):
            return await self._rest(request)
        path = request.target.partition(b"?")[0]
        download = self._downloads.get(path)
        if download is not None and request.method == "GET":
            return await download(request)
        return await self._soap(request)

    async def _soap(self, http: Request) -> Response:
        report = Report(self._runtime, "client")
        exchange = SoapConsumerExchange(self._runtime, http, report.trace)
        fault: XRoadError | None = None
        try:
            _require_post(http)
            response = await exchange.run()
        except Exception as error:  # noqa: BLE001 - every failure becomes a fault
            fault = self._fault(error)
            response = fault_response(fault)
        finally:
            report.trace.release()
        report.trace.attachments = exchange.attachments
        report.ended(exchange.request, response.status, fault, exchange.sizes)
        return response

    async def _rest(self, http: Request) -> Response:
        report = Report(self._runtime, "client")
        exchange = ConsumerExchange(self._runtime, http, report.trace)
        fault: XRoadError | None = None
        try:
            response = await exchange.run()
        except Exception as error:  # noqa: BLE001 - every failure becomes a fault
            fault = self._fault(error)
            response = _fault_response(fault, _accepted(http))
        finally:
            report.trace.release()
        report.ended(exchange.request, response.status, fault, exchange.sizes)
        return response

    def unknown_method(self) -> Response:
        """Answer a request whose method is none of HTTP's, as for a REST message."""
        error = XRoadError(
            "internal_error",
            "The request's method is none of HTTP's: GET, POST, PUT, PATCH, DELETE and "
            "the like, in capital letters",
            advice="Correct the application that sends it; nothing is wrong here.",
        )
        fault = self._fault(error)
        _log.warning(  # not by `Report`: no message has begun
            "message failed",
            side="client",
            code=fault.code,
            detail=fault.detail,
            reason=fault.message,
            advice=fault.advice,
        )
        return _fault_response(fault)

    def _fault(self, error: Exception) -> XRoadError:
        fault = as_fault(error)
        if not fault.code.startswith(CLIENT + "."):
            fault = fault.with_prefix(CLIENT_PROXY)
        return identified(fault, self._runtime.new_id())


def _require_post(http: Request) -> None:
    if http.method != "POST":
        raise XRoadError(
            INVALID_HTTP_METHOD,
            f"Must use POST request method instead of {http.method}",
            advice="SOAP messages are posted to any path, REST messages have paths of "
            "the form /r1/instance/class/member/subsystem/service.",
        )


def _fault_response(fault: XRoadError, accept: str = "") -> Response:
    if fault.code == BAD_REQUEST:
        text = fault.message.encode()
        headers = [(b"Content-Type", b"text/plain;charset=utf-8")]
        return Response(400, b"Bad Request", headers, text)
    media_type = rest_fault_media_type(accept)
    status = rest_status(fault.code)
    headers = [
        (b"X-Road-Error", _header_text(fault.code)),
        (b"Content-Type", media_type.encode()),
    ]
    wait = wait_of(fault)
    if wait:
        headers.append((b"Retry-After", b"%d" % seconds_to_wait(wait)))
    reason = b"Server Error" if status == 500 else b"Bad Request"
    return Response(status, reason, headers, rest_fault_body(fault, media_type))


def _accepted(http: Request) -> str:
    accept = b",".join(v for n, v in http.headers if n.lower() == b"accept")
    return accept.decode("latin-1")


def _header_text(code: str) -> bytes:
    """Return a code as a header value; a peer's code may hold anything."""
    printable = "".join(c for c in code if " " <= c <= "~")
    return printable.encode()
