"""Fetching descriptions: where from, how much, and what a redirect may do."""

import socket

import pytest

from kerege.exchange import descriptions
from kerege.exchange.descriptions import fetch_description, may_connect
from kerege.xroad.faults import XRoadError
from tests.wire import RawServer, answer


async def refusal(url: str, code: str = "internal_error") -> XRoadError:
    with pytest.raises(XRoadError) as caught:
        await fetch_description(url)
    assert caught.value.code == code
    return caught.value


def moved(to: str) -> bytes:
    return answer("302 Found", {"Location": to})


async def test_a_description_is_fetched():
    document = answer(headers={"Content-Type": "application/yaml"}, body=b"a: 1")
    async with RawServer(document) as server:
        fetched = await fetch_description(f"{server.url}/openapi")
    assert fetched.content == b"a: 1"
    assert fetched.content_type == "application/yaml"
    assert fetched.url == f"{server.url}/openapi"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://a/b",
        "gopher://a",
        "data:text/plain,a",
        "http://",
        "http://[x",
        "//a/b",
        "openapi.yaml",
        "http://a/" + "b" * 2048,
    ],
)
async def test_only_http_is_spoken(url):
    fault = await refusal(url, "invalid_url")
    assert fault.message == "The address of a description must be one of http or https"


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("192.168.0.1", True),
        ("fd12:3456::1", True),
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("169.254.169.254", False),
        ("169.254.0.1", False),
        ("fe80::1%eth0", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:a9fe:a9fe::1", False),
        ("fd00:ec2::254", False),
        ("100.100.100.200", False),
        ("168.63.129.16", False),
        ("0.0.0.0", False),  # noqa: S104 - nobody listens
        ("0.1.2.3", False),
        ("::", False),
        ("224.0.0.1", False),
        ("ff02::1", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_addresses_where_clouds_keep_credentials_are_out_of_reach(address, may):
    assert may_connect(address) is may


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://2852039166/",
        "http://0xA9FEA9FE/",
        "http://0/",
    ],
)
async def test_however_they_are_written(url):
    fault = await refusal(url)
    assert "nothing was received" in fault.message
    assert "may be connected to from here" in fault.advice


async def test_a_name_is_judged_by_what_it_means(monkeypatch):
    """A name that leads to such an address is refused, and one that also leads to a
    good one is only asked there."""
    meanings = {"evil.test": ["169.254.169.254"], "both.test": ["169.254.1.1"]}

    async with RawServer(answer(body=b"here")) as server:
        meanings["both.test"].append(server.host)

        def resolve(host, port, *_, **__):
            name = host.decode() if isinstance(host, bytes) else host
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, int(port)))
                for ip in meanings.get(name, [name])
            ]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        fault = await refusal(f"http://evil.test:{server.port}/")
        fetched = await fetch_description(f"http://both.test:{server.port}/")
    assert "may be connected to" in fault.advice
    assert fetched.content == b"here"
    assert [r.get("host") for r in server.requests] == [f"both.test:{server.port}"]


async def test_an_operator_may_allow_them(monkeypatch):
    monkeypatch.setattr(descriptions, "may_connect", lambda _: False)
    async with RawServer(answer(body=b"a")) as server:
        await refusal(server.url)
        assert (await fetch_description(server.url, anywhere=True)).content == b"a"


async def test_a_redirect_is_followed_on_the_same_host():
    def respond(asked):
        return moved("/there") if asked.target == "/" else answer(body=b"there")

    async with RawServer(respond) as server:
        fetched = await fetch_description(f"{server.url}/")
    assert (fetched.content, fetched.url) == (b"there", f"{server.url}/there")


@pytest.mark.parametrize(
    "to",
    [
        "http://169.254.169.254/",
        "http://localhost:9180/metrics",
        "http://127.0.0.1:1/metrics",
        "//127.0.0.1:1/metrics",
        "http://127.0.0.1:x/",
        "https://elsewhere/",
        "file:///etc/passwd",
        "http://[x",
        "gopher://x",
    ],
)
async def test_a_redirect_to_another_server_is_not_followed(to):
    async with RawServer(moved(to)) as server:
        fault = await refusal(server.url)
        assert len(server.requests) == 1
    assert "redirected to another server" in fault.message


async def test_redirects_end():
    async with RawServer(moved("/again")) as server:
        fault = await refusal(server.url)
        assert len(server.requests) == descriptions.MAX_REDIRECTS + 1
    assert "more than 3 redirects" in fault.message


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_document_without_end_is_not_read_to_it(monkeypatch, is_told):
    monkeypatch.setattr(descriptions, "MAX_DESCRIPTION_BYTES", 1000)
    body = b"a" * 1001
    endless = answer(body=body)
    if not is_told:
        endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body
    async with RawServer(endless) as server:
        fault = await refusal(server.url)
    assert "larger than 1000 bytes" in fault.message


async def test_a_server_that_never_answers_is_left(monkeypatch):
    patience = descriptions.Patience(total=0.05)
    monkeypatch.setattr(descriptions, "PATIENCE", patience)
    async with RawServer(None) as server:
        fault = await refusal(server.url)
    assert "nothing was received" in fault.message


async def test_what_callers_are_told_names_no_address():
    async with RawServer(answer("403 Forbidden")) as server:
        url = f"http://user:secret@{server.host}:{server.port}/a?token=b"
        fault = await refusal(url)
    assert fault.message == (
        "The service's description cannot be fetched: "
        "Received HTTP error: 403 - Forbidden"
    )
    assert f"{server.host}:{server.port}/a" in fault.advice
    assert "secret" not in fault.advice
    assert "token" not in fault.advice
