"""What goes on in a multipart is read there as one part, or refused before."""

import contextlib

import pytest
from hypothesis import example, given, strategies as st

from kerege.xroad.faults import XRoadError
from kerege.xroad.transport import BoundaryWatch, MultipartParser, PartData

PIECES = [b"\n", b"\r", b"\r\n", b"--part", b"--part2", b"--", b"-", b" ", b"\t", b"x"]
CONTENTS = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


def watched(*chunks: bytes) -> None:
    watch = BoundaryWatch("part", "an attachment")
    for chunk in chunks:
        watch.update(chunk)
    watch.digest()


def as_read(content: bytes) -> bytes:
    parser = MultipartParser("part")
    events = parser.receive_data(b"--part\r\n\r\n" + content + b"\r\n--part--\r\n")
    parser.receive_eof()
    return b"".join(each.data for each in events if isinstance(each, PartData))


@given(CONTENTS)
@example(b"\r\n--part")
@example(b"--part")
def test_what_is_let_through_is_read_as_it_is(content: bytes):
    with contextlib.suppress(XRoadError):
        watched(content)
        assert as_read(content) == content


@given(CONTENTS)
def test_one_byte_at_a_time_is_judged_as_all_at_once(content: bytes):
    def verdict(*chunks: bytes) -> bool:
        try:
            watched(*chunks)
        except XRoadError:
            return False
        return True

    assert verdict(content) == verdict(*[bytes([byte]) for byte in content])


def test_a_multipart_in_a_multipart_goes_on():
    inner = b"--part2\r\n\r\nletter\r\n--part2--\r\n"
    watched(inner)
    assert as_read(inner) == inner


@pytest.mark.parametrize("end", [b"\r\n", b"--", b" \t\r\n", b"-x", b""])
def test_a_boundary_with_its_line_is_refused(end: bytes):
    with pytest.raises(XRoadError, match="boundary is in an attachment"):
        watched(b"before\r\n--part" + end)
