"""The people of the browser tests, made in the site's own database.

Run as a program in the site's environment; prints what the tests need as JSON: under
``sessions`` a session of each person, and words for the paths of `tests.browser.pages`.
"""

import json
import sys
from datetime import date

import django

from tests.browser import village

PASSWORD = "Кереге-12-уук"


def main() -> None:
    """Make the cast and print how to be one of them."""
    django.setup()
    from tests.browser.families import families

    place = office()
    sessions = {role: session_of(person) for role, person in people(place).items()}
    words = families(place) | village.settle(place)
    json.dump({"sessions": sessions, "words": words}, sys.stdout)


def office():
    """Make the office in which clerk and head work."""
    from kerege.apps.common.staff.models import Office

    return Office.objects.create(
        code="karool",
        name_ky="Кароол айыл өкмөтү",
        name_ru="Айыл окмоту Кароол",
        name_en="Karool village office",
        unit_code="41704210830000",
    )


def people(place) -> dict:
    """Make one person of each role; all are invented."""
    from kerege.apps.common.staff.models import Assignment, User
    from kerege.apps.common.staff.rights import Role

    made = {}
    for role in Role:
        local = role in (Role.CLERK, Role.HEAD)
        user = User.objects.create_user(
            role.value, PASSWORD, full_name=f"Асанова Айгүл ({role.value})"
        )
        Assignment.objects.create(
            user=user,
            role=role,
            office=place if local else None,
            valid_from=date(2026, 1, 1),
        )
        made[role.value] = user
    return made


def session_of(user) -> str:
    """Sign somebody in and return the key of the session."""
    from django.contrib.auth import login
    from django.contrib.sessions.backends.db import SessionStore
    from django.http import HttpRequest

    request = HttpRequest()
    request.session = SessionStore()
    user.backend = "kerege.portal.signin.backend.StaffBackend"
    login(request, user)
    request.session.save()
    return request.session.session_key


if __name__ == "__main__":
    main()
