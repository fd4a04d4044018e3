"""`python -m kerege.cli.security_server.worker`: one process that passes messages.

Started by the supervisor, which tells it over a channel who it is: settings, PIN,
listening sockets. It ends when it is told to, and when the supervisor is gone. It is no
command for people.
"""

import asyncio
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog
import uvloop

from kerege.cli.failures import Failure, failure_of
from kerege.cli.logs import LogFormat, LogLevel, configure_logs
from kerege.cli.message_events import message_events
from kerege.exchange.keys import Pin, SoftwareToken
from kerege.exchange.keys.server_keys import internal_identity, server_keys
from kerege.exchange.memory import calm_garbage_collection, keep_tidy
from kerege.exchange.processes import work_in_batches
from kerege.exchange.security_server.locked import LockedServer
from kerege.exchange.security_server.monitoring import Monitoring
from kerege.exchange.security_server.readiness import Problem
from kerege.exchange.security_server.server import SecurityServer
from kerege.exchange.security_server.settings import parse_settings
from kerege.exchange.supervisor.channel import Channel, ChannelError, Message
from kerege.exchange.supervisor.contents import send_with
from kerege.exchange.supervisor.ending import CLOSE_SECONDS, Ending
from kerege.exchange.supervisor.lent import LentSockets
from kerege.exchange.supervisor.secrecy import hide_memory
from kerege.exchange.supervisor.workers import CHANNEL
from kerege.exchange.tls import UnsuitableOpenSSLError, client_side_context
from kerege.xroad.faults import XRoadError

_log = structlog.get_logger(__name__)


class Host(Protocol):
    """A server that passes messages, or one that says that it cannot."""

    async def start(self) -> None:
        """Open everything and listen."""

    async def stop(
        self, *, finish_seconds: float | None = None, patience_seconds: float = 0.0
    ) -> None:
        """Finish what was accepted, then close everything."""

    def hurry(self, finish_seconds: float) -> None:
        """Have a `stop` under way take no longer than this."""

    async def listen_also(self, name: str, sock: socket.socket) -> Callable[[], None]:
        """Accept on another socket for a port; return what ends that."""

    async def problems(self) -> list[Problem]:
        """Return what keeps messages from passing; empty if nothing does."""


def main() -> None:
    """Run one worker."""
    hide_memory()
    os.umask(0o077)
    for number in (signal.SIGINT, signal.SIGHUP):  # the terminal's; for the supervisor
        signal.signal(number, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=CHANNEL))
    try:
        boot = channel.receive_first()
    except ChannelError:
        return
    configure_logs(
        LogFormat(boot["log_format"]),
        LogLevel(boot["log_level"]),
        worker=int(boot["number"]),
    )
    sockets = {
        name: socket.socket(fileno=channel.sockets.pop(0)) for name in boot["ports"]
    }
    work_in_batches()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        is_started = runner.run(Worker(channel, boot, sockets).run())
    sys.exit(0 if is_started else 1)


class Worker:
    """A server, and what the supervisor asks of it."""

    def __init__(
        self, channel: Channel, boot: Message, sockets: dict[str, socket.socket]
    ) -> None:
        """Be what ``boot`` says."""
        self._channel = channel
        self._boot = boot
        self._sockets = sockets
        self._how_to_stop: asyncio.Future[Message] | None = None
        self._finish_seconds = 0.0
        self._ending = Ending(_tell_what_held)
        self._lent: LentSockets | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._token: SoftwareToken | None = None
        self._host: Host | None = None
        self._write_events: Callable[[], None] = lambda: None

    async def run(self) -> bool:
        """Serve until told to stop; return whether it began."""
        loop = asyncio.get_running_loop()
        told = self._how_to_stop = loop.create_future()
        loop.add_signal_handler(signal.SIGTERM, self._stop, {})
        try:
            host = self._host = await asyncio.to_thread(self._make_host)
            self._lent = LentSockets(host.listen_also)
            self._listen_to_supervisor(loop)
            starting = loop.create_task(host.start())
            await asyncio.wait((starting, told), return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
                await self._stop_host(host, told.result())
                return True
            await starting
        except Exception as error:  # noqa: BLE001 - the supervisor is told of every one
            self._tell_failure(error)
            return False
        calm_garbage_collection()
        self._run(keep_tidy())
        self._tell({"ready": True})
        await self._stop_host(host, await told)
        return True

    async def _stop_host(self, host: Host, how: Message) -> None:
        seconds, patience = self._seconds(how), how.get("patience", 0.0)
        await host.stop(finish_seconds=seconds, patience_seconds=patience)
        self._write_events()

    def _seconds(self, how: Message) -> float:
        """Return how long we may take to finish what was accepted."""
        return float(how.get("seconds", self._finish_seconds))

    def _make_host(self) -> Host:
        boot = self._boot
        settings = parse_settings(boot["settings"], Path(boot["config"]))
        self._finish_seconds = settings.limits.finish_seconds
        token = self._token = SoftwareToken.open(settings.path(settings.token))
        internal = internal_identity(settings.directory)
        if boot["pin"] is None:
            context = client_side_context(internal)
            return LockedServer(settings, self._sockets, context)
        on_exchange, self._write_events = message_events(
            LogFormat(boot["log_format"]),
            LogLevel(boot["log_level"]),
            int(boot["number"]),
            sys.stdout.fileno(),
        )
        token.login(Pin(boot["pin"]))
        del boot["pin"]
        return SecurityServer(
            settings,
            lambda intermediates: server_keys(token, internal, intermediates),
            sockets=self._sockets,
            on_exchange=on_exchange,
        )

    def _listen_to_supervisor(self, loop: asyncio.AbstractEventLoop) -> None:
        self._channel.unblocked()
        loop.add_reader(self._channel.fileno(), self._hear)
        self._hear()  # what came together with the first message

    def _hear(self) -> None:
        try:
            messages = self._channel.receive()
        except ChannelError:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            _log.warning("supervisor is gone")
            self._stop({})
            return
        for message in messages:
            self._obey(message)

    def _obey(self, message: Message) -> None:
        match message:
            case {"do": "stop"}:
                self._stop(message)
            case {"do": "adopt", "loan": int(loan), "port": str(port)} if self._lent:
                descriptor = self._channel.sockets.pop(0)
                self._run(self._lent.adopt(loan, port, descriptor))
            case {"do": "release", "loan": int(loan)} if self._lent:
                self._run(self._lent.release(loan))
            case _:
                self._run(self._answer(message))

    def _stop(self, how: Message) -> None:
        """Stop; or, if that is under way, hurry."""
        told, seconds = self._how_to_stop, self._seconds(how)
        self._ending.within(seconds + how.get("patience", 0.0) + CLOSE_SECONDS)
        if told is not None and not told.done():
            told.set_result(how)
        elif self._host is not None:
            self._host.hurry(seconds)

    def _run(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Message) -> None:
        """Answer a question of the supervisor."""
        reply: Message = {"reply": message.get("id")}
        try:
            if message["do"] == "login":
                await asyncio.to_thread(self._try_pin, str(message["pin"]))
            elif message["do"] == "state" and self._host is not None:
                problems = await self._host.problems()
                reply["problems"] = [problem.as_dict() for problem in problems]
            elif message["do"] == "page":
                await self._show_page(message, reply)
                return
        except Exception as error:  # noqa: BLE001 - the asker learns of every one
            reply["failed"] = failed(error)
        self._tell(reply)

    async def _show_page(self, message: Message, reply: Message) -> None:
        """Make a page of the admin port, and hand it over."""
        monitoring = getattr(self._host, "monitoring", None)
        if isinstance(monitoring, Monitoring):
            page = await monitoring.pages.show(
                str(message["path"]), str(message["query"])
            )
            send_with(self._channel, {**reply, "status": page.status}, page.content)
        else:
            self._tell(reply)

    def _try_pin(self, pin: str) -> None:
        """Log in, or find out that this PIN does not; the token counts wrong ones."""
        if self._token is not None:
            self._token.login(Pin(pin))

    def _tell(self, message: Message) -> None:
        try:
            self._channel.send(message)
        except ChannelError:
            self._stop({})

    def _tell_failure(self, error: Exception) -> None:
        if self._boot.get("debug"):
            traceback.print_exception(error)
        self._tell({"failed": failed(error)})


def _tell_what_held(held: list[str]) -> None:
    _log.error("worker not closed in time", held_by=held)


def failed(error: Exception) -> dict[str, str]:
    """Return what the supervisor is told of a failure."""
    failure = start_failure(error)
    code = error.code if isinstance(error, XRoadError) else ""
    return {
        "what": failure.message,
        "why": failure.why,
        "advice": failure.advice,
        "code": code,
    }


def start_failure(error: Exception) -> Failure:
    """Return the lines for a server that did not start."""
    if isinstance(error, UnsuitableOpenSSLError):
        return Failure(error.message, advice=error.advice)
    if isinstance(error, TimeoutError):
        return Failure(
            "The server did not become ready in time",
            why="The global configuration or OCSP responses did not arrive.",
            advice="Are the addresses in the configuration anchor reachable from here?",
        )
    return failure_of(error)


if __name__ == "__main__":
    main()
