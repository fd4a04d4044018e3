"""`family-members` and `address-fact` in the service, on PostgreSQL.

7.4 million synthetic persons (full; loading takes some ten minutes), 50,000 (small). A
database that has been loaded already can be named in KEREGE_BENCH_REGISTER. Measured is
all of an answer but the socket: judging the connection, reading, the entry in the audit
log with its commit, JSON.
"""

import json
import os
import subprocess
import sys

from bench.rows import Row
from bench.search import FULL, LARGE_SERVER, SMALL
from tests.postgres import server

PREFIX = ("aimak.family_members.", "aimak.address_fact.")
DURABLE = LARGE_SERVER.replace("fsync=off", "fsync=on")
"""A commit of the audit log waits for the disk, as it does in an office."""


def rows(scale: str) -> list[Row]:
    """Measure in a process of its own: Django has one database a process."""
    persons = FULL if scale == "full" else SMALL
    url = os.environ.get("KEREGE_BENCH_REGISTER") or _database()
    done = subprocess.run(
        [sys.executable, "-m", "bench._family", str(persons)],
        env={**os.environ, "KEREGE_TEST_DATABASE": url},
        stdout=subprocess.PIPE,
        check=True,
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    count = f"{figures.pop('persons'):,.0f} persons, PostgreSQL, one call at a time"
    return [Row(f"aimak.{name}", value, "ms", count) for name, value in figures.items()]


def _database() -> str:
    started = server()
    started.stop()
    started.start(DURABLE)
    return started.create_database()
