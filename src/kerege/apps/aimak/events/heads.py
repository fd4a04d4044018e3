"""A household needs a head, and relations are told from the head.

When the head dies or leaves, everybody's relation changes. `proposed` says what follows
from the old ones; where that is not certain (a grandchild of the old head may be a child
or a nephew of the new one) it says nothing, and the clerk is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from kerege.apps.aimak.events.base import Problem, Touched
from kerege.apps.aimak.history import as_of, change_many
from kerege.apps.aimak.models import Change, Household, Membership, Person

_AFTER: Mapping[str, Mapping[str, str]] = {
    "spouse": {
        "child": "child",
        "parent": "parent_in_law",
        "parent_in_law": "parent",
        "grandchild": "grandchild",
        "child_in_law": "child_in_law",
        "ward": "ward",
        "sibling": "other",
        "not_related": "not_related",
    },
    "child": {
        "spouse": "parent",
        "child": "sibling",
        "parent": "grandparent",
        "not_related": "not_related",
        "sibling": "other",
        "parent_in_law": "grandparent",
    },
    "parent": {
        "spouse": "child_in_law",
        "child": "grandchild",
        "sibling": "child",
        "parent": "spouse",
        "not_related": "not_related",
    },
    "sibling": {
        "child": "sibling_child",
        "parent": "parent",
        "sibling": "sibling",
        "spouse": "other",
        "not_related": "not_related",
    },
}
"""By the new head's relation to the old one: what others' relations become."""


@dataclass(frozen=True, slots=True)
class NewHead:
    """Who is the head from now on, and what the others are to them."""

    person: Person
    relations: Mapping[int, str]
    """By person's id; who is not named gets what `proposed` says, or nothing."""


def members_on(household: Household, on: date) -> dict[int, Membership]:
    """Return the memberships of a household on a day, by person's id."""
    rows = as_of(household.memberships.order_by("pk"), on)
    return {row.person_id: row for row in rows}


def proposed(new_head_relation: str, relation: str) -> str:
    """Return what a relation becomes under a new head; empty: ask."""
    return _AFTER.get(new_head_relation, {}).get(relation, "")


def check_head(
    household: Household, leaving: set[int], new: NewHead | None, on: date
) -> list[Problem]:
    """Look whether a household keeps a head when some leave."""
    members = members_on(household, on)
    staying = {pk: row for pk, row in members.items() if pk not in leaving}
    if new is not None:
        if new.person.pk not in staying:
            return [Problem("head.not_member", "new_head")]
        return []
    had = any(row.is_head for row in members.values())
    if staying and had and not any(row.is_head for row in staying.values()):
        return [Problem("head.missing", "new_head", is_warning=True)]
    return []


def set_head(household: Household, new: NewHead, on: date, by: Change) -> Touched:
    """Make somebody the head from a day on, and tell all relations from them."""
    members = members_on(household, on)
    from_relation = members[new.person.pk].relation
    wanted: dict[tuple[int, int], dict[str, object]] = {}
    for pk, row in members.items():
        is_head = pk == new.person.pk
        relation = new.relations.get(pk) or proposed(from_relation, row.relation)
        values = {"relation": "head" if is_head else relation, "is_head": is_head}
        wanted[pk, household.pk] = values
    change_many(Membership, wanted, on, by)
    return Touched({household.pk}, set(members))
