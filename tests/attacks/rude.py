"""Servers without manners."""

import asyncio
import socket
import ssl as tls
import struct
from typing import Self


class Talking:
    """Says one thing to whoever connects, and closes; None resets the connection."""

    def __init__(self, words: bytes | None, ssl: tls.SSLContext | None = None) -> None:
        self._words = words
        self._ssl = ssl

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._talk, "127.0.0.1", 0, ssl=self._ssl
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(1)
        if self._words is None:
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            writer.transport.abort()
        else:
            writer.write(self._words)
            writer.close()
