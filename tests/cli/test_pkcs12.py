"""Keys that were made elsewhere: a PKCS#12 file becomes a key of the token."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    pkcs12,
)

from kerege.cli import main
from kerege.exchange.keys import KdfCost, SoftwareToken

PIN = "Synthetic-pin-1"
PASSWORD = "synthetic"
MEMBER = "TEST/GOV/1234"


@pytest.fixture
def folder(tmp_path):
    token = SoftwareToken.create(tmp_path / "token", PIN, cost=KdfCost(n=1 << 10))
    assert not token.metadata.keys
    settings = f'identifier = "{MEMBER}/SS1"\n'
    (tmp_path / "server.toml").write_text(settings, encoding="utf-8")
    return tmp_path


def certificate(key, *, signing):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "synthetic")])
    usage = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    usage["content_commitment" if signing else "digital_signature"] = True
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .sign(key, hashes.SHA256())
    )


def written(folder, key, cert):
    data = pkcs12.serialize_key_and_certificates(
        b"1", key, cert, None, BestAvailableEncryption(PASSWORD.encode())
    )
    path = folder / "key.p12"
    path.write_bytes(data)
    return path


def descriptor(text):
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    return f"fd:{reading}"


def run(folder, path, *options, password=PASSWORD):
    arguments = ["security-server", "keys", "import-pkcs12", str(path)]
    arguments += ["--config", str(folder / "server.toml")]
    arguments += ["--password-from", descriptor(password), *options]
    arguments += ["--pin-from", descriptor(PIN)]
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
    ],
    ids=["RSA", "EC"],
)
def test_a_signing_key_signs_for_its_member(folder, key):
    path = written(folder, key, certificate(key, signing=True))
    done = run(folder, path, "--member", MEMBER, "--registered")
    assert done.exit_code == 0, done.output
    token = SoftwareToken.open(folder / "token")
    token.login(PIN)
    (record,) = token.metadata.keys
    (held,) = record.certificates
    assert token.signer(held.member).sign(b"data")


def test_an_authentication_key_is_known_by_its_certificate(folder):
    key = rsa.generate_private_key(65537, 2048)
    path = written(folder, key, certificate(key, signing=False))
    done = run(folder, path, "--registered")
    assert done.exit_code == 0, done.output
    assert "for authentication" in done.output


def test_the_same_key_is_not_imported_twice(folder):
    key = rsa.generate_private_key(65537, 2048)
    path = written(folder, key, certificate(key, signing=False))
    assert run(folder, path).exit_code == 0
    again = run(folder, path)
    assert (again.exit_code, "has this key already" in again.output) == (1, True)


def test_a_wrong_password_is_explained(folder):
    key = rsa.generate_private_key(65537, 2048)
    path = written(folder, key, certificate(key, signing=False))
    done = run(folder, path, password="another")
    assert done.exit_code == 1
    assert "the password is another one" in done.output
    assert "another\n" not in done.output


@pytest.mark.parametrize(
    "content", [b"", b"no PKCS#12", b"\x30\x82\xff\xff" + b"\0" * 50]
)
def test_a_file_that_is_none_is_explained(folder, content):
    path = folder / "key.p12"
    path.write_bytes(content)
    done = run(folder, path)
    assert done.exit_code == 1
    assert "cannot be opened" in done.output


def test_a_key_of_another_kind_is_refused(folder):
    key = dsa.generate_private_key(2048)
    path = written(folder, key, certificate(key, signing=False))
    done = run(folder, path)
    assert done.exit_code == 1
    assert "RSA or EC private key" in done.output
