"""How long a household book of 50,000 persons takes into the register.

On SQLite in a file, as a pilot office has it: the dry run and the taking, by the worker,
until all is committed. One row in twenty is bad: every kind of mistake in turn. That
nothing good is lost and nothing bad is taken is counted, not assumed. It runs in a
process of its own, because Django is set up once.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.rows import Row

if TYPE_CHECKING:
    from kerege.apps.aimak.imports.models import Import

PREFIX = "aimak.import_50k"
PERSONS = {"small": 5_000, "full": 50_000}
BAD_EVERY = 20
SURNAMES, GIVEN_NAMES = 500, 211
"""Different ones: a few hundred are most of a village, and they have no common divisor."""
MEMBERS = 5
HEADER = (
    "Түтүндүн номери", "Фамилиясы", "Ысымы", "ПИН", "Туулган күнү", "Жынысы",
    "Башчыга тууганчылыгы", "Көчөсү", "Үй", "Бодо мал",
)  # fmt: skip
_MISTAKES = (
    {3: "123"},
    {3: "2,05032E+13"},
    {4: "30.02.1987"},
    {4: ""},
    {1: "Aсанов"},
    {2: "<b>Үсөн"},
    {5: "билбейм"},
    {6: "кошуна"},
    {0: ""},
    {9: "-3"},
)
_LETTERS = "абвгдежзик"


def rows(scale: str) -> list[Row]:
    """Run it in a process of its own, with a database of its own."""
    with tempfile.TemporaryDirectory(prefix="kerege-bench-") as folder:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "kerege.portal.settings_test",
            "KEREGE_TEST_DATABASE": f"sqlite://{folder}/portal.sqlite",
        }
        done = subprocess.run(
            [sys.executable, "-m", "bench.imports", str(PERSONS[scale]), folder],
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    note = (
        f"{found['persons']:,} rows, {found['bad']:,} of them bad: check "
        f"{found['check']:.1f} s, take {found['take']:.1f} s ({_cpu(found):.1f} s of CPU); "
        "SQLite, one worker"
    )
    return [Row("aimak.import_50k.seconds", found["check"] + found["take"], "s", note)]


def _cpu(found: dict[str, float]) -> float:
    return found["check_cpu"] + found["take_cpu"]


def main() -> None:
    """Make a book, check it, take it, count what came of it, and print the times."""
    import django

    django.setup()
    persons, folder = int(sys.argv[1]), Path(sys.argv[2])
    item, bad = prepare(persons, folder)
    from kerege.apps.aimak.imports.jobs import CHECK, TAKE, start
    from kerege.apps.aimak.imports.models import State
    from kerege.apps.aimak.models import PersonFacts
    from kerege.apps.common.jobs import worker

    times = {}
    for name, state, kind in (
        ("check", State.CHECKING, CHECK),
        ("take", State.TAKING, TAKE),
    ):
        started, used = time.perf_counter(), time.process_time()
        start(item, state, kind, item.created_by)
        worker.run(threading.Event(), until_empty=True)
        times[name] = time.perf_counter() - started
        times[f"{name}_cpu"] = time.process_time() - used
        item.refresh_from_db()
    rows_not_taken = set(
        item.findings.filter(is_note=False).values_list("row", flat=True)
    )
    if item.state != State.TAKEN or rows_not_taken != bad:
        raise SystemExit("Not as it should be: " + item.state + item.error)
    if PersonFacts.objects.count() != persons - len(bad):
        raise SystemExit("Somebody is missing or there twice")
    print(json.dumps({**times, "persons": persons, "bad": len(bad)}))


def prepare(persons: int, folder: Path) -> "tuple[Import, set[int]]":
    """Make tables, an office and a book; return the import and its bad rows."""
    from django.core.management import call_command

    from kerege.apps.aimak.imports.uploading import store
    from kerege.apps.common.staff.models import Office, User

    call_command("migrate", verbosity=0, interactive=False)
    office = Office.objects.create(code="karool", unit_code="41704210830000")
    clerk = User.objects.create_user("clerk", "long-word-7", full_name="Clerk")
    path = folder / "book.xlsx"
    bad: set[int] = set()
    _write(path, _book(persons, bad))
    return store(office, clerk, "book.xlsx", path), bad


def _write(path: Path, lines: Iterator[tuple[object, ...]]) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("Китеп")
    sheet.write_row(0, 0, HEADER)
    for number, line in enumerate(lines, 1):
        sheet.write_row(number, 0, line)
    book.close()


def _book(persons: int, bad: set[int]) -> Iterator[tuple[object, ...]]:
    for number in range(persons):
        line = list(_person(number))
        if number % BAD_EVERY == 7:
            turn = number // BAD_EVERY % len(_MISTAKES)
            for column, value in _MISTAKES[turn].items():
                line[column] = value
            bad.add(number + 2)
        yield tuple(line)


def _word(number: int) -> str:
    return "".join(_LETTERS[int(digit)] for digit in str(number))


def _person(number: int) -> tuple[object, ...]:
    household, member = divmod(number, MEMBERS)
    born = date(1950, 1, 1) + timedelta(days=number * 7 % 25_000)
    is_woman = member % 2 == 1
    relation = ("башчы", "аялы", "уулу", "кызы", "уулу")[member]
    pin = f"{1 if is_woman else 2}{born:%d%m%Y}{number:05d}"
    return (
        str(household + 1),
        f"Асан{_word(household % SURNAMES)}ов" + ("а" if is_woman else ""),
        f"Үсө{_word(number % GIVEN_NAMES)}н",
        pin,
        f"{born:%d.%m.%Y}",
        "а" if is_woman else "э",
        relation,
        f"Көчө {_LETTERS[household % 10]}",
        str(household % 90 + 1),
        3 if member == 0 else None,
    )


if __name__ == "__main__":
    main()
