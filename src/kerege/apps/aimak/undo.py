"""Taking back a change, if nobody has built on it (rule 5 of `history`)."""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Q

from kerege.apps.aimak.history import (
    CHUNK,
    HistoryError,
    Key,
    Writer,
    key_of,
)
from kerege.apps.aimak.models import (
    VERSIONED,
    Change,
    ChangeKind,
    HouseholdFacts,
    PersonFacts,
    Touch,
    Versioned,
)

V = TypeVar("V", bound=Versioned)

MAX_NAMED = 20
"""Later changes that a refusal names: more help nobody."""


class UndoError(HistoryError):
    """A change cannot be undone."""


class AlreadyUndoneError(UndoError):
    """It was undone before."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("This was undone already.")


class LaterChangeError(UndoError):
    """Others have changed what it made."""

    def __init__(self, later: list[Change], rows: list[tuple[str, Key]]) -> None:
        """Take the later changes and the rows they touched: table and key."""
        super().__init__(
            "What this made was changed later; undo the later changes first: "
            + ", ".join(str(one) for one in later[:MAX_NAMED])
        )
        self.later = later
        self.rows = rows


def undo(change: Change, by: Change) -> None:
    """Put back what a change superseded, and supersede what it inserted.

    Args:
        change: The change to take back.
        by: A new change of kind ``undo`` that names it.

    Raises:
        AlreadyUndoneError: It was undone before.
        LaterChangeError: Somebody has changed what it made.
        OverlapError: Something was entered since where it had left nothing.
    """
    if by.kind != ChangeKind.UNDO or by.undoes_id != change.pk:
        raise HistoryError(
            "An undo needs a change of its own that names what it undoes."
        )
    if change.undone_by.exclude(pk=by.pk).exists():
        raise AlreadyUndoneError
    check_untouched(change)
    for model in VERSIONED:
        _take_back(model, change, by)


def check_untouched(change: Change) -> None:
    """Hold that nothing that a change made was changed later.

    Raises:
        LaterChangeError: It names the later changes and all rows.
    """
    rows: list[tuple[str, Key]] = []
    later: set[int] = set()
    for model in VERSIONED:
        for row, blocker in _now(model, change):
            if blocker is not None:
                rows.append((model.__name__, key_of(row)))
                later.add(blocker)
    later |= _built_on(change)
    if later:
        found = Change.objects.filter(pk__in=later).select_related("actor")
        raise LaterChangeError(list(found.order_by("pk")), rows)


def _built_on(change: Change) -> set[int]:
    """Return later changes of people and households that this one brought in.

    A child born in a new household stands on it, though no row of the household has
    been changed since.
    """
    persons = PersonFacts.objects.filter(change=change).exclude(
        person__in=PersonFacts.objects.filter(change__lt=change.pk).values("person")
    )
    homes = HouseholdFacts.objects.filter(change=change).exclude(
        household__in=HouseholdFacts.objects.filter(change__lt=change.pk).values(
            "household"
        )
    )
    touches = Touch.objects.filter(
        Q(person__in=persons.values("person"))
        | Q(household__in=homes.values("household")),
        change__undone_by=None,
    )
    others = touches.exclude(change=change).exclude(change__kind=ChangeKind.UNDO)
    return set(others.values_list("change_id", flat=True))


def _now(model: type[V], change: Change) -> Iterator[tuple[V, int | None]]:
    """Yield what a change made as it stands now, and the change that took it away.

    A row that a later change superseded stands again when that change was undone: as
    the copy that the undo put back, of the same key and the same first day.
    """
    made = model._default_manager.filter(change=change).exclude(superseded_by=change)
    for row in made.iterator(CHUNK):
        yield _follow(model, row)


def _follow(model: type[V], row: V) -> tuple[V, int | None]:
    while row.superseded_by_id is not None:
        undone_by = Change.objects.filter(undoes=row.superseded_by_id).first()
        key = {name: getattr(row, name) for name in model.KEY}
        again = model._default_manager.filter(
            **key, change=undone_by, valid_from=row.valid_from
        )
        copy = again.first() if undone_by is not None else None
        if copy is None:
            return row, row.superseded_by_id
        row = copy
    return row, None


def _take_back(model: type[V], change: Change, by: Change) -> None:
    rows = model._default_manager
    lost = rows.filter(superseded_by=change).exclude(change=change)
    with Writer(model, by, is_checked=True) as writer:
        for row, _ in _now(model, change):
            writer.supersede(row)
        for row in lost.iterator(CHUNK):
            writer.copy(row, {})
