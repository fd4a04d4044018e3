"""HTTP/1.1 byte by byte, for tests: what was really sent, and answers as written.

* `Http` is one message: read from bytes or a file, chunks joined.
* `call` sends bytes as they are and returns the one answer.
* `RawServer` listens on loopback, keeps what it gets and answers with given bytes.

Nothing of the project's own HTTP layer is used, so that its mistakes show.
"""

import asyncio
import ssl as tls
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ANSWER_SECONDS = 20.0
"""A test that waits longer has failed."""
LINE_LIMIT = 16 * 1024 * 1024
NO_BODY = ("204", "304")


@dataclass(frozen=True)
class Http:
    """One HTTP message; text is ISO-8859-1, the body is without chunk framing."""

    start: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    raw: bytes = field(default=b"", repr=False)
    """As it was on the wire."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a recorded message."""
        return cls.parse(path.read_bytes())

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a whole message; without framing the body is what follows the head."""
        head, _, body = raw.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        message = cls(start, tuple((n, v.strip(" \t")) for n, v in pairs), body, raw)
        if (message.get("transfer-encoding") or "").lower() == "chunked":
            return cls(start, message.headers, dechunk(body), raw)
        return message

    def get(self, name: str) -> str | None:
        """Return the first header of this name."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        """Return the values of all headers of this name."""
        return [v for n, v in self.headers if n.lower() == name.lower()]

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.start.split(" ")[0]

    @property
    def target(self) -> str:
        """The target of a request."""
        return self.start.split(" ")[1]

    @property
    def status(self) -> int:
        """The status of an answer."""
        return int(self.start.split(" ")[1])


def request(
    method: str,
    target: str,
    headers: dict[str, str] | tuple[tuple[str, str], ...] = (),
    body: bytes | None = None,
) -> bytes:
    """Return a request; Host and, with a body, Content-Length are added."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    pairs.append(("Host", "localhost"))
    if body is not None:
        pairs.append(("Content-Length", str(len(body))))
    return _message(f"{method} {target} HTTP/1.1", pairs, body or b"")


def answer(
    status: str = "200 OK",
    headers: dict[str, str] | tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> bytes:
    """Return an answer; Content-Length is added."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    if status[:3] not in NO_BODY:
        pairs.append(("Content-Length", str(len(body))))
    return _message(f"HTTP/1.1 {status}", pairs, body)


def dechunk(data: bytes) -> bytes:
    """Join the chunks of a complete chunked body."""
    out = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        out.append(data[:length])
        data = data[length + 2 :]
    return b"".join(out)


async def call(
    host: str, port: int, data: bytes, *, ssl: tls.SSLContext | None = None
) -> Http:
    """Send ``data`` as it is on a new connection; return the answer.

    An answer without framing ends with the connection. One to HEAD has no body.
    """
    async with asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await asyncio.open_connection(
            host, port, ssl=ssl, limit=LINE_LIMIT
        )
        try:
            writer.write(data)
            is_head = data.startswith(b"HEAD ")
            while True:
                got = await _read(reader, to_end=True, has_body=not is_head)
                if not got.start.startswith("HTTP/1.1 1"):
                    return got
        finally:
            writer.transport.abort()


Answering = Callable[[Http], bytes | Awaitable[bytes]]


class RawServer:
    """Listens on loopback. `requests` is what came, in order.

    Args:
        answer: The bytes of every answer, or a function from the request to them,
            which may be async.
            Empty bytes close the connection; None never answers.
        host: A loopback address.
        ssl: A server context.
    """

    def __init__(
        self,
        answer: bytes | Answering | None = None,
        *,
        host: str = "127.0.0.1",
        ssl: tls.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.host = host
        self.requests: list[Http] = []
        self.port = 0
        self._ssl = ssl
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        scheme = "http" if self._ssl is None else "https"
        return f"{scheme}://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, self.host, 0, ssl=self._ssl, limit=LINE_LIMIT
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._open.add(writer)
        if (task := asyncio.current_task()) is not None:
            self._tasks.add(task)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, tls.SSLError):
            pass
        finally:
            writer.transport.abort()
            self._open.discard(writer)

    async def _serve_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; return whether the connection stays open."""
        got = await _read(reader, to_end=False)
        self.requests.append(got)
        if self.answer is None:
            await reader.read()
            return False
        made = self.answer if isinstance(self.answer, bytes) else self.answer(got)
        if not isinstance(made, bytes):
            made = await made
        writer.write(made)
        await writer.drain()
        sent = Http.parse(made)
        framed = sent.get("content-length") or sent.get("transfer-encoding")
        is_bodyless = sent.start.split(" ")[1:2] in [[s] for s in NO_BODY]
        stays = bool(framed or is_bodyless) and sent.get("connection") != "close"
        if not stays:
            writer.close()
            await writer.wait_closed()
        return stays


async def _read(
    reader: asyncio.StreamReader, *, to_end: bool, has_body: bool = True
) -> Http:
    head = await reader.readuntil(b"\r\n\r\n")
    found = Http.parse(head)
    status = found.start.split(" ")[1]
    if not has_body or (to_end and (status in NO_BODY or status.startswith("1"))):
        return found
    if (found.get("transfer-encoding") or "").lower() == "chunked":
        body = await _read_chunks(reader)
    elif (length := found.get("content-length")) is not None:
        body = await reader.readexactly(int(length))
    else:
        body = await reader.read() if to_end else b""
    return Http.parse(head + body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    out = []
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        chunk = await reader.readexactly(size + 2)
        out += [line, chunk]
        if size == 0:
            return b"".join(out)


def _message(start: str, pairs: list[tuple[str, str]], body: bytes) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in pairs), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
