"""Searching the register on PostgreSQL: misspelled, in Latin letters, in one office.

7.4 million synthetic persons (full; loading takes some ten minutes), 50,000 (small). A
database that has been loaded already can be named in KEREGE_BENCH_REGISTER.
"""

import json
import os
import subprocess
import sys

from bench.rows import Row
from tests.postgres import server

PREFIX = "aimak.search."
FULL = 7_400_000
SMALL = 50_000
LARGE_SERVER = "-c fsync=off -c jit=off -c shared_buffers=1GB -c max_wal_size=8GB"
"""A server for a country has more memory than PostgreSQL's 128 MB."""
TOLD = {
    "": "surname and given name, a mistake in each, in the whole country",
    "office.": "a surname with a mistake, in one office",
    "latin.": "given name and surname in lawful Latin letters, in the whole country",
}


def rows(scale: str) -> list[Row]:
    """Measure in a process of its own."""
    persons = FULL if scale == "full" else SMALL
    url = os.environ.get("KEREGE_BENCH_REGISTER") or _database(scale)
    done = subprocess.run(
        [sys.executable, "-m", "bench._search", str(persons)],
        env={**os.environ, "KEREGE_TEST_DATABASE": url},
        stdout=subprocess.PIPE,
        check=True,
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    count = f"{figures['persons']:,.0f} persons, PostgreSQL"
    found = [
        Row(
            f"{PREFIX}{kind}{figure}",
            figures[f"{kind}{figure}"],
            unit,
            f"{told}, {count}",
        )
        for kind, told in TOLD.items()
        for figure, unit in (("p50_ms", "ms"), ("p95_ms", "ms"), ("found", "%"))
    ]
    if seconds := figures.get("rebuild.seconds"):
        found.append(Row(f"{PREFIX}rebuild.seconds", seconds, "s", count))
    return found


def _database(scale: str) -> str:
    started = server()
    if scale == "full":
        started.stop()
        started.start(LARGE_SERVER)
    return started.create_database()
