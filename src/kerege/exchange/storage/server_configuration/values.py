"""The server configuration as frozen values: who may call what, and where it is.

Source: X-Road 7.8, `lib/serverconf-core` and `ServerConfImpl.java`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from kerege.exchange.storage.server_configuration.paths import (
    ANY_METHOD,
    ANY_PATH,
    MAX_PATH_CHARACTERS,
    compile_pattern,
    readings,
)
from kerege.xroad.identifiers import ClientId, GlobalGroupId, LocalGroupId, ServiceId

Subject = ClientId | GlobalGroupId | LocalGroupId
"""Who a right is given to."""
InGlobalGroup = Callable[[ClientId, GlobalGroupId], bool]
"""Whether a client is in a global group: the global configuration knows."""


class ConnectionType(Enum):
    """How a client's information system connects; the reference's stored names."""

    HTTP = "NOSSL"
    HTTPS_NO_AUTH = "SSLNOAUTH"
    HTTPS_AUTH = "SSLAUTH"


class ClientStatus(Enum):
    """Where the registration of a client stands; the reference's stored names."""

    SAVED = "saved"
    REGISTRATION_IN_PROGRESS = "registration in progress"
    REGISTERED = "registered"
    DELETION_IN_PROGRESS = "deletion in progress"
    GLOBAL_ERROR = "global error"
    DISABLED = "disabled"
    DISABLING_IN_PROGRESS = "disabling in progress"
    ENABLING_IN_PROGRESS = "enabling in progress"


class ServiceType(Enum):
    """How a service is described, and so which protocol reaches it."""

    REST = "REST"
    WSDL = "WSDL"
    OPENAPI3 = "OPENAPI3"


class Side(Enum):
    """Where a client's messages come in, as logs and metrics call it."""

    CLIENT = "client"
    """From its own information system."""
    SERVER = "server"
    """From another server, for a service of this one."""


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """How much a client may ask; None: what holds otherwise, 0: no bound."""

    request_bytes: int | None = None
    answer_bytes: int | None = None
    messages_per_second: float | None = None
    burst: int | None = None
    """Belongs to the rate; None or 0: the messages of one second."""
    messages_at_once: int | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """A member or subsystem that this server serves."""

    client_id: ClientId
    connection: ConnectionType
    status: ClientStatus
    certificates: tuple[bytes, ...] = ()
    """DER certificates of its information systems, for mutual TLS."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service that a client of this server provides."""

    service_id: ServiceId
    type: ServiceType
    url: str
    """Where the service is; paths are appended."""
    timeout_seconds: int
    verify_tls: bool
    """Whether its TLS certificate must be one of the client's."""
    description_url: str = ""
    """Where its WSDL or OpenAPI document is; empty if it has none."""
    disabled_notice: str | None = None
    """Why it is switched off; None: it is on."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Part of a service: a method (``*`` is any) and a path pattern."""

    method: str
    path: str

    @property
    def is_whole_service(self) -> bool:
        """Whether this stands for the whole service."""
        return self.method == ANY_METHOD and self.path == ANY_PATH

    def covers(self, method: str | None, paths: tuple[str, ...] | None) -> bool:
        """Whether the endpoint covers a call, in every reading of its path.

        SOAP has neither method nor path: then only a whole service will do.
        """
        if self.method != ANY_METHOD and (
            method is None or self.method.upper() != method.upper()
        ):
            return False
        if self.path == ANY_PATH:
            return True
        if not paths or any(len(path) > MAX_PATH_CHARACTERS for path in paths):
            return False
        pattern = compile_pattern(self.path)
        return all(pattern.fullmatch(path) for path in paths)


WHOLE_SERVICE = Endpoint(ANY_METHOD, ANY_PATH)


@dataclass(frozen=True, slots=True)
class AccessRight:
    """A subject may call an endpoint of a provider's service."""

    provider: ClientId
    service_code: str
    endpoint: Endpoint
    subject: Subject


@dataclass(frozen=True, slots=True)
class LocalGroup:
    """A group of clients that one client of this server keeps."""

    owner: ClientId
    code: str
    description: str
    members: frozenset[ClientId] = frozenset()


@dataclass(frozen=True, slots=True)
class TimestampingService:
    """A time-stamping authority that this server uses."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Grants:
    """The rights on one service, sorted for the message path."""

    direct: Mapping[ClientId, tuple[Endpoint, ...]]
    """By client, itself named or a member of a local group."""
    by_global_group: tuple[tuple[GlobalGroupId, Endpoint], ...]


_NO_GRANTS = Grants({}, ())


@dataclass(frozen=True, slots=True)
class ServerConfiguration:
    """Everything at one moment; make a new one when something changes."""

    clients: Mapping[ClientId, Client]
    services: Mapping[ServiceId, Service]
    endpoints: Mapping[tuple[ClientId, str], tuple[Endpoint, ...]]
    """By provider and service code, the whole service first."""
    access_rights: tuple[AccessRight, ...]
    local_groups: Mapping[tuple[ClientId, str], LocalGroup]
    timestamping_services: tuple[TimestampingService, ...]
    """In the order in which they are asked."""
    settings: Mapping[str, str]
    grants: Mapping[tuple[ClientId, str], Grants]
    client_limits: Mapping[tuple[Side, ClientId], ClientLimits] = field(
        default_factory=dict
    )
    """Of clients and members, own ones and others."""

    def client(self, client_id: ClientId) -> Client | None:
        """Return the client, or None if this server does not serve it."""
        return self.clients.get(client_id)

    def service(self, service_id: ServiceId) -> Service | None:
        """Return the service, or None if there is none with that code and version."""
        return self.services.get(service_id)

    def services_of(self, provider: ClientId) -> tuple[Service, ...]:
        """Return the services of a provider."""
        return tuple(s for s in self.services.values() if _provider(s) == provider)

    def endpoints_of(self, service_id: ServiceId) -> tuple[Endpoint, ...]:
        """Return the endpoints that were described, without the whole service."""
        key = (service_id.client_id, service_id.service_code)
        found = self.endpoints.get(key, ())
        return tuple(e for e in found if not e.is_whole_service)

    def granted_endpoints(
        self,
        client_id: ClientId,
        service_id: ServiceId,
        in_global_group: InGlobalGroup,
    ) -> tuple[Endpoint, ...]:
        """Return the endpoints of a service that a client has a right to."""
        key = (service_id.client_id, service_id.service_code)
        grants = self.grants.get(key, _NO_GRANTS)
        by_group = (
            endpoint
            for group, endpoint in grants.by_global_group
            if in_global_group(client_id, group)
        )
        return tuple(dict.fromkeys((*grants.direct.get(client_id, ()), *by_group)))

    def is_allowed(
        self,
        client_id: ClientId,
        service_id: ServiceId,
        method: str | None,
        path: str | None,
        in_global_group: InGlobalGroup,
    ) -> bool:
        """Whether a client may call a service: nothing is allowed unless granted.

        Args:
            client_id: Who calls.
            service_id: What is called; rights hold for all versions of its code.
            method: The HTTP method; None for SOAP.
            path: The path after the service code as received, without query, percent
                signs and all; None for SOAP.
            in_global_group: Asks the global configuration.
        """
        key = (service_id.client_id, service_id.service_code)
        grants = self.grants.get(key)
        if grants is None:
            return False
        paths = None if path is None else readings(path)
        if paths == ():
            return False
        direct = grants.direct.get(client_id, ())
        if any(endpoint.covers(method, paths) for endpoint in direct):
            return True
        return any(
            endpoint.covers(method, paths) and in_global_group(client_id, group)
            for group, endpoint in grants.by_global_group
        )


def _provider(service: Service) -> ClientId:
    return service.service_id.client_id
