"""Makes an office and a checked import in a portal's folder, ready to be taken.

Run in the environment of that folder by `test_power_cut`; prints the number of rows.
"""

import sys
import threading
from pathlib import Path

import django

PERSONS = 4_000


def main() -> None:
    django.setup()
    from bench.imports import prepare
    from kerege.apps.aimak.imports.jobs import CHECK, TAKE, start
    from kerege.apps.aimak.imports.models import State
    from kerege.apps.common.jobs import worker

    item, bad = prepare(PERSONS, Path(sys.argv[1]))
    start(item, State.CHECKING, CHECK, item.created_by)
    worker.run(threading.Event(), until_empty=True)
    item.refresh_from_db()
    start(item, State.TAKING, TAKE, item.created_by)
    sys.stdout.write(f"{PERSONS - len(bad)}\n")


if __name__ == "__main__":
    main()
