"""Who is signed in, on every request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from kerege.portal.signin.session import user_of


class SignInMiddleware:
    """Sets ``request.user``."""

    def __init__(self, respond: Callable[[HttpRequest], HttpResponse]) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        request.user = SimpleLazyObject(lambda: user_of(request))  # type: ignore[assignment]
        return self._respond(request)
