"""Whatever becomes of a message, no connection and no file of it stays."""

import asyncio
from pathlib import Path

import pytest

from kerege.exchange.spool import MEMORY_LIMIT
from kerege.exchange.tls import peer_server_context
from tests.exchange.http.helpers import until
from tests.servers import Pair, TestServer
from tests.wire import RawServer, answer

UNFINISHED = b"Content-Length: 10000000\r\n\r\n--x\r\nno header\r\n\r\nand then nothing"
MIXED = b"Content-Type: multipart/mixed; boundary=x\r\n"


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"404 Not Found\r\n", "http_error"),
        (b"200 OK\r\n" + MIXED, "internal_error"),
        (
            b"200 OK\r\nx-hash-algorithm: SHA-512\r\nContent-Type: image/png\r\n",
            "service_failed.invalid_content_type",
        ),
        (
            b"200 OK\r\nx-hash-algorithm: SHA-512\r\n" + MIXED,
            "service_failed.mime_parsing_failed",
        ),
    ],
)
async def test_an_answer_that_is_not_read_to_its_end_takes_its_connection(
    tmp_path, head: bytes, code: str
):
    pair = Pair(tmp_path)
    stranger = RawServer(
        b"HTTP/1.1 " + head + UNFINISHED,
        ssl=peer_server_context(pair.instance.provider.identity),
    )
    async with stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            got = await pair.send("GET", "echo/path")
            assert got.get("x-road-error") == f"server.clientproxy.{code}"
            pool = pair.consumer.runtime.pool
            await until(lambda: not pool.connection_count)


def spooled(server: TestServer) -> list[Path]:
    return list(server.runtime.spool_directory.iterdir())


async def test_a_large_answer_leaves_no_file_unless_the_log_keeps_it(tmp_path):
    large = b"x" * (3 * MEMORY_LIMIT)
    async with Pair(tmp_path, service_answer=answer(body=large)) as pair:
        pair.offer("register")
        got = await pair.send("GET", "register/everything")
        assert got.body == large
        for server in (pair.consumer, pair.provider):
            await until(lambda server=server: not spooled(server))


async def test_a_peer_that_leaves_in_the_middle_leaves_nothing_behind(tmp_path):
    half = answer(body=b"x" * (6 * MEMORY_LIMIT))[: 3 * MEMORY_LIMIT]
    async with Pair(tmp_path, service_answer=half) as pair:
        pair.offer("register", timeout_seconds=1)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(pair.send("GET", "register/everything"))
            await until(lambda: spooled(pair.provider))
            await pair.consumer.runtime.pool.close()
        assert asking.result().status == 500
        await until(lambda: not spooled(pair.provider))
        await until(lambda: not pair.provider.runtime.pool.connection_count)
        assert not spooled(pair.consumer)
