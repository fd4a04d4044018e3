"""The menu shows what somebody may use, and where he is."""

from datetime import date

import pytest
from django.test import Client

from kerege.apps.common.staff.models import Assignment, Office, User
from kerege.apps.common.staff.rights import Role
from kerege.portal.design import navigation

pytestmark = pytest.mark.django_db


def somebody(role: Role, **more: object) -> User:
    office = Office.objects.create(code=f"o-{role}", unit_code="41704210830000")
    user = User.objects.create_user(f"u-{role}", "long-word-7", full_name="Айгүл")
    Assignment.objects.create(
        user=user, role=role, office=office, **({"valid_from": date(2026, 1, 1)} | more)
    )
    return user


def menu(user: User | None, path: str, rf) -> dict[str, str]:
    request = rf.get(path)
    request.user = user
    return {link.href: link.current for link in navigation(request)}


def test_a_clerk_sees_the_register_and_an_analyst_does_not(rf):
    assert "/aimak/" in menu(somebody(Role.CLERK), "/", rf)
    assert "/aimak/" not in menu(somebody(Role.ANALYST), "/", rf)


def test_a_stranger_and_somebody_whose_role_has_ended_see_nothing(rf):
    assert menu(None, "/", rf) == {}
    ended = somebody(Role.CLERK, valid_to=date(2026, 2, 1))
    assert menu(ended, "/", rf) == {}


@pytest.mark.parametrize(
    ("path", "href"),
    [
        ("/aimak/", "/aimak/"),
        ("/aimak/search/", "/aimak/"),
        ("/aimak/imports/", "/aimak/imports/"),
        ("/aimak/imports/new/", "/aimak/imports/"),
    ],
)
def test_one_item_is_the_current_one(rf, path: str, href: str):
    links = menu(somebody(Role.CLERK), path, rf)
    assert [link for link, current in links.items() if current] == [href]


def test_the_page_marks_it_for_those_who_do_not_see_it(client: Client):
    client.force_login(
        somebody(Role.CLERK), "kerege.portal.signin.backend.StaffBackend"
    )
    page = client.get("/aimak/").content.decode()
    assert 'href="/aimak/" aria-current="page"' in page
