"""What both parsers of heads check beyond llhttp.

llhttp in strict mode, with no leniency set, already refuses: a bare CR or LF or a NUL,
obs-fold, white space before a colon, an invalid name, Content-Length that is repeated,
signed, a list or together with Transfer-Encoding, `chunked` that is not last, a chunk
size that is not plain hexadecimal, data after a message that said `close`, and anything
but HTTP/0.9, 1.0, 1.1 and 2.0. Left for us: sizes and counts, transfer codings other
than chunked, and versions.
"""


class HeadError(Exception):
    """A head that llhttp let through and we do not. ``status`` answers it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HeadReader:
    """Collects the fields of one head at a time, within bounds.

    ``add`` is the parser's own callback. It runs for every header of every message, so
    it only collects; sizes are counted when the head is complete, and only if what was
    received is long enough to break a bound. A head that does not get complete is
    bounded by whoever receives.
    """

    __slots__ = ("_fields", "_max_bytes", "_max_count", "add", "headers")

    def __init__(self, max_bytes: int, max_count: int) -> None:
        self._max_bytes = max_bytes
        self._max_count = max_count
        self._fields: list[tuple[bytes, bytes]] = []
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        """The headers of the last complete head."""
        append = self._fields.append

        def add(name: bytes, value: bytes) -> None:
            append((name, value))

        self.add = add

    def begin(self) -> None:
        """Start a head."""
        self._fields.clear()

    def finish(self, start_line_bytes: int, received: int) -> dict[bytes, bytes]:
        """Return the index of a complete head; what comes now are trailers.

        Args:
            start_line_bytes: they count as part of the head.
            received: at least as many bytes as the head has.
        """
        fields = self._fields
        if received > self._max_bytes:
            self._count(start_line_bytes)
        if len(fields) > self._max_count:
            raise HeadError(431, "The headers are too many.")
        self.headers = tuple([(name, value.rstrip(b" \t")) for name, value in fields])
        fields.clear()
        # The first of several headers with one name is the one that is found.
        index = {name.lower(): value for name, value in reversed(self.headers)}
        coding = index.get(b"transfer-encoding")
        if coding is not None and coding.lower() != b"chunked":
            raise HeadError(501, "Only chunked transfer coding is known.")
        return index

    def drop_trailers(self) -> None:
        """Drop them: nobody may rely on trailers. They are bounded all the same."""
        if self._fields:
            self._count(0)
            self._fields.clear()

    def count(self, name_lower: bytes) -> int:
        """Return how many headers have this name."""
        return sum(1 for name, _ in self.headers if name.lower() == name_lower)

    def _count(self, size: int) -> None:
        """A colon, a blank and a line end count; other white space does not."""
        for name, value in self._fields:
            size += len(name) + len(value) + 4
        if size > self._max_bytes:
            raise HeadError(431, "The headers are too long.")
