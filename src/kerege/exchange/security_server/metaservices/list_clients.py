"""listClients on the client side's ports: who is registered, here or in another instance.

Source: PR-META section 2, `MetadataClientRequestProcessor.java`. Anybody who reaches
the port may ask, as in the reference. It is no message: nothing is signed or logged.
"""

import asyncio
from urllib.parse import parse_qsl

import structlog

from kerege.exchange.http import Request, Response
from kerege.exchange.security_server.failures import as_fault, identified
from kerege.exchange.security_server.runtime import Runtime
from kerege.xroad.faults import CLIENT_PROXY, XRoadError, soap_fault
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.metadata import (
    JSON_MEDIA_TYPE,
    XML_MEDIA_TYPE,
    accepts_json,
    client_list_json,
    client_list_xml,
)

MAX_PARAMETERS = 16
"""There is one."""

_log = structlog.get_logger(__name__)


class ListClients:
    """Answers `GET /listClients`.

    What was answered is kept until the configuration is another one: a national list
    takes a tenth of a second to write.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Answer from the runtime's global configuration."""
        self._runtime = runtime
        self._written: dict[tuple[str, bool], bytes] = {}
        self._written_from: GlobalConf | None = None

    async def answer(self, http: Request) -> Response:
        """Return the list, or a SOAP fault with HTTP 200, as in the reference."""
        try:
            return await self._answer(http)
        except Exception as error:  # noqa: BLE001 - every failure becomes a fault
            fault = as_fault(error).with_prefix(CLIENT_PROXY)
            fault = identified(fault, self._runtime.new_id())
            _log.warning("clients not listed", code=fault.code, detail=fault.detail)
            headers = [
                (b"Content-Type", b"text/xml;charset=utf-8"),
                (b"SOAPAction", b""),
            ]
            return Response(200, b"OK", headers, soap_fault(fault))

    async def _answer(self, http: Request) -> Response:
        configuration = self._runtime.require_current_configuration()
        instance = _instance(http.target) or configuration.instance
        accept = [
            value.decode("latin-1")
            for name, value in http.headers
            if name.lower() == b"accept"
        ]
        is_json = accepts_json(accept)
        media_type = JSON_MEDIA_TYPE if is_json else XML_MEDIA_TYPE
        body = await self._list(configuration, instance, is_json=is_json)
        return Response(200, b"OK", [(b"Content-Type", media_type.encode())], body)

    async def _list(
        self, configuration: GlobalConf, instance: str, *, is_json: bool
    ) -> bytes:
        if self._written_from is not configuration:
            self._written, self._written_from = {}, configuration
        written = self._written
        body = written.get((instance, is_json))
        if body is None:
            clients = configuration.members(instance)  # of known instances only
            write = client_list_json if is_json else client_list_xml
            body = await asyncio.to_thread(write, clients)
            written[instance, is_json] = body
        return body


def _instance(target: bytes) -> str:
    """Return the instance that is asked for; empty for the own one."""
    query = target.partition(b"?")[2].decode("latin-1")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise XRoadError("invalid_request", "The query cannot be read") from error
    for name, value in pairs:
        if name == "xRoadInstance":
            return value.strip()
    return ""
