"""Putting jobs in the table, taking them out, and saying how far they are."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from kerege.apps.common.jobs.models import Job, State

LEASE = timedelta(seconds=60)
"""A worker that has said nothing for so long is taken for dead."""
MOST_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=2)
"""Before the second attempt; each further one waits four times as long: two minutes."""
MOST_PAYLOAD_BYTES = 16_384
"""A payload is ids and options; files are documents."""


class PayloadTooLargeError(ValueError):
    """The payload is above its bound: put the data in a document and give its id."""


class StoppedError(Exception):
    """Somebody asked for the job to be stopped, or it is no longer this worker's."""


def enqueue(
    kind: str,
    payload: Mapping[str, object] | None = None,
    *,
    owner: AbstractBaseUser | None = None,
    not_before: datetime | None = None,
) -> Job:
    """Put a job in the table; within a transaction it is there when that commits.

    Raises:
        PayloadTooLargeError: The payload is more than `MOST_PAYLOAD_BYTES` as JSON.
    """
    values = dict(payload or {})
    size = len(json.dumps(values).encode())
    if size > MOST_PAYLOAD_BYTES:
        message = f"The payload of {kind} has {size} bytes, above {MOST_PAYLOAD_BYTES}"
        raise PayloadTooLargeError(message)
    now = timezone.now()
    return Job.objects.create(
        kind=kind,
        payload=values,
        owner_id=owner.pk if owner else None,
        created_at=now,
        not_before=not_before or now,
    )


def request_stop(job: Job) -> None:
    """Ask for a job's end: at once if it waits, at its next step if it runs."""
    now = timezone.now()
    waiting = Job.objects.filter(pk=job.pk, state=State.WAITING)
    if not waiting.update(state=State.STOPPED, ended_at=now):
        Job.objects.filter(pk=job.pk, state=State.RUNNING).update(stop_requested=True)


def claim(worker: str, kinds: list[str]) -> Job | None:
    """Take the job that has waited longest, or one whose worker has died.

    Two workers never get the same one: on PostgreSQL a locked row is stepped over, on
    SQLite one writes at a time.
    """
    now = timezone.now()
    with transaction.atomic():
        job = _locked(_takeable(now, kinds)).first()
        if job is None:
            return None
        job.state, job.worker = State.RUNNING, worker
        job.attempts += 1
        job.lease_until = now + LEASE
        if job.attempts > MOST_ATTEMPTS:
            job.state, job.error, job.ended_at = State.FAILED, "its workers died", now
            job.lease_until = None
            job.save()
            return None
        job.save(update_fields=["state", "worker", "attempts", "lease_until"])
    return job


def advance(job: Job, *, done: int, total: int = 0, stage: str = "") -> None:
    """Say how far a job is, and keep it.

    Raises:
        StoppedError: It is to stop, or another worker has it by now.
    """
    job.done, job.total, job.stage = done, total or job.total, stage or job.stage
    kept = (
        _mine(job)
        .filter(stop_requested=False)
        .update(
            done=job.done,
            total=job.total,
            stage=job.stage,
            lease_until=timezone.now() + LEASE,
        )
    )
    if not kept:
        raise StoppedError


def finish(job: Job, result: Mapping[str, object]) -> None:
    """Say that a job is done."""
    job.result = dict(result)
    if job.total:
        job.done = job.total
    _end(job, State.DONE)


def stop(job: Job) -> None:
    """Say that a job has stopped, because it was asked to."""
    _end(job, State.STOPPED)


def fail(job: Job, error: str, *, may_pass: bool) -> None:
    """Say that a job failed; it is tried again later if that may pass."""
    if may_pass and job.attempts < MOST_ATTEMPTS:
        delay = FIRST_DELAY * 4 ** (job.attempts - 1)
        _mine(job).update(
            state=State.WAITING,
            error=error[:300],
            not_before=timezone.now() + delay,
            lease_until=None,
        )
        return
    _end(job, State.FAILED, error=error)


def _end(job: Job, state: State, *, error: str = "") -> None:
    _mine(job).update(
        state=state,
        error=error[:300],
        result=job.result,
        done=job.done,
        lease_until=None,
        ended_at=timezone.now(),
    )


def _mine(job: Job) -> "QuerySet[Job]":
    """Select the job while no other worker has begun it anew."""
    return Job.objects.filter(
        pk=job.pk, worker=job.worker, attempts=job.attempts, state=State.RUNNING
    )


def _takeable(now: datetime, kinds: list[str]) -> "QuerySet[Job]":
    waits = Q(state=State.WAITING, not_before__lte=now)
    abandoned = Q(state=State.RUNNING, lease_until__lt=now)
    return Job.objects.filter(waits | abandoned, kind__in=kinds).order_by(
        F("not_before").asc(), "pk"
    )


def _locked(jobs: "QuerySet[Job]") -> "QuerySet[Job]":
    if connection.features.has_select_for_update_skip_locked:
        return jobs.select_for_update(skip_locked=True)
    return jobs
