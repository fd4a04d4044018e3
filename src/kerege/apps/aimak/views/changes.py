"""What a change did to the book, in words: who, when, why, and each row it touched."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from kerege.apps.aimak.history import covers, key_of
from kerege.apps.aimak.models import (
    VERSIONED,
    Change,
    ChangeKind,
    HouseholdFacts,
    Touch,
    Versioned,
)
from kerege.apps.aimak.protection import shields
from kerege.apps.aimak.reads.people import named
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.columns import COLUMNS, TABLES, column_text

MAX_LINES = 200
"""Lines of one change that are shown; an import has thousands."""


@dataclass(frozen=True, slots=True)
class Line:
    """One fact that a change wrote: of whom, which, before and after."""

    subject: str
    what: str
    before: str
    after: str
    since: str


def title_of(change: Change) -> str:
    """Name a change: its event, or its kind."""
    names = {
        "birth": _("Birth of a child"),
        "death": _("Death of a member"),
        "arrival": _("Arrival in the household"),
        "departure": _("Departure from the household"),
        "marriage": _("Marriage"),
        "divorce": _("Divorce"),
        "household split": _("Split of the household"),
        "household merge": _("Joining another household"),
        "amendment": _("Change of facts"),
        "correction": _("Correction"),
    }
    name = names.get(change.event, change.event)
    if change.kind == ChangeKind.UNDO:
        return _("Undone: %(what)s") % {"what": name}
    if change.kind == ChangeKind.IMPORT:
        return _("Import")
    return name or str(ChangeKind(change.kind).label)


def lines_of(change: Change) -> list[Line]:
    """Return what a change wrote, protected persons left out."""
    found: list[Line] = []
    for model in VERSIONED:
        if model not in TABLES:
            continue
        rows = _rows(model, change)
        subjects = _subjects(rows)
        for row in rows:
            subject = subjects.get(key_of(row)[0])
            if subject is not None and row.change_id == change.pk:
                found += _lines(row, _before(row, rows, change), subject)
            elif subject is not None and not _replaced(row, rows, change):
                what, nothing = TABLES[model], showing.NOTHING
                found.append(Line(subject, str(what), _summary(row), nothing, nothing))
            if len(found) >= MAX_LINES:
                return found[:MAX_LINES]
    return found


def about_protected(changes: Iterable[Change]) -> set[int]:
    """Return the ids of changes that touched somebody who is protected today.

    Their reasons and documents are not shown: they may tell where somebody went, or
    that a child was adopted.
    """
    ids = [one.pk for one in changes]
    touches = Touch.objects.filter(change__in=ids).exclude(person=None)
    pairs = list(touches.values_list("change_id", "person_id"))
    shield = shields({person for _change, person in pairs if person})
    return {one for one, person in pairs if person and shield[person].hides_changes}


def _rows(model: type[Versioned], change: Change) -> list[Versioned]:
    either = Q(change=change) | Q(superseded_by=change)
    return list(model._default_manager.filter(either).order_by("pk")[: 2 * MAX_LINES])


def _subjects(rows: Iterable[Versioned]) -> dict[int, str]:
    """Return whom rows are about, by id; who is protected is not among them."""
    rows = list(rows)
    if not rows:
        return {}
    ids = list(dict.fromkeys(key_of(row)[0] for row in rows))
    last = max(row.valid_from or date.min for row in rows)
    if rows[0].KEY[0] == "person_id":
        shield = shields(ids)
        people = named(ids, max(last, timezone.localdate()))
        hidden = {pk for pk in ids if shield[pk].hides_changes}
        return {pk: showing.name(one) for pk, one in people.items() if pk not in hidden}
    facts = HouseholdFacts.objects.filter(household__in=ids).order_by("pk")
    numbers = dict(facts.values_list("household_id", "number"))
    return {
        pk: _("Household %(number)s") % {"number": numbers.get(pk) or showing.NOTHING}
        for pk in ids
    }


def _before(
    row: Versioned, rows: Iterable[Versioned], change: Change
) -> Versioned | None:
    """Return the superseded row that a new one stands in place of."""
    for old in rows:
        same = old.superseded_by_id == change.pk and key_of(old) == key_of(row)
        if same and covers(old, row.valid_from):
            return old
    return None


def _replaced(row: Versioned, rows: Iterable[Versioned], change: Change) -> bool:
    key = key_of(row)
    return any(one.change_id == change.pk and key_of(one) == key for one in rows)


def _lines(row: Versioned, old: Versioned | None, subject: str) -> Iterator[Line]:
    model = type(row)
    since = showing.day(row.valid_from)
    if old is None:
        yield Line(subject, str(TABLES[model]), showing.NOTHING, _summary(row), since)
        return
    for name, label in COLUMNS[model].items():
        if getattr(row, name) != getattr(old, name):
            what = f"{TABLES[model]}: {label}"
            yield Line(
                subject, what, column_text(old, name), column_text(row, name), since
            )
    if row.valid_to != old.valid_to and row.valid_from == old.valid_from:
        until = _("until %(day)s") % {"day": showing.day(row.valid_to)}
        yield Line(subject, str(TABLES[model]), _summary(old), until, since)


def _summary(row: Versioned) -> str:
    parts = [
        column_text(row, name)
        for name in COLUMNS[type(row)]
        if getattr(row, name) not in (None, "", [], False)
    ]
    return ", ".join(parts) or _("written down")
