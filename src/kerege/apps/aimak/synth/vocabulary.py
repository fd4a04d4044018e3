"""All names of the country as numbered lists, so that a name is a number until written.

The place of a form follows from the place of the name: of man number g the patronymics
are 4g (-ович), 4g + 1 (-овна), 4g + 2 (уулу), 4g + 3 (кызы); of surname number s the forms
are 2s and 2s + 1; after all surnames come `уулу` and `кызы` of each man's name.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from kerege.apps.aimak.synth import spelling
from kerege.apps.aimak.synth.facts import Floats, Ints, pick, read

NATIONALITIES: tuple[str, ...] = (
    "kyrgyz",
    "uzbek",
    "russian",
    "dungan",
    "tajik",
    "uyghur",
    "kazakh",
)
OLD_NAMES = 260
"""Names by rank that the old have as often as all others: fashions come and go."""
_MADE_WEIGHT = 0.18
"""How often a name made of parts is, beside one of the list at its rank."""


@dataclass(slots=True)
class People:
    """The names of one nationality: places in the lists, and how often each is."""

    men: Ints
    men_weights: Floats
    women: Ints
    women_weights: Floats
    surnames: Ints
    surname_weights: Floats


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All names."""

    given: tuple[str, ...]
    """Men's names, then women's."""
    men: int
    """How many of `given` are men's."""
    surnames: tuple[str, ...]
    """Forms of a man and a woman in turn; then уулу and кызы of each man's name."""
    stems: int
    """How many surnames have two forms, before those with уулу and кызы."""
    patronymics: tuple[str, ...]
    people: tuple[People, ...]
    """In the order of NATIONALITIES."""

    def latin(self, names: tuple[str, ...]) -> list[str]:
        """Return the names in Latin letters, one list after the other per scheme."""
        schemes = range(len(spelling.LATIN_SCHEMES))
        return [spelling.latin(name, scheme) for scheme in schemes for name in names]


class _Numbers(dict[str, int]):
    """A list in which every name has one place."""

    def of(self, names: list[str]) -> Ints:
        return np.array([self.setdefault(n, len(self)) for n in names], dtype=np.int64)


@cache
def vocabulary() -> Vocabulary:
    """Return the names of `names.toml`, and all that is made of them."""
    facts = read("names.toml")
    men, women, stems = _Numbers(), _Numbers(), _Numbers()
    people = [_people(facts[each], men, women, stems) for each in NATIONALITIES]
    for each in people:
        each.women += len(men)
    forms = [form for stem in stems for form in (stem, spelling.feminine(stem))]
    of_father = [form for name in men for form in spelling.of_father(name)]
    patronymics = [
        form
        for name in men
        for form in (*spelling.patronymics(name), *spelling.of_father(name))
    ]
    return Vocabulary(
        (*men, *women),
        len(men),
        (*forms, *of_father),
        len(stems),
        tuple(patronymics),
        tuple(people),
    )


def _people(
    part: dict[str, Any], men: _Numbers, women: _Numbers, stems: _Numbers
) -> People:
    """Return the names of one nationality; women's are numbered from 0."""
    his, his_weights = _ranked(part, "male")
    hers, her_weights = _ranked(part, "female")
    if part["from_given"]:
        surnames = [spelling.surname_of(name) for name in his]
        weights = _mixed(len(his))
    else:
        surnames = part["surnames"].split()
        weights = _falling(len(surnames))
    return People(
        men.of(his),
        his_weights,
        women.of(hers),
        her_weights,
        stems.of(surnames),
        weights,
    )


def _falling(count: int) -> Floats:
    return np.asarray(1.0 / (np.arange(count) + 6.0))


def _mixed(count: int) -> Floats:
    """Return weights that fall more slowly: surnames are more than given names."""
    return np.asarray(1.0 / (np.arange(count) + 60.0))


def _ranked(part: dict[str, Any], sex: str) -> tuple[list[str], Floats]:
    """Return the names of the list, then the made ones, and how often each is."""
    listed = part[sex].split()
    firsts = part.get(f"first_{sex}", "").split()
    lasts = part.get(f"last_{sex}", "").split()
    made = [_joined(first, last) for last, first in product(lasts, firsts)]
    known = set(listed)
    rare = [name for name in dict.fromkeys(made) if name and name not in known]
    weights = _falling(len(listed))
    rare_weights = _falling(len(rare))
    rare_weights *= _MADE_WEIGHT * weights.sum() / max(rare_weights.sum(), 1e-9)
    return listed + rare, np.concatenate((weights, rare_weights))


def _joined(first: str, last: str) -> str:
    """Return one name, or nothing where the parts do not go together."""
    same = first.lower() == last or first[-1] == last[0]
    both_vowels = first[-1] in "аеиоуыэөү" and last[0] in "аеиоуыэөү"
    return "" if same or both_vowels else first + last


def by_age(weights: Floats, old: float) -> Floats:
    """Return the weights as those of the old (1) or the young (0) had them."""
    ranks = np.arange(len(weights), dtype=np.float64)
    middle = np.clip(ranks / OLD_NAMES, 0, 1)
    tilt = np.where(
        ranks < OLD_NAMES, old * (0.3 + middle) + (1 - old) * (1.5 - middle), 1
    )
    return weights * tilt


def draw(rng: np.random.Generator, names: Ints, weights: Floats, old: Floats) -> Ints:
    """Return a name for each person; `old` tells the share of old fashion in each."""
    fresh = names[pick(rng, by_age(weights, 0.0), len(old))]
    olden = names[pick(rng, by_age(weights, 1.0), len(old))]
    return np.where(rng.random(len(old)) < old, olden, fresh)
