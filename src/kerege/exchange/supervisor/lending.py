"""Sockets of workers that are away, lent to workers that are there.

The kernel spreads connections over all listening sockets of a port, whether or not
somebody accepts on them, and closing one loses the connections that it holds. So a
socket without a worker of its own is lent to another one: while a worker is being
started again, and for good when a server has fewer workers than it had.
"""

import itertools
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kerege.exchange.supervisor.crew import Crew
from kerege.exchange.supervisor.workers import State, Worker


@dataclass(frozen=True, slots=True)
class _Loan:
    number: int
    """What both sides call it."""
    worker: Worker


class Lending:
    """Knows who accepts on what."""

    def __init__(self, crew: Crew) -> None:
        """Lend nothing yet."""
        self._crew = crew
        self._numbers = itertools.count(1)
        self._loans: dict[socket.socket, _Loan] = {}

    def settle(self, wanted: Mapping[socket.socket, str]) -> None:
        """Have somebody accept on every socket, if anybody is there who can.

        Args:
            wanted: The sockets, with the names of their ports.
        """
        ready = [w for w in self._crew.current if w.state is State.READY]
        attended = {
            own
            for worker in ready
            for own in worker.plan.listening.of_worker(worker.number).values()
        }
        alone = {s: name for s, name in wanted.items() if s not in attended}
        for lent, loan in tuple(self._loans.items()):
            if lent not in alone or loan.worker not in ready:
                del self._loans[lent]
                if loan.worker in ready:  # others accept nobody any more
                    loan.worker.tell({"do": "release", "loan": loan.number})
        for each in alone.keys() - self._loans.keys():
            self._lend(each, alone[each], ready)

    def _lend(self, lent: socket.socket, name: str, ready: Sequence[Worker]) -> None:
        able = [w for w in ready if name in w.plan.listening.ports]
        if not able:
            return
        loan = _Loan(next(self._numbers), min(able, key=self._burden))
        message = {"do": "adopt", "loan": loan.number, "port": name}
        if loan.worker.tell(message, [lent.fileno()]):
            self._loans[lent] = loan

    def _burden(self, worker: Worker) -> tuple[bool, int, int]:
        """Return how little a worker is fit for one more: without keys, by loans."""
        loans = sum(loan.worker is worker for loan in self._loans.values())
        return not worker.is_active, loans, worker.number
