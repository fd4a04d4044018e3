"""The asyncio client against a server that plays a Security Server."""

import asyncio
import io
import traceback

import pytest

from kerege.exchange.client import (
    AnswerTimedOut,
    AnswerTooLarge,
    AsyncClient,
    NoAnswer,
    NotAnXRoadAnswer,
    ProviderServerFault,
    Response,
    SecurityServerUnreachable,
    ServiceStatusError,
    XRoadCallError,
    exchanging,
)
from tests.exchange.client.servers import answer, fault, running

PORTAL = "central-server/GOV/70000001/portal"
ADDRESS = "central-server/GOV/70000050/register/address"
PIN = "12345678901234"


async def test_an_answer_has_everything_that_x_road_says_about_it():
    body = '{"name": "Ысык-Көл"}'.encode()
    async with (
        running(answer(body=body)) as server,
        AsyncClient(server.url, PORTAL) as xroad,
    ):
        got = await xroad.get(ADDRESS, (PIN,), user_id="KG1", query_id="id-1")
    assert (got.status, got.reason, got.is_success) == (200, "OK", True)
    assert got.json() == {"name": "Ысык-Көл"}
    assert got.text == body.decode()
    assert got.content == body
    assert got.query_id == "id-1"
    assert got.request_id == "5df2fa47-1e2d-4b8c-a8f5-d3dbb8fbd09b"
    assert got.request_hash == "aGFzaA=="
    assert got.headers["CONTENT-TYPE"] == "application/json"
    assert server.last.line == f"GET /r1/{ADDRESS}/{PIN} HTTP/1.1"
    assert server.last.headers["X-Road-UserId"] == "KG1"


@pytest.mark.parametrize("path", ["/a%2Fb%20c", "/a/../b", "/a//b", "/%d0%96?x=%2f+y"])
async def test_a_raw_path_arrives_byte_for_byte(path):
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        await xroad.get(ADDRESS, path)
    assert server.last.target == f"/r1/{ADDRESS}{path}"


async def test_only_headers_that_were_asked_for_are_signed():
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        await xroad.get(ADDRESS, headers={"Accept": "application/json"})
    names = {name.lower() for name in server.last.headers}
    assert names == {"host", "accept", "x-road-client", "x-road-id"}


@pytest.mark.parametrize("method", ["post", "put", "patch"])
async def test_a_body_is_sent(method):
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        await getattr(xroad, method)(ADDRESS, json={"a": 1})
    assert server.last.line.startswith(method.upper())
    assert server.last.body == b'{"a": 1}'
    assert server.last.headers["Content-Type"] == "application/json"


async def test_an_open_file_is_sent_as_it_is():
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        await xroad.post(ADDRESS, data=io.BytesIO(b"x" * 100_000))
        await xroad.delete(ADDRESS)
    assert server.received[0].body == b"x" * 100_000
    assert server.received[1].line.startswith("DELETE")


async def test_connections_are_used_again():
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        answers = await asyncio.gather(*(xroad.get(ADDRESS) for _ in range(5)))
        await xroad.get(ADDRESS)
    assert len(server.received) == 6
    assert len({one.query_id for one in answers}) == 5


async def test_an_error_status_of_the_service_is_an_answer():
    reply = answer("404 Not Found", b'{"error": "nobody"}')
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        got = await xroad.get(ADDRESS, (PIN,))
    assert (got.status, got.is_success) == (404, False)
    with pytest.raises(ServiceStatusError, match="404 Not Found") as caught:
        got.raise_for_status()
    assert caught.value.status == 404
    assert PIN not in str(caught.value)


async def test_a_good_answer_does_not_raise_for_its_status():
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        (await xroad.get(ADDRESS)).raise_for_status()


async def test_a_redirect_is_not_followed():
    reply = answer("302 Found", b"", "Location: http://127.0.0.1:1/\r\n")
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        got = await xroad.get(ADDRESS)
    assert (got.status, len(server.received)) == (302, 1)


async def test_cookies_of_a_service_are_not_kept():
    reply = answer(headers="Set-Cookie: a=1\r\n")
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        await xroad.get(ADDRESS)
        await xroad.get(ADDRESS)
    assert "Cookie" not in server.last.headers


async def test_a_compressed_answer_stays_as_it_was_signed():
    reply = answer(body=b"\x1f\x8b\x08odd", headers="Content-Encoding: gzip\r\n")
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        assert (await xroad.get(ADDRESS)).content == b"\x1f\x8b\x08odd"


async def test_a_fault_is_raised_with_advice():
    reply = fault("server.serverproxy.access_denied", "Request is not allowed")
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        with pytest.raises(ProviderServerFault) as caught:
            await xroad.get(ADDRESS, (PIN,), query_id="q-1")
    found = caught.value
    assert (found.code, found.text, found.detail, found.query_id) == (
        "server.serverproxy.access_denied",
        "Request is not allowed",
        "d-1",
        "q-1",
    )
    assert "Ask the provider to grant" in str(found)


class InPieces:
    """What is received, a piece at a time, as a network may give it."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def at_eof(self) -> bool:
        return not self.left

    async def read(self, most: int) -> bytes:
        piece, self.left = self.left[: min(most, 7)], self.left[min(most, 7) :]
        return piece


async def test_a_fault_that_comes_in_pieces_is_read_to_its_end_or_to_the_bound(
    monkeypatch: pytest.MonkeyPatch,
):
    body = b'{"message": "Request is not allowed"}'
    assert await exchanging._beginning(InPieces(body)) == body
    monkeypatch.setattr(exchanging, "MAX_FAULT_BYTES", 20)
    assert await exchanging._beginning(InPieces(body)) == body[:20]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH"])
async def test_a_change_is_not_sent_a_second_time_when_its_answer_does_not_come(method):
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        await xroad.get(ADDRESS)  # the next one uses its connection
        server.before_reply = broken_off
        with pytest.raises(NoAnswer) as caught:
            await xroad.request(method, ADDRESS)
        assert [one.line.split(" ")[0] for one in server.received] == ["GET", method]
    assert "Whether it was done is not known" in caught.value.advice


async def test_a_question_is_asked_again_on_a_fresh_connection():
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        await xroad.get(ADDRESS)
        server.before_reply = broken_off
        with pytest.raises(NoAnswer):
            await xroad.get(ADDRESS)
        assert len(server.received) == 3


async def broken_off() -> None:
    raise ConnectionError


async def test_a_server_that_is_not_there_is_said_to_be_unreachable():
    async with running() as server:
        pass
    async with AsyncClient(server.url, PORTAL) as xroad:
        with pytest.raises(SecurityServerUnreachable, match="Connection refused"):
            await xroad.get(ADDRESS)


async def test_no_answer_in_time_leaves_open_whether_it_was_done():
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        never = asyncio.Event()
        server.before_reply = never.wait
        with pytest.raises(AnswerTimedOut, match="No answer within") as caught:
            await xroad.post(ADDRESS, json=1, timeout=0.5, query_id="q-1")
        never.set()
    assert "is not known" in caught.value.advice
    assert caught.value.query_id == "q-1"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nConte",
        answer().replace(b"Content-Length: 2", b"content-length: 9"),
        b"nonsense\r\n\r\n",
    ],
)
async def test_a_broken_answer_is_no_answer_and_shows_no_path(reply):
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        with pytest.raises(NoAnswer) as caught:
            await xroad.get(ADDRESS, (PIN,), params={"name": "Айгүл"})
    shown = "".join(traceback.format_exception(caught.value))
    assert PIN not in shown
    assert "%D0" not in shown


async def test_an_answer_that_no_security_server_gave_is_not_believed():
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        with pytest.raises(NotAnXRoadAnswer, match="status 200"):
            await xroad.get(ADDRESS)


async def test_an_answer_that_is_too_long_is_not_taken():
    reply = answer(body=b"x" * 2000)
    async with running(reply) as server:
        async with AsyncClient(server.url, PORTAL, max_answer_bytes=1999) as xroad:
            with pytest.raises(AnswerTooLarge, match="1999"):
                await xroad.get(ADDRESS)
        async with AsyncClient(server.url, PORTAL, max_answer_bytes=2000) as xroad:
            assert len((await xroad.get(ADDRESS)).content) == 2000


async def test_a_large_answer_can_go_into_a_file():
    file = io.BytesIO()
    reply = answer(body=b"x" * 300_000)
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        got = await xroad.get(ADDRESS, into=file)
    assert file.getvalue() == b"x" * 300_000
    assert got.content == b""


async def test_a_fault_does_not_go_into_the_file():
    file = io.BytesIO()
    reply = fault("server.clientproxy.unknown_member")
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        with pytest.raises(XRoadCallError):
            await xroad.get(ADDRESS, into=file)
    assert file.getvalue() == b""


async def test_the_default_user_id_is_used_unless_a_call_has_its_own():
    async with (
        running() as server,
        AsyncClient(server.url, PORTAL, user_id="A") as xroad,
    ):
        await xroad.get(ADDRESS)
        await xroad.get(ADDRESS, user_id="B")
    users = [one.headers["X-Road-UserId"] for one in server.received]
    assert users == ["A", "B"]


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"\xe9", "é"),
        ("text/plain; charset=windows-1251", b"\xc6", "Ж"),
        ("text/plain", "Ж".encode(), "Ж"),
        ("text/plain; charset=nonsense", "Ж".encode(), "Ж"),
        ("text/plain; charset=hex", b"00", "00"),
        ("text/plain", b"\xff", "�"),
    ],
)
async def test_the_text_of_an_answer_is_in_its_charset(content_type, body, text):
    reply = answer(body=body, headers=f"Content-Type: {content_type}\r\n")
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        assert (await xroad.get(ADDRESS)).text == text


async def test_a_client_can_be_closed_twice_and_used_again():
    async with running() as server:
        xroad = AsyncClient(server.url, PORTAL)
        await xroad.get(ADDRESS)
        await xroad.aclose()
        await xroad.aclose()
        assert (await xroad.get(ADDRESS)).status == 200
        await xroad.aclose()


def test_an_answer_does_not_show_its_body():
    shown = repr(Response(200, "OK", {"a": "b"}, b'{"pin": "123"}', "q"))
    assert "123" not in shown
