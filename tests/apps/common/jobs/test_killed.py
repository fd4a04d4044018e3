"""A worker is killed in the middle of a job; another one takes it over and ends it."""

import signal
from pathlib import Path

import pytest

from tests.portal_folder import PortalFolder, new_portal

HANDLER = """
import os, sys, threading
from pathlib import Path
from django.db import transaction
from kerege.apps.common.audit.record import record
from kerege.apps.common.jobs.handlers import handler
from kerege.apps.common.jobs.worker import run

@handler("test.write")
def write(work):
    for step in range(work.job.done, 5):
        with transaction.atomic():
            record(None, "write", str(step))
            work.advance(step + 1, 5)
        if step == 2 and os.environ.get("DIES"):
            Path(os.environ["DIES"]).touch()
            threading.Event().wait()

run(threading.Event(), until_empty=True)
"""
ENQUEUE = """
from kerege.apps.common.jobs.queue import enqueue
enqueue("test.write")
"""
LEASE_ENDS = """
from datetime import timedelta
from django.utils import timezone
from kerege.apps.common.jobs.models import Job
now = timezone.now()
assert Job.objects.filter(state="running", lease_until__gt=now, done=3).exists()
Job.objects.update(lease_until=now - timedelta(seconds=1))
"""
TOLD = """
from kerege.apps.common.audit.models import Entry
from kerege.apps.common.jobs.models import Job
job = Job.objects.get()
print(job.state, job.done, job.attempts, sorted(Entry.objects.values_list("subject")))
"""


def test_a_job_survives_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder: PortalFolder = new_portal(tmp_path / "portal")
    assert folder.python(ENQUEUE).returncode == 0
    half_way = tmp_path / "half way"
    monkeypatch.setenv("DIES", str(half_way))
    first = folder.start_python(HANDLER)
    while not half_way.exists():
        assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    assert folder.ended(first).returncode == -signal.SIGKILL
    monkeypatch.delenv("DIES")

    untouched = folder.python(HANDLER)
    assert untouched.returncode == 0, untouched.stderr
    waits = folder.python(LEASE_ENDS)
    assert waits.returncode == 0, waits.stderr
    second = folder.python(HANDLER)
    assert second.returncode == 0, second.stderr
    steps = [("0",), ("1",), ("2",), ("3",), ("4",)]
    assert folder.python(TOLD).stdout == f"done 5 2 {steps}\n"
