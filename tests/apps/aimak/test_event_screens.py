"""A clerk tells the book what happened: forms, checks, undo, and two clerks at once."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from kerege.apps.aimak.models import Change, Household, PersonFacts
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Role
from tests.apps.aimak.conftest import USEN_PIN, Family
from tests.apps.aimak.people import make_clerk

pytestmark = pytest.mark.django_db
DAY = {"on_day": "20", "on_month": "2", "on_year": "2026"}
PAPER = {"document_kind": "birth_certificate", "document_number": "KG-1 123456"}
CHILD = {
    "surname": "Асанов",
    "given_name": "Бекзат",
    "patronymic": "Үсөнович",
    "sex": "male",
    "relation": "child",
}


def signed_in(office: Office, name: str = "Жамиля", role: Role = Role.CLERK) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(make_clerk(name, office, role))
    return client


@pytest.fixture
def clerk(asanovs: Family) -> Client:
    return signed_in(asanovs.office)


def address_of(family: Family, kind: str) -> str:
    return reverse("aimak:event", args=[family.household.public_id, kind])


def birth(family: Family, **more: str) -> dict[str, str]:
    parents = {"mother": family.aigul.public_id, "father": family.usen.public_id}
    return DAY | PAPER | CHILD | parents | more


def tell(client: Client, address: str, answers: dict[str, Any]) -> Any:
    """Fill in the form, read the page to check, and say yes."""
    check = client.post(address, answers)
    page = check.content.decode()
    assert "Check your answers" in page, errors_of(page)
    versions = re.search(r'name="versions" value="([^"]*)"', page)
    assert versions
    sure = answers | {"step": "confirm", "versions": versions[1]}
    return client.post(address, sure, follow=True)


def errors_of(page: str) -> list[str]:
    return re.findall(r'<li><a href="#[^"]*">([^<]*)</a></li>', page)


def test_a_birth_is_asked_for_checked_written_and_undone(
    clerk: Client, asanovs: Family
):
    address = address_of(asanovs, "birth")
    form = clerk.get(address).content.decode()
    assert "When was the child born?" in form
    done = tell(clerk, address, birth(asanovs)).content.decode()
    assert "It is in the book" in done
    assert "Асанов Бекзат Үсөнович" in done
    child = PersonFacts.objects.get(given_name="Бекзат")
    assert child.person.office == asanovs.office
    change = Change.objects.get(event="birth")
    undo = reverse("aimak:undo", args=[change.public_id])
    assert "Say why it is taken back." in clerk.post(undo).content.decode()
    undone = clerk.post(undo, {"reason": "wrong family"}, follow=True)
    assert "Undone: Birth of a child" in undone.content.decode()
    again = clerk.post(undo, {"reason": "once more"}).content.decode()
    assert "This was undone already." in again
    card = reverse("aimak:household", args=[asanovs.household.public_id])
    assert "Бекзат" not in clerk.get(card).content.decode()


def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_lost(
    clerk: Client, asanovs: Family
):
    address = address_of(asanovs, "birth")
    wrong = birth(asanovs, pin="123", on_year="2999", document_number="")
    page = clerk.post(address, wrong).content.decode()
    assert "Number of the document" in errors_of(page)[0]
    page = clerk.post(address, wrong | {"document_number": "1"}).content.decode()
    told = " ".join(errors_of(page))
    assert "The date is in the future." in told
    assert "A PIN has 14 digits." in told
    assert 'value="Бекзат"' in page
    assert not Change.objects.filter(event="birth").exists()


def test_what_is_odd_has_to_be_confirmed(clerk: Client, asanovs: Family):
    address = address_of(asanovs, "birth")
    page = clerk.post(address, birth(asanovs, mother="")).content.decode()
    assert "No mother is named." in page
    assert "It is so: write it into the book" in page
    edited = clerk.post(address, birth(asanovs, mother="", step="edit"))
    assert 'value="Бекзат"' in edited.content.decode()


def test_two_clerks_on_one_household_the_second_is_told_and_keeps_the_answers(
    clerk: Client, asanovs: Family
):
    other = signed_in(asanovs.office, "Замира")
    address = address_of(asanovs, "birth")
    page = other.post(address, birth(asanovs)).content.decode()
    versions = re.search(r'name="versions" value="([^"]*)"', page)
    assert versions
    death = DAY | PAPER | {"who": asanovs.burul.public_id}
    tell(clerk, address_of(asanovs, "death"), death)
    late = birth(asanovs, step="confirm", versions=versions[1])
    told = other.post(address, late).content.decode()
    assert "Somebody was faster" in told
    assert "Death of a member" in told
    assert "Жамиля" in told
    assert 'value="Бекзат"' in told
    assert "It is in the book" in tell(other, address, birth(asanovs)).content.decode()


def test_a_head_dies_and_another_follows(clerk: Client, asanovs: Family):
    address = address_of(asanovs, "death")
    answers = DAY | PAPER | {"who": asanovs.usen.public_id}
    assert "Who is the head now?" in clerk.post(address, answers).content.decode()
    done = tell(clerk, address, answers | {"new_head": asanovs.aigul.public_id})
    assert "It is in the book" in done.content.decode()
    card = reverse("aimak:household", args=[asanovs.household.public_id])
    page = clerk.get(card).content.decode()
    assert "Асанова Айгүл" in page
    assert "Асанов Үсөн" not in page


def test_an_arrival_of_somebody_new_and_a_departure(clerk: Client, asanovs: Family):
    born = {"born_day": "1", "born_month": "5", "born_year": "1991"}
    new = DAY | PAPER | CHILD | born | {"relation": "sibling"}
    assert (
        b"It is in the book" in tell(clerk, address_of(asanovs, "arrival"), new).content
    )
    leaving = DAY | PAPER | {"leaving": [asanovs.burul.public_id], "reason": "Ош"}
    done = tell(clerk, address_of(asanovs, "departure"), leaving)
    assert b"It is in the book" in done.content


def test_a_new_household_begins_with_its_head(clerk: Client, asanovs: Family):
    address = reverse("aimak:new-household")
    born = {"born_day": "1", "born_month": "5", "born_year": "1991"}
    answers = DAY | PAPER | CHILD | born | {"number": "99", "house": "7"}
    done = tell(clerk, address, answers)
    assert "Household 99" in done.content.decode()
    taken = clerk.post(address, answers | {"number": "17"}).content.decode()
    assert "Number 17 belongs to another household of this book." in taken


def test_somebody_known_arrives_only_with_the_birth_date_of_the_papers(
    asanovs: Family, toluk: Office
):
    zamira = signed_in(toluk, "Замира")
    address = reverse("aimak:new-household")
    born = {"born_day": "1", "born_month": "5", "born_year": "1991"}
    move = DAY | PAPER | CHILD | born | {"number": "5", "pin": USEN_PIN}
    page = zamira.post(address, move).content.decode()
    assert "This person is in the book of another office." in page
    right = {"born_day": "5", "born_month": "3", "born_year": "1987"}
    done = tell(zamira, address, move | right)
    assert "Асанов Үсөн" in done.content.decode()


def test_a_couple_marries_divorces_and_households_split_and_merge(
    clerk: Client, asanovs: Family
):
    couple = {"first": asanovs.usen.public_id, "second": asanovs.aigul.public_id}
    for kind in ("marriage", "divorce"):
        done = tell(clerk, address_of(asanovs, kind), DAY | PAPER | couple)
        assert b"It is in the book" in done.content, kind
    split = {
        f"member_{asanovs.aigul.public_id}": "head",
        f"member_{asanovs.meerim.public_id}": "child",
        "number": "18",
        "unit": "41704210830020",
    }
    done = tell(clerk, address_of(asanovs, "split"), DAY | PAPER | split)
    assert "Household 18" in done.content.decode()
    begun = Household.objects.exclude(pk=asanovs.household.pk).get()
    merge = {
        f"member_{asanovs.aigul.public_id}": "spouse",
        f"member_{asanovs.meerim.public_id}": "child",
        "into": "17",
    }
    address = reverse("aimak:event", args=[begun.public_id, "merge"])
    assert b"It is in the book" in tell(clerk, address, DAY | PAPER | merge).content


def test_a_stranger_changes_nothing(asanovs: Family, toluk: Office, clerk: Client):
    stranger = signed_in(toluk, "Замира")
    assert stranger.get(address_of(asanovs, "birth")).status_code == 404
    tell(clerk, address_of(asanovs, "birth"), birth(asanovs))
    change = Change.objects.get(event="birth")
    for name in ("change", "undo"):
        address = reverse(f"aimak:{name}", args=[change.public_id])
        answer = stranger.post(address) if name == "undo" else stranger.get(address)
        assert answer.status_code == 404
    analyst = signed_in(asanovs.office, "Нурлан", Role.ANALYST)
    assert analyst.get(address_of(asanovs, "birth")).status_code == 403


def test_the_history_tells_who_and_why(clerk: Client, asanovs: Family):
    tell(clerk, address_of(asanovs, "birth"), birth(asanovs))
    for name, anchor in (("household", asanovs.household), ("person", asanovs.usen)):
        address = reverse(f"aimak:{name}-history", args=[anchor.public_id])
        page = clerk.get(address).content.decode()
        assert "Import" in page
    page = clerk.get(
        reverse("aimak:household-history", args=[asanovs.household.public_id])
    ).content.decode()
    assert "Birth of a child" in page
    assert "Жамиля" in page
