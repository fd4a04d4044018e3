"""Protected persons: what is hidden of whom, for every service, search and export.

=========  ==========================================================================
kind       what nobody sees without the right ``protected.read`` and a reason
=========  ==========================================================================
address    where somebody lives and with whom: no address, no household, no family;
           in the household they are a row without a name
adoption   that it is one: the relation reads "child", earlier facts are not shown
witness    everything: a PIN, a name or an id finds nobody
=========  ==========================================================================

A protection of today hides the past too: what the book said years ago is as telling.
Statistics count protected persons, in cells that are large enough (`statistics`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from kerege.apps.aimak.history import CHUNK, as_of, chunks
from kerege.apps.aimak.models import Person, Protection, ProtectionKind
from kerege.apps.aimak.scope import visible
from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.staff.access import scope_of
from kerege.apps.common.staff.models import User
from kerege.apps.common.staff.rights import Right

MIN_REASON = 10
"""Letters of a reason: "because" is none."""


@dataclass(frozen=True, slots=True)
class Shield:
    """What is hidden of one person."""

    hides_person: bool = False
    hides_place: bool = False
    """Address, household and family."""
    hides_history: bool = False

    @property
    def hides_changes(self) -> bool:
        """Whether what was written of the person, and why, would tell too much."""
        return self.hides_person or self.hides_place or self.hides_history

    def relation(self, code: str) -> str:
        """Return the relation that may be shown: an adopted child is a child."""
        return "child" if self.hides_history and code == "ward" else code


OPEN = Shield()
"""Nothing is hidden: not protected, or seen with right and reason."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Whose protection is lifted for one who looks; made by `unveil`."""

    unveiled: frozenset[int] = frozenset()


VEILED = Sight()
"""Nobody's; what services, searches, lists and exports look with."""


def shields(
    persons: Iterable[int], sight: Sight = VEILED, today: date | None = None
) -> defaultdict[int, Shield]:
    """Return what is hidden of each person, by id; `OPEN` for all others."""
    today = today or timezone.localdate()
    kinds: defaultdict[int, set[str]] = defaultdict(set)
    for chunk in chunks((one for one in persons if one not in sight.unveiled), CHUNK):
        rows = as_of(Protection.objects.filter(person__in=chunk), today)
        for person, kind in rows.values_list("person_id", "kind"):
            kinds[person].add(kind)
    found: defaultdict[int, Shield] = defaultdict(lambda: OPEN)
    found.update({person: shield_of(of) for person, of in kinds.items()})
    return found


def without(
    rows: QuerySet[Person], *kinds: ProtectionKind, today: date | None = None
) -> QuerySet[Person]:
    """Leave out persons with a protection of these kinds: of a search or a list.

    A search by name leaves out ``WITNESS``; one by address or household ``ADDRESS`` too.
    """
    return rows.exclude(protected("pk", *kinds, today=today))


def protected(path: str, *kinds: ProtectionKind, today: date | None = None) -> Exists:
    """Return a condition of rows whose person is protected.

    Args:
        path: From the rows to the person's id: ``person_id``.
        kinds: Which protections; none given: any.
        today: The day; None: today.
    """
    rows = as_of(Protection.objects.all(), today or timezone.localdate())
    wanted = Q(kind__in=kinds) if kinds else Q()
    return Exists(rows.filter(wanted, person_id=OuterRef(path)))


def unveil(user: User, persons: Iterable[Person], reason: str) -> Sight:
    """Lift the protection of persons for one look, for a reason that is kept.

    Raises:
        PermissionDenied: No such right over one of them, or no reason. Audited.
    """
    ids = {person.pk: person.public_id for person in persons}
    scope = scope_of(user, Right.PROTECTED_READ)
    reason = " ".join(reason.split())
    seen = visible(Person.objects.filter(pk__in=ids), scope).count() if scope else 0
    allowed = seen == len(ids) and len(reason) >= MIN_REASON
    outcome = Outcome.DONE if allowed else Outcome.REFUSED
    for public_id in sorted(ids.values()):
        details = {"reason": reason}
        record(
            user, "see protected person", public_id, outcome=outcome, details=details
        )
    if not allowed:
        raise PermissionDenied
    return Sight(frozenset(ids))


def shield_of(kinds: Collection[str | None]) -> Shield:
    """Return what protections of these kinds hide; None is none."""
    witness = ProtectionKind.WITNESS in kinds
    return Shield(
        hides_person=witness,
        hides_place=witness or ProtectionKind.ADDRESS in kinds,
        hides_history=witness or ProtectionKind.ADOPTION in kinds,
    )
