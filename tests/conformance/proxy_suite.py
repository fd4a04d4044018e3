"""The setting of the reference's proxy test suite, with two of our servers in it.

A row of the table says which message is sent, what the service answers and in which
Content-Type; `Case` reads that and runs it: a client, the consumer's server, TLS, the
provider's server, a service. What a row arranges beyond that is done on the `Case`
before it runs, what it asserts beyond that is looked at afterwards.

As upstream, every ``xroad:id`` is replaced by a fresh one; the clock stands at
2020-01-01 and OCSP responses are from tomorrow. Unlike upstream there is TLS between
the servers in every case, so a message that goes straight to the provider's server
needs an OCSP response before it, see `Case.straight`.
"""

import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kerege.exchange.storage.server_configuration import ServiceType
from kerege.exchange.tls import Identity, load_identity, peer_server_context
from kerege.xroad import transport
from kerege.xroad.identifiers import ClientId
from kerege.xroad.transport import parameter
from tests.conformance.stores import identity
from tests.instances import Instance, sandbox_instance
from tests.server_parts import rights
from tests.servers import Pair
from tests.vectors import Row, xroad_path
from tests.wire import Http, RawServer, answer, call, request

AT = datetime(2020, 1, 1, tzinfo=UTC)
TEXT_XML = "text/xml; charset=UTF-8"
BOUNDARY = "boundary=jetty771207119h3h10dty"
"""Of the suite's multiparts."""
QUERY_ID = "0123456789abcdef0123456789abcdef"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CONSUMER = ClientId("EE", "BUSINESS", "consumer")
PRODUCER = ClientId("EE", "BUSINESS", "producer")
CLIENTS = (CONSUMER, ClientId("EE", "BUSINESS", "consumer", "subsys1"))
PROVIDERS = (PRODUCER, ClientId("EE", "BUSINESS", "producer", "subsys2"))
SERVICES = ("getState", "test", "testQuery", "generateMtom")
"""Of every provider; each is at the service's address, in a folder of its code."""

LOST = ("attachment-small-mantis.query",)
"""Not among the vectors; the case makes its own."""

_SENT = re.compile(r"request (\S+\.query)(?: \[(.*?)\])?;")
_ANSWERED = re.compile(r"answer (\S+\.(?:answer|query))(?: \[(.*?)\])?;")
_ID = re.compile(r"<xroad:id>.*?</xroad:id>")


def instance() -> Instance:
    """Return the instance EE, its members clients themselves."""
    return sandbox_instance(
        "EE",
        consumer=("BUSINESS/consumer", "subsys1"),
        provider=("BUSINESS/producer", "subsys2"),
        at=AT,
    )


def suite_file(name: str) -> bytes:
    """Return a message of the suite with the query id of this run."""
    text = xroad_path(f"soap/{name}").read_bytes().decode("utf-8", "replace")
    return _ID.sub(f"<xroad:id>{QUERY_ID}</xroad:id>", text).encode()


def store_identity(name: str) -> Identity:
    """Return a key store of the suite, e.g. ``client``."""
    store = identity(f"certs/{name}.p12")
    return load_identity([store.certificate], store.key)


@dataclass
class Message:
    """A body with its Content-Type."""

    content: bytes
    content_type: str = TEXT_XML


@dataclass
class Case:
    """One row while it runs. Change what you need before `run`."""

    row: Row
    pair: Pair
    sent: Message
    answer: Message | None
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    client_tls: Identity | None = None
    """With it the client connects to the HTTPS port and shows this."""
    emulator: RawServer | None = None
    """In the place of the provider's server."""
    services: list[str] = field(default_factory=lambda: list(SERVICES))
    other_service: RawServer | None = None
    """A service that is called instead of the pair's."""

    @classmethod
    def of(cls, row: Row, folder: Path) -> "Case":
        """Arrange what the row's set-up says in so many words."""
        pair = Pair(folder, instance=instance())
        for server in (pair.consumer, pair.provider):
            server.ocsp.by_certificate = lambda certificate: (
                pair.instance.ocsp_response(certificate, AT + timedelta(days=1))
            )
        pair.consumer.rights = rights(CLIENTS)
        first = row.inputs[0].removeprefix("soap/")
        sent = _message(_SENT, row.setup) or Message(suite_file(first))
        case = cls(row, pair, sent, _message(_ANSWERED, row.setup))
        if "emulated server proxy" in row.setup:
            case.emulate(case.answered())
        return case

    @property
    def called(self) -> RawServer:
        """The service."""
        return self.other_service or self.pair.service

    def emulate(self, made: bytes) -> None:
        """Let a stranger with the provider's certificate answer with these bytes."""
        context = peer_server_context(self.pair.provider.identity)
        self.emulator = RawServer(made, ssl=context)

    def answered(self) -> bytes:
        """Return what the service, or the emulator, answers."""
        if self.answer is None:
            return answer("404 Not Found")
        headers = {
            "Content-Type": self.answer.content_type,
            "x-hash-algorithm": "SHA-512",
            "Connection": "close",
        }
        return answer(headers=headers, body=self.answer.content)

    def offer(self, **changes: object) -> None:
        """Add all services, or change them."""
        for provider in PROVIDERS:
            for code in self.services:
                self.pair.offer(
                    code,
                    url=f"{changes.get('url', self.pair.service.url)}/{code}",
                    provider=provider,
                    to=changes.get("to", CLIENTS),
                    type=ServiceType.WSDL,
                    **{k: v for k, v in changes.items() if k not in ("url", "to")},
                )
        self._register_providers()

    def _register_providers(self) -> None:
        offered = self.pair.provider.rights
        self.pair.provider.rights = rights(
            PROVIDERS, offered.services.values(), offered.access_rights
        )

    async def send(self) -> Http:
        """Send the row's message to the consumer's server."""
        ports = self.pair.consumer.ports
        if self.client_tls is None:
            return await call("127.0.0.1", ports.client, self.request())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # the suite's keys are old
        self.client_tls.install(context)
        return await call("127.0.0.1", ports.client_https, self.request(), ssl=context)

    async def straight(self) -> Http:
        """Send the row's message straight to the provider's server."""
        self.headers["x-hash-algorithm"] = "SHA-512"
        boundary = parameter(self.sent.content_type, "boundary")
        if boundary and self.sent.content.startswith(b"--"):
            certificate = self.pair.consumer.identity.certificates[0]
            chain = (certificate, *self.pair.consumer.identity.certificates[1:])
            for one in reversed(chain):
                response = self.pair.consumer.ocsp.by_certificate(one)
                assert response is not None
                part = transport.ocsp_part(boundary, response)
                self.sent.content = part + self.sent.content
        identity = self.pair.consumer.identity
        return await self.pair.provider.peer_call(self.request(), identity)

    def request(self) -> bytes:
        """Return the HTTP request."""
        headers = {"Content-Type": self.sent.content_type, **self.headers}
        body = self.sent.content if self.method == "POST" else None
        return request(self.method, "/", headers, body)


Arrange = Callable[[Case], Awaitable[None] | None]


def _message(pattern: re.Pattern[str], setup: str) -> Message | None:
    found = pattern.search(setup)
    if found is None or found[1] in LOST:
        return None
    return Message(suite_file(found[1]), found[2] or TEXT_XML)


def parts_by_hand(message: Message) -> list[tuple[dict[str, str], bytes]]:
    """Take a multipart apart: header names in lower case, and the bytes.

    Line ends of the suite's files are LF, those of our servers CR LF. What stands before
    the first delimiter is left out.
    """
    boundary = parameter(message.content_type, "boundary")
    assert boundary
    mark = re.escape(f"--{boundary}".encode())
    text = message.content.removeprefix(BYTE_ORDER_MARK)
    pieces = re.split(rb"(?:^|\r?\n)" + mark + rb"(?:--)?[ \t]*(?:\r?\n|$)", text)
    parts = []
    for piece in pieces[1:-1]:
        head, content = re.split(rb"\r?\n\r?\n", piece, maxsplit=1)
        lines = head.decode("latin-1").splitlines()
        pairs = [line.split(":", 1) for line in lines]
        parts.append(({n.lower(): v.strip() for n, v in pairs}, content))
    return parts


def envelope_of(message: Message) -> bytes:
    """Return the envelope of a message, byte for byte."""
    if message.content_type.lower().startswith("multipart/"):
        return parts_by_hand(message)[0][1]
    return message.content
