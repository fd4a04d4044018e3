"""The paths of the services' own listener; the site has none of them."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from kerege.apps.aimak.services.api import api
from kerege.apps.aimak.services.description import description


def openapi(request: HttpRequest, code: str) -> HttpResponse:
    """Return the description of a service: the Security Server fetches it."""
    del request
    try:
        found = description(code)
    except KeyError as error:
        raise Http404 from error
    return JsonResponse(found, json_dumps_params={"ensure_ascii": False})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path that is none of a service."""
    del request, exception
    problem = {"code": "unknown_path", "message": "No service has this path"}
    return JsonResponse(problem, status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer when something of ours went wrong; what, is in the log."""
    del request
    problem = {"code": "internal_error", "message": "The register could not answer"}
    return JsonResponse(problem, status=500)


handler404 = not_found
handler500 = failed
urlpatterns = [path("openapi/<slug:code>", openapi), path("", api.urls)]
