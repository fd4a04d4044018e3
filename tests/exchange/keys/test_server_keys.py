"""From a token to the keys of one running server."""

import asyncio
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from structlog.testing import capture_logs

from kerege.exchange.keys import KeyUsage, server_keys as module
from kerege.exchange.keys.server_keys import internal_identity, server_keys
from kerege.exchange.tls import UnsuitableOpenSSLError, peer_certificates
from kerege.trust.authority import CertificateUsage, Validity
from kerege.trust.subjects import FIVRK_PROFILE, signing_subject
from kerege.xroad.algorithms import verify_raw
from kerege.xroad.faults import XRoadError
from tests.exchange.keys.tokens import (
    EC,
    add_authentication_key,
    add_signing_key,
    new_token,
)
from tests.instances import sandbox_instance, spare_key
from tests.trust.authorities import AIMAK, HOSPITAL, NOW, SERVER, shared_ca

CA = shared_ca()


@pytest.fixture(scope="module")
def internal(tmp_path_factory):
    return internal_identity(tmp_path_factory.mktemp("internal"))


@pytest.fixture
def token(tmp_path):
    token = new_token(tmp_path)
    add_authentication_key(token)
    add_signing_key(token, AIMAK)
    return token


def made(token, internal):
    return server_keys(token, internal, lambda: CA.chain)


def test_each_member_signs_with_its_own_key(token, internal):
    add_signing_key(token, HOSPITAL)
    signers = made(token, internal).signers
    assert set(signers) == {AIMAK, HOSPITAL}
    for member, signer in signers.items():
        assert member.member_code in signer.certificate.subject.rfc4514_string()
        value = signer.sign(b"message")
        key = signer.certificate.public_key()
        verify_raw(signer.algorithm, key, value, b"message")


def test_the_chain_has_the_intermediate_ca_and_not_the_root(token, internal):
    """A peer asks for the OCSP response of everything it gets; a root has none."""
    chain = made(token, internal).authentication_chain
    assert chain[1:] == CA.chain
    assert CA.root.certificate not in chain


def test_authorities_that_issued_nothing_here_stay_out_of_the_chain(token, internal):
    stranger = sandbox_instance().ca
    keys = server_keys(token, internal, lambda: (*stranger.chain, *CA.chain))
    assert keys.authentication_chain[1:] == CA.chain


async def shown(server_context, client_context):
    """Return what client and server see of each other in a handshake."""
    seen = asyncio.get_running_loop().create_future()

    async def look(_, writer):
        seen.set_result(peer_certificates(writer.get_extra_info("ssl_object")))
        writer.close()

    listening = await asyncio.start_server(look, "127.0.0.1", 0, ssl=server_context)
    port = listening.sockets[0].getsockname()[1]
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context)
    by_client = peer_certificates(writer.get_extra_info("ssl_object"))
    by_server = await seen
    writer.close()
    listening.close()
    return by_client, by_server


async def test_between_servers_the_authentication_certificate_is_shown(token, internal):
    keys = made(token, internal)
    by_client, by_server = await shown(keys.peer_server, keys.peer_client)
    assert by_client == by_server == list(keys.authentication_chain)


async def test_towards_information_systems_the_internal_certificate_is_shown(
    token, internal
):
    keys = made(token, internal)
    by_client, by_server = await shown(keys.client_side, keys.service)
    assert by_client == by_server == [internal.certificates[0]]
    assert keys.internal_certificate == internal.certificates[0]


def test_a_member_whose_certificate_has_expired_does_not_stop_the_others(
    token, internal
):
    key_id = token.generate_key(KeyUsage.SIGNING, EC).key_id
    subject = signing_subject(FIVRK_PROFILE, HOSPITAL, SERVER)
    request = token.certificate_request(key_id, subject)
    expired = CA.issue_from_request(
        request,
        CertificateUsage.SIGNING,
        validity=Validity.already_expired(NOW),
    )
    token.import_certificate(expired, member=HOSPITAL)
    with capture_logs() as lines:
        assert set(made(token, internal).signers) == {AIMAK}
    (line,) = [line for line in lines if line["event"] == "member cannot sign"]
    assert line["member"] == str(HOSPITAL)


def test_a_member_whose_certificate_is_switched_off_does_not_sign(token, internal):
    (certificate,) = [
        record.certificate
        for key in token.metadata.keys
        for record in key.certificates
        if record.member == AIMAK
    ]
    token.set_certificate(certificate, active=False)
    assert made(token, internal).signers == {}


def test_any_other_trouble_with_a_key_stops_the_server(token, internal, monkeypatch):
    """Serving without a member that should be there would only hide it."""

    def fail(_):
        raise XRoadError("key_not_found", "The key's file is gone")

    monkeypatch.setattr(token, "signer", fail)
    with pytest.raises(XRoadError) as refused:
        made(token, internal)
    assert refused.value.code == "key_not_found"


def test_a_server_without_authentication_certificate_does_not_start(tmp_path, internal):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    with pytest.raises(XRoadError) as refused:
        made(token, internal)
    assert refused.value.code == "key_not_available"


def test_a_token_that_is_not_logged_in_gives_nothing(token, internal):
    token.logout()
    with pytest.raises(XRoadError) as refused:
        made(token, internal)
    assert refused.value.code == "token_not_active"


def test_a_server_on_an_unsuitable_openssl_does_not_start(token, internal, monkeypatch):
    def fail():
        raise UnsuitableOpenSSLError("Tried it, it does not.", advice="Take another.")

    monkeypatch.setattr(module, "prove_any_certificate_arrives", fail)
    with pytest.raises(UnsuitableOpenSSLError):
        made(token, internal)


# The key of port 8443.


def test_the_internal_key_is_made_once_and_lies_in_a_file_of_ours_alone(tmp_path):
    first = internal_identity(tmp_path)
    again = internal_identity(tmp_path)
    assert first.certificates == again.certificates
    mode = (tmp_path / "internal.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    (certificate,) = first.certificates
    assert certificate.issuer == certificate.subject
    years = (certificate.not_valid_after_utc - datetime.now(UTC)).days / 365
    assert years > 19
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "internal.crt",
        "internal.key",
    ]


def test_what_a_crash_left_half_made_is_made_anew(tmp_path):
    """The key is put in place last: without it the certificate is nobody's."""
    (tmp_path / "internal.crt").write_text("half a certificate")
    identity = internal_identity(tmp_path)
    assert internal_identity(tmp_path).certificates == identity.certificates


def own(folder, key, *, certificate_key=None, encryption=None):
    """Put a key and a certificate of an office's own into the folder."""
    certificate = CA.issue_tls_server(
        (certificate_key or key).public_key(), "security-server.test"
    )
    (folder / "internal.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    )
    (folder / "internal.key").write_bytes(pem)
    return certificate


def test_an_office_may_bring_its_own_key_and_certificate(tmp_path):
    certificate = own(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    assert internal_identity(tmp_path).certificates == (certificate,)


def damage(name, content):
    return lambda folder: (folder / name).write_bytes(content)


SPOILED = {
    "the key is damaged": damage("internal.key", b"-----BEGIN PRIVATE KEY-----\nAAAA"),
    "the certificate is damaged": damage("internal.crt", b"not a certificate"),
    "the certificate is gone": lambda folder: (folder / "internal.crt").unlink(),
    "the key is of another certificate": lambda folder: own(
        folder,
        ec.generate_private_key(ec.SECP256R1()),
        certificate_key=spare_key(0),
    ),
    "the key has a password": lambda folder: own(
        folder, spare_key(0), encryption=BestAvailableEncryption(b"1234")
    ),
    "the key is of a kind that TLS here does not use": lambda folder: (
        folder / "internal.key"
    ).write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_an_internal_key_that_cannot_be_used_is_named_with_the_way_out(tmp_path, what):
    own(tmp_path, spare_key(0))
    SPOILED[what](tmp_path)
    with pytest.raises(XRoadError) as refused:
        internal_identity(tmp_path)
    assert refused.value.code == "malformed_key_conf"
    assert "internal.key" in refused.value.advice
    assert "PRIVATE KEY" not in str(refused.value)


def test_workers_that_start_a_new_server_together_show_one_certificate(tmp_path):
    together = threading.Barrier(4)

    def start(_):
        together.wait()
        return internal_identity(tmp_path).certificates[0]

    with ThreadPoolExecutor(4) as workers:
        shown = set(workers.map(start, range(4)))

    assert len(shown) == 1
