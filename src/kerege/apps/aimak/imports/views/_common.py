"""What the pages of imports share."""

from collections.abc import Mapping

from django.http import Http404

from kerege.apps.aimak.imports.models import Import
from kerege.apps.aimak.pages import language
from kerege.apps.aimak.scope import in_scope
from kerege.apps.aimak.workbooks.fields import fields
from kerege.apps.aimak.workbooks.messages import messages, text_of
from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.staff.access import StaffRequest


def message(code: str, details: Mapping[str, object]) -> str:
    """Return a message in the page's language; fields by their labels."""
    if code not in messages():
        return ""
    texts = {name: str(value) for name, value in details.items()}
    field = fields().get(texts.get("field", ""))
    if field is not None and field.labels is not None:
        texts["field"] = field.labels[language()]
    return text_of(code, texts, language())


def get_import(request: StaffRequest, public_id: str) -> Import:
    """Return an import of the request's offices.

    Raises:
        Http404: There is none, or it is another office's: refused in the audit log.
    """
    rows = Import.objects.select_related("office", "job", "created_by", "change")
    found = rows.filter(in_scope(request.scope), public_id=public_id).first()
    if found is None:
        if Import.objects.filter(public_id=public_id).exists():
            record(
                request.user,
                "open import of another office",
                public_id,
                outcome=Outcome.REFUSED,
            )
        raise Http404
    return found
