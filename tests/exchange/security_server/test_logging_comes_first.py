"""Nothing accepted is lost: a record is durable before its message goes on."""

import pytest

from kerege.exchange.messagelog import Direction, LogRecord
from kerege.xroad.faults import XRoadError
from tests.server_parts import MemoryLog
from tests.servers import Pair
from tests.wire import answer

REFUSED = XRoadError("logging_failed", "The disk is full")


class FailingLog(MemoryLog):
    """Refuses the records of one direction."""

    def __init__(self, direction: Direction) -> None:
        super().__init__()
        self.direction = direction

    async def write(self, record: LogRecord) -> None:
        if record.direction is self.direction:
            raise REFUSED
        await super().write(record)


def directions(log: MemoryLog) -> list[Direction]:
    return [logged.record.direction for logged in log.records]


async def test_four_records_tell_of_one_message(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.service.answer = answer("201 Created", body=b"made")
        pair.offer("echo")
        got = await pair.send("POST", "echo/a?b=c", {"X-Road-Id": "id-1"}, b"please")
        assert got.status == 201
        for server, client_side in ((pair.consumer, True), (pair.provider, False)):
            assert directions(server.log) == [Direction.REQUEST, Direction.RESPONSE]
            asked, answered = server.log.records
            for record in (asked.record, answered.record):
                assert record.query_id == "id-1"
                assert record.x_request_id == got.get("x-road-request-id")
                assert record.client_id == pair.client
                assert record.service_id.service_code == "echo"
                assert record.client_side is client_side
            assert asked.body == b"please"
            assert answered.body == b"made"
        # Both servers keep the same signed bytes:
        for ours, theirs in zip(
            pair.consumer.log.records, pair.provider.log.records, strict=True
        ):
            assert ours.record.message == theirs.record.message
            assert ours.record.signature == theirs.record.signature
            assert ours.record.hash_chain == theirs.record.hash_chain


async def test_a_provider_that_cannot_log_a_request_calls_nobody(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.provider.log = FailingLog(Direction.REQUEST)
        pair.offer("echo")
        got = await pair.send("GET", "echo")
        assert got.get("x-road-error") == "server.serverproxy.logging_failed"
        assert pair.service.requests == []


@pytest.mark.parametrize("size", [0, 10, 200_000, 3_000_000])
async def test_a_provider_that_cannot_log_an_answer_does_not_sign_it_off(
    tmp_path, size
):
    async with Pair(tmp_path) as pair:
        pair.provider.log = FailingLog(Direction.RESPONSE)
        pair.service.answer = answer(body=b"x" * size)
        pair.offer("echo")
        got = await pair.send("GET", "echo")
        assert got.status == 500
        assert got.get("x-road-error") == "server.serverproxy.logging_failed"
        assert b"xx" not in got.body
        assert directions(pair.provider.log) == [Direction.REQUEST]
        assert directions(pair.consumer.log) == [Direction.REQUEST]


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_a_consumer_that_cannot_log_keeps_the_answer_to_itself(
    tmp_path, direction, size
):
    async with Pair(tmp_path) as pair:
        pair.consumer.log = FailingLog(direction)
        pair.service.answer = answer(body=b"x" * size)
        pair.offer("echo")
        got = await pair.send("POST", "echo", body=b"y" * size)
        assert got.status == 500
        assert got.get("x-road-error") == "server.clientproxy.logging_failed"
        assert b"xx" not in got.body


async def test_a_refused_request_is_logged_by_the_one_who_signed_it(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo", to=())
        got = await pair.send("GET", "echo")
        assert got.get("x-road-error") == "server.serverproxy.access_denied"
        assert directions(pair.consumer.log) == [Direction.REQUEST]
        assert directions(pair.provider.log) == []


async def test_the_real_log_keeps_what_was_said(tmp_path):
    pair = Pair(tmp_path, service_answer=answer(body=b"z" * 2_000_000))
    pair.consumer.real_log = pair.provider.real_log = True
    async with pair:
        pair.offer("echo")
        for _ in range(3):
            got = await pair.send("POST", "echo", body=b"y" * 2_000_000)
            assert got.status == 200
            assert got.body == b"z" * 2_000_000
        kept = list((pair.consumer.folder / "spool").glob("*.body"))
        assert len(kept) == 6
        assert not list((pair.consumer.folder / "spool").glob("*.spool"))
