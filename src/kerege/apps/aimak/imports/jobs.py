"""Jobs of imports. A worker may die at any line: the next one does the step again."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from kerege.apps.aimak.history import HistoryError
from kerege.apps.aimak.imports import steps
from kerege.apps.aimak.imports.models import Import, State
from kerege.apps.aimak.undo import LaterChangeError
from kerege.apps.aimak.workbooks.mapping import MappingError
from kerege.apps.aimak.workbooks.messages import WorkbookError
from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.jobs.handlers import Work, handler
from kerege.apps.common.jobs.models import ENDED
from kerege.apps.common.jobs.queue import StoppedError, enqueue
from kerege.apps.common.staff.models import User

CHECK, TAKE, UNDO = "aimak.import.check", "aimak.import.take", "aimak.import.undo"


def start(item: Import, state: State, kind: str, actor: User) -> None:
    """Begin a step: the import's new state and its job, together or not at all.

    Raises:
        StateError: The import cannot go there from where it is.
    """
    with transaction.atomic():
        locked = Import.objects.select_for_update().get(pk=item.pk)
        item.state = locked.state
        item.go(state)
        item.job = enqueue(kind, {"import": item.pk}, owner=actor)
        item.error, item.error_details = "", {}
        item.save(update_fields=["state", "job", "error", "error_details", "mapping",
                                 "sheet", "unit_code"])  # fmt: skip
        record(actor, kind, item.public_id)


@handler(CHECK)
def check(work: Work) -> None:
    """Check an import."""
    item = _import_of(work, State.CHECKING)
    if item is None:
        return
    try:
        steps.check(item, timezone.localdate(), work.advance)
    except MappingError as error:
        _fall_back(item, State.UPLOADED, error.code, error.details)
    except WorkbookError as error:
        _fall_back(item, State.REFUSED, error.code, error.details)
    except StoppedError:
        _fall_back(item, State.UPLOADED)
        raise


@handler(TAKE)
def take(work: Work) -> None:
    """Take an import, or what is left of it."""
    item = _import_of(work, State.TAKING)
    if item is None:
        return
    try:
        steps.take(item, timezone.localdate(), work.advance)
    except (WorkbookError, MappingError) as error:
        _fall_back(item, State.STOPPED, error.code, error.details)
        return
    except StoppedError:
        _fall_back(item, State.STOPPED)
        raise
    item.go(State.TAKEN)
    item.content = None
    item.save(update_fields=["state", "content"])
    record(
        item.created_by,
        "import taken",
        item.public_id,
        details={"rows": str(item.taken_rows), "left out": str(item.bad_count)},
    )


@handler(UNDO)
def undo(work: Work) -> None:
    """Undo an import as a whole, or not at all."""
    item = _import_of(work, State.UNDOING)
    if item is None:
        return
    try:
        _in_one(lambda: _undo(item, work))
    except LaterChangeError as error:
        _refuse_undo(item, error)
        return
    except HistoryError:
        _fall_back(item, _before_undo(item), "undo.overlap")
        return
    except StoppedError:
        _fall_back(item, _before_undo(item))
        raise
    record(item.created_by, "import undone", item.public_id)


def _undo(item: Import, work: Work) -> None:
    if item.change is not None:
        steps.undo(item, item.change, work.advance)
    item.go(State.UNDONE)
    item.content = None
    item.save(update_fields=["state", "content"])


def _in_one(function: Callable[[], None]) -> None:
    with transaction.atomic():
        function()


def _before_undo(item: Import) -> State:
    return State.TAKEN if item.content is None else State.STOPPED


def _refuse_undo(item: Import, error: LaterChangeError) -> None:
    rows = [[model, key[0]] for model, key in error.rows[: steps.MAX_NAMED]]
    _fall_back(
        item, _before_undo(item), "undo.changed_later", {"count": str(len(error.rows))}
    )
    item.error_details = {**item.error_details, "rows": rows}
    item.save(update_fields=["error_details"])
    record(item.created_by, "import undo", item.public_id, outcome=Outcome.FAILED)


def settle(item: Import) -> None:
    """Give an import whose job has ended without it a state to go on from."""
    back = {
        State.CHECKING: State.UPLOADED,
        State.TAKING: State.STOPPED,
        State.UNDOING: _before_undo(item),
    }.get(State(item.state))
    if back is not None and item.job is not None and item.job.state in ENDED:
        _fall_back(item, back, "job.failed" if item.job.state == "failed" else "")


def _import_of(work: Work, state: State) -> Import | None:
    """Return the job's import; None if its step was done before the worker died."""
    return Import.objects.filter(
        pk=int(str(work.payload["import"])), state=state
    ).first()


def _fall_back(
    item: Import, state: State, code: str = "", details: dict[str, str] | None = None
) -> None:
    item.refresh_from_db(fields=["state"])
    item.go(state)
    item.error, item.error_details = code, details or {}
    item.save(update_fields=["state", "error", "error_details"])
