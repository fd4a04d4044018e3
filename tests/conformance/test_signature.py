"""Rows ``signature`` of the vectors, and every signature of the recordings."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from kerege.xroad.certificates import Trust
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.signature import (
    MESSAGE,
    Part,
    SignatureData,
    SignatureVerifier,
    VerifiedSignature,
    _structure,
    _verify,
    attachment_name,
    verify_signature,
)
from tests.vectors import LIVE, Row, needs_recordings, needs_vectors, rows, xroad_path
from tests.xroad.signature.trusts import (
    HttpPart,
    nested_parts,
    old_trust,
    parts_of,
    trust_of,
)

CONSUMER = ClientId("EE", "BUSINESS", "consumer")
TEST_ORG = ClientId("EE", "BUSINESS", "Test Org")
OTHER = ClientId("EE", "BUSINESS", "FOORBAR")
DEV_CLIENT = ClientId("DEV", "COM", "4321")
OCTOBER_2014 = datetime(2014, 10, 30, tzinfo=UTC)
JULY_2024 = datetime(2024, 7, 9, tzinfo=UTC)


def name_of_the_test_suite(
    certificate: x509.Certificate, trust: Trust, *, instance: str
) -> ClientId:
    """The vectors' CA has a profile that only the reference's own tests have."""
    if not any("Test" in ca.profile for ca in trust.authorities):
        return REAL_MEMBER_OF(certificate, trust, instance=instance)
    name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return ClientId(instance, "BUSINESS", str(name))


REAL_MEMBER_OF = _verify.member_of


@pytest.fixture(autouse=True)
def _test_profile(monkeypatch):
    monkeypatch.setattr(_verify, "member_of", name_of_the_test_suite)


def part_of(row: Row, index: int, uri: str = MESSAGE) -> Part:
    return Part.of(uri, row.read(index))


def non_batch(row: Row, attachment: bytes) -> VerifiedSignature:
    return verify_signature(
        SignatureData(row.read(0)),
        [part_of(row, 1), Part.of(attachment_name(1), attachment)],
        signer=DEV_CLIENT,
        trust=trust_of(row.read(3)),
        at=JULY_2024,
    )


def check(row: Row) -> None:
    """Do what the row's ``setup`` says."""
    if "parse only" in row.setup + row.notes:
        _structure.find_signature(row.read(0), check_schema="sample" not in row.setup)
        return
    match row.case:
        case "NonBatchSignature.verifyValid":
            non_batch(row, row.read(2))
            return
        case "NonBatchSignature.failOnInvalidHash":
            non_batch(row, b"\x01")
            return
    data, parts, signer = SignatureData(row.read(0)), [], CONSUMER
    shared_params = next(i for i in row.inputs if i.endswith("shared-params.xml"))
    match row.case:
        case "verifyValidSignature" | "verifyValidBackwardCompatibleSignature":
            parts = [part_of(row, 1)]
        case "verifyValidSignatureHashChain":
            data = SignatureData(row.read(0), row.read(1), row.read(2))
            parts = [part_of(row, 3), Part.of(attachment_name(1), b"blaah")]
        case "invalidSignerName":
            signer = OTHER
        case "invalidAttachmentHash":
            parts = [Part.of(MESSAGE, b"foo")]
        case (
            "extraCertsMissingId" | "extraCertsMissingCert" | "extraCertsDigestInvalid"
        ):
            signer = TEST_ORG
        case "noSigningCertificate" | "invalidSignatureValue" | "ocspNoResponses":
            pass
        case _:
            pytest.fail(f"The row {row.case} is new")
    verify_signature(
        data,
        parts,
        signer=signer,
        trust=old_trust(xroad_path(shared_params).read_bytes()),
        at=OCTOBER_2014,
    )


@needs_vectors
@pytest.mark.parametrize("row", rows("signature"))
def test_a_signature_gets_the_verdict_of_the_reference(row: Row):
    if row.expected == "pass":
        check(row)
        return
    with pytest.raises(XRoadError) as refused:
        check(row)
    assert refused.value.code == row.error_code


# --- recordings of two running servers ------------------------------------------------

SEVEN = datetime(2026, 11, 24, 7, tzinfo=UTC)
SIX = datetime(2026, 11, 24, 6, tzinfo=UTC)
CONSUMER_MEMBER = ClientId("TEST", "COM", "1234", "Client")
PRODUCER_MEMBER = ClientId("TEST", "GOV", "5678", "Service")
SIGNATURE_TYPE = "signature/bdoc-1.0/ts"
MUTATED = {
    "rest-mutated-body": "malformed_signature.invalid_hash_chain",
    "soap-mutated-body": "invalid_signature_value",
}
"""Without the prefix server.clientproxy.signature_verification of the README."""


def recordings() -> list[object]:
    """Every recorded message with a signature, of both sets."""
    return [
        pytest.param(path, id=str(path.relative_to(LIVE)))
        for folder in ("recordings", "recordings-messagelog")
        for path in sorted((LIVE / folder).glob("**/proxy-*.http"))
        if SIGNATURE_TYPE.encode() in path.read_bytes()
    ]


def live_trust() -> Trust:
    found = sorted((LIVE / "globalconf").glob("**/shared-params.xml"))
    return trust_of(found[0].read_bytes(), freshness=86400)


def message_of(http: list[HttpPart]) -> tuple[SignatureData, list[Part]]:
    """Return the signature and what it must cover, of one recorded message."""
    by_type = {part.content_type: part.body for part in http}
    data = SignatureData(
        by_type[SIGNATURE_TYPE],
        by_type.get("application/hash-chain-result"),
        by_type.get("application/hash-chain"),
    )
    parts: list[Part] = []
    for part in http:
        if part.content_type.startswith(("application/x-road-rest-re", "text/xml")):
            parts.append(Part.of(MESSAGE, part.body))
        elif part.content_type == "application/x-road-rest-body":
            parts.append(Part.of(attachment_name(1), part.body))
        elif part.content_type.startswith("multipart/mixed"):
            parts += [
                Part.of(attachment_name(number), each.body)
                for number, each in enumerate(nested_parts(part), 1)
            ]
        elif part.content_type.startswith("application/xop+xml"):
            parts.append(Part.of(MESSAGE, part.body))
    return data, parts


@needs_recordings
@pytest.mark.parametrize("path", recordings())
def test_a_recorded_signature_verifies_unless_the_relay_changed_the_message(path: Path):
    data, parts = message_of(parts_of(path.read_bytes()))
    assert parts
    request = path.name == "proxy-request.http"
    signer = CONSUMER_MEMBER if request else PRODUCER_MEMBER
    at = SIX if "recordings-messagelog" in path.parts else SEVEN
    verifier = SignatureVerifier(live_trust())
    if not request and path.parent.name in MUTATED:
        with pytest.raises(XRoadError) as refused:
            verifier.verify(data, parts, signer=signer, at=at)
        assert refused.value.code == MUTATED[path.parent.name]
        return
    verified = verifier.verify(data, parts, signer=signer, at=at)
    assert verified.signer == signer.member
    assert verified.trusted == ()


@needs_recordings
def test_messages_of_one_recorded_batch_share_a_signature_that_is_verified_once(
    monkeypatch,
):
    calls = []
    real = _verify.verify_raw
    monkeypatch.setattr(
        _verify, "verify_raw", lambda *given: (calls.append(given), real(*given))
    )
    verifier = SignatureVerifier(live_trust())
    signatures = set()
    for path in sorted(
        (LIVE / "recordings" / "rest-batch").glob("*/proxy-request.http")
    ):
        data, parts = message_of(parts_of(path.read_bytes()))
        verifier.verify(data, parts, signer=CONSUMER_MEMBER, at=SEVEN)
        signatures.add(data.signature)
    assert len(signatures) < 4
    assert len(calls) == len(signatures)
