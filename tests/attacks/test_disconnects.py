"""Somebody hangs up in the middle: application, consumer's server, provider's, service.

Nothing of the message may stay: no task, no file, no connection at work. The fixture
of all attacks looks once more after the servers have stopped.
"""

import asyncio

import pytest

from kerege.exchange.tls import peer_client_context, peer_server_context
from tests.attacks.stage import Stage, impostor, soon, spool_files
from tests.servers import OK, Pair
from tests.wire import answer, request

MEGABYTE = 1024 * 1024
LARGE = bytes(4 * MEGABYTE)


class Watch:
    """What is at work in both servers."""

    def __init__(self, stage):
        self.stage = stage
        self.tasks = asyncio.all_tasks()

    @property
    def at_work(self):
        """Tasks that have begun since, connections in use, spool files."""
        pair = self.stage.pair
        tasks = {
            task
            for task in asyncio.all_tasks() - self.tasks - {asyncio.current_task()}
            if not task.done() and "RawServer" not in str(task.get_coro())
        }
        pools = [server.runtime.pool for server in (pair.consumer, pair.provider)]
        used = sum(pool.connection_count - pool.idle_count for pool in pools)
        folders = (pair.consumer.folder, pair.provider.folder)
        spools = [name for folder in folders for name in spool_files(folder)]
        return [*tasks, *[f"{used} connections"] * bool(used), *spools]

    async def nothing_at_work(self):
        await soon(lambda: not self.at_work)


@pytest.fixture
async def watch(stage):
    await stage.succeeds()
    stage.pair.service.requests.clear()
    return Watch(stage)


async def application(stage, data):
    """Connect as an application and send bytes."""
    port = stage.pair.consumer.ports.client
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


async def peer(stage, data):
    """Connect as the consumer's server and send bytes."""
    pair = stage.pair
    context = peer_client_context(pair.instance.consumer.identity)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", pair.provider.ports.peer, ssl=context
    )
    writer.write(data)
    return reader, writer


def asks(stage, body=b""):
    headers = {"X-Road-Client": stage.pair.client.path}
    return request("POST", stage.echo, headers, body)


@pytest.mark.parametrize("arrived", [0.001, 0.5, 0.999])
async def test_an_application_that_leaves_while_it_sends(stage, watch, arrived):
    data = asks(stage, LARGE)
    _, writer = await application(stage, data[: int(len(data) * arrived)])
    told = len(stage.pair.consumer.exchanges)
    if arrived > 0.1:
        await soon(lambda: watch.at_work)
    await writer.drain()
    writer.transport.abort()
    await soon(lambda: len(stage.pair.consumer.exchanges) > told)
    assert stage.pair.consumer.exchanges[-1].verdict == "server.clientproxy.io_error"
    await watch.nothing_at_work()
    assert stage.pair.service.requests == []
    await stage.succeeds()


async def test_an_application_that_leaves_while_it_waits(stage, watch):
    """The message is under way: it is finished and logged, though nobody listens."""
    release = asyncio.Event()

    async def slow(_):
        await release.wait()
        return OK

    stage.pair.service.answer = slow
    _, writer = await application(stage, asks(stage, b"hello"))
    await soon(lambda: stage.pair.service.requests)
    writer.transport.abort()
    release.set()
    await soon(lambda: len(stage.pair.consumer.log.records) == 4)
    await watch.nothing_at_work()
    stage.pair.service.answer = OK
    await stage.succeeds()


async def test_an_application_that_leaves_while_it_is_answered(stage, watch):
    stage.pair.service.answer = answer(body=LARGE)
    reader, writer = await application(stage, asks(stage))
    assert (await reader.read(1000)).startswith(b"HTTP/1.1 200")
    writer.transport.abort()
    await watch.nothing_at_work()
    stage.pair.service.answer = OK
    await stage.succeeds()


@pytest.mark.parametrize("arrived", [0.001, 0.5, 0.999])
async def test_a_consumers_server_that_leaves_while_it_sends(stage, watch, arrived):
    data = stage.author.request(stage.echo, method="POST", body=LARGE).posted()
    _, writer = await peer(stage, data[: int(len(data) * arrived)])
    told = len(stage.pair.provider.exchanges)
    if arrived > 0.1:
        await soon(lambda: watch.at_work)
    await writer.drain()
    writer.transport.abort()
    await soon(lambda: len(stage.pair.provider.exchanges) > told)
    assert stage.pair.provider.exchanges[-1].verdict.startswith("server.serverproxy.")
    await watch.nothing_at_work()
    assert stage.pair.service.requests == []
    await stage.succeeds()


async def test_a_consumers_server_that_leaves_while_it_is_answered(stage, watch):
    stage.pair.service.answer = answer(body=bytes(30 * MEGABYTE))
    letter = stage.author.request(stage.echo)
    reader, writer = await peer(stage, letter.posted())
    assert (await reader.read(1000)).startswith(b"HTTP/1.1 200")
    writer.transport.abort()
    await watch.nothing_at_work()
    assert stage.pair.provider.exchanges[-1].verdict == "server.serverproxy.io_error"
    assert len(stage.pair.provider.log.records) == 3  # the request of this one
    stage.pair.service.answer = OK
    await stage.succeeds()


async def test_a_provider_server_that_hangs_up_on_a_request(tmp_path, logs):
    """Whole, half, or only when it has the whole: io_error, and the line is closed."""
    pair = Pair(tmp_path)
    async with impostor(pair, lambda _: b"") as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            stage = Stage(pair, logs)
            watch = Watch(stage)
            await stage.refuses("server.clientproxy.io_error")
            await stage.refuses(
                "server.clientproxy.io_error", method="POST", body=LARGE
            )
            await watch.nothing_at_work()


async def test_a_provider_server_that_answers_before_it_has_read_all(tmp_path, logs):
    """An early refusal, as any server may give, ends the sending too."""
    pair = Pair(tmp_path)
    early = EarlyServer(pair)
    async with early:
        pair.consumer.peer_port = early.port
        async with pair:
            stage = Stage(pair, logs)
            watch = Watch(stage)
            got = await pair.send("POST", "echo", body=bytes(20 * MEGABYTE))
            assert got.get("x-road-error") == "server.clientproxy.http_error"
            await watch.nothing_at_work()


class EarlyServer:
    """Answers 503 as soon as it hears anything, and then reads no more."""

    def __init__(self, pair):
        self._context = peer_server_context(pair.instance.provider.identity)
        self._writers = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._context
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self._writers.append(writer)
        await reader.read(100)
        writer.transport.pause_reading()
        writer.write(answer("503 Service Unavailable"))


async def test_a_service_that_hangs_up_on_a_large_request(stage, watch):
    stage.pair.service.answer = b""
    code = "server.serverproxy.io_error"
    await stage.refuses(code, method="POST", body=LARGE)
    await watch.nothing_at_work()
    stage.pair.service.answer = OK
    await stage.succeeds()


async def test_a_service_that_hangs_up_in_a_large_answer(stage, watch):
    half = answer(body=LARGE)[: 2 * MEGABYTE].replace(
        b"OK\r\n", b"OK\r\nConnection: close\r\n"
    )
    stage.pair.service.answer = half
    await stage.refuses("server.serverproxy.io_error")
    await watch.nothing_at_work()
    stage.pair.service.answer = OK
    await stage.succeeds()


async def test_a_hundred_who_leave_at_every_point_leave_nothing(stage, watch):
    """Cut the application's connection after each of many numbers of bytes."""
    data = asks(stage, b"x" * 2000)
    for cut in range(0, len(data), len(data) // 100):
        _, writer = await application(stage, data[:cut])
        await writer.drain()
        writer.transport.abort()
    await watch.nothing_at_work()
    await stage.succeeds()


async def test_servers_that_stop_finish_what_they_have_accepted(tmp_path, logs):
    """The provider's stops while the service thinks: the answer still comes."""
    release = asyncio.Event()

    async def slow(_):
        await release.wait()
        return OK

    pair = Pair(tmp_path, service_answer=slow)
    async with pair:
        pair.offer("echo")
        sending = asyncio.ensure_future(pair.send("GET", "echo"))
        await soon(lambda: pair.service.requests)
        stopping = asyncio.ensure_future(pair.provider.__aexit__())
        await asyncio.sleep(0)
        release.set()
        got = await sending
        await stopping
        assert (got.status, got.body) == (200, b"ok")
    del logs
