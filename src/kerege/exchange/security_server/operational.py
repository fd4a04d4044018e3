"""The record of operational monitoring that a message leaves.

Two steps. When a message ends, what is known of it is noted: some microseconds, and it
cannot fail the message. When notes are stored, some hundred at once, their records are
made; that takes several times as long, and less than it would between two messages.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

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
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.opmonitoring import CLIENT, PRODUCER, OperationalRecord
from kerege.xroad.rest import RepresentedParty, RestRequest

PROTOCOL_VERSION_OF_REST = "1"
ERRORS_FROM = 400
"""A REST answer with this status or above did not succeed."""

_log = structlog.get_logger(__name__)


class _Said(NamedTuple):
    """What a request said: without its bytes, which would wait in memory too."""

    client: ClientId
    service: ServiceId
    query_id: str
    user_id: str | None
    issue: str | None
    party: RepresentedParty | None
    request_id: str | None
    size: int
    """Bytes of its block or envelope."""
    method: str
    """Of a REST request, otherwise empty."""
    version: str
    """Of the message protocol."""
    service_path: str


class Note(NamedTuple):
    """A message that ended. Its record is made when it is asked for."""

    recorder: "OperationalRecorder"
    is_client: bool
    ended: float
    """Unix time."""
    said: _Said | None
    status: int
    fault: tuple[str, str] | None
    """Code and text; the exception itself would keep alive all that it saw."""
    sizes: tuple[int, int]
    trace: Trace

    def record(self) -> OperationalRecord:
        """Make the record."""
        return self.recorder.record(self)


class OperationalRecorder:
    """Notes one server's messages, and makes records of the notes."""

    def __init__(
        self,
        add: Callable[[Note], None],
        server_id: SecurityServerId,
        configuration: Callable[[], GlobalConf],
        server_configuration: Callable[[], ServerConfiguration],
        version: str,
        internal_ip: str,
    ) -> None:
        """Make nothing yet.

        Args:
            add: Takes each note.
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
        """Note a message that ended.

        Args:
            side: ``client`` or ``server``.
            request: What was asked, if that could be read.
            status: The answer's, 0 if there is none.
            fault: Why it failed.
            sizes: Bytes of both bodies.
            trace: When and where it passed.
        """
        try:
            said = None if request is None else _said(request)
            self._add(
                Note(
                    self,
                    side == "client",
                    time.time(),
                    said,
                    status,
                    None if fault is None else (fault.code, fault.message),
                    sizes,
                    trace,
                )
            )
        except Exception:  # noqa: BLE001 - a bug here must not fail a message
            _log.exception("message not recorded")

    def record(self, note: Note) -> OperationalRecord:
        """Make the record of a note."""
        trace, said, fault = note.trace, note.said, note.fault
        own, other = self._own_address(), trace.other_address
        is_client = note.is_client
        values: dict[str, Any] = {
            "security_server_internal_ip": self._internal_ip,
            "security_server_type": CLIENT if is_client else PRODUCER,
            "request_in_ts": int(trace.request_in * 1000),
            "request_out_ts": _milliseconds(trace.request_out),
            "response_in_ts": _milliseconds(trace.response_in),
            "response_out_ts": int(note.ended * 1000),
            "client_security_server_address": own if is_client else other,
            "service_security_server_address": other if is_client else own,
            "succeeded": fault is None and note.status < ERRORS_FROM,
        }
        if fault is not None:
            values["fault_code"], values["fault_string"] = fault
        if said is not None:
            values |= self._of_any(said)
            values |= self._of_rest(note, said) if said.method else _of_soap(note, said)
        return OperationalRecord(**values)

    def _of_any(self, said: _Said) -> dict[str, Any]:
        """Return what a request says in either protocol."""
        client, service = said.client, said.service
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
            "message_protocol_version": said.version,
            "message_id": said.query_id,
            "message_user_id": said.user_id,
            "message_issue": said.issue,
            "x_request_id": said.request_id,
        }
        if (party := said.party) is not None:
            values["represented_party_class"] = party.party_class
            values["represented_party_code"] = party.party_code
        return values

    def _of_rest(self, note: Note, said: _Said) -> dict[str, Any]:
        """Return what a REST message says."""
        own = self._server_configuration().service(said.service)
        values: dict[str, Any] = {
            "rest_method": said.method,
            "request_size": said.size + note.sizes[0],
            "request_attachment_count": 0,
            "service_type": (own.type if own else ServiceType.REST).value,
        }
        if answered := note.trace.response_bytes:
            values["response_size"] = answered + note.sizes[1]
            values["response_attachment_count"] = 0
            values["status_code"] = note.status
        if said.service_path and not note.is_client:
            values["rest_path"] = self._endpoint_path(said)
        return values

    def _endpoint_path(self, said: _Said) -> str | None:
        """Return the pattern that covers a path; we provide the service.

        The path itself is never recorded: it may hold personal codes.
        """
        endpoints = self._server_configuration().endpoints_of(said.service)
        return endpoint_path(endpoints, said.method, said.service_path)

    def _own_address(self) -> str | None:
        try:
            configuration = self._configuration()
        except XRoadError:
            return None
        if configuration is not self._known_in:
            self._known_in = configuration
            self._known_address = configuration.server_address(self._server_id)
        return self._known_address


def _said(request: Asked) -> _Said:
    if isinstance(request, RestRequest):
        size, method = len(request.block), request.method
        version, path = PROTOCOL_VERSION_OF_REST, request.service_path
    elif isinstance(request, SoapRequest):
        size, method = len(request.content), ""
        version, path = request.header.protocol_version, ""
    else:
        message = f"{type(request).__name__} is no request of a known protocol"
        raise TypeError(message)
    return _Said(
        request.client_id,
        request.service_id,
        request.query_id,
        request.user_id,
        request.issue,
        request.represented_party,
        request.request_id,
        size,
        method,
        version,
        path,
    )


def _of_soap(note: Note, said: _Said) -> dict[str, Any]:
    """Return what a SOAP message says; sizes are those of envelopes and attachments."""
    asked, answered = note.trace.attachments
    values: dict[str, Any] = {
        "request_size": said.size,
        "request_attachment_count": asked,
        "service_type": ServiceType.WSDL.value,
    }
    if asked:
        values["request_mime_size"] = note.sizes[0]
    if note.trace.response_bytes:
        values["response_size"] = note.trace.response_bytes
        values["response_attachment_count"] = answered
        if answered:
            values["response_mime_size"] = note.sizes[1]
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
