"""What life changes in the book, the search knows at once."""

from datetime import date

import pytest

from kerege.apps.aimak.actions import Document
from kerege.apps.aimak.events import Birth, Newcomer, Work, perform, undo_change
from kerege.apps.aimak.models import Change
from kerege.apps.aimak.search.engine import search
from kerege.apps.common.staff.access import Scope
from tests.apps.aimak.conftest import Family
from tests.apps.aimak.people import NOON, TODAY

pytestmark = pytest.mark.django_db

DAY = date(2026, 2, 20)


def birth_in(family: Family) -> Change:
    child = Newcomer(
        surname="Асанов",
        given_name="Бекзат",
        patronymic="Үсөнович",
        sex="male",
        birth_date=DAY,
    )
    paper = Document("birth_certificate", "KG-1 123456", DAY, "ЗАГС Ак-Тала")
    event = Birth(
        on=DAY,
        document=paper,
        household=family.household,
        child=child,
        mother=family.aigul,
        father=family.usen,
    )
    return perform(event, Work(None, family.household.office, NOON, TODAY))


def found(typed: str, family: Family) -> list[str]:
    scope = Scope(offices=frozenset({family.household.office_id}))
    return [one.facts.given_name for one in search(typed, scope).found]


def test_a_child_is_found_from_the_moment_of_its_registration(asanovs: Family):
    assert found("Bekzat", asanovs) == []
    birth_in(asanovs)
    assert found("Bekzat", asanovs) == ["Бекзат"]
    assert found("Асанов 20.02.2026", asanovs) == ["Бекзат"]


def test_a_birth_that_is_taken_back_leaves_nobody_to_be_found(asanovs: Family):
    born = birth_in(asanovs)
    undo_change(born, None, asanovs.household.office, NOON, "Entered twice")
    assert found("Бекзат", asanovs) == []
