"""A signed request that is delivered twice: counted and logged, or refused.

The one who sends it again is the sender's own server, or somebody with its TLS key: the
signature is good, and everything that is not signed may have been changed.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from kerege.exchange.security_server.replays import (
    GENERATION_MESSAGES,
    GENERATION_TIME,
    Replays,
    make_replays,
)
from kerege.exchange.security_server.seen_messages import (
    CLEANING_SECONDS,
    SeenMessages,
)
from kerege.exchange.security_server.settings import Security
from kerege.exchange.storage.seen_messages_table import seen_messages
from kerege.xroad.faults import XRoadError
from tests.attacks.messages import OCSP, REQUEST, SIGNATURE, Letter, Piece
from tests.instances import NOON

REFUSED = "server.serverproxy.invalid_message"
EVENT = "message replayed"


@pytest.fixture
def strict(stage, sqlite_database):
    """The provider refuses replays."""
    security = Security(refuse_replays=True)
    stage.pair.provider.runtime.replays = make_replays(security, sqlite_database)
    return stage


def told(stage):
    return [line for line in stage.logs if line["event"] == EVENT]


# Accepted, as in the reference.


async def test_a_replay_is_accepted_counted_and_logged(stage):
    letter = stage.author.request(stage.echo, method="POST", body=b"pay 100")
    await stage.peer_accepts(letter)
    assert told(stage) == []
    await stage.peer_accepts(letter)
    await stage.peer_accepts(letter)
    assert len(stage.pair.service.requests) == 3
    assert stage.pair.provider.runtime.replays.count == 2
    assert len(told(stage)) == 2
    line = told(stage)[0]
    assert line["client"] == str(stage.pair.client)
    assert line["service"].endswith("Service/echo")
    assert line["request_id"].startswith("00000000-0000-4000-9000-")
    assert line["refused"] is False
    assert line["log_level"] == "warning"


async def test_two_requests_that_ask_the_same_are_no_replay(stage):
    for _ in range(2):
        await stage.peer_accepts(stage.author.request(stage.echo))
        await stage.succeeds(headers={"X-Road-Id": "the application repeats its id"})
    assert stage.pair.provider.runtime.replays.count == 0
    assert told(stage) == []


async def test_a_message_that_was_refused_is_not_remembered(stage):
    """Else a stranger could make the real one look like a replay."""
    letter = stage.author.request(stage.echo)
    forged = letter.with_content(SIGNATURE, letter.of(SIGNATURE)[:-40])
    await stage.peer_refuses(
        "server.serverproxy.signature_verification.invalid_xml", forged
    )
    await stage.peer_accepts(letter)
    assert stage.pair.provider.runtime.replays.count == 0


# Refused, where the setting says so.


async def test_a_replay_is_refused_and_the_service_hears_nothing(strict):
    letter = strict.author.request(strict.echo, method="POST", body=b"pay 100")
    await strict.peer_accepts(letter)
    refused = await strict.peer_refuses(REFUSED, letter)
    assert b"has been received before" in refused.body
    assert len(strict.pair.service.requests) == 1
    assert len(strict.pair.provider.log.records) == 2
    assert strict.pair.provider.runtime.replays.count == 1
    assert [line["refused"] for line in told(strict)] == [True]
    await strict.succeeds()


DISGUISES = {
    "another boundary": lambda s, m: replace(m, boundary="another"),
    "another case of a header": lambda s, m: Letter(
        tuple(replace(p, headers="X-Other: 1\r\n") for p in m.pieces)
    ),
    "other OCSP responses": lambda s, m: Letter(
        (
            *(p for p in earlier(s).pieces if p.media_type == OCSP),
            *(p for p in m.pieces if p.media_type != OCSP),
        )
    ),
    "white space in the signature": lambda s, m: m.with_content(
        SIGNATURE, m.of(SIGNATURE).replace(b"</ds:Signature>", b"</ds:Signature>\n")
    ),
    "another signature by the same key": lambda s, m: s.author.sealed(
        [p for p in m.pieces if p.media_type == OCSP],
        Piece(REQUEST, m.of(REQUEST)),
        None,
    ),
}


def earlier(stage):
    """A message of five minutes ago, with the OCSP responses of then."""
    instance, at = stage.pair.instance, stage.author.at - timedelta(minutes=5)
    author = replace(stage.author, ocsp=lambda c: instance.ocsp_response(c, at))
    return author.request(stage.echo)


@pytest.mark.parametrize("what", DISGUISES)
async def test_a_replay_in_other_clothes_is_refused(strict, what):
    letter = strict.author.request(strict.echo)
    await strict.peer_accepts(letter)
    disguised = DISGUISES[what](strict, letter)
    await strict.peer_refuses(REFUSED, disguised)
    assert len(strict.pair.service.requests) == 1


@pytest.mark.parametrize("body", [None, b"pay 100"])
async def test_another_hash_algorithm_does_not_make_another_message(strict, body):
    letter = strict.author.request(strict.echo, method="POST", body=body)
    await strict.peer_accepts(letter)
    who = strict.pair.consumer.identity
    data = letter.posted(x_hash_algorithm="SHA-256")
    answer = await strict.pair.provider.peer_call(data, who)
    assert b"<faultcode>server.serverproxy." in answer.body
    assert len(strict.pair.service.requests) == 1


async def test_of_many_copies_at_one_time_one_passes(strict):
    letter = strict.author.request(strict.echo)
    who = strict.pair.consumer.identity
    provider = strict.pair.provider
    got = await asyncio.gather(
        *(provider.peer_call(letter.posted(), who) for _ in range(8))
    )
    assert sum(b"<faultcode>" in one.body for one in got) == 7
    assert len(strict.pair.service.requests) == 1


async def test_a_restart_and_another_worker_know_it_too(strict, sqlite_database):
    letter = strict.author.request(strict.echo)
    await strict.peer_accepts(letter)
    again = make_replays(Security(refuse_replays=True), sqlite_database)
    strict.pair.provider.runtime.replays = again
    await strict.peer_refuses(REFUSED, letter)
    assert len(strict.pair.service.requests) == 1
    assert again.count == 1


@pytest.mark.parametrize("hours", [-1.5, 1.5])
async def test_what_is_too_old_to_be_remembered_is_too_old_to_be_accepted(
    strict, hours
):
    """A batch of yesterday cannot come again when its claim is gone."""
    at = strict.pair.instance.at + timedelta(hours=hours)
    author = replace(strict.author, at=at)
    refused = await strict.peer_refuses(REFUSED, author.request(strict.echo))
    assert b"more than 3600 seconds from now" in refused.body
    assert strict.pair.service.requests == []
    await strict.succeeds()


async def test_without_its_database_a_strict_server_refuses_everything(
    strict, sqlite_database, monkeypatch
):
    letter = strict.author.request(strict.echo)
    with monkeypatch.context() as broken:
        broken.setattr(type(sqlite_database), "write", _broken_write)
        await strict.peer_refuses("server.serverproxy.database_error", letter)
    assert strict.pair.service.requests == []
    await strict.succeeds()


def _broken_write(self):
    raise OperationalError("INSERT", {}, Exception("disk I/O error"))


# The store.


async def test_a_claim_is_given_once(database):
    """Two workers, the same hundred messages, in opposite orders, at one time."""
    one, two = SeenMessages(database), SeenMessages(database)
    names = [f"{number:032}".encode() for number in range(100)]
    until = NOON + timedelta(hours=2)
    asked = [one.claim(name, until, NOON) for name in names]
    asked += [two.claim(name, until, NOON) for name in reversed(names)]
    got = await asyncio.gather(*asked)
    pairs = zip(got[:100], reversed(got[100:]), strict=True)
    assert all(sorted(pair) == [False, True] for pair in pairs)
    assert not await one.claim(names[0], until, NOON)


async def test_claims_whose_time_is_over_are_removed(database):
    seen = SeenMessages(database)
    await seen.claim(b"old", NOON + timedelta(hours=1), NOON)
    await seen.claim(b"young", NOON + timedelta(hours=9), NOON)
    seen._cleaned -= CLEANING_SECONDS
    await seen.claim(b"new", NOON + timedelta(hours=9), NOON + timedelta(hours=2))
    with database.read() as connection:
        kept = set(connection.execute(select(seen_messages.c.identity)).scalars())
    assert kept == {b"young", b"new"}


async def test_a_thousand_claims_share_transactions(database, monkeypatch):
    begun = []
    write = type(database).write
    monkeypatch.setattr(
        type(database), "write", lambda self: begun.append(1) or write(self)
    )
    seen = SeenMessages(database)
    until = NOON + timedelta(hours=1)
    names = [number.to_bytes(4) for number in range(1000)]
    assert all(await asyncio.gather(*(seen.claim(n, until, NOON) for n in names)))
    assert len(begun) <= 4
    with database.read() as connection:
        counted = select(func.count()).select_from(seen_messages)
        assert connection.execute(counted).scalar() == 1000


async def test_whoever_claims_hears_of_a_broken_database(database, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(type(database), "write", _broken_write)
        seen = SeenMessages(database)
        asked = [seen.claim(name, NOON, NOON) for name in (b"one", b"two")]
        got = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in got] == [XRoadError, XRoadError]
    assert {error.code for error in got} == {"database_error"}


# The memory.


def test_the_memory_of_a_process_is_bounded_by_number():
    replays = Replays()
    for number in range(3 * GENERATION_MESSAGES):
        assert not replays._is_remembered(number.to_bytes(32), NOON)
        assert len(replays._young) <= GENERATION_MESSAGES
        assert len(replays._old) <= GENERATION_MESSAGES
    newest = (3 * GENERATION_MESSAGES - 1).to_bytes(32)
    assert replays._is_remembered(newest, NOON)
    assert replays._is_remembered((2 * GENERATION_MESSAGES).to_bytes(32), NOON)
    assert not replays._is_remembered((0).to_bytes(32), NOON)


def test_the_memory_of_a_process_is_bounded_by_time():
    replays = Replays()
    assert not replays._is_remembered(b"first", NOON)
    later = NOON + GENERATION_TIME + timedelta(seconds=1)
    assert not replays._is_remembered(b"second", later)
    assert replays._is_remembered(b"first", later)
    much_later = later + GENERATION_TIME + timedelta(seconds=1)
    assert not replays._is_remembered(b"third", much_later)
    assert not replays._is_remembered(b"first", much_later)
