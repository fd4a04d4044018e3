"""A file is sent."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from kerege.apps.aimak.imports.forms import UploadForm
from kerege.apps.aimak.imports.models import Import
from kerege.apps.aimak.imports.uploading import store
from kerege.apps.aimak.imports.views._common import message
from kerege.apps.aimak.pages import office_name, offices_of
from kerege.apps.aimak.workbooks.messages import WorkbookError
from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Right

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_IMPORT)
def upload(request: StaffRequest) -> HttpResponse:
    """Take a file, and go on to its columns."""
    offices = offices_of(request.scope)
    names = {pk: office_name(one) for pk, one in offices.items()}
    form = UploadForm(request.POST or None, request.FILES or None, offices=names)
    if request.method == "POST" and form.is_valid():
        office = offices[form.cleaned_data["office"]]
        try:
            item = _stored(request, office, form.cleaned_data["file"])
        except OSError:
            record(request.user, "import uploaded", outcome=Outcome.FAILED)
            form.add_error("file", message("disk.full", {}))
        except WorkbookError as error:
            record(
                request.user,
                "import uploaded",
                outcome=Outcome.FAILED,
                details={"reason": error.code},
            )
            form.add_error("file", message(error.code, error.details))
        else:
            return redirect("aimak:imports:columns", item.public_id)
    status = 422 if form.errors else 200
    return render(request, "imports/upload.html", {"form": form}, status=status)


def _stored(
    request: StaffRequest, office: Office, file: "UploadedFile[bytes]"
) -> Import:
    with tempfile.NamedTemporaryFile(prefix="kerege-upload-") as kept:
        for chunk in file.chunks():
            kept.write(chunk)
        kept.flush()
        return store(office, request.user, file.name or "", Path(kept.name))
