"""Whatever becomes of a message, no connection and no file of it stays."""

import pytest

from kerege.exchange.tls import peer_server_context
from tests.exchange.http.helpers import until
from tests.servers import Pair
from tests.wire import RawServer

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
            answer = await pair.send("GET", "echo/path")
            assert answer.get("x-road-error") == f"server.clientproxy.{code}"
            pool = pair.consumer.runtime.pool
            await until(lambda: not pool.connection_count)
