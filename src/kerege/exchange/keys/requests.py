"""Certificate requests (PKCS#10, RFC 2986)."""

import ipaddress
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.keys.algorithms import PrivateKey
from kerege.exchange.keys.metadata import KeyUsage
from kerege.xroad.faults import XRoadError


def certificate_request(
    key: PrivateKey,
    usage: KeyUsage,
    subject: x509.Name,
    hosts: Sequence[str] = (),
    encoding: Encoding = Encoding.PEM,
) -> bytes:
    """Return a request signed with SHA-256 that asks for the usage of the key.

    Raises ``failed_to_generate_certificate_request``.
    """
    try:
        builder = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(subject)
            .add_extension(_key_usage(usage, key), critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(key, hashes.SHA256()).public_bytes(encoding)
    except (ValueError, TypeError) as error:
        raise XRoadError(
            "failed_to_generate_certificate_request",
            f"No certificate request can be made for {subject.rfc4514_string()}: "
            f"{error}",
        ) from error


def _key_usage(usage: KeyUsage, key: PrivateKey) -> x509.KeyUsage:
    is_signing = usage is KeyUsage.SIGNING
    transports_keys = not is_signing and isinstance(key, rsa.RSAPrivateKey)
    return x509.KeyUsage(
        digital_signature=not is_signing,
        content_commitment=is_signing,
        key_encipherment=transports_keys,
        data_encipherment=transports_keys,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
