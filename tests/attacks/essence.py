"""What a message between servers means, read by a reader of the tests' own.

Nothing of the project is used here: the reader is the yardstick. Two messages with the
same essence say the same, signed by the same key: to forward either is right. Whatever
this reader cannot make sense of is `UNREADABLE`, and must not be forwarded.

What is left out of the essence carries no meaning: the boundary, whether the line
before it ends with CRLF or LF, how chunks are cut, headers that nobody asks for, the
heads of SOAP parts and attachments (nobody signs them, they go on as they came), white space in the signature's XML, and the parts of an
OCSP response outside of what its responder signed, and the order of these responses.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

from asn1crypto import ocsp
from lxml import etree

Values = tuple[object, ...]


@dataclass(frozen=True)
class Essence:
    """What a message means."""

    said: Values
    """All but the next."""
    evidence: frozenset[Values] = frozenset()
    """OCSP responses about the sender's TLS certificate."""

    def includes(self, other: "Essence") -> bool:
        """Whether this says the same as ``other``, with its evidence or more."""
        return self.said == other.said and self.evidence >= other.evidence


UNREADABLE = Essence(("unreadable",))

_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, remove_blank_text=True, remove_pis=False
)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
OCSP = b"application/ocsp-response"
MEANT = {
    b"content-length",
    b"content-type",
    b"transfer-encoding",
    b"x-hash-algorithm",
    b"x-road-message-type",
}


class NoSenseError(Exception):
    """The message cannot be read."""


@dataclass(frozen=True)
class Part:
    """One part of a multipart: its head, lines that go on joined, and its content."""

    head: bytes
    content: bytes

    @property
    def media_type(self) -> bytes:
        found = re.search(rb"(?im)^content-type:[ \t]*([^;\r\n]*)", self.head)
        return found[1].strip().lower() if found else b""


def essence(raw: bytes, *, is_answer: bool = False) -> Essence:
    """Return what a message on the wire means; `UNREADABLE` if it means nothing."""
    try:
        return _read(raw, is_answer=is_answer)
    except (NoSenseError, ValueError, TypeError, LookupError, etree.LxmlError):
        return UNREADABLE


def _read(raw: bytes, *, is_answer: bool) -> Essence:
    head, body = http_body(raw, is_answer=is_answer)
    start, headers = read_head(head, is_answer=is_answer)
    parts = split(body, _boundary(headers))
    line = [word for word in start.split(b" ") if word]  # as RFC 9112, section 3
    if not is_answer and (len(line) != 3 or line[0] != b"POST"):
        raise NoSenseError(start)
    asked: tuple[object, ...] = (headers.get(b"x-hash-algorithm"),)
    if not is_answer:
        asked = (*asked, headers.get(b"x-road-message-type") == b"REST")
    meanings = [_meaning(part) for part in parts]
    first = next((n for n, m in enumerate(meanings) if m[0] != OCSP), len(meanings))
    said = (*asked, *meanings[first:])
    return Essence(said, frozenset(meanings[:first]))


def http_body(raw: bytes, *, is_answer: bool) -> tuple[bytes, bytes]:
    """Split one HTTP message, its chunks joined. Raises `NoSenseError`."""
    head, end, rest = raw.partition(b"\r\n\r\n")
    if not end:
        raise NoSenseError("no end of the headers")
    _, headers = read_head(head, is_answer=is_answer)
    length = headers.get(b"content-length")
    coding = headers.get(b"transfer-encoding")
    if coding is not None:
        if length is not None or coding.strip().lower() != b"chunked":
            raise NoSenseError("two framings")
        return head, _dechunked(rest)
    if length is None:
        if is_answer:
            return head, rest
        raise NoSenseError("no framing")
    if not re.fullmatch(rb"[0-9]+", length) or int(length) > len(rest):
        raise NoSenseError("cut off")
    return head, rest[: int(length)]


def read_head(
    head: bytes, *, is_answer: bool = False
) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the start line and the headers.

    A line that goes on in the next one is allowed in answers (RFC 9112, section 5.2).
    One of the `MEANT` headers twice is an error.
    """
    if is_answer:
        head = re.sub(rb"(?<=.)\r\n[ \t]+", b" ", head)
    start, *lines = head.split(b"\r\n")
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or re.search(rb"[\r\n\0]", value):
            raise NoSenseError(line)
        if name.lower() in found and name.lower() in MEANT:
            raise NoSenseError("twice", name)
        found[name.lower()] = value.strip(b" \t")
    return start, found


def _dechunked(data: bytes) -> bytes:
    out = []
    while True:
        line, end, data = data.partition(b"\r\n")
        size = line.split(b";")[0]
        if not end or not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", size):
            raise NoSenseError("chunk size")
        length = int(size, 16)
        if length == 0:
            if b"\r\n" not in data:
                raise NoSenseError("cut off")
            return b"".join(out)
        if data[length : length + 2] != b"\r\n":
            raise NoSenseError("chunk")
        out.append(data[:length])
        data = data[length + 2 :]


def _boundary(headers: dict[bytes, bytes]) -> bytes:
    found = re.fullmatch(
        rb'(?i)multipart/mixed;(?:.*;)?[ \t]*boundary="?([^";]+)"?(?:;.*)?',
        headers.get(b"content-type", b""),
    )
    if found is None:
        raise NoSenseError("no multipart")
    return found[1]


def split(body: bytes, boundary: bytes) -> Iterator[Part]:
    """Split a multipart, which must be complete."""
    pieces = re.split(
        rb"\r?\n--" + re.escape(boundary) + rb"(--|(?=[ \t]*\r?\n))", b"\r\n" + body
    )
    ends = pieces[1::2]
    if not ends or b"--" not in ends:
        raise NoSenseError("no end")
    for piece in pieces[2 : 2 * ends.index(b"--") + 2 : 2]:
        padding, line, inside = piece.partition(b"\r\n")
        if padding.strip(b" \t") or not line:
            raise NoSenseError("boundary")
        head, end, content = inside.partition(b"\r\n\r\n")
        if not end:
            raise NoSenseError("part")
        yield Part(re.sub(rb"\r?\n[ \t]+", b" ", head), content)


def _meaning(part: Part) -> Values:
    kind = part.media_type
    if kind == OCSP:
        return kind, _ocsp(part.content)
    if kind == b"signature/bdoc-1.0/ts":
        return kind, _signature(part.content)
    if kind in (b"text/xml", b"application/xop+xml"):
        return b"soap", part.content
    if kind == b"multipart/mixed":
        return kind, tuple([one.content for one in split(part.content, _nested(part))])
    if kind in (b"application/hash-chain", b"application/hash-chain-result"):
        root = _xml(part.content)
        for value in root.iter("{*}DigestValue"):
            value.text = base64.b64encode(_decoded(value)).decode()
        return kind, _canonical(root)
    return kind, part.content


def _nested(part: Part) -> bytes:
    """Return the boundary of the part that holds attachments."""
    line = re.search(rb"(?im)^content-type:(.*)$", part.head)
    headers = {b"content-type": line[1].strip() if line else b""}
    return _boundary(headers)


def _ocsp(der: bytes) -> Values:
    response = ocsp.OCSPResponse.load(der, strict=True)
    basic = response.basic_ocsp_response
    return basic["tbs_response_data"].dump(), basic["signature"].native


def _signature(document: bytes) -> Values:
    root = _xml(document)
    texts: list[object] = []
    for name in ("SignedInfo", "SignedProperties"):
        texts += [_canonical(element) for element in root.iter("{*}" + name)]
    for name in ("SignatureValue", "X509Certificate"):
        texts += [_decoded(element) for element in root.iter("{*}" + name)]
    for element in root.iter("{*}EncapsulatedOCSPValue"):
        texts.append(_ocsp(_decoded(element)))
    return tuple(texts)


def _xml(document: bytes) -> etree._Element:
    if b"<!" in document:
        raise NoSenseError("a declaration")
    return etree.fromstring(document, _PARSER)


def _canonical(element: etree._Element) -> bytes:
    made: bytes = etree.tostring(element, method="c14n", with_comments=True)
    return made


def _decoded(element: etree._Element) -> bytes:
    text = b"".join((element.text or "").encode().split())
    if len(element) or not _BASE64.fullmatch(text):
        raise NoSenseError("base64")
    return base64.b64decode(text, validate=True)
