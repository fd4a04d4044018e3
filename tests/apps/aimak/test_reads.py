"""What the book says of a family, today and on other days."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kerege.apps.aimak import history
from kerege.apps.aimak.models import (
    Dwelling,
    LandPlot,
    Livestock,
    Machinery,
    Membership,
    PersonFacts,
    PersonPin,
    PinStatus,
    SocialPassport,
)
from kerege.apps.aimak.reads import (
    address_fact,
    book,
    family_members,
    household_card,
    household_of,
    person_by_pin,
    person_card,
)
from tests.apps.aimak.conftest import AIGUL_PIN, USEN_PIN, Family
from tests.apps.aimak.people import TODAY, Book, begin

pytestmark = pytest.mark.django_db


def names(members) -> list[str]:
    return [member.given_name for member in members]


def test_the_card_shows_the_head_first_and_then_the_eldest(asanovs: Family):
    card = household_card(asanovs.household, TODAY)
    assert card
    assert [m.person.given_name for m in card.members] == [
        "Үсөн",
        "Бурул",
        "Айгүл",
        "Мээрим",
    ]
    assert card.number == "17"
    assert card.warnings == ()
    assert card.version == 1


def test_the_card_of_1989_has_no_wife_and_no_child(asanovs: Family):
    card = household_card(asanovs.household, date(1989, 1, 1))
    assert card
    assert [m.person.given_name for m in card.members] == ["Үсөн", "Бурул"]


def test_the_card_shows_what_the_family_has(asanovs: Family):
    by, home = begin(asanovs.office), asanovs.household.pk
    history.change(Dwelling, (home, 1), {"kind": "house", "rooms": 4}, None, by)
    history.change(LandPlot, (home, 1), {"kind": "share", "area_m2": 8500}, None, by)
    history.change(Livestock, (home, 3, "", ""), {"count": 14}, None, by)
    history.change(Livestock, (home, 1, "", ""), {"count": 2}, None, by)
    history.change(Machinery, (home, 1), {"kind": "tractor"}, None, by)
    history.change(SocialPassport, (home,), {"category": "low_income"}, TODAY, by)
    card = household_card(asanovs.household, TODAY)
    assert card
    assert card.dwellings[0].rooms == 4
    assert card.land[0].area_m2 == 8500
    assert [(one.species, one.count) for one in card.livestock] == [(1, 2), (3, 14)]
    assert card.machinery[0].kind == "tractor"
    assert card.social_passport
    assert card.social_passport.since == TODAY


def test_a_book_with_two_heads_or_none_is_told_not_refused(asanovs: Family):
    head = Membership.objects.get(person=asanovs.usen)
    wife = Membership.objects.get(person=asanovs.aigul)
    history.correct(wife, {"is_head": True}, begin(asanovs.office))
    card = household_card(asanovs.household, TODAY)
    assert card
    assert card.warnings == ("two_heads",)
    history.remove(head, begin(asanovs.office))
    wife = Membership.objects.get(person=asanovs.aigul, superseded_at=None)
    history.correct(wife, {"is_head": False}, begin(asanovs.office))
    card = household_card(asanovs.household, TODAY)
    assert card
    assert card.warnings == ("no_head",)


def test_a_book_is_read_in_few_statements(asanovs: Family):
    homes = [asanovs.household]
    for number in range(18, 40):
        home = Book(asanovs.office).household(str(number))
        Book(asanovs.office).person(home, "Бек Уулу", "head", date(1970, 1, 1))
        homes.append(home)
    with CaptureQueriesContext(connection) as queries:
        cards = list(book(homes, TODAY))
    assert [card.number for card in cards] == [str(n) for n in range(17, 40)]
    assert len(queries) < 20


def test_a_person_has_a_card_with_earlier_pins(asanovs: Family, units: None):
    changed = {"pin": "21207199000013", "status": PinStatus.CHANGED}
    by = begin(asanovs.office)
    history.change(PersonPin, (asanovs.aigul.pk,), changed, date(2021, 5, 1), by)
    card = person_card(asanovs.aigul, TODAY)
    assert card
    assert card.person.pin == "21207199000013"
    assert card.earlier_pins == (AIGUL_PIN,)
    assert card.relation == "spouse"
    assert card.household_public_id == asanovs.household.public_id
    assert card.address
    assert [unit.name("ru") for unit in card.address.units] == [
        "Нарынская область",
        "Ак-Талинский район",
        "Кароол",
        "Кек-Джар",
    ]
    assert card.address.units[0].name("ky") == "Нарын облусу"
    assert card.facts["surname"] == "Асанова"
    assert person_by_pin(AIGUL_PIN, TODAY) is None
    assert person_by_pin("21207199000013", TODAY) == asanovs.aigul


def test_the_family_is_found_by_pin(asanovs: Family):
    found = family_members(AIGUL_PIN, TODAY)
    assert found
    assert [(one.given_name, one.relation) for one in found] == [
        ("Үсөн", "head"),
        ("Бурул", "parent"),
        ("Айгүл", "spouse"),
        ("Мээрим", "ward"),
    ]


def test_the_dead_are_no_family_members(asanovs: Family):
    row = PersonFacts.objects.get(person=asanovs.burul)
    by = begin(asanovs.office)
    history.correct(row, {"death_date": date(2025, 1, 1)}, by)
    found = family_members(USEN_PIN, TODAY)
    assert found
    assert "Бурул" not in names(found)
    card = household_card(asanovs.household, TODAY)
    assert card
    assert card.warnings == ("dead_member",)


def test_somebody_without_a_household_has_no_family(asanovs: Family):
    key = (asanovs.aigul.pk, asanovs.household.pk)
    history.end(Membership, key, TODAY, begin(asanovs.office))
    assert family_members(AIGUL_PIN, TODAY) == ()
    assert address_fact(AIGUL_PIN, TODAY) is None
    assert household_of(AIGUL_PIN, TODAY) is None


@pytest.mark.parametrize("pin", ["", "123", "20503198700099", "²" * 14, "x" * 14])
def test_an_unknown_pin_finds_nobody(asanovs: Family, pin: str):
    assert family_members(pin, TODAY) is None
    assert address_fact(pin, TODAY) is None
    assert person_by_pin(pin, TODAY) is None


def test_a_blocked_pin_finds_nobody(asanovs: Family):
    row = PersonPin.objects.get(person=asanovs.usen)
    history.correct(row, {"status": PinStatus.BLOCKED}, begin(asanovs.office))
    assert person_by_pin(USEN_PIN, TODAY) is None


def test_of_two_records_of_one_pin_the_living_one_in_a_household_answers(
    asanovs: Family,
):
    other = Book(asanovs.office).household("99")
    dead = Book(asanovs.office).person(
        other,
        "Асанов Усен",
        "head",
        date(1987, 3, 5),
        USEN_PIN,
        death_date=date(2020, 1, 1),
    )
    assert dead.pk > asanovs.usen.pk
    assert person_by_pin(USEN_PIN, TODAY) == asanovs.usen
    assert household_of(USEN_PIN, TODAY) == asanovs.household


def test_the_address_is_told_with_its_units(asanovs: Family, units: None):
    found = address_fact(USEN_PIN, TODAY)
    assert found
    assert found.since == date(1987, 3, 5)
    assert [unit.level for unit in found.address.units] == [
        "region",
        "district",
        "aimak",
        "village",
    ]
    assert (found.address.house, found.address.flat) == ("17", "2")


def test_the_services_take_few_statements(asanovs: Family, units: None):
    with CaptureQueriesContext(connection) as queries:
        family_members(USEN_PIN, TODAY)
    assert len(queries) == 2
    with CaptureQueriesContext(connection) as queries:
        address_fact(USEN_PIN, TODAY)
    assert len(queries) == 3


@pytest.mark.parametrize("year", [1987, 1991, 2014, 2015, 2024, 2025, 2026])
def test_the_statement_and_the_card_tell_the_same_family(asanovs: Family, year: int):
    row = PersonFacts.objects.get(person=asanovs.burul)
    died = {"death_date": date(2025, 1, 1)}
    history.change(
        PersonFacts, (row.person_id,), died, date(2025, 1, 1), begin(asanovs.office)
    )
    day = date(year, 3, 5)
    card = household_card(asanovs.household, day)
    told = family_members(USEN_PIN, day)
    assert card
    assert told
    assert [(one.given_name, one.relation) for one in told] == [
        (one.person.given_name, one.relation)
        for one in card.members
        if not one.person.death_date
    ]
