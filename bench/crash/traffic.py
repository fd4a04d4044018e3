"""A steady load of clients that note every answer they get, and the service they call."""

import asyncio
import contextlib
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from kerege.exchange.http import ClientPool, HttpError, Request, Response
from kerege.sandbox.layout import PORTAL, PORTAL_CLIENT, PROVIDER, Ports

SMALL = 500
MEBIBYTE = 1024 * 1024
Size = tuple[float, float]
"""Least and most bytes."""
Mix = tuple[tuple[float, Size, Size], ...]
"""How often, the request's size, the answer's."""
MIX: Mix = (
    (90, (SMALL, SMALL), (SMALL, SMALL)),
    (4, (1.1 * MEBIBYTE, 1.9 * MEBIBYTE), (SMALL, SMALL)),  # in a file
    (4, (SMALL, SMALL), (1.1 * MEBIBYTE, 1.9 * MEBIBYTE)),
    (1, (3.1 * MEBIBYTE, 4 * MEBIBYTE), (SMALL, SMALL)),  # more than is logged
    (1, (SMALL, SMALL), (3.1 * MEBIBYTE, 4 * MEBIBYTE)),
)
MOST_PAUSE_SECONDS = 0.1
REFUSED_PAUSE_SECONDS = 0.1
"""More, when the server is away: it starts sooner if nobody knocks all the time."""
READ_TIMEOUT_SECONDS = 30.0
BLOCK = 64 * 1024


@dataclass(slots=True)
class Answer:
    """An answer whose first bytes a client has received."""

    query_id: str
    request_size: int
    request_sha512: str
    size: int | None = None
    """None: it was cut off."""
    sha512: str = ""


async def service(request: Request) -> Response:
    """Answer with as many bytes as the query says."""
    async for _ in request.body:
        pass
    size = int(request.target.rpartition(b"=")[2])
    block = hashlib.sha512(request.header(b"x-road-id") or b"").digest() * 1024
    headers = [(b"Content-Type", b"application/octet-stream")]
    if size <= BLOCK:
        return Response(200, b"OK", headers, block[:size])
    headers.append((b"Content-Length", b"%d" % size))
    return Response(200, b"OK", headers, _blocks(block, size))


async def _blocks(block: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, size, len(block)):
        yield block[: size - at]


@dataclass(slots=True)
class Traffic:
    """Clients that ask until told to stop. An async context manager.

    Args:
        ports: The instance's.
        record: A file that gets a line for each answer, if it is wanted.
        seed: Decides sizes and pauses.
        clients: How many ask at the same time.
        mix: What they ask.
        rate: How many requests a second they make together, if the server keeps up;
            none: as fast as it answers, with short random pauses.
    """

    ports: Ports
    record: Path | None
    seed: int
    clients: int = 8
    mix: Mix = MIX
    rate: float | None = None
    answers: list[Answer] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    last_started: float = 0.0
    """When the latest request began that was answered; on the monotonic clock."""
    latencies: list[float] = field(default_factory=list)
    """Seconds until each whole answer; whoever reads them may empty the list."""
    _weights: list[float] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _stopping: bool = False

    async def __aenter__(self) -> Self:
        self._weights = [each[0] for each in self.mix]
        self._tasks = [
            asyncio.get_running_loop().create_task(self._client(number))
            for number in range(self.clients)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Ask no more; return when all clients have their answers."""
        self._stopping = True
        await asyncio.gather(*self._tasks)
        self._tasks.clear()

    async def answered_since(self, moment: float, seconds: float) -> float:
        """Wait for an answer to a request begun after ``moment``; return the seconds.

        Raises `TimeoutError` after ``seconds``.
        """
        async with asyncio.timeout(seconds):
            while self.last_started <= moment:
                self._notice_failures()
                await asyncio.sleep(0.01)
        return time.monotonic() - moment

    def _notice_failures(self) -> None:
        for task in self._tasks:
            if task.done() and not self._stopping:
                task.result()
                raise RuntimeError("A client has ended")

    async def _client(self, number: int) -> None:
        chance = random.Random(f"{self.seed}/{number}")
        count = 0
        turn = time.monotonic() + chance.uniform(0, 1)
        async with ClientPool() as pool:
            while not self._stopping:
                count += 1
                query_id = f"{self.seed}-{number}-{count}"
                turn = await self._wait_for(turn, chance)
                try:
                    await self._ask(pool, query_id, chance)
                except (HttpError, OSError) as error:
                    self.faults[type(error).__name__] += 1
                    await asyncio.sleep(REFUSED_PAUSE_SECONDS)

    async def _wait_for(self, turn: float, chance: random.Random) -> float:
        """Pause until a client's next request; return when the one after is due."""
        if self.rate is None:
            await asyncio.sleep(chance.uniform(0, MOST_PAUSE_SECONDS))
            return turn
        now = time.monotonic()
        await asyncio.sleep(max(turn - now, 0))
        return max(turn, now) + self.clients / self.rate

    async def _ask(
        self, pool: ClientPool, query_id: str, chance: random.Random
    ) -> None:
        _, asked, answered = chance.choices(self.mix, self._weights)[0]
        block = hashlib.sha512(query_id.encode()).digest()
        size = int(chance.uniform(*asked))
        body = (block * (size // len(block) + 1))[:size]
        target = (
            f"/r1/{PROVIDER.path}/address-fact/x?n={int(chance.uniform(*answered))}"
        )
        started = time.monotonic()
        response = await pool.request(
            (PORTAL.address, self.ports.client_http),
            method="POST",
            target=target.encode(),
            headers=[
                (b"X-Road-Client", PORTAL_CLIENT.path.encode()),
                (b"X-Road-Id", query_id.encode()),
                (b"Content-Type", b"application/octet-stream"),
            ],
            body=body,
            read_timeout=READ_TIMEOUT_SECONDS,
        )
        async with response:
            if fault := response.header(b"x-road-error"):
                self.faults[fault.decode()] += 1
                await response.body.read_all(MEBIBYTE)
                await asyncio.sleep(REFUSED_PAUSE_SECONDS)
                return
            answer = Answer(query_id, size, hashlib.sha512(body).hexdigest())
            self.answers.append(answer)
            with contextlib.ExitStack() as stack:
                stack.callback(self._write, answer)
                await self._read(response.body, answer)
            self.last_started = max(self.last_started, started)
            self.latencies.append(time.monotonic() - started)

    async def _read(self, body: AsyncIterator[bytes], answer: Answer) -> None:
        digest, size = hashlib.sha512(), 0
        async for chunk in body:
            digest.update(chunk)
            size += len(chunk)
        answer.size, answer.sha512 = size, digest.hexdigest()

    def _write(self, answer: Answer) -> None:
        if self.record is not None:
            with self.record.open("a", encoding="ascii") as file:
                file.write(json.dumps(asdict(answer)) + "\n")
