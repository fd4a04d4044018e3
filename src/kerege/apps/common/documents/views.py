"""Downloading a document, by those whose office has it."""

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.documents.models import Document
from kerege.apps.common.documents.store import path_of
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right


@require_GET
@requires(Right.REGISTER_READ)
def download(request: StaffRequest, public_id: str) -> HttpResponse:
    """Give a document out: saved and not shown, so that nothing in it runs here."""
    document = get_object_or_404(Document, public_id=public_id)
    if document.office_id not in request.scope.offices:
        record(request.user, "read document", public_id, outcome=Outcome.REFUSED)
        raise PermissionDenied
    record(request.user, "read document", public_id)
    response = FileResponse(
        path_of(document).open("rb"),
        as_attachment=True,
        filename=document.name,
        content_type=document.media_type,
    )
    response["Cache-Control"] = "no-store"
    return response  # type: ignore[return-value]
