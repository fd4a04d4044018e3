"""Port 5500: messages from other security servers."""

import re
from collections.abc import AsyncGenerator, AsyncIterator

from kerege.exchange.http import Request, Response
from kerege.exchange.security_server.failures import as_fault, identified
from kerege.exchange.security_server.provider import ProviderExchange
from kerege.exchange.security_server.received import require_single
from kerege.exchange.security_server.reporting import Report
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.soap.provider import SoapProviderExchange
from kerege.xroad.faults import (
    SERVER_PROXY,
    RelayedFaultError,
    XRoadError,
    soap_fault,
)

_Exchange = ProviderExchange | SoapProviderExchange
_NOT_TAKEN = XRoadError(
    f"{SERVER_PROXY}.io_error", "The other server did not take the whole answer"
)
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})(-[^+]*)?(?:\+.*)?")


class PeerPort:
    """Answers other security servers."""

    def __init__(self, runtime: Runtime) -> None:
        """Serve with ``runtime``."""
        self._runtime = runtime

    async def handle(self, http: Request) -> Response:
        """Answer one message; what goes wrong becomes a SOAP fault."""
        report = Report(self._runtime, "server")
        exchange: _Exchange
        if http.header(b"x-road-message-type") == b"REST":
            exchange = ProviderExchange(self._runtime, http, report.trace)
        else:
            exchange = SoapProviderExchange(self._runtime, http, report.trace)
        try:
            self._admit(http)
            response = await exchange.run()
        except Exception as error:  # noqa: BLE001 - every failure becomes a fault
            fault = as_fault(error).with_prefix(SERVER_PROXY)
            exchange.fault = identified(fault, self._runtime.new_id())
            response = fault_response(exchange.fault)
        except BaseException:  # the other server is gone
            report.trace.release()
            raise
        if isinstance(response.body, bytes):
            _report(report, exchange)
            return response
        content = self._reporting(response.body, exchange, report)
        return response._replace(body=content)

    async def _reporting(
        self, content: AsyncIterator[bytes], exchange: _Exchange, report: Report
    ) -> AsyncGenerator[bytes, None]:
        """Yield a streamed answer; only its end shows how the message went."""
        is_taken = False
        try:
            async for chunk in content:
                yield chunk
            is_taken = True
        finally:
            if isinstance(content, AsyncGenerator):
                await content.aclose()
            if not is_taken:
                exchange.fault = identified(_NOT_TAKEN, self._runtime.new_id())
            _report(report, exchange)

    def _admit(self, http: Request) -> None:
        """Check what the reference checks before it reads the message."""
        if http.method != "POST":
            raise XRoadError(
                "invalid_http_method",
                f"Must use POST request method instead of {http.method}",
            )
        require_single(http.headers)
        self._runtime.require_current_configuration()
        minimum = self._runtime.settings.minimum_client_version
        if minimum:
            version = (http.header(b"x-proxy-version") or b"unknown").decode("latin-1")
            require_version(version, minimum)


def _report(report: Report, exchange: _Exchange) -> None:
    if isinstance(exchange, SoapProviderExchange):
        report.trace.attachments = exchange.attachments
    report.ended(exchange.request, exchange.status, exchange.fault, exchange.sizes)


def fault_response(fault: XRoadError) -> Response:
    """Return a lone SOAP fault: to servers before the answer is begun, and to clients.

    A fault of somebody else goes on byte for byte.
    """
    xml = fault.xml if isinstance(fault, RelayedFaultError) else b""
    headers = [(b"Content-Type", b"text/xml;charset=utf-8"), (b"SOAPAction", b"")]
    return Response(200, b"OK", headers, xml or soap_fault(fault))


def require_version(version: str, minimum: str) -> None:
    """Refuse peers that are too old, by the order of semantic versions.

    Raises ``client_proxy_version_not_supported``, also for versions that cannot be
    compared (`ClientProxyVersionVerifier.java` fails in another way).
    """
    if _order(version) < _order(minimum):
        raise XRoadError(
            "client_proxy_version_not_supported",
            f"The minimum supported version for client security server is: {minimum} ",
        )


def _order(version: str) -> tuple[int, int, int, bool]:
    """Return what to compare; a pre-release is before its release."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (-1, 0, 0, False)
    major, minor, patch, prerelease = match.groups()
    return (int(major), int(minor), int(patch), prerelease is None)
