"""How many people there are: by age and sex, and by unit."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Count

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Membership, PersonFacts, Sex
from kerege.apps.aimak.soate import prefix_of
from kerege.apps.aimak.statistics.disclosure import told
from kerege.apps.aimak.statistics.places import children, homes
from kerege.apps.common.staff.access import Scope

OLDEST_BAND = 85
"""From this age on all are one row: few are older, and each would be known."""


@dataclass(frozen=True, slots=True)
class AgeRow:
    """People of an age: rounded."""

    from_age: int
    to_age: int | None
    """The last age of it; None: and older."""
    female: int
    male: int


@dataclass(frozen=True, slots=True)
class UnitRow:
    """People and households of a unit: rounded."""

    code: str
    name_ky: str
    name_ru: str
    name_en: str
    persons: int
    households: int


def pyramid(scope: Scope, unit: str, on: date, years: int = 5) -> list[AgeRow]:
    """Count the members of households by age and sex.

    Args:
        scope: Whose offices.
        unit: A SOATE code; empty: all of the scope.
        on: The day.
        years: The width of a row, 1 to 20.

    Raises:
        ValueError: Rows of another width.
    """
    if not 1 <= years <= 20:
        raise ValueError("Rows of a pyramid are 1 to 20 years wide.")
    counts = _by_age(scope, unit, on, years)
    last = OLDEST_BAND // years * years
    return [
        AgeRow(
            from_age=age,
            to_age=None if age == last else age + years - 1,
            female=told(counts[age, str(Sex.FEMALE)], unit, "female", years, age),
            male=told(counts[age, str(Sex.MALE)], unit, "male", years, age),
        )
        for age in range(0, last + 1, years)
    ]


def population_by_unit(scope: Scope, unit: str, on: date) -> list[UnitRow]:
    """Count people and households in each of the units below one.

    People are counted where a household is; somebody who is in two is in both counts.
    """
    units = children(unit, on)
    ends = {prefix_of(one.code): one for one in units}
    households: Counter[str] = Counter()
    persons: Counter[str] = Counter()
    for code, count in _per_code(scope, unit, on):
        if one := _unit_of(code, ends):
            households[one] += count
    for code, count in _members_per_code(scope, unit, on):
        if one := _unit_of(code, ends):
            persons[one] += count
    return [
        UnitRow(
            row.code,
            row.name_ky,
            row.name_ru,
            row.name_en,
            told(persons[prefix], row.code, "persons"),
            told(households[prefix], row.code, "households"),
        )
        for prefix, row in ends.items()
    ]


def _by_age(scope: Scope, unit: str, on: date, years: int) -> Counter[tuple[int, str]]:
    members = Membership.objects.filter(
        household__in=homes(scope, unit, on).values("household")
    )
    living = PersonFacts.objects.filter(person__in=as_of(members, on).values("person"))
    rows = (
        as_of(living, on)
        .filter(birth_date__lte=on)
        .exclude(death_date__lte=on)
        .values_list("birth_date", "sex")
        .annotate(count=Count("person", distinct=True))
    )
    last = OLDEST_BAND // years * years
    counts: Counter[tuple[int, str]] = Counter()
    for born, sex, count in rows.order_by():
        age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
        counts[min(age // years * years, last), sex] += count
    return counts


def _per_code(scope: Scope, unit: str, on: date) -> list[tuple[str, int]]:
    rows = homes(scope, unit, on).values_list("unit_code")
    return list(rows.annotate(count=Count("household", distinct=True)).order_by())


def _members_per_code(scope: Scope, unit: str, on: date) -> list[tuple[str, int]]:
    """Count members through the households' facts of that day."""
    facts = homes(scope, unit, on)
    members = as_of(Membership.objects.all(), on)
    counted = facts.filter(household__memberships__in=members).values_list("unit_code")
    people = Count("household__memberships__person", distinct=True)
    return list(counted.annotate(count=people).order_by())


def _unit_of(code: str, ends: Mapping[str, object]) -> str:
    for length in (14, 11, 8, 5):
        if code[:length] in ends:
            return code[:length]
    return ""
