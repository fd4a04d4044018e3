"""What a call looks like before it is sent: address, headers, body."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, strategies as st

from kerege.exchange.client.request import CallOptions, build_call, server_address
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId

PORTAL = ClientId("central-server", "GOV", "70000001", "portal")
ADDRESS = ServiceId("central-server", "GOV", "70000050", "register", "address")
BASE = "http://ss/r1/central-server/GOV/70000050/register/address"


def call(path: Any = "", **options: Any):
    return build_call("http://ss", PORTAL, "GET", ADDRESS, path, CallOptions(**options))


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("", ""),
        ("/", "/"),
        ("persons/7", "/persons/7"),
        ("/persons/7", "/persons/7"),
        ("/a%2Fb/%D0%96", "/a%2Fb/%D0%96"),
        ("/a b/Ж", "/a%20b/%D0%96"),
        ("/a;b=c,d:e@f!$&'()*+~._-", "/a;b=c,d:e@f!$&'()*+~._-"),
        ("/x#y[z]", "/x%23y%5Bz%5D"),
        ("/x?q=%20&r=Ө?", "/x?q=%20&r=%D3%A8?"),
        ("/a/../b/./c", "/a/../b/./c"),
        (
            ("persons", "1/2", "50%", "Ысык-Көл"),
            "/persons/1%2F2/50%25/%D0%AB%D1%81%D1%8B%D0%BA-%D0%9A%D3%A9%D0%BB",
        ),
        ((), ""),
    ],
)
def test_a_path_is_escaped_once_and_only_where_it_must(path, sent):
    assert call(path).url == BASE + sent


@pytest.mark.parametrize(
    "path", ["/100%", "/%zz", "/x?a=%2", ("a", ".."), ("",), (".",)]
)
def test_a_path_that_would_not_arrive_as_meant_is_refused(path):
    with pytest.raises(ValueError, match="path"):
        call(path)


@given(st.lists(st.text(min_size=1).filter(lambda s: s not in (".", "..")), max_size=4))
def test_values_of_segments_arrive_whatever_they_are(values):
    encodable = [v.encode("utf-8", "replace").decode() for v in values]
    sent = call(tuple(encodable)).url.removeprefix(BASE)
    assert [unquote(segment) for segment in sent.split("/")[1:]] == encodable


@given(st.text(max_size=50))
def test_any_text_as_a_path_is_sent_or_refused(text):
    try:
        url = call(text).url
    except ValueError:
        return
    assert url.isascii()
    assert not set(url) & set(' \r\n\t"<>\\^`{|}#')


def test_a_query_joins_the_one_in_the_path():
    sent = call("/x?a=1", params={"b": ["2", "3"], "c": "д&"}).url
    assert sent == f"{BASE}/x?a=1&b=2&b=3&c=%D0%B4%26"


def test_a_path_longer_than_servers_take_is_refused():
    with pytest.raises(ValueError, match="longer than"):
        call("/" + "x" * 40_000)


def test_codes_of_identifiers_are_escaped():
    service = ServiceId("test", "GOV", "1 2", "sub/system", "Ж")
    sent = build_call("http://ss", PORTAL, "get", service, "", {})
    assert sent.url == "http://ss/r1/test/GOV/1%202/sub%2Fsystem/%D0%96"
    assert sent.method == "GET"


def test_a_service_may_be_given_as_text():
    text = "central-server/GOV/70000050/register/address"
    assert build_call("http://ss", PORTAL, "GET", text, "", {}).url == BASE


@pytest.mark.parametrize("service", ["a/b/c/d", "a/b/c/d/e/f", "a//c/d/e", ""])
def test_a_text_that_is_no_service_is_refused(service):
    with pytest.raises(XRoadError):
        build_call("http://ss", PORTAL, "GET", service, "", {})


def test_every_header_of_x_road_can_be_given():
    sent = call(
        user_id="KG123",
        issue="case 5",
        represented_party=("COM", "600 1"),
        query_id="q-1",
        security_server=SecurityServerId("central-server", "GOV", "70000050", "SS2"),
        headers={"Accept": "text/xml"},
    )
    assert sent.headers == {
        "X-Road-Client": "central-server/GOV/70000001/portal",
        "X-Road-Id": "q-1",
        "X-Road-UserId": "KG123",
        "X-Road-Issue": "case 5",
        "X-Road-Represented-Party": "COM/600%201",
        "X-Road-Security-Server": "central-server/GOV/70000050/SS2",
        "Accept": "text/xml",
    }


def test_the_query_id_is_made_up_if_nobody_gives_one():
    first, second = call(), call()
    assert first.query_id == first.headers["X-Road-Id"]
    assert first.query_id != second.query_id


def test_absent_options_send_no_empty_headers():
    assert set(call(user_id="", issue="").headers) == {"X-Road-Client", "X-Road-Id"}


@pytest.mark.parametrize(
    "name",
    ["", "X Y", "X-Road-Client ", "X-Road-Client: other, X", "X\r\nY", "Имя", "X\x00"],
)
def test_what_is_no_name_of_a_header_is_refused(name):
    with pytest.raises(ValueError, match="no header may have"):
        call(headers={name: "1"})


def test_nobody_can_speak_for_another_client_through_a_header():
    with pytest.raises(ValueError, match="set by an argument"):
        call(headers={"x-road-client": "central-server/GOV/1/other"})


@pytest.mark.parametrize("value", ["a\r\nX-Road-UserId: b", "a\nb", "a\0b"])
def test_a_header_cannot_smuggle_another(value):
    with pytest.raises(ValueError, match="characters"):
        call(user_id=value)


def test_a_json_body_is_sent_as_utf_8():
    sent = call(json={"name": "Айгүл"})
    assert sent.body == '{"name": "Айгүл"}'.encode()
    assert sent.headers["Content-Type"] == "application/json"


def test_a_text_and_bytes_have_their_own_types():
    assert call(data="Өмүр").headers["Content-Type"] == "text/plain; charset=utf-8"
    assert call(data="Өмүр").body == "Өмүр".encode()
    assert call(data=b"\0").headers["Content-Type"] == "application/octet-stream"


def test_a_content_type_that_is_given_stays():
    sent = call(json=1, headers={"content-type": "application/vnd.api+json"})
    assert [v for n, v in sent.headers.items() if n.lower() == "content-type"] == [
        "application/vnd.api+json"
    ]


def test_json_and_data_together_are_refused():
    with pytest.raises(ValueError, match="not both"):
        call(json=1, data=b"1")


@pytest.mark.parametrize("method", ["", "GET /x", "G\r\nET", "Ж"])
def test_a_word_that_is_no_method_is_refused(method):
    with pytest.raises(ValueError, match="method"):
        build_call("http://ss", PORTAL, method, ADDRESS, "", {})


def test_a_call_does_not_show_what_it_asks():
    shown = repr(call("/persons/12345678901234", json={"pin": "12345678901234"}))
    assert "12345678901234" not in shown


@pytest.mark.parametrize(
    ("given_address", "used"),
    [
        ("http://127.0.0.11:8080", "http://127.0.0.11:8080"),
        ("https://ss1.example/", "https://ss1.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_server_is_an_address_of_its_own(given_address, used):
    assert server_address(given_address) == used


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8080",
        "ftp://x",
        "http://",
        "http://x/r1/",
        "http://u:p@x",
        "http://x?y",
    ],
)
def test_what_is_no_server_address_is_refused(address):
    with pytest.raises(ValueError, match="not of the form"):
        server_address(address)
