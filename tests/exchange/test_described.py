"""Descriptions that many ask for at the same time."""

import asyncio

import pytest

from kerege.exchange import described
from kerege.exchange.described import Described
from kerege.exchange.descriptions import Description
from kerege.xroad.faults import XRoadError

DOCUMENT = Description(b"a", "text/plain", "http://a/")


class Service:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: asyncio.Future[Description] = (
            asyncio.get_running_loop().create_future()
        )

    async def __call__(self) -> Description:
        self.asked += 1
        return await self.answer


async def waiting(known: Described, service: Service, number: int, key="a"):
    """Start so many questions, and see them wait."""
    tasks = [asyncio.ensure_future(known.fetched(key, service)) for _ in range(number)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_questions_that_come_together_share_a_fetch():
    known, service = Described(), Service()
    tasks = await waiting(known, service, 20)
    service.answer.set_result(DOCUMENT)
    assert await asyncio.gather(*tasks) == [DOCUMENT] * 20
    assert service.asked == 1
    assert await known.fetched("a", service) == DOCUMENT
    assert service.asked == 2


async def test_a_slow_service_holds_up_nobody_else():
    known, slow, quick = Described(), Service(), Service()
    tasks = await waiting(known, slow, 50)
    quick.answer.set_result(DOCUMENT)
    assert await known.fetched("b", quick) == DOCUMENT
    slow.answer.set_result(DOCUMENT)
    await asyncio.gather(*tasks)


async def test_who_leaves_does_not_end_it_for_others():
    known, service = Described(), Service()
    first, second = await waiting(known, service, 2)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    service.answer.set_result(DOCUMENT)
    assert await second == DOCUMENT


async def test_a_failure_goes_to_all_and_is_not_remembered():
    known, service = Described(), Service()
    tasks = await waiting(known, service, 3)
    service.answer.set_exception(XRoadError("internal_error", "no"))
    for task in tasks:
        with pytest.raises(XRoadError, match="no"):
            await task
    again = Service()
    again.answer.set_result(DOCUMENT)
    assert await known.fetched("a", again) == DOCUMENT


async def test_a_failure_that_nobody_waits_for_is_no_noise():
    known, service = Described(), Service()
    (only,) = await waiting(known, service, 1)
    only.cancel()
    await asyncio.wait([only])
    service.answer.set_exception(XRoadError("internal_error", "no"))
    again = Service()
    again.answer.set_result(DOCUMENT)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await known.fetched("a", again) == DOCUMENT


async def test_no_more_than_so_many_are_fetched_at_once(monkeypatch):
    monkeypatch.setattr(described, "FETCHED_AT_ONCE", 2)
    known, services = Described(), [Service() for _ in range(3)]
    tasks = []
    for number, service in enumerate(services):
        tasks += await waiting(known, service, 1, key=number)
    assert [s.asked for s in services] == [1, 1, 0]
    for service in services:
        service.answer.set_result(DOCUMENT)
    await asyncio.gather(*tasks)
    assert [s.asked for s in services] == [1, 1, 1]


async def test_a_document_is_made_once_for_each_version(monkeypatch):
    known, made = Described(), []

    def make(content: bytes) -> bytes:
        made.append(content)
        return content.upper()

    assert [await known.read(c, "x", make) for c in (b"a", b"a", b"b")] == [
        b"A",
        b"A",
        b"B",
    ]
    assert made == [b"a", b"b"]
    await known.read(b"a", "y", make)
    assert len(made) == 3
    monkeypatch.setattr(described, "KEPT_BYTES", 4)
    for letter in (b"c", b"d", b"e", b"f"):
        await known.read(letter, "x", make)
    await known.read(b"a", "x", make)
    assert made[-1] == b"a"
