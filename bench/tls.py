"""TLS between servers: what a handshake costs, full and resumed, and what bulk costs.

Both ends run in this process over memory, so the figures are processor time of both
together, without sockets and event loop.
"""

import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from bench.rows import Row
from kerege.exchange.tls import (
    Identity,
    ResumingContext,
    load_identity,
    peer_client_context,
    peer_server_context,
)

PREFIX = "tls"

_OLD = "ECDHE-RSA-AES256-SHA384"
_DHE = "DHE-RSA-AES256-SHA256"
_GCM = "ECDHE-RSA-AES256-GCM-SHA384"
_BULK_BYTES = {"small": 32 << 20, "full": 512 << 20}
_HANDSHAKES = {"small": 100, "full": 1000}
_RECORD = 16 << 10


def rows(scale: str) -> list[Row]:
    """Return the figures."""
    server, client = identity("rsa"), identity("rsa")
    found: list[Row] = []
    cases: list[tuple[str, ssl.TLSVersion, tuple[str, ...]]] = [
        ("tls12_ecdhe_cbc", ssl.TLSVersion.TLSv1_2, (_OLD,)),
        ("tls12_dhe_cbc", ssl.TLSVersion.TLSv1_2, (_DHE,)),
        ("tls12_ecdhe_gcm", ssl.TLSVersion.TLSv1_2, (_GCM,)),
        ("tls13", ssl.TLSVersion.TLSv1_3, (_GCM,)),
    ]
    for name, version, suites in cases:
        accepting = peer_server_context(server)
        calling = peer_client_context(client, suites=suites)
        calling.maximum_version = version
        found += _handshakes(f"tls.{name}", accepting, calling, _HANDSHAKES[scale])
        found.append(_bulk(f"tls.{name}", accepting, calling, _BULK_BYTES[scale]))
    elliptic = identity("ec")
    found += _handshakes(
        "tls.tls13_p256",
        peer_server_context(elliptic),
        peer_client_context(elliptic),
        _HANDSHAKES[scale],
    )
    return found


def identity(kind: str) -> Identity:
    """Make a self-signed certificate and its key."""
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    key = ec.generate_private_key(ec.SECP256R1())
    if kind == "rsa":
        key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return load_identity([certificate], key)


def _handshakes(
    name: str, server: ssl.SSLContext, client: ssl.SSLContext, count: int
) -> list[Row]:
    resuming = ResumingContext(client)
    _, end = _shake(server, resuming)
    resuming.keep(end)
    assert _shake(server, resuming)[0].session_reused
    note = "both ends, client certificate"
    full = _cpu(lambda: _shake(server, client), count)
    resumed = _cpu(lambda: _shake(server, resuming), count)
    return [
        Row(f"{name}.full_ms", full * 1e3, "ms CPU", note),
        Row(f"{name}.resumed_ms", resumed * 1e3, "ms CPU", note),
    ]


def _bulk(name: str, server: ssl.SSLContext, client: ssl.SSLContext, size: int) -> Row:
    """Measure encrypting and decrypting ``size`` bytes in records of 16 KiB."""
    accepting, calling = _shake(server, client)
    data = bytes(_RECORD)

    def carry() -> None:
        calling.write(data)
        left = len(data)
        while left:
            left -= len(accepting.read(left))

    seconds = _cpu(carry, size // _RECORD)
    return Row(f"{name}.bulk", _RECORD / seconds / 1e6, "MB/s", "one core, both ends")


def _cpu(action: Callable[[], object], count: int) -> float:
    started = time.process_time()
    for _ in range(count):
        action()
    return (time.process_time() - started) / count


def _shake(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    accepting = server.wrap_bio(to_server, to_client, server_side=True)
    calling = client.wrap_bio(to_client, to_server)
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for end in (calling, accepting):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                continue
    accepting.write(b"a")
    calling.read(1)
    return accepting, calling
