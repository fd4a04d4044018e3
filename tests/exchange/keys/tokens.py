"""Tokens for tests, cheap to open, with certificates of the sandbox CA."""

from pathlib import Path

from kerege.exchange.keys import KdfCost, KeyAlgorithm, KeyUsage, SoftwareToken
from kerege.trust.authority import CertificateUsage
from kerege.trust.subjects import (
    FIVRK_PROFILE,
    authentication_subject,
    signing_subject,
)
from kerege.xroad.identifiers import ClientId
from tests.trust.authorities import NOW, SERVER, shared_ca

PIN = "Тоо-1234"
CHEAP = KdfCost(n=1024, r=8, p=1)
EC = KeyAlgorithm.EC_P256


def new_token(path: Path, *, is_open: bool = True) -> SoftwareToken:
    token = SoftwareToken.create(path / "token", PIN, cost=CHEAP, clock=lambda: NOW)
    if is_open:
        token.login(PIN)
    return token


def add_signing_key(
    token: SoftwareToken, member: ClientId, algorithm: KeyAlgorithm = EC
) -> str:
    """Make a signing key and have it certified; returns its id."""
    key_id = token.generate_key(KeyUsage.SIGNING, algorithm).key_id
    subject = signing_subject(FIVRK_PROFILE, member, SERVER)
    request = token.certificate_request(key_id, subject)
    certificate = shared_ca().issue_from_request(request, CertificateUsage.SIGNING)
    token.import_certificate(certificate, member=member)
    return key_id


def add_authentication_key(token: SoftwareToken, algorithm: KeyAlgorithm = EC) -> str:
    """Make an authentication key and have it certified; returns its id."""
    key_id = token.generate_key(KeyUsage.AUTHENTICATION, algorithm).key_id
    subject = authentication_subject(FIVRK_PROFILE, SERVER, host="localhost")
    request = token.certificate_request(key_id, subject, hosts=["localhost"])
    usage = CertificateUsage.AUTHENTICATION
    token.import_certificate(shared_ca().issue_from_request(request, usage))
    return key_id
