"""The path whose right is checked is, byte for byte, the path that is forwarded.

Whatever a path is disguised as: either it is refused, or the service gets exactly its
bytes, and every way in which a service might read them is within the right.
"""

import posixpath
import re
from urllib.parse import unquote

import pytest
from hypothesis import given, settings, strategies as st

from kerege.exchange.security_server.service_call import _target
from kerege.exchange.storage.server_configuration.paths import readings
from kerege.exchange.storage.server_configuration.values import Endpoint
from kerege.xroad.rest import RestRequest
from tests.attacks.messages import OCSP, REQUEST, Piece

DENIED = "server.serverproxy.access_denied"
BELOW = Endpoint("GET", "/people/**")

REFUSED = {
    "dots": "people/../secrets",
    "dots at the end": "people/..",
    "dots behind an empty part": "people//../../secrets",
    "encoded dots": "people/%2e%2e/secrets",
    "one encoded dot": "people/.%2E/secrets",
    "encoded slash": "people/..%2fsecrets",
    "both encoded": "people%2F%2E%2E%2Fsecrets",
    "dots encoded twice": "people/%252e%252e/secrets",
    "slash encoded twice": "people/..%252fsecrets",
    "dots encoded three times": "people/%25252e%25252e/secrets",
    "dots encoded seven times": "people/%" + "25" * 6 + "2e%2e/secrets",
    "parameters": "people/..;a=b/secrets",
    "parameters of nothing": "people/..;/secrets",
    "encoded parameters": "people/..%3B/secrets",
    "backslashes": "people%5C..%5Csecrets",
    "backslashes encoded twice": "people/%255c..%255csecrets",
    "overlong dots": "people/%c0%ae%c0%ae/secrets",
    "longer dots": "people/%e0%80%ae%e0%80%ae/secrets",
    "longest dots": "people/%f0%80%80%ae/secrets",
    "overlong slash": "people/..%c0%afsecrets",
    "NUL": "people%00/../secrets",
    "NUL at the end": "people/7%00",
    "NUL encoded twice": "people/%252f%2500",
    "out of the root": "people/../../../secrets",
    "dots behind an encoded question mark": "people/x%3F/../../secrets",
    "dots behind an encoded number sign": "people/x%23/../../secrets",
    "another case": "People/7",
    "the beginning only": "peopl",
    "longer than the right": "people7",
}
FORWARDED = {
    "plain": "people/7",
    "letters": "people/%D2%A3%D3%A9%D2%AF",
    "a blank": "people/a%20b",
    "Latin-1": "people/J%FCrgen",
    "dots within": "people/a/../b",
    "encoded dots within": "people/a/%2e%2E/b",
    "an encoded slash within": "people/a%2Fb",
    "an encoded percent": "people/100%25",
    "parameters": "people/7;version=2",
    "an encoded question mark": "people/what%3F",
    "a query with a path": "people/7?next=/../../secrets",
    "a query with a question mark": "people/7?a=?&b=%00%2e%2e",
    "an empty query": "people/7?",
    "a dot file": "people/.well-known/x",
    "three dots": "people/.../x",
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_path_that_could_leave_its_right_is_refused(stage, what):
    stage.pair.offer("register", endpoint=BELOW)
    answer = await stage.pair.send("GET", f"register/{REFUSED[what]}")
    assert stage.pair.service.requests == []
    if "//" in REFUSED[what]:
        assert answer.status == 400
    else:
        stage.saw_fault(answer, DENIED)
    await stage.succeeds("register/people/7")


@pytest.mark.parametrize("what", REFUSED)
async def test_so_it_is_in_a_block_that_a_peer_has_signed(stage, what):
    """Another server may let its clients say more than ours does."""
    stage.pair.offer("register", endpoint=BELOW)
    path = f"/r1/{stage.pair.provider_client.path}/register/{REFUSED[what]}"
    await stage.peer_refuses(DENIED, signed(stage, path))
    assert stage.pair.service.requests == []


@pytest.mark.parametrize("what", FORWARDED)
async def test_a_path_within_its_right_goes_on_byte_for_byte(stage, what):
    stage.pair.offer("register", endpoint=BELOW)
    await stage.succeeds(f"register/{FORWARDED[what]}")
    path = f"/r1/{stage.pair.provider_client.path}/register/{FORWARDED[what]}"
    await stage.peer_accepts(signed(stage, path))
    targets = [one.target for one in stage.pair.service.requests]
    assert targets == [f"/{FORWARDED[what]}"] * 2


RAW = {
    "no escape": "people/%",
    "half an escape": "people/%2",
    "no hexadecimal escape": "people/%zz",
    "IIS": "people/%u002e%u002e/secrets",
    "a backslash": "people\\..\\secrets",
    "a brace": "people/{7}",
    "a quote": 'people/"',
}


@pytest.mark.parametrize("what", RAW)
async def test_what_no_url_may_hold_is_refused_at_both_ports(stage, what):
    stage.pair.offer("register", endpoint=BELOW)
    answer = await stage.pair.send("GET", f"register/{RAW[what]}")
    assert answer.status == 400
    assert stage.pair.provider.exchanges == []
    path = f"/r1/{stage.pair.provider_client.path}/register/{RAW[what]}"
    message = signed(stage, path)
    got = await stage.pair.provider.peer_call(
        message.posted(), stage.pair.instance.consumer.identity
    )
    called = [one.target for one in stage.pair.service.requests]
    assert called in ([], [f"/{RAW[what]}"])
    if not called:
        assert b"<faultcode>server.serverproxy." in got.body


TARGETS = {
    "an absolute form": "http://elsewhere{}",
    "another scheme": "ftp://elsewhere{}",
    "a user in it": "http://a:b@elsewhere{}",
}


@pytest.mark.parametrize("what", TARGETS)
async def test_an_address_before_the_path_changes_nothing(stage, what):
    """A proxy's client sends whole addresses: what counts is the path in them."""
    stage.pair.offer("register", endpoint=BELOW)
    for path in ("people/7", "people/../secrets"):
        target = TARGETS[what].format(
            f"/r1/{stage.pair.provider_client.path}/register/{path}"
        )
        stage.pair.service.requests.clear()
        data = f"GET {target} HTTP/1.1\r\nHost: h\r\nX-Road-Client: {stage.pair.client.path}\r\n\r\n"
        await stage.pair.consumer.client_call(data.encode())
        called = [one.target for one in stage.pair.service.requests]
        assert called in ([], ["/people/7"])
        assert path == "people/7" or called == []


def signed(stage, path):
    """Return a message about any path, as a server without any check would sign it."""
    good = stage.author.request(stage.echo)
    lines = good.of(REQUEST).split(b"\r\n")
    lines[1] = path.encode()
    ocsp = [piece for piece in good.pieces if piece.media_type == OCSP]
    return stage.author.sealed(ocsp, Piece(REQUEST, b"\r\n".join(lines)), None)


# For any path.


PIECES = st.sampled_from(
    [
        "people",
        "secrets",
        "a",
        "7",
        "/",
        "/",
        "/",
        ".",
        "..",
        "%2e",
        "%2E",
        "%2f",
        "%2F",
        "%5c",
        "%252e",
        "%252f",
        "%25252e",
        "%25",
        ";",
        ";x=1",
        "%3b",
        "%00",
        "%3f",
        "%23",
        "%c0%ae",
        "%e0%80%af",
        "%D2%A3",
        "%20",
        "~",
        "@",
        ":",
        "&",
        "=",
    ]
)
PATHS = st.lists(PIECES, max_size=14).map(lambda p: "/people/" + "".join(p))
BLOCK = "GET\r\n/r1/T/C/M/S/svc{}\r\nX-Road-Client:T/C/M/S\r\nx-road-id:1\r\n"


@given(PATHS, st.none() | st.text("?/.%2eab&=", max_size=12))
@settings(max_examples=500, deadline=None)
def test_what_is_checked_is_what_is_forwarded(path, query):
    target = path if query is None else f"{path}?{query}"
    request = RestRequest.parse(BLOCK.format(target).encode())
    assert request.service_path == path.partition("?")[0]
    assert _target("http://service/base", request) == f"/base{target}".encode()


@given(PATHS)
@settings(max_examples=3000, deadline=None)
def test_no_reader_gets_out_of_the_right(path):
    """Readers of the tests' own: they decode, cut, turn slashes, and resolve dots."""
    if not BELOW.covers("GET", readings(path)):
        return
    for read in readers(path):
        assert read == "/people" or read.startswith("/people/"), read


def readers(path):
    """Yield what services may make of a path."""
    decoded = [path]
    for _ in range(4):
        decoded.append(unquote(decoded[-1], "latin-1"))
    for text in decoded:
        for cut in (text, re.split(r"[?#]", text)[0], text.split("\0")[0]):
            for turned in (cut, cut.replace("\\", "/")):
                for plain in (turned, re.sub(r";[^/]*", "", turned)):
                    yield posixpath.normpath(re.sub("/+", "/", plain))
