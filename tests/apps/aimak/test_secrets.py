"""What the book does not tell: of people elsewhere, and of those who are protected."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from kerege.apps.aimak import history
from kerege.apps.aimak.models import (
    Change,
    ChangeKind,
    HouseholdFacts,
    Person,
    PersonFacts,
    Protection,
)
from tests.apps.aimak.conftest import USEN_PIN, Family
from tests.apps.aimak.people import Book, begin
from tests.apps.aimak.test_event_screens import (
    address_of,
    birth,
    errors_of,
    signed_in,
    tell,
)

pytestmark = pytest.mark.django_db
ADDRESS = "to the shelter, Osh, Lenin 5"


@pytest.fixture
def clerk(asanovs: Family) -> Client:
    return signed_in(asanovs.office)


def protect(person: Person, kind: str) -> None:
    by = begin(person.office)
    history.change(Protection, (person.pk, kind), {"reason": "court"}, None, by)


def test_a_pin_alone_tells_nothing_of_somebody_in_another_office(asanovs, toluk):
    neighbour = signed_in(toluk, "Нурлан")
    home = Book(toluk).household("3")
    answers = {
        "pin": USEN_PIN,
        "relation": "other",
        "document_kind": "other",
        "document_number": "1",
    }
    for name, (day, month, year) in {
        "on": ("1", "2", "1950"),
        "born": ("1", "1", "1940"),
    }.items():
        answers |= {f"{name}_day": day, f"{name}_month": month, f"{name}_year": year}
    address = reverse("aimak:event", args=[home.public_id, "arrival"])
    page = neighbour.post(address, answers).content.decode()
    assert errors_of(page)
    assert "Асанов" not in page
    assert "not born" not in page


def test_where_a_protected_person_went_is_in_no_history(asanovs: Family, clerk: Client):
    by = begin(asanovs.office, event="departure", reason=ADDRESS)
    history.change(
        PersonFacts, (asanovs.aigul.pk,), facts(asanovs.aigul), date(2026, 2, 1), by
    )
    touch(by, asanovs.aigul, asanovs)
    pages = [
        reverse("aimak:household-history", args=[asanovs.household.public_id]),
        reverse("aimak:change", args=[by.public_id]),
    ]
    for page in pages:
        assert ADDRESS in clerk.get(page).content.decode()
    for kind in ("address", "adoption", "witness"):
        protect(asanovs.aigul, kind)
        for page in pages:
            assert ADDRESS not in clerk.get(page).content.decode(), kind
        Protection.objects.all().delete()


def test_an_arrival_is_not_undone_under_a_child_born_since(asanovs, clerk: Client):
    brought = Change.objects.filter(kind=ChangeKind.IMPORT).first()
    assert brought is not None
    made = HouseholdFacts.objects.get(household=asanovs.household).change
    Change.objects.filter(pk=made.pk).update(kind=ChangeKind.EVENT, event="arrival")
    tell(clerk, address_of(asanovs, "birth"), birth(asanovs))
    undo = reverse("aimak:undo", args=[made.public_id])
    page = clerk.post(undo, {"reason": "a mistake"}).content.decode()
    assert "came later and builds on it" in page
    assert history.as_of(asanovs.household.facts.all(), date(2026, 3, 2)).exists()


def test_a_change_of_somebody_who_has_left_is_not_undone(asanovs, toluk, clerk):
    by = begin(asanovs.office, event="amendment")
    history.change(
        PersonFacts, (asanovs.aigul.pk,), facts(asanovs.aigul), date(2026, 2, 1), by
    )
    touch(by, asanovs.aigul, asanovs)
    Person.objects.filter(pk=asanovs.aigul.pk).update(office=toluk)
    undo = reverse("aimak:undo", args=[by.public_id])
    assert clerk.post(undo, {"reason": "not ours any more"}).status_code == 404


def facts(person: Person) -> dict[str, object]:
    row = PersonFacts.objects.get(person=person, superseded_at=None)
    return {name: getattr(row, name) for name in ("surname", "given_name", "sex")} | {
        "birth_date": row.birth_date,
        "occupation": "teacher",
    }


def touch(by: Change, person: Person, family: Family) -> None:
    from kerege.apps.aimak.models import Touch

    Touch.objects.create(change=by, person=person, version=99)
    Touch.objects.create(change=by, household=family.household, version=99)
