"""Fetching small things from an address, over real sockets on loopback."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from kerege.exchange.fetching import (
    AnswerTooLong,
    Fetch,
    Fetched,
    FetchFailed,
    Patience,
    TookTooLong,
    WrongUrl,
    fetch,
)
from kerege.exchange.http import ClientPool
from kerege.exchange.tls import client_side_context, service_context
from kerege.xroad.addresses import shown
from tests.exchange.identities import identity

PATIENCE = Patience(total=5.0, connect=2.0, silence=2.0)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
Answer = Callable[[bytes], bytes]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(
    answer: Answer, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve; gives the address and the heads of the requests that came."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heads.append(head)
        writer.write(answer(head))
        await writer.drain()

    async with handling(serve, context) as url:
        yield url, heads


@asynccontextmanager
async def handling(
    handler: Handler, context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve until every connection has been handled to its end; gives the address."""
    connections: list[asyncio.Task[None]] = []

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.ensure_future(handle(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=context)
    async with server:
        scheme = "https" if context else "http"
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.gather(*connections, return_exceptions=True)


async def fetched(url: str, limit: int = 100, **more: object) -> Fetched:
    async with ClientPool() as pool:
        return await fetch(pool, Fetch(url, limit, PATIENCE, **more))  # type: ignore[arg-type]  # by name


async def test_an_answer_comes_with_what_is_said_of_it():
    async with serving(lambda _: OK) as (url, heads):
        got = await fetched(f"{url}/a b/ы?x=1&y=a b", headers=(("Accept", "a/b"),))
    assert got == Fetched(200, "OK", "text/plain", b"ok")
    assert heads[0].startswith(b"GET /a%20b/%D1%8B?x=1&y=a%20b HTTP/1.1\r\n")
    assert b"\r\nAccept: a/b\r\n" in heads[0]


async def test_a_server_of_the_old_kind_ends_its_answer_by_closing():
    async with serving(lambda _: b"HTTP/1.0 200 OK\r\n\r\nold") as (url, _):
        assert (await fetched(url)).body == b"old"


async def test_a_password_in_the_address_is_not_sent_as_a_host():
    async with serving(lambda _: OK) as (url, heads):
        await fetched(url.replace("http://", "http://us%40er:pass@"))
    assert b"\r\nAuthorization: Basic dXNAZXI6cGFzcw==\r\n" in heads[0]
    assert b"\r\nHost: 127.0.0.1:" in heads[0]


def sent_on(times: int) -> Answer:
    def answer(head: bytes) -> bytes:
        number = int(head.split()[1].lstrip(b"/") or b"0")
        if number < times:
            to = b"%d" % (number + 1)
            return b"HTTP/1.1 307 On\r\nLocation: /%s\r\nContent-Length: 0\r\n\r\n" % to
        return OK

    return answer


async def test_redirects_are_followed_as_often_as_is_said():
    async with serving(sent_on(5)) as (url, heads):
        got = await fetched(url, redirects=5, method="POST", body=b"x")
        assert got.body == b"ok"
        assert [head.split()[0] for head in heads] == [b"POST", *[b"GET"] * 5]
        with pytest.raises(FetchFailed, match="more than 4 redirects"):
            await fetched(url, redirects=4)
        assert (await fetched(url)).status == 307


@pytest.mark.parametrize(
    "to",
    [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "//localhost/",
        "https://127.0.0.2/",
        "http://127.0.0.1:x/",
        "http://[x",
    ],
)
async def test_a_redirect_to_another_server_is_not_followed(to):
    answer = f"HTTP/1.1 302 On\r\nLocation: {to}\r\n\r\n".encode()
    async with serving(lambda _: answer) as (url, heads):
        with pytest.raises(FetchFailed, match="redirected to another server"):
            await fetched(url, redirects=5)
        assert len(heads) == 1


async def test_nor_is_one_to_another_port():
    """On this machine others listen who take whoever asks for somebody of it."""
    async with serving(lambda _: OK) as (other, heads):
        to = f"HTTP/1.1 302 On\r\nLocation: {other}/metrics\r\n\r\n".encode()
        async with serving(lambda _: to) as (url, _):
            with pytest.raises(FetchFailed, match="redirected to another server"):
                await fetched(url, redirects=5)
        assert heads == []


async def test_a_redirect_away_from_https_is_not_followed():
    server_side = client_side_context(identity())
    trusting = service_context(verify=False)
    async with serving(lambda _: OK) as (plain, heads):
        to_plain = f"HTTP/1.1 302 On\r\nLocation: {plain}/x\r\n\r\n".encode()
        async with serving(lambda _: to_plain, server_side) as (secret, _):
            with pytest.raises(FetchFailed, match="from https to http"):
                await fetched(secret, redirects=1, context=trusting)
        assert heads == []
    async with serving(lambda _: OK, server_side) as (secret, _):
        to_secret = f"HTTP/1.1 302 On\r\nLocation: {secret}/x\r\n\r\n".encode()
        async with serving(lambda _: to_secret) as (plain, _):
            got = await fetched(plain, redirects=1, context=trusting)
    assert got.body == b"ok"


async def test_what_is_longer_or_slower_than_it_may_be_is_given_up():
    async with serving(lambda _: OK) as (url, _):
        assert (await fetched(url, limit=2)).body == b"ok"
        with pytest.raises(AnswerTooLong, match="longer than 1 bytes"):
            await fetched(url, limit=1)

    async def nothing(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()  # until the client has given up

    async with handling(nothing) as url, ClientPool() as pool:
        with pytest.raises(TookTooLong):
            await fetch(pool, Fetch(url, 1, Patience(0.05)))


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "ftp://x/", "http://", "http://[::1", "http://x:99999/"),
        *("http://a..b/", "/relative", "file:///etc/passwd", f"http://{'a' * 64}/"),
    ],
)
async def test_an_address_that_is_none_is_told_apart(url):
    with pytest.raises(WrongUrl):
        await fetched(url)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0\r\n\r\n", OK[:40], OK[:-1]])
async def test_an_answer_that_is_none_is_told(answer):
    async with serving(lambda _: answer) as (url, _):
        with pytest.raises(FetchFailed):
            await fetched(url)


async def test_https_is_judged_by_the_systems_cas_unless_told_otherwise():
    async with serving(lambda _: OK) as (url, _):
        address = url.replace("http:", "https:")
        with pytest.raises(FetchFailed):
            await fetched(address)
        with pytest.raises(FetchFailed):
            await fetched(address, context=ssl.create_default_context())


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://host/path", "http://host/path"),
        ("https://a:b@host:8443/p?q=x@y", "https://***@host:8443/p?q=x@y"),
        ("http://a@b@host", "http://***@host"),
        ("http://host/a@b", "http://host/a@b"),
        ("http://host?a@b", "http://host?a@b"),
        ("a:b@host", "***@host"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, seen: str):
    assert shown(url) == seen
