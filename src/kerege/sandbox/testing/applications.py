"""Serves an application of the tests' own process on loopback, from a thread.

WSGI by the standard library's server, ASGI by uvicorn, if it is installed: whoever has
an ASGI application mostly has it. Both listen on loopback only, on any free port.
"""

import inspect
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

ADDRESS = "127.0.0.1"
START_SECONDS = 60.0
"""Longest wait for an application's own start."""


@contextmanager
def serving(application: object) -> Iterator[str]:
    """Serve an application; give its address.

    Raises:
        TypeError: it is none.
        RuntimeError: it is an ASGI application, and uvicorn is not installed; or its
            own start failed.
    """
    if not callable(application):
        msg = (
            f"{type(application).__name__} is no WSGI or ASGI application and no "
            "address"
        )
        raise TypeError(msg)
    server = _asgi(application) if is_asgi(application) else _wsgi(application)
    with server as url:
        yield url


def is_asgi(application: Callable[..., Any]) -> bool:
    """Whether an application is called as ASGI's are: with a coroutine."""
    called = type(application).__call__
    return any(map(inspect.iscoroutinefunction, (application, called)))


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Write nothing: a path may have a personal code in it."""


@contextmanager
def _wsgi(application: Callable[..., Any]) -> Iterator[str]:
    server = make_server(
        ADDRESS, 0, application, server_class=_ThreadingServer, handler_class=_Quiet
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{ADDRESS}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _asgi(application: Callable[..., Any]) -> Iterator[str]:
    try:
        import uvicorn
    except ImportError as error:
        raise RuntimeError(
            "An ASGI application is served with uvicorn, which is not installed: "
            "pip install uvicorn. Or serve it yourself and offer its address"
        ) from error
    config = uvicorn.Config(application, log_level="error", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server((ADDRESS, 0)) as listening:
        thread = threading.Thread(
            target=_run_quietly, args=(server, listening), daemon=True
        )
        thread.start()
        try:
            _wait_for(server, thread)
            yield f"http://{ADDRESS}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _run_quietly(server: Any, listening: socket.socket) -> None:  # noqa: ANN401 - uvicorn's
    with suppress(SystemExit):  # how uvicorn ends when an application does not start
        server.run(sockets=[listening])


def _wait_for(server: Any, thread: threading.Thread) -> None:  # noqa: ANN401 - uvicorn's
    pause = threading.Event()
    waited = 0.0
    while not server.started:
        if not thread.is_alive() or waited > START_SECONDS:
            raise RuntimeError("The application did not start; its log says why")
        pause.wait(0.005)
        waited += 0.005
