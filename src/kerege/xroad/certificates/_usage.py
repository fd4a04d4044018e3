"""What a certificate may be used for.

Rules (`CertUtils.isAuthCert`, `isSigningCert`):

* Authentication: extended key usage clientAuth, or else key usage digitalSignature,
  keyEncipherment or dataEncipherment.
* Signing: key usage nonRepudiation (contentCommitment).
* A certificate without the keyUsage extension is for neither, except that clientAuth
  alone is enough for authentication.
"""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import extension_of, has_extended_usage, subject_text


def is_authentication_certificate(certificate: x509.Certificate) -> bool:
    """Whether a security server may show this certificate in TLS."""
    if has_extended_usage(certificate, ExtendedKeyUsageOID.CLIENT_AUTH):
        return True
    usage = key_usage(certificate)
    return usage is not None and (
        usage.digital_signature or usage.key_encipherment or usage.data_encipherment
    )


def is_signing_certificate(certificate: x509.Certificate) -> bool:
    """Whether a member may sign messages with this certificate."""
    usage = key_usage(certificate)
    return usage is not None and usage.content_commitment


def require_authentication_certificate(certificate: x509.Certificate) -> None:
    """Check that the certificate may authenticate a security server.

    Raises:
        XRoadError: ``ssl_authentication_failed`` if it may not,
            ``incorrect_certificate`` if it does not say what it is for.
    """
    if is_authentication_certificate(certificate):
        return
    if key_usage(certificate) is None:
        raise XRoadError(
            "incorrect_certificate",
            f"Certificate {subject_text(certificate)} has no keyUsage extension",
        )
    raise XRoadError(
        "ssl_authentication_failed",
        f"Certificate {subject_text(certificate)} is not an authentication certificate",
        advice="Its keyUsage has neither digitalSignature nor an encipherment bit.",
    )


def require_signing_certificate(certificate: x509.Certificate) -> None:
    """Check that the certificate may sign messages.

    Raises:
        XRoadError: ``malformed_signature`` if it may not, ``internal_error`` (the
            reference's code) if it does not say what it is for.
    """
    if is_signing_certificate(certificate):
        return
    if key_usage(certificate) is None:
        raise XRoadError(
            "internal_error",
            f"Certificate {subject_text(certificate)} has no keyUsage extension",
        )
    raise XRoadError(
        "malformed_signature",
        f"Certificate {subject_text(certificate)} is not a signing certificate",
        advice="Its keyUsage lacks nonRepudiation.",
    )


def key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    """Return the keyUsage extension, or None."""
    return extension_of(certificate, x509.KeyUsage)
