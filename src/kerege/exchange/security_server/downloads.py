"""Downloads on the client side's ports: `/asic` and `/verificationconf`.

Source: ug-sigdoc, `AsicContainerClientRequestProcessor.java`. Whoever asks for a
client's containers must connect the way that client must; errors are plain text.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qsl

import structlog

from kerege.exchange.http import Request, Response
from kerege.exchange.messagelog import MessageLog
from kerege.exchange.messagelog.downloads import (
    AsicRequest,
    Download,
    InstanceConfiguration,
    asic_download,
    download_status,
    verification_configuration,
)
from kerege.exchange.security_server.authentication import (
    authenticate_client,
    require_client,
)
from kerege.exchange.security_server.failures import as_fault
from kerege.exchange.security_server.runtime import Runtime
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf, directory_name
from kerege.xroad.globalconf.tree import SHARED_PARAMETERS_FILE

MAX_PARAMETERS = 32
"""`/asic` has nine."""
_REASONS = {
    400: b"Bad Request",
    401: b"Unauthorized",
    404: b"Not Found",
    500: b"Server Error",
}
_NOT_AUTHENTICATED = frozenset({"ssl_authentication_failed", "unknown_member"})

_log = structlog.get_logger(__name__)


class Downloads:
    """Answers downloads."""

    def __init__(self, runtime: Runtime, log: MessageLog, files: Path) -> None:
        """Serve from ``log`` and from the downloaded configuration in ``files``."""
        self._runtime = runtime
        self._log = log
        self._files = files

    def by_path(self) -> dict[bytes, Callable[[Request], Awaitable[Response]]]:
        """Return the handlers by path."""
        return {b"/asic": self.asic, b"/verificationconf": self.configuration}

    async def asic(self, http: Request) -> Response:
        """Answer with containers."""
        try:
            request = AsicRequest.from_parameters(_parameters(http))
            self._authenticate(http, request)
            download = await asic_download(self._log, request)
        except Exception as error:  # noqa: BLE001 - every failure is answered
            return _failed(as_fault(error))
        return _attachment(download)

    async def configuration(self, http: Request) -> Response:
        """Answer with what a verifier needs."""
        del http
        try:
            configuration = self._runtime.require_current_configuration()
            instances = await asyncio.to_thread(
                _shared_parameters, configuration, self._files
            )
            download = verification_configuration(
                configuration.instance, instances, time=self._runtime.clock()
            )
        except Exception as error:  # noqa: BLE001 - every failure is answered
            return _failed(as_fault(error))
        return _attachment(download)

    def _authenticate(self, http: Request, request: AsicRequest) -> None:
        client = require_client(self._runtime.server_configuration(), request.party)
        authenticate_client(
            client,
            http,
            self._runtime.keys.internal_certificate,
            self._runtime.clock(),
        )


def _shared_parameters(
    configuration: GlobalConf, folder: Path
) -> list[InstanceConfiguration]:
    """Return the shared parameters of every instance, byte for byte as downloaded."""
    return [
        InstanceConfiguration(
            instance,
            (folder / directory_name(instance) / SHARED_PARAMETERS_FILE).read_bytes(),
            str(configuration.shared_parameters(instance).version),
        )
        for instance in configuration.instances
    ]


def _parameters(http: Request) -> dict[str, str]:
    query = http.target.partition(b"?")[2].decode("latin-1")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise XRoadError("bad_request", "The query cannot be read") from error
    return dict(pairs)


def _attachment(download: Download) -> Response:
    headers = [
        (b"Content-Type", download.media_type.encode()),
        (b"Content-Disposition", download.disposition.encode()),
    ]
    return Response(200, b"OK", headers, download.chunks())


def _failed(fault: XRoadError) -> Response:
    status = 401 if fault.code in _NOT_AUTHENTICATED else download_status(fault)
    if status == 500:
        _log.warning("download failed", code=fault.code, reason=fault.message)
    headers = [(b"Content-Type", b"text/plain;charset=utf-8")]
    return Response(status, _REASONS[status], headers, fault.message.encode())
