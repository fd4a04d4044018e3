"""The families of Karool in the browser tests, written as an import would write them."""

from datetime import UTC, date, datetime

CAST = (
    ("Асанов", "Үсөн", "Бекович", "male", date(1987, 3, 5), "head", "20503198700011"),
    ("Асанова", "Айгүл", "Сапаровна", "female", date(1990, 7, 12), "spouse", ""),
    ("Асанова", "Мээрим", "Үсөновна", "female", date(2015, 1, 20), "child", ""),
    ("Асанова", "Бурул", "Токтоевна", "female", date(1960, 5, 1), "parent", ""),
)
VILLAGE = "41704210830020"
UNITS = (
    ("41704000000000", "", "region", "Нарын облусу", "Нарынская область"),
    ("41704210000000", "41704000000000", "district", "Ак-Талаа", "Ак-Талинский"),
    ("41704210830000", "41704210000000", "aimak", "Кароол", "Кароол"),
    (VILLAGE, "41704210830000", "village", "Көк-Жар", "Кек-Джар"),
)


def families(office) -> dict[str, str]:
    """Write a village, a family and what it has; return ids for paths."""
    from django.db import transaction

    from kerege.apps.aimak import history, models
    from kerege.apps.aimak.actions import Action, begin
    from kerege.apps.aimak.search.index import refresh_persons

    with transaction.atomic():
        action = Action(models.ChangeKind.IMPORT, None, office)
        by = begin(action, datetime(2026, 1, 5, 4, tzinfo=UTC))
        for code, parent, level, ky, ru in UNITS:
            names = {"parent_code": parent, "level": level}
            names |= {"name_ky": ky, "name_ru": ru, "name_en": ru}
            history.change(models.Unit, (code,), names, None, by)
        home = models.Household.objects.create(office=office)
        place = {
            "office_id": office.pk,
            "number": "17",
            "kind": "family",
            "unit_code": VILLAGE,
            "house": "12",
        }
        history.change(models.HouseholdFacts, (home.pk,), place, None, by)
        people = [_person(home, row, by) for row in CAST]
        since = date(2024, 5, 1)
        for species, count in ((1, 3), (3, 24)):
            heads = {"count": count}
            history.change(
                models.Livestock, (home.pk, species, "", ""), heads, since, by
            )
        plot = {"kind": "homestead", "area_m2": 800, "irrigated": True}
        history.change(models.LandPlot, (home.pk, 1), plot, since, by)
        refresh_persons([one.pk for one in people])
    return {
        "family": home.public_id,
        "change": by.public_id,
    }


def _person(home, row, by):
    from kerege.apps.aimak import history, models

    surname, given, patronymic, sex, born, relation, pin = row
    person = models.Person.objects.create(office=home.office)
    facts = {
        "surname": surname,
        "given_name": given,
        "patronymic": patronymic,
        "sex": sex,
        "birth_date": born,
    }
    history.change(models.PersonFacts, (person.pk,), facts, born, by)
    if pin:
        values = {"pin": pin, "status": "assigned"}
        history.change(models.PersonPin, (person.pk,), values, born, by)
    member = {"relation": relation, "is_head": relation == "head"}
    history.change(models.Membership, (person.pk, home.pk), member, born, by)
    return person
