"""Staff of an invented office, signed in."""

from datetime import date

from django.test import Client

from kerege.apps.common.staff.models import Assignment, Office, User
from kerege.apps.common.staff.rights import Role


def office(code: str = "karool") -> Office:
    """Make an office, or return it."""
    return Office.objects.get_or_create(
        code=code,
        defaults={"name_ky": code, "name_ru": code, "name_en": code, "unit_code": ""},
    )[0]


def staff(name: str, role: Role | None = None, **fields: object) -> User:
    """Make somebody who works in the office, or with no role nowhere."""
    user = User.objects.create_user(
        name, "x", full_name=name.title(), language="en", **fields
    )
    if role is not None:
        national = role in (Role.AUDITOR, Role.ANALYST, Role.ADMINISTRATOR)
        Assignment.objects.create(
            user=user,
            role=role,
            office=None if national else office(),
            valid_from=date(2026, 1, 1),
        )
    return user


def browser_of(user: User) -> Client:
    """Return a browser in which somebody is signed in."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client
