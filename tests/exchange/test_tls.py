"""Who is let in by the handshake, with what, and what is seen of them."""

import asyncio
import ssl
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_certificate

from kerege.exchange.tls import (
    Identity,
    ResumingContext,
    UnsuitableOpenSSLError,
    _hook,
    _proof,
    client_side_context,
    load_identity,
    peer_certificates,
    peer_client_context,
    peer_server_context,
    prove_any_certificate_arrives,
    service_context,
)
from kerege.exchange.tls._contexts import CLIENT_SIDE_SUITES, PEER_SUITES
from kerege.exchange.tls._dh import ffdhe2048_prime
from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import certificate_der
from tests.exchange.identities import chain, identity

OLD_SUITES = ("ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES256-SHA256")


def shake(server, client, hostname=None):
    """Shake hands in memory and carry one byte each way; return both ends."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    accepting = server.wrap_bio(to_server, to_client, server_side=True)
    calling = client.wrap_bio(to_client, to_server, server_hostname=hostname)
    done = set()
    for _ in range(8):
        for end in (calling, accepting):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                pass
        if len(done) == 2:
            accepting.write(b"a")
            assert calling.read(1) == b"a"
            return accepting, calling
    raise AssertionError("The handshake does not end.")


def capped(context, version=ssl.TLSVersion.TLSv1_2):
    context.maximum_version = version
    return context


@pytest.fixture(scope="module")
def server():
    return peer_server_context(identity())


CLIENTS = {
    "good": {},
    "expired": {"expired": True},
    "for signing code": {"wrong_use": True},
    "elliptic": {"kind": "ec"},
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("who", CLIENTS)
def test_any_client_certificate_arrives_and_is_seen(server, who, version):
    client = identity("client", **CLIENTS[who])
    accepting, calling = shake(server, capped(peer_client_context(client), version))
    assert peer_certificates(accepting) == list(client.certificates)
    assert peer_certificates(calling) == list(identity().certificates)


def test_a_client_without_certificate_gets_an_alert(server):
    client = capped(service_context(verify=False))
    with pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"):
        shake(server, client)


def test_a_failed_handshake_stays_failed(server):
    """The event loop asks again when it has sent the alert."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    accepting = server.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(bytes.fromhex("1603010004ffffffff"))
    with pytest.raises(ssl.SSLWantReadError):
        accepting.do_handshake()
    assert outgoing.read()[:1] == b"\x15"  # an alert
    with pytest.raises(ssl.SSLError, match="UNEXPECTED_MESSAGE"):
        accepting.do_handshake()


def test_what_is_no_tls_gets_no_alert(server):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    accepting = server.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ssl.SSLError, match="HTTP_REQUEST"):
        accepting.do_handshake()
    assert outgoing.pending == 0


def test_servers_that_both_have_it_speak_tls_13(server):
    accepting, _ = shake(server, peer_client_context(identity("client")))
    assert accepting.version() == "TLSv1.3"


@pytest.mark.parametrize("suite", [s for s in PEER_SUITES if "ECDSA" not in s])
def test_every_suite_of_rsa_works(server, suite):
    client = peer_client_context(identity("client"), suites=[suite])
    accepting, _ = shake(server, capped(client))
    assert accepting.cipher()[0] == suite


@pytest.mark.parametrize("suite", [s for s in PEER_SUITES if "ECDSA" in s])
def test_every_suite_of_elliptic_keys_works(suite):
    server = peer_server_context(identity(kind="ec"))
    client = peer_client_context(identity("client"), suites=[suite])
    accepting, _ = shake(server, capped(client))
    assert accepting.cipher()[0] == suite


def test_the_server_prefers_the_newer_suites(server):
    client = peer_client_context(
        identity("client"), suites=[*OLD_SUITES, "ECDHE-RSA-AES256-GCM-SHA384"]
    )
    accepting, _ = shake(server, capped(client))
    assert accepting.cipher()[0] == "ECDHE-RSA-AES256-GCM-SHA384"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_tls_11_is_refused(server):
    client = capped(
        service_context(verify=False, suites=["ALL:@SECLEVEL=0"]),
        ssl.TLSVersion.TLSv1_2,
    )
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        shake(server, client)


def test_the_chain_goes_along_without_its_root(server):
    certificates, key = chain()
    client = load_identity(certificates, key)
    assert list(client.certificates) == certificates[:2]
    accepting, _ = shake(server, peer_client_context(client))
    assert peer_certificates(accepting) == certificates[:2]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_still_shows_the_chain(version):
    certificates, key = chain()
    server = peer_server_context(identity())
    client = ResumingContext(
        capped(peer_client_context(load_identity(certificates, key)), version)
    )
    _, calling = shake(server, client)
    client.keep(calling)
    accepting, calling = shake(server, client)
    assert accepting.session_reused
    assert calling.session_reused
    assert peer_certificates(calling) == list(identity().certificates)
    # The ticket has the client's own certificate only, unless we remember the rest.
    assert peer_certificates(accepting) == certificates[:1]
    client.forget()
    full, calling = shake(server, client)
    assert peer_certificates(full) == certificates[:2]
    client.keep(calling)
    accepting, _ = shake(server, client)
    assert accepting.session_reused
    assert peer_certificates(accepting) == certificates[:2]


def test_remembered_chains_are_bounded(monkeypatch):
    monkeypatch.setattr("kerege.exchange.tls._peers.MAX_REMEMBERED_CHAINS", 2)
    server = peer_server_context(identity())
    for name in ("one", "two", "three"):
        accepting, _ = shake(server, peer_client_context(identity(name)))
        peer_certificates(accepting)
    assert len(server.chains) == 2


def test_a_chain_of_a_stranger_s_size_is_not_remembered(monkeypatch):
    certificates, key = chain()
    server = peer_server_context(identity())
    client = peer_client_context(load_identity(certificates, key))
    accepting, _ = shake(server, client)
    assert peer_certificates(accepting) == certificates[:2]
    assert len(server.chains) == 1
    monkeypatch.setattr("kerege.exchange.tls._peers.MAX_REMEMBERED_BYTES", 600)
    accepting, _ = shake(server, client)
    assert peer_certificates(accepting) == certificates[:2]
    assert not server.chains


def test_a_certificate_that_only_openssl_can_read_is_refused(server):
    shown = identity("client", kind="ec")
    good = certificate_der(shown.certificates[0])
    # A TeletexString whose bytes are in no encoding: no CA writes it, a peer may.
    bad = good.replace(b"\x0c\x06client", b"\x14\x06cli\xff\xfe\xff")
    broken = Identity((load_der_x509_certificate(bad),), shown.private_key)
    accepting, _ = shake(server, peer_client_context(broken))
    with pytest.raises(XRoadError) as refused:
        peer_certificates(accepting)
    assert refused.value.code == "incorrect_certificate"


def test_on_the_client_side_a_certificate_may_be_given():
    server = client_side_context(identity())
    without, _ = shake(server, service_context(verify=False))
    assert peer_certificates(without) == []
    client = identity("client", expired=True)
    given, _ = shake(server, service_context(client, verify=False))
    assert peer_certificates(given) == list(client.certificates)


@pytest.mark.parametrize("suite", [s for s in CLIENT_SIDE_SUITES if "ECDSA" not in s])
def test_every_suite_of_the_client_side_works(suite):
    server = client_side_context(identity())
    client = service_context(verify=False, suites=[suite])
    accepting, _ = shake(server, capped(client))
    assert accepting.cipher()[0] == suite


def test_a_service_is_verified_if_the_setting_says_so():
    server = client_side_context(identity())
    shake(server, service_context(verify=False))
    known = service_context(verify=True, trusted=identity().certificates)
    shake(server, known)
    unknown = service_context(verify=True, trusted=identity("other").certificates)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, unknown)
    by_the_system = service_context(verify=True)
    assert by_the_system.check_hostname
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, by_the_system, "localhost")


# Keys.


def test_a_key_of_another_certificate_is_refused():
    with pytest.raises(ValueError, match="CN=server"):
        load_identity(identity().certificates, identity("client").private_key)
    with pytest.raises(ValueError, match="needs a certificate"):
        load_identity([], identity().private_key)


def test_a_key_never_shows_and_never_lies_on_a_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    opened = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    class Spy:
        def load_cert_chain(self, path, password=None):
            opened.append((path, str(Path(path).readlink())))
            context.load_cert_chain(path, password=password)

    identity().install(Spy())
    ((path, target),) = opened
    assert target.startswith("/memfd:")
    assert not Path(path).exists()
    assert list(tmp_path.iterdir()) == []
    assert "private_key" not in repr(identity())


def test_without_files_in_memory_the_key_is_encrypted(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("sys.platform", "other")
    seen = []

    class Spy:
        def load_cert_chain(self, path, password=None):
            seen.append(Path(path).read_bytes())
            context.load_cert_chain(path, password=password)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    identity(kind="ec").install(Spy())
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in seen[0]
    assert list(tmp_path.iterdir()) == []


def test_the_group_for_dhe_is_ffdhe2048():
    prime = ffdhe2048_prime()
    assert prime.bit_length() == 2048
    assert f"{prime:X}".startswith("FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1")
    assert f"{prime:X}".endswith("886B423861285C97FFFFFFFFFFFFFFFF")


# The proof.


@pytest.fixture
def unproved():
    prove_any_certificate_arrives.cache_clear()
    yield
    prove_any_certificate_arrives.cache_clear()


def test_the_proof_holds_here(unproved):
    prove_any_certificate_arrives()


def test_without_the_hook_a_server_does_not_start(unproved, monkeypatch):
    monkeypatch.setattr(_proof, "accept_any_certificate", lambda context: None)
    with pytest.raises(UnsuitableOpenSSLError, match="refuses an expired") as caught:
        peer_server_context(identity())
    assert "Install Python" in caught.value.advice
    assert "Install Python" in str(caught.value)


def test_a_server_that_asks_for_no_certificate_does_not_start(unproved, monkeypatch):
    def never_ask(context):
        context.verify_mode = ssl.CERT_NONE

    monkeypatch.setattr(_proof, "accept_any_certificate", never_ask)
    with pytest.raises(UnsuitableOpenSSLError, match="does not show"):
        prove_any_certificate_arrives()


def test_a_server_that_takes_none_does_not_start(unproved, monkeypatch):
    def optional(context):
        context.verify_mode = ssl.CERT_OPTIONAL
        _hook.accept_any_certificate(context)

    monkeypatch.setattr(_proof, "accept_any_certificate", optional)
    with pytest.raises(UnsuitableOpenSSLError, match="show no certificate"):
        prove_any_certificate_arrives()


@pytest.fixture
def unopened():
    _hook._libssl.cache_clear()
    yield
    _hook._libssl.cache_clear()


def test_a_libssl_that_hides_its_functions_is_named(unopened, monkeypatch):
    monkeypatch.setattr("_ssl.__file__", "/lib/x86_64-linux-gnu/libc.so.6")
    with pytest.raises(UnsuitableOpenSSLError, match="hides functions"):
        _hook.accept_any_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def test_another_python_is_refused(unopened, monkeypatch):
    monkeypatch.setattr("sys.implementation.name", "pypy")
    with pytest.raises(UnsuitableOpenSSLError, match="CPython"):
        _hook.accept_any_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def test_a_context_that_is_laid_out_differently_is_not_touched(monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    with pytest.raises(UnsuitableOpenSSLError, match="not laid out"):
        _hook._pointer(context, lambda pointer: 0)


async def test_the_event_loop_uses_the_same_contexts():
    server = peer_server_context(identity())
    seen = []

    async def answer(reader, writer):
        seen.extend(peer_certificates(writer.get_extra_info("ssl_object")))
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    client = peer_client_context(identity("client"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
    assert await reader.read() == b""
    writer.close()
    listening.close()
    assert seen == list(identity("client").certificates)
