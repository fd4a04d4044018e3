"""Our trust services and their clients against the openssl command.

Each side of the two protocols meets a program that we did not write: openssl asks our
responder and verifies our time-stamps; our OCSP client asks openssl's responder, and
our reader takes openssl's time-stamps. The clock is the real one: openssl has no other.
"""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from kerege.exchange.http import ClientPool
from kerege.exchange.ocsp import http_transport
from kerege.trust.ca import SandboxCA, ServiceKey, utc_now
from kerege.trust.key_kinds import KeyKind, generate_key
from kerege.trust.ocsp_responder import ocsp_application, ocsp_authorities
from kerege.trust.tsa import POLICY, time_stamping_unit, timestamp_response
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.ocsp import ocsp_request, verify_ocsp_response
from kerege.xroad.timestamp import (
    read_timestamp_response,
    timestamp_request,
    verify_timestamp,
)
from tests.trust.authorities import SERVER

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="the openssl command is not installed"
)
STAMPED = b"what a message log has time-stamped"
KINDS = [KeyKind.RSA_2048, KeyKind.EC_P256]


@cache
def ca_of(kind: KeyKind) -> SandboxCA:
    return SandboxCA.create("central-server", kind=kind)


def issue(ca: SandboxCA) -> x509.Certificate:
    return ca.issue_authentication(generate_key(KeyKind.EC_P256).public_key(), SERVER)


def openssl(*arguments: str | Path, stdin: bytes = b"") -> str:
    """Run openssl to its end and return all that it said; fails if it fails."""
    done = subprocess.run(
        [_binary(), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=30,
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def _binary() -> str:
    found = shutil.which("openssl")
    assert found is not None
    return found


@dataclass(frozen=True)
class Files:
    """Certificates in files, where openssl wants them."""

    folder: Path

    def certificates(self, name: str, *certificates: x509.Certificate) -> Path:
        path = self.folder / f"{name}.pem"
        path.write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in certificates))
        return path

    def key(self, name: str, service: ServiceKey) -> Path:
        path = self.folder / f"{name}.key"
        path.write_bytes(
            service.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return path

    def bytes(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@asynccontextmanager
async def served(application: web.Application) -> AsyncIterator[str]:
    """Serve on a loopback port that the system gives; yields the URL."""
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


# openssl ocsp asks our responder


@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
@pytest.mark.parametrize("digest", ["-sha1", "-sha256"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
async def test_openssl_believes_our_ocsp_responder(files, kind, digest, nonce):
    ca = ca_of(kind)
    good, revoked = issue(ca), issue(ca)
    ca.revoke(revoked.serial_number)
    issuer = files.certificates("issuer", *ca.chain)
    root = files.certificates("root", ca.root.certificate)
    good_file = files.certificates("good", good)
    revoked_file = files.certificates("revoked", revoked)
    application = ocsp_application(ocsp_authorities(ca), clock=utc_now)
    async with served(application) as url:
        said = await asyncio.to_thread(
            openssl,
            *("ocsp", "-issuer", issuer, digest),
            *("-cert", good_file, "-cert", revoked_file, "-serial", "0x4242"),
            *("-url", url, "-CAfile", root, "-verify_other", issuer, nonce),
        )
    assert "Response verify OK" in said
    assert "nonce" not in said.lower()  # neither "no nonce" nor "Nonce Verify error"
    assert f"{good_file}: good" in said
    assert f"{revoked_file}: revoked" in said
    assert "0x4242: unknown" in said


async def test_openssl_believes_what_we_say_about_the_intermediate(files):
    ca = ca_of(KeyKind.EC_P256)
    root = files.certificates("root", ca.root.certificate)
    intermediate = files.certificates("intermediate", *ca.chain)
    application = ocsp_application(ocsp_authorities(ca), clock=utc_now)
    async with served(application) as url:
        said = await asyncio.to_thread(
            openssl,
            *("ocsp", "-issuer", root, "-cert", intermediate),
            *("-url", url, "-CAfile", root),
        )
    assert "Response verify OK" in said
    assert f"{intermediate}: good" in said


# our OCSP client asks openssl ocsp -port


@contextmanager
def openssl_responder(files: Files, ca: SandboxCA, index: str) -> Iterator[str]:
    """Run `openssl ocsp -port` until the test is done with it; yields the URL."""
    command = [
        *(_binary(), "ocsp", "-port", "0", "-ignore_err", "-nmin", "5"),
        *("-index", files.bytes("index.txt", index.encode())),
        *("-CA", files.certificates("ca", *ca.chain)),
        *("-rsigner", files.certificates("rsigner", ca.ocsp.certificate)),
        *("-rkey", files.key("rsigner", ca.ocsp)),
    ]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert process.stdout is not None
        accepting = process.stdout.readline().decode()
        found = re.match(r"ACCEPT \S+:(\d+) ", accepting)
        assert found is not None, accepting
        yield f"http://127.0.0.1:{found[1]}/"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def index_line(certificate: x509.Certificate, *, revoked: bool = False) -> str:
    """Return a line of openssl's CA database (`openssl ca`)."""
    end = certificate.not_valid_after_utc.strftime("%y%m%d%H%M%SZ")
    since = datetime.now(UTC).strftime("%y%m%d%H%M%SZ") if revoked else ""
    state = "R" if revoked else "V"
    serial = f"{certificate.serial_number:X}"
    serial = serial if len(serial) % 2 == 0 else f"0{serial}"
    return f"{state}\t{end}\t{since}\t{serial}\tunknown\t/CN=test\n"


async def test_our_client_believes_openssls_responder(files):
    ca = ca_of(KeyKind.RSA_2048)
    good, revoked, unknown = issue(ca), issue(ca), issue(ca)
    index = index_line(good) + index_line(revoked, revoked=True)
    verdicts = {}
    with openssl_responder(files, ca, index) as url:
        async with ClientPool() as pool:
            ask = http_transport(pool)
            for name, certificate in (
                ("good", good),
                ("revoked", revoked),
                ("unknown", unknown),
            ):
                issuer = ca.intermediate.certificate
                response = await ask(url, ocsp_request(certificate, issuer))
                verdicts[name] = verdict(ca, certificate, response)
    assert verdicts == {
        "good": "good",
        "revoked": "cert_validation",
        "unknown": "cert_validation",
    }


def verdict(ca: SandboxCA, certificate: x509.Certificate, response: bytes) -> str:
    try:
        status = verify_ocsp_response(
            response,
            certificate=certificate,
            issuer=ca.intermediate.certificate,
            trust=ca.trust(),
            at=utc_now(),
        )
    except XRoadError as error:
        return error.code
    assert status.responder == ca.ocsp.certificate
    return "good"


# openssl ts verifies our time-stamps


QUERIES = [
    (),
    ("-cert",),
    ("-no_nonce",),
    ("-sha384", "-cert"),
    ("-sha512", "-no_nonce"),
    ("-tspolicy", POLICY),
]


@pytest.mark.parametrize("query", QUERIES, ids=" ".join)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
def test_openssl_verifies_our_time_stamps(files, kind, query):
    ca = ca_of(kind)
    data = files.bytes("data", STAMPED)
    asked = files.folder / "query.tsq"
    openssl("ts", "-query", "-data", data, "-out", asked, *query)
    response = timestamp_response(
        asked.read_bytes(), time_stamping_unit(ca), at=utc_now(), serial=1 << 100
    )
    answer = files.bytes("answer.tsr", response)
    root = files.certificates("root", ca.root.certificate)
    chain = files.certificates("chain", ca.tsa.certificate, *ca.chain)
    trust = ("-CAfile", root, "-untrusted", chain)
    said = openssl("ts", "-verify", "-in", answer, "-queryfile", asked, *trust)
    assert "Verification: OK" in said
    said = openssl("ts", "-verify", "-in", answer, "-data", data, *trust)
    assert "Verification: OK" in said


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (("-sha1",), "unrecognized or unsupported algorithm identifier"),
        (("-tspolicy", "1.2.3.4"), "the requested TSA policy is not supported"),
    ],
    ids=["sha-1", "policy"],
)
def test_openssl_reads_our_refusals(files, query, reason):
    data = files.bytes("data", STAMPED)
    asked = files.folder / "query.tsq"
    openssl("ts", "-query", "-data", data, "-out", asked, *query)
    unit = time_stamping_unit(ca_of(KeyKind.EC_P256))
    response = timestamp_response(asked.read_bytes(), unit, at=utc_now(), serial=1)
    said = openssl("ts", "-reply", "-in", files.bytes("r.tsr", response), "-text")
    assert "Status: Rejected." in said
    assert reason in said


# our reader takes openssl's time-stamps


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
def test_we_verify_openssls_time_stamps(files, kind):
    ca = ca_of(kind)
    settings = "\n".join(
        [
            "[tsa]",
            f"serial = {files.folder}/serial",
            "signer_digest = sha256",
            f"default_policy = {POLICY}",
            "digests = sha256, sha384, sha512",
            "accuracy = secs:1",
            "ordering = no",
            "tsa_name = yes",
            "ess_cert_id_chain = no",
            "ess_cert_id_alg = sha256",
        ]
    )
    asked = timestamp_request(SHA512.of(STAMPED), SHA512)
    answer = files.folder / "answer.tsr"
    before = utc_now().replace(microsecond=0)
    openssl(
        *("ts", "-reply", "-section", "tsa"),
        *("-config", files.bytes("ts.cnf", settings.encode())),
        *("-queryfile", files.bytes("query.tsq", asked)),
        *("-signer", files.certificates("tsa", ca.tsa.certificate)),
        *("-inkey", files.key("tsa", ca.tsa)),
        *("-out", answer),
    )
    trusted = [ca.tsa.certificate]
    token = read_timestamp_response(answer.read_bytes(), trusted)
    stamp = verify_timestamp(token, STAMPED, trusted)
    assert before <= stamp.time <= utc_now()
    with pytest.raises(XRoadError):
        verify_timestamp(token, STAMPED + b"!", trusted)
