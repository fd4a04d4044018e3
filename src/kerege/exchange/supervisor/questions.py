"""Questions to workers, whose answers come later or never."""

import itertools
from collections.abc import Callable

from kerege.exchange.supervisor.channel import Message
from kerege.exchange.supervisor.timers import Timers
from kerege.exchange.supervisor.workers import Worker

Answered = Callable[[Message | None], None]
"""Gets the answer; None if there was none in time."""


class Questions:
    """What has been asked and not been answered yet."""

    def __init__(self, timers: Timers) -> None:
        """Measure patience with ``timers``."""
        self._timers = timers
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Answered] = {}

    def ask(
        self, worker: Worker, message: Message, seconds: float, answered: Answered
    ) -> None:
        """Ask a worker; ``answered`` is called once, in ``seconds`` at the latest."""
        number = next(self._numbers)
        self._waiting[number] = answered
        if not worker.tell({**message, "id": number}):
            self.answer({"reply": number}, lost=True)
        else:
            self._timers.after(
                seconds, lambda: self.answer({"reply": number}, lost=True)
            )

    def answer(self, message: Message, *, lost: bool = False) -> None:
        """Hand an answer to who asked; late ones are dropped."""
        answered = self._waiting.pop(message.get("reply", 0), None)
        if answered is not None:
            answered(None if lost else message)
