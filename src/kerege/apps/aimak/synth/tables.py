"""A book as Arrow tables."""

from typing import Any

import numpy as np
import pyarrow as pa

from kerege.apps.aimak.synth import belongings, book as books
from kerege.apps.aimak.synth.addresses import streets
from kerege.apps.aimak.synth.book import WIDTH, Book
from kerege.apps.aimak.synth.columns import NOTHING, Words, numbers, pins
from kerege.apps.aimak.synth.facts import Ints
from kerege.apps.aimak.synth.households import RELATIONS
from kerege.apps.aimak.synth.kinship import NOBODY
from kerege.apps.aimak.synth.residents import MARITAL
from kerege.apps.aimak.synth.schema import TABLES
from kerege.apps.aimak.synth.spelling import latin
from kerege.apps.aimak.synth.units import Unit
from kerege.apps.aimak.synth.vocabulary import NATIONALITIES

Tables = dict[str, pa.Table]


def book_tables(book: Book) -> Tables:
    """Return the tables of a block, without units and truths."""
    return {
        "households": _households(book),
        "persons": _persons(book),
        "memberships": _memberships(book),
        "absences": _owned(
            book, "absences", {"reason": books.ABSENCES}, owner="person_id"
        ),
        "pins": _pins(book),
        "dwellings": _owned(
            book,
            "dwellings",
            {
                "kind": belongings.DWELLINGS,
                "walls": belongings.WALLS,
                "heating": belongings.HEATING,
                "water": belongings.WATER,
            },
        ),
        "land_plots": _owned(
            book, "land_plots", {"held": belongings.HELD}, number="plot_id"
        ),
        "livestock": _owned(
            book, "livestock", {"sex": belongings.SEXES}, number="herd_id"
        ),
        "machinery": _owned(book, "machinery", {"kind": belongings.MACHINES}),
    }


def unit_table(units: list[Unit]) -> pa.Table:
    """Return the units."""
    columns: dict[str, Any] = {
        name: [getattr(unit, name) for unit in units] for name in TABLES["units"].names
    }
    return pa.table(columns, schema=TABLES["units"])


def table(name: str, columns: dict[str, Any]) -> pa.Table:
    """Return a table of this name from its columns: Words, numbers or Arrow arrays."""
    schema = TABLES[name]
    arrays = []
    for column in schema:
        value = columns[column.name]
        if isinstance(value, Words):
            value = value.arrow()
        elif isinstance(value, np.ndarray):
            value = _array(value, column.type)
        arrays.append(value)
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    if pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return pa.array(values, type=kind)
    return numbers(values.astype(np.int64), kind)


def _ids(book: Book, rows: Ints) -> Ints:
    return np.where(rows == NOBODY, NOTHING, rows + book.first_id)


def _households(book: Book) -> pa.Table:
    count, address = book.households, book.address
    offices = [part.settlement.office for part in book.block.parts]
    parts = [part.number + 1 for part in book.block.parts]
    made = len(book.address.number) - book.added
    numbers_in_book = [
        f"{parts[part]}-{number}{'а' if row >= made else ''}"
        for row, (part, number) in enumerate(
            zip(address.part.tolist(), address.number.tolist(), strict=True)
        )
    ]
    house = [str(number) if number else None for number in address.house.tolist()]
    flat = [str(number) if number else None for number in address.flat.tolist()]
    return table(
        "households",
        {
            "household_id": _ids(book, np.arange(count)),
            "unit": book.unit,
            "office": Words(offices, address.part),
            "book_number": pa.array(numbers_in_book),
            "street": Words(streets(), address.street),
            "house": pa.array(house, pa.string()),
            "flat": pa.array(flat, pa.string()),
            "opened_on": book.opened,
        },
    )


def _persons(book: Book) -> pa.Table:
    people = book.people
    count = len(people)
    return table(
        "persons",
        {
            "person_id": _ids(book, np.arange(count)),
            "sex": Words(("M", "F"), people.woman.astype(np.int64)),
            "surname": book.surname,
            "given_name": book.given,
            "patronymic": book.patronymic,
            "patronymic_absent": book.patronymic.places < 0,
            "surname_latin": _latin(book.surname, people.latin),
            "given_name_latin": _latin(book.given, people.latin),
            "birth_date": people.born,
            "death_date": people.died,
            "nationality": Words(NATIONALITIES, people.nationality),
            "citizenship": Words(("KGZ",), np.zeros(count, dtype=np.int64)),
            "education": Words(books.EDUCATION, book.education),
            "occupation": Words(books.OCCUPATIONS, book.occupation),
            "marital_status": Words(MARITAL, people.marital),
            "mother_id": _ids(book, people.mother),
            "father_id": _ids(book, people.father),
        },
    )


def _latin(names: Words, schemes: Ints) -> pa.DictionaryArray:
    """Return the names in Latin letters: each pair of name and scheme is spelled once."""
    key = np.where(names.places < 0, -1, names.places * 4 + schemes)
    used, first, places = np.unique(key, return_index=True, return_inverse=True)
    words = [
        latin(names[int(row)] or "", int(pair) % 4) if pair >= 0 else ""
        for pair, row in zip(used, first, strict=True)
    ]
    indices = pa.array(places.astype(np.int32), mask=key < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))


def _memberships(book: Book) -> pa.Table:
    members = book.memberships
    return table(
        "memberships",
        {
            "household_id": _ids(book, members.household),
            "person_id": _ids(book, members.person),
            "relation": Words(RELATIONS, members.relation),
            "valid_from": members.valid_from,
            "valid_to": members.valid_to,
        },
    )


def _pins(book: Book) -> pa.Table:
    them = book.pins
    return table(
        "pins",
        {
            "person_id": _ids(book, them.person),
            "pin": pins(them.digits, them.texts),
            "status": Words(books.PIN_STATUS, them.status),
            "valid_from": them.valid_from,
            "valid_to": them.valid_to,
        },
    )


def _owned(
    book: Book,
    name: str,
    words: dict[str, tuple[str, ...]],
    *,
    owner: str = "household_id",
    number: str = "",
) -> pa.Table:
    """Return a table of things that belong to somebody."""
    rows = getattr(book, {"land_plots": "land"}.get(name, name))
    columns = {owner: _ids(book, rows.household), **rows.columns}
    for column, labels in words.items():
        columns[column] = Words(labels, rows.columns[column])
    if number:
        columns[number] = book.first_id * WIDTH[name] + np.arange(len(rows))
    return table(name, columns)
