"""Taking back a change, if nobody has built on it (rule 5 of `history`)."""

from kerege.apps.aimak.history import (
    CHUNK,
    HistoryError,
    Key,
    Writer,
    key_of,
)
from kerege.apps.aimak.models import VERSIONED, Change, ChangeKind, Versioned

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
    later: dict[int, Change] = {}
    for model in VERSIONED:
        touched = (
            model._default_manager.filter(change=change, superseded_by__isnull=False)
            .exclude(superseded_by=change)
            .select_related("superseded_by")
        )
        for row in touched:
            rows.append((model.__name__, key_of(row)))
            if row.superseded_by is not None:
                later[row.superseded_by.pk] = row.superseded_by
    if rows:
        raise LaterChangeError([later[pk] for pk in sorted(later)], rows)


def _take_back(model: type[Versioned], change: Change, by: Change) -> None:
    rows = model._default_manager
    made = rows.filter(change=change, superseded_by__isnull=True)
    lost = rows.filter(superseded_by=change).exclude(change=change)
    with Writer(model, by, is_checked=True) as writer:
        for row in made.iterator(CHUNK):
            writer.supersede(row)
        for row in lost.iterator(CHUNK):
            writer.copy(row, {})
