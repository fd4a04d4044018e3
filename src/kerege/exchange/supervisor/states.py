"""How a server stands, asked of every worker at the time somebody wants to know."""

from kerege.exchange.supervisor.channel import Message
from kerege.exchange.supervisor.operators import Answer
from kerege.exchange.supervisor.supervisor import LOG_IN, Supervisor
from kerege.exchange.supervisor.workers import Plan, State, Worker

STATE_SECONDS = 3.0
"""Longest time for a worker to say how it stands."""

Problem = dict[str, str]


class States:
    """Collects states, and serves them on the admin port."""

    def __init__(self, supervisor: Supervisor, plan: Plan) -> None:
        """Serve on the plan's admin port, if it has one."""
        self._supervisor = supervisor

    def move(self, plan: Plan) -> None:
        """Serve on the admin port of another plan."""

    def close(self) -> None:
        """Serve no longer; may be repeated."""

    def collect(self, answer: Answer) -> None:
        """Answer with what every worker says of itself."""
        crew = self._supervisor.crew
        collected: list[Message] = []
        waiting = set(crew.slots)

        def note(number: int, state: Message) -> None:
            waiting.discard(number)
            collected.append({"worker": number, **state})
            if not waiting:
                collected.sort(key=lambda each: int(each["worker"]))
                answer(self._whole(collected))

        for number, slot in tuple(crew.slots.items()):
            worker = slot.current
            if worker is None or worker.state is not State.READY:
                note(number, {"problems": [_starting(worker)]})
                continue
            self._supervisor.questions.ask(
                worker,
                {"do": "state"},
                STATE_SECONDS,
                lambda reply, number=number, worker=worker: note(  # type: ignore[misc]  # mypy cannot infer defaults
                    number,
                    {"pid": worker.pid, "problems": _problems(reply)},
                ),
            )

    def _whole(self, workers: list[Message]) -> Message:
        crew = self._supervisor.crew
        is_ready = not any(worker["problems"] for worker in workers)
        return {
            "ready": is_ready,
            "server": self._supervisor.plan.settings.server_id.short,
            "logged_in": self._supervisor.pin is not None,
            "restarts": crew.restarts,
            "workers": workers,
        }


def _problems(reply: Message | None) -> list[Problem]:
    if reply is None:
        return [
            {
                "what": "The worker does not answer",
                "advice": "It is busy, or hangs: look at its processor time. "
                "If it stays so, end it: it is started again.",
            }
        ]
    return list(reply.get("problems", []))


def _starting(worker: Worker | None) -> Problem:
    what = "The worker is starting" if worker else "The worker waits to be started"
    return {"what": what, "advice": "The log says why if it does not become ready."}


_ = LOG_IN
