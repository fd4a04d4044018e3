"""Making what can be looked for from what the book says.

`refresh_persons` belongs into the transaction that changes names or births; `rebuild`
makes everything anew, as after loading a country. Both write the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from kerege.apps.aimak.models import Person, PersonFacts, StreetName
from kerege.apps.aimak.models.versioned import CURRENT
from kerege.apps.aimak.names.alphabet import clean, sort_key
from kerege.apps.aimak.names.endings import marker
from kerege.apps.aimak.names.folding import fold
from kerege.apps.aimak.names.query import words
from kerege.apps.aimak.search.models import (
    SORT_CHARS,
    PersonEntry,
    PersonWord,
    StreetWord,
)
from kerege.apps.aimak.search.words import numbers_of

CHUNK = 500
"""Persons of one statement."""
_NAMES = ("surname", "given_name", "patronymic")


@dataclass(slots=True)
class Called:
    """What one person is called: the first word of each name, and all others."""

    facts: PersonFacts
    office_id: int
    first: tuple[str, str, str]
    others: frozenset[str]


def refresh_persons(persons: Iterable[int]) -> None:
    """Make the entries of some persons anew."""
    ids = sorted(set(persons))
    for at in range(0, len(ids), CHUNK):
        chunk = ids[at : at + CHUNK]
        PersonWord.objects.filter(person_id__in=chunk).delete()
        PersonEntry.objects.filter(person_id__in=chunk).delete()
        write_entries(called(chunk))


def refresh_streets(streets: Iterable[int]) -> None:
    """Make the words of some streets' names anew."""
    ids = sorted(set(streets))
    for at in range(0, len(ids), CHUNK):
        chunk = ids[at : at + CHUNK]
        StreetWord.objects.filter(street_id__in=chunk).delete()
        names: dict[int, set[str]] = defaultdict(set)
        rows = StreetName.objects.filter(CURRENT, street_id__in=chunk)
        for street, *spellings in rows.values_list(
            "street_id", "name_ky", "name_ru", "name_en"
        ):
            names[street].update(w for s in spellings for w in map(clean, words(s)))
        numbers = numbers_of(word for found in names.values() for word in found)
        StreetWord.objects.bulk_create(
            StreetWord(street_id=street, token_id=numbers[word])
            for street, found in sorted(names.items())
            for word in sorted(found)
            if word in numbers
        )


def rebuild(progress: Callable[[int], None] = lambda _done: None) -> int:
    """Make all entries anew; return how many persons can be found.

    Args:
        progress: Told how many persons are done, now and then.
    """
    done = 0
    last = 0
    refresh_streets(StreetName.objects.values_list("street_id", flat=True).distinct())
    while True:
        following = Person.objects.filter(pk__gt=last).order_by("pk")
        ids = list(following.values_list("pk", flat=True)[: 10 * CHUNK])
        if not ids:
            return done
        with transaction.atomic():
            refresh_persons(ids)
        last, done = ids[-1], done + len(ids)
        progress(done)


def called(persons: list[int]) -> list[Called]:
    """Return what persons are called: today's row, and words of earlier ones."""
    rows: dict[int, list[PersonFacts]] = defaultdict(list)
    believed = PersonFacts.objects.filter(CURRENT, person_id__in=persons)
    for row in sorted(believed.select_related("person"), key=age):
        rows[row.person_id].append(row)
    return [_called(found) for found in rows.values()]


def age(row: PersonFacts) -> tuple[date, int]:
    """Sort versions of a person by age: the one that still holds comes last.

    Not in the database: the two differ in where an empty date comes.
    """
    return row.valid_to or date.max, row.pk


def _called(rows: list[PersonFacts]) -> Called:
    facts = rows[-1]
    names = [_words(getattr(facts, name)) for name in _NAMES]
    first = tuple(found[0] if found else "" for found in names)
    every = {
        word for row in rows for name in _NAMES for word in _words(getattr(row, name))
    }
    folds = {fold(word) for word in every}
    latin = {word for text in facts.latin_names for word in _words(str(text))}
    every |= {word for word in latin if fold(word) not in folds}
    surname, given, patronymic = first
    return Called(
        facts,
        facts.person.office_id,
        (surname, given, patronymic),
        frozenset(every - set(first)),
    )


def _words(name: str) -> list[str]:
    """Return the words of a name without `уулу` and `кызы`."""
    return [w for w in map(clean, words(name)) if fold(w) and not marker(fold(w))]


def write_entries(people: list[Called]) -> None:
    """Write the entries of persons who have none."""
    every = {word for one in people for word in (*one.first, *one.others)}
    numbers = numbers_of(every)
    PersonEntry.objects.bulk_create(_entry(one, numbers) for one in people)
    PersonWord.objects.bulk_create(
        PersonWord(
            person_id=one.facts.person_id,
            token_id=numbers[word],
            office_id=one.office_id,
        )
        for one in people
        for word in sorted(one.others)
    )


def _entry(one: Called, numbers: dict[str, int]) -> PersonEntry:
    surname, given, patronymic = (numbers.get(word) for word in one.first)
    facts = one.facts
    born = facts.birth_date
    name = " ".join((facts.surname, facts.given_name, facts.patronymic))
    return PersonEntry(
        person_id=facts.person_id,
        office_id=one.office_id,
        surname_id=surname,
        given_id=given,
        patronymic_id=patronymic,
        birth_date=born,
        birth_year=born.year if born else None,
        sort=sort_key(name)[:SORT_CHARS],
    )
