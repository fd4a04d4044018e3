"""Mistakes in households, their members, their land and their livestock."""

from dataclasses import fields

import numpy as np

from kerege.apps.aimak.synth.addresses import Addresses
from kerege.apps.aimak.synth.book import Memberships
from kerege.apps.aimak.synth.columns import NOTHING, Words, where
from kerege.apps.aimak.synth.facts import Ints, read
from kerege.apps.aimak.synth.households import HEAD, OTHER, RELATIONS, SPOUSE
from kerege.apps.aimak.synth.spoiler import Spoiler

SQUARE_METRES = 10_000
"""Of a hectare."""
_NO_SUCH_SPECIES = 7


def plant_in_households(spoiler: Spoiler) -> None:
    """Plant the kinds of `[household]`, and persons in two households."""
    rates = read("defects.toml")
    _heads(spoiler, rates["household"])
    _two_households(spoiler, rates["person"]["two_households"])
    _addresses(spoiler, rates["household"])
    _empty(spoiler, rates["household"]["empty"])


def _heads(spoiler: Spoiler, rates: dict[str, float]) -> None:
    members = spoiler.book.memberships
    count = spoiler.book.households
    current = members.valid_to == NOTHING
    head_of = np.full(count, -1)
    spouse_of = np.full(count, -1)
    for rows_of, relation in ((head_of, HEAD), (spouse_of, SPOUSE)):
        rows = where(current & (members.relation == relation))
        rows_of[members.household[rows]] = rows
    for household in spoiler.take_households(rates["two_heads"], spouse_of >= 0):
        members.relation[spouse_of[household]] = HEAD
        change = (RELATIONS[HEAD], RELATIONS[SPOUSE])
        spoiler.tell("households", household, "two_heads", "relation", change)
    for household in spoiler.take_households(rates["no_head"], head_of >= 0):
        members.relation[head_of[household]] = OTHER
        change = (RELATIONS[OTHER], RELATIONS[HEAD])
        spoiler.tell("households", household, "no_head", "relation", change)


def _two_households(spoiler: Spoiler, rate: float) -> None:
    """Let people be members of a second household too."""
    book, members = spoiler.book, spoiler.book.memberships
    living = book.people.died == NOTHING
    living[members.person[len(living) :]] = False
    rows = spoiler.take_persons(rate, living)
    other = spoiler.rng.integers(book.households, size=len(rows))
    away = other != book.people.household[rows]
    rows, other = rows[away], other[away]
    start = np.maximum(book.people.born[rows], book.opened[other])
    start = np.where(book.people.born[rows] == NOTHING, book.opened[other], start)
    more = (
        other,
        rows,
        np.full(len(rows), OTHER),
        start,
        np.full(len(rows), NOTHING),
    )
    book.memberships = Memberships(
        *(
            np.concatenate((getattr(members, each.name), column))
            for each, column in zip(fields(Memberships), more, strict=True)
        )
    )
    for row, household in zip(rows, other, strict=True):
        right = str(book.first_id + book.people.household[row])
        change = (str(book.first_id + household), right)
        spoiler.tell("memberships", row, "two_households", "household_id", change)


def _addresses(spoiler: Spoiler, rates: dict[str, float]) -> None:
    book = spoiler.book
    all_of_them = np.ones(book.households, dtype=np.bool_)
    for row in spoiler.take_households(rates["unit_unknown"], all_of_them):
        right = book.unit[row] or ""
        wrong = right[:11] + "995"  # villages end at 990
        book.unit.put(row, wrong)
        spoiler.tell("households", row, "unit_unknown", "unit", (wrong, right))
    in_village = np.full(book.households, not book.block.town)
    for row in spoiler.take_households(rates["unit_above"], in_village):
        right = book.unit[row] or ""
        wrong = right[:8] + "000000"
        book.unit.put(row, wrong)
        spoiler.tell("households", row, "unit_above", "unit", (wrong, right))
    for row in spoiler.take_households(rates["house_missing"], all_of_them):
        right = str(book.address.house[row])
        book.address.house[row] = 0
        spoiler.tell("households", row, "house_missing", "house", (None, right))


def _empty(spoiler: Spoiler, rate: float) -> None:
    """Add households with the number of another and nobody in them."""
    book = spoiler.book
    rows = spoiler.take_households(rate, np.ones(book.households, dtype=np.bool_))
    first = book.households
    book.address = Addresses(
        *(_with(getattr(book.address, each.name), rows) for each in fields(Addresses))
    )
    book.opened = _with(book.opened, rows)
    book.unit = book.unit.extended(rows)
    book.added = len(rows)
    for number, row in enumerate(rows):
        change = (None, str(book.first_id + row))
        spoiler.tell("households", first + number, "empty", "household_id", change)


def _with(values: Ints, rows: Ints) -> Ints:
    return np.concatenate((values, values[rows]))


def plant_in_belongings(spoiler: Spoiler) -> None:
    """Plant the kinds of `[livestock]` and `[land]`; a row has one of them at most."""
    rates = read("defects.toml")
    _livestock(spoiler, rates["livestock"])
    land = spoiler.book.land
    small = land.columns["area_hectares"] < 3
    drawn = spoiler.rng.random(len(land)) < rates["land"]["area_in_square_metres"]
    for row in where(small & drawn):
        right = float(land.columns["area_hectares"][row])
        land.columns["area_hectares"][row] = right * SQUARE_METRES
        change = (f"{right * SQUARE_METRES:g}", f"{right:g}")
        kind = "area_in_square_metres"
        spoiler.tell("land_plots", row, kind, "area_hectares", change)


def _livestock(spoiler: Spoiler, rates: dict[str, float]) -> None:
    herds = spoiler.book.livestock
    ages: Words = herds.columns["age_text"]
    species, heads = herds.columns["species"], herds.columns["heads"]
    draws = spoiler.rng.random(len(herds))
    half = (ages.places >= 0) & (ages.places % 2 == 1)
    halves = where(half & (draws < 2 * rates["age_comma"]))
    for row in halves:
        right = ages[row] or ""
        ages.put(row, right.replace(".", ","))
        spoiler.tell("livestock", row, "age_comma", "age_text", (ages[row], right))
    for row in where(draws > 1 - rates["species_unknown"]):
        change = (str(_NO_SUCH_SPECIES), str(species[row]))
        species[row] = _NO_SUCH_SPECIES
        spoiler.tell("livestock", row, "species_unknown", "species", change)
    start = 1 - rates["species_unknown"]
    for row in where((draws <= start) & (draws > start - rates["count_negative"])):
        heads[row] = -heads[row]
        change = (str(heads[row]), str(-heads[row]))
        spoiler.tell("livestock", row, "count_negative", "heads", change)
