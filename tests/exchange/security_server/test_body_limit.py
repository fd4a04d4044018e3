"""The largest body of a message is a setting, and holds wherever one comes in."""

import pytest

from kerege.exchange.security_server.settings import Limits, Settings
from tests.servers import Pair
from tests.wire import answer

MOST = 200_000
TOO_LARGE = b"x" * (MOST + 1)
LIMITED = Settings(limits=Limits(body_bytes=MOST))


@pytest.mark.parametrize("body", [TOO_LARGE, 20 * TOO_LARGE])
async def test_of_the_clients_request(tmp_path, body: bytes):
    pair = Pair(tmp_path)
    pair.consumer.settings = LIMITED
    async with pair:
        pair.offer("echo")
        got = await pair.send("POST", "echo/path", body=body)
        assert got.get("x-road-error") == "server.clientproxy.invalid_message"
        assert not pair.service.requests
        assert (await pair.send("POST", "echo/path", body=b"x" * MOST)).body == b"ok"


@pytest.mark.parametrize("body", [TOO_LARGE, 20 * TOO_LARGE])
async def test_of_the_service_s_answer(tmp_path, body: bytes):
    pair = Pair(tmp_path, service_answer=answer(body=body))
    pair.provider.settings = LIMITED
    async with pair:
        pair.offer("echo")
        got = await pair.send("GET", "echo/path")
        assert got.get("x-road-error") == "server.serverproxy.invalid_message"
        pair.service.answer = answer(body=b"x" * MOST)
        assert len((await pair.send("GET", "echo/path")).body) == MOST


async def test_of_the_provider_s_answer(tmp_path):
    pair = Pair(tmp_path, service_answer=answer(body=TOO_LARGE))
    pair.consumer.settings = LIMITED
    async with pair:
        pair.offer("echo")
        got = await pair.send("GET", "echo/path")
        code = "server.clientproxy.service_failed.invalid_message"
        assert got.get("x-road-error") == code
