"""The sandbox CA issues what X-Road's verifiers accept, and marks all of it."""

import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from kerege.trust import NOT_FOR_PRODUCTION
from kerege.trust.authority import CertificateUsage, Validity
from kerege.trust.ca import SandboxCA
from kerege.trust.ca_folder import load_ca, save_ca
from kerege.trust.key_kinds import KeyKind, generate_key
from kerege.trust.ocsp_responder import ocsp_authorities, ocsp_response
from kerege.trust.subjects import EJBCA_PROFILE, FIVRK_PROFILE, signing_subject
from kerege.xroad.certificates import (
    member_of,
    require_authentication_certificate,
    require_signing_certificate,
    verify_chain,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf.ocsp_urls import ocsp_url_of
from kerege.xroad.identifiers import ClientId, SecurityServerId
from kerege.xroad.ocsp import ocsp_request
from kerege.xroad.x509 import quiet
from tests.trust.authorities import AIMAK, NOW, SERVER, leaf_key, new_ca, shared_ca


def responses(ca: SandboxCA, certificate: x509.Certificate) -> list[bytes]:
    """Ask the CA's responder about a certificate and the intermediate above it."""
    pairs = (
        (certificate, ca.intermediate.certificate),
        (ca.intermediate.certificate, ca.root.certificate),
    )
    return [
        ocsp_response(ocsp_request(*pair), ocsp_authorities(ca), at=NOW)
        for pair in pairs
    ]


def verify(ca: SandboxCA, certificate: x509.Certificate) -> None:
    verify_chain(
        certificate,
        extra=ca.chain,
        trust=ca.trust(),
        ocsp_responses=responses(ca, certificate),
        at=NOW,
    )


@pytest.mark.parametrize("profile", [FIVRK_PROFILE, EJBCA_PROFILE])
def test_a_members_signing_certificate_is_accepted_and_names_the_member(profile):
    ca = shared_ca(profile)
    certificate = ca.issue_signing(leaf_key().public_key(), AIMAK, SERVER)
    verify(ca, certificate)
    require_signing_certificate(certificate)
    assert member_of(certificate, ca.trust(), instance="central-server") == AIMAK
    with pytest.raises(XRoadError) as refused:
        require_authentication_certificate(certificate)
    assert refused.value.code == "ssl_authentication_failed"


@pytest.mark.parametrize("profile", [FIVRK_PROFILE, EJBCA_PROFILE])
def test_a_servers_authentication_certificate_is_accepted_for_that_only(profile):
    ca = shared_ca(profile)
    certificate = ca.issue_authentication(
        leaf_key().public_key(), SERVER, host="ss1.example"
    )
    verify(ca, certificate)
    require_authentication_certificate(certificate)
    with pytest.raises(XRoadError) as refused:
        require_signing_certificate(certificate)
    assert refused.value.code == "malformed_signature"


def test_a_subsystem_gets_the_certificate_of_its_member():
    subsystem = ClientId("central-server", "GOV", "70000001", "register")
    certificate = shared_ca().issue_signing(leaf_key().public_key(), subsystem, SERVER)
    assert (
        member_of(certificate, shared_ca().trust(), instance="central-server") == AIMAK
    )


@pytest.mark.parametrize("instance", ["kg_test", "Тест-инстанс"])
@pytest.mark.parametrize("profile", [FIVRK_PROFILE, EJBCA_PROFILE])
def test_codes_may_have_letters_that_a_printable_string_lacks(profile, instance):
    ca = shared_ca(profile)
    member = ClientId(instance, "GOV", "Айыл өкмөтү_1")
    server = SecurityServerId(instance, "GOV", "Айыл өкмөтү_1", "SS_1")
    certificate = ca.issue_signing(leaf_key().public_key(), member, server)
    assert member_of(certificate, ca.trust(), instance=instance) == member


@pytest.mark.parametrize("kind", list(KeyKind))
def test_every_kind_of_key_can_be_certified(kind):
    key = generate_key(kind)
    certificate = shared_ca().issue_authentication(key.public_key(), SERVER)
    verify(shared_ca(), certificate)


def test_a_ca_with_rsa_keys_works_as_well():
    ca = SandboxCA.create("rsa", kind=KeyKind.RSA_2048, clock=lambda: NOW)
    verify(ca, ca.issue_authentication(leaf_key().public_key(), SERVER))


def test_a_key_of_another_kind_is_refused():
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    with pytest.raises(TypeError, match="RSA and EC"):
        shared_ca().issue_authentication(key, SERVER)


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="Unknown profile"):
        SandboxCA.create("x", profile="org.example.Other")


@pytest.mark.parametrize("profile", [FIVRK_PROFILE, EJBCA_PROFILE])
def test_everything_says_that_it_is_not_for_production(profile):
    ca = new_ca(profile)
    key = leaf_key().public_key()
    ca.issue_authentication(key, SERVER)
    ca.issue_signing(key, AIMAK, SERVER)
    ca.issue_tls_server(key, "localhost")
    made = [ca.root.certificate]
    for authority in (ca.root, ca.intermediate):
        made += [issued.certificate for issued in authority.register.values()]
    assert len(made) == 8
    for certificate in made:
        with quiet():
            assert NOT_FOR_PRODUCTION in certificate.subject.rfc4514_string()
            assert NOT_FOR_PRODUCTION in certificate.issuer.rfc4514_string()


@pytest.mark.parametrize(
    "validity", [Validity.already_expired(NOW), Validity.not_yet_begun(NOW)]
)
def test_certificates_out_of_their_time_can_be_had_for_tests(validity):
    certificate = shared_ca().issue_authentication(
        leaf_key().public_key(), SERVER, validity=validity
    )
    with pytest.raises(XRoadError) as refused:
        verify(shared_ca(), certificate)
    assert refused.value.code.startswith("cannot_create_cert_path")


def test_certificates_of_the_wrong_usage_can_be_had_for_tests():
    certificate = shared_ca().issue(
        leaf_key().public_key(),
        signing_subject(FIVRK_PROFILE, AIMAK, SERVER),
        CertificateUsage.AUTHENTICATION,
    )
    with pytest.raises(XRoadError) as refused:
        require_signing_certificate(certificate)
    assert refused.value.code == "malformed_signature"


def test_a_revoked_certificate_is_refused():
    ca = new_ca()
    certificate = ca.issue_authentication(leaf_key().public_key(), SERVER)
    verify(ca, certificate)
    ca.revoke(certificate.serial_number)
    with pytest.raises(XRoadError) as refused:
        verify(ca, certificate)
    assert refused.value.code == "invalid_cert_path.cert_validation"


def test_a_revoked_intermediate_takes_all_with_it():
    ca = new_ca()
    certificate = ca.issue_authentication(leaf_key().public_key(), SERVER)
    ca.revoke(ca.intermediate.certificate.serial_number)
    with pytest.raises(XRoadError) as refused:
        verify(ca, certificate)
    assert refused.value.code == "invalid_cert_path.cert_validation"


def test_what_was_not_issued_here_cannot_be_revoked():
    with pytest.raises(KeyError):
        new_ca().revoke(1)


def test_a_tls_server_certificate_has_its_names_and_addresses():
    certificate = shared_ca().issue_tls_server(
        leaf_key().public_key(), "portal.example", "127.0.0.11"
    )
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["portal.example"]
    addresses = names.value.get_values_for_type(x509.IPAddress)
    assert [str(address) for address in addresses] == ["127.0.0.11"]
    with pytest.raises(ValueError, match="at least one host"):
        shared_ca().issue_tls_server(leaf_key().public_key())


def request(subject: x509.Name) -> x509.CertificateSigningRequest:
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("ss1.example")]), critical=False
        )
        .sign(leaf_key(), hashes.SHA256())
    )


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_request_gets_its_subject_key_and_names(encoding):
    subject = signing_subject(EJBCA_PROFILE, AIMAK, SERVER)
    csr = request(subject).public_bytes(encoding)
    certificate = shared_ca().issue_from_request(csr, CertificateUsage.SIGNING)
    with quiet():
        assert certificate.subject == subject
    assert certificate.public_key() == leaf_key().public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["ss1.example"]


def test_a_request_that_was_changed_is_refused():
    csr = bytearray(
        request(signing_subject(FIVRK_PROFILE, AIMAK, SERVER)).public_bytes(
            Encoding.DER
        )
    )
    csr[-1] ^= 1
    with pytest.raises(ValueError, match="signature"):
        shared_ca().issue_from_request(bytes(csr), CertificateUsage.SIGNING)


def test_a_saved_ca_goes_on_where_it_stopped(tmp_path):
    ca = new_ca()
    certificate = ca.issue_authentication(leaf_key().public_key(), SERVER)
    ca.revoke(certificate.serial_number)
    folder = tmp_path / "ca"
    save_ca(ca, folder)

    again = load_ca(folder, clock=lambda: NOW)
    with pytest.raises(XRoadError):
        verify(again, certificate)
    verify(again, again.issue_authentication(leaf_key().public_key(), SERVER))
    assert (again.instance, again.profile) == (ca.instance, ca.profile)
    assert again.tsa.certificate == ca.tsa.certificate


def test_certificates_say_where_their_status_is(tmp_path):
    ca = new_ca()
    ca.ocsp_url = "http://127.0.0.10/ocsp"
    save_ca(ca, tmp_path / "ca")
    ca = load_ca(tmp_path / "ca", clock=lambda: NOW)
    certificate = ca.issue_authentication(leaf_key().public_key(), SERVER)
    assert ocsp_url_of(certificate) == ("http://127.0.0.10/ocsp",)
    silent = shared_ca().issue_authentication(leaf_key().public_key(), SERVER)
    assert ocsp_url_of(silent) == ()


def test_a_key_file_of_another_kind_is_refused(tmp_path):
    save_ca(new_ca(), tmp_path)
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (tmp_path / "tsa.key.pem").write_bytes(pem)
    with pytest.raises(ValueError, match="neither an RSA nor an EC key"):
        load_ca(tmp_path)


def test_the_folder_is_private_and_says_what_it_is(tmp_path):
    folder = tmp_path / "ca"
    save_ca(new_ca(), folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert NOT_FOR_PRODUCTION in (folder / "README.txt").read_text()
    with pytest.raises(FileNotFoundError):
        load_ca(tmp_path)
