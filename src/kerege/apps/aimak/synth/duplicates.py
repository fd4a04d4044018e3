"""Second records of one person, as registers have them: spelled, dated, placed otherwise."""

from dataclasses import fields

import numpy as np

from kerege.apps.aimak.synth.ages import YEAR
from kerege.apps.aimak.synth.book import ID_ROOM, Memberships
from kerege.apps.aimak.synth.columns import NOTHING, where
from kerege.apps.aimak.synth.facts import Bools, Floats, Ints, pick, read
from kerege.apps.aimak.synth.households import OTHER
from kerege.apps.aimak.synth.kinship import NOBODY
from kerege.apps.aimak.synth.misspelling import read_back, short, typing_error
from kerege.apps.aimak.synth.plan import Block, Plan
from kerege.apps.aimak.synth.residents import Residents
from kerege.apps.aimak.synth.spoiler import Spoiler
from kerege.apps.aimak.synth.truth import day_text
from kerege.apps.aimak.synth.vocabulary import vocabulary

KINDS = ("typo", "transliteration", "swapped", "nickname", "maiden_name", "birth_date")
_SECOND_DIFFERENCE = 0.25
_FAR = 0.5
"""Of those in another office: the share in another part of the country."""
_ROOM = 10
"""The first tenth of a settlement's people, as households: these are its own, for a
household has more than one member, and less than ten, on the average."""
SMALLEST_FAR = 300
"""People of a settlement that is large enough for that."""


def plant_duplicates(plan: Plan, spoiler: Spoiler) -> None:
    """Add second records to the book, at the end of its persons."""
    rates = read("defects.toml")["duplicate"]
    book = spoiler.book
    old = len(book.people)
    grown = book.today - book.people.born > YEAR
    eligible = (book.people.died == NOTHING) & grown & (spoiler.pin_of != NOTHING)
    originals = spoiler.take_persons(rates["share"], eligible)
    same_office, homes = _homes(plan, spoiler, originals, rates["same_office"])
    _append(spoiler, originals)
    _append_members(spoiler, old, homes)
    differs = [
        _differ(spoiler, int(row), old + number, rates)
        for number, row in enumerate(originals)
    ]
    pins = _append_pins(spoiler, originals, old, rates)
    for number, row in enumerate(originals):
        text = ",".join((*differs[number], pins[number]))
        pair = (book.first_id + int(row), book.first_id + old + number)
        spoiler.truth.duplicates.append((*pair, text, bool(same_office[number])))
    _tell_of_rules(spoiler, originals, old)


def _homes(
    plan: Plan, spoiler: Spoiler, originals: Ints, share: float
) -> tuple[Bools, Ints]:
    """Return who is in the same office, and the households of the second records."""
    book, rng = spoiler.book, spoiler.rng
    offices = np.unique(
        [part.settlement.office for part in book.block.parts], return_inverse=True
    )[1][book.address.part]
    mine = book.people.household[originals]
    draws = rng.random(len(originals))
    found = np.where(draws < share / 2, mine, NOBODY)
    wants_same = draws < share
    for _ in range(30):
        looking = where(found == NOBODY)
        other = rng.integers(book.households, size=len(looking))
        same = offices[other] == offices[mine[looking]]
        fits = (same == wants_same[looking]) & (other != mine[looking])
        found[looking[fits]] = other[fits]
    found = np.where(found == NOBODY, mine, found)
    same_office = offices[found] == offices[mine]
    far = _far_blocks(plan, book.block)
    goes = where(~wants_same & (same_office | (rng.random(len(mine)) < _FAR)))
    if far and len(goes):
        blocks = [far[at] for at in rng.integers(len(far), size=len(goes))]
        first = np.array([block.index for block in blocks]) * ID_ROOM
        room = [block.parts[0].persons // _ROOM for block in blocks]
        place = np.floor(rng.random(len(goes)) * np.array(room)).astype(np.int64)
        found[goes] = first + place - (book.first_id - 1)
        same_office[goes] = False
    return same_office, found


def _far_blocks(plan: Plan, mine: Block) -> list[Block]:
    offices = {part.settlement.office for part in mine.parts}
    return [
        block
        for block in plan.blocks
        if block.parts[0].persons >= SMALLEST_FAR
        and offices.isdisjoint(part.settlement.office for part in block.parts)
    ]


def _append(spoiler: Spoiler, originals: Ints) -> None:
    book = spoiler.book
    second = book.people.taken(originals)
    second.mother[:] = NOBODY
    second.father[:] = NOBODY
    second.relation[:] = OTHER
    book.people = Residents(
        *(
            np.concatenate((getattr(book.people, f.name), getattr(second, f.name)))
            for f in fields(Residents)
        )
    )
    book.education = np.concatenate((book.education, book.education[originals]))
    book.occupation = np.concatenate((book.occupation, book.occupation[originals]))
    book.given = book.given.extended(originals)
    book.surname = book.surname.extended(originals)
    book.patronymic = book.patronymic.extended(originals)
    both = np.concatenate((spoiler.persons, np.zeros(len(originals), dtype=np.bool_)))
    spoiler.persons = both


def _append_members(spoiler: Spoiler, old: int, homes: Ints) -> None:
    book, members = spoiler.book, spoiler.book.memberships
    count = len(homes)
    born = book.people.born[old:]
    days = np.floor(spoiler.rng.random(count) * 3000).astype(np.int64)
    more = (
        homes,
        old + np.arange(count),
        np.full(count, OTHER),
        np.maximum(book.today - days, born),
        np.full(count, NOTHING),
    )
    book.memberships = Memberships(
        *(
            np.concatenate((getattr(members, each.name), column))
            for each, column in zip(fields(Memberships), more, strict=True)
        )
    )


def _differ(
    spoiler: Spoiler, original: int, second: int, rates: dict[str, float]
) -> list[str]:
    """Write the second record otherwise than the first; return in what it differs."""
    weights: Floats = np.array([rates[kind] for kind in KINDS])
    count = 1 + int(spoiler.rng.random() < _SECOND_DIFFERENCE)
    kinds = [KINDS[at] for at in pick(spoiler.rng, weights, count)]
    different = list(dict.fromkeys(kinds))
    told = [k for k in different if _write(spoiler, original, second, k)]
    if not told:
        _write(spoiler, original, second, "typo")
        told.append("typo")
    return told


def _write(spoiler: Spoiler, original: int, second: int, kind: str) -> bool:
    """Change the second record in one way; say if there was something to change."""
    book, rng = spoiler.book, spoiler.rng
    given, surname = book.given, book.surname
    if kind == "birth_date":
        born = int(book.people.born[second])
        book.people.born[second] = born + int(rng.choice((-365, -30, -1, 1, 30)))
        return True
    if kind == "swapped":
        first, last = given[second], surname[second]
        given.put(second, last)
        surname.put(second, first)
        return True
    if kind == "maiden_name":
        maiden = int(book.people.maiden[original])
        married = maiden != int(book.people.surname[original])
        if married:
            surname.put(second, vocabulary().surnames[maiden])
        return married
    column = given if kind == "nickname" or rng.random() < 0.5 else surname
    name = column[second] or ""
    if kind == "transliteration":
        wrong = read_back(name)
    elif kind == "nickname":
        wrong = short(name)
    else:
        wrong = typing_error(rng, name)
    if wrong != name:
        column.put(second, wrong)
    return wrong != name


def _append_pins(
    spoiler: Spoiler, originals: Ints, old: int, rates: dict[str, float]
) -> list[str]:
    """Give the second records PINs: none, one digit wrong, or the same."""
    pins, rng = spoiler.book.pins, spoiler.rng
    draws = rng.random(len(originals))
    typo = draws < rates["pin_none"] + rates["pin_typo"]
    have = where(draws >= rates["pin_none"])
    rows = spoiler.pin_of[originals[have]]
    digits = pins.digits[rows].copy()
    wrong = where(typo[have])
    place = rng.integers(9, 14, size=len(wrong))
    odd = 1 + 2 * rng.integers(0, 5, size=len(wrong))
    shown = digits[wrong, place] - ord("0")
    digits[wrong, place] = (shown + odd) % 10 + ord("0")
    pins.person = np.concatenate((pins.person, old + have))
    pins.digits = np.concatenate((pins.digits, digits))
    pins.status = np.concatenate((pins.status, np.zeros(len(have), dtype=np.int64)))
    pins.valid_from = np.concatenate((pins.valid_from, pins.valid_from[rows]))
    pins.valid_to = np.concatenate((pins.valid_to, np.full(len(have), NOTHING)))
    spoiler.refresh_pins()
    names = np.where(typo, "pin_typo", "pin_same")
    return list(np.where(draws < rates["pin_none"], "pin_missing", names))


def _tell_of_rules(spoiler: Spoiler, originals: Ints, old: int) -> None:
    """Tell what other rules find in second records: no PIN, the same, another day."""
    people = spoiler.book.people
    for number, row in enumerate(originals):
        second = old + number
        at, mine = spoiler.pin_of[second], spoiler.pin_of[row]
        right = spoiler.pin_text(mine)
        if at == NOTHING:
            spoiler.tell("persons", second, "pin_missing", "pin", (None, right))
            continue
        pin = spoiler.pin_text(at)
        if pin == right:
            spoiler.tell("pins", row, "pin_shared", "pin", (pin, right))
            spoiler.tell("pins", second, "pin_shared", "pin", (pin, right))
        if people.born[second] != people.born[row]:
            days = (day_text(int(people.born[each])) for each in (second, row))
            wrong, true = days
            change = (wrong, true)
            spoiler.tell("persons", second, "pin_birth_date", "birth_date", change)
