"""Making what can be looked for from what the book says.

`refresh_persons` and `refresh_streets` belong into the transaction that changes names,
births or offices; `rebuild` makes everything anew, as after loading a country. Both
write the same rows.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import QuerySet

from kerege.apps.aimak.models import PersonFacts, StreetName
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
    Token,
)
from kerege.apps.aimak.search.words import numbers_of

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 500
"""Persons of one statement."""
REBUILT = 20_000
"""Persons of one step of making everything anew."""
_REMEMBERED = 200_000
"""Names whose words are remembered: millions of people have so many."""
_COLUMNS = (
    "person_id",
    "person__office_id",
    "surname",
    "given_name",
    "patronymic",
    "latin_names",
    "birth_date",
    "valid_to",
    "pk",
)
ENTRY_COLUMNS = (
    "person_id",
    "office_id",
    "surname_id",
    "given_id",
    "patronymic_id",
    "birth_date",
    "birth_year",
    "sort",
)
WORD_COLUMNS = ("person_id", "token_id", "office_id")
_Row = tuple[int, int, str, str, str, list[str], date | None, date | None, int]
_SEPARATOR = sort_key("а а")[2:4]


@dataclass(slots=True)
class Called:
    """What one person is called: the first word of each name, and all others."""

    person_id: int
    office_id: int
    first: tuple[str, ...]
    others: frozenset[str]
    birth_date: date | None
    sort: str

    def values(self, numbers: dict[str, int]) -> tuple[object, ...]:
        """Return the values of `ENTRY_COLUMNS`."""
        born = self.birth_date
        return (
            self.person_id,
            self.office_id,
            *(numbers.get(word) for word in self.first),
            born,
            born.year if born else None,
            self.sort,
        )


def refresh_persons(persons: Iterable[int]) -> None:
    """Make the entries of some persons anew."""
    ids = sorted(set(persons))
    for at in range(0, len(ids), CHUNK):
        chunk = ids[at : at + CHUNK]
        PersonWord.objects.filter(person_id__in=chunk).delete()
        PersonEntry.objects.filter(person_id__in=chunk).delete()
        people = list(called(PersonFacts.objects.filter(person_id__in=chunk)))
        numbers = numbers_of(w for one in people for w in (*one.first, *one.others))
        PersonEntry.objects.bulk_create(
            PersonEntry(**dict(zip(ENTRY_COLUMNS, one.values(numbers), strict=True)))
            for one in people
        )
        PersonWord.objects.bulk_create(
            PersonWord(person_id=person, token_id=token, office_id=office)
            for person, token, office in _other_words(people, numbers)
        )


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
            names[street].update(w for s in spellings for w in _words(s))
        numbers = numbers_of(word for found in names.values() for word in found)
        StreetWord.objects.bulk_create(
            StreetWord(street_id=street, token_id=numbers[word])
            for street, found in sorted(names.items())
            for word in sorted(found)
        )


def rebuild(progress: Callable[[int], None] = lambda _done: None) -> int:
    """Make all entries anew, or none; return how many persons can be found.

    Args:
        progress: Told how many persons are done, now and then.
    """
    from kerege.apps.aimak.synth.copying import copy, without_indexes  # pyarrow

    done = 0
    entries, others = PersonEntry._meta.db_table, PersonWord._meta.db_table
    with transaction.atomic():
        refresh_streets(
            StreetName.objects.values_list("street_id", flat=True).distinct()
        )
        for model in (PersonWord, PersonEntry):
            model._default_manager.all().delete()
        numbers = dict(Token.objects.values_list("text", "pk"))
        connection.check_constraints()  # none is left to be checked after a change
        with without_indexes([entries, others]):
            for people in _steps(called(PersonFacts.objects.all())):
                new = {w for one in people for w in (*one.first, *one.others)}
                numbers |= numbers_of(new - numbers.keys())
                rows = [one.values(numbers) for one in people]
                copy(entries, _table(ENTRY_COLUMNS, rows))
                copy(others, _table(WORD_COLUMNS, _other_words(people, numbers)))
                done += len(people)
                progress(done)
            connection.check_constraints()
    return done


def called(facts: QuerySet[PersonFacts]) -> Iterator[Called]:
    """Yield what persons are called: today's row, and words of earlier ones."""
    believed = facts.filter(CURRENT).order_by("person_id")
    rows = believed.values_list(*_COLUMNS).iterator(chunk_size=REBUILT)
    for _, found in groupby(rows, key=lambda row: row[0]):
        yield _called(sorted(found, key=_age))


def age(facts: PersonFacts) -> tuple[date, int]:
    """Sort versions of a person by age: the one that still holds comes last.

    Not in the database: the two differ in where an empty date comes.
    """
    return facts.valid_to or date.max, facts.pk


def _age(row: _Row) -> tuple[date, int]:
    *_, valid_to, pk = row
    return valid_to or date.max, pk


def _called(rows: Sequence[_Row]) -> Called:
    person, office, *names, latin, born, _, _ = rows[-1]
    words_of_names = [_words(name) for name in names]
    first = tuple(found[0] if found else "" for found in words_of_names)
    every = {word for found in words_of_names for word in found}
    for row in rows[:-1]:
        every.update(word for name in row[2:5] for word in _words(name))
    folds = {_fold(word) for word in every} if latin else set()
    for text in latin:
        every.update(word for word in _words(str(text)) if _fold(word) not in folds)
    keys = [key for key in map(_key, names) if key]
    return Called(
        person,
        office,
        first,
        frozenset(every.difference(first)),
        born,
        _SEPARATOR.join(keys)[:SORT_CHARS],
    )


@lru_cache(maxsize=_REMEMBERED)
def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name without `уулу` and `кызы`."""
    found = map(clean, words(name))
    return tuple(word for word in found if (f := fold(word)) and not marker(f))


@lru_cache(maxsize=_REMEMBERED)
def _fold(word: str) -> str:
    return fold(word)


@lru_cache(maxsize=_REMEMBERED)
def _key(name: str) -> str:
    return sort_key(name)


def _other_words(
    people: Iterable[Called], numbers: dict[str, int]
) -> list[tuple[int, int, int]]:
    """Return person, word and office of each word that is not in an entry."""
    return [
        (one.person_id, numbers[word], one.office_id)
        for one in people
        for word in sorted(one.others)
    ]


def _steps(people: Iterator[Called]) -> Iterator[list[Called]]:
    step: list[Called] = []
    for one in people:
        step.append(one)
        if len(step) == REBUILT:
            yield step
            step = []
    if step:
        yield step


def _table(columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> "pa.Table":
    import pyarrow as pa  # here: only whole countries need it

    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    return pa.table(dict(zip(columns, map(pa.array, map(list, values)), strict=True)))
