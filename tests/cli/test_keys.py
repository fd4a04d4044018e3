"""From a key to a certificate in use, on the command line."""

import json
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.keys import SoftwareToken
from kerege.trust.authority import CertificateUsage
from kerege.xroad.identifiers import ClientId
from tests.cli.configurations import instance_now, save
from tests.instances import Instance

OWNER = ClientId("TEST", "COM", "1234")


@pytest.fixture
def instance() -> Instance:
    return instance_now()


@pytest.fixture
def ss(kerege, server, pin_file):
    """Commands on a server; the PIN is given to those that ask."""
    config = server / "server.toml"
    text = config.read_text().replace("TEST/GOV/1/SS1", "TEST/COM/1234/SS1")
    config.write_text(text)

    def run(*words: object, pin: str = ""):
        source = ("--pin-from", pin_file(pin)) if pin else ()
        return kerege("security-server", "keys", *words, *source, "--config", config)

    return run


@pytest.fixture
def configured(server: Path, instance: Instance) -> None:
    """The global configuration lies in the server's folder, as if downloaded."""
    save(instance, server / "globalconf")


def done(result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def keys_of(ss) -> list[dict[str, object]]:
    return json.loads(done(ss("list", "--json")))


def generated(ss, usage: str) -> str:
    done(ss("generate", usage, "--algorithm", "EC-P256", pin="Secret-pin-1"))
    return str(keys_of(ss)[-1]["key"])


def issued(
    instance: Instance, request: str, usage: CertificateUsage, file: Path
) -> Path:
    value = instance.ca.issue_from_request(request.encode(), usage)
    file.write_bytes(value.public_bytes(Encoding.PEM))
    return file


@pytest.mark.usefixtures("configured")
def test_a_signing_key_gets_its_certificate_and_is_used(ss, server, instance, tmp_path):
    key = generated(ss, "signing")
    request = done(ss("request", key[:8], pin="Secret-pin-1"))
    file = issued(instance, request, CertificateUsage.SIGNING, tmp_path / "sign.crt")
    assert "belongs to key" in done(ss("import", file))
    (found,) = keys_of(ss)
    (certificate,) = found["certificates"]
    assert certificate["member"] == "TEST/COM/1234"
    assert certificate["status"] == "registered"
    token = SoftwareToken.open(server / "token")
    token.login("Secret-pin-1")
    assert token.signer(OWNER).sign(b"x")


@pytest.mark.usefixtures("configured")
def test_an_authentication_key_needs_a_host(ss, instance, tmp_path):
    key = generated(ss, "authentication")
    refused = ss("request", key, pin="Secret-pin-1")
    assert refused.exit_code == 1
    assert "FiVRK" in refused.output
    assert "with --host NAME" in refused.output
    request = done(ss("request", key, "--host", "ss1.example", pin="Secret-pin-1"))
    csr = x509.load_pem_x509_csr(request.encode())
    assert "ss1.example" in csr.subject.rfc4514_string()
    file = issued(
        instance, request, CertificateUsage.AUTHENTICATION, tmp_path / "auth.crt"
    )
    done(ss("import", file))
    certificate = keys_of(ss)[0]["certificates"][0]
    assert (certificate["status"], certificate["member"]) == ("saved", None)
    digest = certificate["sha256"]
    marked = done(ss("mark", digest[:10], "registered"))
    assert "does not list it for this server yet" in marked
    assert "Do not reload before it does" in marked
    done(ss("deactivate", digest[:10]))
    certificate = keys_of(ss)[0]["certificates"][0]
    assert (certificate["status"], certificate["active"]) == ("registered", False)
    assert "registered  no" in done(ss("list"))
    done(ss("activate", digest[:10]))
    assert keys_of(ss)[0]["certificates"][0]["active"] is True
    done(ss("delete-certificate", digest, "--yes"))
    assert keys_of(ss)[0]["certificates"] == []


@pytest.mark.usefixtures("configured")
def test_a_request_goes_into_a_file(ss, tmp_path):
    key = generated(ss, "signing")
    file = tmp_path / "sign.csr"
    shown = done(ss("request", key, "-o", file, pin="Secret-pin-1"))
    assert shown == ""
    csr = x509.load_pem_x509_csr(file.read_bytes())
    assert "TEST/SS1/COM" in csr.subject.rfc4514_string()


@pytest.mark.usefixtures("configured")
def test_another_ca_than_those_approved_is_refused(ss):
    key = generated(ss, "signing")
    shown = ss("request", key, "--ca", "Nobody", pin="Secret-pin-1")
    assert shown.exit_code == 1
    assert "There is no approved CA 'Nobody'" in shown.output
    assert "Give --ca with one of" in shown.output


def test_without_a_global_configuration_a_subject_must_be_given(ss):
    key = generated(ss, "signing")
    shown = ss("request", key, pin="Secret-pin-1")
    assert (shown.exit_code, "configuration download" in shown.output) == (1, True)
    request = done(
        ss("request", key, "--subject", "CN=1,serialNumber=2,C=KG", pin="Secret-pin-1")
    )
    csr = x509.load_pem_x509_csr(request.encode())
    assert csr.subject.rfc4514_string() == "CN=1,2.5.4.5=2,C=KG"
    wrong = ss("request", key, "--subject", "nonsense", pin="Secret-pin-1")
    assert (wrong.exit_code, "cannot be read" in wrong.output) == (1, True)


def test_without_a_global_configuration_a_member_must_be_given(ss, instance, tmp_path):
    key = generated(ss, "signing")
    request = done(ss("request", key, "--subject", "CN=1", pin="Secret-pin-1"))
    file = issued(instance, request, CertificateUsage.SIGNING, tmp_path / "sign.crt")
    shown = ss("import", file)
    assert (shown.exit_code, "Give --member ID" in shown.output) == (1, True)
    done(ss("import", file, "--member", "TEST/COM/1234"))


def test_a_certificate_of_another_token_is_refused(ss, instance, tmp_path):
    file = tmp_path / "other.crt"
    other = instance.consumer.identity.certificates[0]
    file.write_bytes(other.public_bytes(Encoding.PEM))
    shown = ss("import", file)
    assert shown.exit_code == 1
    assert "is for no key of token" in shown.output


def test_a_key_is_deleted_for_good(ss):
    key = generated(ss, "signing")
    done(ss("delete", key[:10], "--yes", pin="Secret-pin-1"))
    assert "No keys" in done(ss("list"))


def test_a_name_must_mean_one_thing(ss):
    key = generated(ss, "signing")
    shown = ss("delete", "", "--yes", pin="Secret-pin-1")
    assert (shown.exit_code, "No key or certificate is named" in shown.output) == (
        1,
        True,
    )
    assert key[:10] in done(ss("list"))
    assert ss("deactivate", "").exit_code == 1
    first = {key[0]}
    while (another := generated(ss, "signing"))[0] not in first:
        first.add(another[0])
    shown = ss("delete", another[0], "--yes", pin="Secret-pin-1")
    assert (shown.exit_code, "2 keys begin" in shown.output) == (1, True)
    assert "No key begins" in ss("delete", "xyz", "--yes", pin="Secret-pin-1").output
    assert "No certificate begins" in ss("activate", "ff").output


def test_a_wrong_pin_is_said(ss):
    shown = ss("generate", "signing", pin="Wrong-pin-11")
    assert shown.exit_code == 1
    assert "PIN" in shown.output
    assert "pin_incorrect" in shown.output


def test_a_pin_is_never_taken_from_the_command_line(ss):
    shown = ss("generate", "signing", "--pin-from", "Secret-pin-1")
    assert shown.exit_code == 1
    assert "other users of this machine" in shown.output


def test_a_new_pin_that_is_typed_is_typed_twice(ss, server, monkeypatch):
    asked = []

    def types(*pins: str) -> None:
        typed = iter(pins)

        def answer(text: str) -> str:
            asked.append(text)
            return next(typed)

        monkeypatch.setattr("getpass.getpass", answer)

    types("Secret-pin-1", "Another-pin-2", "Another-pin-3")
    refused = ss("change-pin")
    assert refused.exit_code == 1
    assert "The two PINs differ" in refused.output
    types("Secret-pin-1", "Another-pin-2", "Another-pin-2")
    done(ss("change-pin"))
    assert asked[-3:] == [
        "The PIN until now: ",
        "The new PIN: ",
        "The same PIN again: ",
    ]
    SoftwareToken.open(server / "token").login("Another-pin-2")


def test_the_pin_is_changed(ss, server, tmp_path):
    new = tmp_path / "new-pin"
    new.write_text("Another-pin-2")
    source = f"fd:{os.open(new, os.O_RDONLY)}"
    done(ss("change-pin", "--new-pin-from", source, pin="Secret-pin-1"))
    SoftwareToken.open(server / "token").login("Another-pin-2")


def test_a_certificate_list_is_a_table(ss):
    shown = done(ss("list"))
    assert "keys generate authentication" in shown
    generated(ss, "signing")
    assert "no certificate yet" in done(ss("list"))
