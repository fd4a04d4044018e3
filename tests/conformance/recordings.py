"""The recordings of two Java servers (xroad-live), and our servers in their places.

A `Recording` is one case's folder. `consumer` makes our server SS1, `producer` our
SS2, with the recorded keys, configuration and OCSP responses, at the recorded time.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from kerege.exchange.ocsp.peer import read_peer_answer
from kerege.exchange.storage.server_configuration import (
    WHOLE_SERVICE,
    AccessRight,
    ServerConfiguration,
    Service,
    ServiceType,
)
from kerege.exchange.tls import Identity, load_identity
from kerege.xroad.globalconf import GlobalConf, load_tree
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.signature import (
    MESSAGE,
    Part,
    SignatureData,
    SignatureVerifier,
    attachment_name,
)
from kerege.xroad.transport import (
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Event,
    Fault,
    HashChain,
    HashChainResult,
    Message,
    MessageReader,
    OcspResponse,
    Signature,
)
from tests.instances import signer_of
from tests.server_parts import Clock, Responses, registered, rights
from tests.servers import TestServer
from tests.vectors import LIVE
from tests.wire import Http

CLOCKS = {
    "recordings": datetime(2026, 11, 24, 7, tzinfo=UTC),
    "recordings-messagelog": datetime(2026, 11, 24, 6, tzinfo=UTC),
}
CLIENT = ClientId("TEST", "COM", "1234", "Client")
PROVIDER = ClientId("TEST", "GOV", "5678", "Service")
SS1 = SecurityServerId("TEST", "COM", "1234", "SS1")
SS2 = SecurityServerId("TEST", "GOV", "5678", "SS2")
SS2_ADDRESS = "127.0.0.12"
CLOSED_PORT = 1
"""On loopback nobody listens there."""
TYPES = {
    OcspResponse: "application/ocsp-response",
    HashChainResult: "application/hash-chain-result",
    HashChain: "application/hash-chain",
    Signature: "signature/bdoc-1.0/ts",
    Fault: "text/xml",
    AttachmentBegan: "application/x-road-rest-body",
}


@dataclass(frozen=True)
class Recording:
    """One case."""

    folder: Path

    @property
    def name(self) -> str:
        """The case, also of the members of a batch."""
        folder = self.folder
        return folder.parent.name if folder.name.isdigit() else folder.name

    @property
    def set(self) -> str:
        """Which of the two sets it belongs to."""
        return self.folder.relative_to(LIVE).parts[0]

    def has(self, name: str) -> bool:
        """Whether this message was recorded."""
        return (self.folder / f"{name}.http").is_file()

    def raw(self, name: str) -> bytes:
        """Return a recorded message, byte for byte."""
        return (self.folder / f"{name}.http").read_bytes()

    def http(self, name: str) -> Http:
        """Return a recorded message; interim answers before it are left out."""
        raw = self.raw(name)
        while raw.startswith(b"HTTP/1.1 100"):
            raw = raw.partition(b"\r\n\r\n")[2]
        return Http.parse(raw)

    @property
    def expected(self) -> dict[str, Any]:
        """The digests that an independent script computed."""
        return json.loads((self.folder / "expected.json").read_text())


def recordings(*, having: str, prefix: str = "rest-") -> list[Any]:
    """Return the cases with this message as pytest parameters."""
    folders = sorted(LIVE.glob("recordings*/*")) + sorted(LIVE.glob("recordings*/*/*"))
    found = [Recording(f) for f in folders if (f / f"{having}.http").is_file()]
    return [
        pytest.param(r, id=str(r.folder.relative_to(LIVE)))
        for r in found
        if r.name.startswith(prefix)
    ]


@dataclass(frozen=True)
class Multipart:
    """A message between servers, taken apart."""

    events: tuple[Event, ...]

    @classmethod
    def of(cls, http: Http) -> "Multipart":
        """Read it. Raises XRoadError."""
        reader = MessageReader(http.get("content-type") or "")
        events = reader.receive_data(http.body)
        return cls((*events, *reader.receive_eof()))

    def one(self, kind: type) -> Any:
        """Return the only event of this kind; None if there is none."""
        found = [e for e in self.events if isinstance(e, kind)]
        assert len(found) < 2, kind
        return found[0] if found else None

    @property
    def block(self) -> bytes | None:
        """The REST block, or the SOAP envelope."""
        message = self.one(Message)
        return message.content if message else None

    @property
    def body(self) -> bytes | None:
        """The body; None if there is no body part."""
        if self.one(AttachmentBegan) is None:
            return None
        return b"".join(e.data for e in self.events if isinstance(e, BodyData))

    @property
    def attachments(self) -> list[bytes]:
        """The attachments of a SOAP message, in order."""
        found: list[bytes] = []
        for event in self.events:
            if isinstance(event, AttachmentBegan):
                found.append(b"")
            elif isinstance(event, BodyData):
                found[-1] += event.data
        return found

    @property
    def attachment_headers(self) -> list[dict[str, str]]:
        """Their headers, which have no order in the reference."""
        return [dict(e.headers) for e in self.events if isinstance(e, AttachmentBegan)]

    @property
    def media_types(self) -> list[str]:
        """The parts' media types in order."""
        types = []
        for event in self.events:
            if isinstance(event, Message):
                types.append(dict(event.headers)["content-type"])
            elif not isinstance(event, BodyData | AttachmentEnded):
                types.append(TYPES[type(event)])
        return types

    @property
    def signature(self) -> SignatureData:
        """The signature with its hash chain."""
        result, chain = self.one(HashChainResult), self.one(HashChain)
        return SignatureData(
            self.one(Signature).content,
            result.content if result else None,
            chain.content if chain else None,
        )

    def require_signed_by(self, signer: ClientId, at: datetime) -> None:
        """Verify the signature over block and bodies. Raises XRoadError."""
        assert self.block is not None
        parts = [Part(MESSAGE, hashlib.sha512(self.block).digest(), content=self.block)]
        for number, attachment in enumerate(self.attachments, 1):
            digest = hashlib.sha512(attachment).digest()
            parts.append(Part(attachment_name(number), digest))
        verifier = SignatureVerifier(live_conf().trust("TEST"))
        verifier.verify(self.signature, parts, signer=signer, at=at)


def digest(data: bytes) -> str:
    """Return SHA-512 in base64, as expected.json has it."""
    return b64encode(hashlib.sha512(data).digest()).decode()


@cache
def live_certificate(name: str) -> x509.Certificate:
    """Return a certificate of the recordings, e.g. ``ss1-sign``."""
    return x509.load_pem_x509_certificate((LIVE / "keys" / f"{name}.pem").read_bytes())


@cache
def live_key(name: str) -> rsa.RSAPrivateKey:
    """Return the key of a certificate."""
    data = (LIVE / "keys" / f"{name}.key").read_bytes()
    key = load_pem_private_key(data, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@cache
def live_identity(name: str) -> Identity:
    """Return an authentication certificate with its key, e.g. ``ss1-auth``."""
    return load_identity([live_certificate(name)], live_key(name))


@cache
def live_conf() -> GlobalConf:
    """Return the recorded global configuration."""
    root = LIVE / "globalconf"
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }
    return load_tree(files)


@cache
def live_ocsp(of_set: str) -> dict[x509.Certificate, bytes]:
    """Return the OCSP responses that were sent in the first recording of a set."""
    first = Recording(LIVE / of_set / "rest-get")
    asked, answered = (
        Multipart.of(first.http(name)) for name in ("proxy-request", "proxy-response")
    )
    peer = first.http("ocsp-response")
    (ss2_auth,) = read_peer_answer(peer.get("content-type") or "", peer.body)
    return {
        live_certificate("ss1-auth"): asked.one(OcspResponse).der,
        live_certificate("ss1-sign"): _ocsp_in(asked.signature.signature),
        live_certificate("ss2-auth"): ss2_auth,
        live_certificate("ss2-sign"): _ocsp_in(answered.signature.signature),
    }


def _ocsp_in(signature: bytes) -> bytes:
    (value,) = etree.fromstring(signature).iter("{*}EncapsulatedOCSPValue")
    return b64decode(value.text or "")


def consumer(folder: Path, recording: Recording) -> TestServer:
    """Return our server in the place of SS1; set ``peer_port`` and start it."""
    return _server(folder, recording, SS1, "ss1", rights([CLIENT]))


def producer(folder: Path, recording: Recording, services: str = "") -> TestServer:
    """Return our server in the place of SS2; ``services`` is where they are, if any."""
    chosen = _services(recording, services) if services else rights([PROVIDER])
    server = _server(folder, recording, SS2, "ss2", chosen)
    server.host = SS2_ADDRESS
    return server


def _server(
    folder: Path,
    recording: Recording,
    server_id: SecurityServerId,
    keys: str,
    chosen: ServerConfiguration,
) -> TestServer:
    responses = live_ocsp(recording.set)
    certificates = [live_certificate(f"{keys}-{use}") for use in ("auth", "sign")]
    signer = signer_of(certificates[1], live_key(f"{keys}-sign"))
    return TestServer(
        folder=folder,
        server_id=server_id,
        identity=live_identity(f"{keys}-auth"),
        signers={server_id.owner: signer},
        global_conf=live_conf(),
        rights=chosen,
        ocsp=Responses(responses.get, certificates),
        clock=Clock(CLOCKS[recording.set]),
    )


def _services(recording: Recording, url: str) -> ServerConfiguration:
    """Return the stub server configuration's answer for the service of this case."""
    service_id = _service_id(recording)
    code = service_id.service_code
    if code.startswith("down"):
        url = f"http://127.0.0.1:{CLOSED_PORT}"
    service = Service(
        service_id,
        ServiceType.WSDL if "soap" in code.lower() else ServiceType.REST,
        f"{url}/{code}",
        timeout_seconds=1 if code.startswith("slow") else 30,
        verify_tls=False,
        disabled_notice="Out of order" if code.startswith("disabled") else None,
    )
    right = AccessRight(PROVIDER, code, WHOLE_SERVICE, CLIENT)
    return rights(
        [registered(PROVIDER)],
        [] if code.startswith("unknown") else [service],
        [] if code.startswith("denied") else [right],
    )


def _service_id(recording: Recording) -> ServiceId:
    message = Multipart.of(recording.http("proxy-request")).one(Message)
    if message.soap is not None:
        return message.soap.service_id
    path = message.content.split(b"\r\n")[1].decode().partition("?")[0]
    return ServiceId("TEST", "GOV", "5678", "Service", path.split("/")[6])
