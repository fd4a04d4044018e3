"""Protected persons are hidden everywhere, and seen with right and reason alone."""

from datetime import date

import pytest
from django.core.exceptions import PermissionDenied

from kerege.apps.aimak import history
from kerege.apps.aimak.models import (
    Membership,
    Person,
    PersonFacts,
    Protection,
    ProtectionKind,
)
from kerege.apps.aimak.protection import unveil, without
from kerege.apps.aimak.reads import (
    address_fact,
    family_members,
    household_card,
    household_of,
    person_by_pin,
    person_card,
)
from kerege.apps.common.audit.models import Entry
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Role
from tests.apps.aimak.conftest import AIGUL_PIN, USEN_PIN, Family, protect
from tests.apps.aimak.people import TODAY, Book, begin, make_clerk

pytestmark = pytest.mark.django_db


def test_a_hidden_address_is_told_to_no_service(asanovs: Family, units: None):
    protect(asanovs.aigul, ProtectionKind.ADDRESS)
    assert address_fact(AIGUL_PIN, TODAY) is None
    assert household_of(AIGUL_PIN, TODAY) is None
    assert family_members(AIGUL_PIN, TODAY) is None
    card = person_card(asanovs.aigul, TODAY)
    assert card
    assert card.person.given_name == "Айгүл"
    assert (card.address, card.household_public_id, card.relation) == (None, "", "")


def test_the_household_of_a_hidden_address_shows_a_row_without_a_name(
    asanovs: Family,
):
    protect(asanovs.aigul, ProtectionKind.ADDRESS)
    card = household_card(asanovs.household, TODAY)
    assert card
    hidden = [member for member in card.members if member.person.is_hidden]
    assert len(hidden) == 1
    assert "Айгүл" not in repr(card)
    assert AIGUL_PIN not in repr(card)
    assert asanovs.aigul.public_id not in repr(card)
    family = family_members(USEN_PIN, TODAY)
    assert family
    assert sum(one.is_hidden for one in family) == 1
    assert "Айгүл" not in repr(family)


def test_a_second_record_of_the_same_pin_does_not_give_it_away(asanovs: Family):
    protect(asanovs.aigul, ProtectionKind.ADDRESS)
    home = Book(asanovs.office).household("99")
    Book(asanovs.office).person(
        home, "Асанова Айгул", "head", date(1990, 7, 12), AIGUL_PIN
    )
    assert address_fact(AIGUL_PIN, TODAY) is None


def test_a_witness_is_found_by_nothing(asanovs: Family):
    protect(asanovs.usen, ProtectionKind.WITNESS)
    assert person_by_pin(USEN_PIN, TODAY) is None
    assert family_members(USEN_PIN, TODAY) is None
    assert person_card(asanovs.usen, TODAY) is None
    people = without(Person.objects.all(), ProtectionKind.WITNESS)
    assert asanovs.usen not in people
    assert asanovs.aigul in people


def test_an_adopted_child_is_a_child_and_has_no_past(asanovs: Family):
    row = PersonFacts.objects.get(person=asanovs.meerim)
    history.change(
        PersonFacts,
        (asanovs.meerim.pk,),
        {"surname": "Асанова-Бекова"},
        date(2016, 1, 1),
        begin(asanovs.office),
    )
    protect(asanovs.meerim, ProtectionKind.ADOPTION)
    card = household_card(asanovs.household, TODAY)
    assert card
    assert [m.relation for m in card.members][-1] == "child"
    assert person_card(asanovs.meerim, TODAY)
    assert person_card(asanovs.meerim, date(2015, 6, 1)) is None
    then = household_card(asanovs.household, date(2015, 6, 1))
    assert then
    assert "Мээрим" not in repr(then), "the household of that day tells no name either"
    assert [m.since for m in card.members][-1] is None, "nor on which day she came"
    assert row.surname == "Асанова"


def test_a_head_of_office_sees_with_a_reason_that_is_kept(asanovs: Family):
    protect(asanovs.aigul, ProtectionKind.ADDRESS)
    head = make_clerk("Нурбек", asanovs.office, Role.HEAD)
    sight = unveil(head, [asanovs.aigul], "  complaint 12 of her own ")
    card = person_card(asanovs.aigul, TODAY, sight=sight)
    assert card
    assert card.household_public_id == asanovs.household.public_id
    assert card.protections == ("address",)
    household = household_card(asanovs.household, TODAY, sight=sight)
    assert household
    assert not any(member.person.is_hidden for member in household.members)
    entry = Entry.objects.get()
    assert (entry.action, entry.outcome) == ("see protected person", "done")
    assert entry.subject == asanovs.aigul.public_id
    assert entry.details == {"reason": "complaint 12 of her own"}


@pytest.mark.parametrize(
    ("role", "code", "reason"),
    [
        (Role.CLERK, "karool", "complaint 12 of her own"),
        (Role.HEAD, "karool", "because"),
        (Role.HEAD, "toluk", "complaint 12 of her own"),
        (Role.AUDITOR, "karool", "complaint 12 of her own"),
    ],
)
def test_others_are_refused_and_it_is_written_down(
    asanovs: Family, toluk: Office, role: Role, code: str, reason: str
):
    office = {"karool": asanovs.office, "toluk": toluk}[code]
    with pytest.raises(PermissionDenied):
        unveil(make_clerk("Нурбек", office, role), [asanovs.aigul], reason)
    assert Entry.objects.get().outcome == "refused"


def test_a_protection_ends_on_its_day(asanovs: Family):
    protect(asanovs.aigul, ProtectionKind.ADDRESS)
    key = (asanovs.aigul.pk, ProtectionKind.ADDRESS)
    history.end(Protection, key, date(2024, 1, 1), begin(asanovs.office))
    card = person_card(asanovs.aigul, TODAY)
    assert card
    assert card.relation == "spouse"
    assert Membership.objects.filter(person=asanovs.aigul).exists()
