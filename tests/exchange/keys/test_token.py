"""A software token's life: made, opened, filled, used, closed, damaged."""

import json
import stat
from datetime import datetime, timedelta

import pytest
from asn1crypto import keys, pem
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from kerege.exchange.keys import (
    CertificateStatus,
    KeyAlgorithm,
    KeyUsage,
    Pin,
    PinPolicy,
    SoftwareToken,
)
from kerege.exchange.keys.wrapping import SealedPassphrase
from kerege.trust.authority import CertificateUsage
from kerege.trust.subjects import FIVRK_PROFILE, signing_subject
from kerege.xroad.faults import XRoadError
from tests.exchange.keys.tokens import (
    CHEAP,
    EC,
    PIN,
    add_authentication_key,
    add_signing_key,
    new_token,
)
from tests.trust.authorities import (
    AIMAK,
    HOSPITAL,
    NOW,
    SERVER,
    leaf_key,
    new_ca,
    shared_ca,
)


def code_of(call, *arguments, **named) -> str:
    with pytest.raises(XRoadError) as refused:
        call(*arguments, **named)
    return refused.value.code


# Opening


def test_a_new_token_is_closed_and_its_pin_opens_it(tmp_path):
    token = new_token(tmp_path, is_open=False)
    assert not token.is_active
    token.login(PIN)
    assert token.is_active


def test_another_pin_does_not_open_it(tmp_path):
    token = new_token(tmp_path, is_open=False)
    assert code_of(token.login, PIN + "!") == "pin_incorrect"
    assert code_of(token.login, "") == "pin_incorrect"
    assert code_of(token.login, "x" * 2000) == "pin_incorrect"
    assert not token.is_active


def test_wrong_pins_in_a_row_make_the_next_one_wait(tmp_path):
    now = NOW
    new_token(tmp_path)
    token = SoftwareToken.open(tmp_path / "token", clock=lambda: now)
    for _ in range(3):
        assert code_of(token.login, "wrong") == "pin_incorrect"
    assert code_of(token.login, PIN) == "login_failed"
    now += timedelta(seconds=1)
    assert code_of(token.login, "wrong") == "pin_incorrect"
    now += timedelta(seconds=1)
    assert code_of(token.login, PIN) == "login_failed"
    now += timedelta(seconds=1)
    token.login(PIN)
    token.logout()
    assert code_of(token.login, "wrong") == "pin_incorrect"
    token.login(PIN)


def test_nobody_waits_longer_than_five_minutes(tmp_path):
    now = NOW
    new_token(tmp_path)
    token = SoftwareToken.open(tmp_path / "token", clock=lambda: now)
    for _ in range(40):
        assert code_of(token.login, "wrong") == "pin_incorrect"
        now += timedelta(minutes=5)
    token.login(PIN)


def test_a_folder_holds_one_token(tmp_path):
    new_token(tmp_path)
    assert code_of(new_token, tmp_path) == "action_not_possible"


def test_there_must_be_a_token(tmp_path):
    assert code_of(SoftwareToken.open, tmp_path / "nothing") == "token_not_found"


def test_a_strict_policy_refuses_a_weak_pin(tmp_path):
    create = SoftwareToken.create
    strict = {"policy": PinPolicy.STRICT, "cost": CHEAP}
    code = code_of(create, tmp_path / "t", "short", **strict)
    assert code == "token_pin_policy_failure"
    assert not (tmp_path / "t").exists()
    create(tmp_path / "t", "Longer-1234", **strict)


def test_a_new_pin_opens_and_the_old_one_does_not(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    token.change_pin(PIN, "another one")
    again = SoftwareToken.open(tmp_path / "token", clock=lambda: NOW)
    assert code_of(again.login, PIN) == "pin_incorrect"
    again.login(Pin("another one"))
    again.signer(AIMAK).sign(b"data")
    assert code_of(again.change_pin, PIN, "third") == "pin_incorrect"
    weak = code_of(again.change_pin, "another one", "x", policy=PinPolicy.STRICT)
    assert weak == "token_pin_policy_failure"


# Keys


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_every_kind_of_key_signs_and_survives_a_restart(tmp_path, algorithm):
    token = new_token(tmp_path)
    key_id = add_signing_key(token, AIMAK, algorithm)
    again = SoftwareToken.open(tmp_path / "token", clock=lambda: NOW)
    assert again.metadata.key(key_id).algorithm is algorithm
    again.login(PIN)
    assert again.signer(AIMAK).sign(b"data")


def test_a_closed_token_shows_its_keys_and_does_nothing_with_them(tmp_path):
    token = new_token(tmp_path)
    key_id = add_signing_key(token, AIMAK)
    add_authentication_key(token)
    signer = token.signer(AIMAK)
    token.logout()
    assert token.metadata.key(key_id).usage is KeyUsage.SIGNING
    subject = signing_subject(FIVRK_PROFILE, AIMAK, SERVER)
    assert code_of(token.generate_key, KeyUsage.SIGNING) == "token_not_active"
    assert code_of(token.certificate_request, key_id, subject) == "token_not_active"
    assert code_of(token.delete_key, key_id) == "token_not_active"
    assert code_of(token.signer, AIMAK) == "token_not_active"
    assert code_of(token.authentication_key) == "token_not_active"
    assert code_of(signer.sign, b"data") == "token_not_active"


def test_a_deleted_key_is_gone(tmp_path):
    token = new_token(tmp_path)
    key_id = add_signing_key(token, AIMAK)
    signer = token.signer(AIMAK)
    token.delete_key(key_id)
    assert code_of(token.delete_key, key_id) == "key_not_found"
    assert code_of(signer.sign, b"data") == "token_not_active"
    assert not list((tmp_path / "token").glob("*.pem"))


def test_another_process_sees_new_keys_after_a_reload(tmp_path):
    server = new_token(tmp_path)
    command = SoftwareToken.open(tmp_path / "token", clock=lambda: NOW)
    command.login(PIN)
    add_signing_key(command, AIMAK)
    assert code_of(server.signer, AIMAK) == "unknown_member"
    server.reload()
    server.signer(AIMAK).sign(b"data")


def test_of_two_who_make_a_token_in_one_folder_the_second_is_refused(
    tmp_path, monkeypatch
):
    seal = SealedPassphrase.seal

    def slow(*arguments: object) -> SealedPassphrase:
        monkeypatch.undo()  # while one stretches a PIN, another makes the token
        new_token(tmp_path).generate_key(KeyUsage.SIGNING, EC)
        return seal(*arguments)

    monkeypatch.setattr(SealedPassphrase, "seal", slow)
    assert code_of(new_token, tmp_path) == "action_not_possible"

    token = SoftwareToken.open(tmp_path / "token")
    token.login(PIN)
    assert len(token.metadata.keys) == 1


def test_two_processes_that_write_lose_nothing(tmp_path):
    one = new_token(tmp_path)
    other = SoftwareToken.open(tmp_path / "token", clock=lambda: NOW)
    other.login(PIN)
    add_signing_key(one, AIMAK)
    add_signing_key(other, HOSPITAL)
    for token in (other, SoftwareToken.open(tmp_path / "token")):
        members = {
            record.member for key in token.metadata.keys for record in key.certificates
        }
        assert members == {AIMAK, HOSPITAL}


# Requests and certificates


def test_a_request_names_subject_key_usage_and_hosts(tmp_path):
    token = new_token(tmp_path)
    key = token.generate_key(KeyUsage.AUTHENTICATION, EC, label="auth 2027")
    subject = signing_subject(FIVRK_PROFILE, AIMAK, SERVER)
    der = token.certificate_request(
        key.key_id,
        subject,
        hosts=["ss1.example", "127.0.0.11"],
        encoding=Encoding.DER,
    )
    request = x509.load_der_x509_csr(der)
    assert request.is_signature_valid
    assert request.subject == subject
    usage = request.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.content_commitment
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["ss1.example"]


def test_a_request_for_an_impossible_host_is_refused(tmp_path):
    token = new_token(tmp_path)
    key = token.generate_key(KeyUsage.AUTHENTICATION, EC)
    subject = signing_subject(FIVRK_PROFILE, AIMAK, SERVER)
    code = code_of(token.certificate_request, key.key_id, subject, hosts=["өкмөт"])
    assert code == "failed_to_generate_certificate_request"
    assert code_of(token.certificate_request, "0" * 40, subject) == "key_not_found"


def certified(token: SoftwareToken, usage: KeyUsage, given: CertificateUsage):
    """Return a certificate for a new key of ``usage``, made for ``given``."""
    key = token.generate_key(usage, EC)
    subject = signing_subject(FIVRK_PROFILE, AIMAK, SERVER)
    request = token.certificate_request(key.key_id, subject)
    return shared_ca().issue_from_request(request, given)


def test_a_certificate_is_kept_with_its_key(tmp_path):
    token = new_token(tmp_path)
    certificate = certified(token, KeyUsage.SIGNING, CertificateUsage.SIGNING)
    text = certificate.public_bytes(Encoding.PEM)
    record = token.import_certificate(text, member=AIMAK).certificates[0]
    assert record.certificate == certificate
    assert record.member == AIMAK
    assert record.status is CertificateStatus.REGISTERED
    assert record.active


def test_an_authentication_certificate_is_saved_until_it_is_registered(tmp_path):
    token = new_token(tmp_path)
    usage = CertificateUsage.AUTHENTICATION
    certificate = certified(token, KeyUsage.AUTHENTICATION, usage)
    der = certificate.public_bytes(Encoding.DER)
    record = token.import_certificate(der).certificates[0]
    assert (record.member, record.status) == (None, CertificateStatus.SAVED)
    token.set_certificate(certificate, status=CertificateStatus.REGISTERED)
    key = token.metadata.keys[0]
    assert key.certificates[0].status is CertificateStatus.REGISTERED


def test_what_does_not_fit_is_not_imported(tmp_path):
    token = new_token(tmp_path)
    kept = certified(token, KeyUsage.SIGNING, CertificateUsage.SIGNING)
    token.import_certificate(kept, member=AIMAK)
    stranger = shared_ca().issue_signing(leaf_key().public_key(), AIMAK, SERVER)
    wrong = certified(token, KeyUsage.SIGNING, CertificateUsage.AUTHENTICATION)
    swapped = certified(token, KeyUsage.AUTHENTICATION, CertificateUsage.SIGNING)
    nobody = certified(token, KeyUsage.SIGNING, CertificateUsage.SIGNING)

    def refusal(certificate, member=AIMAK):
        return code_of(token.import_certificate, certificate, member=member)

    assert refusal(kept) == "cert_exists"
    assert refusal(stranger) == "key_not_found"
    assert refusal(wrong) == "wrong_cert_usage"
    assert refusal(swapped) == "wrong_cert_usage"
    assert refusal(nobody, None) == "cannot_get_member_id_from_certificate"
    assert refusal(b"\x30\x00") == "incorrect_certificate"
    assert refusal(b"-----BEGIN CERTIFICATE-----\n") == "incorrect_certificate"


def test_a_certificate_can_be_removed(tmp_path):
    token = new_token(tmp_path)
    key_id = add_signing_key(token, AIMAK)
    certificate = token.metadata.key(key_id).certificates[0].certificate
    token.delete_certificate(certificate)
    assert token.metadata.key(key_id).certificates == ()
    assert code_of(token.delete_certificate, certificate) == "cert_not_found"
    assert code_of(token.signer, AIMAK) == "unknown_member"


# Damage


def test_files_are_for_their_owner_only(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    folder = tmp_path / "token"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("pattern", ["token.json", "*.pem"])
def test_a_file_that_others_can_read_is_not_used(tmp_path, pattern):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    (file,) = (tmp_path / "token").glob(pattern)
    file.chmod(0o640)

    def use() -> None:
        SoftwareToken.open(tmp_path / "token").login(PIN)

    assert code_of(use) == "token_not_available"


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_folder_in_which_others_can_put_files_is_not_used(tmp_path, mode):
    new_token(tmp_path)
    (tmp_path / "token").chmod(mode)
    assert code_of(SoftwareToken.open, tmp_path / "token") == "token_not_available"
    (tmp_path / "token").chmod(0o755)
    SoftwareToken.open(tmp_path / "token").login(PIN)


def test_a_missing_or_damaged_key_file_is_told_and_stops_nobody_else(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    (file,) = (tmp_path / "token").glob("*.pem")
    add_signing_key(token, HOSPITAL)
    whole = file.read_bytes()
    for damage in (
        lambda: file.write_bytes(whole[: len(whole) // 2]),
        file.unlink,
    ):
        damage()
        again = SoftwareToken.open(tmp_path / "token", clock=lambda: NOW)
        again.login(PIN)
        assert list(again.closed_keys) == [file.stem]
        with pytest.raises(XRoadError, match=file.stem) as refused:
            again.signer(AIMAK)
        assert refused.value.code == "key_not_available"
        assert again.signer(HOSPITAL).sign(b"data")
    file.touch(0o600)
    file.write_bytes(whole)
    again.reload()
    assert not again.closed_keys
    assert again.signer(AIMAK).sign(b"data")


def test_an_older_key_signs_while_the_file_of_the_newest_is_away(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    before = set((tmp_path / "token").glob("*.pem"))
    old = token.signer(AIMAK).certificate
    add_signing_key(token, AIMAK)
    (newest,) = set((tmp_path / "token").glob("*.pem")) - before
    newest.unlink()
    again = SoftwareToken.open(tmp_path / "token", clock=lambda: NOW)
    again.login(PIN)
    assert again.signer(AIMAK).certificate == old


def test_the_file_of_another_key_is_not_taken(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    add_signing_key(token, HOSPITAL)
    one, other = sorted((tmp_path / "token").glob("*.pem"))
    one.write_bytes(other.read_bytes())
    again = SoftwareToken.open(tmp_path / "token")
    again.login(PIN)
    assert "holds another key" in again.closed_keys[one.stem].message
    assert not again.closed_keys.keys() & {other.stem}


def test_files_of_a_strange_size_or_kind_are_told(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    (file,) = (tmp_path / "token").glob("*.pem")
    file.write_bytes(b"x" * 100_000)
    again = SoftwareToken.open(tmp_path / "token")
    assert code_of(again.login, PIN) == "malformed_key_conf"
    metadata = tmp_path / "token" / "token.json"
    metadata.unlink()
    metadata.mkdir()
    code = code_of(SoftwareToken.open, tmp_path / "token")
    assert code == "token_not_available"


def test_a_damaged_seal_is_not_a_wrong_pin(tmp_path):
    """A short nonce is no seal at all; guessing goes on counting for the others."""
    new_token(tmp_path)
    metadata = tmp_path / "token" / "token.json"
    document = json.loads(metadata.read_bytes())
    document["passphrase"]["sealed"] = "AAAA"
    metadata.write_bytes(json.dumps(document).encode())
    token = SoftwareToken.open(tmp_path / "token")
    assert code_of(token.login, PIN) == "malformed_key_conf"


def test_a_write_that_fails_leaves_the_old_and_no_litter(tmp_path, monkeypatch):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    before = sorted(file.name for file in (tmp_path / "token").iterdir())

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        add_signing_key(token, HOSPITAL)
    monkeypatch.undo()
    assert sorted(file.name for file in (tmp_path / "token").iterdir()) == before
    SoftwareToken.open(tmp_path / "token").login(PIN)


def test_a_private_key_is_on_disk_only_encrypted(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    (file,) = (tmp_path / "token").glob("*.pem")
    with pytest.raises(ValueError, match="password"):
        load_pem_private_key(file.read_bytes(), PIN.encode())
    der = pem.unarmor(file.read_bytes())[2]
    encrypted = keys.EncryptedPrivateKeyInfo.load(der, strict=True)
    assert encrypted["encryption_algorithm"].encryption_cipher == "aes"
    assert encrypted["encryption_algorithm"].key_length == 32


def test_no_representation_shows_a_secret(tmp_path):
    token = new_token(tmp_path)
    add_authentication_key(token)
    shown = f"{Pin(PIN)!r} {Pin(PIN)} {token!r} {token.authentication_key()!r}"
    assert PIN not in shown
    assert "PrivateKey" not in shown


def test_nothing_is_accepted_before_its_time_or_after(tmp_path):
    moment = NOW
    new_token(tmp_path)
    token = SoftwareToken.open(tmp_path / "token", clock=lambda: moment)
    token.login(PIN)
    add_signing_key(token, AIMAK)
    add_authentication_key(token)
    token.signer(AIMAK)
    for other in (NOW - timedelta(days=1), datetime.max.replace(tzinfo=NOW.tzinfo)):
        moment = other
        assert code_of(token.signer, AIMAK) == "key_not_available"
        assert code_of(token.authentication_key) == "key_not_available"


def test_a_certificate_of_an_unknown_ca_is_kept_all_the_same(tmp_path):
    """Trust is the caller's question, who has the global configuration."""
    token = new_token(tmp_path)
    key = token.generate_key(KeyUsage.SIGNING, EC)
    subject = signing_subject(FIVRK_PROFILE, AIMAK, SERVER)
    request = token.certificate_request(key.key_id, subject)
    certificate = new_ca().issue_from_request(request, CertificateUsage.SIGNING)
    token.import_certificate(certificate, member=AIMAK)
    token.signer(AIMAK).sign(b"data")
