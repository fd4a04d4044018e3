"""What `bench.search` runs in a process of its own: Django has one database a process.

`python -m bench._search PERSONS`: load a synthetic country into the database of
KEREGE_TEST_DATABASE if it is empty, make its search tables, search; figures as JSON.
"""

import json
import os
import random
import sys
import time

from bench._names import misspelled

SEED = 20261124
QUERIES = 300
Figures = dict[str, float]


def main() -> int:
    """Load, search, print."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "kerege.portal.settings_test"
    import django

    django.setup()
    from django.core.management import call_command

    from kerege.apps.aimak.models import Person
    from kerege.apps.aimak.search.index import rebuild
    from kerege.apps.aimak.search.models import PersonEntry
    from kerege.apps.aimak.synth.load import load
    from kerege.apps.aimak.synth.plan import make_plan

    call_command("migrate", verbosity=0)
    figures: Figures = {}
    if not Person.objects.exists():
        load(make_plan(int(sys.argv[1]), 1))
    if not PersonEntry.objects.exists():
        started = time.perf_counter()
        rebuild()
        figures["rebuild.seconds"] = time.perf_counter() - started
    print(json.dumps(figures | measure()))
    return 0


def measure() -> Figures:
    """Search for people who are there, as people misspell them."""
    from kerege.apps.aimak.models import PersonFacts
    from kerege.apps.common.staff.access import Scope

    everywhere = Scope(everywhere=True)
    chance = random.Random(SEED)
    highest = PersonFacts.objects.order_by("-pk").values_list("pk", flat=True)[0]
    asked = [one for _ in range(QUERIES) if (one := _drawn(chance, highest))]
    figures: Figures = {"persons": float(highest)}
    for name, scope_of, typed in (
        ("", lambda _: everywhere, _misspelled),
        ("office.", lambda one: Scope(offices=frozenset({one[2]})), _surname),
        ("latin.", lambda _: everywhere, _latin),
    ):
        figures |= _measured(name, [(scope_of(o), typed(o, chance), o) for o in asked])
    return figures


def _drawn(chance: random.Random, highest: int) -> tuple[str, str, int] | None:
    from kerege.apps.aimak.models import PersonFacts

    row = (
        PersonFacts.objects.filter(pk__gte=chance.randrange(highest))
        .order_by("pk")
        .values_list("surname", "given_name", "person__office_id")
        .first()
    )
    return row if row and len(row[0]) > 3 and len(row[1]) > 3 else None


def _misspelled(one: tuple[str, str, int], chance: random.Random) -> str:
    return f"{misspelled(one[0], chance)} {misspelled(one[1], chance)}"


def _surname(one: tuple[str, str, int], chance: random.Random) -> str:
    return misspelled(one[0], chance)


def _latin(one: tuple[str, str, int], chance: random.Random) -> str:
    from kerege.apps.aimak.names.latin import latin_variants

    surname, given = latin_variants(one[0]), latin_variants(one[1])
    return f"{chance.choice(given)} {chance.choice(surname)}"


def _measured(name: str, queries: list[tuple]) -> Figures:
    from kerege.apps.aimak.search.engine import search

    times, hits = [], 0
    for scope, typed, (surname, given, _) in queries:
        started = time.perf_counter()
        results = search(typed, scope)
        times.append((time.perf_counter() - started) * 1e3)
        hits += any(
            found.facts.surname == surname
            and (name == "office." or found.facts.given_name == given)
            for found in results.found
        )
    times.sort()
    return {
        f"{name}p50_ms": times[len(times) // 2],
        f"{name}p95_ms": times[int(len(times) * 0.95)],
        f"{name}found": hits / len(times) * 100,
    }


if __name__ == "__main__":
    sys.exit(main())
