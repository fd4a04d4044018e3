"""A clerk opens the site and signs in."""

from datetime import date

import pytest
from django.test import Client

from kerege.apps.common.audit.models import Entry
from kerege.apps.common.staff.access import scope_of
from kerege.apps.common.staff.models import Assignment, Office, User
from kerege.apps.common.staff.rights import Right, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    office = Office.objects.create(code="karool", unit_code="41704210830000")
    user = User.objects.create_user("aigul", "long-word-7", full_name="Айгүл")
    Assignment.objects.create(
        user=user, role=Role.CLERK, office=office, valid_from=date(2026, 1, 1)
    )
    return user


def test_anybody_may_see_the_first_page(client: Client):
    assert client.get("/").status_code == 200


def test_a_clerk_signs_in_and_it_is_written_down(client: Client, clerk: User):
    answer = client.post(
        "/sign-in/", {"sign_in_name": "aigul", "password": "long-word-7"}
    )
    assert answer.status_code == 302
    assert Entry.objects.get().action == "sign in"


def test_a_wrong_password_is_told_and_written_down(client: Client, clerk: User):
    answer = client.post("/sign-in/", {"sign_in_name": "aigul", "password": "x"})
    assert "Name or password is wrong." in answer.content.decode()
    assert Entry.objects.get().outcome == "refused"


def test_a_role_ends_on_its_day(clerk: User):
    assert scope_of(clerk, Right.REGISTER_READ)
    clerk.assignments.update(valid_to=date(2026, 2, 1))
    assert not scope_of(clerk, Right.REGISTER_READ)
