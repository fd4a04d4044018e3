"""Which workers are started, and when, without any process."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kerege.exchange.security_server.settings import Settings
from kerege.exchange.supervisor import crew as module
from kerege.exchange.supervisor.crew import Crew
from kerege.exchange.supervisor.listening import Listening
from kerege.exchange.supervisor.pulse import MAX_SILENCES, PULSE_SECONDS, Pulse
from kerege.exchange.supervisor.questions import Questions
from kerege.exchange.supervisor.timers import Timers
from kerege.exchange.supervisor.workers import (
    LONG_SECONDS,
    LONGEST_DELAY_SECONDS,
    Plan,
    Slot,
    State,
    Worker,
)

KILLED = 9


class Silent:
    """Events that nobody reads."""

    def info(self, event: str, **fields: object) -> None:
        """Write nothing."""

    warning = error = info


class Asked:
    """Questions that workers were asked."""

    def __init__(self) -> None:
        self.questions: list[tuple[Worker, int]] = []

    def by(self, worker: Worker) -> Any:
        asked = self

        class End:
            def send(self, message: dict[str, int], sockets: object) -> None:
                asked.questions.append((worker, message["id"]))

        return End()

    def pop_all(self) -> list[tuple[Worker, int]]:
        questions, self.questions = self.questions, []
        return questions


@dataclass
class Stage:
    """A crew whose processes are numbers, and a clock that the test turns."""

    workers: int = 2
    now: float = 0.0
    started: list[Worker] = field(default_factory=list)
    left: list[Worker] = field(default_factory=list)
    killed: list[Worker] = field(default_factory=list)
    patience: list[object] = field(default_factory=list)
    """Of those who left, in their order."""
    answers: list[str] = field(default_factory=list)
    no_more: bool = False

    def __post_init__(self) -> None:
        self.timers = Timers(lambda: self.now)
        self.crew = Crew(self.spawn, self.timers, Silent(), on_failed=lambda _: None)  # type: ignore[arg-type]  # as far as it is used
        self.crew.start(self.plan(self.workers))

    def plan(self, workers: int) -> Plan:
        settings = Settings("TEST/GOV/1/SS1", workers=workers, directory=Path())
        return Plan(settings, "", Listening({}))

    def spawn(self, number: int, plan: Plan) -> Worker:
        if self.no_more:
            raise OSError("Cannot allocate memory")
        stage = self

        class Process(Worker):
            def leave(self, **how: object) -> None:
                self.state = State.LEAVING
                stage.left.append(self)
                stage.patience.append(how["patience"])

            def kill(self) -> None:
                stage.killed.append(self)

        pid = len(self.started) + 1
        worker = Process(number, pid, None, plan, True, started=self.now)  # type: ignore[arg-type]  # no channel
        self.started.append(worker)
        return worker

    def ready(self, *pids: int) -> None:
        for pid in pids:
            self.crew.ready(self.crew.alive[pid])

    def listen_to_pulses(self) -> "Asked":
        asked = Asked()
        self.questions = Questions(self.timers)
        for worker in self.started:
            worker.channel = asked.by(worker)
        Pulse(self.crew, self.questions, self.timers, Silent()).start()  # type: ignore[arg-type]  # as far as it is used
        return asked

    def forward(self, seconds: float) -> None:
        self.now += seconds
        self.timers.run()

    def roll(self, workers: int | None = None) -> None:
        self.crew.roll(self.plan(workers or self.workers), self.answers.append)

    def places(self) -> dict[int, int | None]:
        return {n: s.current and s.current.pid for n, s in self.crew.slots.items()}


def test_everybody_starts_at_once_and_is_replaced_in_turn():
    stage = Stage()
    assert stage.places() == {1: 1, 2: 2}
    assert not stage.crew.are_all_ready
    stage.ready(1, 2)
    assert stage.crew.are_all_ready

    stage.roll()
    assert [w.number for w in stage.started[2:]] == [1], "one at a time"
    assert stage.left == [], "and the old one stays until it is ready"
    stage.ready(3)
    assert [w.pid for w in stage.left] == [1]
    assert stage.places() == {1: 3, 2: 2}
    assert stage.answers == []
    stage.ready(4)
    assert stage.places() == {1: 3, 2: 4}
    assert stage.answers == [""]
    assert stage.crew.died(1, 0) is stage.started[0]
    assert stage.crew.restarts == 0
    assert len(stage.started) == 4


def test_a_replacement_that_does_not_start_changes_nothing():
    stage = Stage()
    stage.ready(1, 2)
    stage.roll()
    stage.crew.died(3, KILLED)
    assert stage.answers == ["killed by SIGKILL"]
    assert stage.places() == {1: 1, 2: 2}
    assert stage.left == []
    stage.roll()
    stage.started[3].failure = {"what": "No keys", "advice": "Make some."}
    stage.crew.died(4, 256)
    assert stage.answers[1] == "No keys. Make some"
    stage.no_more = True
    stage.roll()
    assert stage.answers[2] == "No process could be started"
    assert stage.places() == {1: 1, 2: 2}
    assert not stage.crew.is_rolling


def test_a_worker_that_dies_while_its_successor_starts_is_not_missed():
    stage = Stage()
    stage.ready(1, 2)
    stage.roll()
    stage.crew.died(1, KILLED)  # it is started again, for the case that 3 fails
    assert stage.places() == {1: 4, 2: 2}
    stage.ready(3)
    assert stage.places() == {1: 3, 2: 2}
    assert [w.pid for w in stage.left] == [4]
    stage.ready(5)
    assert stage.answers == [""]


def test_more_or_less_workers_come_with_a_plan():
    stage = Stage(workers=1)
    stage.ready(1)
    stage.roll(workers=3)
    for pid in (2, 3, 4):
        stage.ready(pid)
    assert stage.places() == {1: 2, 2: 3, 3: 4}
    stage.roll(workers=1)
    stage.ready(5)
    assert stage.places() == {1: 5}
    assert [w.pid for w in stage.left] == [1, 2, 3, 4]


def test_who_dies_young_again_and_again_waits_longer_each_time():
    slot = Slot(1, Stage().plan(1))
    waits = [slot.next_delay(0.1) for _ in range(9)]
    assert waits == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, LONGEST_DELAY_SECONDS]
    assert slot.next_delay(LONG_SECONDS) == 0.0
    assert slot.next_delay(0.1) == 0.0, "all is forgotten"


def test_a_delayed_start_happens_once_and_not_after_the_end():
    stage = Stage(workers=1)
    stage.crew.died(1, KILLED)
    assert stage.places() == {1: 2}
    stage.crew.died(2, KILLED)
    assert stage.places() == {1: None}
    stage.forward(0.2)
    assert stage.places() == {1: 3}
    stage.crew.died(3, KILLED)
    stage.crew.stop(1.0)
    stage.forward(60)
    assert len(stage.started) == 3


def test_without_room_for_a_process_it_is_tried_again():
    stage = Stage(workers=1)
    stage.no_more = True
    stage.crew.died(1, KILLED)
    assert stage.places() == {1: None}
    stage.no_more = False
    stage.forward(LONGEST_DELAY_SECONDS)
    assert stage.places() == {1: 2}


@pytest.mark.parametrize("what", ["starts", "leaves"])
def test_who_hangs_is_ended(what: str):
    stage = Stage(workers=1)
    if what == "leaves":
        stage.ready(1)
        stage.roll()
        stage.ready(2)
    stage.forward(module.START_SECONDS + module.REPLACED_SECONDS + 60)
    assert [w.pid for w in stage.killed] == [1]


def test_who_does_not_stop_in_time_is_ended():
    stage = Stage()
    stage.ready(1, 2)
    stage.crew.stop(3.0)
    assert [w.pid for w in stage.left] == [1, 2]
    stage.crew.died(1, 0)
    stage.forward(3.0 + module.KILL_SECONDS)
    assert [w.pid for w in stage.killed] == [2]
    assert len(stage.started) == 2


def test_who_was_told_to_leave_before_it_was_ready_stays_leaving():
    stage = Stage(workers=1)
    stage.roll()
    stage.ready(2)
    stage.ready(1)
    assert [(w.pid, w.state) for w in stage.left] == [(1, State.LEAVING)]
    stage.forward(module.REPLACED_SECONDS + 60)
    assert [w.pid for w in stage.killed] == [1], "as it has not gone"


def test_a_worker_that_does_not_answer_three_times_is_ended():
    stage = Stage(workers=3)
    stage.ready(1, 2)  # the third one is starting, for which there is a limit already
    heard = stage.listen_to_pulses()
    for _ in range(MAX_SILENCES):
        assert stage.killed == []
        stage.forward(PULSE_SECONDS)
        for worker, number in heard.pop_all():
            assert worker.state is State.READY
            if worker.pid == 1:
                stage.questions.answer({"reply": number})
    stage.forward(PULSE_SECONDS)
    assert [w.pid for w in stage.killed] == [2]


def test_a_worker_that_answers_now_and_then_is_left_alone():
    stage = Stage(workers=1)
    stage.ready(1)
    heard = stage.listen_to_pulses()
    for beat in range(4 * MAX_SILENCES):
        stage.forward(PULSE_SECONDS)
        for _, number in heard.pop_all():
            if beat % MAX_SILENCES == 0:
                stage.questions.answer({"reply": number})
    assert stage.killed == []


def test_how_long_idle_connections_stay_open_comes_with_a_replacement():
    stage = Stage(workers=1)
    stage.ready(1)
    stage.roll()
    stage.ready(2)
    stage.crew.roll(stage.plan(1), stage.answers.append, patience=0.0)
    stage.ready(3)
    assert stage.patience == [module.PATIENCE_SECONDS, 0.0]


def test_who_has_the_pin_leaves_at_once_if_need_be():
    stage = Stage()
    stage.ready(1, 2)
    stage.started[1].is_active = False
    stage.crew.drop_active()
    assert [(w.pid, w.state) for w in stage.left] == [(1, State.LEAVING)]
    assert stage.patience == [0.0]
    assert stage.places() == {1: 3, 2: 2}
