"""A bare TLS transfer over loopback: what a body's way costs at the least.

Two processes, the contexts that Security Servers use, uvloop, nothing written to disk
and nothing looked at. The receiver answers with one byte when it has everything.
"""

import asyncio
import multiprocessing
import ssl
import time
from multiprocessing.connection import Connection

import uvloop

from bench.tls import identity
from kerege.exchange.tls import peer_client_context, peer_server_context

HERE = "127.0.0.1"
BLOCK = bytes(256 * 1024)


class _Receiver(asyncio.Protocol):
    """Counts, and answers when it has what was promised."""

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # we only make stream connections
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left == 0 and self._transport is not None:
            self._left = self._size
            self._transport.write(b"!")


class _Sender(asyncio.Protocol):
    """Sends a body as fast as the transport takes it; waits for the answer."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._full = False
        self._transport: asyncio.Transport | None = None
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # we only make stream connections
        self._transport = transport
        transport.set_write_buffer_limits(4 * len(BLOCK), len(BLOCK))

    def start(self) -> None:
        """Send until the transport is full, or all is sent."""
        while self._left and not self._full and self._transport is not None:
            block = BLOCK[: self._left]
            self._left -= len(block)
            self._transport.write(block)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self.start()

    def data_received(self, _: bytes) -> None:
        self.answered.set_result(None)


class Transfers:
    """A receiver and a sender that stand ready, for any number of transfers."""

    def __init__(self, size: int) -> None:
        context = multiprocessing.get_context("spawn")
        there, port = context.Pipe()
        self._receiver = context.Process(
            target=_receive, args=(port, size), daemon=True
        )
        self._receiver.start()
        port.close()  # so that one that fails is noticed
        self._orders, orders = context.Pipe()
        self._sender = context.Process(
            target=_send, args=(orders, there.recv(), size), daemon=True
        )
        self._sender.start()
        orders.close()
        self.cipher: str = self._orders.recv()
        """What was agreed on, for comparison."""

    def run(self) -> float:
        """Transfer the body once; return the seconds."""
        self._orders.send(True)
        return float(self._orders.recv())

    def close(self) -> None:
        """End both processes."""
        self._orders.send(False)
        self._sender.join()
        self._receiver.terminate()
        self._receiver.join()


def _receive(port: Connection, size: int) -> None:
    async def serve() -> None:
        context = peer_server_context(identity("rsa"))
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Receiver(size), HERE, 0, ssl=context)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


def _send(orders: Connection, port: int, size: int) -> None:
    async def transfer(context: ssl.SSLContext) -> tuple[float, str]:
        loop = asyncio.get_running_loop()
        transport, sender = await loop.create_connection(
            lambda: _Sender(size), HERE, port, ssl=context
        )
        started = time.perf_counter()
        sender.start()
        await sender.answered
        took = time.perf_counter() - started
        cipher: str = transport.get_extra_info("cipher")[0]
        transport.close()
        return took, cipher

    async def obey() -> None:
        context = peer_client_context(identity("rsa"))
        orders.send((await transfer(context))[1])
        while await asyncio.to_thread(orders.recv):
            orders.send((await transfer(context))[0])

    uvloop.run(obey())
