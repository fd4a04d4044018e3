"""What both parsers of heads check beyond llhttp.

llhttp in strict mode, with no leniency set, already refuses: a bare CR or LF or a NUL,
obs-fold, white space before a colon, an invalid name, Content-Length that is repeated,
signed, a list or together with Transfer-Encoding, `chunked` that is not last, a chunk
size that is not plain hexadecimal, data after a message that said `close`, and anything
but HTTP/0.9, 1.0, 1.1 and 2.0. Left for us: sizes and counts, transfer codings other
than chunked, and versions.
"""

from kerege.exchange.http._messages import index_headers


class HeadError(Exception):
    """A head that llhttp let through and we do not. ``status`` answers it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HeadReader:
    """Collects the fields of one head at a time, within bounds.

    ``add`` is the parser's own callback: it runs once per header of every message.
    """

    __slots__ = ("_is_open", "_left", "_max_bytes", "_max_count", "headers")

    def __init__(self, max_bytes: int, max_count: int) -> None:
        self._max_bytes = max_bytes
        self._max_count = max_count
        self._left = max_bytes
        self._is_open = True
        self.headers: list[tuple[bytes, bytes]] = []

    def begin(self) -> None:
        """Start a head."""
        self._left = self._max_bytes
        self._is_open = True
        self.headers = []

    def add(self, name: bytes, value: bytes) -> None:
        """Add a header, or drop a trailer: nobody may rely on those.

        A colon, a blank and a line end count; other white space does not.
        """
        self._left -= len(name) + len(value) + 4
        if self._left < 0:
            raise HeadError(431, "The headers are too long.")
        if self._is_open:
            self.headers.append((name, value.rstrip(b" \t")))

    def finish(self, start_line_bytes: int) -> dict[bytes, bytes]:
        """Return the index of a complete head; what comes now are trailers."""
        if start_line_bytes > self._left:
            raise HeadError(431, "The headers are too long.")
        if len(self.headers) > self._max_count:
            raise HeadError(431, "The headers are too many.")
        index = index_headers(self.headers)
        coding = index.get(b"transfer-encoding")
        if coding is not None and coding.lower() != b"chunked":
            raise HeadError(501, "Only chunked transfer coding is known.")
        self._is_open = False
        self._left = self._max_bytes
        return index

    def count(self, name_lower: bytes) -> int:
        """Return how many headers have this name."""
        return sum(1 for name, _ in self.headers if name.lower() == name_lower)
