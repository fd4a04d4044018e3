"""The supervisor: one loop that waits for workers, signals, operators and monitoring.

Rules:

* It holds the lock of the spool folder and the listening sockets for as long as it
  runs. When it ends, however it ends, its workers learn it from their channels and end.
* The PIN is in its memory only, and goes to workers through their channels only.
* Changes (a reload, a login, a logout) are made one after another.
"""

import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kerege.exchange.security_server.metrics_files import METRICS_FOLDER, clear
from kerege.exchange.security_server.metrics_text import worker_ended
from kerege.exchange.supervisor.channel import ChannelError, Message
from kerege.exchange.supervisor.contents import with_content
from kerege.exchange.supervisor.crew import Crew
from kerege.exchange.supervisor.events import Events
from kerege.exchange.supervisor.loop import Loop
from kerege.exchange.supervisor.notify import notify
from kerege.exchange.supervisor.pulse import Pulse
from kerege.exchange.supervisor.questions import Questions
from kerege.exchange.supervisor.workers import Plan, State, Worker, start_worker

WRONG_PIN = frozenset({"pin_incorrect", "login_failed"})
"""Codes of a worker that was given a PIN which does not open the token any more."""
LOG_IN = "Log in with: kerege security-server login"

Change = Callable[[Callable[[], None]], None]
"""Begins a change; calls what it is given when the change is over."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `run` was told."""

    config: Path
    command: tuple[str, ...]
    """How a worker is started."""
    workers: int = 0
    """In the place of the setting; 0 leaves that."""
    log_format: str = "json"
    log_level: str = "info"
    debug: bool = False
    is_pin_stored: bool = False
    """Nobody is there to hear that the PIN is wrong: the server starts without it,
    rather than again and again."""
    no_pin: str = ""
    """Why what is stored is no PIN."""


class Supervisor:
    """Runs a server until it is told to stop."""

    def __init__(self, options: Options, events: Events, pin: str | None) -> None:
        """Start nothing yet.

        Args:
            options: What `run` was told.
            events: The log.
            pin: Opens the token; None leaves the server locked.
        """
        self.options = options
        self.events = events
        self.pin = pin
        self.loop = Loop()
        self.questions = Questions(self.loop.timers)
        self.crew = Crew(
            self._spawn, self.loop.timers, events, on_failed=self._not_started
        )
        self._pulse = Pulse(self.crew, self.questions, self.loop.timers, events)
        self.was_ready = False
        self._exit_code: int | None = None
        self._changes: deque[Change] = deque()
        self._change: Change | None = None
        """Under way."""
        self.on_reload: Callable[[], None] = lambda: None
        """What SIGHUP does."""
        self.on_change: Callable[[], None] = lambda: None
        """Hears that a worker is ready, or has ended."""
        self.on_stop: Callable[[], None] = lambda: None
        """Comes before the ports are closed."""

    def run(self, plan: Plan) -> int:
        """Run; return the exit code."""
        self.plan = plan
        settings = plan.settings
        self.metrics = settings.path(settings.spool) / METRICS_FOLDER
        clear(self.metrics)
        signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        self.loop.watch_signals(signals, self._signalled)
        self.crew.start(plan)
        self._pulse.start()
        while self._exit_code is None or self.crew.alive:
            self.loop.turn()
        if self._exit_code == 0:
            self.events.info("stopped", server=plan.settings.server_id.short)
        return self._exit_code

    @property
    def is_logged_in(self) -> bool:
        """Whether all workers have the PIN; without any, whether they will."""
        workers = self.crew.current
        if not workers:
            return self.pin is not None
        return all(worker.is_active for worker in workers)

    def unforeseen(self, error: Exception) -> None:
        """Log a bug that concerns one request only."""
        text = "".join(traceback.format_exception(error))
        self.events.error("unexpected failure", exception=text)

    def change(self, begin: Change) -> None:
        """Make a change as soon as those before it are made and the server runs."""
        self._changes.append(begin)
        self._next_change()

    def _next_change(self) -> None:
        if not self._changes or not self.was_ready or self._change is not None:
            return
        begin = self._change = self._changes.popleft()
        over = partial(self._changed, begin)
        try:
            begin(over)
        except Exception as error:  # noqa: BLE001 - the server goes on
            self.unforeseen(error)
            over()

    def _changed(self, change: Change) -> None:
        """Note that a change is over; may be repeated."""
        if self._change is change:
            self._change = None
            self._next_change()

    def _spawn(self, number: int, plan: Plan) -> Worker:
        options = self.options
        boot: Message = {
            "pin": self.pin,
            "config": str(options.config),
            "log_format": options.log_format,
            "log_level": options.log_level,
            "debug": options.debug,
        }
        worker = start_worker(options.command, number, plan, boot)
        self.loop.watch(worker.channel, partial(self._hear, worker))
        return worker

    def _hear(self, worker: Worker) -> bool:
        """Read what a worker says; return whether there may be more."""
        try:
            messages = worker.channel.receive()
        except ChannelError:
            self._hang_up(worker)
            return False
        for message in messages:
            if "failed" in message and "reply" not in message:
                worker.failure = message["failed"]
            elif message.get("ready"):
                self.crew.ready(worker)
                self.on_change()
                self._look_whether_ready()
            else:
                self.questions.answer(with_content(worker.channel, message))
        return bool(messages)

    def _hang_up(self, worker: Worker) -> None:
        if worker.channel.fileno() < 0:
            return
        self.loop.forget(worker.channel)
        worker.channel.close()
        if worker.state is not State.LEAVING and worker.pid in self.crew.alive:
            worker.kill()  # it will not hear us any more

    def _look_whether_ready(self) -> None:
        if self.was_ready or not self.crew.are_all_ready:
            return
        self.was_ready = True
        if self.pin is None:
            self._say_that_nobody_is_logged_in()
        self.events.info(
            "ready",
            server=self.plan.settings.server_id.short,
            addresses=self.plan.listening.addresses,
            workers=len(self.crew.slots),
        )
        self.tell_systemd("READY=1")
        self._next_change()

    def _say_that_nobody_is_logged_in(self) -> None:
        if self.options.no_pin:
            reason = self.options.no_pin
            self.events.error("not logged in", reason=reason, advice=LOG_IN)
        else:
            self.events.warning("not logged in", advice=LOG_IN)

    def tell_systemd(self, *lines: str) -> None:
        """Tell systemd how things stand, with a line for `systemctl status`."""
        status = f"Not logged in. {LOG_IN}" if self.pin is None else "Passes messages"
        notify(*lines, f"STATUS={status}")

    def _not_started(self, worker: Worker) -> None:
        """Judge why a worker did not start."""
        error = worker.failure or {}
        has_wrong_pin = error.get("code") in WRONG_PIN and worker.is_active
        if not self.was_ready and not (has_wrong_pin and self.options.is_pin_stored):
            print_failure(error)
            self._exit_code = 1
            self.crew.kill()
        elif has_wrong_pin and self.pin is not None:
            self.pin = None
            self.events.error("not logged in", reason=error["what"], advice=LOG_IN)
            self.tell_systemd()

    def _signalled(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._reap()
        elif number == signal.SIGHUP:
            self.on_reload()
        else:
            self._stop(signal.Signals(number).name)

    def _reap(self) -> None:
        for pid, worker in tuple(self.crew.alive.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                worker.has_ended = True
                while worker.channel.fileno() >= 0 and self._hear(worker):
                    pass  # its last words
                self.crew.died(pid, status)
                self.on_change()
                with suppress(OSError):  # then its counts stay where they are
                    worker_ended(self.metrics, str(pid))

    def _stop(self, why: str) -> None:
        if self._exit_code is not None:
            self.events.warning("stopping at once", signal=why)
            self.crew.kill()
            return
        self._exit_code = 0
        self.events.info("stopping", signal=why)
        notify("STOPPING=1")
        self.on_stop()
        self.plan.listening.close_all_but()
        self.crew.stop(self.plan.settings.limits.finish_seconds)


def print_failure(error: Message) -> None:
    """Print why the server does not start, on standard error."""
    lines = [f"Error: {error.get('what', 'A worker ended without a word')}"]
    lines += [f"  {error[name]}" for name in ("why", "advice") if error.get(name)]
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()
