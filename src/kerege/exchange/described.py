"""Descriptions that callers ask for: fetched once at a time, read once for each version.

A description is fetched anew for each question, as in the reference; but questions for
one service that come together share a fetch, so that a slow service holds up nobody
else's, however often it is asked for. Reading takes up to a second of processor time
and much memory: it is done in a thread, for few at a time, and not again while the
document is the same.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from kerege.exchange.descriptions import Description

FETCHED_AT_ONCE = 8
"""Services whose descriptions one worker fetches at the same time."""
READ_AT_ONCE = 2
"""Descriptions that one worker reads at the same time."""
KEPT_BYTES = 4 * 1024 * 1024
"""Of descriptions that were read; those of a busy provider."""


class Described:
    """What one process has under way, and what it has read."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._fetching = asyncio.Semaphore(FETCHED_AT_ONCE)
        self._reading = asyncio.Semaphore(READ_AT_ONCE)
        self._under_way: dict[Hashable, asyncio.Task[Description]] = {}
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._size = 0

    async def fetched(
        self, key: Hashable, fetch: Callable[[], Awaitable[Description]]
    ) -> Description:
        """Return what ``fetch`` brings, or what one that is under way does.

        Args:
            key: What is the same for questions that may share a fetch.
            fetch: Fetches; its errors go to all who wait for it.
        """
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._fetch(fetch))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    async def read(
        self, content: bytes, kind: str, make: Callable[[bytes], bytes]
    ) -> bytes:
        """Return what ``make`` makes of a document, in a thread unless it is known.

        Args:
            content: The document.
            kind: Another one for another ``make``.
            make: Called with the document; its errors are not remembered.
        """
        key = hashlib.sha256(kind.encode() + b"\0" + content).digest()
        async with self._reading:
            made = self._kept.get(key)
            if made is None:
                made = await asyncio.to_thread(make, content)
                self._keep(key, made)
        return made

    async def _fetch(self, fetch: Callable[[], Awaitable[Description]]) -> Description:
        async with self._fetching:
            return await fetch()

    def _ended(self, key: Hashable, task: asyncio.Task[Description]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # looked at, also if nobody waits any more

    def _keep(self, key: bytes, made: bytes) -> None:
        if len(made) > KEPT_BYTES // 2 or key in self._kept:
            return
        self._kept[key] = made
        self._size += len(made)
        while self._size > KEPT_BYTES:
            self._size -= len(self._kept.popitem(last=False)[1])
