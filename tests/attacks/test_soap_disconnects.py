"""Somebody hangs up in the middle of a SOAP message with attachments.

As in `test_disconnects`: nothing of the message may stay, wherever it breaks off.
"""

import pytest

from tests.attacks.stage import Stage, soon
from tests.attacks.test_disconnects import MEGABYTE, Watch, application, peer
from tests.soap_parts import (
    RELATED,
    answering,
    ask,
    binary,
    envelope,
    fault_code,
    multipart,
    offer,
    posted,
)
from tests.wire import answer

LARGE = bytes(range(256)) * (4 * MEGABYTE // 256)
PLACES = [0.0001, 0.001, 0.5, 0.999]
"""In the headers, in the envelope, in the attachment, before the last delimiter."""


@pytest.fixture
async def soap_stage(stage: Stage) -> Stage:
    """The stage, with a SOAP service that has answered once."""
    service = offer(stage.pair)
    await ask(stage.pair, service)
    stage.pair.service.requests.clear()
    return stage


def service_of(stage: Stage):
    offered = stage.pair.provider.rights.services
    return next(one for one in offered if one.service_code == "getState")


async def succeeds(stage: Stage) -> None:
    service = service_of(stage)
    stage.pair.service.answer = answering(stage.pair, service)
    got = await ask(stage.pair, service)
    assert b"requestHash" in got.body


@pytest.mark.parametrize("arrived", PLACES)
async def test_an_application_that_leaves_while_it_sends(soap_stage, arrived):
    watch = Watch(soap_stage)
    pair = soap_stage.pair
    content = envelope(pair.client, service_of(soap_stage))
    data = posted(multipart(content, [binary(LARGE)]), RELATED)
    told = len(pair.consumer.exchanges)
    _, writer = await application(soap_stage, data[: int(len(data) * arrived)])
    await writer.drain()
    if arrived >= 0.5:
        await soon(lambda: watch.at_work)
    writer.transport.abort()
    if arrived > 0.0001:
        await soon(lambda: len(pair.consumer.exchanges) > told)
        assert pair.consumer.exchanges[-1].verdict == "client.io_error"
    await watch.nothing_at_work()
    assert pair.service.requests == []
    await succeeds(soap_stage)


async def test_an_application_that_leaves_while_it_is_answered(soap_stage):
    watch = Watch(soap_stage)
    pair = soap_stage.pair
    service = service_of(soap_stage)
    pair.service.answer = answering(pair, service, [binary(LARGE)])
    data = posted(envelope(pair.client, service))
    reader, writer = await application(soap_stage, data)
    assert (await reader.read(1000)).startswith(b"HTTP/1.1 200")
    writer.transport.abort()
    await watch.nothing_at_work()
    await succeeds(soap_stage)


@pytest.mark.parametrize("arrived", PLACES)
async def test_a_consumers_server_that_leaves_while_it_sends(soap_stage, arrived):
    watch = Watch(soap_stage)
    pair = soap_stage.pair
    content = envelope(pair.client, service_of(soap_stage))
    letter = soap_stage.author.soap_request(content, [LARGE])
    data = letter.posted(x_road_message_type=None, x_original_content_type=RELATED)
    told = len(pair.provider.exchanges)
    _, writer = await peer(soap_stage, data[: int(len(data) * arrived)])
    await writer.drain()
    if arrived >= 0.5:
        await soon(lambda: watch.at_work)
    writer.transport.abort()
    if arrived > 0.0001:
        await soon(lambda: len(pair.provider.exchanges) > told)
        verdict = pair.provider.exchanges[-1].verdict
        assert verdict.startswith("server.serverproxy.")
    await watch.nothing_at_work()
    assert pair.service.requests == []
    await succeeds(soap_stage)


async def test_a_consumers_server_that_leaves_while_it_is_answered(soap_stage):
    watch = Watch(soap_stage)
    pair = soap_stage.pair
    service = service_of(soap_stage)
    pair.service.answer = answering(pair, service, [binary(bytes(30 * MEGABYTE))])
    letter = soap_stage.author.soap_request(envelope(pair.client, service))
    data = letter.posted(x_road_message_type=None)
    reader, writer = await peer(soap_stage, data)
    assert (await reader.read(1000)).startswith(b"HTTP/1.1 200")
    writer.transport.abort()
    await watch.nothing_at_work()
    assert pair.provider.exchanges[-1].verdict == "server.serverproxy.io_error"
    await succeeds(soap_stage)


@pytest.mark.parametrize("of_answer", [0.0, 0.3, 0.999])
async def test_a_service_that_hangs_up(soap_stage, of_answer):
    watch = Watch(soap_stage)
    pair = soap_stage.pair
    service = service_of(soap_stage)
    whole = answering(pair, service, [binary(LARGE)])
    whole = whole.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n", 1)
    pair.service.answer = whole[: int(len(whole) * of_answer)]
    got = await ask(pair, service, [binary(LARGE)])
    assert fault_code(got) == "server.serverproxy.service_failed.io_error"
    await watch.nothing_at_work()
    await succeeds(soap_stage)


async def test_a_service_that_refuses_before_it_has_read_all(soap_stage):
    """An early refusal ends the sending too, and is the service's fault."""
    watch = Watch(soap_stage)
    pair = soap_stage.pair
    pair.service.answer = answer("413 Too Large", {"Connection": "close"})
    got = await ask(pair, service_of(soap_stage), [binary(LARGE)])
    assert fault_code(got) == "server.serverproxy.service_failed.http_error"
    await watch.nothing_at_work()
    await succeeds(soap_stage)


async def test_a_hundred_who_leave_at_every_point_leave_nothing(soap_stage):
    watch = Watch(soap_stage)
    pair = soap_stage.pair
    content = envelope(pair.client, service_of(soap_stage))
    data = posted(multipart(content, [binary(b"x" * 800)]), RELATED)
    for cut in range(0, len(data), len(data) // 100):
        _, writer = await application(soap_stage, data[:cut])
        await writer.drain()
        writer.transport.abort()
    await watch.nothing_at_work()
    assert pair.service.requests == []
    await succeeds(soap_stage)
