"""A clerk of Karool finds people and reads the book."""

import pytest
from django.test import Client
from django.urls import reverse

from kerege.apps.aimak.models import ProtectionKind
from kerege.apps.aimak.search.index import rebuild
from kerege.apps.common.audit.models import Entry
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Role
from tests.apps.aimak.conftest import USEN_PIN, Family, protect
from tests.apps.aimak.people import make_clerk

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(asanovs: Family) -> Client:
    return signed_in(asanovs.office)


def signed_in(office: Office, role: Role = Role.CLERK) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(make_clerk(f"{role}-{office}", office, role))
    return client


def test_the_home_page_begins_with_the_search_and_shows_what_was_open(
    clerk: Client, asanovs: Family, units: None
):
    clerk.get(card_of(asanovs))
    page = clerk.get(reverse("aimak:home")).content.decode()
    assert 'name="q"' in page
    assert "17 – Асанов Үсөн" in page
    assert "4 members" in page


@pytest.mark.parametrize("text", [USEN_PIN, "Асонов Усен", "Asanov Usen", "№ 17"])
def test_somebody_is_found_by_pin_spelling_alphabet_and_household(
    clerk: Client, asanovs: Family, text: str
):
    rebuild()
    page = clerk.get(reverse("aimak:search"), {"q": text}).content.decode()
    assert "Асанов Үсөн" in page
    assert reverse("aimak:person", args=[asanovs.usen.public_id]) in page
    entry = Entry.objects.get(action="search persons")
    assert "Асан" not in str(entry.details)


def test_a_witness_is_not_found_and_a_hidden_address_is_no_way_to_find_somebody(
    clerk: Client, asanovs: Family
):
    rebuild()
    protect(asanovs.usen, ProtectionKind.WITNESS)
    protect(asanovs.aigul, ProtectionKind.ADDRESS)
    page = clerk.get(reverse("aimak:search"), {"q": USEN_PIN}).content.decode()
    assert "Nobody was found" in page
    by_number = clerk.get(reverse("aimak:search"), {"q": "№ 17"}).content.decode()
    assert "Асанова Бурул" in by_number
    assert "Асанова Айгүл" not in by_number
    by_name = clerk.get(reverse("aimak:search"), {"q": "Асанова Айгүл"})
    assert reverse("aimak:person", args=[asanovs.aigul.public_id]) in (
        by_name.content.decode()
    )


def test_the_card_shows_the_members_and_hides_who_is_protected(
    clerk: Client, asanovs: Family, units: None
):
    protect(asanovs.meerim, ProtectionKind.ADDRESS)
    page = clerk.get(card_of(asanovs)).content.decode()
    assert "Асанов Үсөн" in page
    assert "Кек-Джар" in page
    assert "Мээрим" not in page
    assert "Protected person" in page
    assert Entry.objects.filter(
        action="open household", subject=asanovs.household.public_id
    ).exists()


def test_the_card_of_another_office_is_not_there_and_the_try_is_kept(
    asanovs: Family, toluk: Office
):
    stranger = signed_in(toluk)
    for address in (card_of(asanovs), page_of(asanovs.usen.public_id)):
        assert stranger.get(address).status_code == 404
    assert Entry.objects.filter(outcome="refused").count() == 2


def test_the_card_of_a_day_before_the_child_was_born(clerk: Client, asanovs: Family):
    day = {"on_day": "1", "on_month": "1", "on_year": "2010"}
    page = clerk.get(card_of(asanovs), day).content.decode()
    assert "Мээрим" not in page
    assert "This is the book as it was on" in page
    wrong = clerk.get(card_of(asanovs), day | {"on_day": "32"}).content.decode()
    assert "There is no such day." in wrong


def test_a_person_has_names_in_latin_letters_and_households_over_time(
    clerk: Client, asanovs: Family
):
    page = clerk.get(page_of(asanovs.usen.public_id)).content.decode()
    assert "Asanov Uson, Asanov Üsön" in page
    assert "Households over time" in page
    assert USEN_PIN in page


def test_only_the_head_of_office_sees_a_protected_person_for_a_reason(
    clerk: Client, asanovs: Family
):
    protect(asanovs.usen, ProtectionKind.ADDRESS)
    address = page_of(asanovs.usen.public_id)
    page = clerk.get(address).content.decode()
    assert "Кек-Джар" not in page
    assert "Households over time" not in page
    assert clerk.post(address, {"reason": "a court asks for it"}).status_code == 403
    head = signed_in(asanovs.office, Role.HEAD)
    assert "Why do you need to see more?" in head.get(address).content.decode()
    assert head.post(address, {"reason": "because"}).status_code == 403
    shown = head.post(address, {"reason": "a court asks for it"}).content.decode()
    assert "Households over time" in shown
    assert "hidden address" in shown


def test_nobody_without_the_right_reads_the_book(asanovs: Family):
    analyst = signed_in(asanovs.office, Role.ANALYST)
    for address in (reverse("aimak:home"), card_of(asanovs), reverse("aimak:search")):
        assert analyst.get(address).status_code == 403


def test_the_card_needs_few_questions(
    clerk: Client, asanovs: Family, django_assert_max_num_queries
):
    with django_assert_max_num_queries(36):
        clerk.get(card_of(asanovs))
    rebuild()
    with django_assert_max_num_queries(36):
        clerk.get(reverse("aimak:search"), {"q": "Асанов"})
    with django_assert_max_num_queries(38):
        clerk.get(page_of(asanovs.usen.public_id))


def card_of(family: Family) -> str:
    return reverse("aimak:household", args=[family.household.public_id])


def page_of(public_id: str) -> str:
    return reverse("aimak:person", args=[public_id])
