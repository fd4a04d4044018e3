"""The record of operational monitoring that a message leaves.

Made for every message, so it costs some microseconds and cannot fail one: what goes
wrong here is logged.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog

from kerege.exchange.security_server.asked import Asked
from kerege.exchange.security_server.soap_request import SoapRequest
from kerege.exchange.security_server.trace import Trace
from kerege.exchange.storage.server_configuration import (
    Endpoint,
    ServerConfiguration,
    ServiceType,
)
from kerege.exchange.storage.server_configuration.paths import readings
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import SecurityServerId
from kerege.xroad.opmonitoring import CLIENT, PRODUCER, OperationalRecord
from kerege.xroad.rest import RestRequest

PROTOCOL_VERSION_OF_REST = "1"
ERRORS_FROM = 400
"""A REST answer with this status or above did not succeed."""

_log = structlog.get_logger(__name__)


class OperationalRecorder:
    """Makes records of one server's messages."""

    def __init__(
        self,
        add: Callable[[OperationalRecord], None],
        server_id: SecurityServerId,
        configuration: Callable[[], GlobalConf],
        server_configuration: Callable[[], ServerConfiguration],
        version: str,
        internal_ip: str,
    ) -> None:
        """Make nothing yet.

        Args:
            add: Takes each record.
            server_id: Of this server.
            configuration: The current one; may raise ``global_conf_outdated``.
            server_configuration: Clients and services of this server.
            version: Of the protocol that this server speaks.
            internal_ip: This machine's address inside its network.
        """
        self._add = add
        self._server_id = server_id
        self._configuration = configuration
        self._server_configuration = server_configuration
        self._version = version
        self._internal_ip = internal_ip
        self._known_in: GlobalConf | None = None
        self._known_address: str | None = None

    def note(
        self,
        side: str,
        request: Asked | None,
        status: int,
        fault: XRoadError | None,
        sizes: tuple[int, int],
        trace: Trace,
    ) -> None:
        """Make the record of a message that ended.

        Args:
            side: ``client`` or ``server``.
            request: What was asked, if that could be read.
            status: The answer's, 0 if there is none.
            fault: Why it failed.
            sizes: Bytes of both bodies.
            trace: When and where it passed.
        """
        try:
            self._add(self._record(side, request, status, fault, sizes, trace))
        except Exception:  # noqa: BLE001 - a bug here must not fail a message
            _log.exception("message not recorded")

    def _record(
        self,
        side: str,
        request: Asked | None,
        status: int,
        fault: XRoadError | None,
        sizes: tuple[int, int],
        trace: Trace,
    ) -> OperationalRecord:
        is_client = side == "client"
        own, other = self._own_address(), trace.other_address
        values: dict[str, Any] = {
            "security_server_internal_ip": self._internal_ip,
            "security_server_type": CLIENT if is_client else PRODUCER,
            "request_in_ts": int(trace.request_in * 1000),
            "request_out_ts": _milliseconds(trace.request_out),
            "response_in_ts": _milliseconds(trace.response_in),
            "response_out_ts": int(time.time() * 1000),
            "client_security_server_address": own if is_client else other,
            "service_security_server_address": other if is_client else own,
            "succeeded": fault is None and status < ERRORS_FROM,
        }
        if fault is not None:
            values |= {"fault_code": fault.code, "fault_string": fault.message}
        if request is not None:
            values |= self._of_any(request)
        if isinstance(request, RestRequest):
            values |= self._of_rest(request, status, sizes, trace, is_client=is_client)
        elif isinstance(request, SoapRequest):
            values |= _of_soap(request, sizes, trace)
        return OperationalRecord(**values)

    def _of_any(self, request: Asked) -> dict[str, Any]:
        """Return what a request says in either protocol."""
        client, service = request.client_id, request.service_id
        values = {
            "client_xroad_instance": client.instance,
            "client_member_class": client.member_class,
            "client_member_code": client.member_code,
            "client_subsystem_code": client.subsystem_code,
            "service_xroad_instance": service.instance,
            "service_member_class": service.member_class,
            "service_member_code": service.member_code,
            "service_subsystem_code": service.subsystem_code,
            "service_code": service.service_code,
            "service_version": service.service_version,
            "xroad_version": self._version,
            "message_id": request.query_id,
            "message_user_id": request.user_id,
            "message_issue": request.issue,
            "x_request_id": request.request_id,
        }
        if (party := request.represented_party) is not None:
            values["represented_party_class"] = party.party_class
            values["represented_party_code"] = party.party_code
        return values

    def _of_rest(
        self,
        request: RestRequest,
        status: int,
        sizes: tuple[int, int],
        trace: Trace,
        *,
        is_client: bool,
    ) -> dict[str, Any]:
        """Return what a REST message says."""
        own = self._server_configuration().service(request.service_id)
        values: dict[str, Any] = {
            "rest_method": request.method,
            "message_protocol_version": PROTOCOL_VERSION_OF_REST,
            "request_size": len(request.block) + sizes[0],
            "request_attachment_count": 0,
            "service_type": (own.type if own else ServiceType.REST).value,
        }
        if trace.response_bytes:
            values["response_size"] = trace.response_bytes + sizes[1]
            values["response_attachment_count"] = 0
            values["status_code"] = status
        if request.service_path and not is_client:
            values["rest_path"] = self._endpoint_path(request)
        return values

    def _endpoint_path(self, request: RestRequest) -> str | None:
        """Return the pattern that covers a path; we provide the service.

        The path itself is never recorded: it may hold personal codes.
        """
        endpoints = self._server_configuration().endpoints_of(request.service_id)
        return endpoint_path(endpoints, request.method, request.service_path)

    def _own_address(self) -> str | None:
        try:
            configuration = self._configuration()
        except XRoadError:
            return None
        if configuration is not self._known_in:
            self._known_in = configuration
            self._known_address = configuration.server_address(self._server_id)
        return self._known_address


def _of_soap(
    request: SoapRequest, sizes: tuple[int, int], trace: Trace
) -> dict[str, Any]:
    """Return what a SOAP message says; sizes are those of envelopes and attachments."""
    asked, answered = trace.attachments
    values: dict[str, Any] = {
        "message_protocol_version": request.header.protocol_version,
        "request_size": len(request.content),
        "request_attachment_count": asked,
        "service_type": ServiceType.WSDL.value,
    }
    if asked:
        values["request_mime_size"] = sizes[0]
    if trace.response_bytes:
        values["response_size"] = trace.response_bytes
        values["response_attachment_count"] = answered
        if answered:
            values["response_mime_size"] = sizes[1]
    return values


def endpoint_path(
    endpoints: tuple[Endpoint, ...], method: str, path: str
) -> str | None:
    """Return the path pattern of the endpoint that covers a call best.

    As in the reference (`SavedServiceEndpoint.java`): of all that cover it, the last by
    path and then by method, so that ``/pets/first`` goes before ``/pets/*``.

    Args:
        endpoints: Those that were described for the service.
        method: Of the request.
        path: What follows the service code, not decoded.
    """
    if not endpoints:
        return None
    paths = readings(path)
    found = [e for e in endpoints if e.covers(method, paths)]
    return max(found, key=lambda e: (e.path, e.method)).path if found else None


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)
