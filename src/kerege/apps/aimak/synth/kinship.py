"""Who belongs to whom: couples, mothers and children, young families with his parents.

People are matched by age: a wife with a husband of nearly hers, a child with a mother who
had the right age at its birth. Rules that always hold: a mother is 15.5 to 48 years older
than her child, a father at least 16; children of one mother are born on one day or 280
days apart; nobody is twice in a household.
"""

from dataclasses import dataclass

import numpy as np

from kerege.apps.aimak.synth.ages import YEAR
from kerege.apps.aimak.synth.facts import Bools, Floats, Ints, curve, read

SPACING = 280
"""Days between two births of one mother."""
NOBODY = -1
YOUNGEST_MOTHER, OLDEST_MOTHER, YOUNGEST_FATHER = 15.5, 48.0, 16.0
_ROUNDS, _TRIES = 5, 3


@dataclass(slots=True)
class Kin:
    """Links between the people of a block, by their place in it; NOBODY is none."""

    born: Ints
    woman: Bools
    ages: Floats
    spouse: Ints
    mother: Ints
    father: Ints
    unit: Ints
    """Of each person: the family, by the place of its anchor (the woman of a couple, the
    lone woman, the person who lives alone)."""
    joined: Ints
    """Of each anchor: the anchor of the family that it lives with."""
    raised: Bools
    """Lives with a grandmother, without parents."""


def connect(
    rng: np.random.Generator, born: Ints, woman: Bools, today: int, *, town: bool
) -> Kin:
    """Return the families of a block; days of birth of twins change in it."""
    count = len(born)
    ages = (today - born) / YEAR
    nobody = np.full(count, NOBODY)
    kin = Kin(
        born,
        woman,
        ages,
        spouse=nobody.copy(),
        mother=nobody.copy(),
        father=nobody.copy(),
        unit=np.arange(count),
        joined=nobody.copy(),
        raised=np.zeros(count, dtype=np.bool_),
    )
    _marry(rng, kin)
    centres = _centres(rng, kin)
    children = _dependents(rng, kin, centres)
    _join_parents(rng, kin, centres, town=town)
    _find_mothers(rng, kin, centres, children)
    _raise_by_grandmothers(rng, kin, centres, children)
    kin.ages = (today - kin.born) / YEAR
    _find_fathers(kin)
    return kin


def _marry(rng: np.random.Generator, kin: Kin) -> None:
    draws = rng.random(len(kin.born))
    wives = np.flatnonzero(kin.woman & (draws < curve("wives", kin.ages)))
    husbands = np.flatnonzero(~kin.woman & (draws < curve("husbands", kin.ages)))
    count = min(len(wives), len(husbands))
    wives, husbands = (rng.permutation(each)[:count] for each in (wives, husbands))
    wives = wives[np.argsort(kin.ages[wives] + rng.normal(0, 1.8, count))]
    husbands = husbands[np.argsort(kin.ages[husbands] + rng.normal(0, 1.8, count))]
    gaps = kin.ages[husbands] - kin.ages[wives]
    fits = (gaps > -6) & (gaps < 18)
    wives, husbands = wives[fits], husbands[fits]
    kin.spouse[wives], kin.spouse[husbands] = husbands, wives
    kin.unit[husbands] = wives


def _centres(rng: np.random.Generator, kin: Kin) -> Ints:
    """Return wives and lone women, sorted by age."""
    alone = kin.woman & (kin.spouse == NOBODY) & (kin.ages >= 20)
    lone = alone & (rng.random(len(kin.born)) < curve("lone", kin.ages))
    centres = np.flatnonzero((kin.woman & (kin.spouse != NOBODY)) | lone)
    return centres[np.argsort(kin.ages[centres], kind="stable")]


def _dependents(rng: np.random.Generator, kin: Kin, centres: Ints) -> Bools:
    """Say who is a child or an unmarried grown-up in a parents' household."""
    facts = read("country.toml")["families"]
    free = kin.spouse == NOBODY
    free[centres] = False
    draws = rng.random(len(free))
    young: Bools = (
        free & (kin.ages < 36) & ((kin.ages < 18) | (draws > facts["alone_young"]))
    )
    older: Bools = (
        free & (kin.ages >= 36) & (kin.ages < 60) & (draws < facts["with_others"])
    )
    return young | older


def _mothers_age(rng: np.random.Generator, count: int) -> Floats:
    facts = read("country.toml")["families"]
    ages = rng.normal(facts["mother_mean"], facts["mother_deviation"], count)
    low, high = facts["mother_youngest"], facts["mother_oldest"]
    outside = (ages < low) | (ages > high)
    ages[outside] = low + rng.random(int(outside.sum())) * (high - low)
    return ages


def near(
    rng: np.random.Generator, wanted: Floats, sorted_ages: Floats, spread: float = 0.5
) -> Ints:
    """Return for each wanted age a place near it in `sorted_ages`, which is not empty."""
    low = np.searchsorted(sorted_ages, wanted - spread)
    high = np.searchsorted(sorted_ages, wanted + spread)
    places = low + (rng.random(len(wanted)) * (high - low)).astype(np.int64)
    return np.minimum(places, len(sorted_ages) - 1)


def _join_parents(
    rng: np.random.Generator, kin: Kin, centres: Ints, *, town: bool
) -> None:
    """Let young families live with his parents, or with hers if she has no husband."""
    facts = read("country.toml")["families"]
    husbands = kin.spouse[centres]
    children = np.where(husbands == NOBODY, centres, husbands)
    chance = np.interp(
        kin.ages[children], facts["with_parents_at"], facts["with_parents"]
    )
    if town:
        chance = chance * facts["with_parents_in_town"]
    joins = rng.random(len(centres)) < chance
    elders = centres[~joins]
    juniors, children = centres[joins], children[joins]
    taken = np.zeros(len(kin.born), dtype=np.bool_)
    if not len(elders):
        return
    for _ in range(_TRIES):
        order = rng.permutation(len(juniors))
        juniors, children = juniors[order], children[order]
        wanted = kin.ages[children] + _mothers_age(rng, len(children))
        chosen = elders[near(rng, wanted, kin.ages[elders], 1.0)]
        gaps = kin.ages[chosen] - kin.ages[children]
        fits = (gaps > 16) & (gaps < OLDEST_MOTHER - 1) & ~taken[chosen]
        _, first = np.unique(np.where(fits, chosen, NOBODY), return_index=True)
        first = first[fits[first]]
        kin.joined[juniors[first]] = chosen[first]
        kin.mother[children[first]] = chosen[first]
        taken[chosen[first]] = True
        left = kin.joined[juniors] == NOBODY
        juniors, children = juniors[left], children[left]


def _find_mothers(
    rng: np.random.Generator, kin: Kin, centres: Ints, children: Bools
) -> None:
    """Give children mothers, and births of one mother room between them."""
    looking = np.flatnonzero(children)
    ages = kin.ages[centres]
    for turn in range(_ROUNDS):
        if not len(looking) or not len(centres):
            break
        wanted = kin.ages[looking] + _mothers_age(rng, len(looking))
        found = centres[near(rng, wanted, ages)]
        gaps = kin.ages[found] - kin.ages[looking]
        fits = (gaps > YOUNGEST_MOTHER + 1) & (gaps < OLDEST_MOTHER - 1)
        if turn == 0:  # a woman alone has fewer children
            fits &= (kin.spouse[found] != NOBODY) | (rng.random(len(found)) < 0.5)
        kin.mother[looking] = np.where(fits, found, NOBODY)
        close = _too_close(kin, children)
        last = turn == _ROUNDS - 1
        looking = looking[~fits] if last else np.union1d(looking[~fits], close)
    _make_twins(kin, children)
    with_mother = np.flatnonzero(children & (kin.mother != NOBODY))
    kin.unit[with_mother] = kin.mother[with_mother]


def _siblings(kin: Kin) -> Ints:
    """Return those who have a mother, by mother and day of birth."""
    have = np.flatnonzero(kin.mother != NOBODY)
    return have[np.lexsort((kin.born[have], kin.mother[have]))]


def _too_close(kin: Kin, movable: Bools) -> Ints:
    order = _siblings(kin)
    same = kin.mother[order[1:]] == kin.mother[order[:-1]]
    days = kin.born[order[1:]] - kin.born[order[:-1]]
    close = np.flatnonzero(same & (days > 0) & (days < SPACING))
    later, earlier = order[close + 1], order[close]
    return np.unique(np.where(movable[later], later, earlier))


def _make_twins(kin: Kin, movable: Bools) -> None:
    """Let those who are still too close be born on one day."""
    while True:
        order = _siblings(kin)
        same = kin.mother[order[1:]] == kin.mother[order[:-1]]
        days = kin.born[order[1:]] - kin.born[order[:-1]]
        close = np.flatnonzero(same & (days > 0) & (days < SPACING))
        if not len(close):
            return
        at_first = np.unique(kin.mother[order[close]], return_index=True)[1]
        later, earlier = order[close[at_first] + 1], order[close[at_first]]
        moves = movable[later]
        kin.born[later[moves]] = kin.born[earlier[moves]]
        kin.born[earlier[~moves]] = kin.born[later[~moves]]


def _raise_by_grandmothers(
    rng: np.random.Generator, kin: Kin, centres: Ints, children: Bools
) -> None:
    """Move some children to a grandmother, and those for whom no mother was found."""
    share = read("country.toml")["families"]["with_grandmother"]
    minors = children & (kin.ages < 18)
    moved = minors & ((rng.random(len(minors)) < share) | (kin.mother == NOBODY))
    places = np.flatnonzero(moved)
    if not len(places) or not len(centres):
        return
    wanted = kin.ages[places] + 45 + rng.random(len(places)) * 20
    found = centres[near(rng, wanted, kin.ages[centres])]
    fits = kin.ages[found] - kin.ages[places] > 32
    places, found = places[fits], found[fits]
    kin.mother[places] = NOBODY
    kin.unit[places] = found
    kin.raised[places] = True


def _find_fathers(kin: Kin) -> None:
    have = np.flatnonzero(kin.mother != NOBODY)
    fathers = kin.spouse[kin.mother[have]]
    older = kin.ages[fathers] - kin.ages[have] >= YOUNGEST_FATHER
    kin.father[have] = np.where((fathers != NOBODY) & older, fathers, NOBODY)
