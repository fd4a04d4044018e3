"""Add, change and remove clients, their TLS certificates, TSAs and settings."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from sqlalchemy import Connection, delete, update

from kerege.exchange.storage.server_configuration.rows import (
    codes_of,
    find_client,
    insert,
    not_found,
    require_valid,
)
from kerege.exchange.storage.server_configuration.services import require_url
from kerege.exchange.storage.server_configuration.values import (
    ClientStatus,
    ConnectionType,
)
from kerege.exchange.storage.server_configuration_tables import (
    client_tls_certificates,
    clients,
    settings,
    timestamping_services,
)
from kerege.xroad.addresses import shown
from kerege.xroad.identifiers import ClientId


def add_client(
    connection: Connection,
    client_id: ClientId,
    *,
    connection_type: ConnectionType = ConnectionType.HTTPS_AUTH,
    status: ClientStatus = ClientStatus.SAVED,
) -> None:
    """Add a client. Raises ``duplicate_entry``, ``invalid_characters``."""
    require_valid(client_id)
    values = codes_of(client_id)
    values |= {"connection": connection_type.value, "status": status.value}
    insert(connection, clients, values, f"Client {client_id}")


def change_client(
    connection: Connection,
    client_id: ClientId,
    *,
    connection_type: ConnectionType | None = None,
    status: ClientStatus | None = None,
) -> None:
    """Change how a client connects, or its status. Raises ``not_found``."""
    row = find_client(connection, client_id)
    values = {}
    if connection_type:
        values["connection"] = connection_type.value
    if status:
        values["status"] = status.value
    if values:
        connection.execute(update(clients).where(clients.c.id == row).values(values))


def remove_client(connection: Connection, client_id: ClientId) -> None:
    """Remove a client with its services, rights, groups and certificates.

    Rights that others have given to it stay. Raises ``not_found``.
    """
    row = find_client(connection, client_id)
    connection.execute(delete(clients).where(clients.c.id == row))


def add_client_certificate(
    connection: Connection, client_id: ClientId, certificate: Certificate
) -> None:
    """Add an information system's certificate. Raises ``duplicate_entry``."""
    values = {
        "client_id": find_client(connection, client_id),
        "sha256": certificate.fingerprint(SHA256()),
        "certificate": certificate.public_bytes(Encoding.DER),
    }
    what = f"This certificate of {client_id}"
    insert(connection, client_tls_certificates, values, what)


def remove_client_certificate(
    connection: Connection, client_id: ClientId, sha256: bytes
) -> None:
    """Remove a certificate by its SHA-256 digest. Raises ``not_found``."""
    row = find_client(connection, client_id)
    table = client_tls_certificates
    removed = connection.execute(
        delete(table).where(table.c.client_id == row, table.c.sha256 == sha256)
    )
    if not removed.rowcount:
        raise not_found("Certificate", sha256.hex(), "of", client_id)


def add_timestamping_service(connection: Connection, name: str, url: str) -> None:
    """Add a TSA after those that are there.

    Raises ``duplicate_entry``, ``invalid_url``.
    """
    require_url(url)
    what = f"The time-stamping service {shown(url)}"
    insert(connection, timestamping_services, {"name": name, "url": url}, what)


def remove_timestamping_service(connection: Connection, url: str) -> None:
    """Remove a TSA. Raises ``timestamping_service_not_found``."""
    table = timestamping_services
    removed = connection.execute(delete(table).where(table.c.url == url))
    if not removed.rowcount:
        what = "The time-stamping service"
        raise not_found(what, shown(url), code="timestamping_service_not_found")


def set_setting(connection: Connection, key: str, value: str | None) -> None:
    """Set a server setting, or remove it with None."""
    connection.execute(delete(settings).where(settings.c.key == key))
    if value is not None:
        connection.execute(settings.insert().values(key=key, value=value))
