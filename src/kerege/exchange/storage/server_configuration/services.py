"""Add, change and remove services, endpoints and access rights."""

from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, and_, delete, exists, select, update

from kerege.exchange.storage.server_configuration.paths import (
    ANY_METHOD,
    ANY_PATH,
    MAX_PATTERN_CHARACTERS,
    MAX_PATTERN_WILDCARDS,
)
from kerege.exchange.storage.server_configuration.rows import (
    codes_of,
    find_client,
    insert,
    not_found,
    require_valid,
)
from kerege.exchange.storage.server_configuration.values import (
    WHOLE_SERVICE,
    Endpoint,
    Service,
    Subject,
)
from kerege.exchange.storage.server_configuration_tables import (
    access_rights,
    endpoints,
    services,
)
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, GlobalGroupId, ServiceId

METHODS = frozenset(
    ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", ANY_METHOD)
)
MAX_URL_CHARACTERS = 2048
"""Longest address; browsers and servers agree on about this much."""
MAX_TIMEOUT_SECONDS = 3600
"""Longest time to wait for a service: nobody waits an hour for an answer."""


def add_service(connection: Connection, service: Service) -> None:
    """Add a service, and the endpoint that stands for the whole of it.

    Raises:
        XRoadError: ``not_found`` without its client, ``duplicate_entry``,
            ``invalid_characters``, ``invalid_url``, ``validation_error``.
    """
    service_id = service.service_id
    require_valid(service_id)
    client = find_client(connection, service_id.client_id)
    key = {
        "client_id": client,
        "service_code": service_id.service_code,
        "service_version": service_id.service_version or "",
    }
    insert(connection, services, key | _fields(service), f"Service {service_id}")
    if _endpoint_row(connection, service_id, WHOLE_SERVICE) is None:
        add_endpoint(connection, service_id, WHOLE_SERVICE)


def change_service(connection: Connection, service: Service) -> None:
    """Replace everything but the name. Raises ``service_not_found``, as adding does."""
    row = _find_service(connection, service.service_id)
    table = services
    connection.execute(update(table).where(table.c.id == row).values(_fields(service)))


def remove_service(connection: Connection, service_id: ServiceId) -> None:
    """Remove a service; with its last version its endpoints and rights go too.

    Raises ``service_not_found``.
    """
    row = _find_service(connection, service_id)
    connection.execute(delete(services).where(services.c.id == row))
    still = exists().where(
        services.c.client_id == endpoints.c.client_id,
        services.c.service_code == endpoints.c.service_code,
    )
    connection.execute(
        delete(endpoints).where(_endpoints_of(connection, service_id), ~still)
    )


def add_endpoint(
    connection: Connection, service_id: ServiceId, endpoint: Endpoint
) -> None:
    """Add an endpoint to a service.

    Raises ``service_not_found``, ``duplicate_entry``, ``validation_error``.
    """
    _require_endpoint(endpoint)
    _find_service(connection, service_id)
    values = {
        "client_id": find_client(connection, service_id.client_id),
        "service_code": service_id.service_code,
        "method": endpoint.method,
        "path": endpoint.path,
    }
    what = f"Endpoint {endpoint.method} {endpoint.path} of {service_id}"
    insert(connection, endpoints, values, what)


def remove_endpoint(
    connection: Connection, service_id: ServiceId, endpoint: Endpoint
) -> None:
    """Remove an endpoint and the rights on it; the whole service stays.

    Raises ``endpoint_not_found``, ``action_not_possible``.
    """
    if endpoint.is_whole_service:
        raise XRoadError(
            "action_not_possible",
            f"The endpoint of the whole service {service_id} cannot be removed",
            advice="Remove the service, or the rights on it.",
        )
    row = _find_endpoint(connection, service_id, endpoint)
    connection.execute(delete(endpoints).where(endpoints.c.id == row))


def grant(
    connection: Connection,
    service_id: ServiceId,
    subject: Subject,
    endpoint: Endpoint = WHOLE_SERVICE,
) -> None:
    """Give a right. Raises ``endpoint_not_found``, ``duplicate_entry``."""
    require_valid(subject)
    row = _find_endpoint(connection, service_id, endpoint)
    values = {"endpoint_id": row} | _subject(subject)
    insert(connection, access_rights, values, f"The right of {subject}")


def revoke(
    connection: Connection,
    service_id: ServiceId,
    subject: Subject,
    endpoint: Endpoint = WHOLE_SERVICE,
) -> None:
    """Take a right back. Raises ``endpoint_not_found``, ``not_found``."""
    row = _find_endpoint(connection, service_id, endpoint)
    values = {"endpoint_id": row} | _subject(subject)
    matching = [access_rights.c[name] == value for name, value in values.items()]
    if not connection.execute(delete(access_rights).where(*matching)).rowcount:
        raise not_found("The right of", subject, "on", service_id)


def require_url(url: str) -> None:
    """Refuse what is not an http(s) address. Raises ``invalid_url``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    good = parts.scheme in ("http", "https") and parts.hostname and port != 0
    if not good or len(url) > MAX_URL_CHARACTERS or not url.isprintable():
        raise XRoadError(
            "invalid_url",
            f"{shown(url)[:255]!r} is not an address of the form http://host/path",
        )


def _subject(subject: Subject) -> dict[str, str]:
    columns = dict.fromkeys(codes_of(ClientId("", "", "")), "") | {"group_code": ""}
    columns["subject_type"] = subject.object_type.value
    if isinstance(subject, ClientId):
        return columns | codes_of(subject)
    if isinstance(subject, GlobalGroupId):
        columns["instance"] = subject.instance
    return columns | {"group_code": subject.group_code}


def _fields(service: Service) -> dict[str, Any]:
    require_url(service.url)
    if service.description_url:
        require_url(service.description_url)
    if not 0 < service.timeout_seconds <= MAX_TIMEOUT_SECONDS:
        raise XRoadError(
            "validation_error",
            f"A time-out of {service.timeout_seconds} s is not between 1 and "
            f"{MAX_TIMEOUT_SECONDS}",
        )
    return {
        "type": service.type.value,
        "url": service.url,
        "description_url": service.description_url,
        "timeout_seconds": service.timeout_seconds,
        "verify_tls": service.verify_tls,
        "disabled_notice": service.disabled_notice,
    }


def _require_endpoint(endpoint: Endpoint) -> None:
    path = endpoint.path
    if endpoint.method not in METHODS:
        reason = f"Method {endpoint.method[:20]!r} is not one of REST's"
    elif path != ANY_PATH and not path.startswith("/"):
        reason = f"Path pattern {path[:255]!r} does not start with a slash"
    elif len(path) > MAX_PATTERN_CHARACTERS or path.count("**") > MAX_PATTERN_WILDCARDS:
        reason = (
            f"A path pattern may have {MAX_PATTERN_CHARACTERS} characters and "
            f"{MAX_PATTERN_WILDCARDS} times '**'"
        )
    else:
        return
    raise XRoadError("validation_error", reason)


def _find_service(connection: Connection, service_id: ServiceId) -> int:
    client = find_client(connection, service_id.client_id)
    found = connection.execute(
        select(services.c.id).where(
            services.c.client_id == client,
            services.c.service_code == service_id.service_code,
            services.c.service_version == (service_id.service_version or ""),
        )
    ).scalar()
    if found is None:
        raise not_found("Service", service_id, code="service_not_found")
    return int(found)


def _endpoints_of(connection: Connection, service_id: ServiceId) -> Any:  # noqa: ANN401 - a SQL condition, whose type SQLAlchemy keeps generic
    client = find_client(connection, service_id.client_id)
    code = endpoints.c.service_code == service_id.service_code
    return and_(endpoints.c.client_id == client, code)


def _endpoint_row(
    connection: Connection, service_id: ServiceId, endpoint: Endpoint
) -> int | None:
    return connection.execute(
        select(endpoints.c.id).where(
            _endpoints_of(connection, service_id),
            endpoints.c.method == endpoint.method,
            endpoints.c.path == endpoint.path,
        )
    ).scalar()


def _find_endpoint(
    connection: Connection, service_id: ServiceId, endpoint: Endpoint
) -> int:
    found = _endpoint_row(connection, service_id, endpoint)
    if found is None:
        what = ("Endpoint", endpoint.method, endpoint.path, "of", service_id)
        raise not_found(*what, code="endpoint_not_found")
    return found
