"""Certificate paths, chains and profiles: the rows that the reference's own tests have.

The vectors' certificates are signed over SHA-1, hence `LEGACY`. The global
configuration of the upstream test approves the intermediates of a row, and lets one
responder answer for all of them.
"""

import base64
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from kerege.xroad.certificates import (
    LEGACY,
    ChainVerifier,
    member_of_subject,
    verify_chain,
)
from kerege.xroad.faults import XRoadError
from tests.conformance.stores import identity, live_certificate, live_trust
from tests.vectors import LIVE, Row, needs_recordings, needs_vectors, rows
from tests.xroad.certificates.pki import Answer, Identity, name, respond, trust_in

pytestmark = needs_vectors

DAY = timedelta(days=1)
LONG_AGO_TODAY = datetime(2026, 11, 24, tzinfo=UTC)
RESPONDER_TIME = datetime(2020, 1, 1, tzinfo=UTC)
"""When the vectors' responder certificate is valid; a time to come is not refused."""


class Chain:
    """The certificates of a row: user, intermediates, root, responder."""

    def __init__(self, row: Row) -> None:
        self.user, *cas, self.root, self.responder = map(identity, row.inputs)
        self.cas: list[Identity] = cas

    def verify(self, responses: list[bytes], at: datetime) -> x509.Certificate:
        trust = trust_in(
            self.root, *self.cas, responders=[self.responder], algorithms=LEGACY
        )
        chain = verify_chain(
            self.user.certificate,
            extra=[ca.certificate for ca in self.cas],
            trust=trust,
            ocsp_responses=responses,
            at=at,
        )
        assert len(chain.statuses) == len(chain.certificates) - 1
        return chain.certificates[-1]

    def responses(
        self, status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
    ) -> list[bytes]:
        """One for each certificate but the root, from the user upwards."""
        certificates = [
            c.certificate for c in (self.user, *reversed(self.cas), self.root)
        ]
        answer = Answer(status=status, this_update=RESPONDER_TIME)
        return [
            respond(subject, issuer, self.responder, answer)
            for subject, issuer in pairwise(certificates)
        ]


@pytest.mark.parametrize("row", rows("cert-chain"))
def test_a_chain_gets_the_verdict_of_the_reference(row: Row) -> None:
    chain = Chain(row)
    at = {
        "chainWithNoIntermediates": chain.user.certificate.not_valid_before_utc + DAY,
        "chainWithMissingIntermediate": LONG_AGO_TODAY,
    }.get(row.case, chain.root.certificate.not_valid_before_utc + DAY)
    if "no date" in row.setup:
        at = chain.user.certificate.not_valid_before_utc + DAY
    responses = [] if "path only" in row.setup else chain.responses()
    if row.case == "missingOcspResponse":
        del responses[2]  # user_3, ca_3, ca_2, ca_1
    if row.case == "invalidOcspResponse":
        responses = chain.responses(ocsp.OCSPCertStatus.REVOKED)

    if row.expected == "pass":
        assert chain.verify(responses, at) == chain.root.certificate
    else:
        with pytest.raises(XRoadError) as refused:
            chain.verify(responses, at)
        assert refused.value.code == row.error_code


def test_a_missing_intermediate_is_found_when_everything_was_valid_too() -> None:
    (row,) = (
        each.values[0]
        for each in rows("cert-chain")
        if each.values[0].case == "chainWithMissingIntermediate"
    )
    chain = Chain(row)

    with pytest.raises(XRoadError) as refused:
        chain.verify([], chain.user.certificate.not_valid_before_utc + DAY)

    assert refused.value.code == "cannot_create_cert_path.internal_error"
    assert "not an approved certification service" in refused.value.message


PACKAGE = "ee.ria.xroad.common.certificateprofile.impl."
PROFILES = {
    "FI": "FiVRKCertificateProfileInfoProvider",
    "EJBCA": "EjbcaCertificateProfileInfoProvider",
    "FO": "FoCertificateProfileInfoProvider",
    "SK EstEID": "SkEsteIdCertificateProfileInfoProvider",
    "SK Klass3": "SkKlass3CertificateProfileInfoProvider",
    "Basic": "BasicCertificateProfileInfoProvider",
}
SUBJECTS: dict[str, dict[str, str]] = {
    "FI serialNumber form": {
        "C=FI, O=ACME, CN=1234567-8, serialNumber=FI-TEST/serverCode/PUB": (
            "FI-TEST/PUB/1234567-8"
        )
    },
    "FI empty components": {"C=FI, O=ACME, CN=1234567-8, serialNumber=///": ""},
    "FI too many components": {"C=FI, O=ACME, CN=1234567-8, serialNumber=1/2/3/4": ""},
    "FI wrong country": {"C=XX, O=ACME, CN=1234567-8, serialNumber=1/2/3": ""},
    "FI organisation missing": {"C=FI, CN=1234567-8, serialNumber=1/2/3": ""},
    "FI legacy": {"C=FI, O=FI-TEST, OU=PUB, CN=1234567-8": "FI-TEST/PUB/1234567-8"},
    "FI legacy wrong country": {"C=XX, O=FI-TEST, OU=PUB, CN=1234567-8": ""},
    "FI oldest": {"C=FI-DEV, O=GOV, CN=0245437-2": "FI-DEV/GOV/0245437-2"},
    "EJBCA": {"C=XX, O=Foo, CN=bar": "XX/Foo/bar"},
    "FO": {"C=FO, O=XX, OU=Foo, CN=bar, serialNumber=qux": "XX/Foo/bar"},
    "SK EstEID": {"SERIALNUMBER=foobar": "XX/PERSON/foobar"},
    "SK Klass3 serial 1..6": {
        f"SERIALNUMBER={d}6543212": f"XX/COM/{d}6543212" for d in range(1, 7)
    },
    "SK Klass3 serial 7": {"SERIALNUMBER=76543212": "XX/GOV/76543212"},
    "SK Klass3 serial 8 9": {
        "SERIALNUMBER=86543212": "XX/NGO/86543212",
        "SERIALNUMBER=96543212": "XX/NGO/96543212",
    },
    "SK Klass3 organizationIdentifier": {
        "2.5.4.97=NTREE-16543212": "XX/COM/16543212",
        "2.5.4.97=GO:EE-86543212": "XX/GOV/86543212",
        "2.5.4.97=NP:EE-96543212": "XX/NGO/96543212",
        "2.5.4.97=NP:FI-96543212": "XX/NEE/NP:FI-96543212",
    },
    "SK Klass3 bad serials": {
        "SERIALNUMBER=123": "",
        "CN=no serial": "",
        "SERIALNUMBER=s1234567": "",
    },
    "Basic": {
        "CN=n, O=n, businessCategory=bar, C=XX, serialNumber=baz": "XX/bar/baz",
    },
}
"""Subjects of each row, with the member they name; nothing where they are refused."""


@pytest.mark.parametrize("row", rows("cert-profile"))
def test_a_subject_names_the_member_that_the_reference_reads(row: Row) -> None:
    profile = next(
        PROFILES[key]
        for key in sorted(PROFILES, key=len, reverse=True)
        if row.case.startswith(key)
    )

    for subject, member in SUBJECTS[row.case].items():
        if row.expected == "pass":
            found = member_of_subject(name(subject), PACKAGE + profile, instance="XX")
            assert found.short == member
        else:
            with pytest.raises(XRoadError) as refused:
                member_of_subject(name(subject), PACKAGE + profile, instance="XX")
            assert refused.value.code == row.error_code


@pytest.mark.parametrize(
    ("profile", "subject", "code"),
    [
        ("SkEsteId", "CN=no serial number", "invalid_certificate"),
        ("Basic", "CN=n, O=n, C=XX, serialNumber=baz", "incorrect_certificate"),
        ("Basic", "CN=n, O=n, C=XX, businessCategory=bar", "incorrect_certificate"),
    ],
)
def test_what_the_notes_say_is_required_is_required(
    profile: str, subject: str, code: str
) -> None:
    profile += "CertificateProfileInfoProvider"

    with pytest.raises(XRoadError) as refused:
        member_of_subject(name(subject), PACKAGE + profile, instance="XX")

    assert refused.value.code == code


RECORDED_OCSP = re.compile(rb"EncapsulatedOCSPValue[^>]*>([A-Za-z0-9+/=\s]+)<")


def body_of(message: Path) -> bytes:
    head, _, body = message.read_bytes().partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        return body
    chunks = []
    while size := int((line := body.partition(b"\r\n"))[0] or b"0", 16):
        chunks.append(line[2][:size])
        body = line[2][size + 2 :]
    return b"".join(chunks)


MESSAGES = sorted(LIVE.glob("recordings*/**/proxy-re*.http"))


@needs_recordings
@pytest.mark.parametrize(
    "message", MESSAGES, ids=lambda path: str(path.relative_to(LIVE).with_suffix(""))
)
def test_every_recorded_ocsp_response_proves_its_sender(message: Path) -> None:
    hour = 6 if "messagelog" in str(message) else 7
    at = datetime(2026, 11, 24, hour, tzinfo=UTC)
    responses = [
        base64.b64decode(text) for text in RECORDED_OCSP.findall(body_of(message))
    ]
    sender = "ss1-sign" if message.stem == "proxy-request" else "ss2-sign"

    for response in responses:
        chain = ChainVerifier(live_trust()).verify(
            live_certificate(sender), extra=(), ocsp_responses=[response], at=at
        )
        assert chain.certificates[-1] == live_certificate("ca")


@needs_recordings
def test_most_recorded_messages_carry_an_ocsp_response() -> None:
    found = sum(bool(RECORDED_OCSP.search(body_of(path))) for path in MESSAGES)

    assert found > 100
