"""The office of Karool, its neighbour Toluk, and the Asanov family."""

from dataclasses import dataclass
from datetime import date

import pytest

from kerege.apps.aimak import history
from kerege.apps.aimak.models import Household, Person, Protection, ProtectionKind, Unit
from kerege.apps.common.staff.models import Office
from tests.apps.aimak.people import Book, begin, make_office

USEN_PIN = "20503198700011"
AIGUL_PIN = "11207199000012"


@pytest.fixture
def karool() -> Office:
    return make_office("karool")


@pytest.fixture
def toluk() -> Office:
    return make_office("toluk", "41704210840000")


@dataclass
class Family:
    """A household of four: Үсөн, his wife, their daughter, and his mother."""

    office: Office
    household: Household
    usen: Person
    aigul: Person
    meerim: Person
    burul: Person


@pytest.fixture
def asanovs(karool: Office) -> Family:
    book = Book(karool)
    home = book.household("17", flat="2")
    return Family(
        karool,
        home,
        book.person(
            home, "Асанов Үсөн", "head", date(1987, 3, 5), USEN_PIN, sex="male"
        ),
        book.person(
            home, "Асанова Айгүл", "spouse", date(1990, 7, 12), AIGUL_PIN, sex="female"
        ),
        book.person(
            home, "Асанова Мээрим", "ward", date(2015, 1, 20), "", sex="female"
        ),
        book.person(home, "Асанова Бурул", "parent", date(1960, 5, 1), sex="female"),
    )


@pytest.fixture
def units(karool: Office) -> None:
    rows = [
        ("41704000000000", "", "region", "Нарын облусу", "Нарынская область"),
        ("41704210000000", "41704000000000", "district", "", "Ак-Талинский район"),
        ("41704210830000", "41704210000000", "aimak", "", "Кароол"),
        ("41704210830020", "41704210830000", "village", "", "Кек-Джар"),
    ]
    by = begin(karool)
    for code, parent, level, name_ky, name_ru in rows:
        values = {
            "parent_code": parent,
            "level": level,
            "name_ky": name_ky,
            "name_ru": name_ru,
        }
        history.change(Unit, (code,), values, None, by)


def protect(person: Person, kind: ProtectionKind) -> None:
    """Protect somebody from 2020 on."""
    by = begin(person.office)
    reason = {"reason": "decision of a court"}
    history.change(Protection, (person.pk, kind), reason, date(2020, 1, 1), by)
