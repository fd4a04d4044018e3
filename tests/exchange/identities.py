"""Certificates for TLS tests, made once: good, expired, for another use, elliptic."""

import functools
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kerege.exchange.tls import Identity, load_identity

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@functools.cache
def _key(kind, owner):
    del owner
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def _certificate(name, key, issuer, issuer_key, *, days=(-1, 1), usage=None):
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


@functools.cache
def identity(name="server", *, kind="rsa", expired=False, wrong_use=False) -> Identity:
    """A self-signed certificate."""
    key = _key(kind, name)
    return load_identity(
        [
            _certificate(
                name,
                key,
                name,
                key,
                days=(-3, -1 if expired else 1),
                usage=ExtendedKeyUsageOID.CODE_SIGNING if wrong_use else None,
            )
        ],
        key,
    )


@functools.cache
def chain(name="issued"):
    """A certificate, its intermediate CA and the root, and the key."""
    key, ca, root = _key("ec", name), _key("ec", "ca"), _key("ec", "root")
    certificates = [
        _certificate(name, key, "ca", ca),
        _certificate("ca", ca, "root", root),
        _certificate("root", root, "root", root),
    ]
    return certificates, key
