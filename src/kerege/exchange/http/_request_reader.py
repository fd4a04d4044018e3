"""The reading half of a server's connection: bytes to a queue of requests.

A request that breaks HTTP stands in the queue as the status that answers it, and is the
last one of its connection. A client that asks for an upgrade (Java's own does, for h2c)
is answered in HTTP/1.1, as RFC 9110, section 7.8 allows.
"""

import asyncio
from collections import deque
from typing import Any

from httptools import (
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from kerege.exchange.http._body import Body
from kerege.exchange.http._limits import Limits
from kerege.exchange.http._messages import Peername, Request
from kerege.exchange.http._parsing import HeadError, HeadReader
from kerege.exchange.http._ticks import Ticker
from kerege.exchange.http._wire import Wire
from kerege.exchange.http.errors import BadMessage, PeerClosed

JUST_CLOSE = 0
"""Stands in the queue for "close, without an answer"."""
UNKNOWN_METHOD = 1
"""Stands in the queue for "no method of HTTP"; the server may have words for it."""
_OVERFLOW = 4
"""How many times `Limits.pipelined` one read may bring."""


class RequestReader(Wire):
    """See the module. Methods named ``on_...`` are the parser's callbacks."""

    __slots__ = (
        "_body",
        "_head",
        "_is_last",
        "_limits",
        "_parser",
        "_peer",
        "_quiet",
        "_ready",
        "_target",
        "_upgrade",
        "continue_is_due",
        "is_deaf",
        "on_header",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ticker: Ticker, limits: Limits
    ) -> None:
        super().__init__(loop, ticker, limits.write_stall_seconds)
        self._limits = limits
        self._peer: Peername = ("", 0)
        self._head = HeadReader(limits.head_bytes, limits.header_count)
        self.on_header = self._head.add
        self._parser: Any = None  # httptools is untyped
        self._target = b""
        self._ready: deque[Request | int] = deque()
        self._body: Body | None = None  # of the message that the parser is in
        self._quiet = 0  # bytes since the parser last found something
        self._is_last = False  # the request just parsed ends the connection
        self._upgrade: bytes | None = None  # framing of a request that wants h2c
        self.continue_is_due = False  # the client waits for 100 before its body
        self.is_deaf = False  # what comes now is not parsed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in Wire
        """Start parsing."""
        super().connection_made(transport)
        name = transport.get_extra_info("peername")
        if isinstance(name, tuple):
            self._peer = (name[0], name[1])
        self._parser = HttpRequestParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the body under way."""
        super().connection_lost(exc)
        if self._body is not None:
            self._body.fail(PeerClosed(f"The client closed the connection ({exc})."))
        self.is_deaf = True
        self._parser = None  # ends the circle of parser and connection

    def read(self, data: bytes) -> None:
        """Parse, and queue the requests whose heads are complete."""
        self._quiet += len(data)
        self._parse(data)
        if self._quiet > self._limits.head_bytes:
            self._stumble(HeadError(431, "The headers are too long."))

    def refuse(self, status: int) -> None:
        """Answer ``status`` when the requests before are answered; then close."""
        if not self.is_deaf:
            self.is_deaf = True
            self._ready.append(status)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Start a head."""
        if self._upgrade is None:
            self._head.begin()
            self._target = b""
            self._quiet = self._quiet or 1

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target."""
        self._target += url

    def on_headers_complete(self) -> None:
        """Make a request of the head."""
        if self._upgrade is not None:
            return
        parser = self._parser
        index = self._head.finish(len(self._target), self._quiet)
        method: str = parser.get_method().decode("ascii")
        version: str = parser.get_http_version()
        self._check_head(method, version, index)
        if not self._target.startswith(b"/"):
            self._target = _origin_form(self._target)
        length = index.get(b"content-length")
        is_chunked = b"transfer-encoding" in index
        if parser.should_upgrade():
            self._upgrade = b"Content-Length: %b" % (length or b"0")
            if is_chunked:
                self._upgrade = b"Transfer-Encoding: chunked"
        self._body = body = Body(
            self,
            self._limits.body_buffer_bytes,
            is_present=is_chunked or length is not None,
            length=None if is_chunked else int(length or b"0"),
        )
        keep_alive: bool = parser.should_keep_alive()
        request = Request(
            method,
            self._target,
            self._head.headers,
            index,
            body,
            http_version=version,
            keep_alive=keep_alive,
            peer=self._peer,
            ssl_object=self.ssl_object,
        )
        self._is_last = not keep_alive
        expects = index.get(b"expect", b"")
        self.continue_is_due = version == "1.1" and expects.lower() == b"100-continue"
        self._quiet = 0
        self._ready.append(request)

    def on_body(self, chunk: bytes) -> None:
        """Take a piece of the body."""
        self._quiet = 0
        self.continue_is_due = False
        if self._body is not None:
            self._body.feed(chunk)

    def on_message_complete(self) -> None:
        """End the body. A request that wants an upgrade only seems to end here."""
        if self._body is not None and not self._upgrade:
            self._head.drop_trailers()
            self._body.finish()
            self._body = None
            self._quiet = 0

    # Parsing.

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except HttpParserInvalidMethodError as error:
            self._stumble(HeadError(UNKNOWN_METHOD, str(error)))
        except HttpParserError as error:
            cause = error.__context__
            if not isinstance(cause, HeadError):
                cause = HeadError(400, str(error))
            self._stumble(cause)

    def _check_head(self, method: str, version: str, index: dict[bytes, bytes]) -> None:
        """Refuse what llhttp lets through.

        Raises:
            HeadError: a version that is not ours; a missing or second Host (RFC 9112,
                section 3.2); chunks in HTTP/1.0, which a front server may not know
                (section 6.1); a fragment in the target; CONNECT.
        """
        if version != "1.1":
            if version != "1.0":
                raise HeadError(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
            if b"transfer-encoding" in index:
                raise HeadError(400, "HTTP/1.0 has no transfer coding.")
        elif b"host" not in index:
            raise HeadError(400, "There is no Host.")
        if len(index) != len(self._head.headers) and self._head.count(b"host") > 1:
            raise HeadError(400, "There is more than one Host.")
        if b"#" in self._target or not self._target.isascii():
            raise HeadError(400, "The target holds what no target may.")
        if method == "CONNECT":
            raise HeadError(400, "This is not a tunnel.")
        if len(self._ready) >= self._limits.pipelined * _OVERFLOW:
            raise HeadError(JUST_CLOSE, "Too many requests in one go.")

    def _stumble(self, error: HeadError) -> None:
        """Stop understanding: a head is refused, a body under way fails."""
        if self._body is not None:
            self._body.fail(BadMessage(f"The request is malformed: {error}."))
            self.is_deaf = True
        elif self._is_last:
            self.is_deaf = True  # only something behind the last request
        else:
            self.refuse(error.status)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Parse the body that llhttp takes for another protocol's bytes.

        A fresh parser is given a head with the same framing and no upgrade.
        """
        framing, self._upgrade = self._upgrade or b"", b""
        self._parser = HttpRequestParser(self)
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % framing)
        self._upgrade = None
        if rest:
            self._parse(rest)


def _origin_form(target: bytes) -> bytes:
    """Return path and query of an absolute target (RFC 9112, section 3.2.2).

    The other forms have neither and stay as they are.
    """
    scheme, mark, rest = target.partition(b"://")
    if not mark or scheme.lower() not in {b"http", b"https"}:
        return target
    path, question, query = rest.partition(b"?")
    return b"/" + path.partition(b"/")[2] + question + query
