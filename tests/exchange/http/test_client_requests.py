"""What the client puts onto the wire."""

import pytest

from kerege.exchange.http._outgoing import build_request


async def stream():
    yield b""


def build(method="GET", target=b"/a", headers=(), body=None, **settings):
    settings.setdefault("authority", ("h", 80))
    settings.setdefault("is_tls", False)
    return build_request(method, target, headers, body, **settings)


def test_host_comes_first_unless_given():
    assert build().whole == b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    given = [(b"A", b"1"), (b"HOST", b"other")]
    assert (
        build(headers=given).whole == b"GET /a HTTP/1.1\r\nA: 1\r\nHOST: other\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("authority", "is_tls", "host"),
    [
        (("h", 80), False, b"h"),
        (("h", 443), False, b"h:443"),
        (("h", 443), True, b"h"),
        (("h", 5500), True, b"h:5500"),
        (("::1", 80), False, b"[::1]"),
        (("::1", 8080), False, b"[::1]:8080"),
        (("кыргыз", 80), False, b"xn--c1aihy8cc"),
        (("кыргыз", 81), False, b"xn--c1aihy8cc:81"),
    ],
)
def test_the_host_header_names_what_is_called(authority, is_tls, host):
    whole = build(authority=authority, is_tls=is_tls).whole
    assert whole == b"GET /a HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"


def test_bytes_have_a_length_or_are_one_chunk():
    assert build("PUT", body=b"abc").whole.endswith(b"\r\nContent-Length: 3\r\n\r\nabc")
    assert build("PUT", body=b"").whole.endswith(b"\r\nContent-Length: 0\r\n\r\n")
    chunked = build("PUT", body=b"abc", chunked=True).whole
    assert chunked.endswith(
        b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )
    empty = build("PUT", body=b"", chunked=True).whole
    assert empty.endswith(b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "says_so"),
    [("GET", False), ("DELETE", False), ("POST", True), ("PUT", True), ("PATCH", True)],
)
def test_no_body_is_said_where_one_is_expected(method, says_so):
    assert (b"Content-Length: 0" in build(method).whole) == says_so


def test_a_stream_is_chunked_unless_its_length_is_given():
    request = build("PUT", body=stream())
    assert request.is_chunked
    assert request.whole.endswith(b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    request = build("PUT", headers=[(b"Content-Length", b"9")], body=stream())
    assert (request.is_chunked, request.length) == (False, 9)
    request = build("PUT", headers=[(b"Transfer-Encoding", b"chunked")], body=stream())
    assert request.whole.count(b"hunked") == 1


def test_framing_that_is_given_is_not_repeated():
    assert build("PUT", headers=[(b"content-length", b"3")], body=b"abc").whole == (
        b"PUT /a HTTP/1.1\r\nHost: h\r\ncontent-length: 3\r\n\r\nabc"
    )


def test_close_is_said():
    whole = build(headers=[(b"connection", b"close")]).whole
    assert whole == b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "arguments",
    [
        {"method": "GET /"},
        {"method": ""},
        {"method": "GET\r\n"},
        {"target": b""},
        {"target": b"/a b"},
        {"target": b"/a\r\nB: c"},
        {"headers": [(b"A", b"b\r\nC: d")]},
        {"headers": [(b"A\n", b"b")]},
        {"headers": [(b"A", b"\0")]},
        {"headers": [(b"Content-Length", b"4")], "body": b"abc"},
        {"headers": [(b"Content-Length", b"3")], "body": b"abc", "chunked": True},
        {"headers": [(b"Content-Length", b"3"), (b"Content-Length", b"3")]},
        {"headers": [(b"Transfer-Encoding", b"gzip")], "body": b"abc"},
        {"authority": ("a\r\nB: c", 80)},
    ],
)
def test_what_is_no_message_is_not_sent(arguments):
    with pytest.raises(ValueError, match=r"."):
        build(**arguments)
