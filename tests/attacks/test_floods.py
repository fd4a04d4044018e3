"""A client that floods its server takes nothing from the others."""

import asyncio
from dataclasses import replace

from kerege.exchange.storage.server_configuration import ClientLimits, Side
from tests.attacks.stage import CONSUMER, PROVIDER, SOON_SECONDS, Stage
from tests.wire import Http, answer

FLOOD = 60
MOST = 3
"""Messages that the flooding client may have under way, or send at once."""
SLOW = 0.001
"""Messages per second: no other one as long as the test takes."""


def limit(stage: Stage, side: Side, **bounds) -> None:
    pair = stage.pair
    server = pair.consumer if side is Side.CLIENT else pair.provider
    given = {(side, pair.client): ClientLimits(**bounds)}
    server.rights = replace(server.rights, client_limits=given)


async def test_a_client_that_floods_leaves_the_service_to_others(stage: Stage):
    """Its messages hang at the service; all but three are refused before it."""
    pair = stage.pair
    other = {"X-Road-Client": pair.instance.consumer.clients[1].path}
    go, hanging = asyncio.Event(), asyncio.Semaphore(0)

    async def hangs(got: Http) -> bytes:
        if got.target == "/flood":
            hanging.release()
            await go.wait()
        return answer(body=b"ok")

    pair.service.answer = hangs
    for side, noticed in ((Side.CLIENT, CONSUMER), (Side.SERVER, PROVIDER)):
        go.clear()
        limit(stage, side, messages_at_once=MOST)
        before = len(pair.service.requests)
        async with asyncio.timeout(SOON_SECONDS), asyncio.TaskGroup() as group:
            flood = [
                group.create_task(pair.send("GET", "echo/flood")) for _ in range(FLOOD)
            ]
            for _ in range(MOST):
                await hanging.acquire()
            # While those hang, everything of the other client passes.
            for _ in range(5):
                await stage.succeeds(headers=other)
            while sum(task.done() for task in flood) < FLOOD - MOST:
                await asyncio.wait(
                    [task for task in flood if not task.done()],
                    return_when=asyncio.FIRST_COMPLETED,
                )
            assert len(pair.service.requests) - before == MOST + 5
            go.set()
        codes = [task.result().get("x-road-error") for task in flood]
        assert codes.count(None) == MOST
        assert codes.count(f"{noticed}.action_not_possible") == FLOOD - MOST
        pair.consumer.rights = replace(pair.consumer.rights, client_limits={})
    await stage.succeeds()


async def test_a_flood_is_one_line_of_its_own_and_costs_no_log_record(stage: Stage):
    limit(stage, Side.CLIENT, messages_per_second=SLOW, burst=MOST)
    for number in range(FLOOD):
        if number < MOST:
            await stage.succeeds()
        else:
            await stage.refuses(f"{CONSUMER}.action_not_possible")
    lines = [line for line in stage.logs if line["event"] == "client over limit"]
    assert len(lines) == 1
    for server in (stage.pair.consumer, stage.pair.provider):
        assert len(server.log.records) == 2 * MOST  # request and answer
    assert len(stage.pair.service.requests) == MOST


async def test_bodies_of_a_flood_reach_no_disk(stage: Stage):
    """Each would be a file of 2 MB at the provider's server."""
    limit(stage, Side.SERVER, request_bytes=1000)
    path = stage.pair.provider.folder / "spool"
    for _ in range(5):
        await stage.refuses(
            f"{PROVIDER}.invalid_message", method="POST", body=b"x" * 2_000_000
        )
        assert not list(path.glob("body-*.spool"))
    assert stage.pair.provider.log.records == []
