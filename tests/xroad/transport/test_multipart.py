"""The multipart parser: where bodies begin and end, and what is refused."""

import time

import pytest
from hypothesis import given, strategies as st

from kerege.xroad.faults import XRoadError
from kerege.xroad.transport import (
    Finished,
    MultipartParser,
    PartBegan,
    PartData,
    PartEnded,
)
from kerege.xroad.transport._multipart import (
    MAX_IGNORED_BYTES,
    MAX_PADDING_BYTES,
    MAX_PART_HEADER_BYTES,
)

BOUNDARY = "xtop"


def parse(data: bytes, *, step: int = 0, boundary: str = BOUNDARY, **options) -> list:
    """Parse all of ``data`` and return the events, body data of a part joined."""
    parser = MultipartParser(boundary, **options)
    step = step or len(data) or 1
    events = []
    for start in range(0, len(data), step):
        for event in parser.receive_data(data[start : start + step]):
            if isinstance(event, PartData) and isinstance(events[-1], PartData):
                events[-1] = PartData(events[-1].data + event.data)
            else:
                events.append(event)
    parser.receive_eof()
    return events


def part(body: bytes, *headers: tuple[str, str]) -> list:
    data = [PartData(body)] if body else []
    return [PartBegan(headers), *data, PartEnded()]


def bodies(events: list) -> list[bytes]:
    """Return the bodies, an empty one for parts without data."""
    found = []
    for event in events:
        if isinstance(event, PartBegan):
            found.append(b"")
        elif isinstance(event, PartData):
            found[-1] += event.data
    return found


def build(parts: list[bytes], boundary: str = BOUNDARY) -> bytes:
    line = b"--" + boundary.encode()
    body = b"".join(line + b"\r\n\r\n" + p + b"\r\n" for p in parts)
    return body + line + b"--\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"--xtop\r\n\r\nab\r\n--xtop--\r\n", part(b"ab")),
        (b"--xtop\n\nab\n--xtop--", part(b"ab")),
        (b"--xtop\r\na: b\r\n\r\nx\r\n--xtop--", part(b"x", ("a", "b"))),
        (b"--xtop\na: b\nC:d \n\nx\n--xtop--", part(b"x", ("a", "b"), ("C", "d"))),
        (b"--xtop\r\na: b\r\n c\r\n\r\nx\r\n--xtop--", part(b"x", ("a", "b c"))),
        (b"--xtop \t\r\n\r\nx\r\n--xtop--", part(b"x")),
        (b"ignored\r\n--xtop\r\n\r\nx\r\n--xtop--also ignored", part(b"x")),
        (b"--xtop\r\n\r\n--xtop--", part(b"")),
        (b"--xtop\r\n\r\n\r\n--xtop--", part(b"")),
        (b"--xtop\r\n\r\n\r\n\r\n--xtop--", part(b"\r\n")),
        (b"--xtop\r\n\r\n\n--xtop--", part(b"")),
        (b"--xtop\r\n\r\nx\r\r\n--xtop--", part(b"x\r")),
        (b"--xtop\r\n\r\nx--xtop\r\n--xtop--", part(b"x--xtop")),
        (b"--xtop\r\n\r\n\r\n--xtopX\r\n--xtop--", part(b"\r\n--xtopX")),
        (b"--xtop\r\n\r\n\r\n--xto\r\n--xtop--", part(b"\r\n--xto")),
        (b"--xtop\r\n\r\n\r\n-\r\n--\r\n--xtop--", part(b"\r\n-\r\n--")),
        (b"--xtop--", []),
    ],
)
def test_delimiters_end_bodies_and_nothing_else_does(data, expected):
    assert parse(data) == [*expected, Finished()]
    assert parse(data, step=1) == [*expected, Finished()]
    assert parse(data, step=3) == [*expected, Finished()]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"--xtop",
        b"--xtop\r\n",
        b"--xtop\r\n\r\nx",
        b"--xtop\r\n\r\nx\r\n--xtop",
        b"--xtop\r\n\r\nx\r\n--xtop\r\n",
        b"--xtop-x",
        b"--xtop x\r\n",
        b"--xtop\rx",
        b"--xtop\r\nno colon\r\n\r\nx\r\n--xtop--",
        b"--xtop\r\n: no name\r\n\r\nx\r\n--xtop--",
        b"--xtop\r\na b: c\r\n\r\nx\r\n--xtop--",
        b"--xtop\r\na: b\rc: d\r\n\r\nx\r\n--xtop--",
        b"--xtop\r\na: b\0\r\n\r\nx\r\n--xtop--",
        b"--xtop" + b" " * (MAX_PADDING_BYTES + 1) + b"\r\n\r\nx\r\n--xtop--",
        b"--xtop\r\na: " + b"b" * MAX_PART_HEADER_BYTES + b"\r\n\r\nx\r\n--xtop--",
        b"x" * (MAX_IGNORED_BYTES + 1) + b"\r\n--xtop--",
        b"--xtop--" + b"x" * (MAX_IGNORED_BYTES + 1),
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_what_is_not_a_multipart_is_refused(data, step):
    with pytest.raises(XRoadError) as refused:
        parse(data, step=step)
    assert refused.value.code == "mime_parsing_failed"


@pytest.mark.parametrize("boundary", ["", "x" * 71, "a\nb", "a\r\nb: c", "ä", "a "])
def test_boundaries_that_mime_does_not_know_are_refused(boundary):
    with pytest.raises(XRoadError) as refused:
        MultipartParser(boundary)
    assert refused.value.code == "mime_parsing_failed"


def test_parts_are_counted():
    assert len(bodies(parse(build([b"x"] * 3), max_parts=3))) == 3
    with pytest.raises(XRoadError, match="more than 2 parts"):
        parse(build([b"x"] * 3), max_parts=2)


def test_a_body_is_passed_on_before_its_end_is_seen():
    parser = MultipartParser(BOUNDARY)
    parser.receive_data(b"--xtop\r\n\r\n")
    assert parser.receive_data(b"first") == [PartData(b"first")]
    piece = b"x" * 1000
    (event,) = parser.receive_data(piece)
    assert event.data is piece, "a piece without a delimiter is not even copied"


def test_only_what_may_begin_a_delimiter_is_held_back():
    parser = MultipartParser(BOUNDARY)
    parser.receive_data(b"--xtop\r\n\r\n")
    assert parser.receive_data(b"abc\r\n--xt") == [PartData(b"abc")]
    assert parser.receive_data(b"o") == []
    assert parser.receive_data(b"x") == [PartData(b"\r\n--xtox")]
    assert not parser.finished


def test_large_bodies_are_fast():
    parser = MultipartParser("xtop" + "a" * 30)
    parser.receive_data(b"--xtop" + b"a" * 30 + b"\r\n\r\n")
    piece = bytes(range(256)) * 256
    start = time.process_time()
    size = sum(len(e.data) for _ in range(1600) for e in parser.receive_data(piece))
    seconds = time.process_time() - start
    assert size > 100_000_000
    assert size / seconds > 200e6, "planned with 500 MB/s, most machines do thousands"


@given(st.binary(max_size=400), st.integers(1, 20))
def test_any_bytes_give_events_or_the_one_error(data, step):
    parser = MultipartParser(BOUNDARY)
    try:
        for start in range(0, len(data), step):
            parser.receive_data(data[start : start + step])
        parser.receive_eof()
    except XRoadError as refused:
        codes = {refused.code}
    else:
        codes = set()
    assert codes <= {"mime_parsing_failed"}


PIECES = st.sampled_from(
    [b"--xtop", b"\r\n", b"\n", b"\r", b"--", b"-", b"x", b"a: b", b" ", b"\r\n\r\n"]
)


@given(st.lists(PIECES, max_size=25), st.integers(1, 8))
def test_how_the_bytes_are_cut_does_not_matter(pieces, step):
    data = b"".join(pieces)

    def outcome(size: int):
        try:
            return parse(data, step=size)
        except XRoadError as error:
            return error.code

    assert outcome(step) == outcome(len(data) or 1)


@given(st.lists(st.lists(PIECES, max_size=8).map(b"".join), max_size=4))
def test_what_is_built_is_parsed_again(parts):
    boundary = "other-boundary"
    assert bodies(parse(build(parts, boundary), boundary=boundary, step=7)) == parts
