"""Numbers of Karool that tell nobody apart."""

from datetime import date

import pytest

from kerege.apps.aimak import history
from kerege.apps.aimak.models import (
    Household,
    Livestock,
    Membership,
    ProtectionKind,
    Unit,
)
from kerege.apps.aimak.statistics import (
    livestock,
    movement,
    population_by_unit,
    pyramid,
    told,
)
from kerege.apps.common.staff.access import Scope
from kerege.apps.common.staff.models import Office
from tests.apps.aimak.conftest import protect
from tests.apps.aimak.people import TODAY, Book, begin

pytestmark = pytest.mark.django_db

EVERYWHERE = Scope(everywhere=True)
AIMAK = "41704210830000"
KOK_JAR, OTHER = "41704210830020", "41704210830030"


def homes(office: Office, unit: str, count: int) -> list[Household]:
    book = Book(office)
    made = [book.household(f"{unit[-3:]}-{n}", unit_code=unit) for n in range(count)]
    for home in made:
        book.person(home, "Асанов Үсөн", "head", date(1987, 3, 5), sex="male")
        book.person(home, "Асанова Айгүл", "spouse", date(1990, 7, 12), sex="female")
    return made


@pytest.fixture
def village(karool: Office, units: None) -> list[Household]:
    return homes(karool, KOK_JAR, 12)


def near(count: int) -> set[int]:
    """The two multiples of five that a count may be told as."""
    low = count // 5 * 5
    return {low, low + 5} if count % 5 else {count}


def test_a_count_is_rounded_up_or_down_by_the_chance_of_its_cell():
    assert {told(17, "cell", n) for n in range(50)} == {15, 20}
    assert {told(2, "cell", n) for n in range(50)} == {0, 5}
    assert {told(n, "cell") % 5 for n in range(50)} == {0}
    assert [told(0, "cell", n) for n in range(50)] == [0] * 50
    assert told(17, "cell") == told(17, "cell")


def test_the_pyramid_of_a_village(village: list[Household]):
    rows = {row.from_age: row for row in pyramid(EVERYWHERE, KOK_JAR, TODAY)}
    assert rows[35].female in near(12)
    assert rows[35].male in near(12)
    assert rows[0].female == rows[85].male == 0
    assert (rows[85].to_age, rows[35].to_age) == (None, 39)
    ages = [row.from_age for row in pyramid(EVERYWHERE, KOK_JAR, TODAY, years=10)]
    assert ages == [0, 10, 20, 30, 40, 50, 60, 70, 80]


def test_the_pyramid_of_another_day_and_of_another_office(
    village: list[Household], toluk: Office
):
    early = pyramid(EVERYWHERE, KOK_JAR, date(1989, 1, 1))
    assert sum(row.female for row in early) == 0
    assert sum(row.male for row in early) in near(12)
    elsewhere = Scope(offices=frozenset({toluk.pk}))
    assert sum(row.male for row in pyramid(elsewhere, "", TODAY)) == 0


def test_a_protected_person_is_counted_and_told_by_no_difference(
    village: list[Household],
):
    before = pyramid(EVERYWHERE, KOK_JAR, TODAY)
    person = Membership.objects.filter(household=village[0]).first()
    assert person
    protect(person.person, ProtectionKind.WITNESS)
    assert pyramid(EVERYWHERE, KOK_JAR, TODAY) == before


@pytest.mark.parametrize("years", [0, 21])
def test_rows_of_a_pyramid_have_a_width(karool: Office, years: int):
    with pytest.raises(ValueError, match="1 to 20 years wide"):
        pyramid(EVERYWHERE, "", TODAY, years)


def test_people_and_households_by_unit(village: list[Household]):
    rows = population_by_unit(EVERYWHERE, AIMAK, TODAY)
    assert [row.code for row in rows] == [KOK_JAR]
    assert rows[0].persons in near(24)
    assert rows[0].households in near(12)
    district = population_by_unit(EVERYWHERE, "41704210000000", TODAY)
    assert [(row.code, row.persons in near(24)) for row in district] == [(AIMAK, True)]
    regions = population_by_unit(EVERYWHERE, "", TODAY)
    assert [row.name_ru for row in regions] == ["Нарынская область"]


def test_animals_of_too_few_households_are_not_told(
    village: list[Household], karool: Office
):
    by = begin(karool)
    for number, home in enumerate(village[:6]):
        history.change(Livestock, (home.pk, 3, "", ""), {"count": 10}, None, by)
        if number < 2:
            history.change(Livestock, (home.pk, 2, "", ""), {"count": 7}, None, by)
    rows = {(r.code, r.species): r for r in livestock(EVERYWHERE, AIMAK, TODAY)}
    assert rows[AIMAK, 3].heads == 60
    assert rows[KOK_JAR, 3].heads == 60
    assert rows[KOK_JAR, 3].households in near(6)
    assert rows[KOK_JAR, 2].heads is None
    assert rows[AIMAK, 2].heads is None


def test_a_hidden_village_is_not_what_is_left_of_the_total(
    village: list[Household], karool: Office
):
    values = {"parent_code": AIMAK, "level": "village", "name_ru": "Башка"}
    history.change(Unit, (OTHER,), values, None, begin(karool))
    by = begin(karool)
    others = homes(karool, OTHER, 1)
    for home in (*village[:6], *others):
        history.change(Livestock, (home.pk, 3, "", ""), {"count": 10}, None, by)
    rows = {(r.code, r.species): r.heads for r in livestock(EVERYWHERE, AIMAK, TODAY)}
    assert rows == {(AIMAK, 3): 70, (KOK_JAR, 3): None, (OTHER, 3): None}


def test_who_came_and_left_in_a_spring(village: list[Household], karool: Office):
    book = Book(karool)
    for number, home in enumerate(village):
        book.person(home, "Асанов Нур", "child", date(2026, 1, 5 + number))
    heads = Membership.objects.filter(relation="head")
    keys = [(row.person_id, row.household_id) for row in heads]
    history.end_many(Membership, keys, date(2026, 2, 10), begin(karool))
    rows = movement(EVERYWHERE, KOK_JAR, date(2026, 1, 1), date(2026, 3, 1))
    assert [(row.year, row.month) for row in rows] == [(2026, 1), (2026, 2)]
    assert rows[0].births in near(12)
    assert (rows[0].arrivals, rows[0].departures, rows[1].births) == (0, 0, 0)
    assert rows[1].departures in near(12)


def test_a_move_within_the_unit_is_no_migration(
    village: list[Household], karool: Office
):
    day = date(2026, 2, 10)
    by = begin(karool)
    for number, row in enumerate(Membership.objects.filter(relation="spouse")):
        new = village[(number + 1) % len(village)]
        key = (row.person_id, row.household_id)
        history.end(Membership, key, day, by)
        wanted = {"relation": "other"}
        history.change(Membership, (row.person_id, new.pk), wanted, day, by)
    rows = movement(EVERYWHERE, KOK_JAR, date(2026, 2, 1), date(2026, 3, 1))
    assert [(row.arrivals, row.departures) for row in rows] == [(0, 0)]


def test_a_question_about_movement_has_a_bound(karool: Office):
    with pytest.raises(ValueError, match="at most 10 years"):
        movement(EVERYWHERE, "", date(2000, 1, 1), TODAY)
    with pytest.raises(ValueError, match="at most 10 years"):
        movement(EVERYWHERE, "", TODAY, TODAY)
