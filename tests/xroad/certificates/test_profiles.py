"""Members from signing certificates, and subjects for requests, by profile."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from kerege.xroad.certificates import (
    Trust,
    authentication_subject,
    member_of,
    member_of_subject,
    signing_subject,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId
from tests.xroad.certificates.pki import (
    EJBCA,
    OIDS,
    Identity,
    Template,
    issue,
    name,
    root,
    trust_in,
)

SUFFIX = "CertificateProfileInfoProvider"
AIMAK = ClientId("central-server", "GOV", "70000050")
SERVER = SecurityServerId("central-server", "GOV", "70000050", "ss1")
CA = root("CN=Root")


def read(profile: str, subject: str) -> str:
    found = member_of_subject(name(subject), profile + SUFFIX, instance="own")
    return found.short


def refusal(profile: str, subject: str) -> str:
    with pytest.raises(XRoadError) as refused:
        read(profile, subject)
    return refused.value.code


@pytest.mark.parametrize(
    ("profile", "subject", "member"),
    [
        ("Is", "C=IS, O=I, OU=GOV, CN=1, serialNumber=s", "I/GOV/1"),
        ("Is", "C=I, O=GOV, CN=1", "I/GOV/1"),
        ("Fo", "C=FO, O=I, OU=GOV, CN=1, serialNumber=s", "I/GOV/1"),
        ("BasicACME", "businessCategory=GOV, serialNumber=1", "own/GOV/1"),
        ("Basic", "businessCategory=GOV, serialNumber=1", "own/GOV/1"),
        ("FiVRK", "C=FI, O=I, OU=GOV, CN=1", "I/GOV/1"),
        ("FiVRK", "C=I, O=GOV, CN=1", "I/GOV/1"),
        ("SkEsteId", "SERIALNUMBER=1", "own/PERSON/1"),
        ("SkKlass3", "2.5.4.97=GO:EE-1", "own/GOV/1"),
        ("SkKlass3", "2.5.4.97=VATDE-1", "own/NEE/VATDE-1"),
        ("FiVRK", "C=FI, O=o, CN=1, serialNumber=I//GOV", "I/GOV/1"),
        ("FiVRK", "C=FI, O=o, CN=1, serialNumber=I/s/GOV/", "I/GOV/1"),
        ("Ejbca", "C=I, O=GOV, CN=first, CN=last", "I/GOV/last"),
        ("SkKlass3", "2.5.4.97=, SERIALNUMBER=10000000", "own/COM/10000000"),
    ],
)
def test_a_subject_names_its_member(profile: str, subject: str, member: str) -> None:
    assert read(profile, subject) == member


@pytest.mark.parametrize(
    ("profile", "subject", "code"),
    [
        ("Is", "C=XX, O=I, OU=GOV, CN=1, serialNumber=s", "incorrect_certificate"),
        ("Is", "C=IS, O=I, OU=GOV, CN=1", "incorrect_certificate"),
        ("Is", "C=IS, O=I, CN=1, serialNumber=s", "incorrect_certificate"),
        ("Fo", "C=FO, O=I, OU=GOV, CN=1", "incorrect_certificate"),
        ("Fo", "C=IS, O=I, OU=GOV, CN=1, serialNumber=s", "incorrect_certificate"),
        ("Fo", "C=FO, OU=GOV, CN=1, serialNumber=s", "incorrect_certificate"),
        ("Fo", "C=FO, O=I, CN=1, serialNumber=s", "incorrect_certificate"),
        ("Fo", "C=FO, O=I, OU=GOV, serialNumber=s", "incorrect_certificate"),
        ("FiVRK", "C=FI, O=o, serialNumber=I/s/GOV", "incorrect_certificate"),
        ("FiVRK", "C=FI, O=o, CN=1, serialNumber=I/s", "incorrect_certificate"),
        ("FiVRK", "C=FI, O=o, CN=1, serialNumber=/s/GOV", "incorrect_certificate"),
        ("Ejbca", "O=GOV, CN=1", "incorrect_certificate"),
        ("Ejbca", "C=I, CN=1", "incorrect_certificate"),
        ("Ejbca", "C=I, O=GOV", "incorrect_certificate"),
        ("Ejbca", "C=I, O=, CN=1", "incorrect_certificate"),
        ("Ejbca", f"C=I, O=GOV, CN={'1' * 256}", "incorrect_certificate"),
        ("BasicACME", "serialNumber=1", "invalid_certificate"),
        ("SkKlass3", "SERIALNUMBER=01234567", "internal_error"),
        ("SkKlass3", "SERIALNUMBER=١٢٣٤٥٦٧٨", "invalid_certificate"),
        ("SkKlass3", "2.5.4.97=NTREE-", "incorrect_certificate"),
        ("Kyrgyz", "C=KG, O=GOV, CN=1", "internal_error"),
    ],
)
def test_a_subject_that_does_not_fit_is_refused(
    profile: str, subject: str, code: str
) -> None:
    assert refusal(profile, subject) == code


@given(
    st.sampled_from(
        ["Ejbca", "FiVRK", "Fo", "Is", "Basic", "BasicACME", "SkKlass3", "SkEsteId"]
    ),
    st.lists(
        st.tuples(
            st.sampled_from(sorted(OIDS)),
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9),
        ),
        max_size=8,
    ),
)
def test_any_subject_names_a_member_or_is_refused(
    profile: str, attributes: list[tuple[str, str]]
) -> None:
    subject = ", ".join(f"{kind}={value}" for kind, value in attributes)
    subject = (
        subject if all("=" in part for part in subject.split(", ") if part) else ""
    )
    code = ""
    try:
        member = member_of_subject(name(subject), profile + SUFFIX, instance="own")
    except XRoadError as error:
        code = error.code
    else:
        assert all(member.codes)
    assert code in {
        "",
        "incorrect_certificate",
        "invalid_certificate",
        "internal_error",
    }


def test_a_national_profile_can_be_added() -> None:
    def kyrgyz(subject, instance: str) -> ClientId:
        return ClientId(instance, "GOV", subject.rfc4514_string())

    leaf = issue("CN=1", CA).certificate
    trust = trust_in(CA, profile="kg.Kyrgyz", profiles={"Kyrgyz": kyrgyz})

    assert member_of(leaf, trust, instance="KG") == ClientId("KG", "GOV", "CN=1")


def test_the_profile_is_that_of_the_ca_that_issued() -> None:
    leaf = issue("C=central-server, O=GOV, CN=70000050", CA)

    assert member_of(leaf.certificate, trust_in(CA), instance="any") == AIMAK


def test_an_issuer_that_is_not_approved_is_told() -> None:
    leaf = issue("C=I, O=GOV, CN=1", root("CN=Other"))

    with pytest.raises(XRoadError, match="CN=Other") as refused:
        member_of(leaf.certificate, trust_in(CA), instance="I")

    assert refused.value.code == "internal_error"


def with_two(one: Trust, other: Trust) -> Trust:
    return Trust("TEST", (*one.authorities, *other.authorities))


def test_of_two_cas_with_one_name_the_one_that_signed_counts() -> None:
    twin = root("CN=Root")
    trust = with_two(trust_in(CA, profile="Basic" + SUFFIX), trust_in(twin))
    leaf = issue("C=I, O=GOV, CN=1", twin)

    assert member_of(leaf.certificate, trust, instance="own").short == "I/GOV/1"

    forged = issue("C=I, O=GOV, CN=1", root("CN=Root"))
    with pytest.raises(XRoadError) as refused:
        member_of(forged.certificate, trust, instance="own")
    assert refused.value.code == "internal_error"


def test_a_ca_for_authentication_only_names_no_signers() -> None:
    leaf = issue("C=I, O=GOV, CN=1", CA)
    (authority,) = trust_in(CA).authorities
    trust = Trust("TEST", (replace(authority, authentication_only=True),))

    with pytest.raises(XRoadError, match="only issue authentication") as refused:
        member_of(leaf.certificate, trust, instance="I")

    assert refused.value.code == "incorrect_certificate"


def test_an_authentication_certificate_names_no_signer() -> None:
    leaf = issue("C=I, O=GOV, CN=1", CA, Template(usages=("digital_signature",)))

    with pytest.raises(XRoadError) as refused:
        member_of(leaf.certificate, trust_in(CA), instance="I")

    assert refused.value.code == "malformed_signature"


@pytest.mark.parametrize("profile", [EJBCA, "FiVRK" + SUFFIX])
def test_the_member_is_read_back_from_the_subject_requested(profile: str) -> None:
    subject = signing_subject(profile, AIMAK, SERVER, organization="Айыл өкмөтү")

    assert member_of_subject(subject, profile, instance="own") == AIMAK


def test_subjects_are_those_of_the_profiles() -> None:
    fivrk = authentication_subject(
        "FiVRK" + SUFFIX, SERVER, organization="Org", host="ss1.gov.kg"
    )
    ejbca = authentication_subject(EJBCA, SERVER)

    assert fivrk.rfc4514_string() == (
        "CN=ss1.gov.kg,2.5.4.5=central-server/ss1/GOV,O=Org,C=FI"
    )
    assert ejbca.rfc4514_string() == "CN=ss1,C=central-server"


@pytest.mark.parametrize("profile", ["Fo" + SUFFIX, "", "FiVRK" + SUFFIX])
def test_a_subject_that_cannot_be_built_is_a_validation_error(profile: str) -> None:
    for build in (
        lambda: authentication_subject(profile, SERVER),
        lambda: signing_subject(profile, AIMAK, SERVER),
    ):
        with pytest.raises(XRoadError) as refused:
            build()
        assert refused.value.code == "validation_error"


def test_trust_knows_its_certificates_and_responders() -> None:
    middle = issue("CN=Int", CA)
    responder = issue("CN=OCSP", CA)
    trust = trust_in(CA, middle, responders=[responder])
    stranger: Identity = root("CN=Stranger")

    assert trust.ca_certificates == (CA.certificate, middle.certificate)
    assert set(trust.responder_certificates) == {responder.certificate}
    assert trust.responders_of(middle.certificate) == (responder.certificate,)
    assert trust.responders_of(stranger.certificate) == ()
