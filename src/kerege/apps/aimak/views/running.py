"""A guided form: answers, a page to check them, the change, or what stands against it.

Nothing is kept on the server between the pages: the page to check holds the answers, so
that nothing typed is lost, whoever was faster.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from kerege.apps.aimak.actions import OutdatedError
from kerege.apps.aimak.events import (
    Event,
    Problem,
    RefusedError,
    Work,
    perform,
    problems_of,
)
from kerege.apps.aimak.history import HistoryError
from kerege.apps.aimak.models import Change, Household, Person
from kerege.apps.aimak.views.changes import title_of
from kerege.apps.aimak.views.events.base import EventForm
from kerege.apps.common.staff.access import StaffRequest
from kerege.apps.common.staff.models import Office

NOT_ANSWERS = frozenset({"csrfmiddlewaretoken", "step", "versions"})
MAX_VERSIONS = 200
"""Persons and households of one form: a large family has 30."""


@dataclass(frozen=True, slots=True)
class Guide:
    """What the pages of one guided form show beside its answers."""

    title: str | Promise
    about: str
    """Whom it is about: a household's number and head, a person's name."""
    back: str
    office: Office
    anchors: tuple[Person | Household, ...]
    """What the answers were made from; who changes it meanwhile is noticed."""


Make = Callable[[QueryDict | None], EventForm]


def run(request: StaffRequest, guide: Guide, make: Make) -> HttpResponse:
    """Show the form, check its answers, or write the event into the book."""
    current = {one.public_id: one.version for one in guide.anchors}
    if request.method != "POST":
        return _form_page(request, guide, make(None), current)
    versions = _versions(request.POST.get("versions", "")) or current
    form = make(request.POST)
    if not form.is_valid() or request.POST.get("step") == "edit":
        return _form_page(request, guide, form, versions)
    event = form.event(versions)
    is_confirmed = request.POST.get("step") == "confirm"
    work = Work(
        request.user, guide.office, timezone.now(), timezone.localdate(), is_confirmed
    )
    if not is_confirmed:
        problems = problems_of(event, work)
        if _tell(form, problems):
            return _form_page(request, guide, form, versions)
        return _check_page(request, guide, form, versions, problems)
    return _write(request, guide, form, event, work)


def _write(
    request: StaffRequest, guide: Guide, form: EventForm, event: Event, work: Work
) -> HttpResponse:
    """Write an event into the book, or show the form again with what stands against."""
    current = {one.public_id: one.version for one in guide.anchors}
    try:
        change = perform(event, work)
    except OutdatedError as error:
        return _form_page(request, guide, form, current, error.since)
    except RefusedError as error:
        _tell(form, error.problems)
    except HistoryError:
        text = _("The days do not fit what the book says already. Look at the history.")
        form.add_error(None, text)
    else:
        address = reverse("aimak:change", args=[change.public_id])
        return HttpResponseRedirect(f"{address}?done=1")
    return _form_page(request, guide, form, dict(event.versions))


def _tell(form: EventForm, problems: Iterable[Problem]) -> bool:
    """Put what is wrong beside its fields; tell whether anything is."""
    wrong = [one for one in problems if not one.is_warning]
    for one in wrong:
        form.add_error(form.field_of(one.field), one.text())
    return bool(wrong)


def _form_page(
    request: StaffRequest,
    guide: Guide,
    form: EventForm,
    versions: dict[str, int],
    since: Iterable[Change] = (),
) -> HttpResponse:
    context = {
        "guide": guide,
        "form": form,
        "versions": _written(versions),
        "since": [
            {
                "href": reverse("aimak:change", args=[one.public_id]),
                "who": one.actor,
                "what": title_of(one),
                "when": one.recorded_at,
            }
            for one in since
        ],
    }
    return render(request, "aimak/event_form.html", context)


def _check_page(
    request: StaffRequest,
    guide: Guide,
    form: EventForm,
    versions: dict[str, int],
    problems: list[Problem],
) -> HttpResponse:
    data = request.POST.lists()
    context = {
        "guide": guide,
        "answers": form.answers(),
        "warnings": [one.text() for one in problems],
        "versions": _written(versions),
        "hidden": [(k, v) for k, vs in data if k not in NOT_ANSWERS for v in vs],
    }
    return render(request, "aimak/event_check.html", context)


def _written(versions: dict[str, int]) -> str:
    return " ".join(f"{public_id}:{version}" for public_id, version in versions.items())


def _versions(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in text.split()[:MAX_VERSIONS]:
        public_id, _colon, version = part.rpartition(":")
        if version.isascii() and version.isdigit() and len(version) < 10:
            found[public_id] = int(version)
    return found
