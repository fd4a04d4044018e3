"""Clients of a running server, for tests in which no message may be lost."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.servers import RunningServer, message


class Load:
    """Clients that send one message after another, and count what they see.

    Args:
        server: Where to.
        clients: How many of them.
        keep: Whether they keep their connections.
    """

    def __init__(
        self, server: RunningServer, clients: int = 6, *, keep: bool = True
    ) -> None:
        self.server = server
        self.clients = clients
        self.keep = keep
        self.answers = 0
        self.lost: list[str] = []
        self._is_over = False

    @contextmanager
    def running(self) -> Iterator["Load"]:
        thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        thread.start()
        try:
            self.until(self.clients)
            yield self
            self.until(self.answers + 3 * self.clients)
        finally:
            self._is_over = True
            thread.join()

    def until(self, answers: int) -> None:
        self.server.wait_for(lambda: self.answers >= answers, f"{answers} answers")

    async def _run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self.clients)))

    async def _client(self) -> None:
        address = (self.server.plan.address, self.server.ports.client_http)
        while not self._is_over:
            reader, writer = await asyncio.open_connection(*address)
            try:
                while not self._is_over and await self._one(reader, writer):  # noqa: ASYNC110 - a pause, not a wait
                    await asyncio.sleep(0.01)
            except (OSError, EOFError) as error:
                self.lost.append(repr(error))
            finally:
                writer.close()

    async def _one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Send a message over a kept connection; return whether it is still kept."""
        writer.write(message(close=not self.keep))
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length:
            await reader.readexactly(int(length[1]))
        if head.split()[1] not in (b"200", b"204"):
            self.lost.append(head.decode())
        self.answers += 1
        return b"connection: close" not in head.lower()
