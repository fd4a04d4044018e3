"""A worker is killed in the middle of an import, with a real process and database."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
FACTS = "select count(*), count(distinct person_id) from aimak_personfacts"
STATE = "select state, taken_rows from imports_import"


def run(folder: Path, *command: str, out=subprocess.DEVNULL) -> subprocess.Popen:
    environment = {
        **os.environ,
        "KEREGE_PORTAL": str(folder),
        "DJANGO_SETTINGS_MODULE": "kerege.portal.settings",
    }
    return subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        stdout=out,
        stderr=subprocess.DEVNULL,
    )


def portal(folder: Path, *command: str) -> subprocess.Popen:
    return run(folder, "-m", "kerege.cli", "portal", "--folder", str(folder), *command)


def ask(folder: Path, statement: str) -> tuple:
    with closing(connect(folder)) as database:
        return database.execute(statement).fetchone()


def connect(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "portal.sqlite", timeout=60, isolation_level=None)


def test_a_killed_worker_leaves_whole_batches_and_the_next_one_finishes(tmp_path):
    folder = tmp_path / "site"
    assert portal(folder, "init").wait() == 0
    halfway = ("-m", "tests.apps.aimak.imports.halfway", str(tmp_path))
    made = run(folder, *halfway, out=subprocess.PIPE)
    persons = int(made.communicate()[0].splitlines()[-1])
    worker = portal(folder, "worker", "--until-empty")
    while ask(folder, STATE)[1] == 0:  # until the first batch is there
        assert worker.poll() is None
    worker.kill()
    worker.wait()
    state, taken = ask(folder, STATE)
    assert (state, 0 < taken < persons) == ("taking", True)
    assert ask(folder, FACTS) == (taken, taken)
    with closing(connect(folder)) as database:
        # The dead worker's lease would end within a minute; here it has.
        database.execute("update jobs_job set lease_until = '2020-01-01' where 1")
    assert portal(folder, "worker", "--until-empty").wait() == 0
    assert ask(folder, STATE) == ("taken", persons)
    assert ask(folder, FACTS) == (persons, persons)
    changes = "select count(*) from aimak_change where kind = 'import'"
    assert ask(folder, changes) == (1,)
    assert ask(folder, "pragma integrity_check") == ("ok",)
