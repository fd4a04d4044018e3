"""The admin port: a few pages for monitoring, over plain HTTP/1.1.

It reads one request line, answers, and closes: that is all that a probe or a scrape
needs, and little enough to be sure of. The message path's HTTP layer would bring
asyncio and TLS into a process that must stay small.

Bounds: what a request may have, how long it may take, how many are open at a time. Who
comes when there are too many takes the place of the one that has been silent longest.
Nothing of a request is used but its method and its path, which must be one that is
known; some pages also take a query, which they must judge.
"""

import json
import socket
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus

from kerege.exchange.supervisor.loop import Loop

MAX_HEAD_BYTES = 8192
"""Request line and headers; monitoring sends some hundred bytes."""
CONNECTION_SECONDS = 10.0
"""From the first byte to the last one; the slowest page waits for workers."""
MAX_CONNECTIONS = 32
JSON = "application/json"

Reply = Callable[[HTTPStatus, str, bytes], None]
"""Sends a page: status, media type, content. May be called later."""
Page = Callable[[Reply], None]
Query = Callable[[str, Reply], None]
"""Gets what stands behind the question mark of the address, too."""


class AdminPort:
    """Answers on one listening socket."""

    def __init__(
        self,
        loop: Loop,
        listener: socket.socket,
        pages: Mapping[str, Page],
        failed: Callable[[Exception], None],
        queries: Mapping[str, Query] | None = None,
    ) -> None:
        """Serve.

        Args:
            loop: Where to wait.
            listener: Stays its owner's.
            pages: By path.
            failed: Hears of a page that could not be made.
            queries: Pages that are asked for something, by path.
        """
        self._loop = loop
        self._listener = listener
        self.pages = pages
        self.failed = failed
        self.queries = queries or {}
        self._open: dict[_Connection, None] = {}
        """In the order in which they came."""
        loop.watch(listener, self._accept)

    def close(self) -> None:
        """Serve no longer."""
        self._loop.forget(self._listener)
        for connection in tuple(self._open):
            connection.close()

    def _accept(self) -> None:
        try:
            end, _ = self._listener.accept()
        except OSError:
            return
        if len(self._open) >= MAX_CONNECTIONS:
            self._drop_oldest_silent()
        if len(self._open) >= MAX_CONNECTIONS:  # all of them have asked
            end.close()
            return
        self._open[_Connection(self, self._loop, end)] = None

    def _drop_oldest_silent(self) -> None:
        for connection in self._open:
            if not connection.has_asked:
                connection.close()
                return

    def forget(self, connection: "_Connection") -> None:
        """Note that a connection is closed."""
        self._open.pop(connection, None)


class _Connection:
    """One request and its answer."""

    def __init__(self, port: AdminPort, loop: Loop, end: socket.socket) -> None:
        self._port = port
        self._loop = loop
        self._end = end
        self._head = b""
        self._answer = b""
        self._is_watched = True
        self._is_head_request = False
        self.has_asked = False
        """Whether its whole request has come."""
        end.setblocking(False)
        loop.watch(end, self._read)
        loop.timers.after(CONNECTION_SECONDS, self.close)

    def close(self) -> None:
        """End it; may be repeated."""
        if self._end.fileno() >= 0:
            self._unwatch()
            self._end.close()
            self._port.forget(self)

    def _unwatch(self) -> None:
        if self._is_watched:
            self._loop.forget(self._end)
            self._is_watched = False

    def _read(self) -> None:
        try:
            data = self._end.recv(MAX_HEAD_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._head += data
        if not data:
            self.close()
        elif b"\r\n\r\n" in self._head:
            self._unwatch()
            self.has_asked = True
            self._ask(self._head.partition(b"\r\n")[0])
        elif len(self._head) > MAX_HEAD_BYTES:
            self._unwatch()
            self._fail(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _ask(self, line: bytes) -> None:
        method, _, rest = line.decode("latin-1").partition(" ")
        target, _, version = rest.rpartition(" ")
        page = self._page(target)
        self._is_head_request = method == "HEAD"
        if not version.startswith("HTTP/1."):
            self._fail(HTTPStatus.BAD_REQUEST)
        elif method not in ("GET", "HEAD"):
            self._fail(HTTPStatus.METHOD_NOT_ALLOWED)
        elif page is None:
            self._fail(HTTPStatus.NOT_FOUND)
        else:
            self._show(page)

    def _page(self, target: str) -> Page | None:
        path, _, query = target.partition("?")
        asked = self._port.queries.get(path)
        return partial(asked, query) if asked else self._port.pages.get(path)

    def _show(self, page: Page) -> None:
        """Have the page made; a bug in one must not end the whole server."""
        try:
            page(self._reply)
        except Exception as error:  # noqa: BLE001 - see above
            self._port.failed(error)
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _fail(self, status: HTTPStatus) -> None:
        known = ", ".join((*self._port.pages, *self._port.queries))
        content = {"error": status.phrase, "pages": f"GET {known}"}
        self._reply(status, JSON, json.dumps(content).encode() + b"\n")

    def _reply(self, status: HTTPStatus, media_type: str, content: bytes) -> None:
        if self._end.fileno() < 0:
            return  # it has waited for too long, or gone
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"Content-Type: {media_type}\r\nContent-Length: {len(content)}\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        self._answer = head.encode() + (b"" if self._is_head_request else content)
        self._loop.watch(self._end, self._write, writing=True)
        self._is_watched = True

    def _write(self) -> None:
        try:
            sent = self._end.send(self._answer)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._answer = self._answer[sent:]
        if not self._answer:
            self.close()
