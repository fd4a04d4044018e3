"""The people of a block as a register writes them: the living, and those who died lately."""

from dataclasses import dataclass, fields

import numpy as np

from kerege.apps.aimak.synth import naming
from kerege.apps.aimak.synth.ages import YEAR
from kerege.apps.aimak.synth.columns import NOTHING, where
from kerege.apps.aimak.synth.facts import Bools, Floats, Ints, pick, read
from kerege.apps.aimak.synth.households import HEAD, PARENT, SPOUSE, Homes
from kerege.apps.aimak.synth.kinship import NOBODY, Kin
from kerege.apps.aimak.synth.naming import Names
from kerege.apps.aimak.synth.vocabulary import draw, vocabulary

MARITAL = ("single", "married", "widowed", "divorced")
_SINGLE, _MARRIED, _WIDOWED, _DIVORCED = range(4)


@dataclass(slots=True)
class Residents:
    """One row for each; links are rows, NOBODY is none."""

    born: Ints
    died: Ints
    woman: Bools
    household: Ints
    relation: Ints
    mother: Ints
    father: Ints
    marital: Ints
    nationality: Ints
    given: Ints
    surname: Ints
    patronymic: Ints
    maiden: Ints
    latin: Ints

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.born)

    def taken(self, rows: Ints) -> "Residents":
        """Return these rows; links stay as they are."""
        return Residents(*(getattr(self, f.name)[rows] for f in fields(self)))


def residents(
    rng: np.random.Generator, kin: Kin, homes: Homes, nationality: Ints, today: int
) -> Residents:
    """Return all people of the block by household, heads first."""
    latin = np.array(read("country.toml")["register"]["latin"])
    names = naming.name(rng, kin, nationality, latin)
    living = Residents(
        kin.born,
        np.full(len(kin.born), NOTHING),
        kin.woman,
        homes.of,
        homes.relation,
        kin.mother,
        kin.father,
        _marital(rng, kin),
        nationality,
        names.given,
        names.surname,
        names.patronymic,
        names.maiden,
        names.latin,
    )
    dead = _dead(rng, kin, names, living, today)
    both = Residents(
        *(
            np.concatenate((getattr(living, f.name), getattr(dead, f.name)))
            for f in fields(Residents)
        )
    )
    return _in_order(both)


def _in_order(people: Residents) -> Residents:
    order = np.lexsort((people.born, people.relation, people.household))
    place = np.empty(len(order) + 1, dtype=np.int64)
    place[order] = np.arange(len(order))
    place[NOBODY] = NOBODY
    sorted_people = people.taken(order)
    sorted_people.mother = place[sorted_people.mother]
    sorted_people.father = place[sorted_people.father]
    return sorted_people


def _marital(rng: np.random.Generator, kin: Kin) -> Ints:
    count = len(kin.born)
    has_child = np.zeros(count, dtype=np.bool_)
    for parents in (kin.mother, kin.father):
        has_child[parents[parents != NOBODY]] = True
    widowed = np.clip((kin.ages - 30) / 45, 0, 0.95)
    once = has_child | (rng.random(count) < np.clip((kin.ages - 25) / 25, 0, 0.9))
    alone = np.where(rng.random(count) < widowed, _WIDOWED, _DIVORCED)
    alone = np.where(once & (kin.ages >= 18), alone, _SINGLE)
    return np.where(kin.spouse != NOBODY, _MARRIED, alone)


def _dead(
    rng: np.random.Generator, kin: Kin, names: Names, living: Residents, today: int
) -> Residents:
    facts = read("country.toml")
    years = facts["register"]["years_of_dead"]
    population = facts["population"]
    share = population["deaths_per_day"] * YEAR * years / population["persons"]
    count = round(len(kin.born) * share + rng.random() - 0.5)
    died = today - np.floor(rng.random(count) * years * YEAR).astype(np.int64)
    widows = where(
        (living.marital == _WIDOWED)
        & kin.woman
        & (kin.ages > 40)
        & ((living.relation == HEAD) | (living.relation == PARENT))
    )
    heads = where((living.relation == HEAD) & (kin.ages > 28) & (kin.ages < 64))
    heads = heads[(kin.mother[heads] == NOBODY) & (kin.father[heads] == NOBODY)]
    widows, heads = rng.permutation(widows), rng.permutation(heads)
    husbands = min(len(widows), round(count * facts["register"]["dead_husbands"]))
    hosts = np.concatenate((widows[:husbands], heads[: count - husbands]))
    died = died[: len(hosts)]
    return _late(rng, kin, names, living, (hosts, died, husbands))


def _late(
    rng: np.random.Generator,
    kin: Kin,
    names: Names,
    living: Residents,
    deaths: tuple[Ints, Ints, int],
) -> Residents:
    """Return the dead: first husbands of their hosts, then fathers and mothers."""
    hosts, died, husbands = deaths
    count = len(hosts)
    is_husband = np.arange(count) < husbands
    woman = ~is_husband & (rng.random(count) < 0.45)
    gap = np.where(is_husband, rng.normal(3, 3, count), 19 + rng.random(count) * 21)
    born = kin.born[hosts] - np.floor(np.clip(gap, -4, 40) * YEAR).astype(np.int64)
    father = ~is_husband & ~woman
    fathers_name = np.where(is_husband, names.late[hosts], names.patron[hosts])
    given = np.where(woman, _women(rng, living.nationality[hosts]), fathers_name)
    stem = names.stem[hosts]
    relation = np.where(
        is_husband & (living.relation[hosts] == HEAD), SPOUSE, np.int64(PARENT)
    )
    living.father[hosts[father]] = len(kin.born) + where(father)
    living.mother[hosts[woman]] = len(kin.born) + where(woman)
    nobody = np.full(count, NOBODY)
    surname = 2 * stem + woman
    return Residents(
        born,
        died,
        woman,
        living.household[hosts],
        relation,
        nobody,
        nobody.copy(),
        np.where(is_husband, _MARRIED, _WIDOWED),
        living.nationality[hosts],
        given,
        surname,
        _own_patronymics(rng, living.nationality[hosts], woman),
        surname.copy(),
        pick(rng, np.array(read("country.toml")["register"]["latin"]), count),
    )


def _women(rng: np.random.Generator, nationality: Ints) -> Ints:
    return _names(rng, nationality, women=True)


def _own_patronymics(rng: np.random.Generator, nationality: Ints, woman: Bools) -> Ints:
    return 4 * _names(rng, nationality, women=False) + woman


def _names(rng: np.random.Generator, nationality: Ints, *, women: bool) -> Ints:
    """Return old people's given names."""
    names = np.zeros(len(nationality), dtype=np.int64)
    for number, people in enumerate(vocabulary().people):
        rows = where(nationality == number)
        old: Floats = np.ones(len(rows))
        if women:
            names[rows] = draw(rng, people.women, people.women_weights, old)
        else:
            names[rows] = draw(rng, people.men, people.men_weights, old)
    return names
