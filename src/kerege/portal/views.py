"""Pages of the site itself."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from kerege.portal import gallery


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the first page."""
    return render(request, "portal/home.html")


@require_GET
def components(request: HttpRequest) -> HttpResponse:
    """Show every component once."""
    return render(request, "portal/components.html", gallery.context(request))


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Remember the language and go back to the page; to the first one if in doubt."""
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}):
        target = "/"
    response = HttpResponseRedirect(target)
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, samesite="Lax", httponly=True
        )
    return response
