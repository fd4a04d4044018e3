"""The reading half of a client's connection: bytes to one answer at a time.

llhttp in strict mode refuses obs-fold. The reference unfolds it in the answers of
services, and old services fold, so a head is unfolded here, before the parser sees it;
for that a head is handed to the parser only when it is complete.

An answer that is framed neither by length nor by chunks ends with the connection.
"""

import asyncio
import re
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from kerege.exchange.http._body import Body
from kerege.exchange.http._limits import ClientLimits
from kerege.exchange.http._messages import NO_BODY_STATUSES
from kerege.exchange.http._parsing import HeadError, HeadReader
from kerege.exchange.http._ticks import Ticker
from kerege.exchange.http._wire import Wire
from kerege.exchange.http.errors import BadMessage

_END = b"\r\n\r\n"
_PROTOCOL = b"HTTP/"
_FOLD = re.compile(rb"[ \t]*\r\n[ \t]+")


class AnswerReader(Wire):
    """See the module. Methods named ``on_...`` are the parser's callbacks."""

    __slots__ = (
        "_fields",
        "_in_head",
        "_interim_left",
        "_is_interim",
        "_limits",
        "_parser",
        "_partial",
        "_quiet",
        "answer_body",
        "ends_with_connection",
        "index",
        "is_complete",
        "is_spoiled",
        "keeps_alive",
        "on_header",
        "reason",
        "sent_method",
        "status",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ticker: Ticker, limits: ClientLimits
    ) -> None:
        super().__init__(loop, ticker, limits.write_stall_seconds)
        self._limits = limits
        self._fields = HeadReader(limits.head_bytes, limits.header_count)
        self.on_header = self._fields.add
        self._parser: Any = None  # httptools is untyped
        self._partial = bytearray()
        self._quiet = 0
        self.is_spoiled = False
        """Whether something came that belongs to no answer."""
        self.expect("GET")
        self._in_head = False

    def expect(self, method: str) -> None:
        """Get ready for the answer to a request with ``method``."""
        self.sent_method = method
        self.status = 0
        self.reason = b""
        self.index: dict[bytes, bytes] = {}
        self.answer_body: Body | None = None
        self.keeps_alive = False
        self.ends_with_connection = False
        self.is_complete = False
        self._in_head = True
        self._is_interim = False
        self._interim_left = self._limits.interim_answers
        self._quiet = 0

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The headers of the answer at hand."""
        return self._fields.headers

    @property
    def has_begun(self) -> bool:
        """Whether any byte of an answer has come."""
        return bool(self._partial) or not self._in_head

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in Wire
        """Start parsing."""
        super().connection_made(transport)
        self._parser = HttpResponseParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop parsing."""
        super().connection_lost(exc)
        self._parser = None  # ends the circle of parser and connection

    def read(self, data: bytes) -> None:
        """Parse.

        Raises:
            BadMessage: this is not an answer, or is above our bounds.
        """
        try:
            while self._in_head and data:
                data = self._read_head(data)
            if data and not self.is_complete:
                self._quiet += len(data)
                self._parser.feed_data(data)
                if self._quiet > self._limits.head_bytes:
                    raise BadMessage("The answer's chunks or trailers are too long.")
            elif data:
                self.is_spoiled = True
        except HttpParserUpgrade as upgrade:
            raise BadMessage("The peer changed the protocol.") from upgrade
        except HttpParserError as error:
            if self.is_complete:
                self.is_spoiled = True
                return
            cause = error.__context__
            what = cause if isinstance(cause, HeadError) else error
            message = f"The answer is malformed: {what}"
            raise BadMessage(message) from error

    def _read_head(self, data: bytes) -> bytes:
        """Give the parser a complete head. Return what it has not been given.

        The common case, one complete head without folds, is given as it came, with
        all that follows.
        """
        if self._partial:
            start = max(0, len(self._partial) - len(_END))
            self._partial += data
            is_short = len(self._partial) <= self._limits.head_bytes
            if is_short and self._partial.find(_END, start) < 0:
                return b""
            data = bytes(self._partial)
        if not data.startswith(_PROTOCOL[: len(data)]):
            raise BadMessage("The answer is not HTTP.")
        end = data.find(_END)
        if end < 0 or end > self._limits.head_bytes:
            if len(data) > self._limits.head_bytes:
                raise BadMessage("The answer's headers are too long.")
            self._partial[:] = data
            return b""
        self._partial.clear()
        end += len(_END)
        is_folded = data.find(b"\r\n ", 0, end) > 0 or data.find(b"\r\n\t", 0, end) > 0
        if is_folded or self.sent_method == "HEAD" or data[9:10] == b"1":
            self._parser.feed_data(_FOLD.sub(b" ", data[:end]))
            if self.sent_method == "HEAD" and not self._in_head:
                self._end_without_body()
            return data[end:]
        self._parser.feed_data(data)
        return b""

    def _end_without_body(self) -> None:
        """End an answer to HEAD: llhttp would wait for a body."""
        if not self.is_complete:
            self.on_message_complete()
            self._parser = HttpResponseParser(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Start a head; behind a complete answer nothing may follow."""
        if self.is_complete:
            self.is_spoiled = True
        else:
            self._fields.begin()
            self.reason = b""

    def on_status(self, reason: bytes) -> None:
        """Take a piece of the reason phrase."""
        if not self.is_complete:
            self.reason += reason

    def on_headers_complete(self) -> None:
        """Understand the head."""
        if self.is_complete:
            return
        parser = self._parser
        index = self._fields.finish(len(self.reason), self._limits.head_bytes)
        status: int = parser.get_status_code()
        if status < 200:
            self._skip_interim(status)
            return
        length = index.get(b"content-length")
        is_chunked = b"transfer-encoding" in index
        is_empty = self.sent_method == "HEAD" or status in NO_BODY_STATUSES
        self.ends_with_connection = not (is_empty or is_chunked or length is not None)
        self.status = status
        self.index = index
        self.keeps_alive = parser.should_keep_alive()
        self.answer_body = Body(
            self,
            self._limits.body_buffer_bytes,
            is_present=not is_empty,
            length=0 if is_empty else None if length is None else int(length),
        )
        self._in_head = False

    def on_body(self, chunk: bytes) -> None:
        """Take a piece of the body."""
        self._quiet = 0
        if self.answer_body is not None and not self.is_complete:
            self.answer_body.feed(chunk)

    def on_message_complete(self) -> None:
        """End the answer, or an interim one."""
        if self._is_interim:
            self._is_interim = False
        elif self.answer_body is not None and not self.is_complete:
            self._fields.drop_trailers()
            self.is_complete = True
            self.answer_body.finish()

    def _skip_interim(self, status: int) -> None:
        self._interim_left -= 1
        if status <= 101 and status != 100:
            raise HeadError(502, "An interim answer changes the protocol.")
        if self._interim_left < 0:
            raise HeadError(502, "There are too many interim answers.")
        self._is_interim = True
