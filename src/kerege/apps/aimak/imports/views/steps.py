"""An import is taken, stopped, undone."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kerege.apps.aimak.imports.jobs import TAKE, UNDO, start
from kerege.apps.aimak.imports.models import Import, State, StateError
from kerege.apps.aimak.imports.views._common import get_import
from kerege.apps.common.audit.record import record
from kerege.apps.common.jobs.queue import request_stop
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right


@require_POST
@requires(Right.REGISTER_IMPORT)
def take(request: StaffRequest, public_id: str) -> HttpResponse:
    """Take all rows without a problem, or go on where it was stopped."""
    return _started(request, get_import(request, public_id), State.TAKING, TAKE)


@require_POST
@requires(Right.REGISTER_IMPORT)
def undo(request: StaffRequest, public_id: str) -> HttpResponse:
    """Take the whole import back."""
    return _started(request, get_import(request, public_id), State.UNDOING, UNDO)


@require_POST
@requires(Right.REGISTER_IMPORT)
def stop(request: StaffRequest, public_id: str) -> HttpResponse:
    """Ask the running step to stop."""
    item = get_import(request, public_id)
    if item.job is not None:
        request_stop(item.job)
        record(request.user, "import stopped", item.public_id)
    return redirect("aimak:imports:show", public_id)


def _started(
    request: StaffRequest, item: Import, state: State, kind: str
) -> HttpResponse:
    try:
        start(item, state, kind, request.user)
    except StateError:
        messages.error(request, _("Somebody was faster: look at the import again."))
    return redirect("aimak:imports:show", item.public_id)
