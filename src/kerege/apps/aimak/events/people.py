"""Persons that an event brings into the book."""

from dataclasses import dataclass
from datetime import date

from kerege.apps.aimak.events import checks
from kerege.apps.aimak.events.base import Problem
from kerege.apps.aimak.history import change
from kerege.apps.aimak.models import Change, Person, PersonFacts, PersonPin, PinStatus
from kerege.apps.common.staff.models import Office


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What is written down of somebody who is new in the register."""

    surname: str
    given_name: str
    sex: str
    birth_date: date
    patronymic: str = ""
    patronymic_absent: bool = False
    suffix: str = ""
    birth_place: str = ""
    nationality: str = ""
    citizenship: str = ""
    pin: str = ""

    def check(self, on: date) -> list[Problem]:
        """Return what is missing or odd."""
        found = [
            Problem(f"{field}.missing", field)
            for field in ("surname", "given_name", "sex")
            if not getattr(self, field)
        ]
        if not (self.patronymic or self.patronymic_absent or self.suffix):
            found.append(Problem("patronymic.missing", "patronymic", is_warning=True))
        if self.birth_date > on:
            found.append(Problem("birth_date.future", "birth_date"))
        found += checks.columns(PersonFacts, self._facts())
        return found + checks.pin(self.pin, self.sex, self.birth_date, on)

    def create(self, office: Office, by: Change) -> Person:
        """Write them into the register; known from their birth on."""
        person = Person.objects.create(office=office)
        facts = self._facts()
        change(PersonFacts, (person.pk,), facts, self.birth_date, by)
        if self.pin:
            values = {"pin": self.pin, "status": PinStatus.ASSIGNED}
            change(PersonPin, (person.pk,), values, self.birth_date, by)
        return person

    def _facts(self) -> dict[str, object]:
        return {
            "surname": self.surname,
            "given_name": self.given_name,
            "patronymic": self.patronymic,
            "patronymic_absent": self.patronymic_absent,
            "suffix": self.suffix,
            "sex": self.sex,
            "birth_date": self.birth_date,
            "birth_place": self.birth_place,
            "nationality": self.nationality,
            "citizenship": self.citizenship,
        }
