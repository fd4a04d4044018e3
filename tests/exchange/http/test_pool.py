"""Kept connections, retries, several addresses, and failures to connect."""

import asyncio
import socket

import pytest

from kerege.exchange.http import (
    ClientLimits,
    ClientPool,
    ConnectFailed,
    PeerClosed,
    TimedOut,
    serve,
)
from kerege.exchange.http._client_connection import ClientConnection
from kerege.exchange.tls import peer_client_context, peer_server_context
from tests.exchange.http.helpers import echo, until
from tests.exchange.identities import identity

HERE = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """A server that reads one head per step, then writes, and closes if it is told."""

    def __init__(self, *connections):
        self.scripts = list(connections)
        self.heads = []
        self.port = 0

    async def __aenter__(self):
        self.listening = await asyncio.start_server(self.answer, HERE, 0)
        self.port = self.listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.listening.close()

    async def answer(self, reader, writer):
        try:
            for step in self.scripts.pop(0):
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(step)
            if not writer.is_closing():
                await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def pool():
    async with ClientPool(ClientLimits(tick_seconds=0.02)) as pool:
        yield pool


def free_port():
    with socket.socket() as sock:
        sock.bind((HERE, 0))
        return sock.getsockname()[1]


async def get(pool, address, **settings):
    settings.setdefault("method", "GET")
    settings.setdefault("target", b"/")
    answer = await pool.request(address, **settings)
    return await answer.body.read_all(1000)


async def test_a_connection_that_was_closed_meanwhile_is_not_used(pool):
    async with Scripted([OK], [OK], [OK]) as server:
        for _ in range(3):
            assert (
                await get(pool, (HERE, server.port), method="POST", body=b"x") == b"ok"
            )
            await until(lambda: not pool.connection_count)
        assert len(server.heads) == 3


async def test_the_kernel_is_asked_before_a_connection_is_used_again(pool):
    async with Scripted([OK], [OK]) as server:
        await get(pool, (HERE, server.port))
        (connection,) = pool._keys
        # Let the peer's end arrive without letting our loop see it.
        connection.transport.pause_reading()
        await until(lambda: not connection.is_usable())
        assert not connection.is_lost
        assert await get(pool, (HERE, server.port)) == b"ok"


async def test_a_request_that_the_peer_did_not_receive_is_sent_again(pool, monkeypatch):
    """The peer closes in the moment in which we send."""
    async with Scripted([OK], [OK]) as server:
        await get(pool, (HERE, server.port))
        (connection,) = pool._keys
        connection.transport.pause_reading()
        await until(lambda: not connection.is_usable())
        connection.transport.resume_reading()
        monkeypatch.setattr(ClientConnection, "is_usable", lambda self: True)
        monkeypatch.setattr(ClientConnection, "_has_unacknowledged", lambda self: True)
        body = await get(pool, (HERE, server.port), method="POST", body=b"x")
        assert body == b"ok"
        assert len(server.heads) == 2


async def test_a_request_that_the_peer_may_have_acted_on_is_not_sent_again(pool):
    async with Scripted([OK, b""], [OK]) as server:
        await get(pool, (HERE, server.port))
        with pytest.raises(PeerClosed):
            await get(pool, (HERE, server.port), method="POST", body=b"x")
        assert len(server.heads) == 2


async def test_a_new_connection_that_closes_is_not_tried_again(pool):
    async with Scripted([b""], [OK]) as server:
        with pytest.raises(PeerClosed):
            await get(pool, (HERE, server.port))
        assert len(server.heads) == 1


async def test_a_stream_that_may_have_been_read_is_not_sent_again(pool, monkeypatch):
    async def stream():
        yield b"x"

    async with Scripted([OK], [OK]) as server:
        await get(pool, (HERE, server.port))
        (connection,) = pool._keys
        connection.transport.pause_reading()
        await until(lambda: not connection.is_usable())
        connection.transport.resume_reading()
        monkeypatch.setattr(ClientConnection, "is_usable", lambda self: True)
        monkeypatch.setattr(ClientConnection, "_has_unacknowledged", lambda self: True)
        with pytest.raises(PeerClosed):
            await get(pool, (HERE, server.port), method="POST", body=stream())


async def test_what_the_peer_has_acknowledged_is_told_from_what_it_has_not(pool):
    async with await serve(echo, HERE, 0) as server:
        await get(pool, (HERE, server.port))
        (connection,) = pool._keys
        assert not connection._has_unacknowledged()
        connection.pause_writing()
        assert connection._has_unacknowledged()
        connection.resume_writing()


async def test_an_answer_cut_off_in_its_body_is_an_error(pool):
    cut = OK.replace(b"ength: 2", b"ength: 9")
    async with Scripted([cut]) as server:
        with pytest.raises(PeerClosed):
            await get(pool, (HERE, server.port))


async def test_an_answer_that_ends_with_the_connection_is_complete(pool):
    async with Scripted([b"HTTP/1.1 200 OK\r\n\r\nall of it"]) as server:
        assert await get(pool, (HERE, server.port)) == b"all of it"


async def test_a_silent_peer_times_out(pool):
    async def silent(request):
        await asyncio.Event().wait()

    server = await serve(silent, HERE, 0)
    with pytest.raises(TimedOut):
        await get(pool, (HERE, server.port), read_timeout=0.05)
    await server.close(grace_seconds=0)


async def test_kept_connections_are_bounded():
    limits = ClientLimits(idle_per_address=2)
    async with ClientPool(limits) as pool, await serve(echo, HERE, 0) as server:
        await asyncio.gather(*(get(pool, (HERE, server.port)) for _ in range(6)))
        assert pool.idle_count == 2
        await until(lambda: pool.connection_count == 2)


async def test_connections_are_bounded():
    limits = ClientLimits(connections=1)
    gate = asyncio.Event()

    async def wait(request):
        await gate.wait()
        return await echo(request)

    async with ClientPool(limits) as pool, await serve(wait, HERE, 0) as server:
        first = asyncio.ensure_future(get(pool, (HERE, server.port)))
        await until(lambda: server.connection_count)
        with pytest.raises(ConnectFailed) as caught:
            await get(pool, (HERE, server.port))
        assert caught.value.why == "exhausted"
        gate.set()
        await first


async def test_an_idle_connection_is_closed_after_its_time():
    limits = ClientLimits(idle_seconds=0.5, tick_seconds=0.02)
    async with ClientPool(limits) as pool, await serve(echo, HERE, 0) as server:
        await get(pool, (HERE, server.port))
        assert pool.idle_count == 1
        await until(lambda: not pool.connection_count)
        assert pool.idle_count == 0


# Connecting.


async def test_nobody_there(pool):
    with pytest.raises(ConnectFailed) as caught:
        await get(pool, (HERE, free_port()))
    assert caught.value.why == "network"


async def test_a_name_that_does_not_resolve(pool):
    for name in ("nobody.invalid", "a" * 70 + ".invalid", "a..b"):
        with pytest.raises(ConnectFailed) as caught:
            await get(pool, (name, 80))
        assert caught.value.why == "unknown_host"


async def test_a_name_is_resolved_once_in_a_while(pool, monkeypatch):
    loop = asyncio.get_running_loop()
    asked = []
    connector = pool._connector

    class Counting:
        def __getattr__(self, name):
            return getattr(loop, name)

        async def getaddrinfo(self, host, port, **settings):
            asked.append(host)
            return await loop.getaddrinfo(host, port, **settings)

    monkeypatch.setattr(connector, "_loop", Counting())
    close = [(b"Connection", b"close")]
    async with await serve(echo, HERE, 0) as server:
        for _ in range(3):
            await get(pool, ("localhost", server.port), headers=close)
    assert asked == ["localhost"]


async def test_connecting_takes_no_longer_than_allowed(pool, monkeypatch):
    async def never(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(pool._connector, "_connect", never)
    with pytest.raises(ConnectFailed) as caught:
        await get(pool, (HERE, 80), connect_timeout=0.02)
    assert caught.value.why == "timeout"


async def test_no_address(pool):
    with pytest.raises(ValueError, match="address"):
        await get(pool, ())


async def test_of_several_addresses_the_first_that_answers_is_taken_and_kept(pool):
    async with await serve(echo, HERE, 0) as server:
        addresses = [
            ("nobody.invalid", 5500),
            (HERE, free_port()),
            (HERE, server.port),
        ]
        close = [(b"Connection", b"close")]
        for _ in range(2):
            await get(pool, addresses, headers=close)
        assert pool._fastest.get(tuple(addresses)) == (HERE, server.port)


async def test_a_kept_connection_to_any_of_them_is_used(pool):
    async with await serve(echo, HERE, 0) as server:
        addresses = [(HERE, free_port()), (HERE, server.port)]
        await get(pool, addresses)
        await get(pool, addresses)
        assert pool.connection_count == 1


async def test_if_the_fastest_is_gone_the_others_are_tried(pool):
    close = [(b"Connection", b"close")]
    async with await serve(echo, HERE, 0) as second:
        first = await serve(echo, HERE, 0)
        addresses = [(HERE, first.port), (HERE, second.port)]
        pool._fastest.put(tuple(addresses), addresses[0])
        await first.close()
        await get(pool, addresses, headers=close)
        assert pool._fastest.get(tuple(addresses)) == addresses[1]


async def test_if_the_fastest_does_not_pass_the_others_are_tried(pool):
    context = peer_server_context(identity())
    ours = peer_client_context(identity())
    async with (
        await serve(echo, HERE, 0) as no_tls,
        await serve(echo, HERE, 0, ssl=context) as stranger,
        await serve(echo, HERE, 0, ssl=context) as right,
    ):
        addresses = [(HERE, s.port) for s in (no_tls, stranger, right)]
        judged = []

        def judge(ssl_object):
            judged.append(ssl_object)
            if len(judged) == 1:
                raise PermissionError("not the one")

        for fastest in addresses[:2]:
            judged.clear()
            pool._fastest.put(tuple(addresses), fastest)
            await get(
                pool,
                addresses,
                ssl=ours,
                on_connect=judge,
                headers=[(b"Connection", b"close")],
            )
            assert len(judged) == 2


async def test_if_none_passes_the_last_reason_is_told(pool):
    def judge(_ssl_object):
        raise PermissionError("not the one")

    context = peer_server_context(identity())
    async with (
        await serve(echo, HERE, 0, ssl=context) as first,
        await serve(echo, HERE, 0, ssl=context) as second,
    ):
        addresses = [(HERE, first.port), (HERE, second.port)]
        with pytest.raises(PermissionError):
            await get(
                pool,
                addresses,
                ssl=peer_client_context(identity()),
                on_connect=judge,
            )


async def test_if_none_answers_every_reason_is_told(pool):
    with pytest.raises(
        ConnectFailed, match=r"does not resolve.*Cannot connect"
    ) as caught:
        await get(pool, [("nobody.invalid", 1), (HERE, free_port())])
    assert caught.value.why == "network"
    with pytest.raises(ConnectFailed) as caught:
        await get(pool, [("nobody.invalid", 1), ("no.invalid", 1)])
    assert caught.value.why == "unknown_host"


async def test_losers_of_the_race_leave_no_socket_behind(pool):
    async with (
        await serve(echo, HERE, 0) as first,
        await serve(echo, HERE, 0) as second,
    ):
        await get(pool, [(HERE, first.port), (HERE, second.port)])
        await until(lambda: first.connection_count + second.connection_count == 1)


async def test_what_is_remembered_is_bounded():
    limits = ClientLimits(remembered=2)
    async with ClientPool(limits) as pool:
        for n in range(4):
            pool._fastest.put(((HERE, n),), (HERE, n))
        assert len(pool._fastest._values) == 2
        pool._fastest._seconds = -1
        pool._fastest.put(((HERE, 9),), (HERE, 9))
        assert pool._fastest.get(((HERE, 9),)) is None
