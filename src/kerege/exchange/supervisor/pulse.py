"""Looks whether workers still live: one that hangs would keep its connections for ever.

The question asks for nothing but an answer: a slow database or disk in a thread makes
no worker silent, only an event loop that stands still does.
"""

from functools import partial

from kerege.exchange.supervisor.channel import Message
from kerege.exchange.supervisor.crew import Crew
from kerege.exchange.supervisor.events import Events
from kerege.exchange.supervisor.questions import Questions
from kerege.exchange.supervisor.timers import Timers
from kerege.exchange.supervisor.workers import State, Worker

PULSE_SECONDS = 10.0
"""How often workers are asked, and how long they may take to answer."""
MAX_SILENCES = 3
"""A worker that has not answered so often in a row is ended, and replaced."""


class Pulse:
    """Asks workers again and again, once started."""

    def __init__(
        self, crew: Crew, questions: Questions, timers: Timers, events: Events
    ) -> None:
        """Ask nobody yet."""
        self._crew = crew
        self._questions = questions
        self._timers = timers
        self._events = events

    def start(self) -> None:
        """Ask from now on."""
        self._timers.after(PULSE_SECONDS, self._beat)

    def _beat(self) -> None:
        for worker in self._crew.current:
            if worker.state is State.READY:
                heard = partial(self._heard, worker)
                self._questions.ask(worker, {"do": "ping"}, PULSE_SECONDS, heard)
        self.start()

    def _heard(self, worker: Worker, reply: Message | None) -> None:
        if reply is not None:
            worker.silences = 0
            return
        worker.silences += 1
        is_ours = self._crew.alive.get(worker.pid) is worker
        if worker.silences >= MAX_SILENCES and is_ours and worker.state is State.READY:
            self._events.error("worker hangs", worker=worker.number, pid=worker.pid)
            worker.kill()
