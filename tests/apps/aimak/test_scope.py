"""Offices are closed to each other."""

import pytest
from django.http import Http404

from kerege.apps.aimak.models import Household, Person
from kerege.apps.aimak.scope import get_visible, visible
from kerege.apps.aimak.soate import ancestors, may_be_parent, prefix_of
from kerege.apps.common.audit.models import Entry
from kerege.apps.common.staff.access import Scope, scope_of
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Right
from tests.apps.aimak.conftest import Family
from tests.apps.aimak.people import Book, make_clerk, make_office

pytestmark = pytest.mark.django_db


def test_a_clerk_opens_a_household_of_the_own_office(asanovs: Family):
    clerk = make_clerk("Жамиля", asanovs.office)
    scope = scope_of(clerk, Right.REGISTER_READ)
    found = get_visible(Household, asanovs.household.public_id, scope, clerk)
    assert found == asanovs.household
    assert not Entry.objects.exists()


def test_an_id_of_another_office_looks_like_none_and_is_written_down(
    asanovs: Family, toluk: Office
):
    clerk = make_clerk("Замира", toluk)
    scope = scope_of(clerk, Right.REGISTER_READ)
    with pytest.raises(Http404):
        get_visible(Person, asanovs.usen.public_id, scope, clerk)
    entry = Entry.objects.get()
    assert entry.action == "open person of another office"
    assert entry.outcome == "refused"
    with pytest.raises(Http404):
        get_visible(Person, "no-such-id", scope, clerk)
    assert Entry.objects.count() == 1


def test_a_district_sees_the_offices_that_lie_in_it(asanovs: Family, toluk: Office):
    far = make_office("far", "41702205810000")
    homes = {Book(toluk).household("1"), asanovs.household}
    other = Book(far).household("1")
    district = Scope(units=frozenset({"41704210000000"}))
    assert set(visible(Household.objects.all(), district)) == homes
    everyone = visible(Household.objects.all(), Scope(everywhere=True))
    assert set(everyone) == {*homes, other}
    assert not visible(Household.objects.all(), Scope())


@pytest.mark.parametrize(
    ("code", "prefix"),
    [
        ("41704000000000", "41704"),
        ("41704210000000", "41704210"),
        ("41704210830000", "41704210830"),
        ("41704210830020", "41704210830020"),
        ("41702420000010", "41702420"),
    ],
)
def test_codes_of_what_lies_in_a_unit_begin_alike(code: str, prefix: str):
    assert prefix_of(code) == prefix


def test_the_parent_is_the_code_with_lower_groups_zeroed():
    assert ancestors("41704210830020") == [
        "41704000000000",
        "41704210000000",
        "41704210830000",
    ]
    assert may_be_parent("41704210830000", "41704210830020")
    assert not may_be_parent("41704210840000", "41704210830020")
    assert may_be_parent("", "41704000000000")
    assert not may_be_parent("", "41704210000000")
