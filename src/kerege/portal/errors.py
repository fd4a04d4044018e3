"""Pages that say what went wrong and what to do, in the reader's language.

A page for 400 and 500 needs no database and no session: these may be what is broken.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _, gettext_lazy

BARE = "errors/bare.html"
WHOLE = "errors/whole.html"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: the browser sent what this site cannot read."""
    del request, exception
    return _bare(
        400,
        _("The site did not understand what was sent"),
        _("Go back and try once more. If it happens again, tell your administrator."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our mistake."""
    del request
    return _bare(
        500,
        _("Something broke on our side"),
        _(
            "What you last saved is kept; what you were just sending may not be. "
            "Wait a minute, go back and look. If it happens again, tell your "
            "administrator what you were doing and when."
        ),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: there is nothing at this address, or not for this reader."""
    del exception
    return _whole(
        request,
        404,
        _("There is no such page"),
        _(
            "If you typed the address, look whether it is right. If a link brought you "
            "here, what it led to is no longer there, or it belongs to another office."
        ),
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: the reader has not the right."""
    del exception
    return _whole(
        request,
        403,
        _("You may not open this page"),
        _(
            "Your role does not include it. The attempt has been written down. If you "
            "need it for your work, ask the head of your office."
        ),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form without its secret, as another site would send it."""
    del reason
    return _whole(
        request,
        403,
        _("The form was too old, and nothing was saved"),
        _(
            "This happens if you signed out in another window, or if the browser keeps "
            "no cookies. Go back, load the page again and send the form once more."
        ),
    )


def _whole(request: HttpRequest, status: int, title: str, advice: str) -> HttpResponse:
    context = {"error_title": title, "advice": advice}
    return render(request, WHOLE, context, status=status)


def _bare(status: int, title: str, advice: str) -> HttpResponse:
    words = {
        "error_title": title,
        "advice": advice,
        "site_name": gettext_lazy("Kerege"),
    }
    return HttpResponse(render_to_string(BARE, words), status=status)
