"""40 MB each way: streamed in flat memory, spooled, verified before anybody sees a byte."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from kerege.exchange.messagelog.bodies_folder import MARK
from tests.attacks.messages import BODY, Author
from tests.attacks.stage import Stage, impostor, soon, spool_files
from tests.servers import Pair
from tests.wire import Http, answer

MEGABYTE = 1024 * 1024
SIZE = 40 * MEGABYTE
BLOCK = bytes(range(256)) * 256
"""64 KiB, sent again and again."""
FLAT = 16 * MEGABYTE
"""What both servers may need above what they need for small messages; far less than a
body, of which there are two in four places."""
DIGEST = hashlib.sha256(BLOCK * (SIZE // len(BLOCK))).digest()


def resident():
    """Return the memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class StreamingService:
    """Takes and gives bodies of any size without keeping them."""

    def __init__(self, size=SIZE):
        self.size = size
        self.connections = 0
        self.bytes_seen = 0
        self.digest = b""
        self.peak = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            head = Http.parse(await reader.readuntil(b"\r\n\r\n"))
            self.digest = await self._take(reader, int(head.get("content-length")))
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n" % self.size)
            await give(writer, self, self.size)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _take(self, reader, size):
        found = hashlib.sha256()
        while size:
            data = await reader.read(min(size, len(BLOCK)))
            if not data:
                raise ConnectionError
            size -= len(data)
            self.bytes_seen += len(data)
            found.update(data)
            self.peak = max(self.peak, resident())
        return found.digest()


async def give(writer, watcher, size):
    """Write as many bytes as they are taken."""
    for _ in range(size // len(BLOCK)):
        writer.write(BLOCK)
        await writer.drain()
        watcher.peak = max(watcher.peak, resident())


async def exchange(pair, watcher):
    """Send `SIZE` bytes to the service and take its answer; return head and digest."""
    port = pair.consumer.ports.client
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /r1/{pair.provider_client.path}/large HTTP/1.1\r\nHost: x\r\n"
        f"X-Road-Client: {pair.client.path}\r\nContent-Length: {SIZE}\r\n\r\n"
    )
    writer.write(head.encode())
    await give(writer, watcher, SIZE)
    got = Http.parse(await reader.readuntil(b"\r\n\r\n"))
    found, left = hashlib.sha256(), True
    chunks = (got.get("transfer-encoding") or "") == "chunked"
    while left:
        data, left = await read_some(reader, chunked=chunks)
        found.update(data)
        watcher.peak = max(watcher.peak, resident())
    writer.transport.abort()
    return got, found.digest()


async def read_some(reader, *, chunked):
    """Return a piece of a body, and whether more follows."""
    if not chunked:
        data = await reader.read(len(BLOCK))
        return data, bool(data)
    size = int(await reader.readuntil(b"\r\n"), 16)
    data = await reader.readexactly(size)
    await reader.readexactly(2)
    return data, size > 0


@pytest.mark.slow
async def test_40_mb_pass_both_ways_in_flat_memory(tmp_path, logs):
    pair = Pair(tmp_path)
    pair.consumer.real_log = pair.provider.real_log = True
    async with pair, StreamingService() as service:
        stage = Stage(pair, logs)
        pair.offer("echo")
        pair.offer("large", url=service.url)
        await stage.succeeds(method="POST", body=b"x" * 200_000)
        before = resident()
        got, digest = await exchange(pair, service)
        assert got.status == 200
        assert (service.bytes_seen, service.digest, digest) == (SIZE, DIGEST, DIGEST)
        assert service.peak - before < FLAT
        await soon(lambda: not spool_files(tmp_path))
        for server in (pair.consumer, pair.provider):
            names = [p.name for p in (server.folder / "spool").iterdir()]
            assert names == [MARK]
        await stage.succeeds()


async def test_a_large_request_with_a_bad_signature_never_reaches_the_service(stage):
    async with StreamingService(MEGABYTE) as service:
        stage.pair.offer("large", url=service.url)
        path = f"/r1/{stage.pair.provider_client.path}/large"
        good = stage.author.request(path, method="POST", body=bytes(4 * MEGABYTE))
        last = good.of(BODY)[:-1] + b"\x01"  # one bit, after four megabytes
        await stage.peer_refuses(
            "server.serverproxy.signature_verification.malformed_signature."
            "invalid_hash_chain",
            good.with_content(BODY, last),
        )
        assert (service.connections, service.bytes_seen) == (0, 0)
        await stage.peer_accepts(good)
        assert (service.connections, service.bytes_seen) == (1, 4 * MEGABYTE)


async def test_a_large_answer_with_a_bad_signature_never_reaches_the_application(
    tmp_path, logs
):
    pair = Pair(tmp_path)
    author = Author.of(pair.instance, pair.instance.provider)
    body = b"secret" * MEGABYTE

    def forge(http):
        letter = author.answer(http, body=body)
        return letter.with_content(BODY, body[:-1] + b"!")

    async with impostor(pair, forge) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            stage = Stage(pair, logs)
            refused = await stage.refuses(
                "server.clientproxy.signature_verification.malformed_signature."
                "invalid_hash_chain"
            )
            assert b"secret" not in refused.raw
            assert spool_files(tmp_path) == []


async def test_a_large_body_without_right_is_not_even_asked_for(stage):
    """The block is judged first: a stranger cannot fill the disk."""
    stage.pair.service.answer = answer(body=b"x")
    author = stage.author
    letter = author.request(stage.echo, method="POST", body=bytes(8 * MEGABYTE))
    stranger = stage.pair.instance.provider.identity  # not the client's server
    code = "server.serverproxy.service_failed.ssl_authentication_failed"
    await stage.peer_refuses(code, letter, stranger)
    assert spool_files(stage.pair.provider.folder) == []
    assert stage.pair.service.requests == []
    await stage.succeeds()


async def test_bodies_around_every_bound_pass_byte_for_byte(stage):
    """Where memory becomes a file, and a write becomes a stream."""

    def echo(http):
        return answer(body=http.body)

    stage.pair.service.answer = echo
    for bound in (0, 64 * 1024, MEGABYTE):
        for size in (bound - 1, bound, bound + 1):
            if size >= 0:
                body = os.urandom(size)
                got = await stage.succeeds(method="POST", body=body)
                assert got.body == body
