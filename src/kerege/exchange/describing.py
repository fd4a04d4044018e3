"""Services made of their descriptions: what a document brings, and what it takes away.

An OpenAPI description is of one service: its endpoints come from it. A WSDL is of as
many services as it has operations. Reading a description again keeps what an operator
set: addresses, time-outs, switched-off services, rights on what is still there.
"""

import hashlib
import ssl
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from kerege.exchange.descriptions import Description, fetch_description
from kerege.exchange.storage.server_configuration import (
    Client,
    DescriptionVersion,
    Endpoint,
    EndpointChanges,
    ServerConfiguration,
    Service,
    ServiceType,
    add_service,
    endpoint_changes,
    note_version,
    put_endpoints,
    remove_service,
)
from kerege.exchange.tls import Identity, peer_certificates, service_context
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.metadata import (
    RESERVED_SERVICE_CODES,
    OpenApiDescription,
    WsdlDescription,
    WsdlOperation,
    is_json_description,
    read_openapi,
    read_wsdl,
)
from kerege.xroad.x509 import certificate_der


@dataclass(frozen=True, slots=True)
class Access:
    """How descriptions are fetched for a client's services."""

    client: Client
    verify_tls: bool = True
    """With https: its certificate must be one of the client's, if the client has some,
    or else one of a CA that this machine trusts."""
    anywhere: bool = False
    """Also from addresses that are otherwise refused."""

    identity: Identity | None = None
    """Shown to services that ask for a certificate, as when they are called."""

    async def fetch(self, url: str) -> Description:
        """Fetch a description. Raises as `fetch_description` does."""
        by_system = self.verify_tls and not self.client.certificates
        return await fetch_description(
            url,
            context=service_context(self.identity, verify=by_system),
            on_use=None if by_system else self._judge,
            anywhere=self.anywhere,
        )

    def _judge(self, ssl_object: ssl.SSLObject) -> None:
        if not self.verify_tls:
            return
        shown = peer_certificates(ssl_object)
        if not shown or certificate_der(shown[0]) not in self.client.certificates:
            raise XRoadError(
                "ssl_authentication_failed",
                "The TLS certificate of the description's server is not one of "
                f"those registered for {self.client.client_id}",
                advice="Add it to the client, or give --no-verify-tls.",
            )


@dataclass(frozen=True, slots=True)
class ReadOpenApi:
    """An OpenAPI description that was fetched and read."""

    description: OpenApiDescription
    version: DescriptionVersion

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """What it describes."""
        return tuple(Endpoint(*one) for one in self.description.endpoints)


@dataclass(frozen=True, slots=True)
class ReadWsdl:
    """A WSDL that was fetched and read."""

    description: WsdlDescription
    version: DescriptionVersion


@dataclass(frozen=True, slots=True)
class WsdlChanges:
    """What a WSDL does to the services of a client."""

    added: tuple[Service, ...]
    removed: tuple[ServiceId, ...]
    reserved: tuple[str, ...]
    """Operations that servers answer themselves."""
    lost_rights: int
    """Rights on service codes of which no version is left."""


async def fetch_openapi(access: Access, url: str, now: datetime) -> ReadOpenApi:
    """Fetch and read an OpenAPI description.

    Raises:
        XRoadError: ``invalid_url``, ``internal_error``, ``openapi_file_error``.
    """
    fetched = await access.fetch(url)
    is_json = is_json_description(fetched.content_type, fetched.url)
    read = read_openapi(fetched.content, is_json=is_json, url=fetched.url)
    kind = f"OpenAPI {read.openapi_version}"[:40]
    version = _version(fetched, kind, read.title, read.version, now)
    return ReadOpenApi(read, version)


async def fetch_wsdl(access: Access, url: str, now: datetime) -> ReadWsdl:
    """Fetch and read a WSDL.

    Raises:
        XRoadError: ``invalid_url``, ``internal_error``, ``invalid_xml``,
            ``validation_error``.
    """
    fetched = await access.fetch(url)
    read = read_wsdl(fetched.content)
    return ReadWsdl(read, _version(fetched, "WSDL 1.1", read.title, "", now))


def openapi_changes(
    connection: Connection, service_id: ServiceId, read: ReadOpenApi
) -> EndpointChanges:
    """Return what `put_openapi` would do to a service that is there."""
    return endpoint_changes(connection, service_id, read.endpoints)


def put_openapi(
    connection: Connection, service: Service, read: ReadOpenApi
) -> tuple[EndpointChanges, DescriptionVersion | None]:
    """Give a service the endpoints of its description.

    Returns:
        What has changed, and the version before if the document is another one.
    """
    changes = put_endpoints(connection, service.service_id, read.endpoints)
    provider, url = service.service_id.client_id, service.description_url
    return changes, note_version(connection, provider, url, read.version)


def wsdl_changes(
    known: ServerConfiguration,
    provider: ClientId,
    read: ReadWsdl,
    template: Service,
) -> WsdlChanges:
    """Return what a WSDL does to a client's services.

    Args:
        known: The server configuration.
        provider: The client.
        read: The WSDL.
        template: Its address, time-out and TLS check are those of new services.

    Raises:
        XRoadError: ``invalid_url`` if a new operation's address is no http address.
    """
    url = template.description_url
    there = {
        one.service_id
        for one in known.services_of(provider)
        if one.description_url == url and one.type is ServiceType.WSDL
    }
    described = {
        _service_id(provider, one): one
        for one in read.description.operations
        if one.service_code not in RESERVED_SERVICE_CODES
    }
    added = tuple(
        _new_service(template, service_id, operation)
        for service_id, operation in described.items()
        if service_id not in there
    )
    removed = tuple(one for one in there if one not in described)
    return WsdlChanges(
        added,
        removed,
        tuple(
            one.service_code
            for one in read.description.operations
            if one.service_code in RESERVED_SERVICE_CODES
        ),
        _lost_rights(known, provider, set(removed)),
    )


def put_wsdl(
    connection: Connection,
    provider: ClientId,
    url: str,
    changes: WsdlChanges,
    version: DescriptionVersion,
) -> DescriptionVersion | None:
    """Give a client the services of a WSDL; return the version before if it changed.

    Raises ``duplicate_entry`` if another description has a service of that name.
    """
    for gone in changes.removed:
        remove_service(connection, gone)
    for new in changes.added:
        add_service(connection, new)
    return note_version(connection, provider, url, version)


def require_own_code(service_id: ServiceId) -> None:
    """Refuse a service that nobody could call. Raises ``validation_error``."""
    if service_id.service_code in RESERVED_SERVICE_CODES:
        raise XRoadError(
            "validation_error",
            f"The code {service_id.service_code} is one of those that servers answer "
            "themselves; nobody could call the service",
            advice="Choose another code.",
        )


def _version(
    fetched: Description, kind: str, title: str, version: str, now: datetime
) -> DescriptionVersion:
    digest = hashlib.sha256(fetched.content).digest()
    moment = int(now.timestamp() * 1000)
    return DescriptionVersion(digest, kind, title, version, moment, moment)


def _service_id(provider: ClientId, operation: WsdlOperation) -> ServiceId:
    return ServiceId(
        provider.instance,
        provider.member_class,
        provider.member_code,
        provider.subsystem_code,
        operation.service_code,
        operation.service_version,
    )


def _new_service(
    template: Service, service_id: ServiceId, operation: WsdlOperation
) -> Service:
    return Service(
        service_id,
        ServiceType.WSDL,
        template.url or operation.url,
        template.timeout_seconds,
        verify_tls=template.verify_tls,
        description_url=template.description_url,
    )


def _lost_rights(
    known: ServerConfiguration, provider: ClientId, removed: set[ServiceId]
) -> int:
    left = {
        one.service_id.service_code
        for one in known.services_of(provider)
        if one.service_id not in removed
    }
    gone = {one.service_code for one in removed} - left
    return sum(
        right.provider == provider and right.service_code in gone
        for right in known.access_rights
    )
