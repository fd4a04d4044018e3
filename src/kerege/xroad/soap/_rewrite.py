"""Answers of services, written again with the hash of their request.

The reference parses an answer and writes it from the parser's events; what comes out
is what it signs. So do we, from the text itself, since libxml2 and expat tell less than
Java's parser. Rules (`ServerMessageProcessor.ResponseSoapParserImpl`,
`SaxSoapParserImpl`, and the recordings of two Java servers):

* UTF-8, and an XML declaration that says so, on a line of its own; a line end after the
  envelope. Line ends are LF. Processing instructions are lost, comments, CDATA and
  character references kept.
* Attributes stand in double quotes after one space, in their order, with ``&amp;``,
  ``&lt;``, ``&gt;``, ``&quot;`` and ``&apos;``. ``<a/>`` becomes ``<a></a>``.
* ``requestHash`` follows the header's ``id``, with its prefix and attributes, after the
  first white space that was alone between two tags of the Header. One that was there
  is removed, the white space around it stays.

Better than the reference: answers in other encodings come out right; line ends and tabs
that an attribute has as references stay references; a removed hash leaves no text
behind; ``requestHash`` never has ``algorithmId`` twice; only a child of the Header is
taken for ``id`` or ``requestHash``.
"""

import re
from dataclasses import dataclass, field, replace

from kerege.xroad.faults import RelayedFaultError
from kerege.xroad.soap._encoding import to_utf8, without_declaration
from kerege.xroad.soap._fault import read_fault
from kerege.xroad.soap._message import (
    QUERY_ID,
    REQUEST_HASH,
    REQUEST_HASH_ALGORITHM,
    SoapMessage,
    message_of,
    require_soap_type,
)
from kerege.xroad.soap._names import MAX_ELEMENTS, MAX_SOAP_BYTES, refuse
from kerege.xroad.soap._scan import end_of_tag, scan
from kerege.xroad.soap._walk import Scan

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_ODD = re.compile(
    rb"<(?!/?+[^\s<>/!?\"'=]++(?:[ ][^\s<>/\"'=]++=\"[^<>\"'&\t\n\x7f\xc2]*+\")*+>)"
    rb"(?:!--.*?-->|!\[CDATA\[.*?\]\]>|\?.*?\?>|(?:\"[^\"]*+\"|'[^']*+'|[^<>\"']++)*+>)",
    re.DOTALL,
)
"""What is not already a tag as it shall be written. The text is known to be XML."""
_NAME = re.compile(rb"</?+[^\s/>]++")
_ATTRIBUTE = re.compile(rb"\s++([^\s=]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_SPECIAL = re.compile(rb"&([^;]++);|[<>\"'\t\n\x7f]|\xc2[\x80-\x84\x86-\x9f]")
_ENTITIES = {
    b"&": b"&amp;",
    b"<": b"&lt;",
    b">": b"&gt;",
    b'"': b"&quot;",
    b"'": b"&apos;",
}
_NAMED = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}
_AROUND = re.compile(rb"<\?.*?\?>|(<!--.*?-->)", re.DOTALL)
_PIECES = re.compile(
    rb"<!--(.*?)-->|<!\[CDATA\[(.*?)\]\]>|([^<&]++)"
    rb"|<\?.*?\?>|&[^;]*+;|<(?:\"[^\"]*+\"|'[^']*+'|[^<>\"']++)*+>",
    re.DOTALL,
)
_CHARSET = re.compile(r"(;\s*charset\s*=\s*)(\"[^\"]*\"|[^\s;]*)", re.IGNORECASE)
_ALGORITHM_ID = b"algorithmId"
MAX_TAG_BYTES = 256 * 1024
"""A tag that has to be written in another way: its attributes are looked at one by one,
and a character may become six. Usual tags may be as long as they like."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer as it is signed, logged and sent."""

    message: SoapMessage
    content: bytes = field(repr=False)
    """The envelope, in UTF-8."""
    content_type: str
    """As the service said, but for a charset that is no longer true."""


def add_request_hash(
    content: bytes, content_type: str, request_hash: str
) -> Answer | RelayedFaultError:
    """Read a service's answer and put the hash of its request into it.

    Args:
        content: The bytes of the envelope as the service sent them.
        content_type: The Content-Type of the answer or of its SOAP part.
        request_hash: As `request_hash` returns it.

    Returns:
        The answer, or the fault if the service sent one; faults are never changed.

    Raises:
        XRoadError: As `read`.
    """
    require_soap_type(content_type)
    if len(content) > MAX_SOAP_BYTES:
        refuse(f"The SOAP message is larger than {MAX_SOAP_BYTES} bytes")
    charset = _charset(content_type)
    text = to_utf8(content, charset=charset)
    found = scan(text)
    if found.has_fault:
        return read_fault(content, charset=charset)
    message = replace(message_of(found), request_hash=request_hash)
    start, end = found.root[0], end_of_tag(text, found.root[1])
    envelope = _normalised(_with_hash(text, found, request_hash.encode("ascii")))
    before, after = _kept(without_declaration(text[:start])), _kept(text[end:])
    whole = b"%b%b%b%b\n" % (_DECLARATION, before, envelope, after)
    if len(whole) > MAX_SOAP_BYTES:
        refuse(f"The answer is larger than {MAX_SOAP_BYTES} bytes when written again")
    return Answer(message, whole, utf8_content_type(content_type))


def utf8_content_type(content_type: str) -> str:
    """Return a Content-Type whose charset, if it has one, is UTF-8."""
    charset = _charset(content_type)
    if charset is None or charset.lower() in ("utf-8", "utf8"):
        return content_type
    return _CHARSET.sub(r"\1UTF-8", content_type)


def _charset(content_type: str) -> str | None:
    found = _CHARSET.search(content_type)
    return found[2].strip("\"' ") or None if found else None


def _with_hash(text: bytes, found: Scan, value: bytes) -> bytes:
    """Return the envelope with the new requestHash and without an old one."""
    position, end = found.root[0], end_of_tag(text, found.root[1])
    pieces = []
    for element, at in zip(found.header, found.ends, strict=True):
        if element.name == REQUEST_HASH:
            pieces.append(text[position : element.start])
            position = end_of_tag(text, at)
        elif element.name == QUERY_ID:
            element_end = end_of_tag(text, at)
            pieces.append(text[position:element_end])
            position = element_end
            start_tag = _start_tag(text, element.start)
            header = text[found.headers[0] : element_end]
            pieces += (_first_space(header), _hash_element(start_tag, value))
    pieces.append(text[position:end])
    return b"".join(pieces)


def _start_tag(text: bytes, at: int) -> bytes:
    found = _PIECES.match(text, at)
    tag = found[0] if found else b""
    _require_short(tag)
    return tag


def _hash_element(id_tag: bytes, value: bytes) -> bytes:
    """Return the requestHash that goes with an id."""
    name = _NAME.match(id_tag)
    prefix, colon, _ = (name[0] if name else b"<id").rpartition(b":")
    tag = (prefix + colon if colon else b"<") + b"requestHash"
    attributes = _attributes(id_tag, without=_ALGORITHM_ID)
    algorithm = REQUEST_HASH_ALGORITHM.uri.encode("ascii")
    return b'%b%b %b="%b">%b</%b>' % (
        tag,
        attributes,
        _ALGORITHM_ID,
        algorithm,
        value,
        tag[1:],
    )


def _first_space(header: bytes) -> bytes:
    """Return the first white space that stands alone between two pieces of markup.

    For the reference a comment of blanks, or of nothing, is such a space, too.
    """
    for piece in _PIECES.finditer(header):
        if piece.lastindex is not None:
            text = piece[piece.lastindex]
            if not text.strip():
                return text
    return b""


def _kept(text: bytes) -> bytes:
    """Return what is kept of what stands around the envelope: its comments."""
    return b"".join([found[1] or b"" for found in _AROUND.finditer(_lines(text))])


def _lines(text: bytes) -> bytes:
    if b"\r" not in text:
        return text
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _normalised(text: bytes) -> bytes:
    text = _lines(text)
    written = bytearray()
    position = 0
    for count, found in enumerate(_ODD.finditer(text)):
        if count > MAX_ELEMENTS:
            refuse(f"The answer has more than {MAX_ELEMENTS} unusual tags")
        start, end = found.span()
        written += text[position:start]
        written += _rewritten(text[start:end])
        position = end
    written += text[position:]
    return bytes(written)


def _rewritten(token: bytes) -> bytes:
    if token.startswith(b"<!"):
        return token
    if token.startswith(b"<?"):
        return b""
    _require_short(token)
    name = _NAME.match(token)
    tag = name[0] if name else token
    written = b"%b%b>" % (tag, _attributes(token))
    return b"%b</%b>" % (written, tag[1:]) if token.endswith(b"/>") else written


def _require_short(tag: bytes) -> None:
    if len(tag) > MAX_TAG_BYTES:
        refuse(f"A tag of the answer is longer than {MAX_TAG_BYTES} bytes")


def _attributes(token: bytes, *, without: bytes = b"") -> bytes:
    return b"".join(
        [
            b' %b="%b"' % (name, _SPECIAL.sub(_escaped, double or single))
            for name, double, single in _ATTRIBUTE.findall(token)
            if name != without
        ]
    )


def _escaped(found: re.Match[bytes]) -> bytes:
    """Write a character of an attribute as `StringEscapeUtils.escapeXml11` does."""
    reference = found[1]
    if reference is None:
        char = found[0]
        if char in (b"\t", b"\n"):
            return b" "
    elif reference in _NAMED:
        char = _NAMED[reference]
    else:
        digits = reference[1:]
        number = int(digits[1:], 16) if digits[:1] == b"x" else int(digits)
        if number in (9, 10, 13):
            return b"&#%d;" % number
        char = chr(number).encode()
    code = ord(char.decode())
    if 0x7F <= code <= 0x9F and code != 0x85:
        return b"&#%d;" % code
    return _ENTITIES.get(char, char)
