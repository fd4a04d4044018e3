"""Content in which whoever reads a multipart would find one of its boundaries.

The Content-Type that the sender's information system used goes on as it came, boundary
and all, and nobody has signed it. A boundary that stands in a part would cut that part
in two for the one who reads it, though its bytes are those that were signed. A multipart
that came from an information system cannot have one, for X-Road would have cut it there.

A boundary counts with what follows it: of ``part``, ``--part2`` is content, and a
multipart in a multipart often has such a one (RFC 2046, section 5.1.1).

The reference writes the boundary that it is told (`ProxyMessage.writeSoapContent`).
"""

from kerege.xroad.faults import XRoadError

_ENDS = (b"-", b" ", b"\t", b"\r", b"\n")
"""What follows a boundary on its line; after anything else it is none."""


class BoundaryWatch:
    """Refuses a part with the boundary in it, while its content arrives.

    Has the face of an incremental hash object, to go along with one.

    Args:
        boundary: Of the multipart in which the content will go on.
        what: What the part is, for the fault.
    """

    def __init__(self, boundary: str, what: str) -> None:
        delimiter = b"--" + boundary.strip().encode("latin-1")
        self._needles = (b"\n" + delimiter, b"\r" + delimiter)
        self._what = what
        self._tail = b"\n"  # a part's content begins on a new line

    def update(self, data: bytes) -> None:
        """Take the next bytes. Raises ``invalid_message`` if the boundary is there."""
        seen = self._tail + data
        for needle in self._needles:
            at = seen.find(needle)
            while at >= 0:
                after = at + len(needle)
                if seen[after : after + 1] in _ENDS:
                    raise self._refusal()
                at = seen.find(needle, at + 1)
        self._tail = seen[-len(self._needles[0]) :]

    def digest(self) -> bytes:
        """Return nothing. Raises ``invalid_message`` if the boundary is at the end."""
        if self._tail in self._needles:
            raise self._refusal()
        return b""

    def _refusal(self) -> XRoadError:
        return XRoadError(
            "invalid_message",
            f"The multipart's boundary is in {self._what}",
            advice="Who reads it would find other parts than were signed. The "
            "sender's server names a boundary that its information system "
            "cannot have used.",
        )
