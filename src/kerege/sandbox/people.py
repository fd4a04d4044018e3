"""Synthetic people of the demo's village register. Nobody here exists.

The shapes are those that clients of the real service `sanaripaymak-service` read
(public client code): PINs of 14 digits, addresses with SOATE codes, families with a
head. Birth dates of the PINs and the names are drawn from a fixed seed.
"""

import random
from dataclasses import dataclass
from functools import cache

SEED = 20261124
HOUSEHOLDS = 24

_SURNAMES = (
    "Асанов",
    "Байышев",
    "Осмонов",
    "Токтогулов",
    "Абдыкадыров",
    "Маматов",
    "Жумабеков",
    "Сыдыков",
    "Турдубаев",
    "Эшимов",
    "Кадыров",
    "Жээнбеков",
)
_MEN = ("Азамат", "Бакыт", "Нурлан", "Тилек", "Айбек", "Чынгыз", "Канат", "Өмүрбек")
_WOMEN = ("Айгүл", "Нургүл", "Жылдыз", "Чолпон", "Бермет", "Сезим", "Каныкей", "Үмүт")
_STREETS = ("Манас", "Токтогул", "Ала-Тоо", "Жаштык", "Достук")


@dataclass(frozen=True, slots=True)
class Village:
    """Where a household lives: names and SOATE codes of three levels."""

    region: str
    region_id: str
    district: str
    district_id: str
    city: str
    city_id: str


KEK_DJAR = Village(
    "Нарынская область",
    "41704000000000",
    "Ак-Талинский район",
    "41704210000000",
    "с. Кек-Джар",
    "41704210830020",
)


@dataclass(frozen=True, slots=True)
class Person:
    """One person and the place in the household."""

    pin: str
    name: str
    role: str
    household: int


@dataclass(frozen=True, slots=True)
class Register:
    """The table that the demo's provider answers from."""

    people: dict[str, Person]
    households: dict[int, tuple[Person, ...]]
    places: dict[int, tuple[str, str, str]]
    """Household to street, street id and house."""

    def address_fact(self, pin: str) -> dict[str, object] | None:
        """Return the factual address of a person, or None if the PIN is unknown."""
        person = self.people.get(pin)
        if person is None:
            return None
        street, street_id, house = self.places[person.household]
        village = KEK_DJAR
        return {
            "pin": pin,
            "liveInHouseholdFrom": True,
            "state": "Кыргызская Республика",
            "stateId": "41700000000000",
            "region": village.region,
            "regionId": village.region_id,
            "district": village.district,
            "districtId": village.district_id,
            "city": village.city,
            "cityId": village.city_id,
            "street": street,
            "streetId": street_id,
            "house": house,
            "flat": None,
        }

    def family_members(self, pin: str) -> dict[str, object]:
        """Return who lives in the person's household; code 405 is "no family"."""
        person = self.people.get(pin)
        if person is None:
            return {"code": 405, "message": "Семья не найдена", "members": []}
        family = self.households[person.household]
        return {
            "code": 200,
            "message": "OK",
            "members": [{"name": p.name, "role": p.role} for p in family],
        }


@cache
def register() -> Register:
    """Return the demo's register; the same at every start."""
    draw = random.Random(SEED)  # noqa: S311 - invented people, not secrets
    people: dict[str, Person] = {}
    households: dict[int, tuple[Person, ...]] = {}
    places: dict[int, tuple[str, str, str]] = {}
    for number in range(HOUSEHOLDS):
        family = tuple(_family(draw, number))
        households[number] = family
        people.update({person.pin: person for person in family})
        street = draw.randrange(len(_STREETS))
        places[number] = (
            f"ул. {_STREETS[street]}",
            str(70100 + street),
            str(draw.randint(1, 80)),
        )
    return Register(people, households, places)


def _family(draw: random.Random, number: int) -> list[Person]:
    surname = draw.choice(_SURNAMES)
    wife_surname = draw.choice(_SURNAMES) + "а"
    head = Person(
        _pin(draw, "2", 1955, 1990),
        f"{surname} {draw.choice(_MEN)}",
        "Глава семьи",
        number,
    )
    wife = Person(
        _pin(draw, "1", 1955, 1992),
        f"{wife_surname} {draw.choice(_WOMEN)}",
        "Супруга",
        number,
    )
    family = [head, wife]
    for _ in range(draw.randint(0, 4)):
        girl = draw.random() < 0.5
        family.append(
            Person(
                _pin(draw, "1" if girl else "2", 2005, 2023),
                f"{surname}{'а' if girl else ''} {draw.choice(_WOMEN if girl else _MEN)}",
                "Дочь" if girl else "Сын",
                number,
            )
        )
    return family


def _pin(draw: random.Random, first: str, born_from: int, born_to: int) -> str:
    day, month = draw.randint(1, 28), draw.randint(1, 12)
    year = draw.randint(born_from, born_to)
    return f"{first}{day:02}{month:02}{year}{draw.randint(0, 99999):05}"
