"""Server and client over real sockets, plain and TLS."""

import asyncio
import gc
import socket
import ssl

import pytest

from kerege.exchange.http import (
    ClientLimits,
    ClientPool,
    ConnectFailed,
    Limits,
    PeerClosed,
    Response,
    serve,
)
from kerege.exchange.tls import (
    client_side_context,
    peer_certificates,
    peer_client_context,
    peer_server_context,
    service_context,
)
from tests.exchange.http.helpers import FakeTransport, echo, until
from tests.exchange.identities import identity

HERE = "127.0.0.1"


@pytest.fixture(params=["plain", "tls"])
def contexts(request):
    """Server and client contexts, or two times None."""
    if request.param == "plain":
        return None, None
    return peer_server_context(identity()), peer_client_context(identity("client"))


@pytest.fixture
async def pool():
    async with ClientPool(ClientLimits(tick_seconds=0.02)) as pool:
        yield pool


async def stream(size, piece=100_000):
    while size > 0:
        yield bytes(min(size, piece))
        size -= piece
        await asyncio.sleep(0)


async def test_messages_go_over_one_kept_connection(pool, contexts):
    server_side, client_side = contexts
    async with await serve(echo, HERE, 0, ssl=server_side) as server:
        for body in (None, b"", b"abc", b"x" * 100_000, stream(300_000)):
            answer = await pool.request(
                (HERE, server.port),
                method="POST",
                target=b"/a?b",
                body=body,
                ssl=client_side,
            )
            got = await answer.body.read_all(1_000_000)
            assert answer.header(b"asked") == b"POST /a?b"
            if isinstance(body, bytes):
                assert got == body
        assert len(got) == 300_000
        assert (server.connection_count, pool.connection_count) == (1, 1)
        assert pool.idle_count == 1


async def test_many_messages_at_once_take_many_connections(pool, contexts):
    server_side, client_side = contexts

    async def ask(n):
        answer = await pool.request(
            (HERE, server.port),
            method="POST",
            target=b"/%d" % n,
            body=b"%d" % n,
            ssl=client_side,
        )
        assert await answer.body.read_all(99) == b"%d" % n

    async with await serve(echo, HERE, 0, ssl=server_side) as server:
        await asyncio.gather(*(ask(n) for n in range(20)))
        assert 1 < pool.connection_count <= 20
        assert pool.idle_count == pool.connection_count


async def test_a_large_body_crosses_both_in_flat_memory(pool, contexts):
    """50 MB in and out: what is buffered anywhere stays within the bounds."""
    server_side, client_side = contexts
    size = 50_000_000
    highest = 0

    async def handler(request):
        async def back():
            nonlocal highest
            async for chunk in request.body:
                highest = max(highest, request.body._buffered)
                yield chunk

        return Response(body=back())

    async with await serve(handler, HERE, 0, ssl=server_side) as server:
        answer = await pool.request(
            (HERE, server.port),
            method="POST",
            target=b"/",
            body=stream(size, 1_000_000),
            ssl=client_side,
        )
        got = 0
        async for chunk in answer.body:
            got += len(chunk)
            highest = max(highest, answer.body._buffered)
        assert got == size
        assert highest < 1_000_000


async def test_a_reader_that_does_not_read_stops_the_writer(contexts):
    server_side, client_side = contexts
    produced = 0

    async def endless():
        nonlocal produced
        while True:
            produced += 65_536
            yield bytes(65_536)

    async def handler(request):
        return Response(body=endless())

    server = await serve(handler, HERE, 0, ssl=server_side)
    async with ClientPool() as pool, server:
        answer = await pool.request(
            (HERE, server.port), method="GET", target=b"/", ssl=client_side
        )
        before = -1
        while before != produced:
            before = produced
            await asyncio.sleep(0.05)
        assert produced < 30_000_000
        answer.release()
        await until(lambda: not server.connection_count)


async def test_peers_see_each_other_and_sessions_resume(pool):
    seen, judged, resumed = [], [], []

    async def handler(request):
        seen.append(peer_certificates(request.ssl_object))
        return Response()

    server_side = peer_server_context(identity())
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client_side = peer_client_context(identity("client"))
        client_side.maximum_version = version
        async with await serve(
            handler, HERE, 0, ssl=server_side, connection_close=True
        ) as server:
            resumed.clear()
            for _ in range(3):
                answer = await pool.request(
                    (HERE, server.port),
                    method="GET",
                    target=b"/",
                    ssl=client_side,
                    on_connect=lambda end: judged.append(peer_certificates(end)),
                    on_use=lambda end: resumed.append(end.session_reused),
                )
                await answer.body.read_all(0)
            assert resumed == [False, True, True]
    assert seen == [list(identity("client").certificates)] * 6
    assert judged == [list(identity().certificates)] * 6


async def test_a_peer_that_is_refused_gets_nothing(pool):
    async def handler(request):
        raise AssertionError("It got something.")

    def refuse(end):
        raise LookupError("not registered")

    async def refuse_later(end):
        await asyncio.sleep(0)
        raise LookupError("not registered")

    server_side = peer_server_context(identity())
    client_side = peer_client_context(identity("client"))
    async with await serve(handler, HERE, 0, ssl=server_side) as server:
        for judge in (
            {"on_connect": refuse},
            {"on_connect": refuse_later},
            {"on_use": refuse},
        ):
            with pytest.raises(LookupError, match="not registered"):
                await pool.request(
                    (HERE, server.port),
                    method="GET",
                    target=b"/",
                    ssl=client_side,
                    **judge,
                )
        await until(lambda: not pool.connection_count)


async def test_every_message_on_a_kept_connection_is_judged(pool):
    judged = []
    server_side = peer_server_context(identity())
    client_side = peer_client_context(identity("client"))

    def judge(end):
        judged.append(end)
        if len(judged) == 3:
            raise LookupError("expired meanwhile")

    async with await serve(echo, HERE, 0, ssl=server_side) as server:

        async def ask():
            answer = await pool.request(
                (HERE, server.port),
                method="GET",
                target=b"/",
                ssl=client_side,
                on_use=judge,
            )
            await answer.body.read_all(0)

        await ask()
        await ask()
        with pytest.raises(LookupError):
            await ask()
        await ask()
        assert judged[0] is judged[1] is judged[2]
        assert judged[3] is not judged[0]


async def test_a_client_without_certificate_gets_no_connection(pool):
    server_side = peer_server_context(identity())
    client_side = service_context(verify=False)
    client_side.maximum_version = ssl.TLSVersion.TLSv1_2
    async with await serve(echo, HERE, 0, ssl=server_side) as server:
        with pytest.raises(ConnectFailed) as caught:
            await pool.request(
                (HERE, server.port), method="GET", target=b"/", ssl=client_side
            )
        assert caught.value.why == "tls"


async def test_a_server_lets_answers_under_way_finish(contexts):
    server_side, client_side = contexts
    started, go = asyncio.Event(), asyncio.Event()

    async def handler(request):
        if request.target == b"/slow":
            started.set()
            await go.wait()
        return Response(body=b"done")

    async with ClientPool() as pool:
        server = await serve(handler, HERE, 0, ssl=server_side)
        port = server.port

        async def ask(target):
            answer = await pool.request(
                (HERE, port), method="GET", target=target, ssl=client_side
            )
            return answer.header(b"connection"), await answer.body.read_all(9)

        slow = asyncio.ensure_future(ask(b"/slow"))
        await started.wait()
        assert await ask(b"/") == (None, b"done")
        closing = asyncio.ensure_future(server.close())
        await until(lambda: server.connection_count == 1)
        with pytest.raises(ConnectFailed):
            await ask(b"/")
        go.set()
        assert await slow == (b"close", b"done")
        await closing
        assert server.connection_count == 0


async def test_a_server_cancels_what_does_not_finish_in_time(contexts):
    server_side, client_side = contexts
    started, ended = asyncio.Event(), []

    async def handler(request):
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async with ClientPool() as pool:
        server = await serve(handler, HERE, 0, ssl=server_side)
        asking = asyncio.ensure_future(
            pool.request(
                (HERE, server.port), method="GET", target=b"/", ssl=client_side
            )
        )
        await started.wait()
        await server.close(grace_seconds=0.01)
        assert ended
        assert server.connection_count == 0
        with pytest.raises(PeerClosed):
            await asking


async def test_a_handler_finishes_though_its_client_left():
    started, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(request):
        started.set()
        await go.wait()
        ended.set()
        return Response(body=b"x")

    async with await serve(handler, HERE, 0) as server:
        _, writer = await asyncio.open_connection(HERE, server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await started.wait()
        writer.transport.abort()
        await until(lambda: all(c.is_deaf for c in server._open))
        assert server.connection_count == 1
        go.set()
        await ended.wait()
        await until(lambda: not server.connection_count)


async def test_a_refusal_reaches_a_client_that_is_still_sending():
    """Without lingering the kernel's reset would destroy the answer."""

    async def handler(request):
        return Response(403, b"Forbidden", body=b"no")

    async with await serve(handler, HERE, 0) as server:
        reader, writer = await asyncio.open_connection(HERE, server.port)
        size = 4_000_000
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(40):
            writer.write(bytes(100_000))
            await writer.drain()
        got = await reader.read()
        assert got.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert got.endswith(b"no")
        writer.close()


async def test_nothing_waits_for_nagle(contexts):
    server_side, client_side = contexts
    seen = []

    async def handler(request):
        return Response()

    server = await serve(handler, HERE, 0, ssl=server_side)
    async with ClientPool() as pool, server:
        answer = await pool.request(
            (HERE, server.port), method="GET", target=b"/", ssl=client_side
        )
        await answer.body.read_all(0)
        ends = [*server._open, *pool._keys]
        for end in ends:
            endpoint = end.transport.get_extra_info("socket")
            seen.append(endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    assert len(seen) == 2
    assert all(seen)


async def test_a_handshake_that_stalls_is_ended_and_forgotten():
    server_side = peer_server_context(identity())
    limits = Limits(handshake_seconds=0.05)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with await serve(echo, HERE, 0, ssl=server_side, limits=limits) as server:
        reader, writer = await asyncio.open_connection(HERE, server.port)
        await until(lambda: len(server._accepted) == 1)
        assert await reader.read() == b""
        writer.close()
        await asyncio.sleep(0)
        gc.collect()
        assert len(server._accepted) == 0
        assert server.lost_count == 1


async def test_handshakes_that_fail_are_counted_and_others_are_not(pool):
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    server_side, client_side = (
        client_side_context(identity()),
        service_context(verify=False),
    )
    async with await serve(echo, HERE, 0, ssl=server_side) as server:
        address = (HERE, server.port)
        for words in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b""):
            _, writer = await asyncio.open_connection(*address)
            await until(lambda: len(server._accepted) == 1)
            writer.write(words)
            writer.close()
            await until(lambda: gc.collect() >= 0 and not server._accepted)
        answer = await pool.request(address, method="GET", target=b"/", ssl=client_side)
        assert answer.status == 200
        assert server.lost_count == 3
        _, silent = await asyncio.open_connection(*address)
        await until(lambda: len(server._accepted) == 2)
        assert server.lost_count == 3, "it may still say something"
        silent.close()


async def test_a_server_listens_on_a_socket_that_it_is_given(pool):
    sock = socket.create_server((HERE, 0))
    async with await serve(echo, None, 0, sock=sock) as server:
        assert server.port == sock.getsockname()[1]
        answer = await pool.request((HERE, server.port), method="GET", target=b"/")
        assert answer.status == 200


async def test_who_relays_an_answer_and_fails_lets_go_of_it(pool):
    """A service's endless answer, relayed to a client that leaves."""

    async def endless():
        while True:
            yield bytes(65_536)

    async def service(request):
        return Response(body=endless())

    async def relay(request):
        answer = await pool.request(
            (HERE, behind.port), method="GET", target=request.target
        )
        return Response(body=answer.body)

    behind = await serve(service, HERE, 0)
    async with behind, await serve(relay, HERE, 0) as front:
        reader, writer = await asyncio.open_connection(HERE, front.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await reader.read(100_000)
        writer.transport.abort()
        await until(lambda: not (front.connection_count or behind.connection_count))
        assert pool.connection_count == 0


async def test_a_connection_made_while_the_server_closes_is_closed():
    server = await serve(echo, HERE, 0)
    await server.close()
    connection = server._accept()
    transport = FakeTransport(connection)
    connection.connection_made(transport)
    assert transport.closed
    await until(lambda: not server.connection_count)
