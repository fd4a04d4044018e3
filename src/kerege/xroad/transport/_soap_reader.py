"""Read what an information system or a service sends: SOAP, alone or with attachments.

Rules (`SoapMessageDecoder.java`, RFC 2387, W3C SOAP Messages with Attachments, XOP):

* ``text/xml`` or ``application/xop+xml`` is one envelope, ``multipart/related`` has it
  in its first part and attachments in the others. Each part has one Content-Type.
* The envelope is collected, up to `MAX_SOAP_BYTES`, and not looked at. Attachments pass
  through in pieces, undecoded, whatever is in them.
* A byte-order mark before the multipart is skipped. A last delimiter without its two
  hyphens is forgiven, an attachment without any delimiter behind it is not: it may
  have been cut.

Better than the reference: a multipart whose ``start`` names another part than the first
is refused. Services that follow ``start`` would read another envelope than the one
whose client and rights were checked. So would those that decode the first part as its
headers say, if these name a transfer encoding or a charset that can hide markup.
"""

import re
from dataclasses import dataclass, field

from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.soap import MAX_SOAP_BYTES
from kerege.xroad.transport._boundaries import BoundaryWatch
from kerege.xroad.transport._content_type import (
    media_type,
    parameter,
    parameter_names,
)
from kerege.xroad.transport._multipart import (
    Headers,
    MultipartEvent,
    MultipartParser,
    PartBegan,
    PartData,
    PartEnded,
    find_header,
)
from kerege.xroad.transport._reader import boundary_of

_RELATED = "multipart/related"
_BOM = b"\xef\xbb\xbf"
_NOT_ENCODED = ("7bit", "8bit", "binary")
_CHARSETS = re.compile(
    r"utf-?8|utf-?16(?:-?[lb]e)?|(?:us-)?ascii|iso[-_]?8859[-_](?:[1-9]|1[0-6])"
    r"|latin-?1|(?:windows-|cp)125[0-8]|koi8-[ru]",
    re.IGNORECASE,
)
"""Whoever reads an envelope in one of these finds the same markup in it, or none; in
UTF-7, HZ or a programming language's escapes it is another one."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The first part of a message, or all of it."""

    content: bytes = field(repr=False)
    """As received, with its byte-order mark."""
    content_type: str
    headers: Headers
    """Of its part, with Content-Type; of a lone envelope only that."""


SoapEvent = Envelope | PartBegan | PartData | PartEnded
"""First the envelope; the others are of attachments."""


class SoapReader:
    """Read one request of an information system, or one answer of a service.

    Args:
        content_type: The Content-Type of the HTTP message.

    Raises:
        XRoadError: ``invalid_content_type``, ``mime_parsing_failed`` for a boundary
            that is not allowed.
    """

    def __init__(self, content_type: str) -> None:
        self._content_type = content_type
        self._parser: MultipartParser | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._parts = 0
        self._headers: Headers = (("content-type", content_type),)
        self._start = ""
        self._head: bytes | None = b""
        if media_type(content_type) == _RELATED:
            _require_once(content_type, "boundary", "start")
            self._parser = MultipartParser(boundary_of(content_type))
            self._start = _bare(parameter(content_type, "start"))
        else:
            soap.require_soap_type(content_type)

    @property
    def is_multipart(self) -> bool:
        """Whether there may be attachments."""
        return self._parser is not None

    def receive_data(self, data: bytes) -> list[SoapEvent]:
        """Take the next bytes and return the events that they complete.

        Raises:
            XRoadError: ``invalid_soap`` for an envelope that is too large,
                ``invalid_content_type``, ``mime_parsing_failed``. The reader is of no
                use afterwards.
        """
        if self._parser is None:
            self._collect(data)
            return []
        if self._head is not None:
            data = self._without_mark(data)
        return self._events(self._parser.receive_data(data))

    def receive_eof(self) -> list[SoapEvent]:
        """Say that no more bytes come, and return the last events.

        Raises:
            XRoadError: As `receive_data`; ``missing_soap`` for a multipart without any
                part.
        """
        if self._parser is None:
            return [self._envelope()]
        events: list[SoapEvent] = []
        if self._head:
            events = self._events(self._parser.receive_data(self._head))
        if not self._parts:
            raise XRoadError(
                "missing_soap", "The multipart has no part, so no SOAP message"
            )
        return events + self._events(self._parser.finish())

    def _without_mark(self, data: bytes) -> bytes:
        """Return what may be parsed of the first bytes."""
        head = (self._head or b"") + data
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _events(self, parsed: list[MultipartEvent]) -> list[SoapEvent]:
        events: list[SoapEvent] = []
        for event in parsed:
            if isinstance(event, PartBegan):
                self._part_began(event)
            if self._parts > 1:
                if isinstance(event, PartBegan | PartData | PartEnded):
                    events.append(event)
            elif isinstance(event, PartData):
                self._collect(event.data)
            elif isinstance(event, PartEnded):
                events.append(self._envelope())
        return events

    def _part_began(self, part: PartBegan) -> None:
        self._parts += 1
        content_type = _only_content_type(part.headers)
        self._require_start(part.headers)
        if self._parts == 1:
            soap.require_soap_type(content_type)
            require_plain(self._content_type, part.headers)
            self._headers = part.headers

    def _collect(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_SOAP_BYTES:
            raise XRoadError(
                "invalid_soap",
                f"The SOAP message is larger than {MAX_SOAP_BYTES} bytes",
                advice="Larger data belongs into attachments.",
            )
        self._chunks.append(data)

    def _envelope(self) -> Envelope:
        content = b"".join(self._chunks)
        self._chunks.clear()
        content_type = find_header(self._headers, "content-type") or ""
        return Envelope(content, content_type, self._headers)

    def _require_start(self, headers: Headers) -> None:
        """Refuse a part that is the root, or may be taken for it, and not the first."""
        if not self._start:
            return
        ids = _content_ids(headers)
        is_start = self._start.casefold() in ids
        if ids and is_start != (self._parts == 1):
            raise XRoadError(
                "mime_parsing_failed",
                "The multipart's start names another part than the first one",
            )


def require_root(content_type: str, content: bytes, headers: Headers) -> None:
    """Check that a service that gets this multipart finds the envelope in it.

    The peer says what Content-Type the client used, and may say anything: a ``start``
    that names an attachment, or a boundary that is in the envelope. Then the service
    would read another envelope than the one whose client and rights were checked.
    `require_plain` is part of it.

    Args:
        content_type: What the service will get.
        content: The envelope, its first part.
        headers: Of that part.

    Raises:
        XRoadError: ``invalid_message``, ``invalid_content_type``.
    """
    if media_type(content_type) != _RELATED:
        return
    require_plain(content_type, headers)
    _require_once(content_type, "start")
    start = _bare(parameter(content_type, "start"))
    if start and _content_ids(headers) != {start.casefold()}:
        raise XRoadError(
            "invalid_message", "The multipart's start does not name the SOAP message"
        )
    require_uncut(content_type, content)


def require_uncut(content_type: str, content: bytes) -> None:
    """Check that no boundary of the multipart is in its envelope.

    Nothing is checked for anything but a multipart. Raises ``invalid_message``, or
    ``invalid_content_type`` for one with two boundaries or none.
    """
    if media_type(content_type) == _RELATED:
        _require_once(content_type, "boundary")
        BoundaryWatch(boundary_of(content_type), "the SOAP message").update(content)


def require_plain(content_type: str, headers: Headers) -> None:
    """Check that whoever gets an envelope in a multipart reads it as it stands there.

    Nobody has signed these headers, and X-Road reads past them.

    Args:
        content_type: Of the multipart; nothing is checked for anything else.
        headers: Of the part with the envelope.

    Raises:
        XRoadError: ``invalid_content_type``.
    """
    if media_type(content_type) != _RELATED:
        return
    for name, value in headers:
        lower = name.strip().lower()
        if lower == "content-transfer-encoding":
            if value.strip().lower() not in _NOT_ENCODED:
                raise XRoadError(
                    "invalid_content_type",
                    "The SOAP message's part has a Content-Transfer-Encoding, by which "
                    "others would read another message",
                )
        elif lower == "content-type":
            _require_plain_charset(value)
    _require_plain_charset(content_type)


def _require_plain_charset(content_type: str) -> None:
    _require_once(content_type, "charset")
    charset = parameter(content_type, "charset")
    if charset and not _CHARSETS.fullmatch(charset):
        raise XRoadError(
            "invalid_content_type",
            f"The charset {charset[:80]!r} of the SOAP message is not supported",
            quotes=repr(charset[:80]),
        )


def _content_ids(headers: Headers) -> set[str]:
    return {_bare(v).casefold() for n, v in headers if n.lower() == "content-id"}


def _bare(content_id: str | None) -> str:
    """Return a Content-ID without its angle brackets."""
    return (content_id or "").strip(" \t<>\"'")


def _require_once(content_type: str, *names: str) -> None:
    """Refuse parameters that parsers may understand in different ways."""
    found = parameter_names(content_type)
    for name in names:
        same = [n for n in found if n == name or n.startswith(f"{name}*")]
        if same not in ([], [name]):
            raise XRoadError(
                "invalid_content_type", f"The Content-Type has {name} in several ways"
            )


def _only_content_type(headers: Headers) -> str:
    found = [value for name, value in headers if name.lower() == "content-type"]
    if len(found) != 1:
        raise XRoadError(
            "invalid_content_type",
            f"A part of the multipart has {len(found)} Content-Types instead of one",
        )
    return found[0]
