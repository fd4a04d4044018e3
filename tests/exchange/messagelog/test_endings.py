"""What signatures share is stored once, and every signature comes back byte for byte."""

import asyncio
from pathlib import Path

import pytest
from alembic import command
from hypothesis import given, strategies as st
from sqlalchemy import event, func, select, text

from kerege.exchange.messagelog import Archiver, MessageLog, endings as module
from kerege.exchange.messagelog.endings import (
    Ending,
    Endings,
    remove_unused,
    upserts,
)
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import contents, endings
from kerege.exchange.storage.migrations import upgrade
from kerege.exchange.storage.migrations.runner import configuration
from kerege.xroad.signature import Part, SignatureTemplate, sign_messages
from tests.exchange.messagelog.authority import signer
from tests.exchange.messagelog.world import World, make_world, raises

FIRST_OCSP, LATER_OCSP = b"\x30\x82" + bytes(1500), b"\x30\x82" + bytes(1499) + b"\1"


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def signed(world: World, ocsp: bytes = FIRST_OCSP) -> bytes:
    """Sign a message of this moment, with this OCSP response."""
    one = signer()
    template = SignatureTemplate(one.certificate, one.algorithm, ocsp_responses=[ocsp])
    message = Part.of("/message.xml", str(world.clock()).encode())
    world.clock.forward(seconds=1)
    return sign_messages(template, one, [[message]], world.clock())[0].signature


async def write(world: World, log: MessageLog, ocsp: bytes, count: int) -> list[bytes]:
    written = [signed(world, ocsp) for _ in range(count)]
    for number, signature in enumerate(written):
        await log.write(world.record(f"q{number}", signature=signature))
    return written


def beginnings(world: World) -> list[int]:
    """Return how many bytes of each signature its record has."""
    question = select(func.length(contents.c.signature)).order_by(contents.c.record_id)
    with world.database.read() as connection:
        return list(connection.execute(question).scalars())


def count_endings(world: World) -> int:
    with world.database.read() as connection:
        return int(
            connection.execute(select(func.count()).select_from(endings)).scalar_one()
        )


async def test_from_the_second_signature_on_an_ending_is_stored_once(world: World):
    async with world.log() as log:
        written = await write(world, log, FIRST_OCSP, 4)

    assert [record.signature for record in world.stored()] == written
    assert count_endings(world) == 1
    whole, *rest = beginnings(world)
    assert whole == len(written[0])
    assert max(rest) < whole / 2


async def test_a_new_ocsp_response_is_a_new_ending(world: World):
    async with world.log() as log:
        written = await write(world, log, FIRST_OCSP, 2)
        written += await write(world, log, LATER_OCSP, 2)
        written += await write(world, log, FIRST_OCSP, 2)

    assert [record.signature for record in world.stored()] == written
    assert count_endings(world) == 2


async def test_two_processes_share_an_ending(world: World):
    async with world.log() as one, world.log() as other:
        written = await write(world, one, FIRST_OCSP, 2)
        written += await write(world, other, FIRST_OCSP, 2)

    assert [record.signature for record in world.stored()] == written
    assert count_endings(world) == 1


async def test_many_at_once_are_in_one_transaction_with_their_ending(world: World):
    async with world.log() as log:
        written = [signed(world) for _ in range(20)]
        records = [world.record(f"q{i}", signature=s) for i, s in enumerate(written)]
        await asyncio.gather(*(log.write(record) for record in records))

    assert [record.signature for record in world.stored()] == written
    assert count_endings(world) == 1


def test_what_is_no_signature_of_ours_stays_whole():
    split = Endings().split
    for strange in (
        b"",
        b"<signature/>",
        b"x" * 100_000,
        b"<SigningTime>" + bytes(100),
        b"SigningTime>" + bytes(module.LONGEST + 1),
    ):
        assert [split(strange) for _ in range(3)] == [(strange, None)] * 3


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_whatever_is_split_comes_together_again(pieces: list[bytes]):
    known = Endings()
    for piece in [*pieces, *pieces, *pieces]:
        signature = piece + b"<SigningTime>x</SigningTime>" + piece * 20 + bytes(900)
        beginning, ending = known.split(signature)
        assert beginning + (ending.data if ending else b"") == signature


def test_endings_that_never_come_again_are_not_kept():
    """Another implementation may have random identifiers where ours has none."""
    known = Endings()
    for number in range(1000):
        strange = b"<SigningTime>x</SigningTime>" + str(number).encode() + bytes(2000)
        assert known.split(strange) == (strange, None)
    assert len(known._seen) == module.MOST_ENDINGS


async def test_an_ending_goes_a_day_before_the_oldest_record_left(world: World):
    archiver = Archiver(world.database, world.policy, clock=world.clock, pause=id)
    async with world.log() as log:
        await write(world, log, FIRST_OCSP, 3)
        await log.job.run_once()
        archiver.archive()
        world.clock.forward(days=29)
        kept = await write(world, log, LATER_OCSP, 3)
        await log.job.run_once()
        archiver.archive()
        world.clock.forward(days=2)
        assert count_endings(world) == 2
        assert archiver.clean() == 3

    assert [record.signature for record in world.stored()] == kept
    assert count_endings(world) == 1


async def test_an_ending_in_use_for_long_is_noted_again_and_stays(world: World):
    async with world.log() as log:
        await write(world, log, FIRST_OCSP, 2)
        for _ in range(3):
            world.clock.forward(days=20)
            await write(world, log, FIRST_OCSP, 1)
            await log.job.run_once()
        archiver = Archiver(world.database, world.policy, clock=world.clock, pause=id)
        archiver.archive()
        archiver.clean()
        written = await write(world, log, FIRST_OCSP, 1)

    assert world.stored()[-1].signature == written[-1]
    assert count_endings(world) == 1


async def test_an_empty_log_keeps_its_endings(world: World):
    """A record may be on its way that names one."""
    with world.database.write() as connection:
        row = {"name": b"n", "last_record_id": 1, "data": b"d"}
        connection.execute(endings.insert().values(row))
    remove_unused(world.database)
    assert count_endings(world) == 1


async def test_unused_endings_are_locked_in_the_order_in_which_writers_lock_them(
    world: World,
):
    """Else a writer and the clean-up may each hold what the other waits for."""
    async with world.log() as log:
        await write(world, log, FIRST_OCSP, 1)
    with world.database.write() as connection:
        for name in (b"z", b"a", b"m"):  # the order in which a table is read
            row = {"name": name, "last_record_id": 1, "data": b"d"}
            connection.execute(endings.insert().values(row))
    locked = []

    def note(_c, _cursor, statement, parameters, _context, many):
        if statement.startswith("DELETE"):
            assert " IN " not in statement
            rows = parameters if many else [parameters]
            locked.extend(
                next(iter(r.values())) if isinstance(r, dict) else r[0] for r in rows
            )

    event.listen(world.database.engine, "before_cursor_execute", note)
    remove_unused(world.database)
    event.remove(world.database.engine, "before_cursor_execute", note)
    names = [bytes(getattr(name, "obj", name)) for name in locked]  # psycopg wraps them
    assert names == [b"a", b"m", b"z"]
    assert count_endings(world) == 0


async def test_a_lost_ending_is_named_and_not_passed_over(world: World):
    async with world.log() as log:
        await write(world, log, FIRST_OCSP, 2)
    with world.database.write() as connection:
        connection.execute(endings.delete())
    with raises("database_error"):
        world.stored()


async def test_a_time_stamp_inside_a_signature_makes_it_whole(world: World):
    async with world.log() as log:
        await write(world, log, FIRST_OCSP, 2)
        await log.timestamp(world.stored()[1].record_id)

    stamped = world.stored()[1]
    assert stamped.timestamp is not None
    assert stamped.timestamp.token
    assert b"SignatureTimeStamp" in stamped.signature
    assert beginnings(world)[1] == len(stamped.signature)


async def test_the_step_back_gives_every_record_its_whole_signature(world: World):
    async with world.log() as log:
        written = await write(world, log, FIRST_OCSP, 3)
    with world.database.write() as connection:
        command.downgrade(configuration(connection), "0006")
        question = text("SELECT signature FROM message_log_contents ORDER BY record_id")
        found = [bytes(each) for each in connection.execute(question).scalars()]
        upgrade(connection)

    assert found == written
    assert [record.signature for record in world.stored()] == written


async def test_an_ending_is_noted_although_its_first_transaction_failed(world: World):
    """Otherwise it would seem unused since long ago, and be removed with its record."""
    archiver = Archiver(world.database, world.policy, clock=world.clock, pause=id)
    async with world.log() as log:
        await write(world, log, FIRST_OCSP, 2)
        world.clock.forward(days=2)
        await write(world, log, LATER_OCSP, 1)
        await log.job.run_once()
        archiver.archive()
    world.clock.forward(days=29)
    async with world.log() as log:
        first = await write(world, log, FIRST_OCSP, 1)
        ids = log._ids.next
        collision = iter([world.stored()[-1].record_id])
        log._ids.next = lambda: next(collision, None) or ids()
        named = await write(world, log, FIRST_OCSP, 1)
        assert next(collision, None) is None
    assert archiver.clean() == 2

    assert [record.signature for record in world.stored()[-2:]] == first + named


def test_processes_note_endings_in_one_order():
    """Two that name the same ones the other way round would wait for each other."""
    one, other = Ending(b"one"), Ending(b"other")
    orders = []
    for named in ({one: 1, other: 2}, {other: 3, one: 4}):
        for _, rows in upserts(named, "?"):
            orders.append([one.name if one.name in row else other.name for row in rows])
    assert len(orders) == 4
    assert all(order == sorted(order) for order in orders)
