"""listClients on the client side's ports: who is registered, here or in another instance.

Source: PR-META section 2, `MetadataClientRequestProcessor.java`. Anybody who reaches
the port may ask, as in the reference. It is no message: nothing is signed or logged.
"""

from urllib.parse import parse_qsl

import structlog

from kerege.exchange.http import Request, Response
from kerege.exchange.security_server.failures import as_fault, identified
from kerege.exchange.security_server.runtime import Runtime
from kerege.xroad.faults import CLIENT_PROXY, soap_fault
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
    """Answers `GET /listClients`."""

    def __init__(self, runtime: Runtime) -> None:
        """Answer from the runtime's global configuration."""
        self._runtime = runtime

    async def answer(self, http: Request) -> Response:
        """Return the list, or a SOAP fault with HTTP 200, as in the reference."""
        try:
            return self._answer(http)
        except Exception as error:  # noqa: BLE001 - every failure becomes a fault
            fault = as_fault(error).with_prefix(CLIENT_PROXY)
            fault = identified(fault, self._runtime.new_id())
            _log.warning("clients not listed", code=fault.code, detail=fault.detail)
            headers = [
                (b"Content-Type", b"text/xml;charset=utf-8"),
                (b"SOAPAction", b""),
            ]
            return Response(200, b"OK", headers, soap_fault(fault))

    def _answer(self, http: Request) -> Response:
        configuration = self._runtime.require_current_configuration()
        wanted = _instance(http.target)
        clients = configuration.members(wanted or configuration.instance)
        accept = [
            value.decode("latin-1")
            for name, value in http.headers
            if name.lower() == b"accept"
        ]
        if accepts_json(accept):
            media_type, body = JSON_MEDIA_TYPE, client_list_json(clients)
        else:
            media_type, body = XML_MEDIA_TYPE, client_list_xml(clients)
        return Response(200, b"OK", [(b"Content-Type", media_type.encode())], body)


def _instance(target: bytes) -> str:
    """Return the instance that is asked for; empty for the own one."""
    query = target.partition(b"?")[2].decode("latin-1")
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    for name, value in pairs:
        if name == "xRoadInstance":
            return value.strip()
    return ""
