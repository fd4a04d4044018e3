"""Mistakes in persons and their PINs, and in the administrative units."""

from typing import Any

import numpy as np

from kerege.apps.aimak.synth.ages import YEAR
from kerege.apps.aimak.synth.columns import NOTHING, where
from kerege.apps.aimak.synth.facts import Bools, read, stream
from kerege.apps.aimak.synth.kinship import NOBODY
from kerege.apps.aimak.synth.misspelling import look_alike
from kerege.apps.aimak.synth.plan import Plan
from kerege.apps.aimak.synth.spoiler import Spoiler
from kerege.apps.aimak.synth.truth import Truth, day_text
from kerege.apps.aimak.synth.units import Unit

_LETTERS = {"0": "О", "1": "l", "3": "З"}


def plant_in_units(plan: Plan) -> tuple[list[Unit], dict[str, Any]]:
    """Return the units with some villages under a wrong parent, and the truth."""
    truth = Truth()
    units = list(plan.units)
    rate = 0.0 if plan.clean else read("defects.toml")["unit"]["wrong_parent"]
    rng = stream(plan.seed, 300)
    aimaks = [unit.code for unit in units if unit.level == "aimak"]
    for at, unit in enumerate(units):
        draw, other = rng.random(), int(rng.integers(max(1, len(aimaks))))
        if unit.level != "village" or draw >= rate or aimaks[other] == unit.parent:
            continue
        units[at] = Unit(
            unit.code, aimaks[other], "village", unit.name_ru, unit.name_ky
        )
        change = (aimaks[other], unit.parent)
        truth.defects.append(
            ("units", int(unit.code), "wrong_parent", "parent", *change)
        )
    return units, truth.columns()["truth_defects"]


def plant_in_persons(spoiler: Spoiler) -> None:
    """Plant the kinds of `[person]`."""
    rates = read("defects.toml")["person"]
    people = spoiler.book.people
    living = people.died == NOTHING
    has_pin = spoiler.pin_of != NOTHING
    grown = living & (spoiler.book.today - people.born > 18 * YEAR)
    _shared_pins(spoiler, rates["pin_shared"])
    _birth_dates(spoiler, rates, has_pin & living)
    _pins(spoiler, rates, has_pin & living)
    _missing_pins(spoiler, rates["pin_missing"], has_pin & grown)
    _names(spoiler, rates, living)
    _patronymics(spoiler, rates["patronymic_sex"], living)
    _mothers(spoiler, rates["mother_younger"], living)
    _deaths(spoiler, rates, ~living)


def _shared_pins(spoiler: Spoiler, rate: float) -> None:
    """Give one the PIN of another of the same sex who was born on the same day."""
    people, pins = spoiler.book.people, spoiler.book.pins
    able = where(
        spoiler.persons & (spoiler.pin_of != NOTHING) & (people.died == NOTHING)
    )
    key = people.born[able] * 2 + people.woman[able]
    order = able[np.argsort(key, kind="stable")]
    same = (people.born[order[1:]] == people.born[order[:-1]]) & (
        people.woman[order[1:]] == people.woman[order[:-1]]
    )
    pairs = where(same & (spoiler.rng.random(len(same)) < 2 * rate))
    for pair in pairs:
        first, second = order[pair], order[pair + 1]
        if not (spoiler.persons[first] and spoiler.persons[second]):
            continue
        spoiler.persons[[first, second]] = False
        mine, right = spoiler.pin_of[first], spoiler.pin_text(spoiler.pin_of[second])
        shared = spoiler.pin_text(mine)
        pins.digits[spoiler.pin_of[second]] = pins.digits[mine]
        spoiler.tell("pins", first, "pin_shared", "pin", (shared, shared))
        spoiler.tell("pins", second, "pin_shared", "pin", (shared, right))


def _birth_dates(spoiler: Spoiler, rates: dict[str, float], eligible: Bools) -> None:
    people, today = spoiler.book.people, spoiler.book.today
    older = eligible & (today - people.born > 2 * YEAR)
    for row in spoiler.take_persons(rates["pin_birth_date"], older):
        _another_day(spoiler, row, int(spoiler.rng.choice((-366, -31, -1, 1, 31, 365))))
    childless = eligible.copy()
    childless[people.mother[people.mother != NOBODY]] = False
    childless[people.father[people.father != NOBODY]] = False
    for row in spoiler.take_persons(rates["birth_date_future"], childless):
        change = _another_day(spoiler, row, 100 * 365 + 24)
        spoiler.tell("persons", row, "birth_date_future", "birth_date", change)
    for row in spoiler.take_persons(rates["birth_date_missing"], eligible):
        right = day_text(int(people.born[row]))
        people.born[row] = NOTHING
        spoiler.tell("persons", row, "birth_date_missing", "birth_date", (None, right))


def _another_day(spoiler: Spoiler, row: int, days: int) -> tuple[str, str]:
    """Write another day of birth, and tell that the PIN says the right one."""
    born = spoiler.book.people.born
    right = day_text(int(born[row]))
    born[row] = born[row] + days
    change = (day_text(int(born[row])), right)
    spoiler.tell("persons", row, "pin_birth_date", "birth_date", change)
    return change


def _pins(spoiler: Spoiler, rates: dict[str, float], eligible: Bools) -> None:
    pins = spoiler.book.pins
    for row in spoiler.take_persons(rates["pin_sex"], eligible):
        at = spoiler.pin_of[row]
        right = spoiler.pin_text(at)
        pins.digits[at, 0] = ord("1") + ord("2") - pins.digits[at, 0]
        spoiler.tell("pins", row, "pin_sex", "pin", (spoiler.pin_text(at), right))
    for row in spoiler.take_persons(rates["pin_shape"], eligible):
        at = int(spoiler.pin_of[row])
        right = spoiler.pin_text(at)
        place = int(spoiler.rng.integers(14))
        letter = _LETTERS.get(right[place], "")
        pins.texts[at] = right[:place] + letter + right[place + 1 :]
        spoiler.tell("pins", row, "pin_shape", "pin", (pins.texts[at], right))


def _missing_pins(spoiler: Spoiler, rate: float, eligible: Bools) -> None:
    rows = spoiler.take_persons(rate, eligible)
    for row in rows:
        right = spoiler.pin_text(spoiler.pin_of[row])
        spoiler.tell("persons", row, "pin_missing", "pin", (None, right))
    pins = spoiler.book.pins
    kept = where(~np.isin(pins.person, rows))
    place = np.full(len(pins.person), NOTHING)
    place[kept] = np.arange(len(kept))
    pins.texts = {int(place[at]): text for at, text in pins.texts.items()}
    for name in ("person", "digits", "status", "valid_from", "valid_to"):
        setattr(pins, name, getattr(pins, name)[kept])
    spoiler.refresh_pins()


def _names(spoiler: Spoiler, rates: dict[str, float], eligible: Bools) -> None:
    rng = spoiler.rng
    columns = {"surname": spoiler.book.surname, "given_name": spoiler.book.given}
    for kind in ("mixed_alphabet", "name_missing", "name_spaces", "name_case"):
        for row in spoiler.take_persons(rates[kind], eligible):
            column = ("surname", "given_name")[int(rng.integers(2))]
            right = columns[column][row] or ""
            wrong: str | None = None
            if kind == "mixed_alphabet":
                wrong = look_alike(rng, right)
            elif kind == "name_spaces":
                wrong = f" {right}" if rng.random() < 0.5 else f"{right}  "
            elif kind == "name_case":
                wrong = right.upper() if rng.random() < 0.7 else right.lower()
            if wrong == right:
                continue
            columns[column].put(row, wrong)
            spoiler.tell("persons", row, kind, column, (wrong, right))


def _patronymics(spoiler: Spoiler, rate: float, eligible: Bools) -> None:
    """Write the other sex's patronymic: its place is beside the right one."""
    column = spoiler.book.patronymic
    for row in spoiler.take_persons(rate, eligible & (column.places >= 0)):
        right = column[row]
        column.places[row] ^= 1
        change = (column[row], right)
        spoiler.tell("persons", row, "patronymic_sex", "patronymic", change)


def _mothers(spoiler: Spoiler, rate: float, eligible: Bools) -> None:
    """Write a mother who is hardly older than her child, or younger."""
    people = spoiler.book.people
    have = eligible & (people.mother != NOBODY) & (people.born != NOTHING)
    candidates = spoiler.rng.integers(len(people), size=len(people))
    later = people.born[candidates] > people.born - 9 * YEAR
    fits = have & people.woman[candidates] & later & spoiler.persons[candidates]
    fits &= people.born[candidates] < spoiler.book.today
    for row in spoiler.take_persons(2 * rate, fits & (candidates != people.mother)):
        if candidates[row] == row:
            continue
        right = str(people.mother[row] + spoiler.book.first_id)
        people.mother[row] = candidates[row]
        spoiler.persons[candidates[row]] = False
        wrong = str(candidates[row] + spoiler.book.first_id)
        spoiler.tell("persons", row, "mother_younger", "mother_id", (wrong, right))


def _deaths(spoiler: Spoiler, rates: dict[str, float], dead: Bools) -> None:
    people, members = spoiler.book.people, spoiler.book.memberships
    for row in spoiler.take_persons(rates["death_before_birth"], dead):
        right = day_text(int(people.died[row]))
        people.died[row] = people.born[row] - int(spoiler.rng.integers(1, 9000))
        change = (day_text(int(people.died[row])), right)
        spoiler.tell("persons", row, "death_before_birth", "death_date", change)
    for row in spoiler.take_persons(rates["dead_in_household"], dead):
        right = day_text(int(members.valid_to[row]))
        members.valid_to[row] = NOTHING
        spoiler.tell("memberships", row, "dead_in_household", "valid_to", (None, right))
