"""How a server stands: asked of its workers when somebody wants to know.

* `/health`: the supervisor runs.
* `/ready`: 200 if every worker can exchange messages; else 503, and what is missing.
  503 too while operators have the server in maintenance.
* `/metrics`: for Prometheus, all workers together.
* `/operational-data`, `/health-data`: what passed, see `monitoring_pages`.
"""

import json
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from kerege import __version__
from kerege.exchange.security_server.metrics_catalogue import Sample
from kerege.exchange.security_server.metrics_text import CONTENT_TYPE, render
from kerege.exchange.supervisor.admin import JSON, AdminPort, Reply
from kerege.exchange.supervisor.channel import Message
from kerege.exchange.supervisor.monitoring import PATHS, MonitoringQueries
from kerege.exchange.supervisor.operators import Answer
from kerege.exchange.supervisor.supervisor import Supervisor
from kerege.exchange.supervisor.workers import Plan, State, Worker

STATE_SECONDS = 3.0
"""Longest time for a worker to say how it stands."""

MAINTENANCE = "Health check interface is in maintenance mode."
"""The reference's words; scripts of operators look for them."""

Problem = dict[str, str]

_SILENT: Problem = {
    "what": "The worker does not answer",
    "advice": "It is busy, or hangs. If it says nothing for half a minute, another one "
    "takes its place.",
}


class States:
    """Collects states, and serves them on the admin port."""

    def __init__(self, supervisor: Supervisor, plan: Plan) -> None:
        """Serve on the plan's admin port, if it has one."""
        self._supervisor = supervisor
        self._port: AdminPort | None = None
        self._is_in_maintenance = False
        self.move(plan)

    def move(self, plan: Plan) -> None:
        """Serve on the admin port of another plan; before its old one is closed."""
        self.close()
        listener = plan.listening.admin
        if listener is not None:
            pages = {
                "/health": self._health,
                "/ready": self._ready,
                "/metrics": self._metrics,
            }
            supervisor = self._supervisor
            asking = MonitoringQueries(supervisor.crew, supervisor.questions)
            queries = {path: partial(asking.page, path) for path in PATHS}
            loop, failed = supervisor.loop, supervisor.unforeseen
            self._port = AdminPort(loop, listener, pages, failed, queries)

    def close(self) -> None:
        """Serve no longer; may be repeated."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def set_maintenance(self, *, is_on: bool) -> bool:
        """Have load balancers leave the server alone, or not; return how it was.

        Messages that still come pass. As the reference's health check port: nobody is
        asked how things stand.
        """
        was_on, self._is_in_maintenance = self._is_in_maintenance, is_on
        return was_on

    def collect(self, answer: Answer) -> None:
        """Answer with what every worker says of itself."""
        slots = tuple(self._supervisor.crew.slots.values())
        states: list[Message] = []

        def note(number: int, pid: int | None, problems: list[Problem]) -> None:
            states.append({"worker": number, "pid": pid, "problems": problems})
            if len(states) == len(slots):
                states.sort(key=lambda state: int(state["worker"]))
                answer(self._whole(states))

        for slot in slots:
            worker = slot.current
            if worker is None or worker.state is not State.READY:
                pid = worker.pid if worker else None
                note(slot.number, pid, [_starting(worker)])
            else:
                told = partial(_told, partial(note, slot.number, worker.pid))
                self._supervisor.questions.ask(
                    worker, {"do": "state"}, STATE_SECONDS, told
                )

    def _whole(self, workers: list[Message]) -> Message:
        supervisor = self._supervisor
        return {
            "ready": not any(worker["problems"] for worker in workers),
            "maintenance": self._is_in_maintenance,
            "version": __version__,
            "server": supervisor.plan.settings.server_id.short,
            "logged_in": supervisor.is_logged_in,
            "restarts": supervisor.crew.restarts,
            "workers": workers,
        }

    def _health(self, reply: Reply) -> None:
        body = {"status": "up", "workers": len(self._supervisor.crew.current)}
        reply(HTTPStatus.OK, JSON, _json(body))

    def _ready(self, reply: Reply) -> None:
        if self._is_in_maintenance:
            body = {"ready": False, "maintenance": True, "message": MAINTENANCE}
            reply(HTTPStatus.SERVICE_UNAVAILABLE, JSON, _json(body))
            return

        def answer(state: Message) -> None:
            is_ready = state["ready"]
            status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
            reply(status, JSON, _json(state))

        self.collect(answer)

    def _metrics(self, reply: Reply) -> None:
        supervisor = self._supervisor
        crew = supervisor.crew
        extra = (
            Sample("kerege_workers", len(crew.current)),
            Sample("kerege_worker_restarts_total", crew.restarts),
            Sample("kerege_token_active", supervisor.is_logged_in),
        )
        reply(HTTPStatus.OK, CONTENT_TYPE, render(supervisor.metrics, extra))


def _json(body: Message) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"


def _told(note: Callable[[list[Problem]], None], reply: Message | None) -> None:
    note([_SILENT] if reply is None else list(reply.get("problems", [])))


def _starting(worker: Worker | None) -> Problem:
    what = "The worker is starting" if worker else "The worker waits to be started"
    return {"what": what, "advice": "The log says why, if it does not become ready."}
