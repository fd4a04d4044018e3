"""Names that belong together: a child has its father's surname and patronymic.

A wife has her husband's surname or kept her own; some Kyrgyz have `уулу` and `кызы` in
the place of a surname or of a patronymic, some no patronymic, by right.
"""

from dataclasses import dataclass

import numpy as np

from kerege.apps.aimak.synth.facts import Bools, Floats, Ints, pick
from kerege.apps.aimak.synth.kinship import NOBODY, Kin
from kerege.apps.aimak.synth.vocabulary import NATIONALITIES, draw, vocabulary

NO_PATRONYMIC = -1
_RUSSIAN = NATIONALITIES.index("russian")
_KYRGYZ = NATIONALITIES.index("kyrgyz")
_TOOK_HIS_NAME = 0.55
_TOOK_HIS_NAME_RUSSIAN = 0.92
_FULL, _UULU_PATRONYMIC, _UULU_SURNAME, _ABSENT = range(4)
_STYLES = (0.62, 0.10, 0.13, 0.15)
"""How Kyrgyz families write themselves: Асанов Талант Эркинович; Асанов Талант Эркин уулу;
Эркин уулу Талант; Асанов Талант (assumption)."""
_ROUNDS = 20
_OTHER_STYLES = (0.94, 0.0, 0.0, 0.06)


@dataclass(slots=True)
class Names:
    """Places in the vocabulary's lists."""

    given: Ints
    surname: Ints
    patronymic: Ints
    """NO_PATRONYMIC where there is none."""
    maiden: Ints
    """The surname before marriage (of a man: his surname)."""
    latin: Ints
    """The scheme of the Latin spelling."""
    stem: Ints
    """The surname without its form."""
    patron: Ints
    """The father's given name."""
    late: Ints
    """Of a woman without a husband: the given name of her children's father."""


def name(
    rng: np.random.Generator, kin: Kin, nationality: Ints, latin_shares: Floats
) -> Names:
    """Return the names of a block's people."""
    names = vocabulary()
    given = _given(rng, kin, nationality)
    for _ in range(_ROUNDS):
        again = _same_as_family(kin, given)
        if not again.any():
            break
        given = np.where(again, _given(rng, kin, nationality), given)
    stem, patron, style = _own_line(rng, kin, nationality)
    _, late, _ = _own_line(rng, kin, nationality)
    for _ in range(3):  # three generations
        has = kin.father != NOBODY
        father = kin.father
        stem = np.where(has, stem[father], stem)
        patron = np.where(has, given[father], patron)
        style = np.where(has, style[father], style)
        by_mother = ~has & (kin.mother != NOBODY)
        stem = np.where(by_mother, stem[kin.mother], stem)
        patron = np.where(by_mother, late[kin.mother], patron)
    patronymic = 4 * patron + kin.woman
    patronymic = np.where(style == _UULU_PATRONYMIC, patronymic + 2, patronymic)
    without = (style == _UULU_SURNAME) | (style == _ABSENT)
    patronymic = np.where(without, NO_PATRONYMIC, patronymic)
    uulu = 2 * (names.stems + patron) + kin.woman
    maiden = np.where(style == _UULU_SURNAME, uulu, 2 * stem + kin.woman)
    surname = _after_marriage(rng, kin, nationality, maiden, stem, style)
    schemes = pick(rng, latin_shares, len(given))
    return Names(given, surname, patronymic, maiden, schemes, stem, patron, late)


def _given(rng: np.random.Generator, kin: Kin, nationality: Ints) -> Ints:
    given = np.zeros(len(nationality), dtype=np.int64)
    old = np.clip((kin.ages - 15) / 40, 0, 1)
    for number, people in enumerate(vocabulary().people):
        of_it = nationality == number
        women, men = of_it & kin.woman, of_it & ~kin.woman
        given[women] = draw(rng, people.women, people.women_weights, old[women])
        given[men] = draw(rng, people.men, people.men_weights, old[men])
    return given


def _same_as_family(kin: Kin, given: Ints) -> Bools:
    """Say whose name is that of the father, of the mother or of an elder sibling."""
    again = (kin.father != NOBODY) & (given == given[kin.father])
    again |= (kin.mother != NOBODY) & (given == given[kin.mother])
    have = np.flatnonzero(kin.mother != NOBODY)
    order = have[np.lexsort((given[have], kin.mother[have]))]
    same = kin.mother[order[1:]] == kin.mother[order[:-1]]
    again[order[1:][same & (given[order[1:]] == given[order[:-1]])]] = True
    return np.asarray(again)


def _own_line(
    rng: np.random.Generator, kin: Kin, nationality: Ints
) -> tuple[Ints, Ints, Ints]:
    """Return surname, father's name and style of those whose father is not known."""
    count = len(nationality)
    stem, patron = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    style = np.zeros(count, dtype=np.int64)
    for number, people in enumerate(vocabulary().people):
        of_it = np.flatnonzero(nationality == number)
        stem[of_it] = people.surnames[pick(rng, people.surname_weights, len(of_it))]
        old = np.ones(len(of_it))
        patron[of_it] = draw(rng, people.men, people.men_weights, old)
        styles = _STYLES if number == _KYRGYZ else _OTHER_STYLES
        style[of_it] = pick(rng, np.array(styles), len(of_it))
    return stem, patron, style


def _after_marriage(
    rng: np.random.Generator,
    kin: Kin,
    nationality: Ints,
    maiden: Ints,
    stem: Ints,
    style: Ints,
) -> Ints:
    husband = kin.spouse
    share = np.where(nationality == _RUSSIAN, _TOOK_HIS_NAME_RUSSIAN, _TOOK_HIS_NAME)
    took: Bools = kin.woman & (husband != NOBODY) & (rng.random(len(share)) < share)
    took &= style[husband] != _UULU_SURNAME  # `уулу` is nobody else's name
    return np.where(took, 2 * stem[husband] + 1, maiden)
