"""Services as their descriptions have them: endpoints, operations, versions.

Rules (`ServiceDescriptionService.java`): what a description brought and no longer has
goes, with the rights on it; what an operator added stays. Endpoints that an operator
added and a description also has count as the description's from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from kerege.exchange.storage.server_configuration.rows import find_client
from kerege.exchange.storage.server_configuration.services import (
    add_endpoint,
    remove_endpoint,
)
from kerege.exchange.storage.server_configuration.values import Endpoint
from kerege.exchange.storage.server_configuration_tables import (
    access_rights,
    endpoints,
    service_description_versions as versions,
)
from kerege.xroad.identifiers import ClientId, ServiceId

MAX_VERSIONS = 50
"""Versions of a description that are remembered; the oldest goes."""


@dataclass(frozen=True, slots=True)
class DescribedEndpoint:
    """An endpoint as it is stored."""

    endpoint: Endpoint
    is_generated: bool
    """Whether a description brought it."""
    rights: int
    """How many rights there are on it."""


@dataclass(frozen=True, slots=True)
class EndpointChanges:
    """What another version of a description does to a service's endpoints."""

    added: tuple[Endpoint, ...]
    removed: tuple[DescribedEndpoint, ...]

    @property
    def lost_rights(self) -> int:
        """Rights that go with the endpoints that are removed."""
        return sum(one.rights for one in self.removed)


@dataclass(frozen=True, slots=True)
class DescriptionVersion:
    """One version of a description: a document that was read."""

    sha256: bytes
    format: str
    """E.g. ``OpenAPI 3.0.3`` or ``WSDL 1.1``."""
    title: str
    version: str
    """What the document says of itself; may be empty."""
    first_read: int
    """When it was read first and last, in milliseconds since 1970."""
    last_read: int


def described_endpoints(
    connection: Connection, service_id: ServiceId
) -> tuple[DescribedEndpoint, ...]:
    """Return a service's endpoints, without the one for the whole of it."""
    count = (
        select(func.count())
        .where(access_rights.c.endpoint_id == endpoints.c.id)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(endpoints.c.method, endpoints.c.path, endpoints.c.generated, count)
        .where(
            endpoints.c.client_id == find_client(connection, service_id.client_id),
            endpoints.c.service_code == service_id.service_code,
        )
        .order_by(endpoints.c.id)
    )
    found = (
        DescribedEndpoint(Endpoint(method, path), bool(generated), int(rights))
        for method, path, generated, rights in rows
    )
    return tuple(one for one in found if not one.endpoint.is_whole_service)


def endpoint_changes(
    connection: Connection, service_id: ServiceId, wanted: Sequence[Endpoint]
) -> EndpointChanges:
    """Return what `put_endpoints` would do."""
    known = described_endpoints(connection, service_id)
    names = {one.endpoint for one in known}
    return EndpointChanges(
        added=tuple(one for one in wanted if one not in names),
        removed=tuple(
            one for one in known if one.is_generated and one.endpoint not in wanted
        ),
    )


def put_endpoints(
    connection: Connection, service_id: ServiceId, wanted: Sequence[Endpoint]
) -> EndpointChanges:
    """Make a service's endpoints those of its description.

    Raises ``service_not_found``, ``validation_error``.
    """
    changes = endpoint_changes(connection, service_id, wanted)
    for gone in changes.removed:
        remove_endpoint(connection, service_id, gone.endpoint)
    for new in changes.added:
        add_endpoint(connection, service_id, new)
    client = find_client(connection, service_id.client_id)
    for endpoint in wanted:
        connection.execute(
            update(endpoints)
            .where(
                endpoints.c.client_id == client,
                endpoints.c.service_code == service_id.service_code,
                endpoints.c.method == endpoint.method,
                endpoints.c.path == endpoint.path,
            )
            .values(generated=True)
        )
    return changes


def note_version(
    connection: Connection, client_id: ClientId, url: str, version: DescriptionVersion
) -> DescriptionVersion | None:
    """Note that a description was read; return the version before if it has changed.

    Raises ``not_found`` for an unknown client.
    """
    client = find_client(connection, client_id)
    known = description_versions(connection, client_id, url)
    last = known[-1] if known else None
    here = (versions.c.client_id == client, versions.c.url == url)
    if last is not None and last.sha256 == version.sha256:
        newest = select(func.max(versions.c.id)).where(*here).scalar_subquery()
        connection.execute(
            update(versions)
            .where(versions.c.id == newest)
            .values(last_read=version.last_read)
        )
        return None
    connection.execute(
        versions.insert().values(
            client_id=client,
            url=url,
            sha256=version.sha256,
            format=version.format,
            title=version.title,
            version=version.version,
            first_read=version.first_read,
            last_read=version.last_read,
        )
    )
    ids = connection.execute(
        select(versions.c.id).where(*here).order_by(versions.c.id.desc())
    ).scalars()
    too_old = list(ids)[MAX_VERSIONS:]
    connection.execute(delete(versions).where(versions.c.id.in_(too_old)))
    return last


def description_versions(
    connection: Connection, client_id: ClientId, url: str
) -> tuple[DescriptionVersion, ...]:
    """Return the versions of a description that are remembered, the last one last."""
    client = find_client(connection, client_id)
    rows = connection.execute(
        select(versions)
        .where(versions.c.client_id == client, versions.c.url == url)
        .order_by(versions.c.id)
    )
    return tuple(
        DescriptionVersion(
            bytes(row.sha256),
            row.format,
            row.title,
            row.version,
            row.first_read,
            row.last_read,
        )
        for row in rows
    )
