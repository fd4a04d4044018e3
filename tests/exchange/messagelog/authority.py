"""Real signatures and real time-stamps, from a sandbox CA made once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from kerege.trust.ca import SandboxCA
from kerege.trust.key_kinds import KeyKind
from kerege.trust.tsa import time_stamping_unit, timestamp_response
from kerege.xroad.algorithms import (
    SHA512,
    SignatureAlgorithm,
    signature_algorithm_for,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId
from kerege.xroad.signature import (
    Part,
    SignatureData,
    SignatureTemplate,
    sign_messages,
)
from kerege.xroad.timestamp import read_timestamp_response, timestamp_request

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SERVER = SecurityServerId("TEST", "COM", "1234", "SS1")
MEMBER = ClientId("TEST", "COM", "1234")


@dataclass(frozen=True)
class TestSigner:
    """A key in memory."""

    __test__ = False

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def algorithm(self) -> SignatureAlgorithm:
        return signature_algorithm_for(self.certificate.public_key())

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data, ec.ECDSA(hashes.SHA512()))


@cache
def ca() -> SandboxCA:
    return SandboxCA.create("TEST", kind=KeyKind.EC_P256, clock=lambda: NOON)


@cache
def signer() -> TestSigner:
    key = ec.generate_private_key(ec.SECP256R1())
    return TestSigner(key, ca().issue_signing(key.public_key(), MEMBER, SERVER))


@cache
def template() -> SignatureTemplate:
    one = signer()
    return SignatureTemplate(
        one.certificate, one.algorithm, ocsp_responses=[b"\x30\x03\x0a\x01\x00"]
    )


def sign(message: bytes, body: bytes | None = None) -> SignatureData:
    """Sign one message as a server would."""
    parts = [Part.of("/message.xml", message)]
    if body is not None:
        parts.append(Part.of("/attachment1", body))
    return sign_messages(template(), signer(), [parts], NOON)[0]


def tsa_certificates() -> Sequence[x509.Certificate]:
    return (ca().tsa.certificate,)


@dataclass
class SandboxTimestamper:
    """The sandbox's TSA without the network; can be told to fail."""

    is_configured: bool = True
    failing: XRoadError | None = None
    stamped: list[bytes] = field(default_factory=list)

    async def stamp(self, data: bytes) -> bytes:
        if self.failing is not None:
            raise self.failing
        self.stamped.append(data)
        imprint = SHA512.of(data)
        response = timestamp_response(
            timestamp_request(imprint, SHA512),
            time_stamping_unit(ca()),
            at=NOON,
            serial=len(self.stamped),
        )
        return read_timestamp_response(response, tsa_certificates(), imprint=imprint)


def tsa_down() -> XRoadError:
    return XRoadError("timestamping_failed", "Nobody answers")
