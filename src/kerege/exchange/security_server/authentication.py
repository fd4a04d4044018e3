"""Which information system may speak for a client on the client side's ports.

Rules (`MessageProcessorBase.verifyClientAuthentication`): a client is set to plain
HTTP (anything goes), HTTPS without authentication (TLS is a must), or HTTPS with a
client certificate that is one of those registered for it.
"""

from datetime import datetime

from cryptography import x509

from kerege.exchange.http import Request
from kerege.exchange.storage.server_configuration import (
    Client,
    ClientStatus,
    ConnectionType,
    ServerConfiguration,
)
from kerege.exchange.tls import peer_certificates
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import certificate_der


def require_client(configuration: ServerConfiguration, client_id: ClientId) -> Client:
    """Return a registered client of this server. Raises ``unknown_member``."""
    client = configuration.client(client_id)
    if client is None or client.status is not ClientStatus.REGISTERED:
        raise XRoadError(
            "unknown_member",
            f"Client '{client_id}' not found",
            advice="Add the client to this server and register it: "
            "kerege security-server client add",
        )
    return client


def authenticate_client(
    client: Client,
    request: Request,
    internal_certificate: x509.Certificate | None,
    at: datetime,
) -> list[str]:
    """Check how the information system connected; return warnings.

    Raises ``ssl_authentication_failed``.
    """
    client_id = client.client_id
    if client.connection is ConnectionType.HTTP:
        return []
    if request.ssl_object is None:
        raise _refused(client_id, "must connect by HTTPS, not by plain HTTP")
    if client.connection is ConnectionType.HTTPS_NO_AUTH:
        return []
    try:
        certificates = peer_certificates(request.ssl_object)
    except XRoadError as error:
        raise _refused(client_id, f"showed a bad certificate: {error.message}") from (
            error
        )
    if not certificates:
        raise _refused(client_id, "did not show a TLS certificate")
    certificate = certificates[0]
    if internal_certificate is not None and certificate == internal_certificate:
        return []
    if not client.certificates:
        raise _refused(client_id, "has no registered TLS certificates")
    if certificate_der(certificate) not in client.certificates:
        raise _refused(client_id, "showed a TLS certificate that is not registered")
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        # As in the reference: listed by hand, so a date only warns.
        return [f"TLS certificate of client {client_id} is outside its validity"]
    return []


def _refused(client_id: ClientId, problem: str) -> XRoadError:
    return XRoadError("ssl_authentication_failed", f"Client ({client_id}) {problem}")
