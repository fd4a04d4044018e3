"""A worker's side of `lending`: it accepts on sockets of others for a while."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

Listen = Callable[[str, socket.socket], Awaitable[Callable[[], None]]]
"""Accepts on a socket of a port, given by its name; returns what ends that."""


class LentSockets:
    """What has been lent to this worker. Requests are carried out one by one."""

    def __init__(self, listen: Listen) -> None:
        """Accept with ``listen``."""
        self._listen = listen
        self._ends: dict[int, Callable[[], None]] = {}
        self._one_by_one = asyncio.Lock()

    async def adopt(self, loan: int, port: str, descriptor: int) -> None:
        """Accept on a listening socket, which is ours from now on."""
        lent = socket.socket(fileno=descriptor)
        async with self._one_by_one:
            self._ends[loan] = await self._listen(port, lent)

    async def release(self, loan: int) -> None:
        """Accept there no longer."""
        async with self._one_by_one:
            end = self._ends.pop(loan, None)
            if end is not None:
                end()
