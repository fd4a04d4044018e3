"""Good messages among bad ones, dozens at a time: each gets its own answer.

What is tried in which order is random, but the same in every run.
"""

import asyncio
import random

from tests.attacks.messages import BODY, SIGNATURE
from tests.attacks.stage import soon, spool_files
from tests.wire import answer, request

MESSAGES = 150
AT_A_TIME = 24
SIZES = (0, 1, 5_000, 70_000, 1_200_000)


class Crowd:
    """Applications and strangers; each of their deeds ends well or is a failure."""

    def __init__(self, stage):
        self.stage = stage
        self.good = 0
        self.random = random.Random(7)  # noqa: S311 - no secret

    async def one(self, number):
        deeds = [self.asks, self.asks, self.asks, self.leaves, self.forges, self.lies]
        deed = self.random.choice(deeds)
        await deed(f"message {number} ".encode(), self.random.choice(SIZES))

    async def asks(self, mark, size):
        """Send a good message; its own body comes back."""
        body = (mark * (size // len(mark) + 1))[:size]
        got = await self.stage.pair.send("POST", "echo", body=body)
        assert (got.status, got.body) == (200, body)
        self.good += 1

    async def leaves(self, mark, size):
        """Hang up after part of a message."""
        headers = {"X-Road-Client": self.stage.pair.client.path}
        data = request("POST", self.stage.echo, headers, mark * (size // 10))
        port = self.stage.pair.consumer.ports.client
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data[: len(data) * 2 // 3])
        await writer.drain()
        writer.transport.abort()

    async def forges(self, mark, size):
        """Send the provider a message that was changed after it was signed."""
        body = mark * (size // 10 + 1)
        letter = self.stage.author.request(self.stage.echo, method="POST", body=body)
        forged = letter.with_content(BODY, b"forged " + body)
        assert await self.told(forged) == b"invalid_hash_chain"

    async def lies(self, mark, size):
        """Send the provider a message without signature."""
        del mark, size
        letter = self.stage.author.request(self.stage.echo).without(SIGNATURE)
        assert await self.told(letter) == b"missing_signature"

    async def told(self, letter):
        """Return the end of the code that a message gets."""
        who = self.stage.pair.instance.consumer.identity
        got = await self.stage.pair.provider.peer_call(letter.posted(), who)
        code = got.body.partition(b"</faultcode>")[0]
        return code.rpartition(b".")[2]


async def test_each_of_many_messages_gets_its_own_answer(stage, tmp_path):
    stage.pair.service.answer = lambda http: answer(body=http.body)
    crowd = Crowd(stage)
    gate = asyncio.Semaphore(AT_A_TIME)

    async def through(number):
        async with gate:
            await crowd.one(number)

    async with asyncio.TaskGroup() as group:
        for number in range(MESSAGES):
            group.create_task(through(number))
    assert crowd.good > MESSAGES // 3
    await soon(lambda: not spool_files(tmp_path))
    for server in (stage.pair.consumer, stage.pair.provider):
        asked = [r for r in server.log.records if r.record.direction.name == "REQUEST"]
        answered = [
            r for r in server.log.records if r.record.direction.name == "RESPONSE"
        ]
        assert len(answered) == crowd.good
        # An empty body has a part of its own in answers only.
        sent = {one.record.x_request_id: one.body or b"" for one in asked}
        assert all(sent[one.record.x_request_id] == one.body for one in answered)
    assert all(b"forged" not in called.body for called in stage.pair.service.requests)
    assert len(stage.pair.service.requests) == crowd.good
    await stage.succeeds()
