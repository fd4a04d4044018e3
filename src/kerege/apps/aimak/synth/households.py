"""Who lives in one household, who is its head, and what the others are to the head."""

from dataclasses import dataclass

import numpy as np

from kerege.apps.aimak.synth.facts import Bools, Ints, read
from kerege.apps.aimak.synth.kinship import NOBODY, Kin, near

RELATIONS = (
    "head",
    "spouse",
    "child",
    "parent",
    "sibling",
    "grandchild",
    "child_in_law",
    "ward",
    "other",
)
"""What a member is to the head; with the sex it gives son, daughter-in-law and so on."""
HEAD, SPOUSE, CHILD, PARENT, SIBLING, GRANDCHILD, IN_LAW, WARD, OTHER = range(9)
OLD_HEAD = 70.0
"""From this age on the son is mostly written as the head."""


@dataclass(slots=True)
class Homes:
    """The households of a block."""

    of: Ints
    """Of each person: the number of the household, from 0."""
    relation: Ints
    """Of each person: a place in RELATIONS."""
    count: int


def gather(rng: np.random.Generator, kin: Kin) -> Homes:
    """Return the households, in an order that has nothing to do with the families'."""
    unit = kin.unit
    root = np.where(kin.joined[unit] == NOBODY, unit, kin.joined[unit])
    junior_of = np.full(len(unit), NOBODY)
    juniors = np.flatnonzero(kin.joined != NOBODY)
    junior_of[kin.joined[juniors]] = juniors
    young_head = _young_heads(rng, kin, junior_of)
    relation = _relations(rng, kin, root, young_head)
    _take_in(rng, kin, root, relation, junior_of)
    roots, of = np.unique(root, return_inverse=True)
    order = rng.permutation(len(roots))
    return Homes(order[of], relation, len(roots))


def _young_heads(rng: np.random.Generator, kin: Kin, junior_of: Ints) -> Bools:
    """Say of which root families the son is the head."""
    husbands = kin.spouse
    elder = np.where(husbands == NOBODY, kin.ages, kin.ages[husbands])
    chance = np.where(elder > OLD_HEAD, 0.6, 0.04)
    chance = np.where((elder > 55) & (husbands == NOBODY), 0.6, chance)
    has_man = kin.spouse[junior_of] != NOBODY
    leads: Bools = (rng.random(len(chance)) < chance) & (junior_of != NOBODY)
    leads &= has_man
    return leads


def _relations(
    rng: np.random.Generator, kin: Kin, root: Ints, young_head: Bools
) -> Ints:
    people = np.arange(len(root))
    anchor = kin.unit
    in_root = anchor == root
    is_woman, is_man = people == anchor, kin.spouse[anchor] == people
    core = is_woman | is_man
    wife_heads = read("country.toml")["families"]["wife_is_head"]
    wife_is_head = (rng.random(len(root)) < wife_heads) | (kin.spouse == NOBODY)
    leads = np.where(wife_is_head[root], is_woman, is_man)
    by_son = young_head[root]
    elder_leads: list[tuple[Bools, Ints | int]] = [
        (in_root & core & leads, HEAD),
        (in_root & core, SPOUSE),
        (kin.raised, np.where(in_root, GRANDCHILD, WARD)),
        (in_root, CHILD),
        (core & (kin.mother == root), CHILD),
        (core, IN_LAW),
    ]
    son_leads: list[tuple[Bools, Ints | int]] = [
        (~in_root & is_man, HEAD),
        (~in_root & is_woman, SPOUSE),
        (in_root & core, PARENT),
        (kin.raised, WARD),
        (in_root, SIBLING),
    ]
    elder = _first(elder_leads, GRANDCHILD)
    young = _first(son_leads, CHILD)
    return np.where(by_son, young, elder)


def _first(cases: list[tuple[Bools, Ints | int]], otherwise: int) -> Ints:
    conditions = [condition for condition, _ in cases]
    values = [np.broadcast_to(value, conditions[0].shape) for _, value in cases]
    return np.select(conditions, values, otherwise).astype(np.int64)


def _take_in(
    rng: np.random.Generator, kin: Kin, root: Ints, relation: Ints, junior_of: Ints
) -> None:
    """Let some who would live alone live with a child, or with other people.

    `root` and `relation` change. A lone father or mother goes to a son or daughter who
    has a family and no parents in the household; others become `other`.
    """
    facts = read("country.toml")["families"]
    size = np.bincount(root, minlength=len(root))
    alone = (kin.unit == np.arange(len(root))) & (size == 1) & (kin.ages >= 18)
    draws = rng.random(len(root))
    hosts = np.flatnonzero((relation == HEAD) & (size[root] > 1))
    hosts = hosts[(junior_of[root[hosts]] == NOBODY) & (kin.mother[hosts] == NOBODY)]
    hosts = hosts[np.argsort(kin.ages[hosts], kind="stable")]
    if not len(hosts):
        return
    elders = np.flatnonzero(
        alone & (kin.ages >= 52) & (draws < facts["elder_with_child"])
    )
    wanted = kin.ages[elders] - 22 - rng.random(len(elders)) * 14
    chosen = hosts[near(rng, wanted, kin.ages[hosts], 1.0)]
    gaps = kin.ages[elders] - kin.ages[chosen]
    fits = (gaps > 18) & (gaps < 42)
    _, first = np.unique(np.where(fits, chosen, NOBODY), return_index=True)
    first = first[fits[first]]
    elders, chosen = elders[first], chosen[first]
    root[elders], relation[elders] = root[chosen], PARENT
    mothers = kin.woman[elders]
    kin.mother[chosen[mothers]] = elders[mothers]
    kin.father[chosen[~mothers]] = elders[~mothers]
    alone[elders] = False
    middle = alone & (kin.ages < 60) & (draws < facts["with_others"])
    guests = np.flatnonzero(middle)
    guests = guests[~np.isin(guests, hosts)]
    if len(guests):
        wanted = np.clip(kin.ages[guests] + rng.normal(0, 5, len(guests)), 28, 65)
        at = hosts[near(rng, wanted, kin.ages[hosts], 2.0)]
        root[guests], relation[guests] = root[at], OTHER
