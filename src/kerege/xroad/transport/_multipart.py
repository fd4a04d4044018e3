"""An incremental parser of MIME multiparts: bytes in, events out.

Rules (RFC 2046 section 5.1; what mime4j, the reference's parser, accepts):

* A delimiter is a line end, ``--``, the boundary, optional blanks and a line end.
  Line ends are CRLF; a bare LF is understood too. The line end before a delimiter
  belongs to the delimiter, not to the body.
* The first delimiter may stand at the very beginning; a delimiter directly after
  the empty line that ends the part headers makes an empty body.
* ``--boundary--`` ends the multipart. What stands before the first and after the
  last delimiter is ignored, up to a bound.
* ``--boundary`` followed by anything else is content. Where parsers would differ
  (a blank or a single hyphen, then more text on the line) it is refused.
* A header's name stands directly before its colon; mime4j takes blanks between, others
  would not know the header, so it is refused.
* Bodies are passed on undecoded; Content-Transfer-Encoding is only a header.

Every fault is ``mime_parsing_failed``.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from kerege.xroad.faults import XRoadError

Headers = tuple[tuple[str, str], ...]

MAX_BOUNDARY_CHARACTERS = 70
"""RFC 2046 section 5.1.1."""
MAX_PART_HEADER_BYTES = 8 * 1024
"""The headers of one part: a Content-Type and a handful more."""
MAX_PARTS = 1000
"""More attachments than any service sends."""
MAX_IGNORED_BYTES = 8 * 1024
"""Text before the first and after the last delimiter; usually none."""
_USUAL_HEADER_BYTES = 128
"""The headers of a usual part: one line, the longest has 45 bytes."""
MAX_PADDING_BYTES = 256
"""Blanks that may follow a boundary on its line."""

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]")
_HEADER = re.compile(rb"([!-9;-~]+):[ \t]*([^\0\r\n]*)")
_CODE = "mime_parsing_failed"
_LF, _CR, _DASH = 10, 13, 45


class PartBegan(NamedTuple):
    """The headers of a part are complete."""

    headers: Headers


class PartData(NamedTuple):
    """A piece of the part's body; never empty."""

    data: bytes


class PartEnded(NamedTuple):
    """The part's body is complete."""


class Finished(NamedTuple):
    """The last delimiter was read; what follows is ignored."""


MultipartEvent = PartBegan | PartData | PartEnded | Finished

_PART_ENDED = PartEnded()
_FINISHED = Finished()


class _State(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    BODY = auto()
    EPILOGUE = auto()


class _Line(Enum):
    """What follows a boundary."""

    NEXT = auto()
    LAST = auto()
    CONTENT = auto()
    MORE_NEEDED = auto()


# Members as globals: looking one up in its class costs 140 ns, ten times a part.
_PREAMBLE, _HEADERS, _BODY, _EPILOGUE = _State
_NEXT, _LAST, _CONTENT, _MORE_NEEDED = _Line


@dataclass(slots=True)
class _Delimiter:
    """Where a delimiter was found; ``start`` is the line feed before it."""

    start: int
    end: int
    line: _Line


class MultipartParser:
    """Parse one multipart body that arrives in pieces of any size."""

    def __init__(self, boundary: str, *, max_parts: int = MAX_PARTS) -> None:
        if len(boundary) > MAX_BOUNDARY_CHARACTERS or not _BOUNDARY.fullmatch(boundary):
            said = repr(boundary[:255])
            raise XRoadError(_CODE, f"The boundary {said} is not allowed", quotes=said)
        self._needle = b"\n--" + boundary.encode()
        self._max_parts = max_parts
        self._parts = 0
        self._ignored = 0
        self._state = _PREAMBLE
        # As if a line had just ended: a delimiter may be the first thing.
        self._buffer = b"\n"
        self._at_start = True

    def receive_data(self, data: bytes) -> list[MultipartEvent]:
        """Take the next bytes and return the events that they complete.

        Raises:
            XRoadError: ``mime_parsing_failed``; the parser is of no use afterwards.
        """
        events: list[MultipartEvent] = []
        buffer = self._buffer + data if self._buffer else data
        position: int | None = 0
        rest = 0
        while position is not None:
            rest = position
            if self._state is _HEADERS:
                whole = self._read_whole_parts(buffer, position, events)
                position = self._read_headers(buffer, whole, events)
                rest = whole
            elif self._state is _EPILOGUE:
                self._ignore(len(buffer) - position)
                rest, position = len(buffer), None
            else:
                rest, position = self._read_body(buffer, position, events)
        self._buffer = buffer[rest:]
        return events

    def receive_eof(self) -> None:
        """Say that no more bytes come.

        Raises:
            XRoadError: ``mime_parsing_failed`` if the multipart is not complete.
        """
        if self._state is not _EPILOGUE:
            raise XRoadError(_CODE, "The multipart ends before its last delimiter")

    def finish(self) -> list[MultipartEvent]:
        """Say that no more bytes come; a delimiter that they cut short is the last one.

        For senders that forget the last two hyphens, which mime4j forgives.

        Raises:
            XRoadError: ``mime_parsing_failed`` if the multipart is not complete.
        """
        rest = self._buffer.removeprefix(b"\r").rstrip(b" \t\r-")
        if self._state is _BODY and rest == self._needle:
            self._state = _EPILOGUE
            return [_PART_ENDED, _FINISHED]
        self.receive_eof()
        return []

    @property
    def finished(self) -> bool:
        """Whether the last delimiter was read."""
        return self._state is _EPILOGUE

    def _read_body(
        self, buffer: bytes, position: int, events: list[MultipartEvent]
    ) -> tuple[int, int | None]:
        """Read a body or the preamble, up to a delimiter or the end of the buffer.

        Returns where the unread rest begins, and where to go on (None: wait).
        """
        begin = position + 1 if self._at_start else position
        found = self._find_delimiter(buffer, position)
        if found is None:
            keep = self._partial_delimiter(buffer, position)
        else:
            keep = _before_line_end(buffer, begin, found.start)
        if keep > begin:
            self._emit(buffer[begin:keep], events)
        if found is None or found.line is _MORE_NEEDED:
            if keep > position:
                self._at_start = False
                return max(keep, begin), None
            return position, None
        if self._state is _BODY:
            events.append(_PART_ENDED)
        self._at_start = False
        if found.line is _LAST:
            self._state = _EPILOGUE
            events.append(_FINISHED)
        else:
            self._state = _HEADERS
        return found.end, found.end

    def _find_delimiter(self, buffer: bytes, position: int) -> _Delimiter | None:
        """Return the first delimiter, also one that needs more bytes to be sure."""
        needle = self._needle
        at = buffer.find(needle, position)
        while at >= 0:
            after = at + len(needle)
            if buffer[after : after + 2] == b"\r\n":
                # A header section starts at the line feed before it, see there.
                return _Delimiter(at, after + 1, _NEXT)
            line, end = _rest_of_line(buffer, after)
            if line is not _CONTENT:
                return _Delimiter(at, end, line)
            at = buffer.find(needle, at + 1)
        return None

    def _partial_delimiter(self, buffer: bytes, position: int) -> int:
        """Return from where on the buffer's end may be the start of a delimiter."""
        end = len(buffer)
        needle = self._needle
        # The needle has one line feed, so only the last one in reach can begin it.
        at = buffer.rfind(b"\n", max(position, end - len(needle) + 1))
        if at >= 0 and needle.startswith(buffer[at:]):
            return at - 1 if at > position and buffer[at - 1] == _CR else at
        return end - 1 if end > position and buffer[end - 1] == _CR else end

    def _emit(self, data: bytes, events: list[MultipartEvent]) -> None:
        if self._state is _BODY:
            events.append(PartData(data))
        else:
            self._ignore(len(data))

    def _ignore(self, count: int) -> None:
        self._ignored += count
        if self._ignored > MAX_IGNORED_BYTES:
            raise XRoadError(
                _CODE, f"More than {MAX_IGNORED_BYTES} bytes outside of the parts"
            )

    def _read_whole_parts(
        self, buffer: bytes, position: int, events: list[MultipartEvent]
    ) -> int:
        """Read parts that are there from their headers to the next part, as usual.

        Returns where to go on: at the line feed that ends a delimiter. Whatever is
        not as usual is left to the methods that know all cases.
        """
        needle = self._needle
        while self._parts < self._max_parts:
            end = buffer.find(b"\r\n\r\n", position, position + _USUAL_HEADER_BYTES)
            if end < 0:
                break
            headers = _USUAL_HEADERS.get(buffer[position + 1 : end])
            if headers is None:
                break
            body = end + 4
            at = buffer.find(needle, body - 1)  # its line feed may be the last one
            after = at + len(needle)
            if at <= body + 1 or buffer[at - 1] != _CR:
                break
            if buffer[after : after + 2] != b"\r\n":
                break
            self._parts += 1
            events += (PartBegan(headers), PartData(buffer[body : at - 1]), _PART_ENDED)
            position = after + 1
        return position

    def _read_headers(
        self, buffer: bytes, position: int, events: list[MultipartEvent]
    ) -> int | None:
        """Read part headers; ``position`` is the line feed that ends the delimiter."""
        limit = position + MAX_PART_HEADER_BYTES
        end = buffer.find(b"\n\r\n", position, limit)
        bare = buffer.find(b"\n\n", position, limit if end < 0 else end + 1)
        if bare >= 0:
            end, body = bare, bare + 1
        elif end >= 0:
            body = end + 2
        elif len(buffer) >= limit:
            raise XRoadError(
                _CODE, f"A part has more than {MAX_PART_HEADER_BYTES} header bytes"
            )
        else:
            return None
        self._parts += 1
        if self._parts > self._max_parts:
            raise XRoadError(
                _CODE, f"The multipart has more than {self._max_parts} parts"
            )
        events.append(PartBegan(_parse_headers(buffer[position + 1 : end])))
        # The body starts after the line feed at `body`, which may begin a delimiter.
        self._state = _BODY
        self._at_start = True
        return body


def find_header(headers: Headers, name: str) -> str | None:
    """Return the first header of this name, given in lower case, or None."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return None


def _before_line_end(buffer: bytes, begin: int, line_feed: int) -> int:
    """Return where the body ends whose delimiter starts with this line feed."""
    if line_feed > begin and buffer[line_feed - 1] == _CR:
        return line_feed - 1
    return line_feed


def _rest_of_line(buffer: bytes, position: int) -> tuple[_Line, int]:
    """Say what follows a boundary, and where it ends.

    The end of a delimiter is its last line feed, which the header section needs.
    """
    following = buffer[position : position + 2]
    if following == b"--":
        return _LAST, position + 2
    if following in (b"", b"-"):
        return _MORE_NEEDED, position
    if following[0] == _DASH:
        raise XRoadError(_CODE, "A boundary is followed by one hyphen")
    at = _skip_blanks(buffer, position)
    if buffer[at : at + 1] == b"\r":
        at += 1
    if at == len(buffer):
        return _MORE_NEEDED, at
    if buffer[at] == _LF:
        return _NEXT, at
    if at == position:
        return _CONTENT, at
    raise XRoadError(_CODE, "A boundary is followed by other text on its line")


def _skip_blanks(buffer: bytes, position: int) -> int:
    at = position
    while buffer[at : at + 1] in (b" ", b"\t"):
        at += 1
        if at - position > MAX_PADDING_BYTES:
            raise XRoadError(_CODE, "A boundary is followed by too many blanks")
    return at


def _parse_headers(block: bytes) -> Headers:
    if not block:
        return ()
    known = _KNOWN_HEADERS.get(block)
    if known is not None:
        return known
    headers = []
    for line in _unfold(block).split(b"\n"):
        match = _HEADER.fullmatch(line.removesuffix(b"\r"))
        if match is None:
            raise XRoadError(_CODE, "A part has a malformed header line")
        name, value = match[1].decode("ascii"), match[2].decode("latin-1")
        headers.append((name, value.rstrip(" \t")))
    return tuple(headers)


def _unfold(block: bytes) -> bytes:
    """Join continuation lines (RFC 5322 section 2.2.3)."""
    if b"\n " in block or b"\n\t" in block:
        return re.sub(rb"\r?\n([ \t])", rb"\1", block)
    return block


def _known(*content_types: str) -> dict[bytes, Headers]:
    """Return the header sections that nearly all messages have, ready parsed."""
    sections: dict[bytes, Headers] = {}
    for value in content_types:
        for end in (b"", b"\r"):
            section = b"content-type: " + value.encode() + end
            sections[section] = (("content-type", value),)
    return sections


_KNOWN_HEADERS = _known(
    "application/ocsp-response",
    "application/x-road-rest-request",
    "application/x-road-rest-response",
    "application/x-road-rest-body",
    "application/hash-chain-result",
    "application/hash-chain",
    "signature/bdoc-1.0/ts",
    "text/xml; charset=UTF-8",
)
_USUAL_HEADERS = {
    section: headers
    for section, headers in _KNOWN_HEADERS.items()
    if not section.endswith(b"\r")
}
"""The same where the CRLF behind them was not taken for a part of them."""
