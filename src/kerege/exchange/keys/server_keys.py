"""From a logged-in token to what a Security Server needs: signers and TLS contexts.

The message path gets contexts with the key already loaded and signers that only sign;
it never sees a private key. Port 8443 has a key of its own, self-signed, as in the
reference (`internal.p12`): information systems trust it by copying its certificate.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kerege.exchange.files import replace_file
from kerege.exchange.keys.token import SoftwareToken
from kerege.exchange.messagelog import LogCipher
from kerege.exchange.processes import alone_in
from kerege.exchange.security_server.runtime import ServerKeys
from kerege.exchange.tls import (
    Identity,
    client_side_context,
    load_identity,
    peer_client_context,
    peer_server_context,
    prove_any_certificate_arrives,
    service_context,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.signature import Signer

_log = structlog.get_logger(__name__)

INTERNAL_KEY, INTERNAL_CERTIFICATE = "internal.key", "internal.crt"
"""In the server's folder."""
INTERNAL_DAYS = 7300
"""Twenty years, as the reference's generated internal certificate."""


def server_keys(
    token: SoftwareToken,
    internal: Identity,
    intermediates: Callable[[], Sequence[x509.Certificate]],
) -> ServerKeys:
    """Build the keys of one server.

    Args:
        token: Logged in.
        internal: For port 8443 and towards services.
        intermediates: CA certificates that may belong into chains.

    Raises:
        XRoadError: ``key_not_available`` without a usable authentication
            certificate, ``token_not_active``.
        UnsuitableOpenSSLError: this Python's OpenSSL does not do what we need.
    """
    prove_any_certificate_arrives()
    for key_id, why in token.closed_keys.items():
        _log.error("key not open", key=key_id, reason=why.message, advice=why.advice)
    authentication = token.authentication_key(intermediates=intermediates())
    identity = load_identity(authentication.chain, authentication.private_key)
    return ServerKeys(
        authentication_chain=authentication.chain,
        signers=_signers(token),
        peer_server=peer_server_context(identity),
        peer_client=peer_client_context(identity),
        client_side=client_side_context(internal),
        service=service_context(internal, verify=False),
        internal_certificate=internal.certificates[0],
        log_cipher=_log_cipher(token),
    )


def _log_cipher(token: SoftwareToken) -> LogCipher | None:
    """Return what encrypts the message log. An older token gets its first key now."""
    cipher = token.log_cipher()
    if cipher is not None:
        return cipher
    try:
        token.add_log_key(only_first=True)
    except OSError as error:  # the server says what to do, if it needs the key
        _log.error("no key for the message log", reason=error.strerror)
    return token.log_cipher()


def internal_identity(folder: Path) -> Identity:
    """Return the identity of port 8443; it is made if the folder has none.

    An office may put its own RSA or EC key and certificate there instead.

    Raises ``malformed_key_conf`` if what is there cannot be used.
    """
    key_file, certificate_file = folder / INTERNAL_KEY, folder / INTERNAL_CERTIFICATE
    try:
        with alone_in(folder):  # all workers of a new server come at once
            if not key_file.exists():
                _make_internal(key_file, certificate_file)
    except OSError as error:
        raise _unusable(folder, error) from error
    return read_internal_identity(folder)


def read_internal_identity(folder: Path) -> Identity:
    """Return the identity of port 8443 that is there.

    Raises ``malformed_key_conf`` if it cannot be used.
    """
    try:
        return _read_internal(folder / INTERNAL_KEY, folder / INTERNAL_CERTIFICATE)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: Exception) -> XRoadError:
    return XRoadError(
        "malformed_key_conf",
        f"The key of the information systems' HTTPS port cannot be used: {error}",
        advice=f"Restore {INTERNAL_KEY} and {INTERNAL_CERTIFICATE} in {folder} "
        "from a backup. If both are removed, new ones are made, and information "
        "systems must be told to trust the new certificate.",
    )


def _read_internal(key_file: Path, certificate_file: Path) -> Identity:
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError("The key is neither RSA nor EC.")
    return load_identity([certificate], key)


def _signers(token: SoftwareToken) -> dict[ClientId, Signer]:
    """Return a signer for each member that has a certificate usable now.

    A member whose certificates have all expired must not stop the others.
    """
    members = {
        record.member
        for key in token.metadata.keys
        for record in key.certificates
        if record.member is not None
    }
    signers: dict[ClientId, Signer] = {}
    for member in sorted(members, key=str):
        try:
            signers[member] = token.signer(member)
        except XRoadError as error:
            if error.code != "key_not_available":
                raise
            _log.error("member cannot sign", member=str(member), reason=error.message)
    return signers


def _make_internal(key_file: Path, certificate_file: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "security-server-internal")]
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=INTERNAL_DAYS))
        .sign(key, hashes.SHA256())
    )
    # The key comes last: what is there once it is there is complete.
    pem = certificate.public_bytes(Encoding.PEM)
    replace_file(certificate_file, pem)
    replace_file(
        key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
