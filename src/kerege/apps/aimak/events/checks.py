"""Checks that several events share; each returns what is wrong, or nothing."""

from collections.abc import Mapping
from datetime import date

from kerege.apps.aimak.actions import Document
from kerege.apps.aimak.coded import too_long, unknown_codes
from kerege.apps.aimak.codes import UnknownCodeError, code_list
from kerege.apps.aimak.events.base import Problem, Work
from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import (
    Household,
    HouseholdFacts,
    Membership,
    Person,
    PersonFacts,
    PersonPin,
    Versioned,
)
from kerege.apps.aimak.models.persons import PIN_LENGTH

OLDEST = date(1900, 1, 1)
"""Nobody in a book was born before; an earlier date is a slip."""


def day(on: date, work: Work) -> list[Problem]:
    """An event has happened, and not in another age."""
    if on > work.today:
        return [Problem("date.future", "on")]
    if on < OLDEST:
        return [Problem("date.too_old", "on", values={"year": str(OLDEST.year)})]
    return []


def document(paper: Document, on: date, work: Work) -> list[Problem]:
    """An event rests on a paper with a number, written on its day or later."""
    found = code(paper.kind, "documents", "document_kind")
    if not paper.number:
        found.append(Problem("document.missing", "document_number"))
    if paper.issued_on and paper.issued_on > work.today:
        found.append(Problem("document.future", "document_date"))
    if paper.issued_on and paper.issued_on < on:
        found.append(Problem("document.before", "document_date", is_warning=True))
    return found


def alive(person: Person, on: date, field: str) -> list[Problem]:
    """Somebody was born and had not died."""
    facts = facts_on(person, on)
    if facts is None:
        return [Problem("person.unknown_then", field)]
    if facts.death_date and facts.death_date < on:
        values = {"name": short_name(facts), "date": f"{facts.death_date:%d.%m.%Y}"}
        return [Problem("person.dead", field, values=values)]
    if facts.birth_date and facts.birth_date > on:
        values = {"name": short_name(facts)}
        return [Problem("person.not_born", field, values=values)]
    return []


def member(person: Person, household: Household, on: date, field: str) -> list[Problem]:
    """Somebody belongs to a household."""
    if membership_on(person, household, on) is None:
        values = {"name": name_of(person, on)}
        return [Problem("person.not_member", field, values=values)]
    return []


def exists(household: Household, on: date, field: str) -> list[Problem]:
    """A household is in the book on a day."""
    if as_of(household.facts.all(), on).exists():
        return []
    return [Problem("household.not_there", field)]


def number_free(household_number: str, work: Work, on: date) -> list[Problem]:
    """No other household of the office's book has a number."""
    if not household_number:
        return [Problem("number.missing", "number")]
    rows = HouseholdFacts.objects.filter(office=work.office, number=household_number)
    if as_of(rows, on).exists():
        values = {"number": household_number}
        return [Problem("number.taken", "number", values=values)]
    return []


def relation(value: str, field: str = "relation") -> list[Problem]:
    """It is told what somebody is to the head, by a code of the list."""
    if not value:
        return [Problem("relation.missing", field)]
    return code(value, "relations", field)


def pin(value: str, sex: str, born: date | None, on: date) -> list[Problem]:
    """A PIN has 14 digits and nobody else's; its date and first digit are only odd."""
    if not value:
        return []
    if len(value) != PIN_LENGTH or not (value.isascii() and value.isdigit()):
        return [Problem("pin.form", "pin")]
    if as_of(PersonPin.objects.filter(pin=value), on).exists():
        return [Problem("pin.taken", "pin")]
    found = []
    if born and value[1:9] != f"{born:%d%m%Y}":
        found.append(Problem("pin.birth_date", "pin", is_warning=True))
    if sex and value[0] != {"female": "1", "male": "2"}[sex]:
        found.append(Problem("pin.sex", "pin", is_warning=True))
    return found


def code(value: str, list_name: str, field: str) -> list[Problem]:
    """A code is in its list; blank is none."""
    try:
        if value:
            code_list(list_name).require(value)
    except UnknownCodeError as error:
        return [Problem("code.unknown", field, values=_told(error))]
    return []


def columns(model: type[Versioned], values: Mapping[str, object]) -> list[Problem]:
    """Codes of a table's columns are in their lists, and texts fit."""
    found = [
        Problem("code.unknown", column, values=_told(error))
        for column, error in unknown_codes(model, values)
    ]
    return found + [
        Problem("text.too_long", column, values={"most": str(most)})
        for column, most in too_long(model, values)
    ]


def _told(error: UnknownCodeError) -> dict[str, str]:
    return {"code": error.code, "known": ", ".join(error.known)}


def facts_on(person: Person, on: date) -> PersonFacts | None:
    """Return somebody's facts of a day."""
    return as_of(person.facts.all(), on).first()


def membership_on(
    person: Person, household: Household | None, on: date
) -> Membership | None:
    """Return somebody's membership of a day, in a household or in any."""
    rows = as_of(person.memberships.select_related("household"), on)
    if household is not None:
        rows = rows.filter(household=household)
    return rows.order_by("pk").last()


def age_on(facts: PersonFacts, on: date) -> int | None:
    """Return somebody's full years on a day; None if the year of birth is unknown."""
    born = facts.birth_date
    if born is None or facts.birth_precision == "unknown":
        return None
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def short_name(facts: PersonFacts) -> str:
    """Return surname and given name."""
    return f"{facts.surname} {facts.given_name}".strip()


def name_of(person: Person, on: date) -> str:
    """Return somebody's surname and given name on a day."""
    facts = facts_on(person, on)
    return short_name(facts) if facts else ""
