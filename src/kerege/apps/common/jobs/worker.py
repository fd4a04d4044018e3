"""The worker: takes one job after another.

    kerege portal worker

Any number of them may run. SIGTERM lets the job at hand come to its next step, where it
is put back; SIGKILL costs the lease's time, then another worker has it.
"""

import os
import socket
import threading

import structlog
from django.db import OperationalError, close_old_connections

from kerege.apps.common.audit.record import settle
from kerege.apps.common.jobs import queue
from kerege.apps.common.jobs.handlers import HANDLERS, MayPassError, Work
from kerege.apps.common.jobs.models import Job

PAUSE_SECONDS = 1.0
"""Between two looks at an empty table."""

_log = structlog.get_logger(__name__)


def run(stopping: threading.Event, *, until_empty: bool = False) -> None:
    """Work until told to stop, or until nothing waits."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    while not stopping.is_set():
        close_old_connections()
        try:
            settle()  # refusals that the last job's rolled-back transaction took along
            job = queue.claim(name, sorted(HANDLERS))
        except OperationalError as error:
            _log.warning("jobs cannot be read", error=type(error).__name__)
            job = None
        if job is not None:
            perform(job)
        elif until_empty:
            return
        else:
            stopping.wait(PAUSE_SECONDS)


def perform(job: Job) -> None:
    """Do one job that was claimed, whatever becomes of it."""
    work = Work(job)
    try:
        HANDLERS[job.kind](work)
    except queue.StoppedError:
        queue.stop(job)
        _log.info("job stopped", kind=job.kind, job=job.pk)
    except (MayPassError, OperationalError) as error:
        queue.fail(job, str(error), may_pass=True)
        _log.warning("job failed", kind=job.kind, job=job.pk, attempt=job.attempts)
    except Exception as error:  # noqa: BLE001 - one job must not end the worker
        queue.fail(job, type(error).__name__, may_pass=False)
        _log.exception("job failed", kind=job.kind, job=job.pk, attempt=job.attempts)
    else:
        queue.finish(job, work.result)
        _log.info("job done", kind=job.kind, job=job.pk)
