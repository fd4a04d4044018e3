"""A message is logged: when the call returns, it is on stable storage."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from kerege.exchange.messagelog import Direction, LargeBodies, bodies
from kerege.exchange.spool import MEMORY_LIMIT, Spool
from kerege.exchange.storage import Database
from tests.exchange.messagelog.world import (
    CONSUMER,
    SERVICE,
    World,
    make_world,
    raises,
    spooled,
)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


async def test_a_request_comes_back_as_it_was_logged(world: World):
    logged = world.record(
        hash_chain_result=b"<result/>",
        hash_chain=b"<chain/>",
        body=Spool.of(b"body \0\xff"),
    )
    async with world.log() as log:
        await log.write(logged)

    (stored,) = world.stored()
    assert stored.time == world.clock()
    assert stored.direction is Direction.REQUEST
    assert stored.client_side
    assert (stored.query_id, stored.x_request_id) == ("q1", "request-q1")
    assert stored.message == logged.message
    assert stored.signature == logged.signature
    assert stored.hash_chain_result == b"<result/>"
    assert stored.hash_chain == b"<chain/>"
    assert [a.data for a in stored.attachments] == [b"body \0\xff"]
    assert stored.attachments[0].digest == hashlib.sha512(b"body \0\xff").digest()
    assert stored.timestamp is None
    assert not stored.archived


async def test_the_record_belongs_to_the_party_on_our_side(world: World):
    async with world.log() as log:
        await log.write(world.record("as client", client_side=True))
        await log.write(world.record("as provider", client_side=False))

    owners = {stored.query_id: stored.owner for stored in world.stored()}
    assert owners == {"as client": CONSUMER, "as provider": SERVICE.client_id}


async def test_many_messages_at_once_share_few_commits(world: World):
    async with world.log() as log:
        await asyncio.gather(*(log.write(world.record(f"q{i}")) for i in range(300)))
        assert log.waiting == 0

    stored = world.stored()
    assert sorted(s.query_id for s in stored) == sorted(f"q{i}" for i in range(300))
    assert len({s.record_id for s in stored}) == 300


async def test_an_empty_body_is_not_logged(world: World):
    async with world.log() as log:
        await log.write(world.record(body=Spool.of(b"")))

    assert world.stored()[0].attachments == ()


async def test_attachments_are_logged_in_order_unless_the_signature_has_a_chain(
    world: World,
):
    two = (Spool.of(b"ONE"), Spool.of(b"TWO"))
    async with world.log() as log:
        await log.write(world.record("alone", attachments=two))
        await log.write(world.record("batch", attachments=two, hash_chain=b"<c/>"))

    found = {s.query_id: [a.data for a in s.attachments] for s in world.stored()}
    assert found == {"alone": [b"ONE", b"TWO"], "batch": []}


async def test_a_large_body_becomes_a_file_of_the_log(world: World):
    data = b"x" * (MEMORY_LIMIT + 1)
    spool = await spooled(world.policy.bodies, data)
    async with world.log() as log:
        await log.write(world.record(body=spool))
    spool.discard()

    (attachment,) = world.stored()[0].attachments
    assert attachment.data is None
    assert attachment.size == len(data)
    assert world.files() == [attachment.file]
    assert b"".join(bodies.read(world.policy.bodies, attachment.file)) == data
    assert b"".join([chunk async for chunk in spool.chunks()]) == data


async def test_a_body_above_the_limit_leaves_its_digest_only(
    database: Database, tmp_path: Path
):
    world = make_world(database, tmp_path, max_body_bytes=2 * MEMORY_LIMIT)
    data = b"y" * (2 * MEMORY_LIMIT + 1)
    spool = await spooled(world.policy.bodies, data)
    async with world.log() as log:
        await log.write(world.record(body=spool))
    spool.discard()

    (attachment,) = world.stored()[0].attachments
    assert (attachment.data, attachment.file) == (None, None)
    assert attachment.size == len(data)
    assert attachment.digest == hashlib.sha512(data).digest()
    assert world.files() == []
    assert world.stored()[0].parts(world.policy.bodies).attachments == ()


async def test_a_forgotten_body_leaves_its_digest_also_where_more_may_be_logged_by_now(
    world: World,
):
    spool = Spool(world.policy.bodies, useful_bytes=MEMORY_LIMIT)
    await spool.write(b"z" * (MEMORY_LIMIT + 1))
    await spool.finish()
    async with world.log() as log:
        await log.write(world.record(body=spool))

    (attachment,) = world.stored()[0].attachments
    assert (attachment.data, attachment.file) == (None, None)
    assert attachment.digest == hashlib.sha512(b"z" * (MEMORY_LIMIT + 1)).digest()
    assert world.files() == []


async def test_no_policy_lets_more_be_logged_than_a_container_holds(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bodies, "MAX_LOGGED_BYTES", 10)
    world = make_world(database, tmp_path, max_body_bytes=10**12)
    attached = [Spool.of(b"01234"), Spool.of(b"01234"), Spool.of(b"0")]
    async with world.log() as log:
        await log.write(world.record(body=Spool.of(b"0123456789!")))
        await log.write(world.record(attachments=attached))

    body, attachments = (stored.attachments for stored in world.stored())
    assert [each.data for each in body] == [None]
    assert [each.data for each in attachments] == [b"01234", b"01234", None]


async def test_a_body_above_the_limit_is_refused_where_that_is_the_policy(
    database: Database, tmp_path: Path
):
    world = make_world(
        database, tmp_path, max_body_bytes=10, large_bodies=LargeBodies.REFUSE
    )
    async with world.log() as log:
        await log.write(world.record(body=Spool.of(b"0123456789")))
        with raises("logging_failed"):
            await log.write(world.record(body=Spool.of(b"0123456789!")))

    assert len(world.stored()) == 1


async def test_an_id_that_does_not_fit_is_refused_on_both_databases(world: World):
    async with world.log() as log:
        await log.write(world.record("ы" * 255))
        with raises("logging_failed"):
            await log.write(world.record("ы" * 256))

    assert len(world.stored()) == 1


async def test_one_message_that_the_database_refuses_takes_no_other_down(
    world: World,
):
    async with world.log() as log:
        results = await asyncio.gather(
            *(log.write(world.record(f"q{i}")) for i in range(5)),
            log.write(world.record("lone surrogate \udc80")),
            *(log.write(world.record(f"r{i}")) for i in range(5)),
            return_exceptions=True,
        )

    assert len([r for r in results if not isinstance(r, Exception)]) == 10
    assert getattr(results[5], "code", None) == "logging_failed"
    assert len(world.stored()) == 10


async def test_a_closed_log_refuses(world: World):
    log = world.log()
    async with log:
        await log.write(world.record())
    with raises("logging_failed"):
        await log.write(world.record())


async def test_what_waits_when_the_log_closes_is_written(world: World):
    log = world.log()
    async with log:
        tasks = [
            asyncio.ensure_future(log.write(world.record(f"q{i}"))) for i in range(50)
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)

    assert len(world.stored()) == 50


async def test_a_log_is_opened_again_after_a_restart(world: World):
    async with world.log() as log:
        await log.write(world.record("before"))
    world.clock.forward(seconds=1)
    async with world.log() as log:
        await log.write(world.record("after"))

    before, after = world.stored()
    assert (before.query_id, after.query_id) == ("before", "after")


async def test_who_stops_waiting_does_not_stop_the_log(world: World):
    async with world.log() as log:
        task = asyncio.ensure_future(log.write(world.record("left")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await log.write(world.record("stayed"))

    assert [s.query_id for s in world.stored()] == ["left", "stayed"]


async def test_a_second_body_that_cannot_be_stored_takes_the_first_along(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    one, two = [
        await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1)) for _ in range(2)
    ]
    assert two.path is not None
    two.path.unlink()
    async with world.log() as log:
        with raises("logging_failed"):
            await log.write(world.record(attachments=(one, two)))

    assert world.files() == []
