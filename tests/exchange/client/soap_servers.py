"""A Security Server and a service of SOAP in one, for tests without an exchange."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kerege.sandbox.testing.applications import serving
from kerege.xroad import soap
from kerege.xroad.transport import (
    Envelope,
    PartBegan,
    PartData,
    SoapReader,
)

ANSWER = (
    b'<v:villageFactResponse xmlns:v="urn:villages"><v:name>Kek-Djar</v:name>'
    b"<v:households>24</v:households></v:villageFactResponse>"
)


@dataclass
class Asked:
    """One request."""

    envelope: bytes
    message: soap.SoapMessage
    content_type: str
    soap_action: str
    attachments: list[tuple[tuple[tuple[str, str], ...], bytes]]


@dataclass
class SoapServer:
    """Answers with `body` and the request's hash, or as `reply` says."""

    url: str = ""
    body: bytes = ANSWER
    reply: Callable[[bytes], tuple[str, str, bytes]] | None = None
    """From the envelope to status, Content-Type and content."""
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, environ, start_response):
        content = body_of(environ)
        asked = read(content, environ["CONTENT_TYPE"], environ["HTTP_SOAPACTION"])
        self.asked.append(asked)
        if self.reply is not None:
            status, kind, content = self.reply(asked.envelope)
        else:
            status, kind = "200 OK", "text/xml; charset=utf-8"
            content = self.hashed(asked.envelope)
        start_response(status, [("Content-Type", kind)])
        return [content]

    def hashed(self, envelope: bytes) -> bytes:
        """The answer as it comes from one's own Security Server."""
        answer = soap.answer_to(envelope, self.body)
        made = soap.add_request_hash(answer, "text/xml", soap.request_hash(envelope))
        assert isinstance(made, soap.Answer)
        return made.content


def body_of(environ) -> bytes:
    """The body, chunked or not; wsgiref leaves chunks to the application."""
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
        return environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    body = b""
    while size := int(environ["wsgi.input"].readline(), 16):
        body += environ["wsgi.input"].read(size)
        environ["wsgi.input"].readline()
    environ["wsgi.input"].readline()
    return body


def read(content: bytes, content_type: str, soap_action: str) -> Asked:
    reader = SoapReader(content_type)
    events = reader.receive_data(content) + reader.receive_eof()
    attachments: list = []
    envelope, *rest = events
    assert isinstance(envelope, Envelope)
    message = soap.read(envelope.content, envelope.content_type)
    assert isinstance(message, soap.SoapMessage)
    for event in rest:
        if isinstance(event, PartBegan):
            attachments.append((event.headers, b""))
        elif isinstance(event, PartData):
            headers, data = attachments.pop()
            attachments.append((headers, data + event.data))
    return Asked(envelope.content, message, content_type, soap_action, attachments)


@contextmanager
def soap_server() -> Iterator[SoapServer]:
    """Run one."""
    server = SoapServer()
    with serving(server) as url:
        server.url = url
        yield server
