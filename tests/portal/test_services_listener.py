"""The services and the site on real sockets: who is believed where."""

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

pytestmark = pytest.mark.slow

PIN = "20101190000000"
HEADERS = {"X-Road-Client": "central-server/COM/60000001/banking", "X-Road-Id": "q-1"}
START_SECONDS = 120
"""A busy machine takes its time to start Python."""
PATHS = (
    f"/address-fact/{PIN}",
    f"/family-members/{PIN}",
    f"/livestock/{PIN}",
    f"/land/{PIN}",
    f"/household-card/{PIN}",
    "/changes?after=2026-01-01T00:00:00Z",
    "/openapi/land",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("services") / "portal"
    done = kerege(folder, "init")
    assert done.returncode == 0, done.stderr
    return folder


def command(folder: Path, *words: str) -> list[str]:
    base = [sys.executable, "-m", "kerege.cli", "portal", "--folder", str(folder)]
    return [*base, *words]


def kerege(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *words), capture_output=True, text=True, check=False
    )


@contextmanager
def running(folder: Path, *words: str, host: str = "127.0.0.1") -> Iterator[int]:
    """Serve until the block ends; yields the port."""
    with socket.socket() as found:
        found.bind((host, 0))
        port = found.getsockname()[1]
    log = folder / f"{words[0]}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command(folder, words[0], "--listen", f"{host}:{port}", *words[1:]),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    try:
        _wait(server, host, port, log)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=START_SECONDS)


def _wait(server: subprocess.Popen, host: str, port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"it ended: {log.read_text('utf-8')}")
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            try:
                server.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue
        else:
            return
    pytest.fail(f"it did not start: {log.read_text('utf-8')}")


def get(port: int, path: str, **more: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=HEADERS | more)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_the_security_server_of_this_machine_is_answered(folder: Path):
    with running(folder, "serve-services") as port:
        assert get(port, f"/address-fact/{PIN}") == (204, b"")
        status, body = get(port, f"/family-members/{PIN}")
        assert (status, json.loads(body)["code"]) == (200, 405)
        status, body = get(port, "/openapi/family-members")
        assert (status, json.loads(body)["openapi"]) == (200, "3.0.3")
        status, body = get(
            port, f"/family-members/{PIN}", **{"X-Forwarded-For": "10.0.0.7"}
        )
        assert status == 403
        assert "A proxy has passed the request on" in json.loads(body)["error"]
        assert get(port, "/sign-in/")[0] == 404
        assert get(port, f"/tax-debts/{PIN}")[0] == 404
    log = (folder / "serve-services.log").read_text("utf-8")
    assert "Not Found: /tax-debts" in log
    assert PIN not in log


def test_the_site_answers_404_to_forged_headers(folder: Path):
    with running(folder, "serve") as port:
        for path in PATHS:
            assert get(port, path)[0] == 404, path


def test_by_mutual_tls_only_the_own_security_server_is_let_in(
    folder: Path, tmp_path: Path
):
    service = certificate(tmp_path, "service")
    own = certificate(tmp_path, "internal")
    stranger = certificate(tmp_path, "stranger")
    options = ("--certificate", f"{service}.crt", "--key", f"{service}.key")
    with running(
        folder, "serve-services", *options, "--security-server", f"{own}.crt"
    ) as port:
        assert get_by_tls(port, service, own) == 204
        for nobody in (stranger, None):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                get_by_tls(port, service, nobody)


def get_by_tls(port: int, service: Path, client: Path | None) -> int:
    context = ssl.create_default_context(cafile=f"{service}.crt")
    context.check_hostname = False
    if client:
        context.load_cert_chain(f"{client}.crt", f"{client}.key")
    connection = HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    try:
        connection.request("GET", f"/address-fact/{PIN}", headers=HEADERS)
        return connection.getresponse().status
    finally:
        connection.close()


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    path = folder / name
    path.with_suffix(".crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    path.with_suffix(".key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--listen", "0.0.0.0:9001"], 1, "Others can reach 0.0.0.0 too"),
        (["--listen", "10.1.2.3:9001"], 1, "Listen on a loopback address"),
        (["--listen", "register:9001"], 2, "say an address and a port"),
        (["--listen", "127.0.0.1:0"], 2, "say an address and a port"),
        (["--key", "portal.toml"], 2, "belong together"),
    ],
)
def test_it_does_not_listen_where_others_reach_it(words, code, told, folder: Path):
    if "--key" in words:
        words = ["--key", str(folder / words[1])]
    done = kerege(folder, "serve-services", *words)
    assert done.returncode == code
    assert told in done.stderr
