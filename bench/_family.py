"""What `bench.family` runs: load a country if there is none, ask, print figures."""

import json
import os
import random
import sys
import time

SEED = 20261124
CALLS = 2000
WARMING = 100
"""Calls before the measured ones: the first fills caches of code lists and of statements."""


def main() -> int:
    """Load, ask, print."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "kerege.portal.settings_test"
    import django
    from django.conf import settings

    django.setup()
    settings.ROOT_URLCONF = "kerege.apps.aimak.services.urls"
    settings.MIDDLEWARE = []
    # As in an installation: a thread keeps its connection.
    settings.DATABASES["default"]["CONN_MAX_AGE"] = 600
    from django.core.management import call_command
    from django.db import connection

    from kerege.apps.aimak.models import Person
    from kerege.apps.aimak.synth.load import load
    from kerege.apps.aimak.synth.plan import make_plan

    call_command("migrate", verbosity=0)
    if not Person.objects.exists():
        load(make_plan(int(sys.argv[1]), 1))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    pins = _drawn()
    figures = {"persons": float(Person.objects.count())}
    for service in ("family-members", "address-fact"):
        name = service.replace("-", "_")
        times = _measured(service, pins)
        figures[f"{name}.p50_ms"] = times[len(times) // 2]
        figures[f"{name}.p95_ms"] = times[int(len(times) * 0.95)]
    print(json.dumps(figures))
    return 0


def _drawn() -> list[str]:
    from kerege.apps.aimak.models import PersonPin

    chance = random.Random(SEED)
    highest = PersonPin.objects.order_by("-pk").values_list("pk", flat=True)[0]
    rows = (
        PersonPin.objects.exclude(pin="").order_by("pk").values_list("pin", flat=True)
    )
    drawn = (
        rows.filter(pk__gte=chance.randrange(highest)).first()
        for _ in range(CALLS + WARMING)
    )
    return [pin for pin in drawn if pin]


def _measured(service: str, pins: list[str]) -> list[float]:
    from kerege.apps.aimak.services.listener import Services
    from kerege.exchange.provider import LoopbackListener
    from tests.apps.aimak.services.asker import PORT, ask

    application = Services(LoopbackListener(PORT))
    times = []
    for pin in pins:
        started = time.perf_counter()
        answer = ask(f"/{service}/{pin}", application)
        times.append((time.perf_counter() - started) * 1e3)
        assert answer.status in (200, 204), answer.status
    return sorted(times[WARMING:])


if __name__ == "__main__":
    sys.exit(main())
