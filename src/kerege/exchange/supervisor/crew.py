"""The workers of a server as a whole: all of them alive, replaced one after another.

Rules:

* A worker that dies is started again: at once, or a little later if it died young.
* A replacement starts beside the worker in whose place it will be. Only when it is
  ready is the old one told to leave; it finishes what it accepted.
* If a replacement does not start, everything stays as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kerege.exchange.supervisor.channel import failure
from kerege.exchange.supervisor.events import Events
from kerege.exchange.supervisor.timers import Timers
from kerege.exchange.supervisor.workers import (
    Plan,
    Slot,
    State,
    Worker,
    how_it_ended,
)

START_SECONDS = 90.0
"""A worker that is not ready by then is ended: its own waits are shorter together."""
PATIENCE_SECONDS = 10.0
"""How long a replaced worker leaves idle connections open: clients that use theirs
again in this time are told to come back with a new one, and lose nothing."""
REPLACED_SECONDS = 900.0
"""How long a replaced worker may take: a body of many gigabytes on a slow line."""
KILL_SECONDS = 5.0
"""After the time that a worker was given to end, until it is ended."""

Done = Callable[[str], None]
"""Hears how a replacement went: why not, or an empty text."""


@dataclass(slots=True)
class _Roll:
    """A replacement under way."""

    plan: Plan
    left: list[int]
    """Numbers of the slots that have yet to be replaced, the first one now."""
    done: Done
    patience: float


class Crew:
    """All workers."""

    def __init__(
        self,
        spawn: Callable[[int, Plan], Worker],
        timers: Timers,
        events: Events,
        *,
        on_failed: Callable[[Worker], None],
    ) -> None:
        """Have nobody yet.

        Args:
            spawn: Starts a worker for a slot.
            timers: Where restarts wait.
            events: The log.
            on_failed: Hears of a worker that said why it did not start.
        """
        self._spawn = spawn
        self._timers = timers
        self._events = events
        self._on_failed = on_failed
        self._roll: _Roll | None = None
        self.is_stopping = False
        """Nobody is started any more."""
        self.slots: dict[int, Slot] = {}
        self.alive: dict[int, Worker] = {}
        """All processes by id, those that are leaving too."""
        self.restarts = 0

    @property
    def is_rolling(self) -> bool:
        """Whether workers are being replaced."""
        return self._roll is not None

    @property
    def are_all_ready(self) -> bool:
        """Whether every slot has a worker that is ready."""
        return all(
            slot.current is not None and slot.current.state is State.READY
            for slot in self.slots.values()
        )

    @property
    def current(self) -> list[Worker]:
        """The workers in their slots, ready or starting."""
        return [s.current for s in self.slots.values() if s.current is not None]

    def start(self, plan: Plan) -> None:
        """Start everybody."""
        for number in range(1, plan.settings.workers + 1):
            self.slots[number] = Slot(number, plan)
            self._fill(self.slots[number])

    def roll(
        self, plan: Plan, done: Done, *, patience: float = PATIENCE_SECONDS
    ) -> None:
        """Replace everybody, one after another; there may be more or less of them.

        Args:
            plan: Of the new ones.
            done: Hears how it went.
            patience: How long the old ones leave idle connections open.
        """
        numbers = list(range(1, plan.settings.workers + 1))
        self._roll = _Roll(plan, numbers, done, patience)
        self._replace_next(self._roll)

    def drop_active(self) -> None:
        """Have everybody leave who has the PIN, whether or not a successor is there."""
        for slot in self.slots.values():
            old = slot.current
            if old is not None and old.is_active:
                slot.current = None
                self._dismiss(old, patience=0.0)
                self._fill(slot)

    def ready(self, worker: Worker) -> None:
        """Note that a worker can answer."""
        if worker.state is not State.STARTING:  # it was told to leave meanwhile
            return
        worker.state = State.READY
        slot = self.slots.get(worker.number)
        if slot is None or slot.coming is not worker or self._roll is None:
            return
        old, slot.current, slot.coming = slot.current, worker, None
        slot.plan = worker.plan
        slot.failures = 0
        if old is not None:
            self._dismiss(old, self._roll.patience)
        self._roll.left.pop(0)
        self._replace_next(self._roll)

    def died(self, pid: int, status: int) -> Worker | None:
        """Note the end of a process; return who it was."""
        worker = self.alive.pop(pid, None)
        if worker is None:
            return None
        slot = self.slots.get(worker.number)
        if worker.state is State.LEAVING or self.is_stopping or slot is None:
            return worker
        how = how_it_ended(status)
        if slot.coming is worker:
            slot.coming = None
            self._give_up(failure(worker.failure) if worker.failure else how)
        elif slot.current is worker:
            slot.current = None
            self._lost(slot, worker, how)
        return worker

    def stop(self, seconds: float) -> None:
        """Tell everybody to finish what they accepted and end."""
        self.is_stopping = True
        for worker in self.alive.values():
            worker.leave(seconds=seconds, patience=0)
        self._timers.after(seconds + KILL_SECONDS, self._kill_who_is_left)

    def _kill_who_is_left(self) -> None:
        for worker in self.alive.values():
            self._events.error("worker hangs", worker=worker.number, pid=worker.pid)
        self.kill()

    def kill(self) -> None:
        """End everybody at once."""
        self.is_stopping = True
        for worker in self.alive.values():
            worker.kill()

    def _fill(self, slot: Slot) -> None:
        """Start a worker in an empty slot."""
        if self.is_stopping or slot.current is not None:
            return
        if slot.number in self.slots:
            slot.current = self._start(slot.number, slot.plan)

    def _start(self, number: int, plan: Plan) -> Worker | None:
        try:
            worker = self._spawn(number, plan)
        except OSError as error:  # no memory, too many processes: again soon
            self._events.error("worker not started", worker=number, reason=str(error))
            slot = self.slots[number]
            self._timers.after(slot.next_delay(0), lambda: self._fill(slot))
            return None
        self.alive[worker.pid] = worker
        self._timers.after(START_SECONDS, lambda: self._end_if(worker, State.STARTING))
        return worker

    def _lost(self, slot: Slot, worker: Worker, how: str) -> None:
        """Start anew what has ended without being told to."""
        lived = self._timers.clock() - worker.started
        delay = slot.next_delay(lived)
        self.restarts += 1
        if worker.failure is None:
            self._events.error(
                "worker ended", worker=worker.number, pid=worker.pid, how=how
            )
        else:
            reason = failure(worker.failure)
            self._events.error("worker not started", worker=slot.number, reason=reason)
            self._on_failed(worker)
        if delay:
            self._timers.after(delay, lambda: self._fill(slot))
        else:
            self._fill(slot)

    def _replace_next(self, roll: _Roll) -> None:
        if self.is_stopping:
            return
        if not roll.left:
            self._complete(roll)
            return
        number = roll.left[0]
        slot = self.slots.setdefault(number, Slot(number, roll.plan))
        slot.coming = self._start(number, roll.plan)
        if slot.coming is None:
            self._give_up("No process could be started")

    def _complete(self, roll: _Roll) -> None:
        self._roll = None
        for number in [n for n in self.slots if n > roll.plan.settings.workers]:
            slot = self.slots.pop(number)
            if slot.current is not None:
                self._dismiss(slot.current, roll.patience)
        roll.done("")

    def _give_up(self, reason: str) -> None:
        """Leave everything that has not been replaced as it is."""
        roll, self._roll = self._roll, None
        if roll is None:
            return
        for slot in self.slots.values():
            self._fill(slot)
        roll.done(reason)

    def _dismiss(self, worker: Worker, patience: float) -> None:
        """Let a replaced worker finish and go."""
        worker.leave(seconds=REPLACED_SECONDS, patience=patience)
        seconds = REPLACED_SECONDS + patience + KILL_SECONDS
        self._timers.after(seconds, lambda: self._end_if(worker, State.LEAVING))

    def _end_if(self, worker: Worker, state: State) -> None:
        if worker.state is state and self.alive.get(worker.pid) is worker:
            self._events.error("worker hangs", worker=worker.number, pid=worker.pid)
            worker.kill()
