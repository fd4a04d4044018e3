"""The client for code without asyncio.

It is the asyncio client on an event loop in a thread of its own: one implementation of
time-outs, TLS and bounds, connections shared by all calling threads, no further
dependency. A call costs one hand-over between threads, about a tenth of a millisecond.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Self, TypeVar, Unpack

from kerege.exchange.client.aio import (
    MAX_ANSWER_BYTES,
    TIMEOUT_SECONDS,
    AsyncClient,
    Service,
)
from kerege.exchange.client.errors import NoAnswer
from kerege.exchange.client.exchanging import CHUNK_BYTES, AsyncStreamedResponse
from kerege.exchange.client.request import Body, Call, CallOptions, CallPath
from kerege.exchange.client.response import Head, Response
from kerege.exchange.client.sending import HandedOver, is_made_on_the_way
from kerege.exchange.client.soap import SoapOptions, build_soap_call
from kerege.exchange.client.soap_answer import SoapResponse
from kerege.exchange.client.tls import TLS
from kerege.xroad.identifiers import ClientId

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""How often a waiting call looks whether the client's thread is still there."""
GRACE_SECONDS = 0.1
"""For calls whose connection was just closed, to say so themselves."""


class Client:
    """Calls services in the name of one client; keeps connections open.

    Use it with ``with``, or call `close`. May be used by many threads at once, and
    after a fork.
    """

    def __init__(
        self,
        server: str,
        client: ClientId | str,
        *,
        user_id: str = "",
        timeout: float = TIMEOUT_SECONDS,
        tls: TLS | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """Open nothing yet. Arguments and errors are those of `AsyncClient`."""

        def make() -> AsyncClient:
            return AsyncClient(
                server,
                client,
                user_id=user_id,
                timeout=timeout,
                tls=tls,
                max_answer_bytes=max_answer_bytes,
            )

        made = make()  # whoever gave wrong arguments hears of it here
        self.server, self.client, self.user_id = made.server, made.client, user_id
        self._make = make
        self._lock = threading.Lock()
        self._worker: _Worker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def get(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with GET; see `request`."""
        return self.request("GET", service, path, **options)

    def post(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with POST; see `request`."""
        return self.request("POST", service, path, **options)

    def put(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with PUT; see `request`."""
        return self.request("PUT", service, path, **options)

    def patch(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with PATCH; see `request`."""
        return self.request("PATCH", service, path, **options)

    def delete(
        self, service: Service, path: CallPath = "", **options: Unpack[CallOptions]
    ) -> Response:
        """Call with DELETE; see `request`."""
        return self.request("DELETE", service, path, **options)

    def request(
        self,
        method: str,
        service: Service,
        path: CallPath = "",
        **options: Unpack[CallOptions],
    ) -> Response:
        """Call a service and return its answer; see `AsyncClient.request`."""
        worker, body = self._open_worker(), _handed_over(options)
        call = worker.client.request(method, service, path, **options)
        return worker.run(call, body)

    @contextmanager
    def stream(
        self,
        method: str,
        service: Service,
        path: CallPath = "",
        **options: Unpack[CallOptions],
    ) -> Iterator["StreamedResponse"]:
        """Call a service and give its answer before its body is here.

            with xroad.stream("GET", "DEV/GOV/1/archive/dump") as answer:
                for chunk in answer.chunks():
                    ...

        See `AsyncClient.stream`.
        """
        worker, body = self._open_worker(), _handed_over(options)
        opened = worker.client.stream(method, service, path, **options)
        answer = worker.run(opened.__aenter__(), body)
        try:
            yield StreamedResponse(answer, worker)
        finally:
            with suppress(NoAnswer):  # closed meanwhile, and the connection with it
                worker.run(opened.__aexit__(None, None, None))

    def soap(
        self,
        service: Service,
        body: bytes | str,
        **options: Unpack[SoapOptions],
    ) -> SoapResponse:
        """Call a SOAP service and return its answer; see `AsyncClient.soap`."""
        if self.user_id and not options.get("user_id"):
            options["user_id"] = self.user_id
        call = build_soap_call(self.client, service, body, options)
        http, content = _made_here(call.as_http(self.server))
        worker = self._open_worker()
        return worker.run(worker.client.answer_to(call, http, options), content)

    def wsdl(self, service: Service, **options: Unpack[SoapOptions]) -> bytes:
        """Return the WSDL of a SOAP service; see `AsyncClient.wsdl`."""
        worker = self._open_worker()
        return worker.run(worker.client.wsdl(service, **options))

    def send_soap(self, http: Call, options: SoapOptions) -> Response:
        """Send a call that is built already; see `AsyncClient.send_soap`."""
        worker = self._open_worker()
        http, content = _made_here(http)
        return worker.run(worker.client.send_soap(http, options), content)

    def _open_worker(self) -> "_Worker":
        with self._lock:
            if self._worker is None or not self._worker.is_ours():
                self._worker = _Worker(self._make)
            return self._worker


class StreamedResponse(Head):
    """An answer whose body is still on its way; see `Client.stream`."""

    __slots__ = ("_answer", "_worker", "headers", "query_id", "reason", "status")

    def __init__(self, answer: AsyncStreamedResponse, worker: "_Worker") -> None:
        """Read ``answer`` on the worker's loop."""
        self._answer, self._worker = answer, worker
        self.status = answer.status
        self.reason = answer.reason
        self.headers = answer.headers
        self.query_id = answer.query_id

    def __repr__(self) -> str:
        return repr(self._answer)

    def chunks(self, most: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Give the body once; see `AsyncStreamedResponse.chunks`."""
        chunks = self._answer.chunks(most)
        while (chunk := self._worker.run(_next(chunks))) is not None:
            yield chunk


class _Worker:
    """A thread with an event loop, and the client that lives there."""

    def __init__(self, make: Callable[[], AsyncClient]) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self.client = make()
        thread = threading.Thread(
            target=_run_loop,
            args=(self._loop, self.client),
            name="kerege-client",
            daemon=True,
        )
        self._thread = thread
        thread.start()
        # Also when nobody closes it, and at the end of the program.
        self.close = weakref.finalize(self, _close, self._loop, thread, self._pid)

    def is_ours(self) -> bool:
        """Whether the thread is in this process; a fork leaves threads behind."""
        return self._pid == os.getpid()

    def run(self, work: Coroutine[Any, Any, T], body: HandedOver | None = None) -> T:
        """Do something on the loop, and wait for it, making the body meanwhile."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop is closed
            work.close()
            raise _closed() from None
        try:
            if body is not None:
                future.add_done_callback(lambda _: body.wake())
            while self._thread.is_alive():
                if body is not None and not future.done():
                    body.give_next(LOOK_SECONDS)
                elif wait((future,), LOOK_SECONDS).done:
                    return future.result()
        except CancelledError:
            raise _closed() from None
        except BaseException:
            future.cancel()  # Ctrl-C while waiting
            raise
        raise _closed()  # nobody is left who could do it


def _handed_over(options: CallOptions) -> HandedOver | None:
    """Put a body that this thread is to make into ``options``, and return it."""
    body = _to_be_made(options.get("data"))
    if body is not None:
        options["data"] = body
    return body


def _made_here(http: Call) -> tuple[Call, HandedOver | None]:
    """Return a call whose body this thread is to make, and the body."""
    body = _to_be_made(http.body)
    return (http, None) if body is None else (replace(http, body=body), body)


def _to_be_made(data: Body | None) -> HandedOver | None:
    if isinstance(data, bytes | str) or not isinstance(data, Iterable):
        return None
    return HandedOver(data) if is_made_on_the_way(data) else None


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


def _run_loop(loop: asyncio.AbstractEventLoop, client: AsyncClient) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.run_until_complete(_finish(client))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def _finish(client: AsyncClient) -> None:
    """Close the connections, and end calls that did not end with them."""
    await client.aclose()
    calls = asyncio.all_tasks() - {asyncio.current_task()}
    if calls:
        _, left = await asyncio.wait(calls, timeout=GRACE_SECONDS)
        for call in left:
            call.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _closed() -> NoAnswer:
    return NoAnswer(
        "The client was closed while the call was on its way",
        advice="Whether it was done is not known",
    )


def _close(loop: asyncio.AbstractEventLoop, thread: threading.Thread, pid: int) -> None:
    """Let the thread end; the garbage collector may call this on the thread itself."""
    if pid != os.getpid():
        return
    loop.call_soon_threadsafe(loop.stop)
    if threading.current_thread() is not thread:
        thread.join()
