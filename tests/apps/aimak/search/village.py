"""A village with two offices, for the tests of the search. Nobody here exists."""

from datetime import UTC, date, datetime

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
    Street,
    StreetName,
)
from kerege.apps.aimak.search.index import rebuild
from kerege.apps.common.staff.access import Scope
from kerege.apps.common.staff.models import Office

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERYWHERE = Scope(everywhere=True)

PEOPLE = [
    # office, number, surname, given name, patronymic, born, PIN
    ("karool", "12", "Асанов", "Азамат", "Бакытович", "1987-05-12", "21205198700001"),
    ("karool", "12", "Асанова", "Айгүл", "Эсеновна", "1990-02-01", "10102199000002"),
    ("karool", "12", "Асанова", "Бермет", "", "2015-08-30", "13008201500003"),
    ("karool", "13", "Жээнбеков", "Өмүрбек", "Шарипович", "1950-01-01", ""),
    ("karool", "13", "Токтогулова", "Чынгыз", "", "1961-11-02", "20211196100005"),
    ("karool", "14", "Азаматов", "Асан", "", "1999-09-09", "20909199900006"),
    ("karool", "14", "Петрова-Сидорова", "Мария", "Ивановна", "1980-03-03", ""),
    ("ak-too", "12", "Асанов", "Азамат", "Үсөнович", "1987-01-01", "20101198700008"),
]


class Village:
    """The offices, and who lives there, by given name and office."""

    def __init__(self) -> None:
        self.change = Change.objects.create(
            kind=ChangeKind.IMPORT, recorded_at=NOON, event="load"
        )
        self.offices = {
            code: Office.objects.create(code=code, unit_code=unit)
            for code, unit in [
                ("karool", "41704210830000"),
                ("ak-too", "41704215810000"),
            ]
        }
        self.street = Street.objects.create(unit_code="41704210830020")
        self.add(StreetName, street=self.street, name_ky="Жаштык", name_ru="Молодёжная")
        self.households: dict[tuple[str, str], Household] = {}
        self.people: dict[str, Person] = {}
        for row in PEOPLE:
            self.settle(*row)
        rebuild()

    def add(self, model, **values):
        return model.objects.create(change=self.change, recorded_at=NOON, **values)

    def settle(self, *row):
        office, number, surname, given, patronymic, born, pin = row
        household = self.household(self.offices[office], number)
        person = Person.objects.create(office=self.offices[office])
        self.people[f"{given} {office}"] = person
        self.add(
            PersonFacts,
            person=person,
            surname=surname,
            given_name=given,
            patronymic=patronymic,
            birth_date=date.fromisoformat(born),
        )
        self.add(Membership, person=person, household=household, relation="child")
        if pin:
            self.add(PersonPin, person=person, pin=pin, status=PinStatus.ASSIGNED)

    def household(self, office, number):
        key = (office.code, number)
        if key not in self.households:
            self.households[key] = Household.objects.create(office=office)
            self.add(
                HouseholdFacts,
                household=self.households[key],
                office=office,
                number=number,
                street=self.street if office.code == "karool" else None,
                house=f"{int(number) - 10}",
            )
        return self.households[key]
