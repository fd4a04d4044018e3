"""How much one client may ask: on both sides, over both protocols."""

import asyncio
import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from kerege.exchange.security_server.settings import OwnClients, Settings
from kerege.exchange.storage.server_configuration import (
    ClientLimits,
    ConnectionType,
    Side,
)
from kerege.xroad.identifiers import ClientId
from tests.servers import Pair, TestServer
from tests.soap_parts import (
    RELATED,
    ask,
    binary,
    envelope,
    fault_code,
    multipart,
    offer,
    posted,
    spooled,
)
from tests.wire import Http, answer, request

CONSUMER, PROVIDER = "server.clientproxy", "server.serverproxy"
TOO_FAST = "action_not_possible"
TOO_LARGE = "invalid_message"
SLOW = 0.001
"""Messages per second: no test takes so long that there is another one."""
SIDES = [(Side.CLIENT, CONSUMER), (Side.SERVER, PROVIDER)]
on_each_side = pytest.mark.parametrize(("side", "noticed"), SIDES)


def limit(pair: Pair, side: Side, who: ClientId | None = None, **bounds) -> TestServer:
    """Limit a client where its messages come in; return that server."""
    server = pair.consumer if side is Side.CLIENT else pair.provider
    limits = ClientLimits(**bounds)
    given = {**server.rights.client_limits, (side, who or pair.client): limits}
    server.rights = replace(server.rights, client_limits=given)
    return server


def code(got: Http) -> str | None:
    return got.get("x-road-error")


# --- Messages per second ---


@on_each_side
async def test_after_its_burst_a_client_waits(tmp_path, side, noticed):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        server = limit(pair, side, messages_per_second=SLOW, burst=2)
        assert [(await pair.send("GET", "echo")).status for _ in range(2)] == [200, 200]
        refused = await pair.send("GET", "echo")
        assert (refused.status, code(refused)) == (500, f"{noticed}.{TOO_FAST}")
        told = json.loads(refused.body)["message"]
        assert "may send 0.001 messages per second through this server" in told
        assert pair.client.path.replace("/", ":") in told.replace("/", ":")
        assert len(pair.service.requests) == 2
        asked = [one for one in server.exchanges if one.verdict == "200"]
        assert len(asked) == 2
        assert server.exchanges[-1].verdict == f"{noticed}.{TOO_FAST}"


async def test_its_own_server_says_how_long(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        limit(pair, Side.CLIENT, messages_per_second=SLOW, burst=1)
        assert (await pair.send("GET", "echo")).get("retry-after") is None
        seconds = (await pair.send("GET", "echo")).get("retry-after")
        assert seconds is not None
        assert 900 < int(seconds) <= 1000


@on_each_side
async def test_soap_messages_count_as_well(tmp_path, side, noticed):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        limit(pair, side, messages_per_second=SLOW, burst=1)
        assert (await ask(pair, service)).get("content-type") == (
            "text/xml; charset=UTF-8"
        )
        refused = await ask(pair, service)
        assert (refused.status, fault_code(refused)) == (200, f"{noticed}.{TOO_FAST}")
        assert len(pair.service.requests) == 1


async def test_what_is_refused_is_neither_read_nor_logged(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        limit(pair, Side.SERVER, messages_per_second=SLOW, burst=1)
        await pair.send("GET", "echo")
        logged = len(pair.provider.log.records)
        refused = await pair.send("POST", "echo", body=b"x" * 3_000_000)
        assert code(refused) == f"{PROVIDER}.{TOO_FAST}"
        assert len(pair.provider.log.records) == logged
        assert list(tmp_path.rglob("body-*.spool")) == []


async def test_one_client_s_limit_is_no_other_s(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        other = pair.instance.consumer.clients[1]
        limit(pair, Side.CLIENT, messages_per_second=SLOW, burst=1)
        for status in (200, 500, 500):
            assert (await pair.send("GET", "echo")).status == status
        as_other = {"X-Road-Client": other.path}
        for _ in range(3):
            assert (await pair.send("GET", "echo", as_other)).status == 200


async def test_a_member_s_limit_is_shared_by_its_subsystems(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo", to=[pair.client, pair.client.member])
        limit(pair, Side.SERVER, pair.client.member, messages_per_second=SLOW, burst=1)
        assert (await pair.send("GET", "echo")).status == 200
        second = await pair.send("GET", "echo")
        assert code(second) == f"{PROVIDER}.{TOO_FAST}"
        # A subsystem with a limit of its own does not use the member's.
        limit(pair, Side.SERVER, messages_per_second=SLOW, burst=3)
        assert [(await pair.send("GET", "echo")).status for _ in range(4)] == [
            *(200, 200, 200),
            500,
        ]


async def test_the_settings_limit_each_client_that_has_no_limit(tmp_path):
    pair = Pair(tmp_path)
    pair.consumer.settings = Settings(
        own_clients=OwnClients(messages_per_second=SLOW, burst=1)
    )
    async with pair:
        pair.offer("echo")
        as_other = {"X-Road-Client": pair.instance.consumer.clients[1].path}
        for headers in ({}, as_other):
            assert (await pair.send("GET", "echo", headers)).status == 200
            assert (await pair.send("GET", "echo", headers)).status == 500
        limit(pair, Side.CLIENT, messages_per_second=0)  # lifted for this one
        assert (await pair.send("GET", "echo")).status == 200
        assert (await pair.send("GET", "echo", as_other)).status == 500


async def test_a_change_holds_from_the_next_message_on(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        unlimited = pair.provider.rights
        limit(pair, Side.SERVER, messages_per_second=SLOW, burst=1)
        assert (await pair.send("GET", "echo")).status == 200
        assert (await pair.send("GET", "echo")).status == 500
        pair.provider.rights = unlimited
        assert (await pair.send("GET", "echo")).status == 200


async def test_a_stranger_cannot_use_up_a_client_s_messages(tmp_path):
    """Who does not authenticate as the client is refused before it is counted."""
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        limit(pair, Side.CLIENT, messages_per_second=SLOW, burst=1)
        listed = pair.consumer.rights
        clients = {**listed.clients}
        locked = replace(clients[pair.client], connection=ConnectionType.HTTPS_AUTH)
        pair.consumer.rights = replace(listed, clients={pair.client: locked})
        for _ in range(3):
            got = await pair.send("GET", "echo")
            assert code(got) == f"{CONSUMER}.ssl_authentication_failed"
        pair.consumer.rights = listed
        assert (await pair.send("GET", "echo")).status == 200


# --- Sizes ---


@pytest.mark.parametrize("size", [2_000, 200_000, 3_000_000])
@on_each_side
async def test_of_a_request(tmp_path, side, noticed, size):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        limit(pair, side, request_bytes=size - 1)
        refused = await pair.send("POST", "echo", body=b"x" * size)
        assert code(refused) == f"{noticed}.{TOO_LARGE}"
        told = json.loads(refused.body)["message"]
        assert f"The request is larger than the {size - 1} bytes that client" in told
        assert pair.service.requests == []
        assert pair.provider.log.records == []
        assert (await pair.send("POST", "echo", body=b"x" * (size - 1))).status == 200


async def test_a_request_that_says_how_long_it_is_need_not_be_sent(tmp_path):
    async with Pair(tmp_path) as pair:
        service = pair.offer("echo")
        limit(pair, Side.CLIENT, request_bytes=1000)
        head = request(
            "POST", f"/r1/{service.path}", {"X-Road-Client": pair.client.path}
        )
        announced = head.removesuffix(b"\r\n") + b"Content-Length: 100000\r\n\r\n"
        refused = await pair.consumer.client_call(announced)
        assert code(refused) == f"{CONSUMER}.{TOO_LARGE}"


async def test_a_request_in_chunks_is_refused_while_it_comes(tmp_path):
    async with Pair(tmp_path) as pair:
        service = pair.offer("echo")
        limit(pair, Side.CLIENT, request_bytes=1000)
        headers = {
            "X-Road-Client": pair.client.path,
            "Transfer-Encoding": "chunked",
        }
        head = request("POST", f"/r1/{service.path}", headers)
        chunk = b"3e9\r\n" + b"x" * 1001 + b"\r\n"  # its end never comes
        refused = await pair.consumer.client_call(head + chunk)
        assert code(refused) == f"{CONSUMER}.{TOO_LARGE}"


@pytest.mark.parametrize("size", [2_000, 200_000, 3_000_000])
@on_each_side
async def test_of_an_answer(tmp_path, side, noticed, size):
    async with Pair(tmp_path, service_answer=answer(body=b"x" * size)) as pair:
        pair.offer("echo")
        limit(pair, side, answer_bytes=size - 1)
        refused = await pair.send("GET", "echo")
        assert code(refused) == f"{noticed}.{TOO_LARGE}"
        told = json.loads(refused.body)["message"]
        assert f"The answer is larger than the {size - 1} bytes that client" in told
        pair.service.answer = answer(body=b"x" * (size - 1))
        assert len((await pair.send("GET", "echo")).body) == size - 1


@pytest.mark.parametrize("size", [10, 100_000, 2_000_000])
@on_each_side
async def test_of_a_soap_request_with_its_attachments(tmp_path, side, noticed, size):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        content = envelope(pair.client, service)
        most = len(content) + size - 1
        limit(pair, side, request_bytes=most)
        for attached, is_refused in ((size, True), (size - 1, False)):
            parts = [binary(b"x" * (attached - 5)), binary(b"x" * 5, "b")]
            message = multipart(content, parts)
            got = await pair.consumer.client_call(posted(message, RELATED))
            if is_refused:
                assert fault_code(got) == f"{noticed}.{TOO_LARGE}"
                assert pair.service.requests == []
            else:
                assert got.get("content-type") == "text/xml; charset=UTF-8"
    assert spooled(pair) == []


@on_each_side
async def test_of_a_soap_envelope_alone(tmp_path, side, noticed):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        size = len(envelope(pair.client, service))
        limit(pair, side, request_bytes=size - 1)
        assert fault_code(await ask(pair, service)) == f"{noticed}.{TOO_LARGE}"
        assert pair.service.requests == []
        limit(pair, side, request_bytes=size)
        assert (await ask(pair, service)).get("content-type") == (
            "text/xml; charset=UTF-8"
        )


@pytest.mark.parametrize("size", [10, 100_000, 2_000_000])
@on_each_side
async def test_of_a_soap_answer_with_its_attachments(tmp_path, side, noticed, size):
    async with Pair(tmp_path) as pair:
        service = offer(pair, attachments=[binary(b"x" * size)])
        whole = await ask(pair, service)
        assert whole.status == 200
        limit(pair, side, answer_bytes=size)  # has no room for the envelope
        refused = await ask(pair, service)
        assert fault_code(refused) == f"{noticed}.{TOO_LARGE}"
        limit(pair, side, answer_bytes=size + 10_000)
        assert len((await ask(pair, service)).body) == len(whole.body)
    assert spooled(pair) == []


# --- Messages under way ---


@on_each_side
async def test_so_many_are_under_way_and_no_more(tmp_path, side, noticed):
    async with Pair(tmp_path) as pair:
        pair.offer("slow")
        come, go = asyncio.Semaphore(0), asyncio.Event()

        async def slow(_: Http) -> bytes:
            come.release()
            await go.wait()
            return answer(body=b"ok")

        pair.service.answer = slow
        limit(pair, side, messages_at_once=2)
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(pair.send("GET", "slow")) for _ in range(2)]
            for _ in waiting:
                await come.acquire()
            refused = await pair.send("GET", "slow")
            assert code(refused) == f"{noticed}.{TOO_FAST}"
            told = json.loads(refused.body)["message"]
            assert "has as many messages under way as it may (2)" in told
            go.set()
        assert [task.result().status for task in waiting] == [200, 200]
        assert (await pair.send("GET", "slow")).status == 200


@on_each_side
async def test_what_failed_is_not_under_way(tmp_path, side, noticed):
    async with Pair(tmp_path, service_answer=b"") as pair:
        pair.offer("echo")
        limit(pair, side, messages_at_once=1)
        for _ in range(3):
            assert code(await pair.send("GET", "echo")) == f"{PROVIDER}.io_error"
        pair.service.answer = answer(body=b"x" * 500_000)  # streamed
        for _ in range(3):
            assert (await pair.send("GET", "echo")).status == 200


# --- What operators hear ---


@on_each_side
async def test_one_event_a_minute_and_every_message_counted(tmp_path, side, noticed):
    pair = Pair(tmp_path)
    counted: list[tuple[str, str, str]] = []
    with capture_logs() as logs:
        async with pair:
            pair.offer("echo")
            server = limit(pair, side, messages_per_second=SLOW, burst=1)
            heard = server.runtime.limiter._on_exceeded
            heard._count = lambda *labels: counted.append(labels)
            for _ in range(4):
                await pair.send("GET", "echo")
    events = [line for line in logs if line["event"] == "client over limit"]
    (event,) = events
    assert (event["side"], event["limit"], event["refused"]) == (side.value, "rate", 1)
    assert event["client"] == str(pair.client)
    assert counted == [(side.value, str(pair.client), "rate")] * 3
    failed = [line for line in logs if line["event"] == "message failed"]
    assert {line["code"] for line in failed if line["side"] == side.value} == {
        f"{noticed}.{TOO_FAST}"
    }
