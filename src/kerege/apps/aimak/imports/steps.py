"""The steps of an import: check, take, undo. Jobs run them; each can be repeated."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

from django.db import transaction
from django.utils import timezone

from kerege.apps.aimak import actions, undo as history_undo
from kerege.apps.aimak.history import CHUNK, chunks
from kerege.apps.aimak.imports.known import known_households, problems_with_register
from kerege.apps.aimak.imports.models import Finding, Import, State
from kerege.apps.aimak.imports.planning import PlannedHousehold, households
from kerege.apps.aimak.imports.reading import read_candidates
from kerege.apps.aimak.imports.writing import Streets, write_batch
from kerege.apps.aimak.models import Change, ChangeKind, PersonFacts
from kerege.apps.aimak.search.index import refresh_persons
from kerege.apps.aimak.workbooks.candidates import Candidate
from kerege.apps.aimak.workbooks.messages import Problem

BATCH_ROWS = 800
"""Rows taken in one transaction: it holds SQLite's only lock for about a second."""
MAX_NOTES = 1_000
"""Notes that are kept one by one; of all others there is the count."""
MAX_NAMED = 200
"""Persons and households that a refused undo names."""
Advance = Callable[[int, int, str], None]
"""Told how many of how many rows are done, and of what; may raise to stop."""


def check(item: Import, today: date, advance: Advance) -> None:
    """Tell what would be taken and what not; nothing of the book is changed.

    Raises:
        WorkbookError: The file cannot be read.
        MappingError: The columns cannot be used.
    """
    advance(0, 0, "reading")
    candidates = read_candidates(item, today, lambda: advance(0, 0, "reading"))
    total = len(candidates)
    advance(0, total, "comparing")
    planned = households(one for one in candidates if not one.problems)
    existing = known_households(item.office_id, (one.key for one in planned))
    known = problems_with_register(planned, existing)
    candidates = [
        replace(one, problems=(known[one.row],)) if one.row in known else one
        for one in candidates
    ]
    advance(total // 2, total, "writing the report")
    _store(item, candidates, today)
    advance(total, total, "writing the report")


def take(item: Import, today: date, advance: Advance) -> None:
    """Take all rows without a problem, from where it was left off.

    Raises:
        WorkbookError: The file cannot be read any more.
        StoppedError: Somebody asked for it; what was taken stays until it is undone.
    """
    advance(item.taken_rows, item.good_count, "reading")
    # As the dry run left it: what is found late must not shift how far it has come.
    found = item.findings.filter(is_note=False, is_late=False)
    bad = set(found.values_list("row", flat=True))
    today = item.checked_on or today
    rows = read_candidates(item, today, lambda: advance(item.taken_rows, 0, "reading"))
    good = (one for one in rows if one.row not in bad)
    planned = households(one for one in good if not one.problems)
    change = _change_of(item)
    streets = Streets.of(one.key[0] for one in planned)
    with _rare_collections():
        for batch in _batches(planned[item.taken_households :]):
            with transaction.atomic():
                _take_batch(item, batch, streets, change)
            gc.collect(1)
            advance(item.taken_rows, item.good_count, "taking")


def undo(item: Import, change: Change, advance: Advance) -> None:
    """Take the whole import back; call it inside a transaction.

    Raises:
        LaterChangeError: Somebody has changed what it made; nothing is undone.
    """
    advance(0, item.taken_rows, "undoing")
    action = actions.Action(
        ChangeKind.UNDO, item.created_by, item.office, "import", undoes=change
    )
    by = actions.begin(action, timezone.now())
    persons = list(
        PersonFacts.objects.filter(change=change).values_list("person_id", flat=True)
    )
    touched = change.touches.filter(household__isnull=False)
    ids = list(touched.values_list("household_id", flat=True))
    for chunk in chunks(ids, CHUNK):
        actions.lock(dict.fromkeys(chunk), {})
    for chunk in chunks(persons, CHUNK):
        actions.lock({}, dict.fromkeys(chunk))
    history_undo.undo(change, by)
    actions.touch(by, ids, persons)
    refresh_persons(persons)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for garbage once a batch: else all rows are walked over and over.

    Measured: a third of the processor time of taking a book.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _take_batch(
    item: Import, batch: Sequence[PlannedHousehold], streets: Streets, change: Change
) -> None:
    """Write a batch and how far it is; what the register has learnt since is left out."""
    locked = Import.objects.select_for_update().get(pk=item.pk)
    if locked.taken_households != item.taken_households:
        message = "Another worker takes this import"
        raise RuntimeError(message)
    existing = known_households(item.office_id, (one.key for one in batch))
    known = problems_with_register(batch, existing, but=change)
    Finding.objects.bulk_create(
        _finding(item, row, problem, is_late=True) for row, problem in known.items()
    )
    taken = [
        replace_members(one, [m for m in one.members if m.row not in known])
        for one in batch
    ]
    write_batch(
        item.office, [one for one in taken if one.members], existing, streets, change
    )
    item.bad_count += len(known)
    item.taken_households += len(batch)
    item.taken_rows += sum(len(one.members) for one in taken)
    item.save(update_fields=["bad_count", "taken_households", "taken_rows"])


def replace_members(
    one: PlannedHousehold, members: list[Candidate]
) -> PlannedHousehold:
    """Return a household with fewer members."""
    return PlannedHousehold(one.key, members, one.facts)


def _batches(planned: Sequence[PlannedHousehold]) -> Iterator[list[PlannedHousehold]]:
    batch: list[PlannedHousehold] = []
    rows = 0
    for one in planned:
        batch.append(one)
        rows += len(one.members)
        if rows >= BATCH_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _change_of(item: Import) -> Change:
    if item.change is None:
        action = actions.Action(
            ChangeKind.IMPORT,
            item.created_by,
            item.office,
            "import",
            reason=item.file_name,
        )
        with transaction.atomic():
            item.change = actions.begin(action, timezone.now())
            item.save(update_fields=["change"])
    return item.change


def _store(item: Import, candidates: Sequence[Candidate], today: date) -> None:
    bad = [one for one in candidates if one.problems]
    notes = [
        (one.row, note) for one in candidates if not one.problems for note in one.notes
    ]
    findings = [
        _finding(item, one.row, problem) for one in bad for problem in one.problems
    ]
    findings += [_finding(item, row, n, is_note=True) for row, n in notes[:MAX_NOTES]]
    with transaction.atomic():
        item.findings.all().delete()
        Finding.objects.bulk_create(findings, batch_size=BATCH_ROWS)
        item.checked_on = today
        item.row_count, item.bad_count = len(candidates), len(bad)
        good = (one for one in candidates if not one.problems)
        item.household_count = len(households(good))
        item.note_counts = dict(Counter(note.code for _, note in notes))
        item.go(State.CHECKED)
        item.error, item.error_details = "", {}
        item.save()


def _finding(
    item: Import,
    row: int,
    problem: Problem,
    *,
    is_note: bool = False,
    is_late: bool = False,
) -> Finding:
    return Finding(
        of=item,
        row=row,
        cell=problem.cell,
        code=problem.code,
        value=problem.value,
        details=dict(problem.details),
        is_note=is_note,
        is_late=is_late,
    )
