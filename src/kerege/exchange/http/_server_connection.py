"""One connection of a server: requests to the handler, answers to the wire.

States, in words:

* *idle*: nothing of a request has come. Ends with `idle_seconds`.
* *head*: a part of a head has come. Ends with 408 after `head_seconds`.
* *work*: one task runs the handler and writes its answer; requests that came behind it
  wait in order. While the handler waits for the body, the body must move.
* *linger*: the last answer is written and its request was not complete; what is still
  under way is dropped, then the connection is closed. Closing at once would make the
  kernel send a reset, which can destroy the answer before the client reads it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Protocol

from kerege.exchange.http._answering import AnswerWriter
from kerege.exchange.http._body import Body
from kerege.exchange.http._limits import Limits
from kerege.exchange.http._messages import Request, Response
from kerege.exchange.http._request_reader import (
    JUST_CLOSE,
    UNKNOWN_METHOD,
    RequestReader,
)
from kerege.exchange.http._ticks import Ticker
from kerege.exchange.http.errors import (
    BadMessage,
    BodyTooLarge,
    HttpError,
    PeerClosed,
    TimedOut,
)

Handler = Callable[[Request], Awaitable[Response]]
"""Answers a request. It may read the body or not."""
ErrorHook = Callable[[Request, Exception], Response | None]
"""Gets what a handler raised; gives the answer, or nothing for a bare 500."""
MethodHook = Callable[[], Response]
"""Answers a request whose method HTTP does not know; the body must be bytes."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REASONS = {408: "slow_headers", 431: "large_headers", 503: "too_many_connections"}
"""Why a request was refused before there was one, for metrics, by the status."""
_BAD_REQUEST = Response(400, b"Bad Request")


class Host(Protocol):
    """The server, as its connections see it."""

    loop: asyncio.AbstractEventLoop
    ticker: Ticker
    limits: Limits
    handler: Handler
    on_error: ErrorHook
    on_unknown_method: MethodHook | None
    add_date: bool
    always_close: bool
    is_closing: bool
    """Every answer is the last of its connection."""
    turns_away: bool
    """Connections without a request are closed."""
    on_refusal: Callable[[str], None]

    def opened(self, connection: "ServerConnection") -> bool:
        """Note a connection; false if there are too many."""

    def closed(self, connection: "ServerConnection") -> None:
        """Forget a connection."""


class ServerConnection(RequestReader):
    """See the module."""

    __slots__ = (
        "__weakref__",
        "_abandoned",
        "_current",
        "_deadline",
        "_head_is_timed",
        "_host",
        "_is_at_eof",
        "_is_lingering",
        "_linger_left",
        "_pipeline_is_paused",
        "_task",
        "_window_end",
        "_window_mark",
        "_window_of",
        "_writer",
    )

    def __init__(self, host: Host) -> None:
        super().__init__(host.loop, host.ticker, host.limits)
        self._host = host
        self._writer = AnswerWriter(self, add_date=host.add_date)
        self._current: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._abandoned: asyncio.TimerHandle | None = None
        self._pipeline_is_paused = False
        self._head_is_timed = False
        self._is_at_eof = False
        self._is_lingering = False
        self._linger_left = 0
        self._deadline = 0
        self._window_end = 0
        self._window_mark = 0
        self._window_of: Body | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in Wire
        """Start: the first request must come."""
        super().connection_made(transport)
        self._deadline = self.ticker.after(self._limits.head_seconds)
        if not self._host.opened(self):
            self.refuse(503)
            self._start_work()
        elif self._host.turns_away:  # it was shaking hands when the server stopped
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Read; start working when a request's head is there."""
        if self.is_deaf:
            self._drop(data)
            return
        self.read(data)
        if self._task is None:
            if self._ready:
                self._start_work()
            elif self._quiet and not self._head_is_timed:
                self._head_is_timed = True
                self._deadline = self.ticker.after(self._limits.head_seconds)
        elif len(self._ready) >= self._limits.pipelined:
            self._pause_pipeline()

    def eof_received(self) -> bool:
        """Answer what was asked completely before the client stopped sending."""
        if self._body is not None:
            self._body.fail(PeerClosed("The client closed before its request ended."))
        self.refuse(JUST_CLOSE)
        self._is_at_eof = True
        self._limit_patience()
        # TLS cannot be closed one way; its transport would only complain.
        return self._task is not None and self.ssl_object is None

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the handler end by itself, but not for ever.

        It learns when it reads or writes; one that waits for somebody else learns
        nothing, and would hold its place for as long as that takes.
        """
        super().connection_lost(exc)
        if self._task is None:
            self._host.closed(self)
        else:
            self._limit_patience()

    def _limit_patience(self) -> None:
        """Cancel the handler some time after its client has left, or said its last.

        A client that only closed its half of the connection still hears an answer that
        comes in time; the two cannot be told apart.
        """
        if self._task is not None and self._abandoned is None:
            patience = self._limits.abandoned_seconds
            self._abandoned = self.loop.call_later(patience, self._task.cancel)

    def on_tick(self, now: int) -> None:
        """Look at the deadlines."""
        super().on_tick(now)
        if self._task is not None:
            body = self._window_of
            if body is not None and body.is_waited_for and now >= self._window_end:
                self._judge_progress(body)
        elif self._deadline and now >= self._deadline:
            self._deadline = 0
            if self._quiet and not self._is_lingering:
                self.refuse(408)
                self._start_work()
            else:
                self.transport.close()

    # The body under way.

    def body_waits(self) -> None:
        """Ask for the body if the client waits for that; start to watch it."""
        if self.continue_is_due:
            self.continue_is_due = False
            self.transport.write(_CONTINUE)
        body = self._body
        if body is not None and (
            body is not self._window_of or self.ticker.now >= self._window_end
        ):
            self._watch(body)

    def _watch(self, body: Body) -> None:
        self._window_of = body
        self._window_mark = body.received
        self._window_end = self.ticker.after(self._limits.body_stall_seconds)

    def _judge_progress(self, body: Body) -> None:
        if body.received - self._window_mark < self._limits.body_minimum_bytes:
            if not self.is_deaf:  # else it has been told
                self._host.on_refusal("slow_body")
            self.is_deaf = True
            body.fail(TimedOut("The client sends its body too slowly."))
        else:
            self._watch(body)

    # Working.

    def _start_work(self) -> None:
        self._deadline = 0
        self._task = self.loop.create_task(self._work())

    async def _work(self) -> None:
        """Answer the waiting requests in order, until there are none."""
        keep = True
        try:
            while keep and self._ready:
                item = self._ready.popleft()
                if isinstance(item, int):
                    keep = self._say_last(item)
                else:
                    self._current = item
                    keep = await self._answer(item)
                    self._current = None
        except BaseException as error:
            self.transport.abort()
            if not isinstance(error, Exception):
                raise
            self._report("A connection failed.", error)
            keep = False
        finally:
            self._current = self._window_of = self._task = None
            if self._abandoned is not None:
                self._abandoned.cancel()
                self._abandoned = None
            if self.is_lost:
                self._host.closed(self)
        if keep:
            self._await_next()

    async def _answer(self, request: Request) -> bool:
        """Run the handler and write its answer; return whether to go on."""
        host, writer, body = self._host, self._writer, request.body
        writer.head_is_sent = False
        try:
            response = await host.handler(request)
            close = host.always_close or host.is_closing or not request.keep_alive
            close = close or not body.is_complete
            keep = await writer.write(request, response, close=close)
        except Exception as error:  # noqa: BLE001  whatever a handler raises is a 500
            await self._answer_failure(request, error)
            keep = False
        if body.is_paused:
            body.discard()
        if keep:
            if self._pipeline_is_paused and len(self._ready) < self._limits.pipelined:
                self._resume_pipeline()
        else:
            self._end(is_complete=body.is_complete)
        return keep

    async def _answer_failure(self, request: Request, error: Exception) -> None:
        """Say what failed, if that can still be said."""
        status = _status_for(request.body, error)
        response = None
        if status == 500 and not (self.is_lost and isinstance(error, HttpError)):
            response = self._call_hook(request, error)
        if self._writer.head_is_sent:
            # A reset tells the client that the answer it has is not the whole.
            self.transport.abort()
        elif not self.is_lost and not await self._write_hooked(request, response):
            self._say_bare(status)

    async def _write_hooked(self, request: Request, response: Response | None) -> bool:
        """Write the error hook's answer; return whether nothing more can be said."""
        if response is None:
            return False
        try:
            await self._writer.write(request, response, close=True)
        except Exception as error:  # noqa: BLE001  then a bare answer must do
            self._call_hook(request, error)
            if self._writer.head_is_sent:
                self.transport.abort()
        return self._writer.head_is_sent

    def _say_bare(self, status: int) -> None:
        hook = self._host.on_unknown_method
        if status == UNKNOWN_METHOD:
            self._writer.write_last(hook() if hook else _BAD_REQUEST)
        elif status != JUST_CLOSE:
            phrase = HTTPStatus(status).phrase.encode()
            self._writer.write_last(Response(status, phrase))

    def _call_hook(self, request: Request, error: Exception) -> Response | None:
        try:
            return self._host.on_error(request, error)
        except Exception as second:  # noqa: BLE001  the loop's handler reports it
            self._report("The error hook failed.", second)
            return None

    def _report(self, message: str, error: Exception) -> None:
        """Tell the loop's exception handler of a mistake of ours."""
        context = {"message": message, "exception": error}
        self.loop.call_exception_handler(context)

    def _say_last(self, status: int) -> bool:
        """Write a bare answer, if there is one to give, and end the connection."""
        if status != JUST_CLOSE:
            self._host.on_refusal(_REASONS.get(status, "malformed"))
        self._say_bare(status)
        self._end(is_complete=status == JUST_CLOSE)
        return False

    # Between messages, and the end.

    def stop(self) -> None:
        """Close when idle; the answer at work is the last one."""
        if self._task is None and not self._is_lingering:
            self.transport.close()

    def kill(self) -> None:
        """Close now, whatever is under way."""
        if self._task is not None:
            self._task.cancel()
        self.transport.abort()

    def _await_next(self) -> None:
        if self._host.turns_away and not self._quiet:
            self.transport.close()
            return
        limits = self._limits
        self._head_is_timed = bool(self._quiet)
        seconds = limits.head_seconds if self._quiet else limits.idle_seconds
        self._deadline = self.ticker.after(seconds)

    def _end(self, *, is_complete: bool) -> None:
        """Close; or, if more of the request is under way, linger first."""
        self.is_deaf = True
        self._ready.clear()
        if self.is_lost or self.transport.is_closing():
            return
        if is_complete or self._is_at_eof:
            self.transport.close()
            return
        self._is_lingering = True
        self._linger_left = self._limits.linger_bytes
        self._deadline = self.ticker.after(self._limits.linger_seconds)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._resume_pipeline()

    def _drop(self, data: bytes) -> None:
        if self._is_lingering:
            self._linger_left -= len(data)
            if self._linger_left <= 0:
                self.transport.abort()
        elif self._task is not None:
            self._pause_pipeline()

    def _pause_pipeline(self) -> None:
        if not self._pipeline_is_paused:
            self._pipeline_is_paused = True
            self.pause_body()

    def _resume_pipeline(self) -> None:
        if self._pipeline_is_paused:
            self._pipeline_is_paused = False
            self.resume_body()


def _status_for(body: Body, error: Exception) -> int:
    """Return the status for what a handler raised: 500 unless the body was at fault."""
    if error is not body.error:
        return 500
    match error:
        case BodyTooLarge():
            return 413
        case TimedOut():
            return 408
        case BadMessage():
            return 400
        case _:
            return JUST_CLOSE
