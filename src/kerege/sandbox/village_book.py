"""Makes the demo's village: ``python -m kerege.sandbox.village_book FOLDER HOST``.

A synthetic country of a thousand people, the households of the table that all guides
name (`people`), and a clerk. The last line it prints is JSON for `village`. A second
start brings the tables to this version and says the same again. Nobody here exists.
"""

import json
import os
import secrets
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Any

from kerege.portal.configuration import ENVIRONMENT, FILE, initialize
from kerege.sandbox.people import KEK_DJAR, Person, register

PERSONS = 1000
"""Two seconds' work, and every screen has something to show."""
SEED = 20261124
TOLD = "demo.json"
"""What was told at the end: without it the folder is made anew."""
CLERK = "clerk"
OFFICE = "41704210830000"
"""SOATE code of the aimak whose office keeps the table's households."""
_RELATIONS = {
    "Глава семьи": "head",
    "Супруга": "spouse",
    "Сын": "child",
    "Дочь": "child",
}


def main() -> None:
    """Make the village of the folder that is named, or find it."""
    folder, host = Path(sys.argv[1]), sys.argv[2]
    told = folder / TOLD
    is_new = not told.exists()
    if is_new and folder.exists():
        shutil.rmtree(folder)  # a start that was interrupted
    _set_up(folder, host)
    if is_new:
        print(f"· a village of {PERSONS} synthetic people (once)", flush=True)  # noqa: T201
        words = json.dumps(_fill())
        handle = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(words)
    print(told.read_text("utf-8"), flush=True)  # noqa: T201


def _set_up(folder: Path, host: str) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = folder / FILE
    if not settings.exists():
        hosts = json.dumps([host, "127.0.0.1", "localhost"])
        settings.write_text(f"# A sandbox's village.\nhosts = {hosts}\n", "utf-8")
    initialize(folder)
    os.environ[ENVIRONMENT] = str(folder.resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "kerege.portal.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def _fill() -> dict[str, Any]:
    from django.db import transaction

    from kerege.apps.aimak.models import Person as Somebody
    from kerege.apps.aimak.search.index import rebuild
    from kerege.apps.aimak.synth.load import load
    from kerege.apps.aimak.synth.plan import make_plan

    with transaction.atomic():
        load(make_plan(PERSONS, SEED, urban_share=0.0))
        _enter_table()
        rebuild()
        password = secrets.token_urlsafe(9)
        _hire(password)
        first = next(iter(register().people.values()))
        return {
            "sign_in_name": CLERK,
            "password": password,
            "person": first.name,
            "persons": Somebody.objects.count(),
        }


def _hire(password: str) -> None:
    """Let a clerk work in all offices of the village."""
    from kerege.apps.common.staff.models import Assignment, Office, User
    from kerege.apps.common.staff.rights import Role

    clerk = User.objects.create_user(
        CLERK, password, full_name="Synthetic clerk", language="en"
    )
    Assignment.objects.bulk_create(
        Assignment(user=clerk, role=Role.CLERK, office=one, valid_from=date(2026, 1, 1))
        for one in Office.objects.all()
    )


def _enter_table() -> None:
    """Enter the households that guides and checks name, as one change."""
    from django.utils import timezone

    from kerege.apps.aimak.actions import Action, begin
    from kerege.apps.aimak.models import ChangeKind, Household
    from kerege.apps.common.staff.models import Office

    office, _ = Office.objects.get_or_create(
        unit_code=OFFICE,
        defaults={"code": OFFICE, **_names("Кек-Жар", "Кек-Джар", "Kek-Djar")},
    )
    action = Action(ChangeKind.IMPORT, None, office, "synthetic country")
    change = begin(action, timezone.now())
    _units(change)
    here = register()
    streets = _streets(here.places.values(), change)
    for number, family in here.households.items():
        street, _, house = here.places[number]
        household = Household.objects.create(office=office)
        facts = {
            "office_id": office.pk,
            "number": f"T-{number + 1}",
            "kind": "family",
            "unit_code": KEK_DJAR.city_id,
            "street_id": streets[street],
            "house": house,
        }
        _household(household.pk, facts, change)
        for person in family:
            _person(person, household, change)


def _household(pk: int, facts: dict[str, Any], change: Any) -> None:  # noqa: ANN401 - models come late
    from kerege.apps.aimak import history
    from kerege.apps.aimak.models import HouseholdFacts, LandPlot, Livestock

    history.change(HouseholdFacts, (pk,), facts, None, change)
    sheep = {"count": 5 + pk % 20}
    history.change(Livestock, (pk, 3, "", ""), sheep, None, change)
    plot = {"kind": "share", "area_m2": 4000 + 100 * (pk % 30), "irrigated": True}
    history.change(LandPlot, (pk, 1), plot, None, change)


def _person(person: Person, household: Any, change: Any) -> None:  # noqa: ANN401 - models come late
    from kerege.apps.aimak import history
    from kerege.apps.aimak.models import (
        Membership,
        Person as Somebody,
        PersonFacts,
        PersonPin,
        PinStatus,
    )

    born = date(int(person.pin[5:9]), int(person.pin[3:5]), int(person.pin[1:3]))
    surname, given = person.name.split()
    facts = {
        "surname": surname,
        "given_name": given,
        "patronymic_absent": True,
        "sex": "female" if person.pin[0] == "1" else "male",
        "birth_date": born,
    }
    row = Somebody.objects.create(office=household.office)
    history.change(PersonFacts, (row.pk,), facts, None, change)
    pin = {"pin": person.pin, "status": PinStatus.ASSIGNED}
    history.change(PersonPin, (row.pk,), pin, None, change)
    relation = _RELATIONS[person.role]
    member = {"relation": relation, "is_head": relation == "head"}
    history.change(Membership, (row.pk, household.pk), member, born, change)


def _units(change: Any) -> None:  # noqa: ANN401 - models come late
    from kerege.apps.aimak import history
    from kerege.apps.aimak.models import Level, Unit

    village = KEK_DJAR
    rows = [
        (village.region_id, "", Level.REGION, village.region),
        (village.district_id, village.region_id, Level.DISTRICT, village.district),
        (OFFICE, village.district_id, Level.AIMAK, "Кек-Джар"),
        (village.city_id, OFFICE, Level.VILLAGE, village.city),
    ]
    known = set(Unit.objects.values_list("code", flat=True))
    for code, parent, level, name in rows:
        if code not in known:
            values = {"parent_code": parent, "level": level, "name_ru": name}
            history.change(Unit, (code,), values, None, change)


def _streets(places: Any, change: Any) -> dict[str, int]:  # noqa: ANN401 - models come late
    from kerege.apps.aimak import history
    from kerege.apps.aimak.models import Street, StreetName

    found = {}
    for name in sorted({street for street, _, _ in places}):
        street = Street.objects.create(unit_code=KEK_DJAR.city_id)
        history.change(StreetName, (street.pk,), {"name_ru": name}, None, change)
        found[name] = street.pk
    return found


def _names(kyrgyz: str, russian: str, english: str) -> dict[str, str]:
    return {"name_ky": kyrgyz, "name_ru": russian, "name_en": english}


if __name__ == "__main__":
    main()
