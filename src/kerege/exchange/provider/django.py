"""A middleware for Django that imports nothing of it.

    # mysite/xroad.py
    from django.http import HttpResponseForbidden
    from kerege.exchange.provider import LoopbackListener, django_middleware

    xroad = django_middleware(LoopbackListener(port=8001), HttpResponseForbidden)

``MIDDLEWARE`` then has ``"mysite.xroad.xroad"``, first of all. Views ask for
``headers_of(request)``. It works under WSGI and under ASGI.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from kerege.exchange.provider import asgi, wsgi
from kerege.exchange.provider.refusal import HEADERS, is_below, refusal
from kerege.exchange.provider.trust import NotBelievedError, Trust
from kerege.exchange.provider.views import KEY

Request: TypeAlias = Any
Respond: TypeAlias = Callable[[Request], Any]
_XROAD = "HTTP_X_ROAD_"


def django_middleware(
    trust: Trust,
    forbidden: Callable[..., Any],
    *,
    prefix: str = "/",
    required: bool = True,
) -> Callable[[Respond], Respond]:
    """Return a middleware factory for Django's setting ``MIDDLEWARE``.

    Args:
        trust: Which connections are the Security Server's.
        forbidden: Django's ``HttpResponseForbidden``.
        prefix: As for `wsgi.XRoadWSGI`.
        required: As for `wsgi.XRoadWSGI`.
    """

    def refused(request: Request) -> Any:  # noqa: ANN401 - Django's response
        """Judge a request; return the answer if it is not believed."""
        if not is_below(request.path, prefix):
            for name in [name for name in request.META if name.startswith(_XROAD)]:
                del request.META[name]
            return None
        try:
            scope = getattr(request, "scope", None)
            request.META[KEY] = (
                wsgi.checked(request.META, trust, required=required)
                if scope is None
                else asgi.checked(scope, trust, required=required)
            )
        except NotBelievedError as error:
            headers = dict(HEADERS)
            kind = headers.pop("Content-Type")
            return forbidden(refusal(error), content_type=kind, headers=headers)
        return None

    def middleware(respond: Respond) -> Respond:
        if not inspect.iscoroutinefunction(respond):
            return lambda request: refused(request) or respond(request)

        async def answer(request: Request) -> Any:  # noqa: ANN401 - Django's response
            return refused(request) or await respond(request)

        return answer

    # What Django asks of a middleware that serves both kinds.
    middleware.sync_capable = middleware.async_capable = True  # type: ignore[attr-defined]
    return middleware
