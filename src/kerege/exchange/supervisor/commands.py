"""What operators can have done to a running server: reload, login, logout, state."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from kerege.exchange.security_server.settings import SettingsError
from kerege.exchange.supervisor.channel import Message
from kerege.exchange.supervisor.crew import PATIENCE_SECONDS
from kerege.exchange.supervisor.lending import Lending
from kerege.exchange.supervisor.listening import ADMIN, CannotListenError
from kerege.exchange.supervisor.notify import notify_reloading
from kerege.exchange.supervisor.operators import Answer, Operators
from kerege.exchange.supervisor.reading import next_plan
from kerege.exchange.supervisor.states import States
from kerege.exchange.supervisor.supervisor import Supervisor
from kerege.exchange.supervisor.workers import Plan, State, Worker

LOGIN_SECONDS = 60.0
"""Longest time for a worker to try a PIN; stretching it takes a third of a second."""
BUSY = "The server is not ready yet"
UNKNOWN = {"what": "The server does not know this request", "code": "bad_request"}
UNFORESEEN = "An unexpected failure; the log has it"

Over = Callable[[], None]


class Commands:
    """Answers operators as long as the block runs."""

    def __init__(self, supervisor: Supervisor, folder: Path, plan: Plan) -> None:
        """Listen in the spool folder, and serve health on the plan's admin port."""
        self._supervisor = supervisor
        self._loop = supervisor.loop
        self._reloads: list[Answer] = []
        """Who waits for a reload that has not begun."""
        self._is_reload_due = False
        supervisor.on_reload = self._reload_by_signal
        self._operators = Operators(supervisor.loop, folder, self._handle)
        self._states = States(supervisor, plan)
        self._opened = [plan.listening]
        """Sockets of plans that some worker may still have, the newest last."""
        self._lending = Lending(supervisor.crew)
        supervisor.on_change = self._settle
        supervisor.on_stop = self._stop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._states.close()
        self._operators.close()

    def _handle(self, message: Message, answer: Answer) -> None:
        try:
            self._do(message, answer)
        except Exception as error:  # noqa: BLE001 - the server goes on
            self._supervisor.unforeseen(error)
            answer({"failed": {"what": UNFORESEEN}})

    def _do(self, message: Message, answer: Answer) -> None:
        match message.get("do"):
            case "login":
                self._login(str(message.get("pin", "")), answer)
            case "logout":
                self._logout(answer)
            case "reload":
                self._reload(answer)
            case "state":
                self._states.collect(answer)
            case "maintenance":
                is_on = message.get("on") is True
                was_on = self._states.set_maintenance(is_on=is_on)
                self._supervisor.events.info("maintenance mode", on=is_on)
                answer({"ok": True, "was": was_on})
            case _:
                answer({"failed": UNKNOWN})

    # Reload.

    def _reload_by_signal(self) -> None:
        self._reload(lambda _: None)

    def _reload(self, answer: Answer) -> None:
        """Reload; who asks while one is waiting to begin is answered with that one."""
        self._reloads.append(answer)
        if not self._is_reload_due:
            self._is_reload_due = True
            self._supervisor.change(self._begin_reload)

    def _begin_reload(self, over: Over) -> None:
        supervisor = self._supervisor
        answers, self._reloads, self._is_reload_due = self._reloads, [], False
        notify_reloading()
        finish = partial(self._reloaded, answers, over)
        try:
            plan = next_plan(supervisor.options, supervisor.plan, self._opened)
        except SettingsError as error:
            finish({"what": str(error)})
        except CannotListenError as error:
            finish({"what": f"{error}: {error.why}", "advice": error.advice})
        except Exception as error:  # noqa: BLE001 - the server goes on as it is
            supervisor.unforeseen(error)
            finish({"what": UNFORESEEN})
        else:
            supervisor.crew.roll(plan, partial(self._adopt, plan, finish))

    def _adopt(
        self, plan: Plan, finish: Callable[[Message | None], None], reason: str
    ) -> None:
        supervisor = self._supervisor
        slots = supervisor.crew.slots.values()
        self._opened.append(plan.listening)
        if not reason or any(slot.plan is plan for slot in slots):
            supervisor.plan = plan
            self._states.move(plan)
        self._close_unused()
        finish(
            {"what": "A new worker did not start", "why": reason} if reason else None
        )

    def _close_unused(self) -> None:
        """Close what nobody accepts on: the kernel would go on giving it connections.

        After a reload that failed half way, workers have sockets of several plans.
        """
        supervisor = self._supervisor
        used = supervisor.plan.listening.sockets
        for slot in supervisor.crew.slots.values():
            used.update(slot.plan.listening.of_worker(slot.number).values())
        for listening in self._opened:
            listening.close_all_but(used)
        self._opened = [each for each in self._opened if each.sockets & used]
        self._settle()

    def _settle(self) -> None:
        """Have somebody accept on every socket that is open."""
        supervisor = self._supervisor
        if supervisor.was_ready and not supervisor.crew.is_stopping:
            self._lending.settle(
                {
                    each: name
                    for listening in self._opened
                    for name, port in listening.ports.items()
                    for each in port.sockets
                    if name != ADMIN and each.fileno() >= 0
                }
            )

    def _stop(self) -> None:
        self._states.close()
        for listening in self._opened:
            listening.close_all_but()

    def _reloaded(
        self, answers: list[Answer], over: Over, failed: Message | None
    ) -> None:
        supervisor = self._supervisor
        if failed:
            reason = ": ".join(part for part in failed.values() if part)
            supervisor.events.error("not reloaded", reason=reason)
        else:
            supervisor.events.info(
                "reloaded", addresses=supervisor.plan.listening.addresses
            )
        supervisor.tell_systemd("READY=1")
        for answer in answers:
            answer({"failed": failed} if failed else {"ok": True})
        over()

    # Login.

    def _login(self, pin: str, answer: Answer) -> None:
        """Have a worker try the PIN: the token's own rules hold, waits included."""
        crew = self._supervisor.crew
        ready = [w for w in crew.current if w.state is State.READY]
        if not ready:
            answer({"failed": {"what": BUSY, "advice": "Try again in a moment."}})
            return
        self._try_pin(pin, answer, ready)

    def _try_pin(self, pin: str, answer: Answer, workers: list[Worker]) -> None:
        """Ask the first of them; the next one if it gives no answer."""
        worker, *others = workers
        tried = partial(self._tried, pin, answer, others)
        question = {"do": "login", "pin": pin}
        self._supervisor.questions.ask(worker, question, LOGIN_SECONDS, tried)

    def _tried(
        self,
        pin: str,
        answer: Answer,
        others: list[Worker],
        reply: Message | None,
    ) -> None:
        others = [worker for worker in others if worker.state is State.READY]
        if reply is None and others:
            self._try_pin(pin, answer, others)
        elif reply is None:
            answer({"failed": {"what": "The workers that were asked gave no answer"}})
        elif "failed" in reply:
            code = reply["failed"].get("code", "")
            self._supervisor.events.warning("login refused", code=code)
            answer({"failed": reply["failed"]})
        else:
            self._supervisor.pin = pin
            self._supervisor.change(partial(self._replace_all, answer))

    def _logout(self, answer: Answer) -> None:
        self._supervisor.pin = None
        self._supervisor.change(partial(self._replace_all, answer))

    def _replace_all(self, answer: Answer, over: Over) -> None:
        """Start workers anew, with the PIN or without."""
        supervisor = self._supervisor

        def done(reason: str) -> None:
            if reason:
                supervisor.events.error("worker not started", reason=reason)
                if supervisor.pin is None:
                    supervisor.crew.drop_active()
                answer({"failed": {"what": "No new worker started", "why": reason}})
            else:
                answer({"ok": True})
                if supervisor.pin is None:
                    supervisor.events.info("logged out")
                else:
                    supervisor.events.info("logged in")
            self._close_unused()
            supervisor.tell_systemd()
            over()

        patience = 0.0 if supervisor.pin is None else PATIENCE_SECONDS
        supervisor.crew.roll(supervisor.plan, done, patience=patience)
