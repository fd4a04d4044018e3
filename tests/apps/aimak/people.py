"""The cast of the register's stories: Karool and Toluk, their offices and clerks.

All people here are invented.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import transaction

from kerege.apps.aimak import actions, history
from kerege.apps.aimak.models import (
    Change,
    ChangeKind,
    Household,
    HouseholdFacts,
    Membership,
    Person,
    PersonFacts,
    PersonPin,
    PinStatus,
)
from kerege.apps.common.staff.models import Assignment, Office, User
from kerege.apps.common.staff.rights import Role

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = date(2026, 3, 2)


def make_office(code: str, unit_code: str = "41704210830000") -> Office:
    return Office.objects.create(
        code=code, unit_code=unit_code, name_ky=code, name_ru=code, name_en=code
    )


def make_clerk(name: str, office: Office, role: Role = Role.CLERK) -> User:
    user = User.objects.create_user(name.lower(), "long-word-7", full_name=name)
    Assignment.objects.create(
        user=user, role=role, office=office, valid_from=date(2020, 1, 1)
    )
    return user


def begin(office: Office, kind: ChangeKind = ChangeKind.CHANGE, **more: Any) -> Change:
    return actions.begin(actions.Action(kind, None, office, **more), NOON)


@dataclass
class Book:
    """Writes families into an office's book, as an import would."""

    office: Office

    def household(self, number: str, **facts: Any) -> Household:
        household = Household.objects.create(office=self.office)
        values = {
            "office_id": self.office.pk,
            "number": number,
            "kind": "family",
            "unit_code": "41704210830020",
            "house": number,
        } | facts
        with transaction.atomic():
            by = begin(self.office, ChangeKind.IMPORT)
            history.change(HouseholdFacts, (household.pk,), values, None, by)
        return household

    def person(
        self,
        household: Household,
        name: str,
        relation: str,
        born: date,
        pin: str = "",
        **facts: Any,
    ) -> Person:
        """Write somebody in; ``name`` is "surname given patronymic"."""
        person = Person.objects.create(office=household.office)
        surname, given, *rest = name.split(maxsplit=2)
        values = {
            "surname": surname,
            "given_name": given,
            "patronymic": rest[0] if rest else "",
            "birth_date": born,
        } | facts
        with transaction.atomic():
            by = begin(self.office, ChangeKind.IMPORT)
            history.change(PersonFacts, (person.pk,), values, None, by)
            if pin:
                status = {"pin": pin, "status": PinStatus.ASSIGNED}
                history.change(PersonPin, (person.pk,), status, None, by)
            member = {"relation": relation, "is_head": relation == "head"}
            key = (person.pk, household.pk)
            history.change(Membership, key, member, born, by)
        return person
