"""Jobs: taken once, kept while they run, begun again when their worker has died."""

import threading
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from kerege.apps.common.audit.models import Entry
from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.jobs import handlers, queue, worker
from kerege.apps.common.jobs.handlers import MayPassError, Work
from kerege.apps.common.jobs.models import Job, State

pytestmark = pytest.mark.django_db


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Jobs of the kind "count" that were done; they take three steps."""
    seen: list[int] = []

    def count(work: Work) -> None:
        for step in (1, 2, 3):
            work.advance(step, 3, "counting")
        seen.append(work.job.pk)
        work.result["counted"] = 3

    monkeypatch.setattr(handlers, "HANDLERS", {"count": count})
    monkeypatch.setattr(worker, "HANDLERS", handlers.HANDLERS)
    return seen


def test_a_job_is_done_and_says_so(handled: list[int]):
    job = queue.enqueue("count", {"of": "sheep"})
    worker.perform(claimed())
    job.refresh_from_db()
    assert handled == [job.pk]
    assert (job.state, job.percent, job.result) == (State.DONE, 100, {"counted": 3})
    assert queue.claim("w", ["count"]) is None


def test_nobody_takes_a_job_that_another_has():
    queue.enqueue("count")
    assert queue.claim("one", ["count"]) is not None
    assert queue.claim("two", ["count"]) is None


def test_a_job_of_a_dead_worker_is_begun_again_and_the_dead_one_is_told(handled):
    queue.enqueue("count")
    first = claimed("one")
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    second = claimed("two")
    assert second.pk == first.pk
    with pytest.raises(queue.StoppedError):
        queue.advance(first, done=2, total=3)
    queue.fail(first, "too late", may_pass=False)
    worker.perform(second)
    assert Job.objects.get().state == State.DONE


def test_workers_that_die_again_and_again_end_the_job():
    queue.enqueue("count")
    for _ in range(queue.MOST_ATTEMPTS):
        claimed()
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert queue.claim("w", ["count"]) is None
    job = Job.objects.get()
    assert (job.state, job.error) == (State.FAILED, "its workers died")


def test_trouble_that_may_pass_is_tried_again_later(monkeypatch, handled):
    def hindered(work: Work) -> None:
        raise MayPassError("the mail server does not answer")

    handlers.HANDLERS["count"] = hindered
    queue.enqueue("count")
    worker.perform(claimed())
    job = Job.objects.get()
    assert (job.state, job.error) == (
        State.WAITING,
        "the mail server does not answer",
    )
    assert queue.claim("w", ["count"]) is None
    Job.objects.update(not_before=timezone.now())
    assert claimed().attempts == 2


def test_a_bug_in_a_handler_ends_the_job_but_not_the_worker(handled):
    handlers.HANDLERS["count"] = lambda work: 1 / 0
    queue.enqueue("count")
    worker.perform(claimed())
    job = Job.objects.get()
    assert (job.state, job.error) == (State.FAILED, "ZeroDivisionError")


def test_a_running_job_stops_at_its_next_step(handled):
    job = queue.enqueue("count")
    running = claimed()
    queue.request_stop(job)
    worker.perform(running)
    assert Job.objects.get().state == State.STOPPED
    assert handled == []


def test_a_waiting_job_stops_at_once():
    job = queue.enqueue("count")
    queue.request_stop(job)
    assert queue.claim("w", ["count"]) is None


def test_a_refusal_outlives_the_rollback_of_its_job(handled, monkeypatch):
    # The test's own transaction is on that connection.
    monkeypatch.setattr(worker, "close_old_connections", lambda: None)

    def refused(_: Work) -> None:
        with transaction.atomic():
            record(None, "take book", outcome=Outcome.REFUSED)
            raise ValueError

    handlers.HANDLERS["count"] = refused
    queue.enqueue("count")
    worker.run(threading.Event(), until_empty=True)
    assert Job.objects.get().state == State.FAILED
    assert Entry.objects.get().action == "take book"


def test_a_payload_has_a_bound():
    with pytest.raises(queue.PayloadTooLargeError, match="above 16384"):
        queue.enqueue("count", {"x": "y" * 17_000})


def claimed(worker_name: str = "w") -> Job:
    job = queue.claim(worker_name, ["count"])
    assert job is not None
    return job
