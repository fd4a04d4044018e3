"""Messages that two readers could understand differently are refused, by one status.

Each row is sent with a harmless request behind it: that one must never be answered as
if it were a message of its own, unless the row is in the table of the accepted.
"""

import pytest

from tests.exchange.http.helpers import Call, a_server, answers, one_by_one, statuses

BEHIND = b"GET /behind HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    # Two framings, or one that is not clear.
    "length and chunks": POST
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two equal lengths": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": POST + b"Content-Length: -1\r\n\r\nabc",
    "a hexadecimal length": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "a length with a blank": POST + b"Content-Length: 3 3\r\n\r\nabc",
    "an empty length": POST + b"Content-Length:\r\n\r\nabc",
    "a length above 64 bits": POST + b"Content-Length: 18446744073709551616\r\n\r\n",
    "chunked is not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice in a list": POST
    + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked with vertical tab": POST
    + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    # Lines that end differently.
    "bare LF after a header": POST + b"A: b\nC: d\r\n\r\n",
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: h\n\n",
    "bare CR in a value": POST + b"A: b\rC: d\r\n\r\n",
    "NUL in a value": POST + b"A: b\0c\r\n\r\n",
    "NUL in a name": POST + b"A\0: b\r\n\r\n",
    "a control character in a value": POST + b"A: b\x01c\r\n\r\n",
    "obs-fold": POST + b"A: b\r\n c\r\n\r\n",
    "obs-fold with tab": POST + b"A: b\r\n\tc\r\n\r\n",
    "a fold before the first header": b"GET / HTTP/1.1\r\n Host: h\r\n\r\n",
    # Names.
    "a blank before the colon": POST + b"A : b\r\n\r\n",
    "a tab before the colon": POST + b"A\t: b\r\n\r\n",
    "a length with a blank before the colon": POST + b"Content-Length : 3\r\n\r\nabc",
    "no name": POST + b": b\r\n\r\n",
    "no colon": POST + b"A\r\n\r\n",
    "a bracket in a name": POST + b"A[: b\r\n\r\n",
    "a name that is not ASCII": POST + b"\xc3\xa4: b\r\n\r\n",
    # Hosts.
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
    # The request line.
    "a target that is not ASCII": b"GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n",
    "a control character in the target": b"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
    "a relative target": b"GET a HTTP/1.1\r\nHost: h\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: h\r\n\r\n",
    "two targets": b"GET /a /b HTTP/1.1\r\nHost: h\r\n\r\n",
    "CONNECT": b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: h\r\n\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\nHost: h\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
    "no protocol": b"GET / HTTQ/1.1\r\nHost: h\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}
OTHERWISE = {
    "an unknown coding": (
        501,
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ),
    "identity": (501, POST + b"Transfer-Encoding: identity\r\n\r\n"),
    "almost chunked": (501, POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "an unknown coding before": (
        501,
        POST + b"Transfer-Encoding: br\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "HTTP/0.9": (505, b"GET / HTTP/0.9\r\n\r\n"),
    "HTTP/0.9 in its own form": (505, b"GET /\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
}
BAD_BODIES = {
    "a chunk size with sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "a chunk size with prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a blank": b"3 \r\nabc\r\n0\r\n\r\n",
    "no chunk size": b"\r\nabc\r\n0\r\n\r\n",
    "a chunk size above 64 bits": b"fffffffffffffffff\r\nabc",
    "a chunk that is too long": b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk size ended by LF": b"3\nabc\r\n0\r\n\r\n",
    "an extension ended by LF": b"3;x\nabc\r\n0\r\n\r\n",
    "an extension with a bare CR": b"3;x\ry\r\nabc\r\n0\r\n\r\n",
    "chunk data ended by LF": b"3\r\nabc\n0\r\n\r\n",
    "a trailer that is a length": b"0\r\nContent-Length: 3\r\n\r\nabc",
    "a trailer that is a coding": b"0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a trailer without name": b"0\r\n: b\r\n\r\n",
}


@pytest.mark.parametrize("row", REFUSED)
async def test_it_is_refused_and_what_is_behind_is_not_read(row):
    for pieces in ([REFUSED[row] + BEHIND], one_by_one(REFUSED[row] + BEHIND)):
        call = Call(a_server())
        (answer,) = answers(await call.send(*pieces))
        assert answer.status == 400
        assert answer.body == b""
        assert answer.header(b"connection") == b"close"
        assert call.transport.eof_written or call.is_over


@pytest.mark.parametrize("row", OTHERWISE)
async def test_it_is_refused_with_a_status_of_its_own(row):
    status, data = OTHERWISE[row]
    for pieces in ([data + BEHIND], one_by_one(data + BEHIND)):
        assert statuses(await Call(a_server()).send(*pieces)) == [status]


@pytest.mark.parametrize("row", BAD_BODIES)
async def test_a_body_that_breaks_is_400_and_what_is_behind_is_not_read(row):
    data = CHUNKED + BAD_BODIES[row] + BEHIND
    for pieces in ([data], one_by_one(data)):
        assert statuses(await Call(a_server()).send(*pieces)) == [400]


ACCEPTED = {
    "chunked in any case": POST + b"Transfer-Encoding: \tCHUNKED \r\n\r\n0\r\n\r\n",
    "a quoted extension": CHUNKED + b'3;a="b;c"\r\nabc\r\n0\r\n\r\n',
    "leading zeros": CHUNKED + b"0003\r\nabc\r\n0\r\n\r\n",
    "OWS around a length": POST + b"Content-Length: \t 3 \t\r\n\r\nabc",
    "header bytes above ASCII": POST + b"A: \xe4\xff\r\nContent-Length: 3\r\n\r\nabc",
    "an empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "an absolute target": b"GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "dots in the path": b"GET /a/../b/./c//d HTTP/1.1\r\nHost: h\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n",
}


@pytest.mark.parametrize("row", ACCEPTED)
async def test_what_is_clear_is_accepted(row):
    for pieces in ([ACCEPTED[row] + BEHIND], one_by_one(ACCEPTED[row] + BEHIND)):
        got = answers(await Call(a_server()).send(*pieces))
        assert [a.status for a in got] == [200, 200]
        assert got[1].header(b"asked") == b"GET /behind"
