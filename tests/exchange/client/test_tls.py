"""HTTPS to one's own Security Server: pinned, by CA, with a certificate of ours."""

import asyncio
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from kerege.exchange.client import (
    TLS,
    AsyncClient,
    NoAnswer,
    SecurityServerUnreachable,
    XRoadCallError,
)
from tests.exchange.client.certificates import Files, self_signed
from tests.exchange.client.servers import running

PORTAL = "central-server/GOV/70000001/portal"
ADDRESS = "central-server/GOV/70000050/register/address"


def server_context(files: Files, clients: Files | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.certificate)
    return context


@pytest.fixture
def internal(tmp_path: Path) -> Files:
    """What a Security Server shows: self-signed, without its address."""
    return self_signed(tmp_path, "internal")


async def call(port: int, tls: TLS | None) -> int:
    async with AsyncClient(f"https://127.0.0.1:{port}", PORTAL, tls=tls) as xroad:
        return (await xroad.get(ADDRESS)).status


async def test_a_pinned_certificate_is_trusted_whatever_the_host_name(internal):
    async with running(context=server_context(internal)) as server:
        assert await call(server.port, TLS(pinned=internal.certificate)) == 200


async def test_another_certificate_than_the_pinned_one_is_refused(internal, tmp_path):
    other = self_signed(tmp_path, "other")
    async with running(context=server_context(other)) as server:
        with pytest.raises(SecurityServerUnreachable, match="Pin its certificate"):
            await call(server.port, TLS(pinned=internal.certificate))


async def test_nothing_is_trusted_that_the_system_does_not_trust(internal):
    async with running(context=server_context(internal)) as server:
        with pytest.raises(SecurityServerUnreachable, match="self-signed"):
            await call(server.port, None)


async def test_with_a_ca_the_host_name_counts(tmp_path):
    here = x509.IPAddress(ip_address("127.0.0.1"))
    right = self_signed(tmp_path, "right", here)
    wrong = self_signed(tmp_path, "wrong", x509.DNSName("ss.example"))
    async with running(context=server_context(right)) as server:
        assert await call(server.port, TLS(ca=right.certificate)) == 200
    async with running(context=server_context(wrong)) as server:
        with pytest.raises(SecurityServerUnreachable, match="IP address mismatch"):
            await call(server.port, TLS(ca=wrong.certificate))


async def test_our_certificate_lets_us_in(internal, tmp_path):
    ours = self_signed(tmp_path, "ours")
    tls = TLS(pinned=internal.certificate, certificate=ours.certificate, key=ours.key)
    async with running(context=server_context(internal, ours)) as server:
        assert await call(server.port, tls) == 200


async def test_without_our_certificate_there_is_no_answer(internal, tmp_path):
    ours = self_signed(tmp_path, "ours")
    async with running(context=server_context(internal, ours)) as server:
        with pytest.raises((NoAnswer, SecurityServerUnreachable)) as caught:
            await call(server.port, TLS(pinned=internal.certificate))
    assert isinstance(caught.value, XRoadCallError)


async def test_a_plain_port_is_not_taken_for_an_https_one(internal):
    async def answer_in_plain(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer_in_plain, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SecurityServerUnreachable, match="HTTPS port"):
            await call(port, TLS(pinned=internal.certificate))


def test_a_pin_and_a_ca_together_are_refused(internal):
    with pytest.raises(ValueError, match="not both"):
        TLS(pinned=internal.certificate, ca=internal.certificate).context()


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        AsyncClient("https://x", PORTAL, tls=TLS(pinned=tmp_path / "none.crt"))


def test_a_password_is_not_shown():
    assert "secret" not in repr(TLS(password="secret"))
