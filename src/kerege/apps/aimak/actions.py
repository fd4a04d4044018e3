"""Beginning a change, and keeping two clerks from undoing each other's work.

A form carries the `version` of the household or person that it was made from. Who saves
it locks what will be touched, in one order, and is told when somebody was faster: by
whom, and what. Nothing of either is lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import F, Q

from kerege.apps.aimak.history import CHUNK, chunks
from kerege.apps.aimak.models import Change, ChangeKind, Household, Person, Touch
from kerege.apps.common.staff.models import Office, User


@dataclass(frozen=True, slots=True)
class Document:
    """The paper that a change rests on."""

    kind: str = ""
    """A code of the list ``documents``."""
    number: str = ""
    issued_on: date | None = None
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """What a user is about to do, and why."""

    kind: ChangeKind
    actor: User | None
    office: Office | None
    event: str = ""
    happened_on: date | None = None
    reason: str = ""
    document: Document = Document()
    undoes: Change | None = None


class OutdatedError(Exception):
    """Somebody has changed what the form was made from."""

    def __init__(self, anchor: Person | Household, since: list[Change]) -> None:
        """Take what was changed, and the changes since the form was made."""
        names = ", ".join(
            f"{one.actor or 'the system'}: {one.event or one.kind}" for one in since
        )
        super().__init__(
            f"This was changed while you worked ({names}); "
            "look at it again and repeat what is still right"
        )
        self.anchor = anchor
        self.since = since


def begin(action: Action, now: datetime) -> Change:
    """Write down that a change begins; call it inside the transaction, after locking.

    Args:
        action: What, by whom, why.
        now: The time; a clock that stands or was put back is made to go on.
    """
    last = Change.objects.order_by("-recorded_at").first()
    if last and last.recorded_at >= now:
        now = last.recorded_at + timedelta(microseconds=1)
    return Change.objects.create(
        kind=action.kind,
        event=action.event,
        actor=action.actor,
        office=action.office,
        recorded_at=now,
        happened_on=action.happened_on,
        reason=action.reason,
        document_kind=action.document.kind,
        document_number=action.document.number,
        document_date=action.document.issued_on,
        document_issuer=action.document.issuer,
        undoes=action.undoes,
    )


def lock(
    households: Mapping[int, int | None], persons: Mapping[int, int | None]
) -> None:
    """Lock what a change will touch until the transaction ends.

    Args:
        households: By id, the version that the form was made from; None: any.
        persons: The same of persons.

    Raises:
        OutdatedError: Somebody was faster.
    """
    for model, expected in ((Household, households), (Person, persons)):
        rows = model._default_manager.select_for_update().filter(pk__in=expected)
        for anchor in rows.order_by("pk"):
            version = expected[anchor.pk]
            if version is not None and anchor.version != version:
                raise OutdatedError(anchor, changes_since(anchor, version))


def touch(change: Change, households: Iterable[int], persons: Iterable[int]) -> None:
    """Count what a change has touched: forms made before it are outdated."""
    _touch(change, Household, "household_id", households)
    _touch(change, Person, "person_id", persons)


def changes_since(anchor: Person | Household, version: int) -> list[Change]:
    """Return what was done to a person or household after a version, oldest first."""
    about = Q(household=anchor) if isinstance(anchor, Household) else Q(person=anchor)
    touches = Touch.objects.filter(about, version__gt=version).select_related(
        "change", "change__actor", "change__office"
    )
    return [one.change for one in touches.order_by("version")]


def _touch(
    change: Change,
    model: type[Person] | type[Household],
    column: str,
    ids: Iterable[int],
) -> None:
    for chunk in chunks(dict.fromkeys(ids), CHUNK):
        rows = model._default_manager.filter(pk__in=chunk)
        rows.update(version=F("version") + 1)
        versions = rows.values_list("pk", "version")
        Touch.objects.bulk_create(
            Touch(change=change, version=version, **{column: pk})
            for pk, version in versions
        )
