"""The proof, once per process, that this OpenSSL accepts any client certificate.

The hook of `_hook` is not part of any documented interface of Python. So before a
server listens, handshakes in memory show that it works here: a certificate that is
expired, self-signed and meant for another use arrives and is visible, on TLS 1.2 and
TLS 1.3; and no certificate is refused.
"""

import functools
import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kerege.exchange.tls._errors import UnsuitableOpenSSLError
from kerege.exchange.tls._hook import accept_any_certificate
from kerege.exchange.tls._identity import Identity

_MAX_FLIGHTS = 8
"""Exchanges of bytes in one handshake; TLS 1.2 needs four."""

_ADVICE = (
    "Peers with an expired certificate would see a broken handshake and no fault. "
    "Install Python with OpenSSL 1.1.1 or 3, and report this with the output of "
    "`python3 -c 'import ssl; print(ssl.OPENSSL_VERSION)'`."
)


@functools.cache
def prove_any_certificate_arrives() -> None:
    """Prove it, once per process; later calls cost nothing.

    Raises:
        UnsuitableOpenSSLError: a handshake ended differently than it must.
    """
    identity = _hopeless_identity()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.verify_mode = ssl.CERT_REQUIRED
    identity.install(server)
    accept_any_certificate(server)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        _prove_seen(server, _client(version, identity), identity)
        _prove_asked(server, _client(version, None))


def _prove_seen(server: ssl.SSLContext, client: ssl.SSLContext, who: Identity) -> None:
    try:
        seen = _handshake(server, client).getpeercert(binary_form=True)
    except ssl.SSLError as error:
        what = f"refuses an expired client certificate: {error}"
        raise _unsuitable(what) from error
    sent = who.certificates[0].fingerprint(hashes.SHA256())
    if seen is None or _sha256(seen) != sent:
        raise _unsuitable("does not show the client's certificate")


def _prove_asked(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    try:
        _handshake(server, client)
    except ssl.SSLError:
        return
    raise _unsuitable("lets clients in that show no certificate")


def _unsuitable(what: str) -> UnsuitableOpenSSLError:
    return UnsuitableOpenSSLError(f"{ssl.OPENSSL_VERSION} {what}.", advice=_ADVICE)


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """Shake hands in memory and return the server's end."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    accepting = server.wrap_bio(to_server, to_client, server_side=True)
    calling = client.wrap_bio(to_client, to_server)
    for _ in range(_MAX_FLIGHTS):
        called = _step(calling)
        if _step(accepting) and called:
            return accepting
    raise ssl.SSLError("The handshake does not end.")


def _step(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _client(version: ssl.TLSVersion, identity: Identity | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if identity is not None:
        identity.install(context)
    return context


def _hopeless_identity() -> Identity:
    """Return a certificate that every verifier would refuse, for three reasons."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proof")])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2001, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2001, 1, 2, tzinfo=UTC))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return Identity((certificate,), key)


def _sha256(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).fingerprint(hashes.SHA256())
