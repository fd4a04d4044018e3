"""Messages that come at the same time share a signature; each can be proved alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kerege.exchange.security_server.batches import MOST_MESSAGES, Batch
from kerege.exchange.security_server.settings import Settings, Signing
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import Part, SignatureData
from tests.servers import Pair

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Key:
    """Signs by naming what it signed; remembers the size of each batch."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.refused = b""

    def sign(
        self, messages: Sequence[Sequence[Part]], at: datetime
    ) -> list[SignatureData]:
        self.sizes.append(len(messages))
        assert at == NOON
        for parts in messages:
            if self.refused and parts[0].digest == SHA512.of(self.refused):
                raise XRoadError("cannot_create_signature", "Not this one")
        return [SignatureData(parts[0].digest) for parts in messages]


@pytest.fixture
def key() -> Key:
    return Key()


def parts(name: str) -> list[Part]:
    return [Part.of("/message.xml", name.encode())]


async def sign(batch: Batch, name: str) -> bytes:
    return (await batch.add(parts(name), NOON)).signature


async def test_a_message_without_company_is_signed_alone(key: Key):
    batch = Batch(key.sign)
    assert await sign(batch, "one") == SHA512.of(b"one")
    assert await sign(batch, "two") == SHA512.of(b"two")
    assert key.sizes == [1, 1]


async def test_messages_that_come_together_are_signed_together(key: Key):
    batch = Batch(key.sign)
    names = [f"m{number}" for number in range(5)]
    signed = await asyncio.gather(*(sign(batch, name) for name in names))
    assert signed == [SHA512.of(name.encode()) for name in names]
    assert key.sizes == [5]


async def test_a_full_batch_is_signed_at_once_and_nobody_is_left(key: Key):
    batch = Batch(key.sign)
    names = [f"m{number}" for number in range(2 * MOST_MESSAGES + 3)]
    futures = [batch.add(parts(name), NOON) for name in names]
    assert [future.done() for future in futures].count(True) == 2 * MOST_MESSAGES
    await asyncio.gather(*futures)
    assert key.sizes == [MOST_MESSAGES, MOST_MESSAGES, 3]


async def test_one_that_cannot_be_signed_does_not_take_the_others_down(key: Key):
    batch = Batch(key.sign)
    key.refused = b"m1"
    signed = await asyncio.gather(
        *(sign(batch, f"m{number}") for number in range(3)), return_exceptions=True
    )
    assert (signed[0], signed[2]) == (SHA512.of(b"m0"), SHA512.of(b"m2"))
    assert isinstance(signed[1], XRoadError)
    assert signed[1].code == "cannot_create_signature"


async def test_who_gave_up_is_not_signed_for(key: Key):
    batch = Batch(key.sign)
    left, stayed = batch.add(parts("left"), NOON), batch.add(parts("stayed"), NOON)
    left.cancel()
    assert (await stayed).signature == SHA512.of(b"stayed")
    assert key.sizes == [1]


async def test_if_all_gave_up_nothing_is_signed_and_the_next_one_is(key: Key):
    batch = Batch(key.sign)
    batch.add(parts("left"), NOON).cancel()
    await asyncio.sleep(0)
    assert await sign(batch, "later") == SHA512.of(b"later")
    assert key.sizes == [1]


async def signatures_of_twenty(pair: Pair) -> tuple[list[bytes], list[bytes]]:
    """Send twenty messages at once; return the requests' signatures, the answers'."""
    pair.offer("echo")
    answers = await asyncio.gather(
        *(pair.send("POST", f"echo/{i}", body=b"hello %d" % i) for i in range(20))
    )
    assert [answer.status for answer in answers] == [200] * 20
    asked, answered = [], []
    for logged in pair.consumer.log.records:
        is_request = logged.record.message.startswith(b"POST")
        (asked if is_request else answered).append(logged.record.signature)
    assert (len(asked), len(answered)) == (20, 20)
    return asked, answered


async def test_two_servers_share_signatures_under_load(tmp_path):
    async with Pair(tmp_path) as pair:
        asked, answered = await signatures_of_twenty(pair)
        assert len(set(asked)) < 20
        assert 1 <= len(set(answered)) <= 20
        chains = {logged.record.hash_chain for logged in pair.provider.log.records}
        assert len(chains) == 40, "each message has its own way in the tree"


async def test_every_message_has_its_own_signature_where_the_setting_says_so(tmp_path):
    pair = Pair(tmp_path)
    for server in (pair.consumer, pair.provider):
        server.settings = replace(
            server.settings or Settings(), signing=Signing(batch=False)
        )
    async with pair:
        asked, answered = await signatures_of_twenty(pair)
        assert (len(set(asked)), len(set(answered))) == (20, 20)
