"""Which language a page is in: the reader's choice, his account, his browser, Kyrgyz.

Django's middleware knows choice (a cookie) and browser; this one adds the account.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from kerege.apps.common.staff.models import User


class AccountLanguageMiddleware:
    """Takes the language of the account where no other was chosen."""

    def __init__(self, respond: Callable[[HttpRequest], HttpResponse]) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request in the reader's language."""
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        signed_in = settings.SESSION_COOKIE_NAME in request.COOKIES
        if not chosen and signed_in and isinstance(request.user, User):
            language = request.user.language
            if language in dict(settings.LANGUAGES):
                translation.activate(language)
                request.LANGUAGE_CODE = language
        return self._respond(request)
