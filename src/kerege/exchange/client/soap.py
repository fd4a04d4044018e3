"""SOAP calls: the envelope with its X-Road header, and attachments. No network.

Source: PR-MESS 2.2 (header), 2.4 (attachments: SOAP Messages with Attachments); RFC 2387.
"""

import dataclasses
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, TypeAlias, TypedDict

from lxml import etree

from kerege.exchange.client.request import Body, Call, checked_headers
from kerege.exchange.client.sending import CHUNK_BYTES, file_of
from kerege.xroad.identifiers import (
    ClientId,
    SecurityServerId,
    ServiceId,
    decode_segment,
)
from kerege.xroad.rest import RepresentedParty
from kerege.xroad.soap import XROAD_NAMESPACE, SoapMessage, write
from kerege.xroad.xml import parse

PROTOCOL_VERSION = "4.0"
ENVELOPE_TYPE = "text/xml; charset=UTF-8"
_MULTIPART = 'multipart/related; type="text/xml"; start="<envelope>"; boundary={}'


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part of a SOAP message besides its envelope."""

    content: Body = field(repr=False)
    """Bytes, a text, an open binary file or an iterator; of an answer always bytes."""
    content_type: str = "application/octet-stream"
    content_id: str = ""
    """How the envelope names it, without angle brackets; made up if empty."""


AttachmentFile: TypeAlias = Callable[[str, str], IO[bytes]]
"""From Content-ID and Content-Type to an open binary file, which stays open."""


class SoapOptions(TypedDict, total=False):
    """What a SOAP call may have besides its service and body. All are optional."""

    attachments: Sequence[Attachment]
    attachment_file: AttachmentFile
    """Gives files for the attachments of the answer, which are else kept in memory. It
    hears what the service named them: no path should be made of that."""
    soap_action: str
    """The header SOAPAction, without quotes."""
    user_id: str
    represented_party: str | tuple[str, ...]
    """For whom: a code, or class and code."""
    issue: str
    query_id: str
    """The id in both servers' logs; made up if absent."""
    security_server: SecurityServerId | str
    """Which of the provider's servers to use."""
    timeout: float
    """Seconds for the whole call; in place of the client's default."""
    max_answer_bytes: int
    """Longest answer that is taken; in place of the client's default."""


@dataclass(frozen=True, slots=True)
class SoapCall:
    """One call, ready to be sent."""

    envelope: bytes = field(repr=False)
    query_id: str
    attachments: Sequence[Attachment] = field(default=(), repr=False)
    soap_action: str = ""

    def as_http(self, server: str) -> Call:
        """Return the call to our own server's client port."""
        boundary = new_boundary()
        headers, body = self.headers(boundary), self.body(boundary)
        return Call("POST", f"{server}/", headers, self.query_id, body)

    def body(self, boundary: str) -> Body:
        """Return what is sent: the envelope, or the multipart with all parts."""
        if not self.attachments:
            return self.envelope
        return _multipart(self.envelope, self.attachments, boundary)

    def headers(self, boundary: str) -> dict[str, str]:
        """Return the HTTP headers."""
        kind = _MULTIPART.format(boundary) if self.attachments else ENVELOPE_TYPE
        action = f'"{self.soap_action}"'
        return checked_headers({"Content-Type": kind, "SOAPAction": action})


def build_soap_call(
    client: ClientId, service: ServiceId | str, body: bytes | str, options: SoapOptions
) -> SoapCall:
    """Return the call that the arguments describe.

    Raises:
        ValueError: an option cannot be sent.
        XRoadError: the service or the target server is not an identifier, or the body
            is not one XML element.
    """
    content = body.encode() if isinstance(body, str) else body
    element = parse(content, code="invalid_soap", what="The body")
    query_id = options.get("query_id") or str(uuid.uuid4())
    server = options.get("security_server")
    message = SoapMessage(
        client,
        service if isinstance(service, ServiceId) else read_service(service),
        query_id,
        PROTOCOL_VERSION,
        str(element.tag).rpartition("}")[2],
        user_id=options.get("user_id"),
        issue=options.get("issue"),
        represented_party=_party(options.get("represented_party")),
        security_server=(
            SecurityServerId.from_path(server) if isinstance(server, str) else server
        ),
    )
    return SoapCall(
        write(message, etree.tostring(element)),
        query_id,
        options.get("attachments", ()),
        options.get("soap_action", ""),
    )


def read_service(text: str) -> ServiceId:
    """Read ``INSTANCE/CLASS/MEMBER/SUBSYSTEM/CODE``, and the version if there is one.

    Raises `ValueError`.
    """
    codes = [decode_segment(code) for code in text.split("/")]
    if len(codes) not in (5, 6) or not all(codes):
        msg = (
            f"{text[:255]!r} is not of the form INSTANCE/CLASS/MEMBER/SUBSYSTEM/CODE, "
            "with /VERSION for a service that has one"
        )
        raise ValueError(msg)
    instance, member_class, member, subsystem, code = codes[:5]
    version = codes[5] if len(codes) == 6 else None
    return ServiceId(instance, member_class, member, subsystem, code, version)


def wsdl_request(service: ServiceId) -> tuple[ServiceId, bytes]:
    """Return whom to ask for the WSDL of a service, and the request's element.

    Source: PR-META, getWsdl. Everybody may ask.
    """
    asked = etree.Element(
        f"{{{XROAD_NAMESPACE}}}getWsdl", nsmap={None: XROAD_NAMESPACE}
    )
    fields = (
        ("serviceCode", service.service_code),
        ("serviceVersion", service.service_version),
    )
    for name, value in fields:
        if value:
            etree.SubElement(asked, f"{{{XROAD_NAMESPACE}}}{name}").text = value
    metadata = dataclasses.replace(
        service, service_code="getWsdl", service_version=None
    )
    return metadata, etree.tostring(asked)


def new_boundary() -> str:
    """Return a boundary that no content has."""
    return f"kerege-{uuid.uuid4().hex}"


def _party(party: str | tuple[str, ...] | None) -> RepresentedParty | None:
    if not party:
        return None
    codes = (party,) if isinstance(party, str) else party
    if len(codes) > 2:
        raise ValueError("A represented party has a code, or a class and a code")
    return RepresentedParty(codes[-1], codes[0] if len(codes) == 2 else None)


def _multipart(
    envelope: bytes, attachments: Sequence[Attachment], boundary: str
) -> bytes | Iterator[bytes]:
    """Return the multipart: as bytes if all parts are, else piece by piece."""
    parts = (Attachment(envelope, ENVELOPE_TYPE, "envelope"), *attachments)
    pieces = _pieces(parts, boundary)
    whole = all(isinstance(part.content, bytes | str) for part in parts)
    return b"".join(pieces) if whole else pieces


def _pieces(parts: Sequence[Attachment], boundary: str) -> Iterator[bytes]:
    for number, part in enumerate(parts):
        headers = checked_headers(
            {
                "Content-Type": part.content_type,
                "Content-Transfer-Encoding": "binary",
                "Content-ID": f"<{part.content_id or f'attachment-{number}'}>",
            }
        )
        lines = [f"--{boundary}", *(f"{n}: {v}" for n, v in headers.items()), "", ""]
        yield "\r\n".join(lines).encode()
        yield from _content(part.content)
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _content(content: Body) -> Iterator[bytes]:
    if isinstance(content, bytes | str):
        yield content.encode() if isinstance(content, str) else content
    elif (file := file_of(content)) is not None:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
    elif isinstance(content, Iterable):
        yield from content
    else:
        raise TypeError("The content of an attachment is no asynchronous iterator")
