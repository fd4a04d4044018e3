"""Pages of operational monitoring on the admin port: a worker makes them."""

import json
from functools import partial
from http import HTTPStatus

from kerege.exchange.supervisor.admin import JSON, Reply
from kerege.exchange.supervisor.channel import Message
from kerege.exchange.supervisor.contents import CONTENT
from kerege.exchange.supervisor.crew import Crew
from kerege.exchange.supervisor.questions import Questions
from kerege.exchange.supervisor.workers import State

PATHS = ("/operational-data", "/health-data")
PAGE_SECONDS = 8.0
"""Longest time for a worker to make a page."""
_NO_WORKER = "No worker can tell; a server that is not logged in records no messages"
_SILENT = "The worker did not answer in time"


class MonitoringQueries:
    """Asks workers for pages."""

    def __init__(self, crew: Crew, questions: Questions) -> None:
        """Ask these."""
        self._crew = crew
        self._questions = questions

    def page(self, path: str, query: str, reply: Reply) -> None:
        """Have a page made; the database has the records of all workers alike."""
        ready = [w for w in self._crew.current if w.state is State.READY]
        active = next((worker for worker in ready if worker.is_active), None)
        if active is None:
            _fail(reply, _NO_WORKER)
            return
        question = {"do": "page", "path": path.removeprefix("/"), "query": query}
        self._questions.ask(active, question, PAGE_SECONDS, partial(_answer, reply))


def _answer(reply: Reply, message: Message | None) -> None:
    content = None if message is None else message.get(CONTENT)
    if message is None or not isinstance(content, bytes):
        _fail(reply, _SILENT)
    else:
        reply(HTTPStatus(message.get("status", 500)), JSON, content)


def _fail(reply: Reply, why: str) -> None:
    content = json.dumps({"error": why}).encode() + b"\n"
    reply(HTTPStatus.SERVICE_UNAVAILABLE, JSON, content)
