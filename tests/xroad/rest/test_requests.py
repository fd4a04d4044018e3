"""REST requests: what gets into a block, what is read from one, what is refused."""

import contextlib
import hashlib

import pytest
from hypothesis import given, strategies as st

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import (
    MAX_IDENTIFIER_CHARACTERS,
    ClientId,
    SecurityServerId,
    ServiceId,
)
from kerege.xroad.rest import (
    FORBIDDEN_IN_BLOCK,
    MAX_BLOCK_BYTES,
    METHODS,
    RepresentedParty,
    RestRequest,
    body_reaches_service,
    headers_for_service,
    service_url,
)

PATH = b"/r1/KG/GOV/70000001/register/person"
AINA = ("X-Road-Client", "KG/GOV/70000002/portal")


def ask(*headers, method="GET", path=PATH, query=None) -> RestRequest:
    """Return the request of a client with these headers, X-Road-Client added."""
    return RestRequest.from_client(
        method, path, query, [AINA, *headers], request_id="rid", query_id="qid"
    )


def code_of(make, *args, **kwargs) -> str:
    with pytest.raises(XRoadError) as refused:
        make(*args, **kwargs)
    return refused.value.code


def block(*headers: bytes, first: bytes = b"GET\r\n" + PATH) -> bytes:
    lines = [first, b"X-Road-Client:KG/GOV/70000002/portal", b"x-road-id:q", *headers]
    return b"\r\n".join(lines) + b"\r\n"


def test_a_request_says_who_asks_whom_for_what():
    request = ask(
        ("X-Road-Id", "42"),
        ("X-Road-UserId", "KG20101199012345"),
        ("X-Road-Issue", "case 7"),
        ("X-Road-Represented-Party", "COM/60000001"),
        ("X-Road-Security-Server", "KG/GOV/70000001/ss%201"),
        path=PATH + b"/12345/address",
        query=b"full=yes",
    )
    assert request.client_id == ClientId("KG", "GOV", "70000002", "portal")
    assert request.service_id == ServiceId(
        "KG", "GOV", "70000001", "register", "person"
    )
    assert request.service_path == "/12345/address"
    assert request.query == "full=yes"
    assert request.query_id == "42"
    assert request.request_id == "rid"
    assert request.user_id == "KG20101199012345"
    assert request.issue == "case 7"
    assert request.represented_party == RepresentedParty("60000001", "COM")
    assert request.represented_party.short == "COM/60000001"
    assert RepresentedParty("60000001").short == "60000001"
    assert request.target_security_server == SecurityServerId(
        "KG", "GOV", "70000001", "ss 1"
    )
    assert request.digest == hashlib.sha512(request.block).digest()
    assert RestRequest.parse(request.block) == request


def test_headers_keep_order_spelling_and_duplicates():
    request = ask(("b", " 1\t"), ("A", "2"), ("B", ""), ("Host", "h"), ("TE", "x"))
    assert request.block == (
        b"GET\r\n/r1/KG/GOV/70000001/register/person\r\n"
        b"X-Road-Client:KG/GOV/70000002/portal\r\nb:1\r\nA:2\r\nB:\r\n"
        b"x-road-request-id:rid\r\nx-road-id:qid\r\n"
    )


def test_what_only_servers_may_say_is_dropped():
    request = ask(("X-Road-Request-Id", "mine"), ("X-ROAD-REQUEST-HASH", "mine"))
    assert b"mine" not in request.block


@pytest.mark.parametrize("name", sorted(FORBIDDEN_IN_BLOCK))
def test_headers_of_a_connection_are_dropped_and_refused_when_received(name):
    names = [n.lower() for n, _ in ask((name.title(), "x")).headers]
    assert names == ["x-road-client", "x-road-request-id", "x-road-id"]
    received = block(name.title().encode() + b":x")
    assert code_of(RestRequest.parse, received) == "internal_error"


def test_header_bytes_are_latin_1_in_and_utf_8_out():
    request = ask(("X-Name", "J\xfcrgen"))
    assert "X-Name:Jürgen\r\n".encode() in request.block
    assert ("X-Name", "J\xfcrgen") in headers_for_service(request)
    assert code_of(ask, ("X-Name", "Өмүрбек")) == "internal_error"
    assert code_of(RestRequest.parse, block("X:Ө".encode())) == "internal_error"


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\r\nX-Road-UserId: me", "a\0b"])
def test_line_breaks_and_nul_never_get_into_a_block(bad):
    assert code_of(ask, ("X", bad)) == "internal_error"
    assert code_of(ask, (bad, "x")) == "internal_error"
    made = {"request_id": bad, "query_id": "q"}
    assert (
        code_of(RestRequest.from_client, "GET", PATH, None, [AINA], **made)
        == "internal_error"
    )


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ä", "a\tb", "(a)"])
def test_header_names_are_names(name):
    assert code_of(ask, (name, "x")) == "internal_error"


@pytest.mark.parametrize("method", sorted(METHODS))
def test_all_methods_of_rest_are_taken(method):
    request = ask(method=method)
    assert request.method == method
    assert body_reaches_service(request) == (method in {"POST", "PUT", "PATCH"})


@pytest.mark.parametrize("method", ["get", "CONNECT", "", "GET ", "G\r\nET", "QUERY"])
def test_other_methods_are_refused(method):
    assert code_of(ask, method=method) == "internal_error"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (b"", "internal_error"),
        (b"/", "internal_error"),
        (b"/r1/KG/GOV/70000001/register", "internal_error"),
        (b"/r2/KG/GOV/70000001/register/person", "internal_error"),
        (b"/R1/KG/GOV/70000001/register/person", "internal_error"),
        (b"/r1/KG/GOV/70000001/register/", "internal_error"),
        (b"/r1/KG/GOV/7%0/register/person", "client.bad_request"),
        (b"/r1/KG/GOV/%ff/register/person", "internal_error"),
        (b"/r1/KG/GOV/a b/register/person", "client.bad_request"),
        (b"/r1/KG/GOV/a?b/register/person", "client.bad_request"),
        (b"/r1/KG/GOV/70000001/register/person#x", "client.bad_request"),
        (b"/r1/KG/GOV/70000001/register/person x", "client.bad_request"),
        (b"r1/KG/GOV/70000001/register/person", "internal_error"),
        (b"http://h/r1/KG/GOV/70000001/register/person", "internal_error"),
        (b"/r1//KG/GOV/70000001/register/person", "client.bad_request"),
        (b"/r1/KG/GOV/70000001/register/person//x", "client.bad_request"),
        (b"/r1/KG/GOV/70000001/register/person/%zz", "client.bad_request"),
        (b"/r1/KG/GOV/70000001/register/person/a%", "client.bad_request"),
        (b"/r1/KG/GOV/70000001/register/person/a|b", "client.bad_request"),
        (b'/r1/KG/GOV/70000001/register/person/"', "client.bad_request"),
        (b"/r1/KG/GOV/70000001/register/person/a\\b", "client.bad_request"),
        (b"/r1/KG/GOV/70000001/register/person/<{^`}>", "client.bad_request"),
        (b"/r1/KG/GOV/70000001/register/person\x00", "client.bad_request"),
        ("/r1/KG/GOV/70000001/register/адам".encode(), "client.bad_request"),
    ],
)
def test_other_paths_are_refused(path, code):
    assert code_of(ask, path=path) == code


def test_every_character_that_a_path_may_have_is_kept():
    odd = "/a%2Fb%20%D3%A9-._~!$&'()*+,;=:@/./../"
    path = f"/r1/KG/GOV/70000001/register/person{odd}".encode()
    assert ask(path=path).service_path == odd


def test_queries_are_kept_as_they_are():
    assert ask(query=None).query is None
    assert ask(query=b"").block.split(b"\r\n")[1].endswith(b"/person?")
    odd = b'a=%zz&b={"c"}|?/\''
    assert ask(query=odd).query == odd.decode()
    assert code_of(ask, query=b"a b") == "internal_error"
    assert code_of(ask, query=b"a#b") == "internal_error"
    assert code_of(ask, query="ө".encode()) == "client.bad_request"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"", "http://svc/api"),
        (b"/", "http://svc/api/"),
        (b"/a%2Fb/../c;d=1", "http://svc/api/a%2Fb/../c;d=1"),
    ],
)
def test_the_path_goes_on_byte_for_byte(path, expected):
    request = ask(path=PATH + path)
    assert request.service_path.encode() == path
    assert service_url("http://svc/api", request) == expected
    if path:
        assert service_url("http://svc/api/", request) == expected
    queried = ask(path=PATH + path, query=b"q=%20")
    assert service_url("http://svc/api", queried) == expected + "?q=%20"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (("X-Road-Id", ""), "client.missing_header_field"),
        (("X-Road-Id", "  "), "client.missing_header_field"),
        (("X-Road-Security-Server", "KG/GOV/1"), "internal_error"),
        (("X-Road-Security-Server", ""), "internal_error"),
        (("X-Road-Represented-Party", "a/b/c"), "internal_error"),
        (("X-Road-Represented-Party", "/b"), "internal_error"),
        (("X-Road-Client", "KG/GOV/70000003/other"), "client.duplicate_header_field"),
    ],
)
def test_bad_fields_are_refused(header, code):
    assert code_of(ask, header) == code


@pytest.mark.parametrize(
    "client", ["", "KG", "KG/GOV", "KG/GOV/1/s/x", "KG//1/s", "KG/GOV/1/", "KG/GO V/1"]
)
def test_clients_have_three_or_four_codes(client):
    refused = code_of(
        RestRequest.from_client,
        "GET",
        PATH,
        None,
        [("X-Road-Client", client)],
        request_id="r",
        query_id="q",
    )
    assert refused == "internal_error"


def test_identifiers_are_not_remembered_by_the_megabyte():
    """They are kept to be read faster; a stranger chooses how long they are."""
    long = "a" * MAX_IDENTIFIER_CHARACTERS
    client = (b"X-Road-Client:KG/GOV/1/" + long.encode(), b"x-road-id:q", b"")
    received = b"\r\n".join([b"GET\r\n" + PATH, *client])
    assert code_of(RestRequest.parse, received) == "internal_error"
    path = f"/r1/KG/GOV/1/{long}/person".encode()
    assert code_of(ask, path=path) == "internal_error"


def test_a_request_without_client_is_refused():
    made = {"request_id": "r", "query_id": "q"}
    assert (
        code_of(RestRequest.from_client, "GET", PATH, None, [], **made)
        == "invalid_client_identifier"
    )
    assert (
        code_of(RestRequest.parse, b"GET\r\n" + PATH + b"\r\nx-road-id:q\r\n")
        == "invalid_client_identifier"
    )


@pytest.mark.parametrize(
    "name",
    [
        "X-Road-Client",
        "X-Road-Id",
        "X-Road-UserId",
        "X-Road-Issue",
        "X-Road-Represented-Party",
        "X-Road-Security-Server",
    ],
)
def test_nobody_can_be_two(name):
    """A second value would reach the service, while the first was authenticated."""
    two = [(name, "KG/GOV/1/a"), (name.lower(), "KG/GOV/1/b")]
    without_client = [h for h in two if name == "X-Road-Client"] or [AINA, *two]
    refused = code_of(
        RestRequest.from_client,
        "GET",
        PATH,
        None,
        without_client,
        request_id="r",
        query_id="q",
    )
    assert refused == "client.duplicate_header_field"
    received = block(name.encode() + b":KG/GOV/9/z", name.encode() + b":KG/GOV/8/z")
    assert code_of(RestRequest.parse, received) == "duplicate_header_field"


@pytest.mark.parametrize("name", ["X_Road_Client", "x-road_userid", "X_ROAD_ID"])
def test_nobody_can_be_another_for_services_that_read_underscores(name):
    with pytest.raises(XRoadError) as refused:
        ask((name, "KG/GOV/1/a"))
    assert refused.value.code == "client.duplicate_header_field"
    received = block(AINA[0].encode() + b":KG/GOV/9/z", name.encode() + b":KG/GOV/8/z")
    assert code_of(RestRequest.parse, received) == "duplicate_header_field"
    assert ask(("X_Custom_Header", "is nobody's business")).headers


def test_saying_the_same_twice_is_allowed():
    assert ask(AINA).client_id == ask().client_id


def test_an_empty_represented_party_is_nobody():
    assert ask(("X-Road-Represented-Party", "")).represented_party is None


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"GET",
        b"GET\r\n",
        b"GET\r\n" + PATH,
        block() + b"\r\n",
        block().replace(b"\r\n", b"\n"),
        block()[:-2],
        block(b"no colon"),
        block(b":no name"),
        block(b"a:\xff"),
        block(b"a:b\rc"),
        block(b"a:b\0"),
        block(first=b"GET\r\nhttp://host" + PATH),
        block(first=b"GET\r\n//host" + PATH),
        block(first=b"GET\r\n" + PATH + b"?a b"),
        block(b"a:" + b"b" * MAX_BLOCK_BYTES),
    ],
)
def test_malformed_blocks_are_refused(received):
    assert code_of(RestRequest.parse, received) == "internal_error"


@pytest.mark.parametrize("line", [b"", b"x-road-id:\r\n"])
def test_a_received_block_has_a_query_id(line):
    received = b"GET\r\n" + PATH + b"\r\nX-Road-Client:KG/GOV/1\r\n" + line
    assert code_of(RestRequest.parse, received) == "missing_header_field"


def test_an_old_peer_may_send_no_request_id():
    assert RestRequest.parse(block()).request_id is None


def test_the_log_can_keep_a_block_without_path_query_and_content():
    request = ask(("Cookie", "x"), path=PATH + b"/pin", query=b"q")
    assert request.filtered_block == (
        b"GET\r\n/r1/KG/GOV/70000001/register/person\r\n"
        b"X-Road-Client:KG/GOV/70000002/portal\r\n"
        b"x-road-request-id:rid\r\nx-road-id:qid\r\n"
    )


def test_personal_data_is_in_no_repr_and_no_fault_text():
    pin = "20101199012345"
    request = ask(
        ("X-Road-UserId", pin),
        ("X-Road-Issue", pin),
        ("X-Road-Represented-Party", pin),
        path=PATH + b"/" + pin.encode(),
        query=pin.encode(),
    )
    assert pin not in repr(request)
    for wrong in (
        {"path": b"/" + pin.encode()},
        {"query": pin.encode() + b" "},
        {"path": PATH + b"/" + pin.encode() + b" "},
    ):
        with pytest.raises(XRoadError) as refused:
            ask(**wrong)
        assert pin not in str(refused.value)
    for party in (f"a/b/{pin}", f"{pin} "[::-1] + " x"):
        with pytest.raises(XRoadError) as refused:
            ask(("X-Road-Represented-Party", party))
        assert party not in str(refused.value)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_request_or_a_fault(data):
    for received in (data, block(data), block(first=data), b"GET\r\n" + PATH + data):
        with contextlib.suppress(XRoadError):
            assert RestRequest.parse(received).block == received


@given(
    st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=5),
    st.binary(max_size=30),
    st.none() | st.binary(max_size=20),
    st.sampled_from([*sorted(METHODS), "get", "\r\n"]),
)
def test_anything_a_client_sends_gives_a_request_or_a_fault(headers, tail, query, verb):
    with contextlib.suppress(XRoadError):
        request = ask(*headers, method=verb, path=PATH + tail, query=query)
        assert RestRequest.parse(request.block) == request
