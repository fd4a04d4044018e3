"""Keys and certificates of the vectors and of the recordings."""

import warnings
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from kerege.xroad.certificates import ApprovedCA, Trust
from kerege.xroad.x509 import certificate_der
from tests.vectors import LIVE, xroad_path
from tests.xroad.certificates.pki import Identity

FIVRK = (
    "ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider"
)
PASSWORD = b"test"


@cache
def identity(store: str) -> Identity:
    """Read a PKCS#12 store of the vectors; the oldest are BER, which makes a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        key, certificate, _ = pkcs12.load_key_and_certificates(
            xroad_path(store).read_bytes(), PASSWORD
        )
    assert certificate is not None
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return Identity(certificate, key)


@cache
def live_certificate(name: str) -> x509.Certificate:
    """Read a certificate of the recordings, e.g. ``ss1-sign``."""
    return x509.load_pem_x509_certificate((LIVE / "keys" / f"{name}.pem").read_bytes())


@cache
def live_trust() -> Trust:
    """Trust what the recordings' global configuration approves."""
    ca = live_certificate("ca")
    responders = {certificate_der(ca): (live_certificate("ocsp"),)}
    authority = ApprovedCA("Peer Test CA", False, ca, (), responders, FIVRK)
    return Trust("TEST", (authority,), ocsp_freshness_seconds=86400)
