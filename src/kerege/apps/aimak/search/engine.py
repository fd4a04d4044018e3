"""One search field: whatever was typed, the people it may mean, best first.

Only persons of the given scope are found: offices are closed to each other. Protected
persons are hidden as `kerege.apps.aimak.protection` says: a witness is not found at all,
a hidden address is neither shown nor a way to find somebody. The caller writes the
search to the audit log, with counts and without what was typed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from kerege.apps.aimak.models import (
    Household,
    HouseholdFacts,
    Membership,
    PersonFacts,
    PersonPin,
)
from kerege.apps.aimak.models.versioned import CURRENT
from kerege.apps.aimak.names.query import PIN_DIGITS, Query, parse_query, words
from kerege.apps.aimak.names.vocabulary import SAME, Candidate, candidates
from kerege.apps.aimak.protection import VEILED, Shield, Sight, shields
from kerege.apps.aimak.search.index import age
from kerege.apps.aimak.search.models import PersonEntry, StreetWord
from kerege.apps.aimak.search.people import Hit, NameSearch
from kerege.apps.aimak.search.words import StoredVocabulary
from kerege.apps.aimak.soate import prefix_of
from kerege.apps.common.staff.access import Scope
from kerege.apps.common.staff.models import Office

PAGE = 50
"""Who is not among so many is found sooner with one more word."""
MOST = 400
"""Persons that PIN, household, address or birth alone can bring."""
MOST_STREETS = 500
"""Streets of one name: every village has its Lenin Street."""
_OPEN = CURRENT & Q(valid_to__isnull=True)


@dataclass(frozen=True, slots=True)
class Found:
    """One person of the results, with what a list shows."""

    facts: PersonFacts
    """Today's row; `facts.person` is loaded."""
    rank: float
    matches: tuple[Candidate, ...]
    """What the words of the query were taken for; empty if found without names."""
    pin: str
    household: Household | None
    """None too if the address is hidden."""
    household_facts: HouseholdFacts | None


@dataclass(frozen=True, slots=True)
class Results:
    """What was found, and how the question was understood."""

    query: Query
    found: tuple[Found, ...]
    more: bool
    """There are others: ask with one more word."""


def search(
    text: str, scope: Scope, *, limit: int = PAGE, sight: Sight = VEILED
) -> Results:
    """Return the people that a query may mean.

    Args:
        text: what was typed, in any spelling, alphabet and order.
        scope: where the user may look.
        limit: how many to return at most.
        sight: whose protection is lifted for the one who looks.

    Never raises for anything that can be typed.
    """
    query = parse_query(text)
    if query.is_empty or not scope:
        return Results(query, (), more=False)
    offices = _offices(scope)
    people = PersonEntry.objects.all()
    if offices is not None:
        people = people.filter(office_id__in=offices)
    people, narrowed = _narrowed(people, query, offices)
    if query.names:
        hits = list(NameSearch(query.names, people).hits(limit + 1).values())
    elif narrowed:
        rows = people.order_by("sort").values_list("pk", "sort")[:MOST]
        hits = [Hit(pk, 1.0, (), sort) for pk, sort in rows]
    else:
        hits = []
    hits.sort(key=lambda hit: (-round(hit.rank, 3), hit.sort, hit.person_id))
    hits = hits[: 2 * limit]  # more than a page, even if some are hidden
    shield = shields([hit.person_id for hit in hits], sight)
    by_place = bool(_household_conditions(query))
    hits = [
        hit
        for hit in hits
        if not shield[hit.person_id].hides_person
        and not (by_place and shield[hit.person_id].hides_place)
    ]
    return Results(query, _joined(hits[:limit], shield), more=len(hits) > limit)


def _offices(scope: Scope) -> list[int] | None:
    """Return the ids of the offices of a scope; None: all of the country."""
    if scope.everywhere:
        return None
    wanted = Q(pk__in=scope.offices)
    for unit in scope.units:
        wanted |= Q(unit_code__startswith=prefix_of(unit))
    return list(Office.objects.filter(wanted).values_list("pk", flat=True))


def _narrowed(
    people: QuerySet[PersonEntry], query: Query, offices: list[int] | None
) -> tuple[QuerySet[PersonEntry], bool]:
    """Keep who has the PIN, birth, household and address; tell if any was asked for."""
    conditions = [*_by_pin(query), *_by_birth(query), *_by_household(query, offices)]
    for condition in conditions:
        people = people.filter(condition)
    return people, bool(conditions)


def _by_pin(query: Query) -> list[Q]:
    pins = PersonPin.objects.filter(CURRENT)
    if query.pin:
        return [Q(pk__in=pins.filter(pin=query.pin).values("person_id"))]
    if query.pin_part:
        # As a range: an index serves it on both databases.
        first = query.pin_part
        last = first + "9" * (PIN_DIGITS - len(first))
        pins = pins.filter(pin__gte=first, pin__lte=last)
        return [Q(pk__in=pins.values("person_id"))]
    return []


def _by_birth(query: Query) -> list[Q]:
    found = []
    if query.birth_date:
        found.append(Q(birth_date=query.birth_date))
    if query.birth_year and query.names:
        found.append(Q(birth_year=query.birth_year))
    return found


def _by_household(query: Query, offices: list[int] | None) -> list[Q]:
    wanted = _household_conditions(query)
    if not wanted:
        return []
    households = HouseholdFacts.objects.filter(_OPEN, *wanted)
    if offices is not None:
        households = households.filter(office_id__in=offices)
    elif not query.names and not query.street:
        return []  # a number of the whole country is nobody's
    members = Membership.objects.filter(
        _OPEN, household_id__in=households.values("household_id")
    )
    return [Q(pk__in=members.values("person_id"))]


def _household_conditions(query: Query) -> list[Q]:
    wanted = []
    if query.household:
        wanted.append(Q(number=query.household))
    if query.number:
        wanted.append(Q(number=query.number) | Q(house=query.number))
    if query.street:
        wanted.append(Q(street_id__in=_streets(query.street)))
    if query.house:
        wanted.append(Q(house=query.house))
    if query.flat and wanted:
        wanted.append(Q(flat=query.flat))
    return wanted


def _streets(name: str) -> list[int]:
    """Return the streets that a name may mean: spellings first, else near misses."""
    found = [
        candidate
        for word in words(name)
        for candidate in candidates(word, StoredVocabulary())
    ]
    same = [candidate.id for candidate in found if candidate.rank >= SAME]
    for tokens in (same, [candidate.id for candidate in found]):
        rows = StreetWord.objects.filter(token_id__in=tokens)
        if streets := list(rows.values_list("street_id", flat=True)[:MOST_STREETS]):
            return streets
    return []


def _joined(hits: list[Hit], shield: Mapping[int, Shield]) -> tuple[Found, ...]:
    """Read what a list shows of each person: four questions, however many persons."""
    ids = [hit.person_id for hit in hits]
    shown = [person for person in ids if not shield[person].hides_place]
    rows = PersonFacts.objects.filter(CURRENT, person_id__in=ids)
    facts = {
        row.person_id: row for row in sorted(rows.select_related("person"), key=age)
    }
    pins = dict(
        PersonPin.objects.filter(_OPEN, person_id__in=ids).values_list(
            "person_id", "pin"
        )
    )
    homes = {
        membership.person_id: membership.household
        for membership in Membership.objects.filter(
            _OPEN, person_id__in=shown
        ).select_related("household")
    }
    addresses = {
        row.household_id: row
        for row in HouseholdFacts.objects.filter(
            _OPEN, household_id__in=[home.pk for home in homes.values()]
        )
    }
    return tuple(
        Found(
            facts=facts[hit.person_id],
            rank=hit.rank,
            matches=hit.matches,
            pin=pins.get(hit.person_id, ""),
            household=(home := homes.get(hit.person_id)),
            household_facts=addresses.get(home.pk) if home else None,
        )
        for hit in hits
        if hit.person_id in facts
    )
